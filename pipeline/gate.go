package pipeline

import (
	"context"
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strings"

	"dunning/data"
	"dunning/features"
	"dunning/models"
	"dunning/models/registry"
	"dunning/pipeline/report"
)

// Bounds of the gate.
const (
	// commonRows is the least number of decisions that both versions predicted
	// without having seen them for the two to be compared on them.
	commonRows = 200
	// worseBy is the part of the champion's log loss by which a challenger may
	// be worse on them, or a standard error where that is more: two trainings on
	// nearly the same log differ by as much without being different, and a champion
	// that is never replaced ages.
	worseBy = 0.005
	// skillWorseBy is the same where nothing is common, for the part of the base
	// rate's log loss that a version saves: two periods are not equally hard.
	skillWorseBy = 0.03
	// slopeWithin and largeWithin bound the calibration on the test period, in
	// log-odds, unless three standard errors are more.
	slopeWithin = 0.2
	largeWithin = 0.2
	gateSE      = 3
	// restatedShare is the part of the rows whose feature may differ when it is
	// computed again: a payment booked late changes a few.
	restatedShare = 0.05
	// restatedRows is the least number of rows to compare.
	restatedRows = 50
	// cohortPrefix begins the names of features that are figures of cohorts.
	cohortPrefix = "f_cohort_"
	// shownAlarms bounds what one check says.
	shownAlarms = 3
	// restatedDays is how many earlier days with features are looked at.
	restatedDays = 3
)

// GateCheck is one thing that a version must pass before it is put into force.
type GateCheck struct {
	Name   string   `json:"name"`
	OK     bool     `json:"ok"`
	Figure *float64 `json:"figure"` // nil where it could not be measured
	Limit  *float64 `json:"limit"`
	Text   string   `json:"text"`
}

// GateResult is what the gate says of a version.
type GateResult struct {
	Version  string          `json:"version"`
	Champion string          `json:"champion,omitempty"` // compared with, "" for none
	OK       bool            `json:"ok"`
	Checks   []GateCheck     `json:"checks"`
	champion *TrainedVersion // nil where there is no other
}

// Reason returns the checks that were not passed, "" when all were.
func (g GateResult) Reason() string {
	var out []string
	for _, c := range g.Checks {
		if !c.OK {
			out = append(out, c.Name+": "+c.Text)
		}
	}
	return strings.Join(out, "; ")
}

func (g *GateResult) add(name string, ok bool, figure, limit float64, format string, args ...any) {
	g.OK = g.OK && ok
	g.Checks = append(g.Checks, GateCheck{name, ok, report.Known(figure), report.Known(limit), fmt.Sprintf(format, args...)})
}

// TrainedVersion is a version of the store with what its training found out.
type TrainedVersion struct {
	registry.Record
	Evaluation Evaluation
	heldOut    []HeldOut
}

// OpenTrained returns a version by ID or alias, with every file verified.
func OpenTrained(s *registry.Store, name string) (*TrainedVersion, error) {
	r, err := s.Open(name)
	if err != nil {
		return nil, err
	}
	v := &TrainedVersion{Record: r}
	if err := readJSON(filepath.Join(s.Dir(r.ID), evaluationFile), &v.Evaluation); err != nil {
		return nil, err
	}
	if e := v.Evaluation; e.Payment == nil || len(e.Payment.Models) < 2 || e.Health == nil {
		return nil, fmt.Errorf("%s: %w: %s lacks the figures of the models; train again", s.Dir(r.ID), data.ErrDamagedFile, evaluationFile)
	}
	v.heldOut, err = data.Read[HeldOut](filepath.Join(s.Dir(r.ID), heldOutFile))
	return v, err
}

// organicHeldOut are the labels and predictions of a version on the organic
// decisions of its test period.
type organicHeldOut struct {
	y, p, base []float64
	customer   []string
}

func (v *TrainedVersion) organic() (o organicHeldOut) {
	for i := range v.heldOut {
		if h := &v.heldOut[i]; h.Organic {
			o.add(h, h.PayProb, h.BaseProb)
		}
	}
	return o
}

func (o *organicHeldOut) add(h *HeldOut, p, base float64) {
	o.y, o.p, o.base = append(o.y, indicator(h.Paid)), append(o.p, p), append(o.base, base)
	o.customer = append(o.customer, h.CustomerID)
}

// Gate checks whether a version may be put into force in a home: it must be
// better than the base rate and no worse than the champion on the newest decisions
// that neither had seen, calibrated, and without an alarm. version is an ID or an
// alias.
func Gate(ctx context.Context, home, version string) (GateResult, error) {
	s := Models(home)
	v, err := OpenTrained(s, version)
	if err != nil {
		return GateResult{}, err
	}
	g := GateResult{Version: v.ID, OK: true}
	o := v.organic()
	diff, stderr := models.LossDifference(o.y, o.p, o.base, o.customer)
	g.add("base_rate", diff+stderr < 0, diff, 0, "log loss %.4f out of time, %+.4f ± %.4f against the trailing base rate", models.LogLoss(o.y, o.p), diff, stderr)
	champion, err := s.Alias(registry.Champion)
	if err != nil {
		return g, err
	}
	var newest organicHeldOut
	switch champion {
	case "", v.ID:
		g.add("champion", true, math.NaN(), math.NaN(), "there is no other champion to compare with")
	default:
		if _, err := loadResponse(s.Dir(champion)); errors.Is(err, errOlderResponse) {
			g.add("champion", true, math.NaN(), math.NaN(), "version %s is of an older program, and this one cannot score with it: there is nothing to compare with", champion)
			break
		}
		c, err := OpenTrained(s, champion)
		if err != nil {
			return g, err
		}
		g.Champion, g.champion = c.ID, c
		if newest, err = newestOf(ctx, home, v, c); err != nil {
			return g, err
		}
		g.compare(v, c, newest)
	}
	g.calibrated(o, newest)
	g.alarms("no_leak", data.AlarmLeak, v)
	if err := g.restated(ctx, home, v); err != nil {
		return g, err
	}
	g.alarms("no_drift", data.AlarmDrift, v)
	g.alarms("log_fits", data.AlarmLog, v)
	g.alarms("fair", data.AlarmFairness, v)
	return g, nil
}

// commonOf are the organic decisions that both versions predicted: p is v's
// prediction, base is c's.
func commonOf(v, c *TrainedVersion) (o organicHeldOut) {
	place := make(map[string]int, len(c.heldOut))
	for i := range c.heldOut {
		if c.heldOut[i].Organic {
			place[c.heldOut[i].UnitID] = i
		}
	}
	for i := range v.heldOut {
		h := &v.heldOut[i]
		if at, ok := place[h.UnitID]; ok && h.Organic && c.heldOut[at].Paid == h.Paid {
			o.add(h, h.PayProb, c.heldOut[at].PayProb)
		}
	}
	return o
}

// alarms turns the alarms of one kind into a check. Drift holds nothing back where
// no other version is in force: without a version nothing is recommended at all, and
// the other checks, on the latest decisions known, must be passed. Nor does drift
// that the champion has not seen: it speaks against the champion, which knows less
// of the new time than a training that has seen it.
func (g *GateResult) alarms(name string, kind data.AlarmKind, v *TrainedVersion) {
	var texts, against []string
	for _, a := range v.Evaluation.Health.Alarms {
		switch {
		case a.Kind != kind:
		case kind == data.AlarmDrift && g.champion != nil && unseenDrift(a, v, g.champion):
			against = append(against, a.Subject+": "+a.Text)
		default:
			texts = append(texts, a.Subject+": "+a.Text)
		}
	}
	text, ok := "no alarm", len(texts) == 0
	switch {
	case !ok:
		text = shortened(texts)
	case len(against) > 0:
		text = shortened(against) + fmt.Sprintf("; counts against the champion, which was trained on %s and has not seen it", g.champion.AsOf)
	}
	if !ok && kind == data.AlarmDrift && g.Champion == "" {
		ok, text = true, text+" (no other version is in force: a warning)"
	}
	g.add(name, ok, float64(len(texts)), 0, "%s", text)
}

// shortened joins what the first alarms say.
func shortened(texts []string) string {
	if n := len(texts); n > shownAlarms {
		return strings.Join(texts[:shownAlarms], "; ") + fmt.Sprintf("; and %d more", n-shownAlarms)
	}
	return strings.Join(texts, "; ")
}

// unseenDrift tells whether a version's alarm of drift is of days that the champion
// knew nothing of. The chart's is where the champion was trained before it began. A
// shift's, of the prediction or a ratio, compares the last weeks with the half year
// before the test period, which does not move however well the new time is known: it
// is where a week of them came after the champion.
func unseenDrift(a data.Alarm, v, c *TrainedVersion) bool {
	if a.Subject == calibrationDrift {
		return c.AsOf <= driftBegan(v)
	}
	last := data.Date(math.MinInt32)
	for i := range v.heldOut {
		last = max(last, v.heldOut[i].AsOf)
	}
	return c.AsOf+7 <= last
}

// driftBegan is the first day of the weeks in which the calibration chart has been
// beyond its limit without a break until the end.
func driftBegan(v *TrainedVersion) (began data.Date) {
	for _, w := range slices.Backward(v.Evaluation.Health.Weeks) {
		if !w.Alarm {
			break
		}
		began = w.From
	}
	return began
}

// restated looks for features that change after AsOf: where the home holds the
// features that were computed on an earlier day for that day, those computed
// since for the same customers and the same day must be the same. What differs
// was filled in later, and so may know what happened later.
func (g *GateResult) restated(ctx context.Context, home string, v *TrainedVersion) error {
	then, now, rows, err := sameDayFeatures(ctx, home, v.AsOf)
	if err != nil {
		return err
	}
	if rows < restatedRows {
		g.add("no_restatement", true, math.NaN(), restatedShare, "%d rows were computed on their own day and again since: too few to compare", rows)
		return nil
	}
	worst, name := 0, ""
	counts := models.Restated(then, settledCohorts(then, now))
	for _, f := range sortedKeys(counts) {
		if counts[f] > worst {
			worst, name = counts[f], f
		}
	}
	share := float64(worst) / float64(rows)
	text := fmt.Sprintf("computed again, %d rows are as they were on their own day", rows)
	if worst > 0 {
		text = fmt.Sprintf("computed again, %s differs in %.1f %% of %d rows from what was known on their own day", name, 100*share, rows)
	}
	g.add("no_restatement", share <= restatedShare, share, restatedShare, "%s", text)
	return nil
}

// settledCohorts returns now with the figures of cohorts as they were where they moved
// by no more than the share of a late booking. A cohort's figure stands in the rows of
// all its customers, so one payment that was booked late would count in each of them.
func settledCohorts(then, now features.Matrix) features.Matrix {
	out := features.Matrix{Names: now.Names, Cols: slices.Clone(now.Cols)}
	for j, name := range now.Names {
		was := then.Column(name)
		if was == nil || !strings.HasPrefix(name, cohortPrefix) {
			continue
		}
		most := restatedShare * spread(was)
		out.Cols[j] = slices.Clone(now.Cols[j])
		for i, x := range was {
			if math.Abs(float64(out.Cols[j][i]-x)) <= max(most, restatedShare*math.Abs(float64(x))) {
				out.Cols[j][i] = x
			}
		}
	}
	return out
}

// spread is the distance between the largest and the least of the known values.
func spread(x []float32) float64 {
	least, most := math.Inf(1), math.Inf(-1)
	for _, v := range x {
		if v == v {
			least, most = min(least, float64(v)), max(most, float64(v))
		}
	}
	return max(most-least, 0)
}

// sameDayFeatures returns the features of the customers that an earlier run
// scored on its own day, and those of the same customers and days in the
// training table of asOf, row by row.
func sameDayFeatures(ctx context.Context, home string, asOf data.Date) (then, now features.Matrix, rows int, err error) {
	stage := FeaturesStage()
	current, err := OpenOutput(stage.FolderOf(home, asOf))
	if err != nil {
		return then, now, 0, nil // the lake of that day is gone
	}
	training, err := features.ReadTraining(current.Path(trainingFile))
	if err != nil {
		return then, now, 0, err
	}
	byDay := map[data.Date]map[string]int{}
	for i, d := range training.AsOf {
		if byDay[d] == nil {
			byDay[d] = map[string]int{}
		}
		byDay[d][training.CustomerID[i]] = i
	}
	for d := range byDay {
		if d >= asOf {
			delete(byDay, d)
		}
	}
	looked := 0
	for _, d := range slices.Backward(sortedKeys(byDay)) {
		if err := ctx.Err(); err != nil {
			return then, now, 0, err
		}
		earlier, err := OpenOutput(stage.FolderOf(home, d))
		if err != nil {
			continue // no run was made for that day
		}
		scoring, err := features.ReadScoring(earlier.Path(scoringFile))
		if err != nil {
			return then, now, 0, err
		}
		var was, is []int
		for i, id := range scoring.CustomerID {
			if at, ok := byDay[d][id]; ok && scoring.Day[i] == d {
				was, is = append(was, i), append(is, at)
			}
		}
		if len(was) > rows {
			then, now, rows = without(scoring.Matrix, learned()).Take(was), training.Take(is), len(was)
		}
		if looked++; looked == restatedDays {
			break
		}
	}
	return then, now, rows, nil
}

// learned are the features that each training reads by a vocabulary of its own:
// they differ though nothing was filled in.
func learned() (out []string) {
	for _, f := range features.Dictionary() {
		if f.Learned {
			out = append(out, f.Name)
		}
	}
	return out
}
