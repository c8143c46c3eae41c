package kpi_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"dunning/data"
	"dunning/pipeline/kpi"
)

// randomLake draws a lake of n customers over the year before asOf and a bit
// beyond it: partial, late, early and over-payments, cancellations, touches
// with events, agreements in instalments, a holdout.
func randomLake(rng *rand.Rand, n, invoicesEach int, asOf data.Date) *tables {
	l := &tables{}
	instant := func(d data.Date) time.Time {
		return d.Time().Add(time.Duration(rng.Int64N(86_400_000_000)) * time.Microsecond)
	}
	one := 1.0
	for c := range n {
		id := fmt.Sprintf("C%05d", c)
		held := rng.IntN(10) == 0
		l.customers = append(l.customers, data.Customer{CustomerID: id, ReachEmail: rng.IntN(2) == 0, ReachVoice: rng.IntN(3) == 0, ConsentEmail: rng.IntN(2) == 0})
		for k := range invoicesEach {
			v := data.Invoice{InvoiceID: fmt.Sprintf("%s-%03d", id, k), CustomerID: id, Currency: "BRL", AmountCents: data.Cents(rng.IntN(90_000))}
			v.IssuedOn = asOf - 360 + data.Date(rng.IntN(370))
			v.DueOn = v.IssuedOn + data.Date(rng.IntN(40))
			if rng.IntN(20) == 0 {
				day := v.IssuedOn + data.Date(rng.IntN(120))
				v.CancelledOn = &day
			}
			l.invoices = append(l.invoices, v)
			for p := range rng.IntN(3) {
				day := v.IssuedOn + data.Date(rng.IntN(100))
				l.payments = append(l.payments, data.Payment{PaymentID: fmt.Sprintf("%s-%d", v.InvoiceID, p), InvoiceID: v.InvoiceID, CustomerID: id,
					PaidAt: instant(day), AmountCents: v.AmountCents * data.Cents(rng.IntN(5)) / 4})
			}
		}
		for k := range rng.IntN(invoicesEach + 1) {
			t := data.Touch{TouchID: fmt.Sprintf("T%s-%d", id, k), CustomerID: id, SentAt: instant(asOf - data.Date(rng.IntN(200))), TreatProb: &one}
			if t.Channel = data.Hold; held {
				t.Template = "holdout"
			} else if i := rng.IntN(len(data.Channels) + 1); i < len(data.Channels) {
				t.Channel, t.CostCents = data.Channels[i], data.Cents(rng.IntN(100))
				l.events = append(l.events, data.TouchEvent{TouchID: t.TouchID, At: t.SentAt.Add(time.Hour), Kind: data.TouchEventKinds[rng.IntN(len(data.TouchEventKinds))]})
			}
			l.touches = append(l.touches, t)
		}
		if made := instant(asOf - data.Date(rng.IntN(100))); rng.IntN(4) == 0 {
			for k := range 1 + rng.IntN(3) {
				l.promises = append(l.promises, data.Promise{PromiseID: fmt.Sprintf("P%s-%d", id, k), CustomerID: id, MadeAt: made,
					DueOn: data.DateOf(made) + data.Date(10+30*k), AmountCents: data.Cents(rng.IntN(40_000)), InstalmentNo: int32(k + 1)})
			}
		}
		l.bureau = append(l.bureau, data.BureauReport{CustomerID: id, At: instant(asOf - data.Date(rng.IntN(300))), CostCents: 150})
	}
	return l
}

// openBalances is the definition of the balance, invoice by invoice: what the
// SQL must agree with.
func openBalances(l *tables, at data.Date) (buckets [kpi.Buckets]data.Cents, invoices [kpi.Buckets]int64) {
	paid := map[string]data.Cents{}
	for _, p := range l.payments {
		if data.DateOf(p.PaidAt) < at {
			paid[p.InvoiceID] += p.AmountCents
		}
	}
	for _, v := range l.invoices {
		if v.IssuedOn >= at || v.CancelledOn != nil && *v.CancelledOn < at || paid[v.InvoiceID] >= v.AmountCents {
			continue
		}
		b := 0
		for b+1 < kpi.Buckets && int(at-v.DueOn) >= kpi.BucketFrom[b+1] {
			b++
		}
		buckets[b] += v.AmountCents - paid[v.InvoiceID]
		invoices[b]++
	}
	return buckets, invoices
}

const seeds = 6

func TestBalancesAgreeWithTheDefinition(t *testing.T) {
	asOf := day("2026-01-05")
	for seed := range uint64(seeds) {
		l := randomLake(rand.New(rand.NewPCG(seed, 1)), 40, 12, asOf)
		r, err := kpi.Compute(context.Background(), kpi.Config{Lake: l.write(t, 2), AsOf: asOf, Months: 6})
		if err != nil {
			t.Fatal(err)
		}
		buckets, invoices := openBalances(l, asOf)
		var total data.Cents
		for b, a := range r.Aging {
			if a.BalanceCents != buckets[b] || a.Invoices != invoices[b] {
				t.Errorf("seed %d: bucket %d holds %d cents of %d invoices, want %d of %d", seed, b, a.BalanceCents, a.Invoices, buckets[b], invoices[b])
			}
			total += a.BalanceCents
		}
		if total != r.ReceivableCents || r.CurrentCents+r.OverdueCents != r.ReceivableCents {
			t.Errorf("seed %d: buckets sum to %d, current and overdue to %d, receivable is %d", seed, total, r.CurrentCents+r.OverdueCents, r.ReceivableCents)
		}
		var billed, collected data.Cents
		for _, m := range r.Series {
			at, _ := openBalances(l, m.To)
			var sum data.Cents
			for _, c := range at {
				sum += c
			}
			if m.ReceivableCents != sum || m.OverdueCents != sum-at[0] {
				t.Errorf("seed %d: at %s receivable %d, overdue %d; want %d, %d", seed, m.To, m.ReceivableCents, m.OverdueCents, sum, sum-at[0])
			}
			billed, collected = billed+m.BilledCents, collected+m.CollectedCents
		}
		if billed != r.BilledCents || collected != r.CollectedCents {
			t.Errorf("seed %d: the months do not sum to the period", seed)
		}
		if r.Recovery.CollectedCents > r.Recovery.AssignedCents || r.Promises.KeptCents > r.Promises.DueCents {
			t.Errorf("seed %d: more recovered than assigned, or more kept than promised", seed)
		}
	}
}

func TestOrderPartsAndThreadsChangeNothing(t *testing.T) {
	asOf := day("2026-01-05")
	l := randomLake(rand.New(rand.NewPCG(7, 1)), 60, 12, asOf)
	want, err := kpi.Compute(context.Background(), kpi.Config{Lake: l.write(t, 1), AsOf: asOf, Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(7, 2))
	rng.Shuffle(len(l.invoices), func(i, j int) { l.invoices[i], l.invoices[j] = l.invoices[j], l.invoices[i] })
	rng.Shuffle(len(l.payments), func(i, j int) { l.payments[i], l.payments[j] = l.payments[j], l.payments[i] })
	rng.Shuffle(len(l.touches), func(i, j int) { l.touches[i], l.touches[j] = l.touches[j], l.touches[i] })
	got, err := kpi.Compute(context.Background(), kpi.Config{Lake: l.write(t, 5), AsOf: asOf, Threads: 4, MemoryMB: 128})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the same rows in another order give other figures (-want +got):\n%s", diff)
	}
}

// What happens at or after midnight of AsOf is not known yet.
func TestLaterEventsChangeNothing(t *testing.T) {
	asOf := day("2026-01-05")
	known := func(l *tables) *data.Indicators {
		r, err := kpi.Compute(context.Background(), kpi.Config{Lake: l.write(t, 1), AsOf: asOf, GraceDays: 2})
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	for seed := range uint64(seeds) {
		l := randomLake(rand.New(rand.NewPCG(seed, 3)), 30, 8, asOf)
		want := known(l)
		rng := rand.New(rand.NewPCG(seed, 4))
		later := func() time.Time { return asOf.Time().Add(time.Duration(rng.Int64N(int64(90 * 24 * time.Hour)))) }
		for i := range 50 {
			v := l.invoices[rng.IntN(len(l.invoices))]
			l.payments = append(l.payments, data.Payment{PaymentID: fmt.Sprintf("later-%d", i), InvoiceID: v.InvoiceID, CustomerID: v.CustomerID, PaidAt: later(), AmountCents: v.AmountCents})
			l.touches = append(l.touches, data.Touch{TouchID: fmt.Sprintf("later-%d", i), CustomerID: v.CustomerID, Channel: data.SMS, SentAt: later(), CostCents: 8})
			l.events = append(l.events, data.TouchEvent{TouchID: l.touches[rng.IntN(len(l.touches))].TouchID, At: later(), Kind: data.EventReplied})
			l.promises = append(l.promises, data.Promise{PromiseID: fmt.Sprintf("later-%d", i), CustomerID: v.CustomerID, MadeAt: later(), DueOn: asOf + 100, AmountCents: 1})
			v.InvoiceID, v.IssuedOn, v.DueOn, v.CancelledOn = fmt.Sprintf("later-%d", i), asOf+data.Date(i), asOf+data.Date(i+9), nil
			l.invoices = append(l.invoices, v)
		}
		for i := range l.invoices {
			if c := l.invoices[i].CancelledOn; c == nil && rng.IntN(5) == 0 {
				day := max(asOf, l.invoices[i].IssuedOn)
				l.invoices[i].CancelledOn = &day
			}
		}
		if diff := cmp.Diff(want, known(l)); diff != "" {
			t.Errorf("seed %d: later events changed the figures (-want +got):\n%s", seed, diff)
		}
	}
}

// BenchmarkCompute measures a portfolio of 20,000 customers and 500,000
// invoices.
func BenchmarkCompute(b *testing.B) {
	asOf := day("2026-01-05")
	l := randomLake(rand.New(rand.NewPCG(1, 1)), 20_000, 25, asOf)
	dir := l.write(b, 4)
	b.ResetTimer()
	for b.Loop() {
		if _, err := kpi.Compute(context.Background(), kpi.Config{Lake: dir, AsOf: asOf}); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(len(l.invoices))*float64(b.N)/b.Elapsed().Seconds(), "invoices/s")
}
