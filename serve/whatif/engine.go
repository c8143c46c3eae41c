package whatif

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"dunning/data"
	"dunning/optimizer"
)

// Source is where the plan's problem comes from.
type Source interface {
	// Version names the plan in force; "" when there is none.
	Version() string
	// Load prepares the problem of the plan in force, which may take as long as
	// the plan took.
	Load(ctx context.Context) (*Problem, error)
}

// State is what an engine can do.
type State string

// The states of an engine.
const (
	Absent    State = "absent"    // there is no plan
	Preparing State = "preparing" // the plan's problem is being read
	Ready     State = "ready"
	Failed    State = "failed" // the problem could not be read; the log says why
)

// Status is the state of an engine and of what.
type Status struct {
	State  State  `json:"state"`
	PlanID string `json:"plan_id,omitempty"` // when ready
	// Base is the plan as the engine solves it; when ready.
	Base *Answer `json:"-"`
	// Segments and Channels can be wished about.
	Segments []Segment      `json:"segments,omitempty"`
	Channels []data.Channel `json:"channels,omitempty"`
}

// Segment is a segment of the plan's customers.
type Segment struct {
	Name      string  `json:"name"`
	Customers int64   `json:"customers"` // with a touch that the law allows
	Coverage  float64 `json:"coverage"`  // share of them that the plan contacts
}

// Errors of Answer.
var (
	// ErrNotReady: there is no plan, or its problem is still being prepared.
	ErrNotReady = errors.New("whatif: not prepared yet")
	// ErrReplaced: the same person asked something else meanwhile.
	ErrReplaced = errors.New("whatif: replaced by a newer wish")
)

// Engine answers wishes about the plan in force. Its methods may be called by
// any number of goroutines.
type Engine struct {
	source Source
	lp     optimizer.LPSolver
	log    *slog.Logger

	turn chan struct{} // held by the solve that runs

	mu      sync.Mutex
	state   State
	version string // of the problem in force or under preparation
	now     *prepared
	asking  map[string]*asked // by person
	memory  map[string]*Answer
}

// asked is a wish under way.
type asked struct{ cancel context.CancelCauseFunc }

// New returns an engine that solves with lp; [Engine.Watch] prepares it.
func New(source Source, lp optimizer.LPSolver, log *slog.Logger) *Engine {
	return &Engine{source: source, lp: lp, log: log, turn: make(chan struct{}, 1), state: Absent,
		asking: map[string]*asked{}, memory: map[string]*Answer{}}
}

// Constants of the engine.
const (
	watchEvery  = 2 * time.Second
	retryAfter  = time.Minute
	remembered  = 64               // answers kept of the plan in force
	solveAtMost = 20 * time.Second // of one wish
)

// Watch prepares the problem of each new plan until ctx ends.
func (e *Engine) Watch(ctx context.Context) {
	var failedAt time.Time
	for {
		version := e.source.Version()
		e.mu.Lock()
		due := version != e.version || e.state == Failed && time.Since(failedAt) > retryAfter
		e.mu.Unlock()
		if due {
			if err := e.Prepare(ctx); err != nil && ctx.Err() == nil {
				failedAt = time.Now()
				e.log.Error("what-if: the plan's problem could not be prepared", "error", err)
			}
		}
		select {
		case <-ctx.Done():
			e.release()
			return
		case <-time.After(watchEvery):
		}
	}
}

// Prepare reads the problem of the plan in force and solves it once.
func (e *Engine) Prepare(ctx context.Context) error {
	version := e.source.Version()
	e.mu.Lock()
	e.version = version
	if version == "" {
		e.state = Absent
	} else if e.state != Ready {
		e.state = Preparing
	}
	e.mu.Unlock()
	if version == "" {
		return nil
	}
	began := time.Now()
	p, err := e.load(ctx)
	if err != nil {
		e.mu.Lock()
		e.state = Failed
		e.mu.Unlock()
		return err
	}
	e.replace(p)
	e.log.Info("what-if prepared", "plan", p.PlanID, "customers", p.Grid.Values.Customers(), "seconds", time.Since(began).Seconds())
	return nil
}

func (e *Engine) load(ctx context.Context) (*prepared, error) {
	problem, err := e.source.Load(ctx)
	if err != nil {
		return nil, err
	}
	p, err := prepare(ctx, problem)
	if err == nil {
		err = e.solveBase(ctx, p)
	}
	if err == nil && p.wantsSample() {
		if p.sample, err = p.sampled(ctx); err == nil {
			err = e.solveBase(ctx, p.sample)
		}
	}
	if err != nil && problem.Release != nil {
		problem.Release()
	}
	return p, err
}

// solveBase solves a problem as it is.
func (e *Engine) solveBase(ctx context.Context, p *prepared) error {
	a, at, err := e.solve(ctx, p, Wish{})
	if err == nil && a.Status != optimizer.Optimal.String() {
		err = fmt.Errorf("whatif: plan %s: %w: %s", p.PlanID, optimizer.ErrNotOptimal, a.Status)
	}
	p.base, p.baseAt = a, at
	return err
}

// replace puts a problem in force, when no solve uses the old one.
func (e *Engine) replace(p *prepared) {
	e.turn <- struct{}{}
	defer func() { <-e.turn }()
	e.mu.Lock()
	old := e.now
	e.now, e.state = p, Ready
	clear(e.memory)
	e.mu.Unlock()
	if old != nil && old.Release != nil {
		old.Release()
	}
}

// release gives up the problem in force; called when nothing is asked any more.
func (e *Engine) release() {
	e.turn <- struct{}{}
	defer func() { <-e.turn }()
	e.mu.Lock()
	old := e.now
	e.now, e.state = nil, Absent
	e.mu.Unlock()
	if old != nil && old.Release != nil {
		old.Release()
	}
}

// Status tells what can be asked.
func (e *Engine) Status() Status {
	e.mu.Lock()
	defer e.mu.Unlock()
	s := Status{State: e.state}
	if e.now == nil {
		return s
	}
	s.State, s.PlanID, s.Base, s.Channels = Ready, e.now.PlanID, e.now.base, e.now.channels
	for _, name := range e.now.segments() {
		s.Segments = append(s.Segments, Segment{name, e.now.size[name], e.now.base.Coverage[name]})
	}
	return s
}

// Answer solves the plan's problem with a wish. A newer wish of the same person
// ends this one, which then returns [ErrReplaced]. The answer is shared: it must
// not be changed.
func (e *Engine) Answer(ctx context.Context, person string, w Wish) (*Answer, error) {
	key := w.key()
	e.mu.Lock()
	if e.now == nil {
		e.mu.Unlock()
		return nil, ErrNotReady
	}
	p := e.now
	if err := w.check(p); err != nil {
		e.mu.Unlock()
		return nil, err
	}
	if before := e.asking[person]; before != nil {
		before.cancel(ErrReplaced)
	}
	if known := e.memory[key]; known != nil {
		delete(e.asking, person)
		e.mu.Unlock()
		return known, nil
	}
	ctx, cancel := context.WithCancelCause(ctx)
	mine := &asked{cancel}
	e.asking[person] = mine
	e.mu.Unlock()
	defer func() {
		e.mu.Lock()
		if e.asking[person] == mine {
			delete(e.asking, person)
		}
		e.mu.Unlock()
		cancel(nil)
	}()
	return e.inTurn(ctx, p, w, key)
}

// inTurn solves when no other solve runs.
func (e *Engine) inTurn(ctx context.Context, p *prepared, w Wish, key string) (*Answer, error) {
	select {
	case e.turn <- struct{}{}:
		defer func() { <-e.turn }()
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	e.mu.Lock()
	replaced := e.now != p // while this wish waited
	e.mu.Unlock()
	if replaced {
		return nil, ErrNotReady
	}
	limited, cancel := context.WithTimeout(ctx, solveAtMost)
	defer cancel()
	a, err := e.respond(limited, p, w)
	if cause := context.Cause(ctx); cause != nil {
		return nil, cause
	}
	if err != nil {
		return nil, err
	}
	if a.Status == optimizer.Optimal.String() || a.Status == optimizer.Infeasible.String() {
		e.mu.Lock()
		if len(e.memory) >= remembered {
			clear(e.memory)
		}
		e.memory[key] = a
		e.mu.Unlock()
	}
	return a, nil
}

// respond solves exactly, or on the sample where there is one.
func (e *Engine) respond(ctx context.Context, p *prepared, w Wish) (*Answer, error) {
	if p.sample == nil || w.IsZero() {
		a, _, err := e.solve(ctx, p, w)
		if err == nil {
			a.Base = p.base
		}
		return a, err
	}
	a, at, err := e.solve(ctx, p.sample, w)
	if err == nil && a.Status == optimizer.Optimal.String() {
		p.estimate(a, p.sample.with(w), at)
	}
	return a, err
}
