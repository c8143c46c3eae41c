package synth

import (
	"cmp"
	"testing"
	"time"

	"dunning/data"
)

// TestSources_KeepTheRules checks every row of a clean portfolio against the
// rules that extract applies, and that nothing happens at or after the end.
func TestSources_KeepTheRules(t *testing.T) {
	c, p := testConfig(sharedCustomers), sharedPortfolio(t)
	s, end := p.Sources, c.End.Time()
	customers, invoices, touches := map[string]bool{}, map[string]data.Invoice{}, map[string]data.Touch{}
	kinds, products := map[data.CustomerKind]bool{}, map[string]int{}
	for _, x := range s.Customers {
		if customers[x.CustomerID] {
			t.Fatalf("customer %s twice", x.CustomerID)
		}
		customers[x.CustomerID], kinds[x.Kind] = true, true
	}
	for _, x := range s.Invoices {
		if err := x.Validate(); err != nil || !customers[x.CustomerID] || x.IssuedOn >= c.End || x.AmountCents <= 0 {
			t.Fatalf("invoice %+v: %v", x, err)
		}
		if x.CancelledOn != nil && (*x.CancelledOn < x.IssuedOn || *x.CancelledOn >= c.End) {
			t.Fatalf("invoice %+v is cancelled on %s", x, x.CancelledOn)
		}
		if _, twice := invoices[x.InvoiceID]; twice {
			t.Fatalf("invoice %s twice", x.InvoiceID)
		}
		invoices[x.InvoiceID] = x
		products[x.Product]++
	}
	ids := map[string]bool{}
	paid := map[string]data.Cents{}
	for _, x := range s.Payments {
		v := invoices[x.InvoiceID]
		if err := x.Validate(); err != nil || ids[x.PaymentID] || v.CustomerID != x.CustomerID || data.DateOf(x.PaidAt) <= v.IssuedOn || !x.PaidAt.Before(end) {
			t.Fatalf("payment %+v: %v", x, err)
		}
		ids[x.PaymentID] = true
		if paid[x.InvoiceID] += x.AmountCents; paid[x.InvoiceID] > v.AmountCents {
			t.Fatalf("invoice %s is overpaid", x.InvoiceID)
		}
	}
	for _, x := range s.Touches {
		if err := x.Validate(); err != nil || !customers[x.CustomerID] || !x.SentAt.Before(end) {
			t.Fatalf("touch %+v: %v", x, err)
		}
		if _, twice := touches[x.TouchID]; twice {
			t.Fatalf("touch %s twice", x.TouchID)
		}
		touches[x.TouchID] = x
	}
	for _, x := range s.Promises {
		if err := x.Validate(); err != nil || ids[x.PromiseID] || !customers[x.CustomerID] || x.DueOn < data.DateOf(x.MadeAt) || !x.MadeAt.Before(end) {
			t.Fatalf("promise %+v: %v", x, err)
		}
		ids[x.PromiseID] = true
	}
	for _, x := range s.BureauReports {
		if err := x.Validate(); err != nil || !customers[x.CustomerID] || !x.At.Before(end) {
			t.Fatalf("bureau report %+v: %v", x, err)
		}
	}
	for _, name := range []string{subscription.name, instalment.name, purchase.name, contract.name, trade.name, renegotiated, reopened} {
		if products[name] == 0 {
			t.Errorf("no invoice for %s", name)
		}
	}
	if !kinds[data.PF] || !kinds[data.PJ] {
		t.Error("one kind of customer is missing")
	}
}

// TestTouchEvents_FollowTheirTouches checks every event against its touch, and
// that every kind of event happens.
func TestTouchEvents_FollowTheirTouches(t *testing.T) {
	s, end := sharedPortfolio(t).Sources, testConfig(sharedCustomers).End.Time()
	touches := map[string]data.Touch{}
	for _, x := range s.Touches {
		touches[x.TouchID] = x
	}
	events := map[data.TouchEventKind]int{}
	for _, x := range s.TouchEvents {
		touch, known := touches[x.TouchID]
		if err := (data.TouchEvent{TouchID: x.TouchID, At: x.At, Kind: x.Kind}).Validate(); err != nil || !known || x.At.Before(touch.SentAt) || !x.At.Before(end) || touch.Channel == data.Hold {
			t.Fatalf("event %+v of %+v: %v", x, touch, err)
		}
		events[x.Kind]++
	}
	for _, k := range data.TouchEventKinds {
		if events[k] == 0 {
			t.Errorf("no touch was ever %s", k)
		}
	}
}

// TestSources_ContainWhatDunningMeets checks that the rare things happen.
func TestSources_ContainWhatDunningMeets(t *testing.T) {
	p := sharedPortfolio(t)
	partial, instalments, cancelled, disputes, ufs := 0, 0, 0, 0, map[string]bool{}
	amount := map[string]data.Cents{}
	for _, v := range p.Sources.Invoices {
		amount[v.InvoiceID] = v.AmountCents
		if v.CancelledOn != nil {
			cancelled++
		}
	}
	for _, x := range p.Sources.Payments {
		if x.AmountCents < amount[x.InvoiceID] {
			partial++
		}
	}
	for _, r := range p.Sources.Promises {
		if r.InstalmentNo > 1 {
			instalments++
		}
	}
	for _, c := range p.Sources.Customers {
		ufs[c.UF] = true
		if c.Dispute {
			disputes++
		}
	}
	for name, n := range map[string]int{"partial payments": partial, "instalments beyond the first": instalments,
		"cancelled invoices": cancelled, "customers in dispute": disputes} {
		if n < 3 {
			t.Errorf("only %d %s", n, name)
		}
	}
	if len(ufs) < 10 {
		t.Errorf("only %d UFs", len(ufs))
	}
}

// TestDisputes_BeginAndEnd checks that each dispute begins with its invoice's
// issue and is over by the time that the invoice is, that nobody decides about a
// contested invoice alone, and that the customer's flag says what is open.
func TestDisputes_BeginAndEnd(t *testing.T) {
	p := sharedPortfolio(t)
	invoices, over, open := map[string]data.Invoice{}, map[string]data.Date{}, map[string]bool{}
	for _, v := range p.Sources.Invoices {
		invoices[v.InvoiceID] = v
		if v.CancelledOn != nil {
			over[v.InvoiceID] = *v.CancelledOn
		}
	}
	paid := map[string]data.Cents{}
	for _, x := range p.Sources.Payments {
		if paid[x.InvoiceID] += x.AmountCents; paid[x.InvoiceID] == invoices[x.InvoiceID].AmountCents {
			over[x.InvoiceID] = min(data.DateOf(x.PaidAt), cmp.Or(over[x.InvoiceID], data.DateOf(x.PaidAt)))
		}
	}
	upheld, last := 0, map[string]data.Dispute{}
	for _, d := range p.Sources.Disputes {
		v, day := invoices[d.InvoiceID], data.DateOf(d.At)
		before, again := last[d.InvoiceID]
		end, ended := over[d.InvoiceID]
		switch {
		case d.Validate() != nil || v.CustomerID != d.CustomerID:
			t.Fatalf("%+v of invoice %+v", d, v)
		case d.Kind == data.DisputeOpened && (again || day != v.IssuedOn):
			t.Fatalf("%+v after %+v, invoice %+v", d, before, v)
		case d.Kind == data.DisputeClosed && (before.Kind != data.DisputeOpened || d.At.Before(before.At) || ended && day > end):
			t.Fatalf("%+v after %+v, invoice %+v is over on %s", d, before, v, end)
		}
		if last[d.InvoiceID] = d; d.Kind == data.DisputeClosed && (!ended || day < end) {
			upheld++
		}
	}
	for id, d := range last {
		if _, ended := over[id]; ended && d.Kind == data.DisputeOpened {
			t.Errorf("%+v is open, and its invoice is not", d)
		}
		open[d.CustomerID] = open[d.CustomerID] || d.Kind == data.DisputeOpened
	}
	for _, c := range p.Sources.Customers {
		if c.Dispute != open[c.CustomerID] {
			t.Errorf("customer %s: flag %v, disputes %v", c.CustomerID, c.Dispute, open[c.CustomerID])
		}
	}
	if share := float64(len(last)) / float64(len(invoices)); share < .5*disputeShare || share > 1.5*disputeShare || upheld < 3 {
		t.Errorf("%.4f of the invoices are disputed, %d upheld", share, upheld)
	}
}

// TestLog_ObeysItsPolicy checks the recorded probabilities, the holdout and
// the opt-outs.
func TestLog_ObeysItsPolicy(t *testing.T) {
	p := sharedPortfolio(t)
	truth, customer := map[string]CustomerTruth{}, map[string]SourceCustomer{}
	for _, c := range p.Truth.Customers {
		truth[c.CustomerID] = c
	}
	for _, c := range p.Sources.Customers {
		customer[c.CustomerID] = c
	}
	complained := map[string]time.Time{} // by customer and channel
	touches := map[string]data.Touch{}
	for _, x := range p.Sources.Touches {
		touches[x.TouchID] = x
	}
	for _, e := range p.Sources.TouchEvents {
		if e.Kind == data.EventComplained {
			x := touches[e.TouchID]
			complained[x.CustomerID+string(x.Channel)] = e.At
		}
	}
	for i, x := range p.Sources.Touches {
		c, at := truth[x.CustomerID], data.DateOf(x.SentAt)
		if d := p.Truth.Decisions[i]; d.TouchID != x.TouchID || d.AsOf != at || d.CustomerID != x.CustomerID {
			t.Fatalf("decision %+v is not that of touch %+v", d, x)
		}
		if int32(at.Weekday()) != c.DecisionWeekday {
			t.Fatalf("touch %+v is not on the customer's weekday", x)
		}
		prob := *x.TreatProb
		if x.Template == "holdout" || x.Template == "blocked" {
			if x.Channel != data.Hold || prob != 1 || c.Holdout != (x.Template == "holdout") {
				t.Fatalf("touch %+v of a customer with holdout %v", x, c.Holdout)
			}
			continue
		}
		if c.Holdout || prob < .02 || prob > 1 {
			t.Fatalf("touch %+v of a customer with holdout %v", x, c.Holdout)
		}
		if x.Channel == data.Hold {
			if x.CostCents != 0 {
				t.Fatalf("holding costs: %+v", x)
			}
			continue
		}
		if x.CostCents != ChannelCostCents[x.Channel.Index()] {
			t.Fatalf("cost of %+v", x)
		}
		if when, out := complained[x.CustomerID+string(x.Channel)]; out && x.SentAt.After(when) {
			t.Fatalf("touch %+v after the opt-out at %s", x, when)
		} else if k := customer[x.CustomerID]; !out && !k.data().Consent(x.Channel) {
			t.Fatalf("touch %+v without consent", x)
		}
	}
	if len(complained) < 20 {
		t.Errorf("only %d opt-outs", len(complained))
	}
}

// data returns the consents of the row in the vocabulary's type.
func (c SourceCustomer) data() data.Customer {
	return data.Customer{ConsentEmail: c.ConsentEmail, ConsentSMS: c.ConsentSMS, ConsentWhatsApp: c.ConsentWhatsApp,
		ConsentVoice: c.ConsentVoice, ConsentLetter: c.ConsentLetter}
}

// TestPolicy_SumsToOne checks that the log's probabilities are a distribution
// with a floor, whatever the situation.
func TestPolicy_SumsToOne(t *testing.T) {
	c := testConfig(1)
	l := newLife(&c, newCalendarOnce(c))
	l.out, l.count = &Sources{}, &tally{}
	for i := range 200 {
		l.begin(i)
		for _, s := range []situation{{500, -7, 0, .25}, {80_000_000, 170, 2, .9}, {20_000, 3, 1, 0}} {
			total := 0.0
			for o, prob := range l.policy(s) {
				total += prob
				open := o == 0 || *l.p.consent(o - 1)
				if open && prob < .02 || !open && prob != 0 {
					t.Fatalf("customer %d, option %d: probability %g, consent %v", i, o, prob, open)
				}
			}
			if total < 1-1e-12 || total > 1+1e-12 {
				t.Fatalf("customer %d: probabilities sum to %g", i, total)
			}
		}
	}
}

// TestDocument_HasValidCheckDigits checks with numbers that Receita Federal's
// rule accepts: 111.444.777-35 and 11.222.333/0001-81 are the usual examples.
func TestDocument_HasValidCheckDigits(t *testing.T) {
	for _, x := range []struct {
		digits []byte
		top    int
		want   byte
	}{
		{[]byte{1, 1, 1, 4, 4, 4, 7, 7, 7}, 11, 3},
		{[]byte{1, 1, 1, 4, 4, 4, 7, 7, 7, 3}, 11, 5},
		{[]byte{1, 1, 2, 2, 2, 3, 3, 3, 0, 0, 0, 1}, 9, 8},
		{[]byte{1, 1, 2, 2, 2, 3, 3, 3, 0, 0, 0, 1, 8}, 9, 1},
	} {
		if got := checkDigit(x.digits, x.top); got != x.want {
			t.Errorf("check digit of %v is %d, want %d", x.digits, got, x.want)
		}
	}
	lengths := map[int]int{}
	for _, c := range sharedPortfolio(t).Sources.Customers {
		lengths[len(c.Document)]++
	}
	for _, n := range []int{0, 11, 14, 18} { // none, CPF plain, CPF punctuated or CNPJ plain, CNPJ punctuated
		if lengths[n] == 0 {
			t.Errorf("no document of %d characters in %v", n, lengths)
		}
		delete(lengths, n)
	}
	if len(lengths) > 0 {
		t.Errorf("documents of other lengths: %v", lengths)
	}
}
