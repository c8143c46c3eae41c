package pipeline

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"dunning/data"
	"dunning/optimizer"
)

// Changes are other limits than those of the configuration.
type Changes struct {
	BudgetCents *data.Cents        `json:"budget_cents,omitempty"` // nil for the plan's
	Capacities  []CapacityChange   `json:"capacities,omitempty"`
	MinCoverage map[string]float64 `json:"min_coverage,omitempty"` // by segment
}

// CapacityChange is how many touches a channel can send on a day.
type CapacityChange struct {
	Channel data.Channel `json:"channel"`
	Day     data.Date    `json:"day"`
	Touches int64        `json:"touches"`
}

// DraftPlan is a plan with other limits.
type DraftPlan struct {
	AsOf     data.Date
	Plan     *data.PlanFigures
	Actions  []data.Action
	Segments map[string]string // of the customers with an action, by customer
	Dir      string            // where its files are: plans/what-if/<plan_id>
}

// draftFolder holds the drafts that people made of plans, a folder each, within
// the folder of plans.
const draftFolder = "what-if"

// changesFile says which limits a draft has.
const changesFile = "changes.json"

// unlimited stands for no capacity where a channel has one on some days.
const unlimited = 1_000_000_000

// PlanWith makes the plan of a day again with other limits, as the stage of the
// pipeline would: whole ladders, certified, réguas included; nothing is drawn at
// random. It is written beside the plans of the days, under its own id, and
// replaces none.
func PlanWith(ctx context.Context, home string, config *Config, asOf data.Date, changes Changes) (*DraftPlan, error) {
	before, err := readOptimization(home, asOf)
	if err != nil {
		return nil, err
	}
	own := changes.applied(config, before.Plan.BudgetCents)
	p, done, err := openPlanner(ctx, home, own, asOf)
	if err != nil {
		return nil, err
	}
	defer done()
	if p.reguas != nil {
		for _, c := range changes.Capacities {
			p.reguas.wallet.slots[optimizer.Slot{Channel: c.Channel, Day: c.Day}] = c.Touches
		}
	}
	blocked := map[string]*blockedCount{}
	if err := p.build(p.value, func(c *data.Candidate) { countBlocked(blocked, c) }); err != nil {
		return nil, err
	}
	p.out.Blocked = p.blockedTable(blocked)
	p.limit(changes.Capacities)
	if err := p.solve(ctx); err != nil {
		return nil, err
	}
	p.takeHeld()
	p.addFixed()
	if err := p.checkReguas(); err != nil {
		return nil, err
	}
	if err := p.readHours(); err != nil {
		return nil, err
	}
	actions := p.actions()
	p.describe(actions)
	p.describeCapacities(changes.Capacities)
	p.out.Reguas = p.outcomes()
	return p.writeDraft(actions, changes)
}

// applied returns a configuration with the changes that one can have.
func (c *Changes) applied(config *Config, budget data.Cents) *Config {
	own := *config
	own.BudgetCents = budget
	if c.BudgetCents != nil {
		own.BudgetCents = *c.BudgetCents
	}
	own.Channels = maps.Clone(config.Channels)
	for _, change := range c.Capacities {
		if channel, used := own.Channels[change.Channel]; used && channel.CapacityPerDay == nil {
			all := int64(unlimited)
			channel.CapacityPerDay = &all
			own.Channels[change.Channel] = channel
		}
	}
	own.Segments = slices.Clone(config.Segments)
	for _, segment := range slices.Sorted(maps.Keys(c.MinCoverage)) {
		share := c.MinCoverage[segment]
		at := slices.IndexFunc(own.Segments, func(s SegmentRow) bool { return s.Segment == segment })
		if at < 0 {
			own.Segments = append(own.Segments, SegmentRow{Segment: segment})
			at = len(own.Segments) - 1
		}
		own.Segments[at].MinCoverage = &share
	}
	return &own
}

// limit sets capacities of single days, less what réguas took of them.
func (p *planner) limit(changes []CapacityChange) {
	for _, c := range changes {
		name := optimizer.CapacityName(c.Channel, c.Day)
		for r := range p.grid.Rows {
			if p.grid.Rows[r].Name == name {
				taken := p.takenSlots(optimizer.Capacity{Channel: c.Channel, Day: c.Day})
				p.grid.Rows[r].Limit = float64(max(0, c.Touches-taken))
			}
		}
	}
}

// describeCapacities makes the plan's figures say the capacities of single days.
func (p *planner) describeCapacities(changes []CapacityChange) {
	for d := range p.out.Plan.Days {
		day := &p.out.Plan.Days[d]
		for _, c := range changes {
			if c.Channel == day.Channel && c.Day == day.Day {
				touches := c.Touches
				day.Capacity = &touches
			}
		}
	}
	for k := range p.out.Plan.Channels {
		channel := &p.out.Plan.Channels[k]
		if channel.Capacity == nil {
			continue
		}
		total := int64(0)
		for _, day := range p.out.Plan.Days {
			if day.Channel == channel.Channel && day.Capacity != nil {
				total += *day.Capacity
			}
		}
		channel.Capacity = &total
	}
}

// writeDraft writes a plan into a folder of its own. The same plan is written
// once.
func (p *planner) writeDraft(actions []data.Action, changes Changes) (*DraftPlan, error) {
	if len(actions) == 0 {
		return nil, fmt.Errorf("%w: with these limits the plan contacts nobody", data.ErrRefused)
	}
	out := &DraftPlan{AsOf: p.w.AsOf, Plan: p.out.Plan, Actions: actions, Segments: map[string]string{}}
	for i := range actions {
		out.Segments[actions[i].CustomerID] = p.customer[actions[i].CustomerID].Segment
	}
	parent := filepath.Join(filepath.Dir(OptimizeStage().FolderOf(p.w.Home, p.w.AsOf)), draftFolder)
	out.Dir = filepath.Join(parent, p.out.Plan.PlanID)
	if err := os.MkdirAll(parent, 0o755); err != nil {
		return nil, fmt.Errorf("pipeline: %w", err)
	}
	dir, err := os.MkdirTemp(parent, ".making-")
	if err != nil {
		return nil, fmt.Errorf("pipeline: %w", err)
	}
	defer os.RemoveAll(dir)
	file, err := data.Write(filepath.Join(dir, planFile), actions)
	if err != nil {
		return nil, err
	}
	p.out.Plan.SHA256 = file.SHA256
	for name, content := range map[string]any{optimizationFile: p.out, changesFile: changes} {
		b, err := json.MarshalIndent(content, "", " ")
		if err != nil {
			return nil, err
		}
		if err := data.WriteFile(filepath.Join(dir, name), append(b, '\n')); err != nil {
			return nil, err
		}
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		return nil, fmt.Errorf("pipeline: %w", err)
	}
	if _, err := os.Stat(out.Dir); err == nil {
		return out, nil // somebody wished the same before
	}
	if err := os.Rename(dir, out.Dir); err != nil {
		return nil, fmt.Errorf("pipeline: %w", err)
	}
	return out, nil
}
