package pipeline

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"syscall"
	"testing"
	"time"

	"dunning/data"
	"dunning/policy"
	"dunning/policy/lawtable"
	"dunning/policy/regua"
)

// portfolio is made up: customers of all states, some of whom must not be
// contacted, with debts and touches of all ages.
type portfolio struct {
	*Work
	engine    *policy.Engine
	customers map[string]*madeUp
	filter    time.Duration // what the rule engine took for all candidates
	asked     int64
}

// madeUp is a customer and what is known of him.
type madeUp struct {
	data.Customer
	facts policy.Facts
}

// lawMonday begins a week with a national holiday on its Tuesday, and Rio's own on
// its Thursday.
var lawMonday = data.MakeDate(2026, time.April, 20)

var lawStates = []string{"AC", "AL", "AM", "AP", "BA", "CE", "DF", "ES", "GO", "MA", "MG", "MS", "MT", "PA", "PB", "PE", "PI", "PR", "RJ", "RN", "RO", "RR", "RS", "SC", "SE", "SP", "TO"}

// makeUp draws a customer.
func makeUp(i int, rng *rand.Rand) *madeUp {
	rarely := func(of int) bool { return rng.IntN(of) == 0 }
	m := &madeUp{Customer: data.Customer{CustomerID: fmt.Sprintf("c%07d", i), Kind: data.PF, UF: lawStates[rng.IntN(len(lawStates))], Segment: []string{"gold", "new"}[rng.IntN(2)],
		ConsentEmail: !rarely(8), ConsentSMS: !rarely(8), ConsentWhatsApp: !rarely(4), ReachEmail: !rarely(8), ReachSMS: !rarely(8), ReachWhatsApp: !rarely(4),
		Dispute: rarely(40), Litigation: rarely(80), OverIndebted: rarely(80), Deceased: rarely(100), DoNotContact: rarely(50)}}
	m.facts = policy.Facts{AsOf: lawMonday, BalanceCents: data.Cents(rng.IntN(200_000)), DaysPastDue: int32(rng.IntN(75) - 15)}
	if rarely(10) {
		m.facts.DaysPastDue = int32(1815 + rng.IntN(20))
	}
	if rarely(12) {
		m.facts.PromiseOpenUntil = lawMonday + data.Date(rng.IntN(10))
	}
	for range max(0, rng.IntN(8)-3) {
		m.facts.Touches = append(m.facts.Touches, lawMonday-1-data.Date(rng.IntN(20)))
		m.facts.TouchedOn = append(m.facts.TouchedOn, []data.Channel{data.Email, data.SMS}[rng.IntN(2)])
	}
	return m
}

// newPortfolio writes what the stages before the optimizer would.
func newPortfolio(t *testing.T, customers int) *portfolio {
	t.Helper()
	c := DefaultConfig()
	perDay := int64(customers / 6)
	c.Channels = map[data.Channel]ChannelConfig{data.Email: {CostCents: 2, CapacityPerDay: &perDay}, data.SMS: {CostCents: 9}, data.WhatsApp: {CostCents: 30, CapacityPerDay: &perDay}}
	c.BudgetCents = data.Cents(customers * 12)
	engine, err := policy.New(c.Policy)
	must(t, err)
	home := t.TempDir()
	p := &portfolio{engine: engine, customers: make(map[string]*madeUp, customers), Work: &Work{Config: c, Home: home, AsOf: lawMonday, Dir: filepath.Join(home, "plan"), Tmp: filepath.Join(home, "tmp"),
		progress: Silent{}, inputs: map[string]Output{}, files: map[string]data.File{}, counts: map[string]int64{}, prepared: regua.NewSet(nil)}}
	for _, dir := range []string{p.Dir, p.Tmp, filepath.Join(home, "extract", "customers"), filepath.Join(home, "extract", "touches"), filepath.Join(home, "score", candidatesTable)} {
		must(t, os.MkdirAll(dir, 0o755))
	}
	p.write(t, customers)
	return p
}

// write draws the customers and writes them, their touches, scores and candidates.
func (p *portfolio) write(t *testing.T, customers int) {
	t.Helper()
	const part = "part-000.parquet"
	dir := func(stage, name string) string { return filepath.Join(p.Home, stage, filepath.FromSlash(name)) }
	people := create[data.Customer](t, dir("extract", "customers/"+part))
	touches := create[data.Touch](t, dir("extract", "touches/"+part))
	scores := create[data.Score](t, dir("score", scoresFile))
	candidates := create[data.Candidate](t, dir("score", candidatesTable+"/"+part))
	rng := rand.New(rand.NewPCG(20, 26))
	var mine []data.Candidate
	for i := range customers {
		m := makeUp(i, rng)
		p.customers[m.CustomerID] = m
		must(t, people.Append(m.Customer))
		must(t, scores.Append(data.Score{CustomerID: m.CustomerID, AsOf: p.AsOf, PayProb: .3, BalanceCents: m.facts.BalanceCents, DaysPastDue: m.facts.DaysPastDue}))
		for k, day := range m.facts.Touches {
			must(t, touches.Append(data.Touch{TouchID: fmt.Sprintf("t%d-%d", i, k), CustomerID: m.CustomerID, Channel: m.facts.TouchedOn[k], SentAt: day.Time().Add(15 * time.Hour)}))
		}
		mine = p.candidates(mine[:0], m, rng)
		must(t, candidates.Append(mine...))
	}
	for _, w := range []interface{ Close() (data.File, error) }{people, touches, scores, candidates} {
		_, err := w.Close()
		must(t, err)
	}
	files := func(names ...string) (out []data.File) {
		for _, n := range names {
			out = append(out, data.File{Name: n})
		}
		return out
	}
	lake := Output{Dir: dir("extract", ""), Manifest: data.Manifest{Files: files("customers/"+part, "touches/"+part)}}
	nothing[data.Invoice](t, &lake, "invoices")
	nothing[data.Payment](t, &lake, "payments")
	nothing[data.TouchEvent](t, &lake, "touch_events")
	nothing[data.Promise](t, &lake, "promises")
	nothing[data.BureauReport](t, &lake, "bureau_reports")
	nothing[data.Dispute](t, &lake, "disputes")
	p.inputs["extract"] = lake
	p.inputs["segments"] = p.hours(t, rng)
	p.inputs["score"] = Output{Dir: dir("score", ""), Manifest: data.Manifest{Files: files(scoresFile, candidatesTable+"/"+part)}}
}

// hours writes at which hours customers open messages: a third of them at one hour of
// the day or night, the others like their segment, which has no habit.
func (p *portfolio) hours(t *testing.T, rng *rand.Rand) Output {
	t.Helper()
	out := Output{Dir: filepath.Join(p.Home, "segments")}
	must(t, os.MkdirAll(out.Dir, 0o755))
	members := create[SegmentMember](t, out.Path(segmentMembersFile))
	hours := create[ReadingHours](t, out.Path(hoursFile))
	for _, id := range sortedKeys(p.customers) {
		must(t, members.Append(SegmentMember{CustomerID: id, Month: p.AsOf, Since: p.AsOf}))
		if rng.IntN(3) == 0 {
			habit := make([]float32, 24)
			habit[rng.IntN(24)] = 1
			must(t, hours.Append(ReadingHours{CustomerID: id, Openings: 5, Habit: habit}))
		}
	}
	for _, w := range []interface{ Close() (data.File, error) }{members, hours} {
		_, err := w.Close()
		must(t, err)
	}
	b, err := json.Marshal(ReachSummary{Channels: []ReachChannel{{Channel: data.Email, Openings: 1000}, {Channel: data.WhatsApp, Openings: 1000}}})
	must(t, err)
	must(t, data.WriteFile(out.Path(reachFile), b))
	return out
}

// nothing writes a table without rows: the optimizer does not ask for it.
func nothing[T any](t *testing.T, lake *Output, table string) {
	t.Helper()
	must(t, os.MkdirAll(lake.Path(table), 0o755))
	name := table + "/part-000.parquet"
	_, err := data.Write[T](lake.Path(name), nil)
	must(t, err)
	lake.Manifest.Files = append(lake.Manifest.Files, data.File{Name: name})
}

func create[T any](t *testing.T, path string) *data.Writer[T] {
	t.Helper()
	w, err := data.Create[T](path)
	must(t, err)
	return w
}

// candidates asks the rule engine as the score stage does.
func (p *portfolio) candidates(to []data.Candidate, m *madeUp, rng *rand.Rand) []data.Candidate {
	for d := range data.Date(p.Config.Features.PlanDays) {
		for _, ch := range []data.Channel{data.Email, data.SMS, data.WhatsApp} {
			to = append(to, data.Candidate{CustomerID: m.CustomerID, Channel: ch, Day: p.AsOf + d, CostCents: p.Config.Channels[ch].CostCents, ValueCents: data.Cents(rng.IntN(400) - 40)})
		}
	}
	began := time.Now()
	subject := p.engine.Prepare(&m.Customer, &m.facts)
	for i := range to {
		to[i].BlockedBy = p.engine.RuleID(p.engine.Decide(&subject, to[i].Channel, to[i].Day))
	}
	p.filter += time.Since(began)
	held := isHeldOut(m.CustomerID, p.Config.HoldoutShare)
	for i := range to {
		if to[i].BlockedBy == "" && held {
			to[i].BlockedBy = holdoutRule
		}
		to[i].Allowed = to[i].BlockedBy == ""
	}
	p.asked += int64(len(to))
	return to
}

// violations says what is wrong with the touches of one customer's plan, by the law
// written a second time and by counting anew.
func (p *portfolio) violations(actions []data.Action) (out []string) {
	m := p.customers[actions[0].CustomerID]
	bad := func(a data.Action, what string) {
		out = append(out, fmt.Sprintf("%s %s %s: %s", a.CustomerID, a.Channel, a.Day, what))
	}
	days := slices.Clone(m.facts.Touches)
	for _, a := range actions {
		late := int(m.facts.DaysPastDue) + int(a.Day-p.AsOf)
		for _, at := range []time.Time{a.WindowStart, a.WindowStart.Add(a.WindowEnd.Sub(a.WindowStart) / 2), a.WindowEnd.Add(-time.Second)} {
			if lawtable.Forbids(m.UF, at, late) {
				bad(a, fmt.Sprintf("forbidden in %s at %s, %d days late", m.UF, at, late))
			}
		}
		if !a.WindowStart.Before(a.WindowEnd) || data.DateOf(a.WindowStart.Add(time.Duration(lawtable.Offset(m.UF, a.WindowStart))*time.Hour)) != a.Day {
			bad(a, "its window is not on its day")
		}
		if m.Dispute || m.Litigation || m.OverIndebted || m.Deceased || m.DoNotContact || !m.Consent(a.Channel) || !m.Reach(a.Channel) || m.facts.BalanceCents < p.Config.Policy.MinAmountCents {
			bad(a, fmt.Sprintf("%+v owes %d", m.Customer, m.facts.BalanceCents))
		}
		if until := m.facts.PromiseOpenUntil; until != 0 && a.Day <= until {
			bad(a, "a promise is open")
		}
		for _, before := range days {
			if gap := max(a.Day-before, before-a.Day); int(gap) < p.Config.Policy.MinGapDays {
				bad(a, fmt.Sprintf("another touch on %s", before))
			}
		}
		days = append(days, a.Day)
	}
	for _, end := range days {
		week, month := 0, 0
		for _, d := range days {
			if d <= end && d > end-7 {
				week++
			}
			if d <= end && d > end-30 {
				month++
			}
		}
		if end >= p.AsOf && (week > p.Config.Policy.MaxTouches7 || month > p.Config.Policy.MaxTouches30) {
			bad(actions[0], fmt.Sprintf("%d touches in a week, %d in a month", week, month))
		}
	}
	return out
}

// TestMillionCustomersWithinTheLaw plans for customers of all states in a week with
// holidays and checks each action against the law written a second time. Every
// day's tests take 4,000 customers; DUNNING_MILLION=1 takes 1,000,000, any other
// number so many.
func TestMillionCustomersWithinTheLaw(t *testing.T) {
	customers := 4_000
	if n, err := strconv.Atoi(os.Getenv("DUNNING_MILLION")); err == nil {
		if customers = n; n == 1 {
			customers = 1_000_000
		}
	}
	p := newPortfolio(t, customers)
	began, used := time.Now(), processorTime(t)
	must(t, runOptimize(t.Context(), p.Work))
	took := time.Since(began)
	used = processorTime(t) - used
	actions, err := data.Read[data.Action](filepath.Join(p.Dir, planFile))
	must(t, err)
	slices.SortFunc(actions, func(a, b data.Action) int {
		return cmp.Or(cmp.Compare(a.CustomerID, b.CustomerID), cmp.Compare(a.Day, b.Day))
	})
	spent, wrong, touched, several := data.Cents(0), 0, 0, 0
	for from, to := 0, 0; from < len(actions); from = to {
		for to = from; to < len(actions) && actions[to].CustomerID == actions[from].CustomerID; to++ {
			spent += actions[to].CostCents
		}
		if touched++; to-from > 1 {
			several++
		}
		for _, v := range p.violations(actions[from:to]) {
			if wrong++; wrong <= 20 {
				t.Error(v)
			}
		}
	}
	t.Logf("%d customers, %d candidates: %d actions to %d customers, %d of them with several, %d violations; optimize %.1f s, %.1f s of processors, the filter %.2f s (%.1f %%); peak %s",
		customers, p.asked, len(actions), touched, several, wrong, took.Seconds(), used.Seconds(), p.filter.Seconds(), 100*p.filter.Seconds()/took.Seconds(), peakMemory(t))
	if wrong > 0 || spent > p.Config.BudgetCents {
		t.Errorf("%d violations; %d spent of %d", wrong, spent, p.Config.BudgetCents)
	}
	p.seesPlanted(t, actions)
	if touched < customers/10 || several < customers/100 {
		t.Errorf("the test would see little: %d customers touched, %d more than once", touched, several)
	}
	if customers == 1_000_000 && p.filter > took/10 {
		t.Errorf("the filter took %s of %s", p.filter, took)
	}
}

// seesPlanted checks that what is wrong would be seen.
func (p *portfolio) seesPlanted(t *testing.T, actions []data.Action) {
	t.Helper()
	first := actions[0]
	m := p.customers[first.CustomerID]
	shift := func(a data.Action, by time.Duration) data.Action {
		a.WindowStart, a.WindowEnd = a.WindowStart.Add(by), a.WindowEnd.Add(by)
		return a
	}
	holiday := shift(first, (p.AsOf + 1 - first.Day).Time().Sub(data.Date(0).Time()))
	holiday.Day = p.AsOf + 1 // Tiradentes
	for name, wrong := range map[string][]data.Action{"a holiday": {holiday}, "the night": {shift(first, 9*time.Hour)}, "twice a day": {first, first}} {
		if len(p.violations(wrong)) == 0 {
			t.Errorf("%s: not seen in %+v", name, wrong)
		}
	}
	m.Dispute = true
	if len(p.violations([]data.Action{first})) == 0 {
		t.Error("a dispute: not seen")
	}
	m.Dispute = false
}

// processorTime is what this process has used of all processors so far.
func processorTime(t *testing.T) time.Duration {
	t.Helper()
	var r syscall.Rusage
	must(t, syscall.Getrusage(syscall.RUSAGE_SELF, &r))
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}

// peakMemory is the most that this process had in memory so far.
func peakMemory(t *testing.T) string {
	t.Helper()
	b, err := os.ReadFile("/proc/self/status")
	must(t, err)
	return string(regexp.MustCompile(`VmHWM:\s*(.*)`).FindSubmatch(b)[1])
}
