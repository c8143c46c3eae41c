package serve

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"dunning/data"
	"dunning/policy/regua"
)

// TryRegua says what a régua would do on a day, 0 for the latest that was scored,
// and writes nothing. The pipeline does it; the server is given it.
type TryRegua func(ctx context.Context, r *regua.Regua, asOf data.Date) (*regua.Trial, error)

// maxReguaText bounds the body with a régua.
const maxReguaText = 256 << 10

// trialTime bounds a trial over HTTP, within the time that an answer may take.
const trialTime = 50 * time.Second

// reguaErrors are the codes of routes on réguas beyond the general ones.
var reguaErrors = []Code{CodeInvalid, CodeNotFound, CodeUnavailable}

func (s *Server) reguaRoutes() {
	readers := []Role{Scientist, Manager, Approver, Auditor}
	deciders := []Role{Manager, Approver, Admin}
	tags := []string{"reguas"}
	writes := append([]Code{CodeUnavailable}, writeErrors...)
	register(s, route{roles: readers, errors: []Code{CodeUnavailable}, Operation: huma.Operation{
		OperationID: "reguas", Method: http.MethodGet, Path: "/v1/reguas", Tags: tags,
		Summary: "All versions of all réguas: drafts, published, retired"}}, s.reguaList)
	register(s, route{roles: readers, errors: reguaErrors, Operation: huma.Operation{
		OperationID: "regua", Method: http.MethodGet, Path: "/v1/reguas/{regua}", Tags: tags,
		Summary: "One version of a régua with its text"}}, s.reguaShow)
	triers := []Role{Scientist, Manager, Approver, Admin}
	register(s, route{roles: triers, errors: append([]Code{CodeTooLarge, CodeMediaType, CodeTimeout}, reguaErrors...), Operation: huma.Operation{
		OperationID: "regua-try", Method: http.MethodPost, Path: "/v1/reguas/try", Tags: tags, MaxBodyBytes: maxReguaText,
		Summary:     "What a régua would do on a day, before it is saved",
		Description: "Customers captured, touches per day and channel, cost, expected recovery, what is blocked by which rules, what finds no money, and what is forgone against the recommendation with the same money. Nothing is written. One trial runs at a time; one that takes longer than 50 seconds is given up (503): /v1/reguas/trials has no such limit."}}, s.reguaTry)
	s.trialRoutes(triers)
	register(s, route{roles: []Role{Manager, Admin}, errors: writes, Operation: huma.Operation{
		OperationID: "regua-save", Method: http.MethodPost, Path: "/v1/reguas", Tags: tags, MaxBodyBytes: maxReguaText,
		Summary:     "Save a régua as a draft, the next version of its id",
		Description: "Errors in the text come with line, column and a hint."}}, s.reguaSave)
	decisions := append([]Code{CodeNotFound, CodeHash, CodeState}, writes...)
	register(s, route{roles: deciders, errors: append([]Code{CodeApprover}, decisions...), Operation: huma.Operation{
		OperationID: "regua-publish", Method: http.MethodPost, Path: "/v1/reguas/{regua}/publish", Tags: tags,
		Summary:     "Put a draft into force, from the next plan on",
		Description: "Its author may not. The version before it is retired."}}, s.reguaPublish)
	register(s, route{roles: deciders, errors: decisions, Operation: huma.Operation{
		OperationID: "regua-retire", Method: http.MethodPost, Path: "/v1/reguas/{regua}/retire", Tags: tags,
		Summary: "Take a version out of force, or a draft off the table"}}, s.reguaRetire)
}

// reguaStore returns the store, or an error where none was given.
func (s *Server) reguaStore() (*regua.Store, error) {
	if s.config.Reguas == nil {
		return nil, fail(CodeUnavailable, "no réguas are kept here")
	}
	return s.config.Reguas, nil
}

// ReguaVersion is one stored version of a régua.
type ReguaVersion struct{ regua.Version }

// ReguaVersions are versions by id, then number.
type ReguaVersions struct {
	Reguas []ReguaVersion `json:"reguas"`
}

func (s *Server) reguaList(context.Context, *none) (*body[ReguaVersions], error) {
	store, err := s.reguaStore()
	if err != nil {
		return nil, err
	}
	all, err := store.List()
	if err != nil {
		return nil, ofRegua(err)
	}
	out := ReguaVersions{make([]ReguaVersion, len(all))}
	for i, v := range all {
		out.Reguas[i] = ReguaVersion{v}
	}
	return &body[ReguaVersions]{out}, nil
}

type reguaIn struct {
	Regua   string `path:"regua" maxLength:"200"`
	Version int    `query:"version" minimum:"0" default:"0" doc:"0: the latest."`
}

// ReguaText is a version and what was saved.
type ReguaText struct {
	Version ReguaVersion `json:"version"`
	Text    string       `json:"text" doc:"YAML, to the byte."`
}

func (s *Server) reguaShow(_ context.Context, in *reguaIn) (*body[ReguaText], error) {
	store, err := s.reguaStore()
	if err != nil {
		return nil, err
	}
	v, _, text, err := store.Load(in.Regua, in.Version)
	if err != nil {
		return nil, ofRegua(err)
	}
	return &body[ReguaText]{ReguaText{ReguaVersion{v}, string(text)}}, nil
}

// NewRegua is the body that holds a régua.
type NewRegua struct {
	Text string `json:"text" minLength:"1" maxLength:"100000" doc:"YAML, as docs/REGUAS.md describes it."`
}

// NewTrial is the body that asks for a trial.
type NewTrial struct {
	NewRegua
	AsOf string `json:"as_of,omitempty" format:"date" doc:"A day that was scored; left out: the latest."`
}

type trialIn struct{ Body NewTrial }

func (s *Server) reguaTry(ctx context.Context, in *trialIn) (*body[regua.Trial], error) {
	r, day, err := trialOf(in)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, trialTime)
	defer cancel()
	trial, err := s.tryRegua(ctx, r, day)
	if errors.Is(ctx.Err(), context.DeadlineExceeded) && err != nil {
		return nil, fail(CodeUnavailable, "the trial takes longer than an answer may; start it with POST /v1/reguas/trials")
	}
	if err != nil {
		return nil, err
	}
	return &body[regua.Trial]{*trial}, nil
}

// tryRegua tries a régua once no other is tried: a trial takes the memory of a
// plan.
func (s *Server) tryRegua(ctx context.Context, r *regua.Regua, day data.Date) (*regua.Trial, error) {
	if s.config.TryRegua == nil {
		return nil, fail(CodeUnavailable, "no réguas are tried here")
	}
	select {
	case s.trying <- struct{}{}:
		defer func() { <-s.trying }()
	case <-ctx.Done():
		return nil, fail(CodeUnavailable, "another trial is running; try again")
	}
	trial, err := s.config.TryRegua(ctx, r, day)
	if errors.Is(err, data.ErrUsage) {
		return nil, fail(CodeNotFound, "that day has no scores; run the pipeline")
	}
	return trial, err
}

func (s *Server) reguaSave(ctx context.Context, in *Write[NewRegua]) (*written[ReguaVersion], error) {
	return once(ctx, s, in.IdempotencyKey, in.RawBody, func(ctx context.Context) (ReguaVersion, error) {
		return s.saveRegua(ctx, actor(ctx), []byte(in.Body.Text))
	})
}

// ReguaDecision is about one version of a régua. The hash is that of the text that was
// seen.
type ReguaDecision struct {
	Version int    `json:"version" minimum:"1"`
	SHA256  string `json:"sha256" minLength:"64" maxLength:"64" doc:"Of the text that was seen."`
}

type decisionIn struct {
	Regua string `path:"regua" maxLength:"200"`
	Write[ReguaDecision]
}

func (s *Server) reguaPublish(ctx context.Context, in *decisionIn) (*written[ReguaVersion], error) {
	return s.decideRegua(ctx, in, publishRegua)
}

func (s *Server) reguaRetire(ctx context.Context, in *decisionIn) (*written[ReguaVersion], error) {
	return s.decideRegua(ctx, in, retireRegua)
}

func (s *Server) decideRegua(ctx context.Context, in *decisionIn, d reguaVerdict) (*written[ReguaVersion], error) {
	return once(ctx, s, in.IdempotencyKey, in.RawBody, func(ctx context.Context) (ReguaVersion, error) {
		return s.judgeRegua(ctx, actor(ctx), in.Regua, in.Body, d)
	})
}

// saveRegua saves a draft of somebody's.
func (s *Server) saveRegua(ctx context.Context, by string, text []byte) (ReguaVersion, error) {
	return s.changeRegua(ctx, by, "regua.save", func(store *regua.Store) (regua.Version, error) {
		return store.Save(text, by, s.config.Now())
	})
}

// reguaVerdict is what may be decided about a version.
type reguaVerdict struct {
	kind   string // in the audit
	decide func(store *regua.Store, id string, version int, by string, at time.Time) (regua.Version, error)
}

var (
	publishRegua = reguaVerdict{"regua.publish", (*regua.Store).Publish}
	retireRegua  = reguaVerdict{"regua.retire", (*regua.Store).Retire}
)

// judgeRegua decides about the version that somebody saw.
func (s *Server) judgeRegua(ctx context.Context, by, id string, seen ReguaDecision, d reguaVerdict) (ReguaVersion, error) {
	return s.changeRegua(ctx, by, d.kind, func(store *regua.Store) (regua.Version, error) {
		v, _, _, err := store.Load(id, seen.Version)
		if err != nil {
			return v, err
		}
		if v.SHA256 != seen.SHA256 {
			return v, fail(CodeHash, "the SHA-256 is not that of version %d", v.Version)
		}
		return d.decide(store, id, seen.Version, by, s.config.Now())
	})
}

// changeRegua changes the store and notes it in the audit. The files change before
// the note is on disk; a request that died in between finds them changed already,
// and only the note is made up for.
func (s *Server) changeRegua(ctx context.Context, by, kind string, change func(*regua.Store) (regua.Version, error)) (ReguaVersion, error) {
	store, err := s.reguaStore()
	if err != nil {
		return ReguaVersion{}, err
	}
	v, err := change(store)
	if err != nil {
		return ReguaVersion{}, ofRegua(err)
	}
	return ReguaVersion{v}, s.ledger.Note(ctx, by, kind, fmt.Sprintf("%s@%d", v.ID, v.Version), map[string]any{"sha256": v.SHA256, "status": v.Status})
}

// ofRegua turns an error of the store into one that a client may see.
func ofRegua(err error) error {
	var known *Error
	switch {
	case errors.As(err, &known):
		return err
	case errors.Is(err, data.ErrDamagedFile):
		return &Error{Code: CodeUnavailable, Message: "the file of the régua is not what was saved; the log says where", Err: err}
	case errors.Is(err, regua.ErrNotFound):
		return fail(CodeNotFound, "there is no such régua or version")
	case errors.Is(err, regua.ErrAuthor):
		return fail(CodeApprover, "its author may not publish a régua; somebody else must")
	case errors.Is(err, data.ErrRefused):
		return fail(CodeState, "%s", withoutClass.Replace(err.Error()))
	case errors.Is(err, data.ErrBadInput), errors.Is(err, data.ErrUsage):
		return fail(CodeInvalid, "%s", withoutClass.Replace(err.Error()))
	}
	return err
}
