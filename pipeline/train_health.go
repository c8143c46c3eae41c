package pipeline

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"

	"dunning/data"
	"dunning/models"
	"dunning/models/uplift"
	"dunning/pipeline/report"
)

const (
	// referenceWeeks before the test period show how far a quiet week's figure
	// lies from what was predicted.
	referenceWeeks = 26
	// matureDays is the age of a log from which on histories hardly grow.
	matureDays = 300
	// groupRows is the least number of rows for which a group is shown.
	groupRows = 200
	// alarmSE is how many standard errors a deviation must be, beside being
	// large, before it is an alarm: with some dozens of figures looked at, a
	// false alarm comes once in a few hundred trainings.
	alarmSE = 3.5
	// maxGroupLarge is how much farther, in log-odds, a group's predictions may lie
	// from what it pays than everybody's: at one in two, six points.
	maxGroupLarge = 0.25
)

// rolling looks back over eight weeks of known outcomes.
func (t *trainer) rolling() models.Rolling {
	return models.Rolling{HorizonDays: t.w.Config.Features.HorizonDays, WindowDays: models.DefaultWindowDays}
}

// trailingRate predicts every row of the test period by the share that paid of
// the decisions whose outcome was known by then: what every model must beat.
func (t *trainer) trailingRate(rows organicRows) judgement {
	all := slices.Concat(rows.known, rows.test)
	at := t.rolling().Rates(models.Take(t.frame.AsOf, all), t.paid(all), models.Take(t.frame.AsOf, t.test))
	organic := t.organicOf(at)
	return judgement{name: "base-rate", raw: organic, calibrated: organic, testPeriod: at}
}

// rollPayment lets the calibration of the champion, the first, follow the last
// weeks where that was better; where the champion is a mix, that of the trees,
// too, which predict rows of features by themselves.
func (t *trainer) rollPayment(ctx context.Context, judged []judgement) error {
	known := sync.OnceValues(func() ([]float64, error) { return t.crossFitted(ctx) })
	trees := &judged[0]
	if t.mixed != nil {
		trees = &judged[1]
	}
	var err error
	if t.payment.calibration.Line, err = t.roll(trees, func() ([]float64, error) {
		p, err := known()
		return trees.calibration.ApplyAll(p), err
	}); err != nil || t.mixed == nil {
		return err
	}
	t.mixed.Line, err = t.roll(&judged[0], func() ([]float64, error) {
		p, err := known()
		if err != nil {
			return nil, err
		}
		all := slices.Concat(t.payment.rows.known, t.payment.rows.test)
		return t.mixed.mixAll(trees.calibration.ApplyAll(p), models.Take(t.ownProb, all)), nil
	})
	return err
}

// roll lets a model's calibration follow the last weeks, where that was better
// on the test period by more than noise: how people pay changed, and the model
// has not yet seen enough of it. It returns the line of today, nil where nothing
// is to follow; seen gives the calibrated predictions, by models of other
// customers, of all organic rows. The figures go into the evaluation.
func (t *trainer) roll(j *judgement, seen func() ([]float64, error)) (*models.Line, error) {
	rows := t.payment.rows
	all := slices.Concat(rows.known, rows.test)
	asOf, y, p := models.Take(t.frame.AsOf, all), t.paid(all), slices.Concat(j.known, j.calibrated)
	order := make([]int, len(t.test))
	for k := range order {
		order[k] = k
	}
	day := func(k int) data.Date { return t.frame.AsOf[t.test[k]] }
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(day(a), day(b)) })
	at := make([]data.Date, len(order))
	for n, k := range order {
		at[n] = day(k)
	}
	rolled := make([]float64, len(t.test))
	for n, line := range t.rolling().Lines(asOf, y, p, at) {
		rolled[order[n]] = line.Apply(j.testPeriod[order[n]])
	}
	organic := t.organicOf(rolled)
	weeks := make([]string, len(rows.test))
	for n, i := range rows.test {
		weeks[n] = fmt.Sprint(t.week(i)) // a week's shock moves all its rows
	}
	diff, stderr := models.LossDifference(t.paid(rows.test), organic, j.calibrated, weeks)
	t.rollingGain, t.rollingGainSE = -diff, stderr
	if t.recalibrated = diff+stderr < 0; !t.recalibrated {
		return nil, nil
	}
	j.testPeriod, j.calibrated = rolled, organic
	now, err := seen()
	if err != nil {
		return nil, err
	}
	line := t.rolling().Lines(asOf, y, now, []data.Date{t.w.AsOf})[0]
	return &line, nil
}

// crossFitted predicts all organic rows by trees of other customers that have
// seen the last weeks, as those that are kept have.
func (t *trainer) crossFitted(ctx context.Context) ([]float64, error) {
	all := slices.Concat(t.payment.rows.known, t.payment.rows.test)
	folds := models.CustomerFolds(models.Take(t.frame.CustomerID, all), calibrationFolds, t.w.Seed)
	return models.OutOfFold(ctx, t.payment.boosting, t.X.Take(all), t.paid(all), nil, folds)
}

// week numbers the weeks from the first day of the test period.
func (t *trainer) week(i int) int {
	return int(math.Floor(float64(t.frame.AsOf[i]-t.cut) / 7))
}

// health looks for reasons not to trust the champion.
func (t *trainer) health(j *judgement, rows organicRows) *data.ModelHealth {
	h := &data.ModelHealth{Alarms: []data.Alarm{}, Recalibrated: t.recalibrated, RollingGain: report.Known(t.rollingGain), RollingGainSE: report.Known(t.rollingGainSE)}
	for _, l := range models.Leaks(t.X.Take(rows.known), t.paid(rows.known)) {
		alarm := data.Alarm{Kind: data.AlarmLeak, Subject: l.Feature, Figure: report.Known(l.Figure), Text: l.Reason}
		if l.Figure <= 1 { // an AUC; otherwise so many rows of an end state, which has no limit
			alarm.Limit = report.Known(models.LeakAUC)
		}
		h.Alarms = append(h.Alarms, alarm)
	}
	t.chart(h, j, rows)
	t.shifts(h, j, rows)
	t.options(h)
	t.groups(h, rows)
	t.vintages(h, rows)
	return h
}

// chart draws the CUSUM of the calibration intercept by week.
func (t *trainer) chart(h *data.ModelHealth, j *judgement, rows organicRows) {
	weeks := func(rows []int) []int {
		out := make([]int, len(rows))
		for n, i := range rows {
			out[n] = t.week(i)
		}
		return out
	}
	var before []int
	var predicted []float64
	for n, i := range rows.known {
		if t.week(i) >= -referenceWeeks {
			before, predicted = append(before, i), append(predicted, j.known[n])
		}
	}
	points := models.CalibrationCUSUM(weeks(rows.test), t.paid(rows.test), j.calibrated, weeks(before), t.paid(before), predicted)
	var first *data.CalibrationWeek
	for _, c := range points {
		h.Weeks = append(h.Weeks, data.CalibrationWeek{From: t.cut + data.Date(7*c.Period), Rows: int64(c.Rows), Z: c.Z, Up: c.Up, Down: c.Down, Alarm: c.Alarm})
		if c.Alarm && first == nil {
			first = &h.Weeks[len(h.Weeks)-1]
		}
	}
	if n := len(h.Weeks); n > 0 && h.Weeks[n-1].Alarm {
		last := h.Weeks[n-1]
		side := "more"
		if last.Down > last.Up {
			side = "less"
		}
		h.Alarms = append(h.Alarms, data.Alarm{Kind: data.AlarmDrift, Subject: calibrationDrift, Figure: report.Known(max(last.Up, last.Down)), Limit: report.Known(models.CUSUMLimit),
			Text: fmt.Sprintf("%s is paid than predicted since about %s: the CUSUM of the calibration intercept is beyond its limit", side, first.From)})
	}
}

// calibrationDrift names the alarm of the chart.
const calibrationDrift = "calibration"

// payProbShift names the shift of the prediction.
const payProbShift = "pay_prob"

// shifts measures how far the ratios, and the prediction, moved between the half
// year before the test period and its last weeks. Amounts and counts move with
// prices and with the age of the log, and the cohorts' shares are the same for
// many rows of a month, so they say nothing. A ratio's shift is always shown. It is
// an alarm where the prediction moved with it: histories grow for years, and with
// them ratios over them, without anybody paying in another way. In a young log only
// the prediction's own shift is one.
func (t *trainer) shifts(h *data.ModelHealth, j *judgement, rows organicRows) {
	last := slices.Max(models.Take(t.frame.AsOf, t.test))
	recent := func(rows []int) (out []int) {
		for n, i := range rows {
			if t.frame.AsOf[i] > last-models.DefaultWindowDays {
				out = append(out, n)
			}
		}
		return out
	}
	began := data.Date(t.w.Input("extract").Manifest.Counts[countFirstEvent])
	mature := t.cut-7*referenceWeeks >= began+matureDays
	moved := math.NaN() // the prediction's own
	add := func(name string, psi float64) {
		if math.IsNaN(psi) {
			return
		}
		h.Shifts = append(h.Shifts, data.Shift{Feature: name, PSI: psi})
		if psi > models.MaxPSI && (name == payProbShift || mature && moved > models.WatchPSI) {
			h.Alarms = append(h.Alarms, data.Alarm{Kind: data.AlarmDrift, Subject: name, Figure: report.Known(psi), Limit: report.Known(models.MaxPSI),
				Text: fmt.Sprintf("its population stability index is %.2f, above %.2f", psi, models.MaxPSI)})
		}
	}
	var before []int
	for _, i := range t.train {
		if t.week(i) >= -referenceWeeks {
			before = append(before, i)
		}
	}
	at := recent(t.test)
	if len(at) < groupRows || len(before) < groupRows {
		return
	}
	if known := recent(rows.test); len(known) >= groupRows {
		moved = models.PSI(float32s(j.known), float32s(models.Take(j.calibrated, known)))
		add(payProbShift, moved)
	}
	for c, name := range t.X.Names {
		if (strings.HasSuffix(name, "_share") || strings.HasSuffix(name, "_ratio")) && !strings.HasPrefix(name, cohortPrefix) {
			add(name, models.PSI(models.Take(t.X.Cols[c], before), models.Take(t.X.Cols[c], models.Take(t.test, at))))
		}
	}
	slices.SortStableFunc(h.Shifts, func(a, b data.Shift) int { return cmp.Compare(b.PSI, a.PSI) })
}

func float32s(v []float64) []float32 {
	out := make([]float32, len(v))
	for i, x := range v {
		out[i] = float32(x)
	}
	return out
}

// options compares what was done in the test period with the probabilities
// that were logged. To hold is always possible, so the inverse probabilities
// of the holds must add up to the number of decisions; a channel is not
// possible for everybody, so of channels only shares are shown.
func (t *trainer) options(h *data.ModelHealth) {
	var drawn []int
	for _, i := range t.test {
		if p := t.frame.TreatProb[i]; p > 0 && p < 1 {
			drawn = append(drawn, i)
		}
	}
	if len(drawn) == 0 {
		return
	}
	for _, ch := range append([]data.Channel{data.Hold}, data.Channels[:]...) {
		weight := make([]float64, len(drawn))
		n := int64(0)
		for k, i := range drawn {
			if t.frame.Option[i] == ch {
				n++
				weight[k] = 1 / t.frame.TreatProb[i]
			}
		}
		o := data.OptionShare{Option: ch, Rows: n, Share: float64(n) / float64(len(drawn))}
		if ch == data.Hold {
			mean, stderr := uplift.MeanSE(weight, models.Take(t.frame.CustomerID, drawn))
			o.MeanWeight, o.SE = report.Known(mean), report.Known(stderr)
			if bias := math.Abs(mean - 1); bias > uplift.MaxWeightBias && bias > alarmSE*stderr {
				h.Alarms = append(h.Alarms, data.Alarm{Kind: data.AlarmLog, Subject: string(ch), Figure: report.Known(mean), Limit: report.Known(1 + uplift.MaxWeightBias),
					Text: fmt.Sprintf("the logged probabilities do not fit what was done: the mean inverse probability is %.3f ± %.3f, not 1", mean, stderr)})
			}
		}
		if n > 0 {
			h.Options = append(h.Options, o)
		}
	}
}

// groups judges the champion within groups of customers, so that one which is
// good on the whole and unfair to some shows. Where everybody pays less than was
// predicted nobody is treated unfairly: that is the calibration's business.
func (t *trainer) groups(h *data.ModelHealth, rows organicRows) {
	whole := models.FitCalibrationLine(t.paid(rows.test), t.organicProb(), models.Take(t.frame.CustomerID, rows.test)).Large
	for _, g := range []struct {
		column, feature string
		name            func(code int) string
	}{
		{"kind", "f_mix_kind_code", func(c int) string { return kindName(float32(c)) }},
		{"segment", "f_mix_segment_code", func(c int) string { return wordOf(t.words.Segment, c) }},
		{"uf", "f_mix_uf_code", func(c int) string { return wordOf(t.words.UF, c) }},
	} {
		col := t.frame.Column(g.feature)
		if col == nil {
			continue
		}
		in := map[int][]int{} // positions in rows.test
		for n, i := range rows.test {
			if v := col[i]; v == v {
				in[int(v)] = append(in[int(v)], n)
			}
		}
		for _, code := range sortedKeys(in) {
			if len(in[code]) >= groupRows {
				t.group(h, g.column, g.name(code), whole, models.Take(rows.test, in[code]), models.Take(t.organicProb(), in[code]))
			}
		}
	}
}

// organicProb are the champion's predictions for the organic rows of the test
// period.
func (t *trainer) organicProb() (out []float64) {
	for k := range t.heldOut {
		if t.heldOut[k].Organic {
			out = append(out, t.heldOut[k].PayProb)
		}
	}
	return out
}

// group judges the champion within one group; whole is how far all predictions lie
// from what is paid, in log-odds.
func (t *trainer) group(h *data.ModelHealth, column, value string, whole float64, rows []int, p []float64) {
	y := t.paid(rows)
	fit := models.FitCalibrationLine(y, p, models.Take(t.frame.CustomerID, rows))
	m := models.Evaluate(y, p)
	h.Groups = append(h.Groups, data.GroupFigures{Column: column, Value: value, Rows: int64(len(y)), Predicted: m.MeanPrediction, Observed: m.BaseRate,
		AUC: report.Known(m.AUC), Large: report.Known(fit.Large), LargeSE: report.Known(fit.LargeSE)})
	if off := fit.Large - whole; math.Abs(off) > maxGroupLarge && math.Abs(off) > alarmSE*fit.LargeSE {
		h.Alarms = append(h.Alarms, data.Alarm{Kind: data.AlarmFairness, Subject: column + " " + value, Figure: report.Known(off), Limit: report.Known(maxGroupLarge),
			Text: fmt.Sprintf("%.1f %% pay, %.1f %% were predicted: off by %.2f ± %.2f log-odds, everybody by %.2f", 100*m.BaseRate, 100*m.MeanPrediction, fit.Large, fit.LargeSE, whole)})
	}
}

func wordOf(words []string, code int) string {
	if code < 0 || code >= len(words) {
		return "?"
	}
	return words[code]
}

// vintages judges the champion month by month.
func (t *trainer) vintages(h *data.ModelHealth, rows organicRows) {
	in := map[data.Date][]int{} // positions in rows.test by month
	for n, i := range rows.test {
		day := t.frame.AsOf[i].Time()
		month := data.MakeDate(day.Year(), day.Month(), 1)
		in[month] = append(in[month], n)
	}
	p, base := t.organicProb(), []float64{}
	for k := range t.heldOut {
		if t.heldOut[k].Organic {
			base = append(base, t.heldOut[k].BaseProb)
		}
	}
	for _, month := range sortedKeys(in) {
		at := in[month]
		y, q := t.paid(models.Take(rows.test, at)), models.Take(p, at)
		m := models.Evaluate(y, q)
		h.Vintages = append(h.Vintages, data.Vintage{Month: month, Rows: int64(m.Rows), Observed: m.BaseRate, Predicted: m.MeanPrediction,
			AUC: report.Known(m.AUC), LogLoss: report.Known(m.LogLoss), BaseLogLoss: report.Known(models.LogLoss(y, models.Take(base, at)))})
	}
}
