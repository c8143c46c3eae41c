package serve

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"dunning/data"
	"dunning/policy/regua"
)

// A trial of a régua on a large portfolio takes longer than an answer may. So it can
// be started and asked about: it goes on by itself until it is done or the server
// stops. What it said is kept in memory only, of the last keptTrials; more than
// waitingTrials at once are refused.
const (
	keptTrials    = 50
	waitingTrials = 10
)

// TrialState says where a started trial stands.
type TrialState string

// The states of a trial.
const (
	TrialRunning TrialState = "running"
	TrialDone    TrialState = "done"
	TrialFailed  TrialState = "failed"
)

// TrialRun is a trial that was started.
type TrialRun struct {
	TrialID   string       `json:"trial_id" doc:"Made of the text and the day: the same question has the same trial."`
	State     TrialState   `json:"state" enum:"running,done,failed"`
	Phase     regua.Phase  `json:"phase" enum:"waiting,reading,following,candidates,optimizing,replacing" doc:"What it is doing, or did last. A régua that does not replace the recommendation has no last phase."`
	StartedAt time.Time    `json:"started_at"`
	EndedAt   *time.Time   `json:"ended_at,omitempty"`
	Trial     *regua.Trial `json:"trial,omitempty" doc:"Of a trial that is done."`
	Code      Code         `json:"code,omitempty" doc:"Why it failed, as in an error."`
	Detail    string       `json:"detail,omitempty"`
}

// trials are those that were started.
type trials struct {
	mu      sync.Mutex
	byID    map[string]*TrialRun
	order   []string // by start
	running int
	ended   sync.WaitGroup
	until   context.Context // the server's end
	stop    context.CancelFunc
}

func newTrials() *trials {
	t := &trials{byID: map[string]*TrialRun{}}
	t.until, t.stop = context.WithCancel(context.Background())
	return t
}

// halt stops what runs, and lets nothing begin.
func (t *trials) halt() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.stop()
}

// wait waits for what was stopped as long as ctx lets it.
func (t *trials) wait(ctx context.Context) {
	done := make(chan struct{})
	go func() { t.ended.Wait(); close(done) }()
	select {
	case <-done:
	case <-ctx.Done():
	}
}

// find returns a copy of a trial.
func (t *trials) find(id string) (TrialRun, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	run, ok := t.byID[id]
	if !ok {
		return TrialRun{}, false
	}
	return *run, true
}

// begin notes a trial; fresh is false where the same one is running already.
func (t *trials) begin(id string, at time.Time) (run TrialRun, fresh bool, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if known := t.byID[id]; known != nil && known.State == TrialRunning {
		return *known, false, nil
	}
	if t.running > waitingTrials {
		return run, false, fail(CodeUnavailable, "%d trials wait already; try again later", waitingTrials)
	}
	if t.until.Err() != nil {
		return run, false, fail(CodeUnavailable, "the server is stopping")
	}
	t.order = append(slices.DeleteFunc(t.order, func(other string) bool { return other == id }), id)
	t.byID[id] = &TrialRun{TrialID: id, State: TrialRunning, Phase: regua.TrialWaits, StartedAt: at}
	t.running++
	t.ended.Add(1)
	for i := 0; len(t.order) > keptTrials && i < len(t.order); i++ {
		if old := t.order[i]; t.byID[old].State != TrialRunning {
			delete(t.byID, old)
			t.order = slices.Delete(t.order, i, i+1)
			break
		}
	}
	return *t.byID[id], true, nil
}

// change changes a trial that runs.
func (t *trials) change(id string, to func(*TrialRun)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	to(t.byID[id])
}

// trialOf reads what a trial is asked for.
func trialOf(in *trialIn) (r *regua.Regua, day data.Date, err error) {
	if r, err = regua.Parse([]byte(in.Body.Text)); err != nil {
		return nil, 0, ofRegua(err)
	}
	if in.Body.AsOf != "" {
		if day, err = data.ParseDate(in.Body.AsOf); err != nil {
			return nil, 0, fail(CodeInvalid, "as_of is not a day like 2026-01-31")
		}
	}
	return r, day, nil
}

func (s *Server) trialRoutes(roles []Role) {
	tags := []string{"reguas"}
	register(s, route{roles: roles, errors: []Code{CodeInvalid, CodeUnavailable, CodeTooLarge, CodeMediaType, CodeTimeout}, Operation: huma.Operation{
		OperationID: "regua-trial-start", Method: http.MethodPost, Path: "/v1/reguas/trials", Tags: tags, MaxBodyBytes: maxReguaText,
		Summary:     "Start a trial of a régua, however long it takes",
		Description: "The answer names the trial; ask for it until it is done. Asked again while it runs, the same question has the same trial. One runs at a time, ten may wait. A server that stops forgets them."}}, s.trialStart)
	register(s, route{roles: roles, errors: []Code{CodeNotFound}, Operation: huma.Operation{
		OperationID: "regua-trial", Method: http.MethodGet, Path: "/v1/reguas/trials/{trial}", Tags: tags,
		Summary: "Where a started trial stands, and what it said"}}, s.trialShow)
}

func (s *Server) trialStart(ctx context.Context, in *trialIn) (*body[TrialRun], error) {
	if s.config.TryRegua == nil {
		return nil, fail(CodeUnavailable, "no réguas are tried here")
	}
	r, day, err := trialOf(in)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(fmt.Appendf(nil, "%s\n%s", day, in.Body.Text))
	run, fresh, err := s.trials.begin(hex.EncodeToString(sum[:8]), s.config.Now())
	if err != nil {
		return nil, err
	}
	if fresh {
		go s.runTrial(context.WithoutCancel(ctx), run.TrialID, r, day)
	}
	return &body[TrialRun]{run}, nil
}

// runTrial tries, and notes what came of it.
func (s *Server) runTrial(asked context.Context, id string, r *regua.Regua, day data.Date) {
	defer s.trials.ended.Done()
	ctx := regua.WithPhases(s.trials.until, func(phase regua.Phase) {
		s.trials.change(id, func(run *TrialRun) { run.Phase = phase })
	})
	trial, err := s.tryRegua(ctx, r, day)
	ended := s.config.Now()
	s.trials.change(id, func(run *TrialRun) {
		s.trials.running--
		run.EndedAt, run.State, run.Trial = &ended, TrialDone, trial
		if err != nil {
			p := s.problem(asked, err)
			run.State, run.Code, run.Detail = TrialFailed, p.Code, p.Detail
		}
	})
}

type trialRunIn struct {
	Trial string `path:"trial" maxLength:"64"`
}

func (s *Server) trialShow(_ context.Context, in *trialRunIn) (*body[TrialRun], error) {
	run, ok := s.trials.find(in.Trial)
	if !ok {
		return nil, fail(CodeNotFound, "there is no such trial; a server that starts anew knows none of before")
	}
	return &body[TrialRun]{run}, nil
}
