package pipeline

import (
	"context"
	"errors"
	"strings"
	"testing"

	"dunning/data"
	"dunning/models/segments"
	"dunning/optimizer"
)

// TestRowsSpeakOfNamedSegments: a share and a minimum over named segments bind those
// whom the stage put into them, whatever the company's own segments are.
func TestRowsSpeakOfNamedSegments(t *testing.T) {
	p := reguaPlanner(t, 200, 3)
	share, least := 0.1, 0.9
	c := p.w.Config
	c.Segments = []SegmentRow{{Segment: string(segments.Late), MaxShare: &share}, {Segment: string(segments.New), MinCoverage: &least}}
	p.demanded, p.named = p.demandedSegments(), c.namedSegments()
	i := 0
	for _, id := range sortedKeys(p.customer) { // own segments go by twos, named ones by threes
		customer := p.customer[id]
		customer.NamedSegment = string([]segments.Key{segments.Late, segments.New, segments.Punctual}[i%3])
		p.customer[id] = customer
		i++
	}
	if err := p.build(p.value, nil); err != nil {
		t.Fatal(err)
	}
	if err := p.solve(context.Background()); err != nil {
		t.Fatal(err)
	}
	spent, touched := map[string]data.Cents{}, map[string]int{}
	for k, r := range p.chosen {
		if r == optimizer.Hold {
			continue
		}
		segment := p.customer[p.ids[k]].NamedSegment
		touched[segment]++
		for _, s := range r.Slots(nil) {
			spent[segment] += c.Channels[p.slots[s].Channel].CostCents
		}
	}
	if most := data.Cents(share * float64(c.BudgetCents)); spent["atrasado"] > most || spent["atrasado"] == 0 {
		t.Errorf("%d cents for who pays late, at most %d", spent["atrasado"], most)
	}
	if want := least * float64(p.size["novo"]); float64(touched["novo"]) < want-1 || p.size["novo"] < 60 {
		t.Errorf("%d of %d new ones are touched, want %.1f", touched["novo"], p.size["novo"], want)
	}
	free := 0
	for _, row := range p.grid.Rows {
		if strings.HasPrefix(row.Name, "segment ") {
			free++
		}
	}
	if free != 2 {
		t.Errorf("%d rows over segments", free)
	}
}

// TestRowsOfBothKindsOfSegmentsAreRefused: a customer is in one segment of each
// kind, and a row of one kind knows nothing of the other.
func TestRowsOfBothKindsOfSegmentsAreRefused(t *testing.T) {
	share := 0.2
	for _, tc := range []struct {
		rows []string
		ok   bool
	}{
		{[]string{"devedor", "novo"}, true},
		{[]string{"gold", "varejo"}, true},
		{[]string{"gold", "novo"}, false},
		{[]string{"novo", "gold"}, false},
	} {
		c := DefaultConfig()
		for _, s := range tc.rows {
			c.Segments = append(c.Segments, SegmentRow{Segment: s, MaxShare: &share})
		}
		if err := c.Validate(); (err == nil) != tc.ok || err != nil && !errors.Is(err, data.ErrUsage) {
			t.Errorf("%v: %v", tc.rows, err)
		}
	}
}
