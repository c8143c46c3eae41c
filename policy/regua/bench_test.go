package regua_test

import (
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"dunning/data"
	"dunning/policy"
	"dunning/policy/regua"
)

// audiences are of the shape that réguas have; none captures everybody, so that
// each customer is asked many.
func hundred(b testing.TB) *regua.Set {
	b.Helper()
	var all []*regua.Regua
	for k := range 100 {
		text := strings.Replace(ladder, "regua: t\n", fmt.Sprintf("regua: t%d\npriority: %d\n", k, k), 1)
		text = strings.Replace(text, `audience: ""`, fmt.Sprintf(
			`audience: kind == "%s" && days_past_due > %d && balance_cents >= %d && segment in ["s%d", "s%d"] && pay_prob < 0.9`,
			[]string{"PF", "PJ"}[k%2], k%40-10, 1000+100*k, k%50, (k+7)%50), 1)
		r, err := regua.Parse([]byte(text))
		if err != nil {
			b.Fatal(err)
		}
		all = append(all, r)
	}
	return regua.NewSet(all)
}

// BenchmarkHundredReguas evaluates a hundred réguas over a million customers: who
// is captured by which, and what the régua then sends in seven days.
func BenchmarkHundredReguas(b *testing.B) {
	const customers = 1_000_000
	set := hundred(b)
	engine, err := policy.New(policy.DefaultConfig())
	if err != nil {
		b.Fatal(err)
	}
	asOf := data.MakeDate(2026, time.March, 9)
	for b.Loop() {
		start := time.Now()
		captured, touches := evaluate(set, engine, asOf, customers)
		b.ReportMetric(time.Since(start).Seconds(), "s")
		b.ReportMetric(float64(captured), "captured")
		b.ReportMetric(float64(touches), "touches")
	}
}

func evaluate(set *regua.Set, engine *policy.Engine, asOf data.Date, customers int) (captured, touches int) {
	workers := runtime.GOMAXPROCS(0)
	counts := make([][2]int, workers)
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			for i := w; i < customers; i += workers {
				in := record(i, asOf)
				s := regua.NewState(&in, asOf, nil)
				k, _ := set.Capture(&s.Row)
				if k < 0 {
					continue
				}
				counts[w][0]++
				facts := policy.Facts{AsOf: asOf, BalanceCents: 10_000, DaysPastDue: int32(asOf - s.Invoices[0].DueOn)}
				sent, _, _ := set.Reguas[k].Follow(s, 7, &office{engine, in.Customer, facts})
				counts[w][1] += len(sent)
			}
		})
	}
	wg.Wait()
	for _, c := range counts {
		captured, touches = captured+c[0], touches+c[1]
	}
	return captured, touches
}

// record is customer i: two invoices, some payments.
func record(i int, asOf data.Date) regua.Records {
	w := world{asOf: asOf}
	w.in.Customer = data.Customer{CustomerID: fmt.Sprintf("c%07d", i), Kind: []data.CustomerKind{data.PF, data.PJ}[i%2],
		UF: []string{"SP", "RJ", "AC", "AM"}[i%4], Segment: fmt.Sprintf("s%d", i%50),
		ConsentEmail: true, ConsentSMS: true, ConsentWhatsApp: true, ConsentVoice: true,
		ReachEmail: true, ReachSMS: true, ReachWhatsApp: true, ReachVoice: i%3 > 0}
	w.in.PayProb = float64(i%10) / 10
	w.invoice("a", -i%40)
	w.invoice("b", 20-i%30)
	w.pay("b", 1_000, -3)
	return w.in
}

// TestEveryAudienceOfAHundredIsAsked keeps the benchmark honest at a small size:
// some customers are captured, by many réguas, and get touches.
func TestEveryAudienceOfAHundredIsAsked(t *testing.T) {
	set := hundred(t)
	engine, err := policy.New(policy.DefaultConfig())
	if err != nil {
		t.Fatal(err)
	}
	captured, touches := evaluate(set, engine, data.MakeDate(2026, time.March, 9), 5_000)
	if captured < 500 || captured > 4_500 || touches < captured/4 {
		t.Errorf("%d of 5000 captured, %d touches", captured, touches)
	}
}
