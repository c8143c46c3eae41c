package kpi_test

import (
	"context"
	"errors"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dunning/data"
	"dunning/pipeline/kpi"
)

// compute returns the indicators of the hand-made lake.
func compute(t *testing.T, l *tables) *data.Indicators {
	t.Helper()
	r, err := kpi.Compute(context.Background(), kpi.Config{
		Lake: l.write(t, 1), AsOf: day("2026-01-01"), Months: 2, GraceDays: 3, TempDir: t.TempDir(),
	})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestHandComputedAmounts(t *testing.T) {
	r := compute(t, handMade())
	for _, c := range []struct {
		name      string
		got, want int64
	}{
		{"days from 2025-11-01", int64(r.Days), 61},
		{"invoices in other currencies: G", r.OtherCurrencyInvoices, 1},
		{"customers", r.Customers, 5},
		{"open customers: C1, C3, C4", r.OpenCustomers, 3},
		{"overdue customers: C1, C4", r.OverdueCustomers, 2},
		{"open invoices: A, D, F", r.OpenInvoices, 3},
		{"receivable: A 6000 + D 5000 + F 7000", int64(r.ReceivableCents), 18000},
		{"current: D, due on AsOf itself", int64(r.CurrentCents), 5000},
		{"overdue: A + F", int64(r.OverdueCents), 13000},
		{"over 90: A (92) + F (139)", int64(r.Over90Cents), 13000},
		{"provision: 5000×0.5 % + 6000×30 % + 7000×100 %", int64(r.ProvisionCents), 25 + 1800 + 7000},
		{"beginning: A 10000 + C 30000 + E 8000 + F 7000", int64(r.BeginningReceivableCents), 55000},
		{"billed: B 20000 + I 1000 + D 5000", int64(r.BilledCents), 26000},
		{"collected: 4000 + 20000 + 30000 + 1200", int64(r.CollectedCents), 55200},
		{"collected overdue: A 4000 + C 30000", int64(r.CollectedOverdueCents), 34000},
		{"assigned: opening 25000 + C 30000", int64(r.Recovery.AssignedCents), 55000},
		{"collected on it", int64(r.Recovery.CollectedCents), 34000},
		{"opening: A 10000 + E 8000 + F 7000", int64(r.Recovery.OpeningCents), 25000},
		{"collected on the opening: A", int64(r.Recovery.OpeningCollectedCents), 4000},
		{"promises due: P1, P2, P3; P4's grace ends on AsOf", r.Promises.Due, 3},
		{"promises kept: P1 within grace, P3 (31200 ≥ 30000)", r.Promises.Kept, 2},
		{"promised", int64(r.Promises.DueCents), 34000},
		{"promised and kept", int64(r.Promises.KeptCents), 19000},
		{"promises made", r.Promises.Made, 4},
		{"agreements: P2 and P3 are one", r.Promises.Agreements, 3},
		{"touches in the period: T1, T2, T3", r.Contacts.Touches, 3},
		{"customers contacted: C1, C2", r.Contacts.CustomersContacted, 2},
		{"right-party contacts: T2; T3's reply is after AsOf", r.Contacts.RightParty, 1},
		{"reachable: C1, C2", r.Contacts.Reachable, 2},
		{"contactable: C1", r.Contacts.Contactable, 1},
		{"touch cost: 2 + 80 + 8", int64(r.Cost.TouchCents), 90},
		{"bureau cost in the period", int64(r.Cost.BureauCents), 170},
		{"treated customers: C1, C2, C5", r.Incremental.TreatedCustomers, 3},
		{"treated paid: C1 24000 + C2 31200", int64(r.Incremental.TreatedCents), 55200},
		{"treated owed: C1 30000 + C2 31000; C5's H is issued at AsOf", int64(r.Incremental.TreatedOwedCents), 61000},
		{"holdout owed: C3 8000 + 5000, C4 7000", int64(r.Incremental.HoldoutOwedCents), 20000},
		{"holdout customers: C3, C4", r.Incremental.HoldoutCustomers, 2},
		{"holdout paid", int64(r.Incremental.HoldoutCents), 0},
	} {
		if c.got != c.want {
			t.Errorf("%s: got %d, want %d", c.name, c.got, c.want)
		}
	}
}

func TestHandComputedRates(t *testing.T) {
	r := compute(t, handMade())
	// Of C1 24000, C2 31200, C5 0: mean 18400, sum of squares 1,549,440,000,
	// variance (1,549,440,000 − 3·18400²)/2 = 266,880,000; the holdout paid nothing.
	half := 1.959963984540054 * math.Sqrt(3*266_880_000.0)
	for _, c := range []struct {
		name string
		got  *float64
		want float64 // NaN: absent
	}{
		{"overdue share", r.OverdueShare, 13.0 / 18},
		{"DSO = 18000 ÷ 26000 × 61", r.DSO, 18000.0 / 26000 * 61},
		{"best possible DSO = 5000 ÷ 26000 × 61", r.BestPossibleDSO, 5000.0 / 26000 * 61},
		{"ADD = DSO − best possible DSO", r.ADD, 30.5},
		{"CEI = (55000 + 26000÷2 − 18000) ÷ (55000 + 26000÷2 − 5000) × 100", r.CEI, 50000.0 / 63000 * 100},
		{"default rate", r.DefaultRate, 13.0 / 18},
		{"coverage", r.Coverage, 8825.0 / 13000},
		{"roll current → 1–30: (30000 + 0) ÷ (30000 + 21000)", r.Roll[0].Rate, 30.0 / 51},
		{"roll current → 1–30, November", r.Roll[0].Months[0].Rate, 1},
		{"roll current → 1–30, December", r.Roll[0].Months[1].Rate, 0},
		{"roll 1–30 → 31–60, November: nothing to roll", r.Roll[1].Months[0].Rate, math.NaN()},
		{"roll 1–30 → 31–60, December: C was paid", r.Roll[1].Months[1].Rate, 0},
		{"roll 31–60 → 61–90, November: A 10000 → 6000", r.Roll[2].Months[0].Rate, 0.6},
		{"roll 61–90 → 91–120: F then A, whole", r.Roll[3].Rate, 1},
		{"roll 91–120 → >120, December: F; E was there before", r.Roll[4].Months[1].Rate, 1},
		{"cure, November: none of C1, C3, C4", r.Cure[0].Rate, 0},
		{"cure, December: C2 and C3 of C1–C4", r.Cure[1].Rate, 0.5},
		{"cure, both", r.CureRate, 2.0 / 7},
		{"promises kept", r.Promises.KeptRate, 2.0 / 3},
		{"promises kept by value", r.Promises.KeptValueRate, 19.0 / 34},
		{"liquidation", r.Recovery.Liquidation, 34.0 / 55},
		{"recovery", r.Recovery.Rate, 0.16},
		{"right-party rate", r.Contacts.RightPartyRate, 1.0 / 3},
		{"call rate", r.Contacts.CallRate, 1},
		{"promise rate", r.Contacts.PromiseRate, 3},
		{"agreement rate", r.Contacts.AgreementRate, 1.5},
		{"contact coverage", r.Contacts.Coverage, 0.4},
		{"consent coverage", r.Contacts.ConsentShare, 0.2},
		{"cost per real", r.Cost.PerReal, 90.0 / 55200},
		{"cost per overdue real", r.Cost.PerOverdueReal, 90.0 / 34000},
		{"increment", r.Incremental.IncrementCents, 55200},
		{"increment, low end", r.Incremental.IncrementLo, 55200 - half},
		{"increment, high end", r.Incremental.IncrementHi, 55200 + half},
		{"incremental cost per real", r.Incremental.PerReal, 90.0 / 55200},
		{"incremental cost per real, low end", r.Incremental.PerRealLo, 90 / (55200 + half)},
		{"incremental cost per real, high end: the interval reaches zero", r.Incremental.PerRealHi, math.NaN()},
	} {
		switch {
		case c.got == nil && !math.IsNaN(c.want):
			t.Errorf("%s: absent, want %g", c.name, c.want)
		case c.got != nil && !(math.Abs(*c.got-c.want) <= 1e-12*max(1, math.Abs(c.want))):
			t.Errorf("%s: got %.15g, want %.15g", c.name, *c.got, c.want)
		}
	}
}

func TestHandComputedSeries(t *testing.T) {
	r := compute(t, handMade())
	share := func(f float64) *float64 { return &f }
	channels := func(email, sms, voice [2]int64) []data.ChannelTouches {
		return []data.ChannelTouches{
			{Channel: data.Email, Touches: email[0], CostCents: data.Cents(email[1])},
			{Channel: data.SMS, Touches: sms[0], CostCents: data.Cents(sms[1])},
			{Channel: data.WhatsApp},
			{Channel: data.Voice, Touches: voice[0], CostCents: data.Cents(voice[1])},
			{Channel: data.Letter},
		}
	}
	want := []data.MonthFigures{
		{From: day("2025-11-01"), To: day("2025-12-01"), BilledCents: 21000, CollectedCents: 4000,
			ReceivableCents: 72000, OverdueCents: 51000, OverdueShare: share(51000.0 / 72000),
			Channels: channels([2]int64{1, 2}, [2]int64{}, [2]int64{})},
		{From: day("2025-12-01"), To: day("2026-01-01"), BilledCents: 5000, CollectedCents: 51200, CancelledCents: 8000,
			ReceivableCents: 18000, OverdueCents: 13000, OverdueShare: share(13000.0 / 18000),
			Channels: channels([2]int64{}, [2]int64{1, 8}, [2]int64{1, 80})},
	}
	if diff := cmp.Diff(want, r.Series); diff != "" {
		t.Errorf("series (-want +got):\n%s", diff)
	}
	// B is paid 2 days early, I on its due date, A and C 40 days late.
	bins := map[int][2]int64{-5: {1, 20000}, 0: {1, 1200}, 40: {2, 34000}}
	for _, b := range r.Timing {
		from := -1000
		if b.FromDays != nil {
			from = *b.FromDays
		}
		if w := bins[from]; b.Payments != w[0] || int64(b.Cents) != w[1] {
			t.Errorf("payments from day %d: %d of %d cents, want %v", from, b.Payments, b.Cents, w)
		}
	}
}

func TestOptionalTablesMayBeMissing(t *testing.T) {
	dir := handMade().write(t, 1)
	for _, name := range []string{"touches", "touch_events", "promises", "bureau_reports"} {
		if err := os.RemoveAll(filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	r, err := kpi.Compute(context.Background(), kpi.Config{Lake: dir, AsOf: day("2026-01-01"), Months: 2})
	if err != nil {
		t.Fatal(err)
	}
	for name, absent := range map[string]*float64{
		"kept": r.Promises.KeptRate, "promise rate": r.Contacts.PromiseRate, "cost per real": r.Cost.PerReal,
		"increment": r.Incremental.IncrementCents, "agreement rate": r.Contacts.AgreementRate,
	} {
		if absent != nil {
			t.Errorf("%s: %g, want absent", name, *absent)
		}
	}
	if r.ReceivableCents != 18000 {
		t.Errorf("receivable %d, want 18000 as with all tables", r.ReceivableCents)
	}
}

func TestErrorsSayPlaceAndClass(t *testing.T) {
	whole := handMade().write(t, 1)
	broken := handMade().write(t, 1)
	file := filepath.Join(broken, "payments", "part-0000.parquet")
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, b[:len(b)/2], 0o644); err != nil {
		t.Fatal(err)
	}
	asOf := day("2026-01-01")
	for _, c := range []struct {
		name string
		cfg  kpi.Config
		want error
	}{
		{"no folder given", kpi.Config{AsOf: asOf}, data.ErrUsage},
		{"too many months", kpi.Config{Lake: whole, AsOf: asOf, Months: 61}, data.ErrUsage},
		{"missing lake", kpi.Config{Lake: t.TempDir(), AsOf: asOf}, data.ErrBadInput},
		{"AsOf before all data", kpi.Config{Lake: whole, AsOf: day("2020-01-01")}, data.ErrBadInput},
		{"currency nobody uses", kpi.Config{Lake: whole, AsOf: asOf, Currency: "EUR"}, data.ErrBadInput},
		{"truncated file", kpi.Config{Lake: broken, AsOf: asOf}, data.ErrDamagedFile},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, err := kpi.Compute(context.Background(), c.cfg); !errors.Is(err, c.want) {
				t.Errorf("got %v, want %v", err, c.want)
			}
		})
	}
}
