package serve

import (
	"context"
	"errors"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"dunning/credit"
	"dunning/data"
)

// creditBytes bounds the body of a credit analysis: a thousand invoices of
// history and hundreds of features fit well.
const creditBytes = 256 << 10

// creditTime bounds how long a body may take to come.
const creditTime = 15 * time.Second

// creditSource is a store that has a credit analyst. nil means that no model and
// policy are in force.
type creditSource interface{ Credit() *credit.Analyst }

// creditPart is the analyst in force and the versions that it is made of.
type creditPart struct {
	value   atomic.Pointer[credit.Analyst]
	version string
	failed  string // versions that could not be loaded
}

// Credit returns the credit analyst in force, nil for none.
func (s *FileStore) Credit() *credit.Analyst { return s.credit.value.Load() }

// refreshCredit loads the credit model and policy that were put into force last.
// A pair that cannot be loaded is logged once; the one before goes on serving.
func (s *FileStore) refreshCredit() {
	version := ""
	for _, folder := range []string{credit.ModelsFolder, credit.PoliciesFolder} {
		target, err := os.Readlink(filepath.Join(s.home, filepath.FromSlash(folder), promotedModel))
		if err != nil {
			return // nothing is in force yet
		}
		version += target + " "
	}
	if version == s.credit.version || version == s.credit.failed {
		return
	}
	analyst, err := credit.OpenStore(s.home, s.now).Champion()
	if errors.Is(err, fs.ErrNotExist) {
		return // just being replaced
	}
	if err != nil {
		s.credit.failed = version
		s.log.Error("refused a damaged version", "part", "credit", "served", s.credit.version, "error", err)
		return
	}
	s.credit.value.Store(analyst)
	s.credit.version, s.credit.failed = version, ""
	s.log.Info("loaded", "part", "credit", "model", analyst.Model().Version(), "policy", analyst.Policy().Version())
}

// creditRoutes adds the analysis of credit. It changes nothing: the same request
// under the same model and policy gets the same answer, so it takes no
// idempotency key, and the caller keeps request and answer.
func (s *Server) creditRoutes() {
	const path = "/v1/credit/analyses"
	register(s, route{roles: []Role{Scientist, Manager, Admin}, errors: []Code{CodeInvalid, CodeBadInput, CodeTooLarge, CodeMediaType, CodeTimeout, CodeUnavailable}, Operation: huma.Operation{
		OperationID: "analyse-credit", Method: http.MethodPost, Path: path, Tags: []string{"credit"},
		Summary:      "Analyse an application for credit, or review credit that was granted",
		Description:  "Probability of default, decision, limit, reasons, and whether a bureau report is worth its price. Nothing is stored: keep request and answer; the same request under the same model and policy gets the same answer. A wrong request is answered with every wrong field in faults.",
		MaxBodyBytes: creditBytes, BodyReadTimeout: creditTime, SkipValidateBody: true}}, s.analyseCredit)
	s.api.OpenAPI().Paths[path].Post.RequestBody.Content["application/json"].Schema =
		s.api.OpenAPI().Components.Schemas.Schema(typeOf[credit.Application](), true, "Application")
}

func (s *Server) analyseCredit(_ context.Context, in *batchIn) (*body[credit.Analysis], error) {
	if !isJSON(in.ContentType) {
		return nil, fail(CodeMediaType, "the body must be application/json")
	}
	var analyst *credit.Analyst
	if source, ok := s.store.(creditSource); ok {
		analyst = source.Credit()
	}
	if analyst == nil {
		return nil, fail(CodeUnavailable, "no credit model and policy are in force yet; \"dunning credit train\" and \"dunning credit policy\" put them there")
	}
	q, err := analyst.ParseRequest(in.RawBody, data.DateOf(s.config.Now()))
	var faults credit.Faults
	if errors.As(err, &faults) {
		return nil, wrongFields(faults)
	}
	if err != nil {
		return nil, err
	}
	analysis, err := analyst.Analyse(q)
	if err != nil {
		return nil, err
	}
	return &body[credit.Analysis]{*analysis}, nil
}

// wrongFields is a problem that names every wrong field.
func wrongFields(faults credit.Faults) error {
	p := newProblem(CodeInvalid, "the request has wrong fields; faults names each", "")
	for _, f := range faults {
		p.Faults = append(p.Faults, f.String())
	}
	return &refusal{problem: p}
}
