package pipeline

import (
	"context"
	"encoding/json"
	"path/filepath"

	"dunning/data"
	"dunning/optimizer"
	"dunning/pipeline/allocation"
	"dunning/pipeline/report"
	"dunning/policy"
	"dunning/policy/regua"
)

// Outputs of the optimize stage.
const (
	planFile         = "plan.parquet" // data.Action
	planCSVFile      = "plan.csv"     // the same, for people
	optimizationFile = "optimization.json"
)

// OptimizeStage chooses the ladders: the plan that waits for approval.
func OptimizeStage() Stage {
	return Stage{
		Name: "optimize", Title: "the plan within budget, capacities and law",
		Folder: "plans/{as_of}", Inputs: []string{"extract", "segments", "score"},
		Config: func(c *Config) any {
			return []any{c.BudgetCents, c.Channels, c.Segments, c.Plan, c.Value, c.HoldoutShare, c.Explore, c.Features, c.Policy}
		},
		Seeded:  true,
		Prepare: prepareOptimize,
		Run:     runOptimize,
	}
}

// prepareOptimize reads the réguas in force, whose texts are part of the stage's
// key. With none the key is what it would be without réguas.
func prepareOptimize(_ context.Context, w *Work) (map[string]string, error) {
	set, sums, err := regua.OpenStore(w.Home).Published()
	if err != nil {
		return nil, err
	}
	w.prepared = set
	out := make(map[string]string, len(sums))
	for id, sum := range sums {
		out["regua "+id] = sum
	}
	return out, nil
}

// Optimization is the content of optimization.json: the plan in figures.
type Optimization struct {
	Plan       *data.PlanFigures  `json:"plan"`
	Blocked    []data.Blocked     `json:"blocked"`
	TopActions []report.TopAction `json:"top_actions"`
	Reguas     []regua.Outcome    `json:"reguas,omitempty"` // in the order in which they claim customers
}

// planner is the state of one run of the stage: first the portfolio, then the
// grid made of it, then the answer.
type planner struct {
	w        *Work
	engine   *policy.Engine
	scores   map[string]*data.Score
	customer map[string]data.Customer  // with an open balance
	demanded map[string]bool           // segments with a minimum coverage
	named    bool                      // rows over segments speak of the named ones
	hours    *bestHours                // of those whom the plan touches; nil before they are known
	recent   map[string][]data.Date    // days of the touches of the last month, by customer
	recentOn map[string][]data.Channel // their channels
	rule     optimizer.LadderRule
	start    []float64  // prices to begin with; nil for none
	brief    bool       // the plan alone is asked for: no price intervals
	reguas   *reguaPlan // nil without réguas
	explores bool       // a part is set aside to be drawn at random
	allowed  allowed    // what a plan that explores may draw
	explored *exploration

	slots  []optimizer.Slot
	ids    []string         // customer of each index of the grid
	book   *profileBook     // what touches cost, by profile
	size   map[string]int64 // customers of the grid, by segment
	values *optimizer.MemoryValues
	wide   bool // values are in double precision
	grid   *optimizer.Grid

	answer *optimizer.Allocation
	chosen []optimizer.Rungs // by index
	// explained are the ladders with touches, by index.
	explained []optimizer.LadderExplanation
	out       Optimization
}

// newPlanner reads what every plan of the stage's inputs needs: customers,
// scores, recent touches, what a ladder is.
func newPlanner(ctx context.Context, w *Work) (*planner, error) {
	engine, err := policy.New(w.Config.Policy)
	if err != nil {
		return nil, err
	}
	p := &planner{w: w, engine: engine, out: Optimization{Plan: &data.PlanFigures{
		From: w.AsOf, To: w.AsOf + data.Date(w.Config.Features.PlanDays) - 1, BudgetCents: w.Config.BudgetCents,
	}}}
	p.demanded, p.named = p.demandedSegments(), w.Config.namedSegments()
	if p.rule, err = p.ladderRule(); err != nil {
		return nil, err
	}
	version, err := LoadInForce(w.Input("score").Dir)
	if err != nil {
		return nil, err
	}
	p.out.Plan.ModelVersion, p.out.Plan.TrainedAsOf = version.Version, version.TrainedAsOf
	if err := p.readScores(); err != nil {
		return nil, err
	}
	if err := p.readCustomers(); err != nil {
		return nil, err
	}
	return p, p.readRecent(ctx)
}

// again returns a planner of the same inputs that has planned nothing.
func (p *planner) again() *planner {
	plan := data.PlanFigures{From: p.out.Plan.From, To: p.out.Plan.To, BudgetCents: p.out.Plan.BudgetCents,
		ModelVersion: p.out.Plan.ModelVersion, TrainedAsOf: p.out.Plan.TrainedAsOf}
	return &planner{w: p.w, engine: p.engine, scores: p.scores, customer: p.customer, demanded: p.demanded, named: p.named,
		recent: p.recent, recentOn: p.recentOn, rule: p.rule, out: Optimization{Plan: &plan}}
}

func runOptimize(ctx context.Context, w *Work) error {
	p, err := newPlanner(ctx, w)
	if err != nil {
		return err
	}
	p.explores = w.Config.Explore.Share > 0
	if err := p.follow(ctx, w.prepared.(*regua.Set)); err != nil {
		return err
	}
	blocked := map[string]*blockedCount{}
	if err := p.build(p.value, func(c *data.Candidate) { countBlocked(blocked, c) }); err != nil {
		return err
	}
	p.out.Blocked = p.blockedTable(blocked)
	if err := p.solve(ctx); err != nil {
		return err
	}
	if err := p.explore(ctx); err != nil {
		return err
	}
	p.chargeExplored()
	p.takeHeld()
	p.addFixed()
	if err := p.checkReguas(); err != nil {
		return err
	}
	if err := p.readHours(); err != nil {
		return err
	}
	actions := p.actions()
	if err := p.checkLimits(actions); err != nil {
		return err
	}
	p.describe(actions)
	if p.out.Reguas = p.outcomes(); p.reguas != nil {
		if err := p.compareReguas(ctx, p.out.Reguas); err != nil {
			return err
		}
	}
	if err := p.curve(ctx); err != nil {
		return err
	}
	return p.write(actions)
}

// ladderRule says which ladders there are: the configuration's, at least as
// strict as the company's own gap and weekly limit, which every ladder meets
// then as far as its own touches go.
func (p *planner) ladderRule() (optimizer.LadderRule, error) {
	c := p.w.Config
	rule := optimizer.LadderRule{Touches: c.Plan.MaxTouches, GapDays: c.Plan.MinGapDays}
	for _, r := range p.engine.Rules() {
		switch {
		case r.Kind == policy.MinGap && len(r.Channels) == 0:
			rule.GapDays = max(rule.GapDays, c.Policy.MinGapDays)
		case r.Kind == policy.MaxTouches7 && len(r.Channels) == 0 && c.Policy.MaxTouches7 > 0 && c.Features.PlanDays <= 7:
			rule.Touches = min(rule.Touches, c.Policy.MaxTouches7)
		case r.Kind == policy.MaxTouches30 && len(r.Channels) == 0 && c.Policy.MaxTouches30 > 0:
			rule.Touches = min(rule.Touches, c.Policy.MaxTouches30)
		}
	}
	var err error
	if len(c.Plan.Discount) > 0 {
		rule.Factor, err = allocation.DiscountTable(c.Plan.Discount)
		return rule, err
	}
	if rule.Factor, err = LoadTouchDynamics(p.w.Input("score").Dir); err != nil {
		return rule, err
	}
	for len(rule.Factor) < rule.Touches { // a later touch is as the last that is known
		rule.Factor = append(rule.Factor, rule.Factor[len(rule.Factor)-1])
	}
	return rule, nil
}

func (p *planner) readScores() error {
	scores, err := data.Read[data.Score](p.w.Input("score").Path(scoresFile))
	if err != nil {
		return err
	}
	p.scores = make(map[string]*data.Score, len(scores))
	for i := range scores {
		p.scores[scores[i].CustomerID] = &scores[i]
		if isHeldOut(scores[i].CustomerID, p.w.Config.HoldoutShare) {
			p.out.Plan.Holdout++
		}
	}
	p.out.Plan.Customers = int64(len(scores))
	return nil
}

func (p *planner) readCustomers() error {
	p.customer = map[string]data.Customer{}
	named, err := p.namedSegments()
	if err != nil {
		return err
	}
	in := p.w.Input("extract")
	for _, part := range in.Parts("customers") {
		for batch, err := range data.Scan[data.Customer](in.Path(part.Name)) {
			if err != nil {
				return err
			}
			for _, c := range batch {
				if p.scores[c.CustomerID] != nil {
					c.NamedSegment = named[c.CustomerID]
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

// value is what the plan maximises.
func (p *planner) value(c *data.Candidate) data.Cents {
	if p.w.Config.Value == "lower" {
		return c.ValueLoCents
	}
	return c.ValueCents
}

func (p *planner) write(actions []data.Action) error {
	file, err := data.Write(filepath.Join(p.w.Dir, planFile), actions)
	if err != nil {
		return err
	}
	p.w.Wrote(planFile, file)
	p.out.Plan.SHA256 = file.SHA256
	if err := p.writeDecisions(); err != nil {
		return err
	}
	if err := writePlanCSV(filepath.Join(p.w.Dir, planCSVFile), actions); err != nil {
		return err
	}
	if p.reguas != nil {
		if err := writeDropped(filepath.Join(p.w.Dir, droppedFile), p.dropped()); err != nil {
			return err
		}
	}
	b, err := json.MarshalIndent(p.out, "", " ")
	if err != nil {
		return err
	}
	return data.WriteFile(filepath.Join(p.w.Dir, optimizationFile), append(b, '\n'))
}
