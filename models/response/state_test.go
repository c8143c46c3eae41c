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
		w := stateWalk{c: &c, invoice: x.invoice, plans: plans}
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

// An invoice that nobody decided about for more than a week after its due date is
// held back, and stays so while another one is decided about; when it is alone
// again, decisions are about it.
func TestInvoicesLeftAloneAreHeldBack(t *testing.T) {
	due := data.MakeDate(2025, 7, 1) // no holiday until September
	days := &NewDays(features.NewCalendar(), due-60, due+90).calendarDays
	c := Customer{
		Invoices:  []Invoice{{Issued: due - 20, Due: due, Until: NoDay, AmountCents: 100}, {Issued: due + 10, Due: due + 20, Until: due + 40, AmountCents: 100}},
		Decisions: []data.Date{due + 20, due + 27, due + 34, due + 50},
	}
	w := stateWalk{c: &c, days: days, decided: decisionWalk{days: c.Decisions}}
	got := map[data.Date]uint8{}
	for d := due - 5; d < due+60; d++ {
		w.step(d)
		got[d], _ = w.state(d)
	}
	for day, want := range map[data.Date]uint8{-1: rowUndecided, 0: rowIdle, 6: rowIdle, 7: rowHeld, 20: rowHeld, 40: rowHeld, 50: rowDecided, 57: rowIdle} {
		if got[due+day] != want {
			t.Errorf("%d days after the due date: state %d, want %d", day, got[due+day], want)
		}
	}
	// A week in which a holiday was says nothing: 25 December and 1 January.
	due = data.MakeDate(2025, 12, 24)
	c.Invoices[0].Due, c.Invoices[0].Issued, c.Invoices[1].Issued = due, due-20, due+100
	days = &NewDays(features.NewCalendar(), due-60, due+90).calendarDays
	w = stateWalk{c: &c, days: days, decided: decisionWalk{days: []data.Date{}}}
	for d := due; d < due+14; d++ {
		w.step(d)
	}
	if row, _ := w.state(due + 14); w.idle != 1 || row != rowIdle {
		t.Errorf("after two weeks with holidays: %d days, state %d", w.idle, row)
	}
	due = data.MakeDate(2025, 7, 1)
	c.Invoices[0].Due, c.Invoices[0].Issued, c.Invoices[1].Issued = due, due-20, due+10
	// Whoever plans for the customer decides, too: about the one that is alone.
	ahead := func(from data.Date, idle int) uint8 {
		w := stateWalk{c: &c, days: days, decided: decisionWalk{days: []data.Date{}}, idle: idle}
		s, _ := w.ahead(from)
		return s.row
	}
	if alone, two := ahead(due+9, heldDays), ahead(due+30, heldDays); alone != rowDecided || two != rowHeld {
		t.Errorf("planned for alone: state %d, beside another: %d", alone, two)
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
		for issued := from; issued < to; issued += 20 {
			v := Invoice{Issued: issued, Due: issued + 10, Until: NoDay, AmountCents: 1000}
			if pays := issued + 1 + data.Date(rng.ExpFloat64()/hazard); pays < to {
				v.Until, v.Payments = pays, []Payment{{Day: pays, Cents: v.AmountCents}}
			}
			c.Invoices = append(c.Invoices, v)
		}
		customers = append(customers, c)
	}
	m, err := Fit(context.Background(), customers, days, Options{Classes: 2, End: to, NoEffects: true})
	if err != nil {
		t.Fatal(err)
	}
	if r := m.Base.Region["B"] / m.Base.Region["A"]; r < 1.8 || r > 2.2 {
		t.Errorf("region B pays at %.2f times the hazard of A, want 2", r)
	}
	if r := m.Base.Tenure[5] / m.Base.Tenure[1]; r < 1.35 || r > 1.65 {
		t.Errorf("customers of five years pay at %.2f times the hazard of those of one, want 1.5", r)
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
