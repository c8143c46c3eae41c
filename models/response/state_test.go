package response

import (
	"context"
	"math/rand/v2"
	"slices"
	"testing"

	"dunning/data"
	"dunning/features"
)

// An agreement covers the oldest overdue invoices that its amount pays, runs from
// the day after it was made to a week after its last instalment, and each
// payment is an instalment. A promise of the same day for the rest is none of it.
func TestAgreementIsReadFromItsInstalments(t *testing.T) {
	made := data.MakeDate(2025, 3, 10)
	c := Customer{
		Invoices: []Invoice{
			{Issued: made - 40, Due: made - 20, Until: NoDay, AmountCents: 5_000},
			{Issued: made - 100, Due: made - 80, Until: NoDay, AmountCents: 10_000, Payments: []Payment{{Day: made - 50, Cents: 4_000}}},
			{Issued: made - 90, Due: made - 60, Until: made - 5, AmountCents: 3_000},
			{Issued: made - 10, Due: made + 20, Until: NoDay, AmountCents: 6_000},
		},
		Promises: []Promise{
			{MadeOn: made, DueOn: made + 3, Number: 1, Cents: 11_000},
			{MadeOn: made, DueOn: made + 5, Number: 1, Cents: 2_000},
			{MadeOn: made, DueOn: made + 35, Number: 2, Cents: 2_000},
			{MadeOn: made, DueOn: made + 65, Number: 3, Cents: 2_000},
		},
	}
	plans := plansOf(&c)
	if len(plans) != 1 || !slices.Equal(plans[0].covers, []int{1}) || !slices.Equal(plans[0].due, []data.Date{made + 5, made + 35, made + 65}) {
		t.Fatalf("agreements %+v", plans)
	}
	for _, x := range []struct {
		invoice int
		day     data.Date
		row     uint8
		due     data.Date
	}{
		{1, made, rowDecided, made - 80},
		{1, made + 1, rowPlan, made + 5},
		{1, made + 21, rowPlan, made + 35},
		{1, made + 72, rowPlan, made + 65},
		{1, made + 73, rowDecided, made - 80},
		{0, made + 1, rowDecided, made - 20},
	} {
		w := stateWalk{c: &c, invoice: x.invoice, plans: plans, doubts: &doubts{}}
		if row, due := w.state(x.day); row != x.row || due != x.due {
			t.Errorf("invoice %d on day %d of the agreement: state %d from %s, want %d from %s", x.invoice, x.day-made, row, due, x.row, x.due)
		}
	}
	v := c.Invoices[1]
	for paid, want := range []float64{.2, 1, 1} { // three, two and one instalments to come, much hazard
		s := instalments(&v, &plans[0], made+100)
		if got := settled(&s.all, 50); got < want-1e-9 || got > want+1e-9 {
			t.Errorf("after %d instalments all is paid with %.3f, want %.3f", paid, got, want)
		}
		if got := settled(&s.all, .3); paid < 2 && got > .05 {
			t.Errorf("after %d instalments all is paid with %.3f, of few payments", paid, got)
		}
		v.Payments = append(v.Payments, Payment{Day: made + 6 + data.Date(30*paid), Cents: 2_000})
	}
}

// An agreement leaves out what it does not pay, what is contested and what is
// under an earlier one; an instalment may come on the day it was made, a payment
// of another size on that day is none.
func TestAgreementLeavesOutWhatIsNotItsOwn(t *testing.T) {
	made := data.MakeDate(2025, 3, 10)
	c := Customer{
		Invoices: []Invoice{
			{Issued: made - 120, Due: made - 100, Until: NoDay, AmountCents: 50_000},
			{Issued: made - 110, Due: made - 90, Until: NoDay, AmountCents: 6_000, Disputes: []Dispute{{made - 100, NoDay}}},
			{Issued: made - 100, Due: made - 80, Until: NoDay, AmountCents: 4_000},
			{Issued: made - 90, Due: made - 70, Until: NoDay, AmountCents: 9_000, Payments: []Payment{{Day: made, Cents: 3_000}, {Day: made, Cents: 2_000}}},
		},
		Promises: []Promise{
			{MadeOn: made - 20, DueOn: made - 10, Number: 1, Cents: 2_000},
			{MadeOn: made - 20, DueOn: made + 20, Number: 2, Cents: 2_000},
			{MadeOn: made, DueOn: made + 5, Number: 1, Cents: 2_000},
			{MadeOn: made, DueOn: made + 35, Number: 2, Cents: 2_000},
			{MadeOn: made, DueOn: made + 65, Number: 3, Cents: 2_000},
		},
	}
	plans := plansOf(&c)
	if len(plans) != 2 || !slices.Equal(plans[0].covers, []int{2}) || !slices.Equal(plans[1].covers, []int{3}) {
		t.Fatalf("agreements %+v", plans)
	}
	if s := instalments(&c.Invoices[3], &plans[1], made+10); s.all != [2]float64{0, 1} {
		t.Errorf("one of three instalments came on the day of the agreement: %+v", s)
	}
}

// watchedTown are customers who are decided about on a weekday of their own, from
// a week before the due date on, one invoice after the other; some invoices are
// never decided about.
func watchedTown(from data.Date, invoices int) (customers []Customer) {
	for i := range 400 {
		weekday := data.Date(i % 5)
		var c Customer
		for n := range invoices {
			issued := from + data.Date(40*n)
			v := Invoice{Issued: issued, Due: issued + 15 + data.Date(i%7), Until: issued + 39, AmountCents: 100}
			c.Invoices = append(c.Invoices, v)
			for d := v.Due - 7; d <= v.Until && (i+n)%50 > 0; d++ {
				if (d-from)%7 == weekday {
					c.Decisions = append(c.Decisions, d)
				}
			}
		}
		customers = append(customers, c)
	}
	return customers
}

// Where every customer has his weekday, one that passes without a decision about
// a due invoice says that it is held back; a holiday says nothing, and a decision
// about another invoice nothing of this one.
func TestInvoicesLeftAloneAreHeldBack(t *testing.T) {
	from := data.MakeDate(2025, 6, 23) // a Monday; no holiday until September
	days := &NewDays(features.NewCalendar(), from-400, from+250).calendarDays
	m := Model{Decisions: true}
	m.countAttention(watchedTown(from-300, 7), days, from)
	own, other := m.Attention[rhythmDay][-attentionFrom], m.Attention[rhythmOther][-attentionFrom]
	if own < .95 || other > .01 || m.Attention[rhythmDay][0] > .01 {
		t.Fatalf("days decided about: %.3f of one's own, %.3f of others", own, other)
	}
	due := from + 16 // a Wednesday
	c := Customer{
		Invoices: []Invoice{
			{Issued: from - 40, Due: from - 25, Until: from - 10, AmountCents: 100},
			{Issued: from - 5, Due: due, Until: NoDay, AmountCents: 100},
			{Issued: due + 18, Due: due + 30, Until: due + 45, AmountCents: 100},
		},
		// Mondays: the first invoice's, then those of the third.
		Decisions: []data.Date{from - 28, from - 21, from - 14, due + 26, due + 33, due + 40},
	}
	var tr track
	tr.reset(&c, days, &m, due+80)
	for day, want := range map[data.Date]uint8{-15: levelFree, -3: levelFree, -2: levelDoubtful, 4: levelDoubtful, 5: levelHeld, 33: levelHeld, 40: levelHeld} {
		if got := tr.doubts.on(1, due+day); got != want {
			t.Errorf("%d days after the due date: doubt %d, want %d", day, got, want)
		}
	}
	if got := tr.doubts.on(2, due+34); got != levelFree {
		t.Errorf("the invoice that is decided about: doubt %d", got)
	}
	// Whoever plans for the customer decides, too: about the one that is alone.
	ahead := func(day data.Date) uint8 {
		w := stateWalk{c: &c, invoice: 1, doubts: &tr.doubts}
		s, _ := w.ahead(day)
		return s.row
	}
	if alone, two := ahead(due+9), ahead(due+30); alone != rowDecided || two != rowHeld {
		t.Errorf("planned for alone: state %d, beside another: %d", alone, two)
	}
	// A decision that nothing else explains says that it is held back no longer.
	c.Decisions = append(c.Decisions, due+54, due+61)
	tr.reset(&c, days, &m, due+80)
	if before, after := tr.doubts.on(1, due+53), tr.doubts.on(1, due+61); before != levelHeld || after != levelFree {
		t.Errorf("doubt %d before it is decided about, %d after", before, after)
	}
	// 25 December and 1 January are Thursdays: nobody decides on them.
	due = data.MakeDate(2025, 12, 29)
	days = &NewDays(features.NewCalendar(), due-100, due+90).calendarDays
	c = Customer{
		Invoices:  []Invoice{{Issued: due - 60, Due: due - 40, Until: due - 25, AmountCents: 100}, {Issued: due - 10, Due: due, Until: NoDay, AmountCents: 100}},
		Decisions: []data.Date{due - 46, due - 39, due - 32, due - 25},
	}
	tr.reset(&c, days, &m, due+20)
	if holidays, after := tr.doubts.on(1, due+9), tr.doubts.on(1, due+10); holidays != levelFree || after != levelDoubtful {
		t.Errorf("after two holidays: doubt %d, after the next Thursday %d", holidays, after)
	}
}

// A dispute that the log tells of counts on the days after it was opened up to
// that on which it was closed, whatever was decided. Where the log keeps
// disputes, nothing is guessed of what else was left alone; where it keeps none,
// all of it is.
func TestDisputesAreBelieved(t *testing.T) {
	from := data.MakeDate(2025, 6, 23)
	days := &NewDays(features.NewCalendar(), from-400, from+250).calendarDays
	for _, kept := range []bool{false, true} {
		town := watchedTown(from-300, 7)
		for i := range town {
			for n := range town[i].Invoices {
				if v := &town[i].Invoices[n]; (i+n)%50 == 0 && (kept || i == 0) { // a single one is no log of disputes
					v.Disputes = []Dispute{{Opened: v.Issued, Closed: NoDay}}
				}
			}
		}
		m := Model{Decisions: true}
		m.countAttention(town, days, from)
		if m.Disputes != kept {
			t.Fatalf("disputes are kept: %v, found %v", kept, m.Disputes)
		}
		due := from + 10
		c := Customer{
			Invoices: []Invoice{
				{Issued: from - 40, Due: from - 25, Until: from - 10, AmountCents: 100},
				{Issued: from, Due: due, Until: NoDay, AmountCents: 100, Disputes: []Dispute{{due + 1, due + 8}, {due + 20, NoDay}}},
				{Issued: from, Due: due, Until: NoDay, AmountCents: 100},
			},
			Decisions: []data.Date{from - 28, from - 21, from - 14, due + 4, due + 11, due + 18, due + 25}, // Mondays
		}
		var tr track
		tr.reset(&c, days, &m, due+60)
		row := func(invoice int, day data.Date) uint8 {
			w := stateWalk{c: &c, invoice: invoice, doubts: &tr.doubts, decided: decisionWalk{days: c.Decisions}}
			row, _ := w.state(day)
			return row
		}
		for day, want := range map[data.Date]uint8{1: rowUndecided, 2: rowHeld, 8: rowHeld, 9: rowDecided, 20: rowDecided, 21: rowHeld, 40: rowHeld} {
			if got := row(1, due+day); got != want {
				t.Errorf("kept %v, %d days after the due date: state %d, want %d", kept, day, got, want)
			}
		}
		w := stateWalk{c: &c, invoice: 1, doubts: &tr.doubts}
		if s, _ := w.ahead(due + 30); s.row != rowHeld {
			t.Errorf("kept %v: planned for as state %d", kept, s.row)
		}
		// The other invoice is left alone from the last decision on.
		want := uint8(rowHeld)
		if kept {
			want = rowUndecided
		}
		if got := row(2, due+55); got != want {
			t.Errorf("kept %v: what is left alone is in state %d, want %d", kept, got, want)
		}
	}
}

// Cells that do not matter are pulled to nothing, those that do stay.
func TestNoiseInMarginsIsShrunk(t *testing.T) {
	rng := rand.New(rand.NewPCG(2, 9))
	logs, variance, truth := make([]float64, 35), make([]float64, 35), make([]float64, 35)
	for i := range logs {
		if i%10 == 9 {
			truth[i] = .25
		}
		variance[i] = .02 * .02
		logs[i] = truth[i] + .02*rng.NormFloat64()
	}
	shrink(logs, variance)
	for i, x := range logs {
		if d := x - truth[i]; d > .06 || d < -.06 || truth[i] == 0 && (x > .03 || x < -.03) {
			t.Errorf("cell %d: %.3f, want %.3f", i, x, truth[i])
		}
	}
	var squares float64
	for i, x := range logs {
		if truth[i] == 0 {
			squares += x * x
		}
	}
	if squares/32 > .25*.02*.02 {
		t.Errorf("noise of %.4f is left, of .02", squares/32)
	}
}

// The halves of the thirteenth salary are due on 30 November and 20 December.
func TestThirteenthSalaryIsPlaced(t *testing.T) {
	for _, x := range []struct{ month, day, want int }{
		{10, 31, 0}, {11, 19, 0}, {11, 20, 1}, {11, 25, 2}, {11, 30, 3}, {12, 5, 3}, {12, 6, 4}, {12, 9, 4},
		{12, 10, 5}, {12, 15, 6}, {12, 20, 7}, {12, 25, 7}, {12, 26, 8}, {12, 30, 8}, {12, 31, 0}, {1, 3, 0},
	} {
		if got := thirteenthOf(x.month, x.day); int(got) != x.want {
			t.Errorf("day %d of month %d: %d, want %d", x.day, x.month, got, x.want)
		}
	}
}

// A letter's stage is that of the day on which it was sent, as it will be when
// the next one is planned; it acts from the day on which it arrived.
func TestStageIsThatOfTheDayOfSending(t *testing.T) {
	due := data.MakeDate(2025, 3, 10)
	days := NewDays(features.NewCalendar(), due-60, due+60)
	c := Customer{
		Invoices: []Invoice{{Issued: due - 20, Due: due, Until: NoDay, AmountCents: 100}},
		Touches:  []Touch{{Day: due + 2, Channel: 4, Delivered: due + 5, Opened: NoDay, Promised: NoDay, Complained: NoDay}},
	}
	var tr track
	tr.reset(&c, &days.calendarDays, &Model{Deliveries: true}, due+20)
	if len(tr.pairs) != 1 || int(tr.pairs[0].stage) != stageOf(2) || tr.pairs[0].day != days.at(due+2).day {
		t.Fatalf("pairs %+v, want the stage %d", tr.pairs, stageOf(2))
	}
	if len(tr.recs) == 0 || tr.recs[0].day != due+5 {
		t.Errorf("acts from %+v on, want %s", tr.recs, due+5)
	}
}

// paidAt draws an invoice every twenty days, each paid at a hazard per day; what would
// be paid from to on stays open.
func paidAt(rng *rand.Rand, hazard float64, from, to data.Date) (invoices []Invoice) {
	for issued := from; issued < to; issued += 20 {
		v := Invoice{Issued: issued, Due: issued + 10, Until: NoDay, AmountCents: 1000}
		if pays := issued + 1 + data.Date(rng.ExpFloat64()/hazard); pays < to {
			v.Until, v.Payments = pays, []Payment{{Day: pays, Cents: v.AmountCents}}
		}
		invoices = append(invoices, v)
	}
	return invoices
}

// Two regions pay at different hazards, and customers of some years at another
// than new ones; paces move to the two that there are.
func TestRegionTenureAndPacesAreFound(t *testing.T) {
	rng := rand.New(rand.NewPCG(8, 1))
	from, to := data.MakeDate(2024, 1, 1), data.MakeDate(2025, 1, 1)
	days := NewDays(features.NewCalendar(), from, to+30)
	var customers []Customer
	for i := range 600 {
		c := Customer{Group: "all", Region: []string{"A", "B"}[i%2], Since: from - 365*data.Date(1+4*(i/2%2)) - 100}
		hazard := .06 * []float64{1, 2}[i%2] * []float64{1, 1.5}[i/2%2] * []float64{.5, 1.5}[i/4%2]
		c.Invoices = paidAt(rng, hazard, from, to)
		customers = append(customers, c)
	}
	m, err := Fit(context.Background(), customers, days, Options{Classes: 2, End: to, NoEffects: true})
	if err != nil {
		t.Fatal(err)
	}
	if r := m.Base.Region["B"] / m.Base.Region["A"]; r < 1.8 || r > 2.2 {
		t.Errorf("region B pays at %.2f times the hazard of A, want 2", r)
	}
	if r := m.Base.Cohort[6] / m.Base.Cohort[2]; r < 1.35 || r > 1.65 {
		t.Errorf("customers of five years pay at %.2f times the hazard of those of one, want 1.5", r)
	}
	for l := 1; l < len(m.Levels); l++ {
		if m.Levels[l] < 1.1*m.Levels[l-1] {
			t.Errorf("paces %.3f: two of them are one", m.Levels)
		}
	}
	// Most customers have one of two paces, three apart.
	var slow, fast, near float64
	mix := m.Groups[""].Level
	top := slices.Index(mix, slices.Max(mix))
	for l, g := range m.Levels {
		switch {
		case g < m.Levels[top]/1.7:
			slow += mix[l]
		case g > m.Levels[top]*1.7:
			fast += mix[l]
		default:
			near += mix[l]
		}
	}
	if other := max(slow, fast); near < .4 || near > .6 || other < .38 {
		t.Errorf("paces %.2f with shares %.2f", m.Levels, mix)
	}
}
