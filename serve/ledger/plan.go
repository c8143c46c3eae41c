package ledger

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"dunning/data"
)

// PlanState is where a plan stands.
type PlanState string

// The states of a plan. The ways between them:
//
//	draft → submitted → approved → dispatching → closed
//	submitted → rejected
//	draft, submitted, approved, dispatching → superseded, expired
//	approved → closed
const (
	Draft       PlanState = "draft"
	Submitted   PlanState = "submitted"
	Approved    PlanState = "approved"
	Rejected    PlanState = "rejected"
	Dispatching PlanState = "dispatching"
	Closed      PlanState = "closed"
	Superseded  PlanState = "superseded"
	Expired     PlanState = "expired"
)

// InForce says whether actions of a plan in this state may be handed out.
func (s PlanState) InForce() bool { return s == Approved || s == Dispatching }

// Ended says whether the state is the plan's last.
func (s PlanState) Ended() bool {
	return s == Rejected || s == Closed || s == Superseded || s == Expired
}

// Action is an action of a plan and the segment of its customer.
type Action struct {
	data.Action
	Segment string `json:"segment"` // the company's own grouping; may be empty
}

// Proposal is a plan as its maker hands it in.
type Proposal struct {
	PlanID string    `json:"plan_id"`
	Maker  string    `json:"maker"`
	AsOf   data.Date `json:"as_of"`
	// FileSHA256 is the hash of the file that the actions were read from, 64
	// lower-case hex digits, or empty. It is part of the plan's own hash.
	FileSHA256 string   `json:"file_sha256"`
	Actions    []Action `json:"actions"` // one at least, in any order
}

// Plan is a plan without its actions.
type Plan struct {
	ID         string    `json:"plan_id"`
	Maker      string    `json:"maker"`
	SHA256     string    `json:"sha256"` // of all its actions: what an approval binds to
	FileSHA256 string    `json:"file_sha256"`
	AsOf       data.Date `json:"as_of"`
	// Parent is the plan of which this one is the approved part, and Part says
	// which part, as JSON; both empty for a whole plan.
	Parent      string     `json:"parent"`
	Part        string     `json:"part"`
	Actions     int64      `json:"actions"`
	CostCents   data.Cents `json:"cost_cents"`
	ValueCents  data.Cents `json:"value_cents"`
	EndsAt      time.Time  `json:"ends_at"` // the last window's end
	CreatedAt   time.Time  `json:"created_at"`
	State       PlanState  `json:"state"`
	StateBy     string     `json:"state_by"` // who brought it into this state, why and when
	StateReason string     `json:"state_reason"`
	StateAt     time.Time  `json:"state_at"`
}

// planHash computes the SHA-256 of a plan: a line of JSON with its id, AsOf and
// file, then a line for each action in the byte order of their ids.
type planHash struct{ h hash.Hash }

func newPlanHash(planID string, asOf data.Date, file string) (*planHash, error) {
	p := &planHash{sha256.New()}
	return p, p.line([]any{"dunning plan 1", planID, asOf.String(), file})
}

func (p *planHash) line(fields []any) error {
	text, err := canonical(fields)
	if err != nil {
		return err
	}
	p.h.Write([]byte(text))
	p.h.Write([]byte("\n"))
	return nil
}

func (p *planHash) add(a *Action) error {
	return p.line([]any{a.ActionID, a.CustomerID, a.Channel, a.Day.String(), a.WindowStart.UnixMicro(), a.WindowEnd.UnixMicro(), a.Step,
		a.CostCents, a.ValueCents, a.ReducedCostCents, a.TreatProb, a.Source, a.Reason, a.Segment, a.ReguaID, a.ReguaVersion, a.ReguaStep, a.Template})
}

func (p *planHash) sum() string { return hex.EncodeToString(p.h.Sum(nil)) }

// SHA256 returns the hash that the plan will have: what an approver signs.
func (p Proposal) SHA256() (string, error) {
	h, err := newPlanHash(p.PlanID, p.AsOf, p.FileSHA256)
	if err != nil {
		return "", err
	}
	actions := slices.Clone(p.Actions)
	slices.SortFunc(actions, func(a, b Action) int { return strings.Compare(a.ActionID, b.ActionID) })
	for i := range actions {
		if err := h.add(&actions[i]); err != nil {
			return "", err
		}
	}
	return h.sum(), nil
}

// checked returns the proposal in the form that is stored, or an error that
// wraps [ErrInvalid] (the header) or data.ErrBadInput (an action).
func (p Proposal) checked() (Proposal, error) {
	err := errors.Join(checkID("plan_id", p.PlanID), checkActor("maker", p.Maker))
	if _, hexErr := hex.DecodeString(p.FileSHA256); hexErr != nil || len(p.FileSHA256) != 0 && len(p.FileSHA256) != 64 || strings.ToLower(p.FileSHA256) != p.FileSHA256 {
		err = errors.Join(err, fmt.Errorf("%w: file_sha256: want 64 lower-case hex digits or nothing", ErrInvalid))
	}
	if len(p.Actions) == 0 {
		err = errors.Join(err, fmt.Errorf("%w: a plan needs an action", ErrInvalid))
	}
	if err != nil {
		return p, err
	}
	p.Actions = slices.Clone(p.Actions)
	slices.SortFunc(p.Actions, func(a, b Action) int { return strings.Compare(a.ActionID, b.ActionID) })
	var total Units
	for i := range p.Actions {
		a := &p.Actions[i]
		if i > 0 && p.Actions[i-1].ActionID == a.ActionID {
			return p, fmt.Errorf("ledger: plan %s: %w: action_id %s", p.PlanID, data.ErrDuplicateID, a.ActionID)
		}
		if a.PlanID != "" && a.PlanID != p.PlanID {
			return p, fmt.Errorf("ledger: plan %s: %w: action %s is of plan %s", p.PlanID, data.ErrBadInput, a.ActionID, a.PlanID)
		}
		a.PlanID = p.PlanID
		a.WindowStart, a.WindowEnd = a.WindowStart.UTC().Truncate(time.Microsecond), a.WindowEnd.UTC().Truncate(time.Microsecond)
		if err := a.validate(); err != nil {
			return p, fmt.Errorf("ledger: plan %s action %q: %w", p.PlanID, a.ActionID, err)
		}
		if total += Units(a.CostCents); total > MaxUnits {
			return p, fmt.Errorf("ledger: plan %s: %w: it costs more than %d cents", p.PlanID, data.ErrBadInput, MaxUnits)
		}
	}
	return p, nil
}

func (a *Action) validate() error {
	switch {
	case checkID("action_id", a.ActionID) != nil:
		return fmt.Errorf("%w: action_id: want 1 to 200 bytes without spaces and slashes", data.ErrMissingValue)
	case a.CustomerID == "":
		return fmt.Errorf("%w: customer_id", data.ErrMissingValue)
	case a.Channel.Index() < 0:
		return fmt.Errorf("%w %q", data.ErrUnknownChannel, a.Channel)
	case !a.WindowStart.Before(a.WindowEnd):
		return fmt.Errorf("%w: the window ends before it starts", data.ErrBadDate)
	case a.CostCents < 0 || Units(a.CostCents) > MaxUnits:
		return fmt.Errorf("%w: cost_cents %d", data.ErrNegativeAmount, a.CostCents)
	case !(a.TreatProb > 0 && a.TreatProb <= 1):
		return fmt.Errorf("%w: treat_prob %v", data.ErrBadProbability, a.TreatProb)
	}
	for _, s := range []string{a.CustomerID, string(a.Source), a.Reason, a.Segment, a.ReguaID, a.ReguaStep, a.Template} {
		if !plain(s) {
			return fmt.Errorf("%w: a text that is not UTF-8", data.ErrBadInput)
		}
	}
	return nil
}

// plain says whether both databases keep the text as it is.
func plain(s string) bool { return utf8.ValidString(s) && !strings.ContainsRune(s, 0) }

// CreatePlan stores a plan as a draft. The plan that has the id already is
// returned if it is the same; otherwise the error wraps [ErrConflict].
func (s *Store) CreatePlan(ctx context.Context, p Proposal) (Plan, error) {
	p, err := p.checked()
	if err != nil {
		return Plan{}, err
	}
	sum, err := p.SHA256()
	if err != nil {
		return Plan{}, err
	}
	var made Plan
	err = s.write(ctx, func(o *operation) error {
		var err error
		if made, err = planOf(o, p.PlanID); err == nil {
			if made.SHA256 != sum || made.Maker != p.Maker {
				return fmt.Errorf("ledger: plan %s: %w", p.PlanID, ErrConflict)
			}
			return nil
		} else if !errors.Is(err, ErrNotFound) {
			return err
		}
		made, err = o.insertPlan(p, sum, "", "")
		return err
	})
	return made, err
}

// insertPlan stores a checked proposal as a draft.
func (o *operation) insertPlan(p Proposal, sum, parent, part string) (Plan, error) {
	v := Plan{ID: p.PlanID, Maker: p.Maker, SHA256: sum, FileSHA256: p.FileSHA256, AsOf: p.AsOf, Parent: parent, Part: part,
		Actions: int64(len(p.Actions)), CreatedAt: o.at, State: Draft, StateBy: p.Maker, StateAt: o.at}
	for i := range p.Actions {
		a := &p.Actions[i]
		v.CostCents += a.CostCents
		v.ValueCents += a.ValueCents
		if a.WindowEnd.After(v.EndsAt) {
			v.EndsAt = a.WindowEnd
		}
	}
	head, err := o.audit(p.Maker, "plan.create", v.ID, map[string]any{"sha256": sum, "file_sha256": v.FileSHA256, "as_of": v.AsOf, "parent": parent, "part": part,
		"actions": v.Actions, "cost_cents": v.CostCents, "value_cents": v.ValueCents})
	if err != nil {
		return v, err
	}
	_, err = o.exec(`INSERT INTO plans (`+planColumns+`, audit_seq) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)`,
		v.ID, v.Maker, v.SHA256, v.FileSHA256, v.AsOf.String(), orNull(v.Parent), v.Part, v.Actions, int64(v.CostCents), int64(v.ValueCents),
		v.EndsAt.UnixMicro(), v.CreatedAt.UnixMicro(), string(v.State), v.StateBy, v.StateReason, v.StateAt.UnixMicro(), head.Seq)
	if err != nil {
		return v, err
	}
	rows := make([][]any, len(p.Actions))
	for i := range p.Actions {
		a := &p.Actions[i]
		rows[i] = []any{v.ID, a.ActionID, a.CustomerID, string(a.Channel), a.Day.String(), a.WindowStart.UnixMicro(), a.WindowEnd.UnixMicro(), int64(a.Step),
			int64(a.CostCents), int64(a.ValueCents), int64(a.ReducedCostCents), a.TreatProb, string(a.Source), a.Reason, a.Segment,
			a.ReguaID, int64(a.ReguaVersion), a.ReguaStep, a.Template}
	}
	if _, err := o.each(`INSERT INTO actions (`+actionColumns("")+`) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19)`, rows); err != nil {
		return v, err
	}
	return v, nil
}

const planColumns = `plan_id, maker, sha256, file_sha256, as_of, parent, part, actions, cost_cents, value_cents, ends_at, created_at, state, state_by, state_reason, state_at`

func scanPlan(row scanner) (Plan, error) {
	var p Plan
	var asOf string
	var parent *string
	var ends, created, at int64
	err := row.Scan(&p.ID, &p.Maker, &p.SHA256, &p.FileSHA256, &asOf, &parent, &p.Part, &p.Actions, &p.CostCents, &p.ValueCents, &ends, &created, &p.State, &p.StateBy, &p.StateReason, &at)
	if err != nil {
		return p, err
	}
	p.Parent, p.EndsAt, p.CreatedAt, p.StateAt = orEmpty(parent), instant(ends), instant(created), instant(at)
	p.AsOf, err = data.ParseDate(asOf)
	return p, err
}

func planOf(t transaction, id string) (Plan, error) {
	found, err := all(t, `SELECT `+planColumns+` FROM plans WHERE plan_id = $1`, []any{id}, scanPlan)
	if err == nil && len(found) == 0 {
		return Plan{}, fmt.Errorf("ledger: plan %q: %w", id, ErrNotFound)
	}
	if err != nil {
		return Plan{}, err
	}
	return found[0], nil
}

// actionColumns lists the columns of scanAction, of a table's alias.
func actionColumns(alias string) string {
	columns := []string{"plan_id", "action_id", "customer_id", "channel", "day", "window_start", "window_end", "step",
		"cost_cents", "value_cents", "reduced_cost_cents", "treat_prob", "source", "reason", "segment", "regua_id", "regua_version", "regua_step", "template"}
	if alias == "" {
		return strings.Join(columns, ", ")
	}
	return alias + "." + strings.Join(columns, ", "+alias+".")
}

// scanAction reads actionColumns, and then more.
func scanAction(row scanner, more ...any) (Action, error) {
	var a Action
	var day string
	var start, end int64
	err := row.Scan(append([]any{&a.PlanID, &a.ActionID, &a.CustomerID, &a.Channel, &day, &start, &end, &a.Step,
		&a.CostCents, &a.ValueCents, &a.ReducedCostCents, &a.TreatProb, &a.Source, &a.Reason, &a.Segment,
		&a.ReguaID, &a.ReguaVersion, &a.ReguaStep, &a.Template}, more...)...)
	if err != nil {
		return a, err
	}
	a.WindowStart, a.WindowEnd = instant(start), instant(end)
	a.Day, err = data.ParseDate(day)
	return a, err
}

// Plan returns a plan without its actions, or [ErrNotFound].
func (s *Store) Plan(ctx context.Context, id string) (Plan, error) {
	var p Plan
	err := s.read(ctx, func(t transaction) (err error) {
		p, err = planOf(t, id)
		return err
	})
	return p, err
}

// Plans returns the plans in any of the given states (in all for none), newest
// first.
func (s *Store) Plans(ctx context.Context, states ...PlanState) ([]Plan, error) {
	out := []Plan{}
	err := s.read(ctx, func(t transaction) error {
		found, err := all(t, `SELECT `+planColumns+` FROM plans ORDER BY created_at DESC, plan_id DESC`, nil, scanPlan)
		out = slices.DeleteFunc(found, func(p Plan) bool { return len(states) > 0 && !slices.Contains(states, p.State) })
		return err
	})
	return out, err
}

// PlanActions returns up to limit actions of a plan in the byte order of their
// ids, after the given one ("" for the first page). Errors: [ErrNotFound].
func (s *Store) PlanActions(ctx context.Context, planID, after string, limit int) ([]Action, error) {
	var out []Action
	err := s.read(ctx, func(t transaction) error {
		if _, err := planOf(t, planID); err != nil {
			return err
		}
		var err error
		out, err = all(t, `SELECT `+actionColumns("")+` FROM actions WHERE plan_id = $1 AND action_id > $2 ORDER BY action_id LIMIT $3`,
			[]any{planID, after, limit}, func(row scanner) (Action, error) { return scanAction(row) })
		return err
	})
	return out, err
}
