package regua_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"dunning/data"
	"dunning/policy"
	"dunning/policy/regua"
)

// ladder has a reminder, three steps after the due date and a letter that waits
// ten days for the notice before it.
const ladder = `regua: t
title: Teste
audience: ""
catch_up_days: 3
stop: [replied_days >= 0 && replied_days <= 2]
steps:
  - {id: antes, offset: -3, channels: [email]}
  - {id: um, offset: 1, channels: [sms, email]}
  - {id: cinco, offset: 5, channels: [whatsapp, sms]}
  - {id: dez, offset: 10, channels: [voice, sms]}
  - {id: quinze, offset: 15, channels: [voice]}
`

// office is the calendar and the law as the tests see them: the engine's.
type office struct {
	engine   *policy.Engine
	customer data.Customer
	facts    policy.Facts
}

func (o *office) Business(day data.Date) bool { return o.engine.BusinessDay(o.customer.UF, day) }

func (o *office) Allowed(ch data.Channel, day data.Date, placed []regua.Touch, _ *regua.Step) string {
	f := o.facts
	for _, t := range placed {
		f.Touches, f.TouchedOn = append(f.Touches, t.Day), append(f.TouchedOn, t.Channel)
	}
	return o.engine.Check(o.customer, f, ch, day).RuleID
}

// world is one customer, and the company's rules, of one case. Its Monday is
// 2026-03-09; no holiday is near.
type world struct {
	asOf   data.Date
	text   string
	in     regua.Records
	config policy.Config
	regua  *regua.Regua
	engine *policy.Engine
}

func newWorld() *world {
	w := &world{asOf: data.MakeDate(2026, time.March, 9), text: ladder, config: policy.DefaultConfig()}
	w.config.MinGapDays = 1
	w.config.MaxTouches7, w.config.MaxTouches30 = 0, 0
	w.in.Customer = data.Customer{CustomerID: "c1", Kind: data.PF, UF: "SP",
		ConsentEmail: true, ConsentSMS: true, ConsentWhatsApp: true, ConsentVoice: true, ConsentLetter: true,
		ReachEmail: true, ReachSMS: true, ReachWhatsApp: true, ReachVoice: true, ReachLetter: true}
	return w
}

// invoice adds an open invoice of R$ 100,00, due so many days after AsOf.
func (w *world) invoice(id string, due int) {
	w.in.Invoices = append(w.in.Invoices, data.Invoice{InvoiceID: id, CustomerID: "c1", IssuedOn: w.asOf - 60,
		DueOn: w.asOf + data.Date(due), AmountCents: 10_000, Currency: "BRL"})
}

func (w *world) pay(invoice string, cents data.Cents, day int) {
	w.in.Payments = append(w.in.Payments, data.Payment{PaymentID: fmt.Sprint(len(w.in.Payments)), InvoiceID: invoice, CustomerID: "c1",
		PaidAt: (w.asOf + data.Date(day)).Time().Add(12 * time.Hour), AmountCents: cents})
}

func (w *world) sent(template string, day int) {
	w.in.Touches = append(w.in.Touches, data.Touch{TouchID: fmt.Sprint(len(w.in.Touches)), CustomerID: "c1", Channel: data.SMS, Template: template,
		SentAt: (w.asOf + data.Date(day)).Time().Add(12 * time.Hour)})
}

// made returns the régua and the engine, made once.
func (w *world) made(t testing.TB) (*regua.Regua, *policy.Engine) {
	t.Helper()
	if w.regua != nil {
		return w.regua, w.engine
	}
	var err error
	if w.regua, err = regua.Parse([]byte(w.text)); err != nil {
		t.Fatal(err)
	}
	if w.engine, err = policy.New(w.config); err != nil {
		t.Fatal(err)
	}
	return w.regua, w.engine
}

// follow says what happens in the seven days from AsOf on: "+1 um sms i1".
func (w *world) follow(t testing.TB) []string {
	t.Helper()
	r, engine := w.made(t)
	state := regua.NewState(&w.in, w.asOf, nil)
	facts := policy.Facts{AsOf: w.asOf}
	for i, v := range state.Invoices {
		facts.BalanceCents += v.OpenCents
		if i == 0 {
			facts.DaysPastDue = int32(w.asOf - v.DueOn)
		}
	}
	for _, s := range state.Sent {
		facts.Touches, facts.TouchedOn = append(facts.Touches, s.Day), append(facts.TouchedOn, data.SMS)
	}
	touches, refused, failed := r.Follow(state, 7, &office{engine, w.in.Customer, facts})
	if failed > 0 {
		t.Errorf("%d conditions failed", failed)
	}
	out := []string{}
	for _, x := range touches {
		out = append(out, fmt.Sprintf("%+d %s %s %s", int(x.Day-w.asOf), r.Steps[x.Step].ID, x.Channel, x.InvoiceID))
	}
	for _, x := range refused {
		out = append(out, fmt.Sprintf("refused %s %s", r.Steps[x.Step].ID, x.RuleID))
	}
	return out
}

// TestTradeExamples: what users of such systems keep asking for, one case each.
func TestTradeExamples(t *testing.T) {
	cases := []struct {
		name string
		set  func(*world)
		want string
	}{
		{"a reminder before the due date", func(w *world) { w.invoice("i1", 4) }, "+1 antes email i1; +5 um sms i1"},
		{"more than three steps", func(w *world) { w.invoice("i1", -8) }, "+0 cinco whatsapp i1; +2 dez voice i1"},
		{"the last of five steps", func(w *world) { w.invoice("i1", -13) }, "+0 dez voice i1; +2 quinze voice i1"},
		{"a Sunday moves a step to Monday", func(w *world) { w.asOf += 5; w.invoice("i1", 0) }, "+0 antes email i1; +2 um sms i1; +5 cinco whatsapp i1"},
		{"a missed day is made up for", func(w *world) { w.invoice("i1", -3) }, "+0 um sms i1; +2 cinco whatsapp i1"},
		{"for no longer than catch_up_days", func(w *world) { w.invoice("i1", -5) }, "+0 cinco whatsapp i1; +5 dez voice i1"},
		{"what was missed for longer is lost", func(w *world) { w.invoice("i1", -20) }, ""},
		{"two missed steps: the furthest stands for both", func(w *world) {
			w.text = strings.Replace(ladder, "offset: 5", "offset: 2", 1)
			w.invoice("i1", -3)
		}, "+0 cinco whatsapp i1"},
		{"nothing is sent twice", func(w *world) { w.invoice("i1", -6); w.sent("t/cinco", -1) }, "+4 dez voice i1"},
		{"a later step's touch stands for the earlier ones whose day had come", func(w *world) { w.invoice("i1", -6); w.sent("t/dez", -1) }, "+4 dez voice i1"},
		{"the same template of an earlier debt is another matter", func(w *world) { w.invoice("i1", -6); w.sent("t/cinco", -30) }, "+0 cinco whatsapp i1; +4 dez voice i1"},
		{"somebody else's template says nothing", func(w *world) { w.invoice("i1", -6); w.sent("promo", -3) }, "+0 cinco whatsapp i1; +4 dez voice i1"},
		{"one step a day", func(w *world) {
			w.text = strings.Replace(ladder, "offset: 10", "offset: 6", 1)
			w.invoice("i1", -5)
		}, "+0 cinco whatsapp i1; +1 dez voice i1"},
		{"a partial payment: the escalation goes on", func(w *world) { w.invoice("i1", -9); w.pay("i1", 4_000, -1) }, "+1 dez voice i1; refused quinze sunday"},
		{"a partial payment: counted anew", func(w *world) {
			w.text = strings.Replace(ladder, "catch_up_days: 3", "catch_up_days: 3\nafter_partial_payment: restart", 1)
			w.invoice("i1", -9)
			w.pay("i1", 4_000, -1)
			w.sent("t/um", -8)
			w.sent("t/cinco", -4)
		}, "+0 um sms i1; +4 cinco whatsapp i1"},
		{"paid in full", func(w *world) { w.invoice("i1", -9); w.pay("i1", 10_000, -1) }, ""},
		{"a payment on the day itself is not known yet", func(w *world) { w.invoice("i1", -9); w.pay("i1", 10_000, 0) }, "+1 dez voice i1; refused quinze sunday"},
		{"a credit note nets the invoice off", func(w *world) { w.invoice("i1", -9); w.pay("i1", 4_000, -5); w.pay("i1", 6_000, -4) }, ""},
		{"a cancelled invoice", func(w *world) { w.invoice("i1", -9); day := w.asOf - 2; w.in.Invoices[0].CancelledOn = &day }, ""},
		{"instalments: each has its own dates", func(w *world) { w.invoice("i1", -9); w.invoice("i2", 6); w.invoice("i3", 40) },
			"+1 dez voice i1; +3 antes email i2; refused quinze sunday"},
		{"instalments: one consolidated contact a day", func(w *world) { w.invoice("i1", -9); w.invoice("i2", -4) },
			"+0 um sms i2; +1 dez voice i1; refused quinze sunday; refused dez sunday"},
		{"pause one customer", func(w *world) {
			w.invoice("i1", -9)
			w.config.Paused = []policy.Pause{{CustomerID: "c1", Until: w.asOf + 2}}
		}, "+3 dez voice i1; refused quinze sunday"},
		{"a customer who replied", func(w *world) {
			w.invoice("i1", -9)
			w.in.Events = []data.TouchEvent{{Kind: data.EventReplied, At: (w.asOf - 1).Time()}}
		}, ""},
		{"dispute", func(w *world) { w.invoice("i1", -9); w.in.Customer.Dispute = true }, "refused quinze dispute; refused dez dispute"},
		{"opted out of the first channel", func(w *world) { w.invoice("i1", -9); w.in.Customer.ConsentVoice = false }, "+1 dez sms i1; refused quinze no_consent"},
		{"the company's gap moves a step", func(w *world) { w.invoice("i1", -9); w.sent("other", -1); w.config.MinGapDays = 4 }, "+3 dez voice i1; refused quinze min_gap"},
		{"a step that is not for small sums", func(w *world) {
			w.text = strings.Replace(ladder, "channels: [voice, sms]", "channels: [voice, sms], when: invoice_cents > 10000", 1)
			w.invoice("i1", -9)
		}, "refused quinze sunday"},
		{"the condition is asked about the step's own day", func(w *world) {
			w.text = strings.Replace(ladder, "channels: [voice, sms]", "channels: [voice, sms], when: invoice_days_past_due == 10", 1)
			w.invoice("i1", -9)
		}, "+1 dez voice i1; refused quinze sunday"},
		{"ten days between notices: the next one waits", func(w *world) {
			w.text = strings.Replace(ladder, "catch_up_days: 3", "catch_up_days: 3\nmin_gap_days: 10", 1)
			w.invoice("i1", -8)
			w.sent("t/cinco", -5)
		}, "+5 dez voice i1"},
		{"per-customer ladder: by his id", func(w *world) {
			w.text = strings.Replace(ladder, "channels: [voice, sms]", `channels: [voice, sms], when: customer_id != "c1"`, 1)
			w.invoice("i1", -9)
		}, "refused quinze sunday"},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			w := newWorld()
			tc.set(w)
			if got := strings.Join(w.follow(t), "; "); got != tc.want {
				t.Errorf("got  %s\nwant %s", got, tc.want)
			}
		})
	}
}

// TestLostSteps: a step is lost in the days after its last day to be made up for.
func TestLostSteps(t *testing.T) {
	for _, tc := range []struct {
		name string
		set  func(*world)
		want int
	}{
		{"um is made up for until today; antes was until the due date", func(w *world) { w.invoice("i1", -4) }, 1},
		{"um since yesterday, too", func(w *world) { w.invoice("i1", -5) }, 2},
		{"another week's", func(w *world) { w.invoice("i1", -12) }, 1}, // cinco; um was lost eight days ago
		{"sent", func(w *world) { w.invoice("i1", -5); w.sent("t/um", -4) }, 0},
		{"a later step stands for it", func(w *world) { w.invoice("i1", -9); w.sent("t/cinco", -3) }, 0},
		{"paid", func(w *world) { w.invoice("i1", -5); w.pay("i1", 10_000, -1) }, 0},
		{"not wanted", func(w *world) {
			w.text = strings.Replace(ladder, "id: um,", "id: um, when: invoice_cents > 10000,", 1)
			w.invoice("i1", -5)
		}, 1},
	} {
		w := newWorld()
		tc.set(w)
		r, engine := w.made(t)
		if got := r.Lost(regua.NewState(&w.in, w.asOf, nil), 7, &office{engine, w.in.Customer, policy.Facts{}}); got != tc.want {
			t.Errorf("%s: %d lost, want %d", tc.name, got, tc.want)
		}
	}
}

// TestOtherAnchors: issue, promise, payment, and business days.
func TestOtherAnchors(t *testing.T) {
	const anchors = `regua: t
title: Teste
steps:
  - {id: emissao, anchor: issue, offset: 62, channels: [email]}
  - {id: promessa, anchor: promise, offset: 3, channels: [sms]}
  - {id: saldo, anchor: payment, offset: 2, channels: [email]}
  - {id: uteis, offset: 3, business_days: true, channels: [voice]}
`
	w := newWorld()
	w.text = anchors
	w.invoice("i1", -5)                                                           // due on Wednesday; the third business day after it is AsOf, a Monday
	w.pay("i1", 1_000, -1)                                                        // Sunday; its step is for Tuesday
	w.in.Promises = []data.Promise{{MadeAt: (w.asOf - 20).Time(), DueOn: w.asOf}} // its step is for Thursday
	w.config.PromiseGraceDays = 0
	w.config.Packs = []string{"br-calendar", "br-states"} // the promise freezes nothing here
	got := strings.Join(w.follow(t), "; ")
	if want := "+0 uteis voice i1; +1 saldo email ; +2 emissao email i1; +3 promessa sms "; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// TestPlanAfterPlanSendsEveryStepOnce plans day after day, as the pipeline does:
// what was planned for the first day is sent and logged, or, on a missed day,
// not. Whatever is missed, no step is sent twice and no day has two.
func TestPlanAfterPlanSendsEveryStepOnce(t *testing.T) {
	r, engine := newWorld().made(t)
	rapid.Check(t, func(rt *rapid.T) {
		w := newWorld()
		w.regua, w.engine = r, engine
		for i := range rapid.IntRange(1, 3).Draw(rt, "invoices") {
			w.invoice(fmt.Sprintf("i%d", i), rapid.IntRange(-4, 9).Draw(rt, "due"))
		}
		count, days := map[string]int{}, map[data.Date]int{}
		for range 30 {
			missed := rapid.IntRange(0, 3).Draw(rt, "missed") == 0
			for _, line := range w.follow(t) {
				var step, ch, invoice string
				if _, err := fmt.Sscanf(line, "+0 %s %s %s", &step, &ch, &invoice); err == nil && !missed {
					count[step+" "+invoice]++
					days[w.asOf]++
					w.sent("t/"+step, 0)
				}
			}
			w.asOf++
		}
		for key, n := range count {
			if n > 1 {
				rt.Fatalf("%s was sent %d times", key, n)
			}
		}
		for day, n := range days {
			if n > 1 {
				rt.Fatalf("%d steps on %s", n, day)
			}
		}
	})
}

// TestBestHourIsTheCustomersOwn: the hour in which most was opened, on his clock;
// the earlier of two; what was opened on AsOf is not known.
func TestBestHourIsTheCustomersOwn(t *testing.T) {
	zone := time.FixedZone("five behind", -5*3600)
	asOf := data.MakeDate(2026, time.March, 9)
	opened := func(hours ...int) (out []data.TouchEvent) {
		for k, h := range hours {
			out = append(out, data.TouchEvent{Kind: data.EventOpened, At: (asOf - 2 - data.Date(k)).Time().Add(time.Duration(h) * time.Hour)})
		}
		return out
	}
	for _, tc := range []struct {
		events []data.TouchEvent
		want   int
	}{
		{nil, -1},
		{opened(15, 15, 20), 10},
		{opened(20, 15), 10},
		{opened(2), 21},
		{[]data.TouchEvent{{Kind: data.EventOpened, At: asOf.Time().Add(time.Hour)}}, -1},
		{[]data.TouchEvent{{Kind: data.EventDelivered, At: (asOf - 1).Time()}}, -1},
	} {
		in := regua.Records{Events: tc.events}
		if got := regua.NewState(&in, asOf, zone).BestHour; got != tc.want {
			t.Errorf("%v: hour %d, want %d", tc.events, got, tc.want)
		}
	}
}
