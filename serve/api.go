package serve

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"dunning/data"
)

// security is the name of the one security scheme of the OpenAPI document.
const security = "bearer"

// route is one operation and who may use it. A route is either public or names
// its roles; register refuses anything else.
type route struct {
	huma.Operation
	roles  []Role
	public bool
	errors []Code // beyond those that every route can give
}

// rolesKey is where an operation keeps its roles for the middleware.
const rolesKey = "roles"

// register adds a route to the API. It panics for a route that names nobody:
// that is a fault of this program, found by its first start.
func register[I, O any](s *Server, r route, handler func(context.Context, *I) (*O, error)) {
	if r.public == (len(r.roles) > 0) {
		panic("serve: route " + r.Path + " must either be public or name its roles")
	}
	op := r.Operation
	codes := append([]Code{CodeInternal}, r.errors...)
	if !slices.Contains(codes, CodeInvalid) {
		codes = append(codes, CodeInvalid) // a query parameter that the route does not know
	}
	if r.public {
		op.Security = []map[string][]string{}
	} else {
		roles := slices.Clone(r.roles)
		if !slices.Contains(roles, Admin) && (op.Method == http.MethodGet) {
			roles = append(roles, Admin)
		}
		names := make([]string, len(roles))
		for i, role := range roles {
			names[i] = string(role)
		}
		op.Security = []map[string][]string{{security: names}}
		op.Metadata = map[string]any{rolesKey: roles}
		codes = append(codes, CodeUnauthorized, CodeForbidden, CodeRateLimited)
	}
	schema := s.api.OpenAPI().Components.Schemas.Schema(typeOf[Problem](), true, "Problem")
	op.Responses = map[string]*huma.Response{}
	for _, code := range codes {
		status := strconv.Itoa(statusOf(code))
		if known := op.Responses[status]; known != nil {
			known.Description += ", " + string(code)
			continue
		}
		op.Responses[status] = &huma.Response{
			Description: http.StatusText(statusOf(code)) + ": code " + string(code),
			Content:     map[string]*huma.MediaType{problemType: {Schema: schema}},
		}
	}
	huma.Register(s.api, op, func(ctx context.Context, in *I) (*O, error) {
		out, err := handler(ctx, in)
		if err != nil {
			return nil, s.failed(ctx, err)
		}
		return out, nil
	})
}

// failed is a handler's error as huma sends it.
func (s *Server) failed(ctx context.Context, err error) error {
	var stored *refusal
	p := s.problem(ctx, ofLedger(err))
	if errors.As(err, &stored) && stored.replayed != "" {
		return huma.ErrorWithHeaders(p, http.Header{"Idempotency-Replayed": {stored.replayed}})
	}
	return p
}

// problem is what the client sees of an error; the rest goes to the log.
func (s *Server) problem(ctx context.Context, err error) *Problem {
	id := requestOf(ctx).id
	p, internal := problemOf(err, id)
	if internal {
		s.log.Error("request failed", "request_id", id, "error", err)
	}
	return p
}

func (s *Server) routes() {
	readers := []Role{Scientist, Manager, Auditor}
	register(s, route{public: true, Operation: huma.Operation{OperationID: "livez", Method: http.MethodGet, Path: "/livez", Tags: []string{"operation"},
		Summary: "Whether the process answers"}}, s.livez)
	register(s, route{public: true, errors: []Code{CodeUnavailable}, Operation: huma.Operation{OperationID: "readyz", Method: http.MethodGet, Path: "/readyz", Tags: []string{"operation"},
		Summary:     "Which scores, plan and model are served",
		Description: "503 while nothing at all is loaded. status degraded: a newer version was damaged and the one before is served."}}, s.readyz)
	metrics := route{public: true, Operation: huma.Operation{OperationID: "metrics", Method: http.MethodGet, Path: "/metrics", Tags: []string{"operation"},
		Summary: "Metrics in the Prometheus text format; no customer and no amount is in them"}}
	if s.config.PrivateMetrics {
		metrics.public, metrics.roles = false, []Role{Auditor}
	}
	register(s, metrics, s.metricsText)
	s.answers("/metrics", "text/plain")
	register(s, route{public: true, Operation: huma.Operation{OperationID: "openapi", Method: http.MethodGet, Path: "/openapi.json", Tags: []string{"operation"},
		Summary: "This document"}}, s.openapi)
	s.answers("/openapi.json", "application/openapi+json")
	register(s, route{roles: readers, errors: []Code{CodeInvalid, CodeNotFound, CodeUnavailable}, Operation: huma.Operation{
		OperationID: "customer-score", Method: http.MethodGet, Path: "/v1/customers/{id}/score", Tags: []string{"scores"},
		Summary:     "Score of one open customer at the last AsOf",
		Description: "The payment curve, the uplift of each channel, and the ladder that the plan of that day has for the customer, with the reason."}}, s.customerScore)
	s.batchRoute()
	register(s, route{roles: readers, errors: []Code{CodeUnavailable}, Operation: huma.Operation{
		OperationID: "current-model", Method: http.MethodGet, Path: "/v1/models/current", Tags: []string{"models"},
		Summary: "The model in force and the columns it reads"}}, s.currentModel)
	s.creditRoutes()
	s.walletRoutes()
	s.planRoutes()
	s.dispatchRoutes()
	s.eventRoutes()
	s.reguaRoutes()
	s.forecastRoutes()
	s.auditRoutes()
}

// answers documents the content types of a route whose answer has no schema.
func (s *Server) answers(path string, contentTypes ...string) {
	content := map[string]*huma.MediaType{}
	for _, kind := range contentTypes {
		content[kind] = &huma.MediaType{}
	}
	s.api.OpenAPI().Paths[path].Get.Responses["200"] = &huma.Response{Description: "OK", Content: content}
}

// batchRoute reads its body itself: huma's validation would hold every value
// three times.
func (s *Server) batchRoute() {
	const path = "/v1/score"
	register(s, route{roles: []Role{Scientist, Admin}, errors: []Code{CodeInvalid, CodeTooLarge, CodeMediaType, CodeTimeout, CodeUnavailable}, Operation: huma.Operation{
		OperationID: "score-batch", Method: http.MethodPost, Path: path, Tags: []string{"scores"},
		Summary:         "Score a batch of feature rows",
		Description:     fmt.Sprintf("At most %d rows and %d bytes.", s.config.MaxRows, s.config.MaxBodyBytes),
		MaxBodyBytes:    s.config.MaxBodyBytes + 1, // huma refuses a body of exactly this size
		BodyReadTimeout: 15 * time.Second, SkipValidateBody: true}}, s.scoreBatch)
	s.api.OpenAPI().Paths[path].Post.RequestBody.Content["application/json"].Schema =
		s.api.OpenAPI().Components.Schemas.Schema(typeOf[Batch](), true, "Batch")
}

type none struct{}

type body[T any] struct{ Body T }

type statusBody[T any] struct {
	Status int
	Body   T
}

type rawBody struct {
	ContentType string `header:"Content-Type"`
	Body        []byte
}

// Live is the body of /livez.
type Live struct {
	Status string `json:"status" enum:"ok"`
}

func (s *Server) livez(context.Context, *none) (*body[Live], error) {
	return &body[Live]{Live{Status: "ok"}}, nil
}

// Ready is the body of /readyz.
type Ready struct {
	Status string     `json:"status" enum:"ready,degraded,not_ready"`
	Scores PartStatus `json:"scores"`
	Plan   PartStatus `json:"plan"`
	Model  PartStatus `json:"model"`
}

func (s *Server) readyz(context.Context, *none) (*statusBody[Ready], error) {
	st := s.store.Status()
	out := &statusBody[Ready]{http.StatusOK, Ready{"ready", st.Scores, st.Plan, st.Model}}
	parts := []PartStatus{st.Scores, st.Plan, st.Model}
	if slices.ContainsFunc(parts, func(p PartStatus) bool { return p.State == Damaged }) {
		out.Body.Status = "degraded"
	}
	if !slices.ContainsFunc(parts, func(p PartStatus) bool { return p.Version != "" }) {
		out.Status, out.Body.Status = statusOf(CodeUnavailable), "not_ready"
	}
	return out, nil
}

func (s *Server) metricsText(context.Context, *none) (*huma.StreamResponse, error) {
	return &huma.StreamResponse{Body: func(ctx huma.Context) {
		r, w := humago.Unwrap(ctx)
		s.metrics.handler.ServeHTTP(w, r)
	}}, nil
}

func (s *Server) openapi(context.Context, *none) (*rawBody, error) {
	return &rawBody{ContentType: "application/openapi+json", Body: s.document}, nil
}

type customerIn struct {
	ID string `path:"id" doc:"customer_id" maxLength:"200"`
}

type batchIn struct {
	ContentType string `header:"Content-Type"`
	RawBody     []byte `contentType:"application/json"`
}

// BatchScores is the answer to a Batch, in the order of its rows.
type BatchScores struct {
	ModelVersion          string       `json:"model_version"`
	FeaturesSchemaVersion int          `json:"features_schema_version"`
	Scores                []BatchScore `json:"scores"`
}

func (s *Server) scoreBatch(_ context.Context, in *batchIn) (*body[BatchScores], error) {
	if !isJSON(in.ContentType) {
		return nil, fail(CodeMediaType, "the body must be application/json")
	}
	m := s.store.Model()
	if m == nil {
		return nil, fail(CodeUnavailable, "no model is loaded yet; train one")
	}
	batch, err := parseBatch(in.RawBody, s.config.MaxRows)
	if err != nil {
		return nil, err
	}
	scores, err := scoreBatch(m, batch)
	if err != nil {
		return nil, err
	}
	s.metrics.rowsScored.Add(float64(len(scores)))
	info := m.Info()
	return &body[BatchScores]{BatchScores{info.Version, info.FeaturesSchemaVersion, scores}}, nil
}

func (s *Server) plan(ctx context.Context, asOf string) (*Plan, error) {
	if asOf == "latest" {
		if plan := s.store.LatestPlan(); plan != nil {
			return plan, nil
		}
		return nil, fail(CodeNotFound, "there is no plan yet; run the pipeline")
	}
	day, err := data.ParseDate(asOf)
	if err != nil {
		return nil, fail(CodeInvalid, "as_of is neither a day like 2026-01-31 nor latest")
	}
	return s.store.Plan(ctx, day)
}

func (s *Server) currentModel(context.Context, *none) (*body[ModelInfo], error) {
	m := s.store.Model()
	if m == nil {
		return nil, fail(CodeUnavailable, "no model is loaded yet; train one")
	}
	return &body[ModelInfo]{m.Info()}, nil
}

// marshalDocument writes the OpenAPI document once: no route is added later.
func (s *Server) marshalDocument() error {
	b, err := json.Marshal(s.api.OpenAPI())
	if err != nil {
		return fmt.Errorf("serve: OpenAPI document: %w", err)
	}
	s.document = b
	return nil
}
