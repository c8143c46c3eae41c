package report_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"time"

	"dunning/data"
	"dunning/pipeline/kpi"
	"dunning/pipeline/report"
)

func known(f float64) *float64 { return report.Known(f) }

func ptr[T any](v T) *T { return &v }

// sample is a full report with made-up figures in the range of a portfolio of
// 20,000 customers. It is fixture, not measurement.
func sample() report.Data {
	asOf := data.MakeDate(2026, time.January, 5)
	rng := rand.New(rand.NewPCG(1, 2))
	return report.Data{
		Company: "Móveis Aurora", AsOf: asOf, Currency: "BRL", Simulated: true,
		Portfolio:  samplePortfolio(asOf, rng),
		Sources:    sampleSources(),
		Evaluation: sampleEvaluation(asOf),
		Uplift:     sampleUplift(),
		Health:     sampleHealth(asOf),
		Comparison: &report.Comparison{Version: "b55db4548ee30f5e", Other: "81d0aa5200112233", CommonRows: 3120, LossDiff: known(-0.0021), LossDiffSE: known(0.0011),
			Figures: []report.ComparisonFigure{{Name: "auc", Version: known(0.812), Other: known(0.807)}, {Name: "qini_letter", Version: known(0.011)}}},
		Plan: samplePlan(asOf, rng),
		Blocked: []data.Blocked{
			{Rule: "br.cdc42.sunday", Title: "Domingo", Source: "SP, Lei 15.426/2014", Candidates: 83120, Customers: 8312},
			{Rule: "consent", Title: "Sem consentimento no canal", Source: "LGPD, art. 18", Candidates: 41200, Customers: 3920},
			{Rule: "dispute", Title: "Título em disputa", Source: "CDC, art. 42", Candidates: 3010, Customers: 86},
		},
		TopActions: sampleActions(asOf),
		Forecast:   sampleForecast(asOf),
		Truth: &report.Truth{
			Ours:    &report.TruthScore{Rows: 9000, AUC: known(0.8123), LogLoss: known(0.4211), Brier: known(0.1372), RMSE: known(0.081)},
			Ceiling: &report.TruthScore{Rows: 9000, AUC: known(0.8289), LogLoss: known(0.4085), Brier: known(0.1330), RMSE: known(0.062)},
			Oracle:  &report.TruthScore{Rows: 9000, AUC: known(0.8467), LogLoss: known(0.3902), Brier: known(0.1265), RMSE: known(0)},
			Effects: []report.TruthEffect{
				{Channel: data.Email, TrueATE: known(0.004), OurATE: known(0.006), Correlation: known(0.31)},
				{Channel: data.SMS, TrueATE: known(0.011), OurATE: known(0.013), Correlation: known(0.42)},
				{Channel: data.WhatsApp, TrueATE: known(0.024), OurATE: known(0.021), Correlation: known(0.55)},
				{Channel: data.Voice, TrueATE: known(0.031), OurATE: known(0.034), Correlation: known(0.49)},
			},
			PlanTrueCents: ptr(data.Cents(8_420_000)), CeilingPlanCents: ptr(data.Cents(9_900_000)),
			OraclePlanCents: ptr(data.Cents(13_100_000)), RandomPlanCents: ptr(data.Cents(2_010_000)),
		},
		Manifests: []report.Manifest{
			{Stage: "extract", Key: "9f2c1be07a55d1e3", Rows: 1_234_567, Files: 7, Seed: 42, CodeVersion: "1"},
			{Stage: "features", Key: "03ad77e1c0ffee42", Rows: 120_000, Files: 2, Seed: 42, CodeVersion: "1"},
		},
	}
}

func samplePortfolio(asOf data.Date, rng *rand.Rand) *data.Indicators {
	balances := [kpi.Buckets]data.Cents{512_345_678, 98_765_432, 41_234_500, 22_000_100, 13_450_000, 61_780_900}
	r := &data.Indicators{AsOf: asOf, From: data.MakeDate(2025, time.January, 5), Months: 12, Days: 365, Currency: "BRL",
		Customers: 20000, OpenCustomers: 15321, OverdueCustomers: 6120,
		DSO: known(48.3), BestPossibleDSO: known(33.0), ADD: known(15.3), CEI: known(78.4), DefaultRate: known(0.1004), Coverage: known(0.91),
		OverdueShare: known(0.3165), CureRate: known(0.274), CollectedCents: 5_612_345_678, BilledCents: 5_698_000_000}
	for b, c := range balances {
		a := data.AgingBucket{FromDays: kpi.BucketFrom[b], BalanceCents: c, Invoices: int64(c / 31_000), ProvisionCents: c * data.Cents(kpi.DefaultProvision[b]) / 10000}
		if b+1 < kpi.Buckets {
			a.ToDays = ptr(kpi.BucketFrom[b+1] - 1)
		}
		r.Aging = append(r.Aging, a)
		r.ReceivableCents += c
		r.ProvisionCents += a.ProvisionCents
		r.OpenInvoices += a.Invoices
	}
	r.Segments = []data.SegmentIndicators{{Segment: "atrasado_alto_valor", Name: "Atrasado de alto valor", EnglishName: "Late, high value", Customers: 1200, ReceivableCents: 9_000_000, DSO: known(52.5), CEI: known(61)}}
	r.CurrentCents = balances[0]
	r.OverdueCents = r.ReceivableCents - balances[0]
	r.Over90Cents = balances[4] + balances[5]
	for m := range 12 {
		to := data.MakeDate(2025, time.February+time.Month(m), 5)
		season := 1 + 0.15*math.Sin(float64(m))
		month := data.MonthFigures{From: data.MakeDate(2025, time.January+time.Month(m), 5), To: to,
			BilledCents: data.Cents(460_000_000 * season), CollectedCents: data.Cents(440_000_000 * (1 + 0.1*rng.Float64())),
			OverdueShare: known(0.28 + 0.04*rng.Float64())}
		for i, ch := range data.Channels {
			month.Channels = append(month.Channels, data.ChannelTouches{Channel: ch, Touches: int64(9000 >> i), CostCents: data.Cents(40000 * (i + 1))})
		}
		r.Series = append(r.Series, month)
		r.Cure = append(r.Cure, data.CureMonth{To: to, Delinquent: 6000, Cured: 1500 + rng.Int64N(400), Rate: known(0.25 + 0.06*rng.Float64())})
	}
	for b := range kpi.Buckets - 1 {
		roll := data.RollRate{FromBucket: b, Rate: known(0.19 + 0.15*float64(b))}
		for m := range 12 {
			roll.Months = append(roll.Months, data.RollMonth{To: r.Series[m].To, Rate: known(0.15 + 0.15*float64(b) + 0.08*rng.Float64())})
		}
		r.Roll = append(r.Roll, roll)
	}
	for i := range 32 {
		bin := data.TimingBin{Payments: int64(9000*math.Exp(-math.Abs(float64(i)-6.5)/2.5)) + 40, Cents: data.Cents(1_000_000 * (i + 1))}
		if i > 0 {
			bin.FromDays = ptr(-35 + 5*i)
		}
		if i < 31 {
			bin.ToDays = ptr(-31 + 5*i)
		}
		r.Timing = append(r.Timing, bin)
	}
	r.Promises = data.PromiseFigures{GraceDays: 3, Due: 4210, Kept: 2570, DueCents: 120_000_000, KeptCents: 68_000_000, KeptRate: known(0.6105), KeptValueRate: known(0.5667), Made: 4400, Agreements: 3700}
	r.Recovery = data.RecoveryFigures{Liquidation: known(0.641), Rate: known(0.388)}
	r.Contacts = data.ContactFigures{Touches: 180_000, CustomersContacted: 11_200, RightParty: 9_800, RightPartyRate: known(0.0544), CallRate: known(0.213),
		PromiseRate: known(0.3775), AgreementRate: known(0.33), Reachable: 19_412, Contactable: 18_020, Coverage: known(0.9706), ConsentShare: known(0.901)}
	for i, ch := range data.Channels {
		n := int64(90_000 >> i)
		r.Contacts.Channels = append(r.Contacts.Channels, data.ChannelContacts{Channel: ch, Sent: n, Delivered: n * 9 / 10, Opened: n / 3, Replied: n / 20, Bounced: n / 30, CostCents: data.Cents(n * int64(2+i*15)), Reachable: 18000 - int64(i)*900})
	}
	r.Cost = data.CostFigures{TouchCents: 4_123_400, PerReal: known(0.000734), PerOverdueReal: known(0.0036)}
	r.Incremental = data.IncrementalFigures{TreatedCustomers: 11_200, HoldoutCustomers: 600, IncrementCents: known(88_000_000), IncrementLo: known(31_000_000), IncrementHi: known(145_000_000),
		PerReal: known(0.0469), PerRealLo: known(0.0284), PerRealHi: known(0.133)}
	return r
}

func sampleSources() []report.Source {
	return []report.Source{
		{Table: "customers", Rows: 20_400, Accepted: 20_000, Quarantined: 400, Rules: []report.RuleCount{{Rule: "bad_document", Rows: 250}, {Rule: "duplicate_id", Rows: 150}}},
		{Table: "invoices", Rows: 510_000, Accepted: 500_000, Quarantined: 10_000, Rules: []report.RuleCount{{Rule: "negative_amount", Rows: 6_000}, {Rule: "unknown_customer", Rows: 4_000}}},
		{Table: "payments", Rows: 470_000, Accepted: 470_000},
	}
}

func sampleEvaluation(asOf data.Date) *data.Evaluation {
	e := &data.Evaluation{HorizonDays: 15, TestFrom: asOf - 90, TestTo: asOf - 16, TrainRows: 96_000, TestRows: 24_000, PaidShare: known(0.412),
		Models: []data.ModelScore{
			{Name: "xgboost", Champion: true, AUC: known(0.8123), LogLoss: known(0.4211), Brier: known(0.1372), ECE: known(0.0081)},
			{Name: "logistic", AUC: known(0.7712), LogLoss: known(0.4623), Brier: known(0.1533), ECE: known(0.0171)},
			{Name: "golearn forest", AUC: known(0.7544), LogLoss: nil, Brier: known(0.1611), ECE: known(0.0423)},
		}}
	for i, name := range []string{"xgboost", "logistic"} {
		curve := data.Reliability{Model: name}
		for b := range 10 {
			p := 0.05 + 0.1*float64(b)
			curve.Bins = append(curve.Bins, data.ReliabilityBin{Predicted: p, Observed: p + 0.03*float64(i+1)*math.Sin(6*p), Rows: int64(5000 - 400*b)})
		}
		e.Reliability = append(e.Reliability, curve)
	}
	for i := range 10 {
		o := 0.93 - 0.092*float64(i)
		e.Lift = append(e.Lift, data.LiftDecile{Decile: i + 1, Rows: 2400, Observed: o, Lift: o / 0.412})
	}
	for i, f := range []string{"maior atraso em aberto, em dias", "parcela paga em dia nos últimos 180 dias", "dias até o próximo dia de pagamento", "saldo em aberto", "contatos nos últimos 7 dias", "promessas quebradas", "score do bureau"} {
		e.Importance = append(e.Importance, data.Importance{Feature: fmt.Sprintf("f_sample_%02d", i), Description: f, MeanAbsSHAP: 0.62 / float64(i+1)})
	}
	return e
}

func sampleUplift() []data.UpliftFigures {
	var out []data.UpliftFigures
	for i, ch := range data.Channels[:4] {
		ate := 0.006 + 0.009*float64(i)
		u := data.UpliftFigures{Channel: ch, Learner: "S", Rows: 12_000, Treated: int64(4000 - 500*i), ATE: known(ate), ATELo: known(ate - 0.008), ATEHi: known(ate + 0.008), Qini: known(0.011 * float64(i+1)), UpliftAt30: known(ate * 2.1)}
		for k := range 21 {
			s := float64(k) / 20
			u.Curve = append(u.Curve, data.QiniPoint{Share: s, Gain: ate*s + 0.02*float64(i+1)*0.3*s*(1-s)})
		}
		u.QiniArea, u.QiniAreaLo, u.QiniAreaHi = known(0.004), known(0.001), known(0.007)
		for k := range 10 {
			u.Deciles = append(u.Deciles, data.EffectDecile{Decile: k + 1, Rows: 1200, Estimated: ate * (2 - 0.2*float64(k)), Robust: ate * (1.8 - 0.16*float64(k)), SE: 0.004})
		}
		out = append(out, u)
	}
	return out
}

func sampleHealth(asOf data.Date) *data.ModelHealth {
	rng := rand.New(rand.NewPCG(3, 4))
	h := &data.ModelHealth{Recalibrated: true,
		Alarms: []data.Alarm{{Kind: data.AlarmDrift, Subject: "f_payhist_gap_ratio", Figure: known(0.31), Limit: known(0.25)}, {Kind: data.AlarmLeak, Subject: "f_closed_code", Figure: known(0.99)},
			{Kind: data.AlarmLog, Subject: "hold", Figure: known(1.08)}, {Kind: data.AlarmFairness, Subject: "uf AC", Figure: known(0.4)}},
		Options: []data.OptionShare{{Option: data.Hold, Rows: 8000, Share: 0.4, MeanWeight: known(1.01), SE: known(0.009)}, {Option: data.SMS, Rows: 2000, Share: 0.1}}}
	up := 0.0
	for w := range 18 {
		z := rng.NormFloat64()
		up = max(0, up+z-0.5)
		h.Weeks = append(h.Weeks, data.CalibrationWeek{From: asOf - 126 + data.Date(7*w), Rows: 600, Z: z, Up: up, Down: max(0, -z-0.5), Alarm: up > 5})
		h.Shifts = append(h.Shifts, data.Shift{Feature: fmt.Sprintf("f_sample_%02d_share", w), PSI: 0.31 / float64(w+1)})
	}
	for m := range 4 {
		h.Vintages = append(h.Vintages, data.Vintage{Month: data.MakeDate(2025, time.Month(9+m), 1), Rows: 2400, Observed: 0.35, Predicted: 0.34, AUC: known(0.81), LogLoss: known(0.43), BaseLogLoss: known(0.65)})
	}
	for _, g := range [][2]string{{"kind", "PF"}, {"segment", "varejo"}, {"uf", "SP"}} {
		h.Groups = append(h.Groups, data.GroupFigures{Column: g[0], Value: g[1], Rows: 900, Predicted: 0.34, Observed: 0.36, AUC: known(0.8), Large: known(0.07), LargeSE: known(0.04)})
	}
	return h
}

func samplePlan(asOf data.Date, rng *rand.Rand) *data.PlanFigures {
	p := &data.PlanFigures{PlanID: "2026-01-05-a1b2c3", From: asOf, To: asOf + 13, SHA256: "5d41402abc4b2a76b9719d911017c5925d41402abc4b2a76b9719d911017c592",
		BudgetCents: 500_000, SpentCents: 499_912, ValueCents: 9_876_543, ValueLoCents: ptr(data.Cents(5_120_000)),
		Customers: 15_321, Touched: 4_812, Candidates: 1_072_470, Allowed: 612_000, Exploration: 240, Holdout: 766,
		Solver: "clp dual", Status: "optimal", ObjectiveCents: 9_880_101.4, BoundCents: 9_880_101.5, Gap: 1.2e-9, MaxViolation: known(3.1e-9), IntegralityLossCents: 3_558.4,
		Ladders: []int64{3_100, 1_212, 500}, MaxTouches: 3, GapDays: 2, Capped: 812, UncappedCents: known(9_893_001), Trimmed: 3,
		Unmet: []data.Unmet{{Row: "segment gold minimum", Demanded: 40, Reached: 38}}}
	caps := [...]*int64{nil, ptr(int64(200)), ptr(int64(120)), ptr(int64(80)), ptr(int64(30))}
	for i, ch := range data.Channels {
		var sum int64
		for d := range 14 {
			if (asOf + data.Date(d)).Weekday() == time.Sunday {
				continue
			}
			n := int64(100/(i+1)) + rng.Int64N(60)
			if caps[i] != nil {
				n = min(n, *caps[i])
			}
			sum += n
			p.Days = append(p.Days, data.PlanDay{Channel: ch, Day: asOf + data.Date(d), Actions: n, Capacity: caps[i]})
		}
		var total *int64
		if caps[i] != nil {
			total = ptr(*caps[i] * 12)
		}
		p.Channels = append(p.Channels, data.PlanChannel{Channel: ch, Actions: sum, CostCents: data.Cents(sum * int64(2+20*i)), ValueCents: data.Cents(sum * int64(900+400*i)), Capacity: total})
	}
	p.Prices = []data.RowPrice{{Kind: data.PriceBudget, Row: "budget", Limit: 500_000, Used: 499_912, PriceCents: 7.31, LowCents: known(7.28), HighCents: known(7.4)}}
	for d := range 6 {
		p.Prices = append(p.Prices, data.RowPrice{Kind: data.PriceCapacity, Row: "voice", Channel: data.Voice, Day: asOf + data.Date(d), Limit: 80, Used: 80, PriceCents: 900 - 110*float64(d),
			LowCents: known(880 - 110*float64(d))})
	}
	for i := range 9 {
		b := data.Cents(125_000 * i)
		value := data.Cents(13_500_000 * (1 - math.Exp(-float64(b)/380_000)))
		p.Curve = append(p.Curve, data.BudgetPoint{BudgetCents: b, ValueCents: value, LowCents: value, HighCents: value + value*data.Cents(i%3)/50, Solved: i%3 == 0, Chosen: b == 500_000})
	}
	return p
}

func sampleActions(asOf data.Date) []report.TopAction {
	var out []report.TopAction
	for i := range 20 {
		out = append(out, report.TopAction{CustomerID: fmt.Sprintf("C%06d", 7*i+13), Channel: data.Channels[i%4], Day: asOf + data.Date(i%6), CostCents: 80, ValueCents: data.Cents(54_000 - 1_900*i),
			Reason: "Ligação na terça, após o dia de pagamento: atraso de 34 dias, responde a ligações e deve R$ 2.310,00."})
	}
	return out
}

// sampleForecast is a forecast of the whole and of one segment.
func sampleForecast(asOf data.Date) *data.Receipts {
	f := &data.Receipts{AsOf: asOf, PlanID: "p", Nominal: 0.9, Past: []data.ReceiptsPast{{AsOf: asOf - 14, Weeks: 2, ExpectedCents: 40_000_000, CameCents: 41_234_567, Held: 2}},
		Backcast: &data.ReceiptsTrial{Origins: 19, From: asOf - 180, To: asOf - 42, HeldDays: 0.888, HeldWeeks: 0.877, ErrorDays: 0.295, ErrorWeeks: 0.099}}
	for _, grain := range []string{"week", "day"} {
		for _, segment := range []string{data.ReceiptsAll, "atrasado_alto_valor"} {
			for i := range 6 {
				days, c := int32(1), data.Cents(3_000_000+100_000*i)
				if grain == "week" {
					days, c = 7, 7*c
				}
				f.Rows = append(f.Rows, data.ReceiptsRow{AsOf: asOf, Grain: grain, Segment: segment, From: asOf + data.Date(i)*data.Date(days), Days: days,
					ExpectedCents: c, LowCents: c * 8 / 10, HighCents: c * 13 / 10, PlanCents: 500_000, UsualCents: 100_000, WithPlanCents: c + 400_000})
			}
		}
	}
	return f
}
