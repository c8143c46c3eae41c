package pipeline

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"dunning/data"
	"dunning/optimizer"
	"dunning/pipeline/report"
	"dunning/policy"
)

// Outputs of the optimize stage.
const (
	planFile         = "plan.parquet" // data.Action
	planCSVFile      = "plan.csv"     // the same, for people
	optimizationFile = "optimization.json"
)

// OptimizeStage chooses the actions: the plan that waits for approval.
func OptimizeStage() Stage {
	return Stage{
		Name: "optimize", Title: "the plan within budget, capacities and law",
		Folder: "plans/{as_of}", Inputs: []string{"extract", "score"},
		Config: func(c *Config) any {
			return []any{c.BudgetCents, c.Channels, c.Segments, c.Value, c.HoldoutShare, c.Features, c.Policy}
		},
		Run: runOptimize,
	}
}

// Optimization is the content of optimization.json: the plan in figures.
type Optimization struct {
	Plan       *report.Plan       `json:"plan"`
	Blocked    []report.Blocked   `json:"blocked"`
	TopActions []report.TopAction `json:"top_actions"`
}

// planner is the state of one run of the stage.
type planner struct {
	w        *Work
	engine   *policy.Engine
	scores   map[string]*data.Score
	customer map[string]data.Customer // with an open balance
	demanded map[string]bool          // segments with a minimum coverage

	ids     []string // customer of each index of the problem
	rows    []data.Candidate
	keepAll bool // keep candidates that are not worth their cost, too
	problem *optimizer.Problem
	out     Optimization
}

func runOptimize(ctx context.Context, w *Work) error {
	engine, err := policy.New(w.Config.Policy)
	if err != nil {
		return err
	}
	p := &planner{w: w, engine: engine, out: Optimization{Plan: &report.Plan{
		From: w.AsOf, To: w.AsOf + data.Date(w.Config.Features.PlanDays) - 1, BudgetCents: w.Config.BudgetCents,
	}}}
	if err := p.read(); err != nil {
		return err
	}
	if err := p.build(); err != nil {
		return err
	}
	solution, plan, err := p.solve(ctx)
	if err != nil {
		return err
	}
	actions := p.actions(solution, plan)
	p.describe(solution, actions)
	if err := p.curve(ctx); err != nil {
		return err
	}
	return p.write(actions)
}

// read loads the scores and those candidates that a plan may hold: allowed and
// worth planning.
func (p *planner) read() error {
	in := p.w.Input("score")
	scores, err := data.Read[data.Score](in.Path(scoresFile))
	if err != nil {
		return err
	}
	p.scores = make(map[string]*data.Score, len(scores))
	for i := range scores {
		p.scores[scores[i].CustomerID] = &scores[i]
	}
	p.out.Plan.Customers = int64(len(scores))
	for i := range scores {
		if isHeldOut(scores[i].CustomerID, p.w.Config.HoldoutShare) {
			p.out.Plan.Holdout++
		}
	}
	p.customer = map[string]data.Customer{}
	if err := p.readCustomers(); err != nil {
		return err
	}
	p.demanded = p.demandedSegments()
	blocked := map[string]*blockedCount{}
	for _, part := range in.Parts(candidatesTable) {
		for batch, err := range data.Scan[data.Candidate](in.Path(part.Name)) {
			if err != nil {
				return err
			}
			for _, c := range batch {
				p.out.Plan.Candidates++
				if !c.Allowed {
					countBlocked(blocked, c)
					continue
				}
				p.out.Plan.Allowed++
				if p.keepAll || p.worthPlanning(c) {
					p.rows = append(p.rows, c)
				}
			}
		}
	}
	if p.engine != nil {
		p.out.Blocked = p.blockedTable(blocked)
	}
	// One order whatever the partitions: ties are broken by it.
	slices.SortFunc(p.rows, func(a, b data.Candidate) int {
		if c := strings.Compare(a.CustomerID, b.CustomerID); c != 0 {
			return c
		}
		if a.Day != b.Day {
			return int(a.Day - b.Day)
		}
		return a.Channel.Index() - b.Channel.Index()
	})
	return nil
}

func (p *planner) readCustomers() error {
	in := p.w.Input("extract")
	for _, part := range in.Parts("customers") {
		for batch, err := range data.Scan[data.Customer](in.Path(part.Name)) {
			if err != nil {
				return err
			}
			for _, c := range batch {
				if p.scores[c.CustomerID] != nil {
					p.customer[c.CustomerID] = c
				}
			}
		}
	}
	return nil
}

// demandedSegments are those with a minimum coverage: there even a contact that
// is worth nothing may be needed.
func (p *planner) demandedSegments() map[string]bool {
	out := map[string]bool{}
	for _, s := range p.w.Config.Segments {
		out[s.Segment] = s.MinCoverage != nil && *s.MinCoverage > 0
	}
	return out
}

// worthPlanning reports whether an allowed candidate is worth more than it costs
// or needed for a minimum. Credits that are not spent today can be spent
// tomorrow, so a contact that does not earn its cost is no use of them, however
// much budget is left.
func (p *planner) worthPlanning(c data.Candidate) bool {
	return p.value(c) > c.CostCents || p.demanded[p.customer[c.CustomerID].Segment]
}

// value is what the plan maximises.
func (p *planner) value(c data.Candidate) data.Cents {
	if p.w.Config.Value == "lower" {
		return c.ValueLoCents
	}
	return c.ValueCents
}

// build states the problem: budget, capacities, segments.
func (p *planner) build() error {
	p.problem = &optimizer.Problem{Candidates: make([]optimizer.Candidate, len(p.rows))}
	for i, c := range p.rows {
		if len(p.ids) == 0 || p.ids[len(p.ids)-1] != c.CustomerID {
			p.ids = append(p.ids, c.CustomerID)
		}
		p.problem.Candidates[i] = optimizer.Candidate{Customer: int32(len(p.ids) - 1), Channel: c.Channel, Day: c.Day,
			ValueCents: float64(p.value(c)), CostCents: float64(c.CostCents)}
	}
	rows := []optimizer.Row{p.problem.BudgetRow(float64(p.w.Config.BudgetCents))}
	rows = append(rows, p.problem.CapacityRows(p.capacities())...)
	for _, s := range p.w.Config.Segments {
		rows = append(rows, p.segmentRows(s)...)
	}
	p.problem.Rows = rows
	return p.problem.Validate()
}

// capacities lists the limited channels on every day of the plan.
func (p *planner) capacities() []optimizer.Capacity {
	var out []optimizer.Capacity
	for _, ch := range data.Channels {
		c, used := p.w.Config.Channels[ch]
		if !used || c.CapacityPerDay == nil {
			continue
		}
		for _, day := range planDays(p.w) {
			out = append(out, optimizer.Capacity{Channel: ch, Day: day, Touches: float64(*c.CapacityPerDay)})
		}
	}
	return out
}

func (p *planner) segmentRows(s SegmentRow) []optimizer.Row {
	var rows []optimizer.Row
	in := func(c *optimizer.Candidate) bool { return p.customer[p.ids[c.Customer]].Segment == s.Segment }
	if s.MinCoverage != nil {
		size := 0
		for _, id := range p.ids {
			if p.customer[id].Segment == s.Segment {
				size++
			}
		}
		rows = append(rows, p.problem.MinTouchesRow(fmt.Sprintf("segment %s minimum", s.Segment), in, *s.MinCoverage*float64(size)))
	}
	if s.MaxShare != nil {
		limit := *s.MaxShare * float64(p.w.Config.BudgetCents)
		rows = append(rows, p.problem.NewRow(fmt.Sprintf("segment %s maximum", s.Segment), optimizer.AtMost, limit, func(c *optimizer.Candidate) float64 {
			if in(c) {
				return c.CostCents
			}
			return 0
		}))
	}
	return rows
}

// solve returns the optimum of the linear program, certified, and the whole
// actions made of it.
func (p *planner) solve(ctx context.Context) (*optimizer.Solution, *optimizer.Plan, error) {
	s, err := newSolver().Solve(ctx, p.problem)
	if err != nil {
		return nil, nil, err
	}
	if s.Status == optimizer.Infeasible {
		return nil, nil, fmt.Errorf("%w: no plan meets all rows: %s; lower a minimum in segments, or raise the budget or a capacity", data.ErrRefused, s.Conflict())
	}
	if err := s.Err(); err != nil {
		return nil, nil, err
	}
	certificate := optimizer.Check(p.problem, s)
	if err := certificate.Err(optimizer.Tolerance{}); err != nil {
		return nil, nil, err
	}
	plan, err := optimizer.Round(p.problem, s)
	if err != nil {
		return nil, nil, err
	}
	out := p.out.Plan
	out.Status, out.Solver = s.Status.String(), solverName
	out.ObjectiveCents, out.BoundCents, out.Gap = certificate.ObjectiveCents, certificate.BoundCents, certificate.Gap
	out.MaxViolation = report.Known(max(certificate.RowViolation, certificate.CustomerViolation, certificate.ShareViolation))
	out.IntegralityLossCents = certificate.ObjectiveCents - plan.ValueCents
	return s, plan, nil
}

// curveShares are the budgets, over the plan's own, at which the curve of what
// a budget brings in is drawn.
var curveShares = [...]float64{0.125, 0.25, 0.5, 0.75, 1, 1.5, 2, 3}

// curve solves the same problem with other budgets.
func (p *planner) curve(ctx context.Context) error {
	if p.w.Config.BudgetCents == 0 {
		return nil
	}
	p.out.Plan.Curve = []report.BudgetPoint{{}}
	budget := &p.problem.Rows[0]
	limit := budget.Limit
	defer func() { budget.Limit = limit }()
	for i, share := range curveShares {
		point := report.BudgetPoint{BudgetCents: data.RoundCents(limit * share), Chosen: share == 1}
		objective := p.out.Plan.ObjectiveCents
		if !point.Chosen {
			budget.Limit = float64(point.BudgetCents)
			s, err := newSolver().Solve(ctx, p.problem)
			if err != nil {
				return err
			}
			if s.Err() != nil { // a smaller budget need not allow the minimums
				continue
			}
			objective = s.ObjectiveCents
		}
		point.ValueCents = data.RoundCents(objective)
		p.out.Plan.Curve = append(p.out.Plan.Curve, point)
		p.w.Advance(int64(i+1), int64(len(curveShares)))
	}
	return nil
}

func (p *planner) write(actions []data.Action) error {
	file, err := data.Write(filepath.Join(p.w.Dir, planFile), actions)
	if err != nil {
		return err
	}
	p.w.Wrote(planFile, file)
	p.out.Plan.SHA256 = file.SHA256
	if err := writePlanCSV(filepath.Join(p.w.Dir, planCSVFile), actions); err != nil {
		return err
	}
	b, err := json.MarshalIndent(p.out, "", " ")
	if err != nil {
		return err
	}
	return data.WriteFile(filepath.Join(p.w.Dir, optimizationFile), append(b, '\n'))
}
