package serve

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"dunning/data"
)

// TestFindFindsEveryRow: every row of any table, in any order, is found as it
// was, and nothing else is; a repeated customer is an error.
func TestFindFindsEveryRow(t *testing.T) {
	const asOf = data.Date(20_000)
	rapid.Check(t, func(rt *rapid.T) {
		ids := rapid.SliceOfNDistinct(rapid.StringMatching(`[a-zé]{1,4}`), 1, 30, rapid.ID[string]).Draw(rt, "ids")
		table, known := &Scores{}, map[string]uint16{}
		rows := make([]data.Score, len(ids))
		for i, id := range ids {
			rows[i] = data.Score{CustomerID: id, AsOf: asOf, PayProb: rapid.Float64Range(0, 1).Draw(rt, "p"), BalanceCents: data.Cents(i), ModelVersion: fmt.Sprint("m", i%3)}
			for _, ch := range data.Channels {
				if rapid.Bool().Draw(rt, "has") {
					rows[i].SetUplift(ch, rapid.Float64Range(-1, 1).Draw(rt, "u"))
				}
			}
			if err := table.add(&rows[i], known); err != nil {
				rt.Fatal(err)
			}
		}
		if err := table.sort(); err != nil {
			rt.Fatal(err)
		}
		for _, want := range rows {
			got, ok := table.Find(want.CustomerID)
			if !ok || !sameScore(got, want) {
				rt.Fatalf("%q: got %+v, want %+v", want.CustomerID, got, want)
			}
		}
		other := rapid.StringMatching(`[a-zé]{0,5}`).Draw(rt, "other")
		if _, ok := table.Find(other); ok != slices.Contains(ids, other) {
			rt.Fatalf("%q: found %v", other, ok)
		}
		if err := table.add(&rows[0], known); err != nil {
			rt.Fatal(err)
		}
		if err := table.sort(); err == nil {
			rt.Fatal("a repeated customer is not an error")
		}
	})
}

// TestPagesAgreeWithFilter: the pages of any filter, from any plan and with any
// size, add up to what a plain filter of the sorted actions gives.
func TestPagesAgreeWithFilter(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		p := &Plan{SHA256: "x"}
		for i := range rapid.IntRange(0, 40).Draw(rt, "actions") {
			p.actions = append(p.actions, data.Action{ActionID: fmt.Sprint(i), Day: data.Date(rapid.IntRange(0, 4).Draw(rt, "day")), Channel: rapid.SampledFrom(data.Channels[:]).Draw(rt, "channel")})
		}
		slices.SortFunc(p.actions, func(a, b data.Action) int { return positionOf(&a).compare(positionOf(&b)) })
		var filter PlanFilter
		if rapid.Bool().Draw(rt, "by day") {
			day := data.Date(rapid.IntRange(-1, 5).Draw(rt, "filter day"))
			filter.Day = &day
		}
		if rapid.Bool().Draw(rt, "by channel") {
			filter.Channel = rapid.SampledFrom(data.Channels[:]).Draw(rt, "filter channel")
		}
		var want, got []data.Action
		for _, a := range p.actions {
			if (filter.Day == nil || a.Day == *filter.Day) && (filter.Channel == "" || a.Channel == filter.Channel) {
				want = append(want, a)
			}
		}
		var after *position
		for limit := rapid.IntRange(1, 9).Draw(rt, "limit"); ; {
			page, next := p.Page(filter, after, limit)
			if next != nil && len(page) != limit {
				rt.Fatalf("a page of %d in the middle", len(page))
			}
			got = append(got, page...)
			if after = next; after == nil {
				break
			}
		}
		if !slices.Equal(got, want) {
			rt.Fatalf("got %v, want %v", got, want)
		}
	})
}

func sameScore(a, b data.Score) bool {
	for _, ch := range data.Channels {
		u, v := a.Uplift(ch), b.Uplift(ch)
		if (u == nil) != (v == nil) || (u != nil && *u != *v) {
			return false
		}
		if u != nil {
			a.SetUplift(ch, 0)
			b.SetUplift(ch, 0)
		}
	}
	return a.CustomerID == b.CustomerID && a.AsOf == b.AsOf && a.PayProb == b.PayProb && a.BalanceCents == b.BalanceCents &&
		a.DaysPastDue == b.DaysPastDue && a.ModelVersion == b.ModelVersion
}
