package web

import (
	"flag"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"dunning/credit/portfolio"
	"dunning/data"
	"dunning/serve/ledger"
)

// million adds the benchmark with a plan of a million actions: to make it takes
// minutes. It fails where a page is slower than it may be.
var million = flag.Bool("million", false, "measure pages with a plan of a million actions too, and fail for slow ones")

// pageLimit is that of the 95th percentile with a plan of a million actions.
const pageLimit = 200 * time.Millisecond

// BenchmarkPages measures the server's time of every view of every page, from the
// request to the last byte, with a large plan behind it: the 95th percentile in
// ms. A simulation is remembered: what solving takes is measured in serve/whatif.
func BenchmarkPages(b *testing.B) {
	sizes := []int{1_000, 100_000}
	if *million {
		sizes = append(sizes, 1_000_000)
	}
	for _, n := range sizes {
		b.Run(fmt.Sprint(n), func(b *testing.B) { benchmarkPages(b, n) })
	}
}

func benchmarkPages(b *testing.B, n int) {
	d := &demo{t: b, dir: b.TempDir()}
	d.customers(n)
	d.scores(n, today)
	d.model()
	d.plan(today-1, actions(n, 0, today-1))
	d.plan(today, actions(n, 1, today))
	r := start(b, d, steady)
	withAnalysis(r, n)
	behaviour := r.site.Behaviours.(*demoBehaviours).report
	behaviour.People = manyPeople(behaviour.People)
	r.propose(manager)
	desk := withReguas(b, r)
	desk.shelf()
	person := r.onceEach()
	each := func(views []view) {
		for _, one := range views {
			for strings.Contains(person(one.login).get(one.path).body, "load delay:1s") { // still being read
				time.Sleep(200 * time.Millisecond)
			}
		}
		for _, one := range views {
			b.Run(one.name, func(b *testing.B) { measure(b, person(one.login), one, n) })
		}
	}
	each(desk.views())
	stop := r.underWay(b)
	each(r.underWayViews())
	stop()
}

// underWay approves the plan and dispatches it from then on: a dispatcher leases
// actions of the day and reports them sent, 50 at a time, until it is stopped.
func (r *running) underWay(b *testing.B) (stop func()) {
	ctx, plan := b.Context(), r.store.LatestPlan().ID
	kept, err := r.ledger.Plan(ctx, plan)
	r.demo.must(err)
	_, err = r.ledger.TopUp(ctx, ledger.TopUpRequest{ID: "nf-2", WalletID: "principal", Amount: ledger.Units(kept.CostCents), Actor: manager, Reason: "NF 8842"})
	r.demo.must(err)
	_, err = r.ledger.Approve(ctx, ledger.ApproveRequest{PlanID: plan, SHA256: kept.SHA256, Approver: approver, Reason: "conferido", WalletID: "principal"})
	r.demo.must(err)
	sent := 0
	dispatch := func(name string, most int) error {
		grant, err := r.ledger.Lease(ctx, ledger.LeaseRequest{ID: name, Dispatcher: "discador", Day: today, Channel: data.SMS, Max: most, Duration: time.Hour})
		if err != nil || len(grant.Actions) == 0 {
			return err
		}
		ack := ledger.AckRequest{Dispatcher: "discador", Fence: grant.Fence}
		for _, a := range grant.Actions {
			ack.Outcomes = append(ack.Outcomes, ledger.Outcome{ActionID: a.ActionID, State: ledger.Sent})
		}
		sent += len(grant.Actions)
		_, err = r.ledger.Ack(ctx, ack)
		return err
	}
	r.demo.must(dispatch("first", min(10_000, int(kept.Actions)/100)))
	done, ended := make(chan struct{}), make(chan error, 1)
	go func() {
		for i := 0; ; i++ {
			select {
			case <-done:
				ended <- nil
				return
			case <-time.After(100 * time.Millisecond):
			}
			if err := dispatch(fmt.Sprint("lease-", i), 50); err != nil {
				ended <- err
				return
			}
		}
	}()
	return func() {
		close(done)
		if err := <-ended; err != nil || sent == 0 {
			b.Errorf("sent %d: %v", sent, err)
		}
		b.Logf("%d actions were sent meanwhile", sent)
	}
}

// underWayViews are the pages that an approval and dispatch change.
func (r *running) underWayViews() []view {
	plan := planPath(r.store.LatestPlan().ID)
	return []view{
		{"em-envio-hoje", manager, "/hoje", again}, {"em-envio-aprovar", approver, "/aprovar", again},
		{"em-envio-plano", approver, plan, again}, {"em-envio-filtro", manager, plan + "?canal=sms&segmento=Novos&ordem=dia&pagina=2", again},
		{"em-envio-cliente", manager, plan + "?cliente=" + customerID(known), again}, {"em-envio-situacao", manager, plan + "/situacao?de=submitted", part},
		{"em-envio-carteira", manager, "/carteira", again}, {"em-envio-uma-carteira", approver, "/carteira/principal", again},
		{"em-envio-ficha", manager, "/clientes/" + customerID(known), again},
	}
}

// measure asks for one view again and again.
func measure(b *testing.B, v *visitor, one view, n int) {
	var took []time.Duration
	for b.Loop() {
		began := time.Now()
		if a := v.get(one.path, "HX-Request", map[bool]string{true: "true"}[one.kind == part]); a.status != 200 && a.status != 204 {
			b.Fatalf("%s: %d", one.path, a.status)
		}
		took = append(took, time.Since(began))
	}
	slices.Sort(took)
	p95 := took[len(took)*95/100]
	b.ReportMetric(float64(p95.Microseconds())/1000, "p95-ms")
	if n >= 1_000_000 && p95 > pageLimit {
		b.Errorf("%s: %s, may take %s", one.name, p95, pageLimit)
	}
}

// manyPeople repeats the customers of each list to as many as a server keeps of a
// large portfolio.
func manyPeople(few []portfolio.Person) []portfolio.Person {
	var out []portfolio.Person
	for _, list := range portfolio.Lists {
		of := slices.DeleteFunc(slices.Clone(few), func(p portfolio.Person) bool { return p.List != list })
		for i := range 2000 {
			if len(of) > 0 {
				out = append(out, of[i%len(of)])
			}
		}
	}
	return out
}
