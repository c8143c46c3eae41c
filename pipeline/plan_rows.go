package pipeline

import (
	"cmp"
	"fmt"
	"slices"
	"sync"

	"dunning/data"
	"dunning/optimizer"
	"dunning/pipeline/report"
)

// planRow is one row of the plan before its value is rounded.
type planRow struct {
	id    string // customer
	slot  optimizer.Slot
	worth float64
	make  func(value data.Cents) data.Action // safe for concurrent use
}

// actions turns the chosen ladders and the touches of réguas into the rows of the
// plan, by day, channel and customer, one row per touch. The values are whole
// cents whose sum is the plan's value, rounded once: what a row loses to its cent
// the next one gets.
func (p *planner) actions() []data.Action {
	var all []planRow
	for i := range p.explained {
		x := &p.explained[i]
		for step := range x.Touches {
			t := planned{x, step, p.drawnBefore(x.Customer)}
			all = append(all, planRow{p.ids[x.Customer], p.slots[t.touch().Slot], t.touch().DiscountedCents,
				func(value data.Cents) data.Action { return p.action(t, value) }})
		}
	}
	all = append(all, p.exploredRows()...)
	for _, t := range p.reguas.kept() {
		all = append(all, planRow{t.of.id, t.slot(), t.worth, func(value data.Cents) data.Action { return p.reguaAction(t, value) }})
	}
	all = p.inOrder(all)
	values := make([]data.Cents, len(all))
	total, told := 0.0, data.Cents(0)
	for i := range all {
		total += all[i].worth
		values[i] = data.RoundCents(total) - told
		told += values[i]
	}
	out := make([]data.Action, len(all))
	p.shared(len(all), func(i int) { out[i] = all[i].make(values[i]) })
	id := p.planID(out)
	p.shared(len(out), func(i int) {
		out[i].PlanID, out[i].ActionID = id, fmt.Sprintf("%s-%06d", id, i+1)
		out[i].ModelVersion = p.out.Plan.ModelVersion
	})
	p.out.Plan.PlanID = id
	return out
}

// inOrder returns the rows by day, channel and customer. Those of one slot come in a
// few runs that are sorted already.
func (p *planner) inOrder(rows []planRow) []planRow {
	bySlot := map[optimizer.Slot][]planRow{}
	for i := range rows {
		bySlot[rows[i].slot] = append(bySlot[rows[i].slot], rows[i])
	}
	slots := make([]optimizer.Slot, 0, len(bySlot))
	for s := range bySlot {
		slots = append(slots, s)
	}
	slices.SortFunc(slots, func(a, b optimizer.Slot) int {
		return cmp.Or(cmp.Compare(a.Day, b.Day), cmp.Compare(a.Channel.Index(), b.Channel.Index()))
	})
	byCustomer := func(a, b planRow) int { return cmp.Compare(a.id, b.id) }
	p.shared(len(slots), func(i int) {
		if mine := bySlot[slots[i]]; !slices.IsSortedFunc(mine, byCustomer) {
			slices.SortFunc(mine, byCustomer)
		}
	})
	rows = rows[:0]
	for _, s := range slots {
		rows = append(rows, bySlot[s]...)
	}
	return rows
}

// shared does n pieces of work, of which none waits for another, on all processors
// that the run may use.
func (p *planner) shared(n int, do func(i int)) {
	const piece = 256
	cores := p.w.Config.cores()
	var wg sync.WaitGroup
	for core := range cores {
		wg.Go(func() {
			if n < cores*piece { // few are dealt out one by one
				for i := core; i < n; i += cores {
					do(i)
				}
				return
			}
			for from := core * piece; from < n; from += cores * piece {
				for i := from; i < min(from+piece, n); i++ {
					do(i)
				}
			}
		})
	}
	wg.Wait()
}

// topOf are the actions of the highest value, the first in the plan where some have
// the same.
func topOf(actions []data.Action) []report.TopAction {
	var best []*data.Action
	for i := range actions {
		a := &actions[i]
		if len(best) == topActions && a.ValueCents <= best[topActions-1].ValueCents {
			continue
		}
		at, _ := slices.BinarySearchFunc(best, a, func(b, a *data.Action) int {
			if b.ValueCents >= a.ValueCents {
				return -1
			}
			return 1
		})
		best = slices.Insert(best, at, a)
		best = best[:min(len(best), topActions)]
	}
	var out []report.TopAction
	for _, a := range best {
		out = append(out, report.TopAction{CustomerID: a.CustomerID, Channel: a.Channel, Day: a.Day,
			CostCents: a.CostCents, ValueCents: a.ValueCents, Reason: a.Reason})
	}
	return out
}
