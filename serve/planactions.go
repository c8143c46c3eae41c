package serve

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/parquet-go/parquet-go"

	"dunning/data"
	"dunning/serve/ledger"
)

func (s *Server) actionRoutes(readers []Role, tags []string) {
	errs := []Code{CodeInvalid, CodeNotFound, CodeConflict, CodeUnavailable}
	const proposal = "To read a plan approves nothing: an action is sent by whom it was leased to (POST /v1/dispatch/lease)."
	register(s, route{roles: readers, errors: errs, Operation: huma.Operation{
		OperationID: "plan-actions", Method: http.MethodGet, Path: "/v1/plans/{plan}/actions", Tags: tags,
		Summary:     "Actions of a plan with where each stands, page by page",
		Description: "Ordered by day, channel and action_id. Pass next_cursor as cursor until it is null. A plan that was replaced between two pages gives 409. " + proposal}}, s.planActions)
	const export = "/v1/plans/{plan}/actions/export"
	register(s, route{roles: readers, errors: errs, Operation: huma.Operation{
		OperationID: "plan-actions-export", Method: http.MethodGet, Path: export, Tags: tags,
		Summary:     "All actions of a plan with where each stands, as one file",
		Description: "As CSV, Parquet, Arrow stream, or lines of JSON; the same columns in all. " + proposal}}, s.planActionsExport)
	kinds := []string{}
	for _, f := range exportFormats {
		kinds = append(kinds, f.contentType)
	}
	s.answers(export, kinds...)
}

// Proposed is the state of an action, and not in the ledger that of a plan,
// which nobody has approved.
const Proposed = "proposed"

// PlannedAction is an action of a plan and where it stands.
type PlannedAction struct {
	data.Action
	State string `json:"state" parquet:"state,dict" enum:"proposed,waiting,leased,sent,failed,withheld,expired" doc:"proposed: not approved."`
}

// ActionsOf is the input that chooses actions of a plan.
type ActionsOf struct {
	Plan    string `path:"plan" maxLength:"200" doc:"Day of the plan, latest, or a plan_id of the ledger." example:"latest"`
	Day     string `query:"day" format:"date" doc:"Only actions of this day."`
	Channel string `query:"channel" enum:"email,sms,whatsapp,voice,letter" doc:"Only actions on this channel."`
}

type actionsIn struct {
	ActionsOf
	Cursor string `query:"cursor" maxLength:"1000" doc:"next_cursor of the page before."`
	Limit  int    `query:"limit" minimum:"1" maximum:"1000" default:"100" doc:"Actions per page."`
}

// PlanActions is one page of a plan.
type PlanActions struct {
	PlanID        string          `json:"plan_id"`
	PlanState     string          `json:"plan_state" enum:"proposed,draft,submitted,approved,rejected,dispatching,closed,superseded,expired" doc:"proposed: not in the ledger."`
	AsOf          data.Date       `json:"as_of"`
	SHA256        string          `json:"sha256" doc:"Of plan.parquet; of the plan's actions where the plan was asked for by its plan_id."`
	SchemaVersion int             `json:"schema_version"`
	Actions       []PlannedAction `json:"actions"`
	NextCursor    *string         `json:"next_cursor" doc:"null on the last page."`
}

// chosen returns the plan asked for, its state, and the filter.
func (s *Server) chosen(ctx context.Context, in ActionsOf) (*Plan, string, PlanFilter, error) {
	filter := PlanFilter{Channel: data.Channel(in.Channel)}
	if in.Day != "" {
		day, err := data.ParseDate(in.Day)
		if err != nil {
			return nil, "", filter, fail(CodeInvalid, "day is not a day like 2026-01-31")
		}
		filter.Day = &day
	}
	plan, err := s.anyPlan(ctx, in.Plan)
	if err != nil {
		return nil, "", filter, err
	}
	state := Proposed
	if kept, err := s.ledger.Plan(ctx, plan.ID); err == nil {
		state = string(kept.State)
	} else if !errors.Is(err, ledger.ErrNotFound) {
		return nil, "", filter, err
	}
	return plan, state, filter, nil
}

// anyPlan returns the finished plan of a day, or a plan of the ledger.
func (s *Server) anyPlan(ctx context.Context, name string) (*Plan, error) {
	if _, err := data.ParseDate(name); err == nil || name == "latest" {
		return s.plan(ctx, name)
	}
	return s.ledgerPlans.get(ctx, s, name)
}

// ledgerPlans keeps the plans of the ledger that were last read: they never
// change.
type ledgerPlans struct {
	mu   sync.Mutex    // not held while a plan is read
	kept []*ledgerPlan // the least recently used first
}

// ledgerPlan is a plan that is being read, or was once done is closed.
type ledgerPlan struct {
	id   string
	done chan struct{}
	plan *Plan
	err  error
}

// get returns a plan. Of those who ask for one that is not kept the first reads
// it, and the others wait for him; he reads on when he is gone himself.
func (l *ledgerPlans) get(ctx context.Context, s *Server, id string) (*Plan, error) {
	p, mine := l.enter(id)
	if mine {
		p.plan, p.err = s.readLedgerPlan(context.WithoutCancel(ctx), id)
		if p.err != nil {
			l.forget(p)
		}
		close(p.done)
	}
	select {
	case <-p.done:
		return p.plan, p.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// enter marks a plan as just used; mine tells the caller to read it.
func (l *ledgerPlans) enter(id string) (p *ledgerPlan, mine bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	i := slices.IndexFunc(l.kept, func(p *ledgerPlan) bool { return p.id == id })
	if i >= 0 {
		p = l.kept[i]
		l.kept = slices.Delete(l.kept, i, i+1)
	} else {
		p, mine = &ledgerPlan{id: id, done: make(chan struct{})}, true
	}
	l.kept = append(l.kept, p)
	if len(l.kept) > keptPlans {
		l.kept = slices.Delete(l.kept, 0, 1)
	}
	return p, mine
}

// forget lets the next one who asks read again.
func (l *ledgerPlans) forget(p *ledgerPlan) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.kept = slices.DeleteFunc(l.kept, func(k *ledgerPlan) bool { return k == p })
}

func (s *Server) readLedgerPlan(ctx context.Context, id string) (*Plan, error) {
	head, err := s.ledger.Plan(ctx, id)
	if err != nil {
		return nil, err
	}
	p := &Plan{ID: id, AsOf: head.AsOf, SchemaVersion: data.SchemaVersion, SHA256: head.SHA256}
	if err := s.eachPlanAction(ctx, id, func(a ledger.Action) { p.actions = append(p.actions, a.Action) }); err != nil {
		return nil, err
	}
	p.sort()
	return p, nil
}

// withStates adds to actions where each stands.
func (s *Server) withStates(ctx context.Context, actions []data.Action) ([]PlannedAction, error) {
	ids := make([]string, len(actions))
	for i := range actions {
		ids[i] = actions[i].ActionID
	}
	found, err := s.ledger.DispatchesOf(ctx, ids)
	if err != nil {
		return nil, err
	}
	out := make([]PlannedAction, len(actions))
	for i, a := range actions {
		out[i] = PlannedAction{Action: a, State: Proposed}
		if d, ok := found[a.ActionID]; ok {
			out[i].State = string(d.State)
		}
	}
	return out, nil
}

func (s *Server) planActions(ctx context.Context, in *actionsIn) (*body[PlanActions], error) {
	plan, state, filter, err := s.chosen(ctx, in.ActionsOf)
	if err != nil {
		return nil, err
	}
	var after *position
	if in.Cursor != "" {
		at, err := plan.parseCursor(in.Cursor)
		if err != nil {
			return nil, err
		}
		after = &at
	}
	page, next := plan.Page(filter, after, in.Limit)
	out := &body[PlanActions]{PlanActions{PlanID: plan.ID, PlanState: state, AsOf: plan.AsOf, SHA256: plan.SHA256, SchemaVersion: plan.SchemaVersion}}
	if out.Body.Actions, err = s.withStates(ctx, page); err != nil {
		return nil, err
	}
	if next != nil {
		word, err := plan.cursorOf(*next)
		if err != nil {
			return nil, err
		}
		out.Body.NextCursor = &word
	}
	return out, nil
}

// actionWriter writes actions in one form.
type actionWriter interface {
	write([]PlannedAction) error
	close() error
}

// exportFormats are the forms of an export.
var exportFormats = map[string]struct {
	contentType string
	open        func(io.Writer) actionWriter
}{
	"csv":     {"text/csv", newCSVActions},
	"jsonl":   {"application/jsonl", newJSONActions},
	"parquet": {"application/vnd.apache.parquet", newParquetActions},
	"arrow":   {"application/vnd.apache.arrow.stream", newArrowActions},
}

type exportIn struct {
	ActionsOf
	Format string `query:"format" enum:"csv,jsonl,parquet,arrow" default:"csv"`
}

func (s *Server) planActionsExport(ctx context.Context, in *exportIn) (*huma.StreamResponse, error) {
	plan, state, filter, err := s.chosen(ctx, in.ActionsOf)
	if err != nil {
		return nil, err
	}
	format := exportFormats[in.Format]
	return &huma.StreamResponse{Body: func(h huma.Context) {
		h.SetHeader("Content-Type", format.contentType)
		h.SetHeader("X-Plan-Id", plan.ID)
		h.SetHeader("X-Plan-State", state)
		w := format.open(h.BodyWriter())
		if err := s.writeActions(h.Context(), w, plan, filter); err != nil {
			// The status is sent. To end the connection is all that tells the
			// client that this is not the whole.
			s.log.Error("export broke off", "request_id", requestOf(ctx).id, "error", err)
			panic(http.ErrAbortHandler)
		}
	}}, nil
}

func (s *Server) writeActions(ctx context.Context, w actionWriter, plan *Plan, filter PlanFilter) error {
	for after := (*position)(nil); ; {
		page, next := plan.Page(filter, after, actionsPage)
		actions, err := s.withStates(ctx, page)
		if err != nil {
			return err
		}
		if err := w.write(actions); err != nil {
			return err
		}
		if next == nil {
			return w.close()
		}
		after = next
	}
}

type csvActions struct{ w *csv.Writer }

func newCSVActions(w io.Writer) actionWriter {
	out := csvActions{csv.NewWriter(w)}
	out.w.Write([]string{"plan_id", "action_id", "customer_id", "channel", "day", "window_start", "window_end", "step", "cost_cents", "value_cents",
		"reduced_cost_cents", "treat_prob", "source", "reason", "regua_id", "regua_version", "regua_step", "template", "state"}) // the error comes again at Flush
	return out
}

func (c csvActions) write(actions []PlannedAction) error {
	for _, a := range actions {
		err := c.w.Write([]string{a.PlanID, a.ActionID, a.CustomerID, string(a.Channel), a.Day.String(), a.WindowStart.UTC().Format(time.RFC3339), a.WindowEnd.UTC().Format(time.RFC3339),
			number(int64(a.Step)), number(int64(a.CostCents)), number(int64(a.ValueCents)), number(int64(a.ReducedCostCents)), strconv.FormatFloat(a.TreatProb, 'g', -1, 64), string(a.Source), a.Reason,
			a.ReguaID, number(int64(a.ReguaVersion)), a.ReguaStep, a.Template, a.State})
		if err != nil {
			return fmt.Errorf("serve: csv: %w", err)
		}
	}
	return nil
}

func (c csvActions) close() error {
	c.w.Flush()
	return c.w.Error()
}

type jsonActions struct{ w *json.Encoder }

func newJSONActions(w io.Writer) actionWriter { return jsonActions{json.NewEncoder(w)} }

func (j jsonActions) write(actions []PlannedAction) error {
	for _, a := range actions {
		if err := j.w.Encode(a); err != nil {
			return fmt.Errorf("serve: json: %w", err)
		}
	}
	return nil
}

func (jsonActions) close() error { return nil }

type parquetActions struct {
	w *parquet.GenericWriter[PlannedAction]
}

func newParquetActions(w io.Writer) actionWriter {
	return parquetActions{parquet.NewGenericWriter[PlannedAction](w, parquet.Compression(&parquet.Zstd), parquet.CreatedBy("dunning", "1", ""))}
}

func (p parquetActions) write(actions []PlannedAction) error {
	_, err := p.w.Write(actions)
	return err
}

func (p parquetActions) close() error { return p.w.Close() }
