package kpi

import (
	"context"
	"fmt"
	"strings"

	"dunning/data"
)

// reading is the indicators while they are being read.
type reading struct{ data.Indicators }

// Compute returns the indicators of the lake at cfg.AsOf. It reads the lake
// once per query, within cfg.MemoryMB of memory, and writes nothing to it. The
// result depends on the lake's rows and on cfg alone.
//
// The error wraps data.ErrUsage for a wrong cfg, data.ErrBadInput when the
// lake lacks customers, invoices or payments or has no invoice before AsOf,
// and data.ErrDamagedFile when a file cannot be read.
func Compute(ctx context.Context, cfg Config) (*data.Indicators, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	cfg = cfg.withDefaults()
	l, err := openLake(ctx, cfg)
	if err != nil {
		return nil, err
	}
	defer l.Close()
	r := &reading{data.Indicators{AsOf: cfg.AsOf}}
	steps := []func(context.Context, *lake, Config) error{
		r.setPeriod, r.readBalances, r.readCustomers, r.readCure, r.readFlows, r.readTiming,
		r.readPromises, r.readRecovery, r.readFunnel, r.readReach, r.readActivity, r.readIncremental, r.readSegments,
	}
	for _, step := range steps {
		if err := step(ctx, l, cfg); err != nil {
			return nil, err
		}
	}
	r.divide()
	return &r.Indicators, nil
}

// setPeriod chooses the currency and the months and prepares the tables that
// the queries share.
func (r *reading) setPeriod(ctx context.Context, l *lake, cfg Config) error {
	asOf := "DATE " + quote(cfg.AsOf.String())
	first, err := r.currency(ctx, l, cfg, asOf)
	if err != nil {
		return err
	}
	r.Months = 1
	for r.Months < cfg.Months && monthsBefore(cfg.AsOf, r.Months) > first {
		r.Months++
	}
	r.From = monthsBefore(cfg.AsOf, r.Months)
	r.Days = int(cfg.AsOf - r.From)

	var snaps []string
	for k := 0; k <= r.Months; k++ {
		m := r.Months - k
		snaps = append(snaps, fmt.Sprintf("(%d, DATE '%s', DATE '%s')", k, monthsBefore(cfg.AsOf, m), monthsBefore(cfg.AsOf, m+1)))
		if k > 0 {
			r.Series = append(r.Series, data.MonthFigures{From: monthsBefore(cfg.AsOf, m+1), To: monthsBefore(cfg.AsOf, m)})
		}
	}
	settings := fmt.Sprintf(`SET VARIABLE as_of = %s; SET VARIABLE from_on = DATE '%s';
		SET VARIABLE currency = %s; SET VARIABLE grace = %d; SET VARIABLE months = %d;
		CREATE TEMP TABLE snap AS SELECT * FROM (VALUES %s) v(k, t, prev);`,
		asOf, r.From, quote(r.Currency), cfg.GraceDays, r.Months, strings.Join(snaps, ", "))
	if err := l.exec(ctx, "period", settings); err != nil {
		return err
	}
	if err := l.run(ctx, "base"); err != nil {
		return err
	}
	return l.run(ctx, "open")
}

// currency chooses the currency and returns the first day of issue in it.
func (r *reading) currency(ctx context.Context, l *lake, cfg Config, asOf string) (first data.Date, err error) {
	var found, total int64
	text := `SELECT currency, COUNT(*) AS n, CAST(MIN(issued_on) AS VARCHAR)
		FROM invoices WHERE issued_on < ` + asOf + ` GROUP BY currency ORDER BY n DESC, currency`
	err = l.eachRow(ctx, "currency", text, func(scan func(...any) error) error {
		var name, day string
		var n int64
		if err := scan(&name, &n, &day); err != nil {
			return err
		}
		total += n
		if found > 0 || cfg.Currency != "" && cfg.Currency != name {
			return nil
		}
		found, r.Currency = n, name
		first, err = data.ParseDate(day)
		return err
	})
	if err != nil {
		return 0, err
	}
	if found == 0 {
		what := "no invoice"
		if cfg.Currency != "" && total > 0 {
			what = "no invoice in currency " + cfg.Currency
		}
		return 0, fmt.Errorf("kpi: invoices: %w: %s issued before %s; choose a later --as-of", data.ErrBadInput, what, cfg.AsOf)
	}
	r.OtherCurrencyInvoices = total - found
	return first, nil
}

// readBalances fills aging, balances and roll rates from the open invoices at
// each month's end.
func (r *reading) readBalances(ctx context.Context, l *lake, cfg Config) error {
	type cell struct{ cents, entered data.Cents }
	at := make([][Buckets]cell, r.Months+1)
	r.Aging = make([]data.AgingBucket, Buckets)
	err := l.each(ctx, "buckets", func(scan func(...any) error) error {
		var k, b int
		var cents, n, entered int64
		if err := scan(&k, &b, &cents, &n, &entered); err != nil {
			return err
		}
		at[k][b] = cell{data.Cents(cents), data.Cents(entered)}
		if k == r.Months {
			r.Aging[b].BalanceCents, r.Aging[b].Invoices = data.Cents(cents), n
		}
		return nil
	})
	if err != nil {
		return err
	}
	for k, cells := range at {
		var total, overdue data.Cents
		for b, c := range cells {
			total += c.cents
			if b > 0 {
				overdue += c.cents
			}
		}
		if k == 0 {
			r.BeginningReceivableCents = total
			continue
		}
		r.Series[k-1].ReceivableCents, r.Series[k-1].OverdueCents = total, overdue
	}
	t := total(r.Aging, cfg.ProvisionBasisPoints)
	r.ReceivableCents, r.CurrentCents, r.OverdueCents, r.Over90Cents = t.receivable, t.current, t.overdue, t.over90
	r.ProvisionCents, r.OpenInvoices = t.provision, t.invoices
	for b := 0; b < Buckets-1; b++ {
		roll := data.RollRate{FromBucket: b}
		for k := 1; k <= r.Months; k++ {
			to := at[k][b+1].cents
			if b+1 == Buckets-1 {
				to = at[k][b+1].entered // the open bucket also holds what was there before
			}
			roll.Months = append(roll.Months, data.RollMonth{To: r.Series[k-1].To, FromCents: at[k-1][b].cents, ToCents: to})
		}
		r.Roll = append(r.Roll, roll)
	}
	return nil
}

// bound sets the bounds and provisions of the buckets.
func bound(aging []data.AgingBucket, provision [Buckets]int) {
	for b := range aging {
		a := &aging[b]
		a.FromDays = BucketFrom[b]
		if b+1 < Buckets {
			last := BucketFrom[b+1] - 1
			a.ToDays = &last
		}
		a.ProvisionCents = shareOf(a.BalanceCents, provision[b])
	}
}

// agingTotals are the sums over the buckets of an aging.
type agingTotals struct {
	receivable, current, overdue, over90, provision data.Cents
	invoices                                        int64
}

// total sets the bounds and provisions of the buckets and adds them up.
func total(aging []data.AgingBucket, provision [Buckets]int) (t agingTotals) {
	bound(aging, provision)
	for b, a := range aging {
		t.receivable += a.BalanceCents
		t.provision += a.ProvisionCents
		t.invoices += a.Invoices
		if b > 0 {
			t.overdue += a.BalanceCents
		}
		if a.FromDays > 90 {
			t.over90 += a.BalanceCents
		}
	}
	t.current = t.receivable - t.overdue
	return t
}

// shareOf returns basisPoints/10,000 of c, halves up, without overflow for any
// amount that a portfolio can hold. c is not negative.
func shareOf(c data.Cents, basisPoints int) data.Cents {
	whole, rest := c/10000, c%10000
	return whole*data.Cents(basisPoints) + (rest*data.Cents(basisPoints)+5000)/10000
}

func (r *reading) readCustomers(ctx context.Context, l *lake, _ Config) error {
	return l.each(ctx, "customers", func(scan func(...any) error) error {
		return scan(&r.Customers, &r.OpenCustomers, &r.OverdueCustomers)
	})
}

func (r *reading) readCure(ctx context.Context, l *lake, _ Config) error {
	for _, m := range r.Series {
		r.Cure = append(r.Cure, data.CureMonth{To: m.To})
	}
	return l.each(ctx, "cure", func(scan func(...any) error) error {
		var k int
		var delinquent, cured int64
		if err := scan(&k, &delinquent, &cured); err != nil {
			return err
		}
		r.Cure[k-1].Delinquent, r.Cure[k-1].Cured = delinquent, cured
		return nil
	})
}

func (r *reading) readFlows(ctx context.Context, l *lake, _ Config) error {
	return l.each(ctx, "flows", func(scan func(...any) error) error {
		var k int
		var billed, collected, overdue, cancelled data.Cents
		if err := scan(&k, &billed, &collected, &overdue, &cancelled); err != nil {
			return err
		}
		m := &r.Series[k-1]
		m.BilledCents, m.CollectedCents, m.CancelledCents = billed, collected, cancelled
		r.BilledCents += billed
		r.CollectedCents += collected
		r.CollectedOverdueCents += overdue
		return nil
	})
}

// timingBins is the number of bins of the payment timing; sql/timing.sql
// numbers them from 0.
const timingBins = 32

func (r *reading) readTiming(ctx context.Context, l *lake, _ Config) error {
	r.Timing = make([]data.TimingBin, timingBins)
	for i := range r.Timing {
		from, to := -35+5*i, -31+5*i
		if i > 0 {
			r.Timing[i].FromDays = &from
		}
		if i < timingBins-1 {
			r.Timing[i].ToDays = &to
		}
	}
	return l.each(ctx, "timing", func(scan func(...any) error) error {
		var bin int
		var n, cents int64
		if err := scan(&bin, &n, &cents); err != nil {
			return err
		}
		r.Timing[bin].Payments, r.Timing[bin].Cents = n, data.Cents(cents)
		return nil
	})
}
