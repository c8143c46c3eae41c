package pipeline

import (
	"math"
	"testing"

	"dunning/data"
	"dunning/optimizer"
)

// Customers whose touches cost alike share a profile, whatever days they have;
// a segment with rows and a cost of one's own make another.
func TestProfilesFollowCostsAndSegments(t *testing.T) {
	c := DefaultConfig()
	share := 0.2
	c.Segments = []SegmentRow{{Segment: "gold", MaxShare: &share}}
	c.Channels = map[data.Channel]ChannelConfig{data.SMS: {CostCents: 9}, data.Voice: {CostCents: 60}}
	slots := []optimizer.Slot{{Channel: data.SMS, Day: 1}, {Channel: data.Voice, Day: 1}, {Channel: data.SMS, Day: 2}}
	b := newProfileBook(slots, c)
	none := math.NaN()
	for _, x := range []struct {
		segment string
		cost    []float64
		want    int32
	}{
		{"new", []float64{9, 60, 9}, 0},
		{"old", []float64{none, 60, none}, 0},
		{"gold", []float64{9, none, none}, 1},
		{"old", []float64{9, 70, none}, 2},
		{"new", []float64{none, 70, 9}, 2},
		{"gold", []float64{9, 70, 9}, 3},
		{"gold", []float64{none, none, 9}, 1},
	} {
		if got := b.of(x.segment, x.cost); got != x.want {
			t.Errorf("%s %v: profile %d, want %d", x.segment, x.cost, got, x.want)
		}
	}
	if b.profiles() != 4 || b.cost[2][1] != 70 || b.cost[2][0] != 9 || b.segment[3] != "gold" || b.segment[2] != "" {
		t.Errorf("%d profiles, costs %v, segments %q", b.profiles(), b.cost, b.segment)
	}
}

// Values beyond single precision make all values wide, and change none.
func TestValuesWidenWhereTheyMust(t *testing.T) {
	p := &planner{slots: make([]optimizer.Slot, 2), scores: map[string]*data.Score{}, ids: []string{"a"}}
	p.values = optimizer.NewMemoryValues(2, 4)
	rows := [][]float64{{1, optimizer.Forbidden}, {1 << 24, -7}, {1<<24 + 1, 5}, {3, 4}}
	for i, row := range rows {
		if err := p.add(int32(i%2), row); err != nil {
			t.Fatal(err)
		}
		if wide := i >= 2; p.wide != wide {
			t.Errorf("after row %d: wide is %v", i, p.wide)
		}
	}
	n := 0
	err := eachCustomer(p.values, func(i int, profile int32, row []float64) error {
		if n++; row[0] != rows[i][0] || row[1] != rows[i][1] || profile != int32(i%2) {
			t.Errorf("customer %d of profile %d: %v, want %v", i, profile, row, rows[i])
		}
		return nil
	})
	if err != nil || n != len(rows) {
		t.Fatalf("%d customers, %v", n, err)
	}
}
