package main

import (
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"dunning/data"
	"dunning/data/synth"
	"dunning/pipeline"
	"dunning/serve"
	"dunning/serve/ledger"
)

// loop is a company in which days pass: plans are made, approved and sent,
// simulated customers answer, and what they did is read by the next plan.
type loop struct {
	t      *testing.T
	home   string
	url    string
	store  *serve.FileStore
	ledger *ledger.Store
	clock  atomic.Int64 // microseconds
	keys   map[serve.Role]string
	rng    *rand.Rand

	n      int                            // of writes
	open   map[string]map[string]int64    // cents by customer and invoice
	truth  map[string][7]*synth.AsOfTruth // by customer, from End on
	end    data.Date
	sent   map[string]ledger.Action // by id
	paid   map[string]int           // payments reported, by customer
	spent  ledger.Units
	events int // of touches
}

// Three simulated days, through the real API: the plan is made, handed in by
// one person and approved by another, sent by a dispatcher, and answered by
// customers as the simulator's truth has it. What was sent and paid is in the
// next day's lake, in its features, its training and its plan.
func TestThreeDaysThroughTheLoop(t *testing.T) {
	if testing.Short() {
		t.Skip("four runs of the pipeline")
	}
	l := newLoop(t)
	l.post(serve.Manager, "/v1/wallets", map[string]any{"wallet_id": "main", "currency": "BRL", "name": "Main"}, nil)
	l.post(serve.Manager, "/v1/wallets/main/top-ups", map[string]any{"amount": 1_000_000, "reason": "invoice 1"}, nil)
	var before ranDay
	for day := range 3 {
		ran := l.plan(day)
		l.follows(before, ran)
		l.approve(ran.plan, before.plan)
		l.dispatch(day)
		l.answers(day)
		l.books()
		before = ran
	}
	for day := 3; day < 7; day++ { // a week later the first day's outcomes are known
		l.answers(day)
	}
	l.lateAnswer(7)
	ran := l.plan(8)
	l.follows(before, ran)
	l.learns(ran)
	t.Logf("%d actions sent for %d cents, %d events of touches, %d customers paid; the last plan has %d actions", len(l.sent), l.spent, l.events, len(l.paid), len(ran.actions))
	if len(l.sent) < 30 || len(l.paid) < 10 || l.events < 30 {
		t.Error("hardly anything happened")
	}
}

// oftenRegua touches whoever is late.
const oftenRegua = `regua: often
title: Often
mode: only_if_hold
catch_up_days: 30
min_gap_days: 2
steps:
  - {id: d1, anchor: due, offset: 1, channels: [email, sms], template: a}
  - {id: d10, anchor: due, offset: 10, channels: [sms, email], template: b}
  - {id: d30, anchor: due, offset: 30, channels: [whatsapp, sms, email], template: c}
  - {id: d60, anchor: due, offset: 60, channels: [email, sms], template: d}
`

// ranDay is one run of the pipeline and its plan.
type ranDay struct {
	asOf    data.Date
	stages  ranStages
	plan    ledger.Plan
	actions []data.Action
	rows    map[string]int64 // of the lake's tables
}

func newLoop(t *testing.T) *loop {
	l := &loop{t: t, home: filepath.Join(t.TempDir(), "home"), rng: rand.New(rand.NewPCG(21, 22)), keys: map[serve.Role]string{},
		sent: map[string]ledger.Action{}, paid: map[string]int{}}
	simulateHome(t, l.home, "--customers", "300", "--months", "10")
	config, err := synth.ReadConfig(l.home)
	l.must(err)
	l.end = config.End
	// So few customers prove no effect of a touch: a régua touches them all the
	// same where the recommendation holds.
	file := filepath.Join(t.TempDir(), "often.yaml")
	l.must(os.WriteFile(file, []byte(oftenRegua), 0o644))
	must(t, "reguas", "save", file, "--by", "ana", "--home", l.home)
	must(t, "reguas", "publish", "often", "--by", "bia", "--home", l.home)
	l.readTruth()
	l.readOpen()
	l.serve()
	return l
}

func (l *loop) must(err error) {
	l.t.Helper()
	if err != nil {
		l.t.Fatal(err)
	}
}

// plan runs the pipeline for a day and hands its plan in.
func (l *loop) plan(day int) ranDay {
	l.t.Helper()
	asOf := l.end + data.Date(day)
	l.clock.Store(asOf.Time().Add(15 * time.Hour).UnixMicro())
	l.must(serve.WriteFeedback(l.t.Context(), l.ledger, l.home, false, l.now()))
	r := ranDay{asOf: asOf, stages: runHome(l.t, l.home, "--as-of", asOf.String(), "--to", "optimize"), rows: map[string]int64{}}
	out, err := pipeline.OpenOutput(filepath.Join(l.home, "lake", "extract", "current"))
	l.must(err)
	for _, f := range out.Manifest.Files {
		table, _, _ := strings.Cut(f.Name, "/")
		r.rows[table] += f.Rows
	}
	l.store.Refresh(l.t.Context())
	l.post(serve.Manager, "/v1/plans", map[string]any{"as_of": asOf.String()}, &r.plan)
	l.post(serve.Manager, "/v1/plans/"+r.plan.ID+"/submit", nil, &r.plan)
	var page serve.PlanActions
	for path := "/v1/plans/" + r.plan.ID + "/actions?limit=1000"; ; {
		l.get(serve.Approver, path, &page)
		for _, a := range page.Actions {
			r.actions = append(r.actions, a.Action)
		}
		if page.NextCursor == nil {
			break
		}
		path = "/v1/plans/" + r.plan.ID + "/actions?limit=1000&cursor=" + *page.NextCursor
		page = serve.PlanActions{}
	}
	if int64(len(r.actions)) != r.plan.Actions || len(r.actions) == 0 {
		l.t.Fatalf("%d actions of %d", len(r.actions), r.plan.Actions)
	}
	return r
}

// follows checks that a day's plan knows what happened before it.
func (l *loop) follows(before, r ranDay) {
	l.t.Helper()
	last := map[string]data.Date{}
	for _, a := range l.sent {
		last[a.CustomerID] = max(last[a.CustomerID], a.Day)
	}
	for _, a := range r.actions {
		if day, ok := last[a.CustomerID]; ok && a.Day < day+2 {
			l.t.Errorf("%s was touched on %s and the plan of %s touches him on %s", a.CustomerID, day, r.asOf, a.Day)
		}
		if l.paid[a.CustomerID] > 0 && len(l.open[a.CustomerID]) == 0 {
			l.t.Errorf("%s has paid everything and the plan of %s touches him", a.CustomerID, r.asOf)
		}
		if a.TreatProb <= 0 {
			l.t.Errorf("%s: treat_prob %v", a.ActionID, a.TreatProb)
		}
	}
	if before.plan.ID == "" {
		return
	}
	payments := 0
	for _, n := range l.paid {
		payments += n
	}
	first := l.firstRows()
	if got := r.rows["touches"] - first["touches"]; got != int64(len(l.sent)) {
		l.t.Errorf("the lake of %s has %d touches more, want the %d that were sent", r.asOf, got, len(l.sent))
	}
	if got := r.rows["payments"] - first["payments"]; got != int64(payments) {
		l.t.Errorf("the lake of %s has %d payments more, want the %d that were reported", r.asOf, got, payments)
	}
	if got := r.rows["touch_events"] - first["touch_events"]; got != int64(l.events+len(l.sent)) {
		l.t.Errorf("the lake of %s has %d events more, want %d", r.asOf, got, l.events+len(l.sent))
	}
	for _, s := range r.stages.Stages {
		if s.Status != pipeline.StatusDone {
			l.t.Errorf("%s: %s was %s", r.asOf, s.Stage, s.Status)
		}
	}
	if r.plan.SHA256 == before.plan.SHA256 {
		l.t.Errorf("the plan of %s is that of the day before", r.asOf)
	}
}

// firstRows are the rows that the company's own sources have.
func (l *loop) firstRows() map[string]int64 {
	n := map[string]int64{}
	for _, table := range []string{"payments", "touches", "touch_events"} {
		l.rows(table, func(map[string]string) { n[table]++ })
	}
	return n
}

// approve puts a plan in force, in the place of the one before.
func (l *loop) approve(p, before ledger.Plan) {
	l.t.Helper()
	body := map[string]any{"sha256": p.SHA256, "reason": "as every day", "wallet_id": "main"}
	if before.ID != "" {
		body["supersedes"] = []string{before.ID}
	}
	var a ledger.Approval
	l.post(serve.Approver, "/v1/plans/"+p.ID+"/approve", body, &a)
	if a.Approver == a.Maker || len(a.Reserves) != 1 || a.Reserves[0].Amount != ledger.Units(p.CostCents) {
		l.t.Errorf("%+v", a)
	}
}

// dispatch sends a day's actions, after a customer has paid at the last moment.
func (l *loop) dispatch(day int) {
	l.t.Helper()
	today := l.end + data.Date(day)
	var plan serve.PlanActions
	l.get(serve.Dispatcher, "/v1/plans/latest/actions?limit=1000&day="+today.String(), &plan)
	var paidNow string
	if len(plan.Actions) > 0 {
		paidNow = plan.Actions[0].CustomerID
		l.pay(paidNow, l.now())
	}
	for _, channel := range data.Channels {
		for {
			var g ledger.Grant
			l.post(serve.Dispatcher, "/v1/dispatch/lease", map[string]any{"day": today.String(), "channel": channel, "max": 20, "seconds": 600}, &g)
			if len(g.Actions) == 0 {
				break
			}
			var outcomes []map[string]any
			for _, a := range g.Actions {
				if a.CustomerID == paidNow {
					l.t.Errorf("%s has paid and is touched", paidNow)
				}
				state := "sent"
				if l.rng.IntN(10) == 0 {
					state = "failed"
				} else {
					l.sent[a.ActionID] = a.Action
					l.spent += ledger.Units(a.CostCents)
				}
				outcomes = append(outcomes, map[string]any{"action_id": a.ActionID, "state": state})
			}
			var results serve.Results
			l.post(serve.Dispatcher, "/v1/dispatch/ack", map[string]any{"fence": g.Fence, "outcomes": outcomes}, &results)
			for _, r := range results.Results {
				if r.Status != ledger.Accepted {
					l.t.Errorf("%+v", r)
				}
			}
		}
	}
}

// answers lets the simulated customers answer to a day: touches arrive or not,
// and who owes pays or not, by the truth of his payments untouched and of what
// a touch adds to them.
func (l *loop) answers(day int) {
	l.t.Helper()
	today := l.end + data.Date(day)
	l.clock.Store(today.Time().Add(21 * time.Hour).UnixMicro())
	touched := map[string]data.Channel{}
	var events []map[string]any
	for _, id := range slices.Sorted(maps.Keys(l.sent)) {
		a := l.sent[id]
		if a.Day != today {
			continue
		}
		touched[a.CustomerID] = a.Channel
		for i, kind := range []string{"delivered", "opened"}[:1+l.rng.IntN(2)] {
			at := l.now().Add(time.Duration(i-30) * time.Minute)
			events = append(events, map[string]any{"event_id": kind + "-" + id, "kind": kind, "at": at, "action_id": id})
		}
	}
	l.events += len(events)
	slices.Reverse(events) // the last first
	if len(events) > 0 {
		l.post(serve.Dispatcher, "/v1/events", map[string]any{"events": events}, nil)
		l.post(serve.Dispatcher, "/v1/events", map[string]any{"events": events[:1]}, nil) // said twice
	}
	for _, id := range slices.Sorted(maps.Keys(l.open)) {
		if truth := l.truth[id]; truth[0] != nil && truth[day] != nil && l.rng.Float64() < payProb(truth, day, touched[id]) {
			l.pay(id, l.now())
		}
	}
}

// lateAnswer opens a touch of the first day on a later one: until then the
// company knows what became of that day.
func (l *loop) lateAnswer(day int) {
	l.t.Helper()
	l.clock.Store((l.end + data.Date(day)).Time().Add(15 * time.Hour).UnixMicro())
	for _, id := range slices.Sorted(maps.Keys(l.sent)) {
		if l.sent[id].Day == l.end {
			l.post(serve.Dispatcher, "/v1/events", map[string]any{"events": []map[string]any{{"event_id": "late-" + id, "kind": "opened", "at": l.now(), "action_id": id}}}, nil)
			l.events++
			return
		}
	}
}

// payProb is the probability that an open balance is paid on a day: the part of
// the untouched payments up to then that falls on it, and a third of what a
// touch of the day does in a week.
func payProb(truth [7]*synth.AsOfTruth, day int, channel data.Channel) float64 {
	before := 0.0
	if day > 0 {
		before = truth[0].Organic(day)
	}
	p := (truth[0].Organic(day+1) - before) / max(1-before, 1e-9)
	if channel != "" {
		p += truth[day].EffectProb(channel) / 3
	}
	return p
}

// pay reports that a customer pays all he owes.
func (l *loop) pay(customer string, at time.Time) {
	l.t.Helper()
	var events []map[string]any
	for _, invoice := range slices.Sorted(maps.Keys(l.open[customer])) {
		events = append(events, map[string]any{"event_id": "pay-" + invoice, "kind": "payment", "at": at, "customer_id": customer, "invoice_id": invoice,
			"amount_cents": l.open[customer][invoice], "method": "pix"})
	}
	if len(events) == 0 {
		return
	}
	l.post(serve.Manager, "/v1/events", map[string]any{"events": events}, nil)
	l.paid[customer] += len(events)
	delete(l.open, customer)
}

// books checks money and audit.
func (l *loop) books() {
	l.t.Helper()
	var w ledger.Wallet
	l.get(serve.Auditor, "/v1/wallets/main", &w)
	if b := w.Balances; b.Spent != l.spent || b.Funding != 1_000_000 || b.Available+b.Reserved+b.Spent != b.Funding {
		l.t.Errorf("%+v, want %d spent", b, l.spent)
	}
	var report ledger.Report
	l.get(serve.Auditor, "/v1/audit/verify", &report)
	if len(report.Faults) > 0 || report.Rows == 0 {
		l.t.Errorf("%+v", report)
	}
}

// learns checks that the training table has what the first day's plan did.
func (l *loop) learns(r ranDay) {
	l.t.Helper()
	out, err := pipeline.OpenOutput(filepath.Join(l.home, "lake", "features", r.asOf.String()))
	l.must(err)
	learned := 0
	for _, f := range out.Manifest.Files {
		if !strings.Contains(f.Name, "training") {
			continue
		}
		for rows, err := range data.Scan[trainedRow](out.Path(f.Name)) {
			l.must(err)
			for _, row := range rows {
				for _, a := range l.sent {
					if a.CustomerID == row.CustomerID && a.Day == l.end && row.AsOf == l.end && row.Option == string(a.Channel) && row.TreatProb == a.TreatProb {
						learned++
					}
				}
			}
		}
	}
	onFirst := 0
	for _, a := range l.sent {
		if a.Day == l.end {
			onFirst++
		}
	}
	if learned == 0 || learned > onFirst {
		l.t.Errorf("%d of the %d touches of the first day are learned from", learned, onFirst)
	}
	l.t.Logf("%d of the %d touches of the first day are in the training table", learned, onFirst)
}

// trainedRow is what the test reads of the training table.
type trainedRow struct {
	CustomerID string    `parquet:"customer_id"`
	AsOf       data.Date `parquet:"as_of,date"`
	Option     string    `parquet:"option"`
	TreatProb  float64   `parquet:"treat_prob"`
}
