package segments_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"dunning/data"
	"dunning/models/segments"
)

// leastAgreement is the adjusted Rand index from month to month below which
// segments would not be stable.
const leastAgreement = 0.85

// settled returns the movements from the second month on in which cut points
// of a whole year were in force.
func (s *segmented) settled() (months []data.Date, moves []segments.Movements) {
	for i, m := range s.moves {
		if s.months[i] >= s.cuts[0].From {
			months, moves = append(months, s.months[i+1]), append(moves, m)
		}
	}
	return months, moves
}

func TestSegmentsAgreeFromMonthToMonthWhenNothingChanges(t *testing.T) {
	months, moves := mustSegment(t).settled()
	if len(months) < 12 {
		t.Fatalf("%d months to compare", len(months))
	}
	worst := 1.0
	for i, m := range moves {
		worst = min(worst, m.Agreement())
		if a := m.Agreement(); a < leastAgreement {
			t.Errorf("%s: agreement %.3f, want at least %.2f", months[i], a, leastAgreement)
		}
	}
	t.Logf("%d months, least agreement %.3f", len(months), worst)
}

func TestEverySegmentHasMembersAndNoneHasMost(t *testing.T) {
	s := mustSegment(t)
	size, all := map[segments.Key]int{}, 0
	for _, keys := range s.keys {
		if k := keys[len(keys)-1]; k != "" {
			size[k]++
			all++
		}
	}
	t.Log(size)
	for _, k := range segments.Keys {
		if share := float64(size[k]) / float64(all); share < .005 || share > .5 {
			t.Errorf("%s: %.1f %% of the customers", k, 100*share)
		}
	}
}

// TestDescriptionsAreTrueOfTheirMembers looks at the invoices of every member
// again, without the package's own facts, and at the bounds in the text.
func TestDescriptionsAreTrueOfTheirMembers(t *testing.T) {
	s := mustSegment(t)
	asOf := s.months[len(s.months)-1]
	cuts := &s.cuts[len(s.cuts)-1]
	for i, keys := range s.keys {
		k := keys[len(keys)-1]
		if k == "" {
			continue
		}
		c := s.customers[i]
		f := seen(c, asOf)
		kind := cuts.Of(c.Business)
		if !k.Holds(s.last[i], kind) {
			t.Fatalf("customer %d is %s with %+v", i, k, s.last[i])
		}
		if !f.true(k, kind) {
			t.Errorf("customer %d is %s, but %+v (cut points %+v)", i, k, f, kind)
		}
	}
	for _, k := range segments.Keys {
		pt, en := k.Describe(cuts)
		t.Logf("%s (%s): %s %s", k.Portuguese(), k.English(), pt, en)
		if strings.Contains(pt+en, "%!") || pt == "" || en == "" || k.Portuguese() == "" {
			t.Errorf("%s: %q, %q", k, pt, en)
		}
	}
	_, high := segments.PunctualHigh.Describe(cuts)
	if want := data.RoundCents(.8 * float64(cuts.Person.HighCents)).BRL(); !strings.Contains(high, want) || !strings.Contains(high, fmt.Sprintf("%.0f %%", 100*(cuts.Person.OnTime-.2))) {
		t.Errorf("%q does not name %s", high, want)
	}
}

// look is what a person would count on a customer's invoices.
type look struct {
	overdue          data.Date
	everDue          int
	bought           []data.Cents
	due, onTime      int
	quiet            data.Date
	negative, report int
}

func seen(c *segments.Customer, asOf data.Date) look {
	l := look{quiet: 1 << 20, negative: -1}
	for _, v := range c.Invoices {
		if v.Issued >= asOf {
			continue
		}
		l.quiet = min(l.quiet, asOf-v.Issued)
		if asOf-v.Issued <= 365 {
			l.bought = append(l.bought, v.Cents)
		}
		open := v.Closed >= asOf
		if open {
			l.overdue = max(l.overdue, asOf-v.Due)
		}
		if v.Due+5 >= asOf || !open && !v.Paid && v.Closed < v.Due+90 {
			continue
		}
		l.everDue++
		if asOf-v.Due <= 365 {
			l.due++
			if !open && v.Paid && v.Closed <= v.Due+5 {
				l.onTime++
			}
		}
	}
	slices.Sort(l.bought)
	for _, r := range c.Reports {
		if r.Day < asOf && asOf-r.Day <= 365 && int(r.Day) >= l.report {
			l.report, l.negative = int(r.Day), r.Negative
		}
	}
	return l
}

// true says of each segment what its description says.
func (l *look) true(k segments.Key, c *segments.Cuts) bool {
	median, share := data.Cents(0), 0.0
	if n := len(l.bought); n > 0 {
		median = l.bought[n/2]
	}
	if l.due > 0 {
		share = float64(l.onTime) / float64(l.due)
	}
	n, high := len(l.bought), c.HighCents
	const rounding = 1e-9
	switch k {
	case segments.Arrears:
		return l.overdue > 30
	case segments.New:
		return l.everDue < 4
	case segments.Inactive:
		return l.quiet > 180 || l.due == 0
	case segments.Restricted:
		return l.negative >= 1
	case segments.PunctualHigh:
		return share >= c.OnTime-.2-rounding && 10*median >= 8*high
	case segments.Punctual:
		return share >= c.OnTime-.2-rounding && median < high && 10*n >= 7*c.Frequent
	case segments.Occasional:
		return share >= c.OnTime-.2-rounding && median < high && n < c.Frequent
	case segments.LateHigh:
		return share < c.OnTime && 10*median >= 8*high
	case segments.Late:
		return share < c.OnTime && median < high
	}
	return false
}

// TestThoseWhoBeginToPayLateMoveToLate: from a day on every third customer
// pays twenty days later than he did.
func TestThoseWhoBeginToPayLateMoveToLate(t *testing.T) {
	const change = 240 // days before the end
	still := mustSegment(t)
	p := *still.portfolio
	p.customers = slices.Clone(p.customers)
	for i := range p.customers {
		if i%3 != 0 {
			continue
		}
		c := *p.customers[i]
		c.Invoices = slices.Clone(c.Invoices)
		for j := range c.Invoices {
			if v := &c.Invoices[j]; v.Paid && v.Due >= p.asOf-change {
				v.Closed += 20
			}
		}
		p.customers[i] = &c
	}
	moved := segment(&p)
	count := func(s *segmented) (punctualToLate [2]int64) {
		for i := range s.keys {
			group := 0
			if i%3 == 0 {
				group = 1
			}
			for m := 1; m < len(s.months); m++ {
				if s.months[m] <= p.asOf-change {
					continue
				}
				if wasPunctual(s.keys[i][m-1]) && isLate(s.keys[i][m]) {
					punctualToLate[group]++
				}
			}
		}
		return punctualToLate
	}
	before, after := count(still), count(moved)
	t.Logf("moves from punctual to late: others %d and %d, those who changed %d and %d", before[0], after[0], before[1], after[1])
	if after[0] != before[0] {
		t.Errorf("others moved %d times before and %d after, though they did not change", before[0], after[0])
	}
	if after[1] < 4*before[1] {
		t.Errorf("those who changed moved %d times and now %d", before[1], after[1])
	}
	// The table names the movement: among all named moves of the worst month,
	// those from a punctual to a late segment are most.
	_, moves := moved.settled()
	worst := slices.MinFunc(moves, func(a, b segments.Movements) int {
		if a.Agreement() < b.Agreement() {
			return -1
		}
		return 1
	})
	var late, all int64
	for k, n := range worst {
		if k[0] != "" && k[1] != "" && k[0] != k[1] {
			all += n
			if wasPunctual(k[0]) && isLate(k[1]) {
				late += n
			}
		}
	}
	t.Logf("worst month: agreement %.3f, %d of %d moves from punctual to late", worst.Agreement(), late, all)
	if worst.Agreement() >= leastAgreement || 2*late < all {
		t.Errorf("agreement %.3f, %d of %d moves from punctual to late: the change is not seen", worst.Agreement(), late, all)
	}
}

func wasPunctual(k segments.Key) bool {
	return k == segments.PunctualHigh || k == segments.Punctual || k == segments.Occasional
}

func isLate(k segments.Key) bool { return k == segments.LateHigh || k == segments.Late }

// TestFactsSeeNothingThatComesLater: what happens from the day on changes
// nothing.
func TestFactsSeeNothingThatComesLater(t *testing.T) {
	s := mustSegment(t)
	day := s.months[len(s.months)/2]
	for i, c := range s.customers {
		cut := segments.Customer{Business: c.Business}
		for _, v := range c.Invoices {
			if v.Issued >= day {
				continue
			}
			if v.Closed >= day {
				v.Closed, v.Paid = segments.Never, false
			}
			cut.Invoices = append(cut.Invoices, v)
		}
		for _, r := range c.Reports {
			if r.Day < day {
				cut.Reports = append(cut.Reports, r)
			}
		}
		if a, b := c.At(day), cut.At(day); a != b {
			t.Fatalf("customer %d: %+v with the future, %+v without", i, a, b)
		}
	}
}

func TestAgreement(t *testing.T) {
	a, b := segments.Late, segments.Punctual
	for _, c := range []struct {
		name  string
		moves segments.Movements
		want  float64
	}{
		{"nobody", segments.Movements{}, 1},
		{"nobody moved", segments.Movements{{a, a}: 5, {b, b}: 7}, 1},
		{"newcomers do not count", segments.Movements{{a, a}: 5, {b, b}: 7, {"", a}: 100}, 1},
		{"everybody swapped: the same groups", segments.Movements{{a, b}: 5, {b, a}: 7}, 1},
		// 4 pairs of 2 in a square: both = 0, rows = columns = 2, all = 6,
		// (0 − 2·2/6) / (2 − 2·2/6) = −0.5
		{"crossed", segments.Movements{{a, a}: 1, {a, b}: 1, {b, a}: 1, {b, b}: 1}, -.5},
	} {
		if got := c.moves.Agreement(); got < c.want-1e-12 || got > c.want+1e-12 {
			t.Errorf("%s: %g, want %g", c.name, got, c.want)
		}
	}
}

func TestCutPointsMoveOnlyWhenTheyAreOff(t *testing.T) {
	days := []data.Date{100, 465, 830}
	facts := make([][]segments.Facts, len(days))
	for i, factor := range []data.Cents{100, 105, 150} {
		for n := range data.Cents(200) {
			facts[i] = append(facts[i], segments.Facts{Invoices: 12, MedianCents: n * factor, Due: 10, OnTime: 8, EverDue: 10})
		}
	}
	cuts := segments.FitCuts(days, facts)
	if cuts[1].Person != (segments.Cuts{HighCents: 15000, Frequent: 12, OnTime: .8, Customers: 200}) {
		t.Errorf("five per cent dearer: %+v", cuts[1].Person)
	}
	if cuts[2].Person.HighCents != 23000 || cuts[2].From != 830 {
		t.Errorf("half as dear again: %+v", cuts[2])
	}
}

func ExampleNext() {
	cuts := &segments.Cuts{HighCents: 40_000, Frequent: 10, OnTime: .8}
	f := segments.Facts{Invoices: 12, MedianCents: 15_000, Due: 10, OnTime: 9, EverDue: 30, NegativeRecords: -1}
	k := segments.Next("", f, cuts)
	fmt.Println(k, "–", k.Portuguese())
	f.OnTime = 7 // a little less: he stays
	fmt.Println(segments.Next(k, f, cuts))
	f.OnTime = 5
	fmt.Println(segments.Next(k, f, cuts))
	// Output:
	// pontual_frequente – Pontual frequente
	// pontual_frequente
	// atrasado
}
