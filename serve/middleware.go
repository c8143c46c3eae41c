package serve

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"reflect"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"golang.org/x/time/rate"
)

// request is what the middleware knows of one request.
type request struct {
	id  string
	key Key // of an authenticated client
	// What was asked for, as it was sent.
	method, target string
}

type requestKey struct{}

// requestOf returns the request of a context, an empty one outside of any.
func requestOf(ctx context.Context) *request {
	if r, ok := ctx.Value(requestKey{}).(*request); ok {
		return r
	}
	return &request{}
}

// wrap is the outermost handler: request id, headers, panics, log, metrics.
func (s *Server) wrap(mux *http.ServeMux) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := s.config.Now()
		state := &request{id: requestID(r.Header.Get("X-Request-Id")), method: r.Method, target: r.URL.RequestURI()}
		r = r.WithContext(context.WithValue(r.Context(), requestKey{}, state))
		out := &recorder{ResponseWriter: w}
		s.setHeaders(out.Header(), state.id)
		s.metrics.inFlight.Inc()
		defer func() {
			s.metrics.inFlight.Dec()
			p := recover()
			if p == http.ErrAbortHandler { // an answer that broke off: the client is to notice
				defer panic(p)
			} else if p != nil {
				s.log.Error("panic", "request_id", state.id, "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
				if out.status == 0 {
					writeProblem(out, newProblem(CodeInternal, "something went wrong here; the log has the request id", state.id))
				}
			}
			s.record(r, out, state, s.config.Now().Sub(start))
		}()
		if s.pages != nil && !s.ownsPath(r.URL.Path) {
			s.pages.ServeHTTP(out, r)
			return
		}
		if _, pattern := mux.Handler(r); pattern == "" {
			s.noRoute(mux, out, r, state.id)
			return
		}
		mux.ServeHTTP(out, r)
	})
}

// record writes the line of the log and the metrics of a finished request. The
// path is logged as its pattern: ids of customers stay out of the log.
func (s *Server) record(r *http.Request, out *recorder, state *request, took time.Duration) {
	routeName := "none"
	if _, path, ok := strings.Cut(r.Pattern, " "); ok {
		routeName = path
	}
	method := r.Method
	if !slices.Contains(methods, method) {
		method = "other"
	}
	status := max(out.status, 200)
	s.metrics.requests.WithLabelValues(routeName, method, strconv.Itoa(status)).Inc()
	s.metrics.seconds.WithLabelValues(routeName).Observe(took.Seconds())
	endSpan(r.Context(), method, routeName, status, state.id)
	s.log.Info("request", "request_id", state.id, "method", method, "route", routeName, "status", status, "bytes", out.bytes,
		"ms", float64(took.Microseconds())/1000, "key", state.key.Prefix, "role", string(state.key.Role), "remote", r.RemoteAddr)
}

// requestID accepts a client's id of a harmless form and makes one otherwise.
func requestID(given string) string {
	harmless := func(c rune) bool {
		return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_' || c == '.'
	}
	if given != "" && len(given) <= 64 && !strings.ContainsFunc(given, func(c rune) bool { return !harmless(c) }) {
		return given
	}
	var b [16]byte
	rand.Read(b[:])
	return hex.EncodeToString(b[:])
}

func (s *Server) setHeaders(h http.Header, id string) {
	h.Set("X-Request-Id", id)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cache-Control", "no-store")
	if s.config.TLSCert != "" {
		h.Set("Strict-Transport-Security", "max-age=31536000")
	}
}

var methods = []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions}

// noRoute answers 404, or 405 where another method would do.
func (s *Server) noRoute(mux *http.ServeMux, w http.ResponseWriter, r *http.Request, id string) {
	var allowed []string
	for _, method := range methods {
		other := &http.Request{Method: method, URL: r.URL, Host: r.Host}
		if _, pattern := mux.Handler(other); pattern != "" {
			allowed = append(allowed, method)
		}
	}
	if len(allowed) > 0 {
		w.Header().Set("Allow", strings.Join(allowed, ", "))
		writeProblem(w, newProblem(CodeMethod, "this path does not take the method", id))
		return
	}
	writeProblem(w, newProblem(CodeNotFound, "there is no such path; GET /openapi.json lists them", id))
}

func writeProblem(w http.ResponseWriter, p *Problem) {
	w.Header().Set("Content-Type", problemType)
	w.WriteHeader(p.Status)
	json.NewEncoder(w).Encode(p) // a client that has gone needs no error
}

// admit lets a request through to a route when its key has one of the roles.
func (s *Server) admit(ctx huma.Context, next func(huma.Context)) {
	ctx = plainStatus{ctx}
	roles, _ := ctx.Operation().Metadata[rolesKey].([]Role)
	if len(roles) == 0 { // register saw to it that this is a public route
		next(ctx)
		return
	}
	state := requestOf(ctx.Context())
	if err := s.authorize(ctx, state, roles); err != nil {
		p := s.problem(ctx.Context(), err)
		if p.Code == CodeUnauthorized {
			ctx.SetHeader("WWW-Authenticate", `Bearer realm="dunning"`)
		}
		ctx.SetHeader("Content-Type", problemType)
		ctx.SetStatus(p.Status)
		json.NewEncoder(ctx.BodyWriter()).Encode(p)
		return
	}
	next(ctx)
}

func (s *Server) authorize(ctx huma.Context, state *request, roles []Role) error {
	if key, ok := ctx.Context().Value(localKey{}).(Key); ok {
		state.key = key
		return nil
	}
	scheme, secret, ok := strings.Cut(ctx.Header("Authorization"), " ")
	if !ok || !strings.EqualFold(scheme, "Bearer") {
		return fail(CodeUnauthorized, "send a key as: Authorization: Bearer dun_…")
	}
	key, err := s.keys.Authenticate(ctx.Context(), strings.TrimSpace(secret))
	if errors.Is(err, errNoKey) {
		return fail(CodeUnauthorized, "the key is unknown, expired or revoked")
	}
	if err != nil {
		return err
	}
	state.key = key
	if !s.limits.allow(key.Prefix, s.config.Now()) {
		ctx.SetHeader("Retry-After", "1")
		return fail(CodeRateLimited, "more than %g requests per second with this key", s.config.RatePerSecond)
	}
	if !slices.Contains(roles, key.Role) {
		return fail(CodeForbidden, "the role %s may not do this", key.Role)
	}
	return nil
}

// limits holds one bucket of tokens per key.
type limits struct {
	mu      sync.Mutex
	rate    rate.Limit
	burst   int
	buckets map[string]*rate.Limiter // keys are few: each was made by hand
}

func (l *limits) allow(prefix string, now time.Time) bool {
	l.mu.Lock()
	bucket := l.buckets[prefix]
	if bucket == nil {
		bucket = rate.NewLimiter(l.rate, l.burst)
		l.buckets[prefix] = bucket
	}
	l.mu.Unlock()
	return bucket.AllowN(now, 1)
}

// plainStatus answers 400 where huma would answer 422: one status for a request
// that is wrong in itself.
type plainStatus struct{ humaContext }

// humaContext names the embedded interface apart from its method Context.
type humaContext huma.Context

// SetStatus sets the status of the answer.
func (c plainStatus) SetStatus(status int) {
	if status == http.StatusUnprocessableEntity {
		status = http.StatusBadRequest
	}
	c.humaContext.SetStatus(status)
}

// Unwrap returns the context below.
func (c plainStatus) Unwrap() huma.Context { return c.humaContext }

// ours turns huma's own errors into a Problem.
func (s *Server) ours(ctx huma.Context, _ string, v any) (any, error) {
	m, ok := v.(*huma.ErrorModel)
	if !ok {
		return v, nil
	}
	id := requestOf(ctx.Context()).id
	if m.Status >= http.StatusInternalServerError {
		s.log.Error("request failed", "request_id", id, "error", m.Detail, "faults", fmt.Sprint(m.Errors))
	}
	return problemOfHuma(m, id), nil
}

// recorder remembers status and size of an answer.
type recorder struct {
	http.ResponseWriter
	status int
	bytes  int64
}

// WriteHeader sends the status.
func (r *recorder) WriteHeader(status int) {
	if r.status == 0 {
		r.status = status
	}
	r.ResponseWriter.WriteHeader(status)
}

// Write sends a part of the body.
func (r *recorder) Write(b []byte) (int, error) {
	if r.status == 0 {
		r.status = http.StatusOK
	}
	n, err := r.ResponseWriter.Write(b)
	r.bytes += int64(n)
	return n, err
}

// Unwrap lets http.ResponseController reach the deadlines of the connection.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }

// isJSON reports whether a content type is JSON; an absent one counts as such.
func isJSON(contentType string) bool {
	if contentType == "" {
		return true
	}
	kind, _, err := mime.ParseMediaType(contentType)
	return err == nil && kind == "application/json"
}

func typeOf[T any]() reflect.Type { return reflect.TypeFor[T]() }
