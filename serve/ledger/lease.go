package ledger

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"dunning/data"
)

// Decision is what a recheck says of an action.
type Decision int

// The decisions. The zero value hands nothing out.
const (
	Later    Decision = iota // not now; it stays in the queue
	HandOut                  // it may be sent
	Withhold                 // it must not be sent any more
)

// Verdict is a decision with its reason, which is recorded when it is Withhold.
type Verdict struct {
	Decision Decision
	Reason   string
	// SoftTone asks for gentle wording; it is passed on with the action.
	SoftTone bool
}

// Recheck is asked, just before actions are handed out, whether each may still
// be sent at this instant: paid since, disputed, opted out, promised, outside
// of the lawful hours. It returns one verdict for each action, in their order.
// It runs outside of any write transaction (inside of that of [Store.Once] if
// the lease is), in several goroutines at once. After an error nothing is
// handed out.
type Recheck func(ctx context.Context, at time.Time, actions []Action) ([]Verdict, error)

// LeaseRequest asks for actions of one day and channel.
type LeaseRequest struct {
	ID         string        `json:"lease_id"`
	Dispatcher string        `json:"dispatcher"`
	Day        data.Date     `json:"day"`
	Channel    data.Channel  `json:"channel"`
	Max        int           `json:"max"`      // 1 to 10,000
	Duration   time.Duration `json:"duration"` // 1 second to 24 hours
}

// LeasedAction is an action that a dispatcher may send until the instant given:
// the end of the lease or of the action's window, whichever is first.
type LeasedAction struct {
	Action
	Until    time.Time `json:"until"`
	SoftTone bool      `json:"soft_tone" doc:"Gentle wording: a good payer who is hardly late."`
}

// WithheldAction is an action that the recheck withheld for good.
type WithheldAction struct {
	ActionID string `json:"action_id"`
	Reason   string `json:"reason"`
}

// Grant is what a dispatcher got. Every later word about its actions carries
// Fence, the token of this lease, which is greater than that of any before.
type Grant struct {
	LeaseID    string           `json:"lease_id"`
	Fence      int64            `json:"fence"` // 0 where there was nothing to hand out
	Dispatcher string           `json:"dispatcher"`
	Actions    []LeasedAction   `json:"actions"`
	Withheld   []WithheldAction `json:"withheld"`
}

// grantAnswer is how a grant is kept for replay.
type grantAnswer struct {
	IDs      []string         `json:"ids"`
	Until    []int64          `json:"until"`          // microseconds
	Soft     []string         `json:"soft,omitempty"` // the ids to be spoken to gently
	Withheld []WithheldAction `json:"withheld"`
}

func (r LeaseRequest) check() error {
	err := errors.Join(checkID("lease_id", r.ID), checkActor("dispatcher", r.Dispatcher))
	if r.Channel.Index() < 0 {
		err = errors.Join(err, fmt.Errorf("%w: channel %q", ErrInvalid, r.Channel))
	}
	if r.Max < 1 || r.Max > 10_000 {
		err = errors.Join(err, fmt.Errorf("%w: max %d: want 1 to 10000", ErrInvalid, r.Max))
	}
	if r.Duration < time.Second || r.Duration > 24*time.Hour {
		err = errors.Join(err, fmt.Errorf("%w: duration %s: want 1s to 24h", ErrInvalid, r.Duration))
	}
	return err
}

// Lease hands out up to Max actions of plans in force whose window is open,
// each to this dispatcher alone until its lease ends, the most valuable first;
// lapsed leases of others before all. Fewer, or none, come back where there are
// no more or other processes were faster.
//
// A lease id that was granted gives the same grant again; with another input
// the error wraps [ErrConflict]. A request that got nothing leaves no trace.
func (s *Store) Lease(ctx context.Context, r LeaseRequest) (Grant, error) {
	if s.config.Recheck == nil {
		return Grant{}, fmt.Errorf("%w: ledger: a Recheck is needed to hand out actions", data.ErrUsage)
	}
	if err := r.check(); err != nil {
		return Grant{}, err
	}
	request, err := hashOf(r)
	if err != nil {
		return Grant{}, err
	}
	var g Grant
	err = s.read(ctx, func(t transaction) (err error) {
		g, err = granted(t, r.ID, request)
		return err
	})
	if !errors.Is(err, ErrNotFound) {
		return g, err
	}
	for range 3 { // other processes may be faster
		var outrun bool
		if g, outrun, err = s.chooseAndClaim(ctx, r, request); err != nil || g.Fence > 0 || !outrun {
			return g, err
		}
	}
	return g, nil
}

// chooseAndClaim is one try of a lease. outrun says that others got some of the
// actions first.
func (s *Store) chooseAndClaim(ctx context.Context, r LeaseRequest, request string) (g Grant, outrun bool, err error) {
	asked := map[string]bool{}
	defer func() { s.rechecking.free(asked) }() // after a panic of the recheck too
	c, err := s.choose(ctx, r, asked)
	if err != nil {
		return Grant{}, false, err
	}
	g, err = s.claim(ctx, r, request, c)
	return g, len(c.out) > len(g.Actions), err
}

// inFlight are actions that a recheck is being asked about.
type inFlight struct {
	mu  sync.Mutex
	ids map[string]bool
}

// take returns candidates that nobody else asks about, and marks them. read is
// given the ids to leave out. It reads under the lock: what another lease had
// marked is either still marked, or was claimed before the reading began.
func (f *inFlight) take(mine map[string]bool, read func(not []string) ([]Action, error)) ([]Action, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	found, err := read(slices.Collect(maps.Keys(f.ids)))
	for _, a := range found {
		f.ids[a.ActionID], mine[a.ActionID] = true, true
	}
	return found, err
}

func (f *inFlight) free(ids map[string]bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for id := range ids {
		delete(f.ids, id)
	}
}

// choice are actions that were asked about.
type choice struct {
	out      []Action        // to hand out, in order
	soft     map[string]bool // of these, those to be spoken to gently
	withhold []WithheldAction
}

// maxRounds bounds how many times one lease asks about more actions because
// those before were withheld or put off.
const maxRounds = 10

// choose asks about the next actions in the queue until there are enough. It
// adds to asked what is to be freed once they are claimed.
func (s *Store) choose(ctx context.Context, r LeaseRequest, asked map[string]bool) (c choice, err error) {
	c.soft = map[string]bool{}
	for range maxRounds {
		at, want := s.now(), r.Max-len(c.out)
		found, err := s.rechecking.take(asked, func(not []string) (found []Action, err error) {
			err = s.read(ctx, func(t transaction) error {
				found, err = candidates(t, r, at, not, want)
				return err
			})
			return found, err
		})
		if err != nil {
			return c, err
		}
		if len(found) == 0 {
			break
		}
		if err := c.ask(ctx, s.config.Recheck, at, found); err != nil {
			return c, err
		}
		if len(found) < want || len(c.out) == r.Max {
			break
		}
	}
	return c, nil
}

// ask sorts the actions by what the recheck says of them.
func (c *choice) ask(ctx context.Context, recheck Recheck, at time.Time, actions []Action) error {
	verdicts, err := recheck(ctx, at, slices.Clone(actions))
	if err != nil {
		return fmt.Errorf("ledger: recheck: %w", err)
	}
	if len(verdicts) != len(actions) {
		return fmt.Errorf("ledger: recheck: %d verdicts on %d actions", len(verdicts), len(actions))
	}
	for i, v := range verdicts {
		switch v.Decision {
		case HandOut:
			c.out = append(c.out, actions[i])
			if v.SoftTone {
				c.soft[actions[i].ActionID] = true
			}
		case Withhold:
			c.withhold = append(c.withhold, WithheldAction{actions[i].ActionID, v.Reason})
		}
	}
	return nil
}

// candidates returns actions that may be handed out at an instant: lapsed
// leases first, then those that wait, by value; not those of the ids.
func candidates(t transaction, r LeaseRequest, at time.Time, not []string, limit int) ([]Action, error) {
	list, err := listOf(not)
	if err != nil {
		return nil, err
	}
	scan := func(row scanner) (Action, error) { return scanAction(row) }
	columns := `SELECT ` + actionColumns("a") + ` FROM dispatches d JOIN actions a ON a.plan_id = d.plan_id AND a.action_id = d.action_id `
	open := ` AND d.day = $1 AND d.channel = $2 AND d.window_start <= $3 AND d.window_end > $3 AND d.action_id NOT IN ` + t.list("5") + ` `
	args := []any{r.Day.String(), string(r.Channel), at.UnixMicro(), limit, list}
	lapsed, err := all(t, columns+`JOIN plans p ON p.plan_id = d.plan_id WHERE d.state = 'leased' AND d.lease_until <= $3 AND p.state IN ('approved', 'dispatching')`+open+
		`ORDER BY d.lease_until, d.action_id LIMIT $4`, args, scan)
	if err != nil || len(lapsed) == limit {
		return lapsed, err
	}
	args[3] = limit - len(lapsed)
	waiting, err := all(t, columns+`WHERE d.state = 'waiting'`+open+`ORDER BY d.value_cents DESC, d.action_id LIMIT $4`, args, scan)
	return append(lapsed, waiting...), err
}

// granted returns the grant of a lease id, or [ErrNotFound].
func granted(t transaction, id, request string) (Grant, error) {
	g := Grant{LeaseID: id, Actions: []LeasedAction{}}
	var before, text string
	err := one(t, `SELECT fence, dispatcher, request_sha256, answer FROM leases WHERE lease_id = $1`, []any{id}, &g.Fence, &g.Dispatcher, &before, &text)
	if errors.Is(err, errNoRow) {
		return g, fmt.Errorf("ledger: lease %q: %w", id, ErrNotFound)
	}
	if err != nil {
		return g, err
	}
	if before != request {
		return g, fmt.Errorf("ledger: lease %s: %w", id, ErrConflict)
	}
	var answer grantAnswer
	if err := json.Unmarshal([]byte(text), &answer); err != nil {
		return g, fmt.Errorf("ledger: lease %s: %w: %w", id, data.ErrDamagedFile, err)
	}
	g.Withheld = answer.Withheld
	list, err := listOf(answer.IDs)
	if err != nil {
		return g, err
	}
	byID := map[string]Action{}
	err = t.query(`SELECT `+actionColumns("a")+` FROM dispatches d JOIN actions a ON a.plan_id = d.plan_id AND a.action_id = d.action_id WHERE d.action_id IN `+t.list("1"), []any{list}, func(row scanner) error {
		a, err := scanAction(row)
		byID[a.ActionID] = a
		return err
	})
	for i, id := range answer.IDs {
		g.Actions = append(g.Actions, LeasedAction{byID[id], instant(answer.Until[i]), slices.Contains(answer.Soft, id)})
	}
	return g, err
}
