package web

import (
	"flag"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// million adds the benchmark with a plan of a million actions: to make it takes
// minutes.
var million = flag.Bool("million", false, "measure pages with a plan of a million actions too")

// BenchmarkPages measures the server's time of each page, from the request to
// the last byte, with a large plan behind it: the 95th percentile in ms.
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
	d.model()
	d.plan(today-1, actions(n, 0, today-1))
	d.plan(today, actions(n, 1, today))
	r := start(b, d, steady)
	r.propose(manager)
	withReguas(b, r).shelf()
	plan := planPath(r.store.LatestPlan().ID)
	ana, bruno := r.as(manager), r.as(approver)
	for _, wait := range []struct {
		who  *visitor
		path string
	}{{ana, plan}, {ana, "/hoje"}} {
		for strings.Contains(wait.who.get(wait.path).body, "load delay:1s") { // still being read
			time.Sleep(200 * time.Millisecond)
		}
	}
	customer := customerID(n / 2)
	for _, p := range []struct {
		name, path string
		who        *visitor
	}{
		{"hoje", "/hoje", ana}, {"aprovar", "/aprovar", ana}, {"plano", plan, bruno}, {"filtro", plan + "?canal=sms&segmento=Novos&ordem=dia&pagina=2", ana},
		{"cliente", plan + "?cliente=" + customer, ana}, {"parte", plan + "/reserva?parte=sim&canal=sms&canal=voice&maximo=500&carteira=principal", bruno}, {"carteira", "/carteira", ana},
		{"réguas", "/reguas", ana}, {"régua", "/reguas/ver/b2c-padrao", ana}, {"editor", "/reguas/editor?modelo=b2c-padrao", ana},
	} {
		b.Run(p.name, func(b *testing.B) {
			var took []time.Duration
			for b.Loop() {
				began := time.Now()
				if a := p.who.get(p.path, "HX-Request", ""); a.status != 200 {
					b.Fatalf("%s: %d", p.path, a.status)
				}
				took = append(took, time.Since(began))
			}
			slices.Sort(took)
			b.ReportMetric(float64(took[len(took)*95/100].Microseconds())/1000, "p95-ms")
		})
	}
}
