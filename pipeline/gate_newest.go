package pipeline

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"

	"dunning/data"
	"dunning/features"
	"dunning/models"
	"dunning/models/registry"
	"dunning/models/response"
)

// newestOf are the organic decisions of v's test period from the day of the
// champion's training on, which neither had seen: p is v's prediction, base the
// champion's, made now, with what was known on each decision's day. It is empty
// where there are too few to compare, and where the lake of v's day is gone.
func newestOf(ctx context.Context, home string, v, c *TrainedVersion) (o organicHeldOut, err error) {
	rows := map[decisionKey]int{}
	for i := range v.heldOut {
		if h := &v.heldOut[i]; h.Organic && h.AsOf >= c.AsOf {
			rows[decisionKey{h.CustomerID, h.AsOf}] = i
		}
	}
	if len(rows) < commonRows {
		return o, nil
	}
	p, err := newLatePredictor(ctx, home, v.AsOf, Models(home).Dir(c.ID))
	if p == nil || err != nil {
		return o, err
	}
	for part := range p.extract.Parts("customers") {
		if err := ctx.Err(); err != nil {
			return o, err
		}
		read, err := p.part(part, rows)
		if err != nil {
			return o, err
		}
		for n, i := range read.row {
			o.add(&v.heldOut[i], v.heldOut[i].PayProb, read.pay[n])
		}
	}
	return o, nil
}

// latePredictor predicts payment by a version on days after its training.
type latePredictor struct {
	model    *registry.Loaded
	own      *responseModel // nil where trees alone predict
	extract  Output
	days     *response.Days
	computer *features.Computer
}

// newLatePredictor opens the version in dir and the lake as a run of asOf left it; nil
// where that is gone.
func newLatePredictor(ctx context.Context, home string, asOf data.Date, dir string) (*latePredictor, error) {
	extract, err := OpenOutput(ExtractStage().FolderOf(home, asOf))
	known, lost := OpenOutput(FeaturesStage().FolderOf(home, asOf))
	switch missing := errors.Join(err, lost); {
	case errors.Is(missing, fs.ErrNotExist):
		return nil, nil
	case missing != nil:
		return nil, missing
	}
	p := &latePredictor{extract: extract}
	if p.model, err = registry.Load(dir); err != nil {
		return nil, err
	}
	own, err := loadResponse(dir)
	if err != nil {
		return nil, err
	}
	if own != nil && own.Payment != nil {
		p.own = own
	}
	words, err := features.ParseVocabulary(p.model.Vocabulary)
	if err != nil {
		return nil, err
	}
	statistics, err := data.Read[features.CohortRow](known.Path(CohortsName))
	if err != nil {
		return nil, err
	}
	cohorts, err := features.NewCohorts(statistics)
	if err != nil {
		return nil, err
	}
	w := &Work{Config: DefaultConfig(), AsOf: asOf}
	if w.Tmp, err = os.MkdirTemp(home, "gate"); err != nil {
		return nil, err
	}
	defer os.RemoveAll(w.Tmp)
	prices, err := touchPrices(ctx, w, extract, asOf)
	if err != nil {
		return nil, err
	}
	p.computer, p.days = features.NewComputer(words, cohorts, prices), responseDays(w, extract)
	return p, nil
}

// lateRows are predictions of decisions, by their position among those asked about.
type lateRows struct {
	row []int
	pay []float64
}

// part predicts the decisions of one partition's customers.
func (p *latePredictor) part(part int, rows map[decisionKey]int) (out lateRows, err error) {
	var reader *response.EnsembleReader
	if p.own != nil {
		reader = response.NewEnsembleReader(p.own.Ensemble, p.days)
	}
	var frame features.Frame
	var own []float64 // what the response model says
	decisions := features.Decisions{Logged: true, From: math.MinInt32, To: math.MaxInt32}
	var read responders
	for h, err := range features.Histories(p.extract.Dir, part) {
		if err != nil {
			return out, err
		}
		for _, point := range decisions.Points(h) {
			i, ok := rows[decisionKey{h.Customer.CustomerID, point.AsOf}]
			if !ok || !p.computer.AppendScoring(&frame, h, point.AsOf, point.AsOf) {
				continue
			}
			out.row = append(out.row, i)
			if reader == nil {
				continue
			}
			reader.LoadAt(read.read(h), point.AsOf)
			e, _ := reader.Effects(point.AsOf, p.model.HorizonDays)
			own = append(own, e.OrganicProb)
		}
	}
	if len(out.row) == 0 {
		return out, nil
	}
	model := *p.model.PayProb
	if reader != nil { // the mix was fitted to trees without a line
		model.Calibration.Line = nil
	}
	if out.pay, err = model.Predict(frame.Matrix); err != nil {
		return out, err
	}
	for n, q := range own {
		out.pay[n] = p.own.Payment.prob(out.pay[n], q)
	}
	return out, nil
}

// compare holds a challenger against the champion on the newest decisions, those since
// the champion was trained, which neither had seen. What the challenger is judged by
// was fitted before its test period began, while the champion knows all up to its day:
// so three standard errors are allowed, and where the challenger is worse by more, it
// passes if it is no worse on equal terms. Those are the decisions of both test periods,
// which both are judged on by models fitted before; they decide also where there are
// too few new ones.
func (g *GateResult) compare(v, c *TrainedVersion, newest organicHeldOut) {
	if len(newest.y) < commonRows {
		ok, figure, limit, text := onEqualTerms(v, c)
		g.add("champion", ok, figure, limit, "%s", text)
		return
	}
	ok, figure, limit, text := noWorse(newest, "decisions since the champion was trained", gateSE)
	if !ok {
		var terms string
		ok, _, _, terms = onEqualTerms(v, c)
		text += "; on equal terms: " + terms
	}
	g.add("champion", ok, figure, limit, "%s", text)
}

// noWorse tells whether o.p is worse than o.base by at most worseBy, or so many standard
// errors where that is more.
func noWorse(o organicHeldOut, which string, allowed float64) (ok bool, diff, limit float64, text string) {
	theirs := models.LogLoss(o.y, o.base)
	diff, stderr := models.LossDifference(o.y, o.p, o.base, o.customer)
	limit = max(worseBy*theirs, allowed*stderr)
	return diff <= limit, diff, limit, fmt.Sprintf("log loss %+.4f ± %.4f against the champion's %.4f on %d %s; may be %.4f more", diff, stderr, theirs, len(o.y), which, limit)
}

// onEqualTerms compares two versions on the decisions of both test periods or, where
// those are few, by what each saves of the base rate's log loss on its own.
func onEqualTerms(v, c *TrainedVersion) (ok bool, figure, limit float64, text string) {
	common := commonOf(v, c)
	if len(common.y) >= commonRows {
		return noWorse(common, "decisions that neither had seen", 1)
	}
	skill := func(t *TrainedVersion) float64 {
		o := t.organic()
		return 1 - models.LogLoss(o.y, o.p)/models.LogLoss(o.y, o.base)
	}
	ours, theirs := skill(v), skill(c)
	return ours >= theirs-skillWorseBy, ours - theirs, -skillWorseBy,
		fmt.Sprintf("saves %.1f %% of the base rate's log loss on its test period, the champion %.1f %% on its own; only %d decisions are common", 100*ours, 100*theirs, len(common.y))
}

// calibrated checks slope and level of the calibration on the test period o. Where
// people began to pay in another way within it, nobody could be calibrated on all of
// it: a version passes that is within the limit on the newest decisions, or no farther
// off there than the champion, since to refuse it would leave the worse one in force.
func (g *GateResult) calibrated(o, newest organicHeldOut) {
	fit := models.FitCalibrationLine(o.y, o.p, o.customer)
	var ours, theirs models.CalibrationFit
	known := len(newest.y) >= commonRows
	if known {
		ours = models.FitCalibrationLine(newest.y, newest.p, newest.customer)
		theirs = models.FitCalibrationLine(newest.y, newest.base, newest.customer)
	}
	check := func(name, text string, value, limit, target, ours, theirs float64) {
		text += fmt.Sprintf(", must be within %.2f of %g", limit, target)
		ok := math.Abs(value-target) <= limit
		if !ok && known {
			text += fmt.Sprintf("; on %d decisions since the champion was trained %+.3f, the champion's %+.3f", len(newest.y), ours, theirs)
			ok = math.Abs(ours-target) <= max(math.Abs(theirs-target), limit)
		}
		g.add(name, ok, value, limit, "%s", text)
	}
	check("calibration_slope", fmt.Sprintf("slope %.3f ± %.3f", fit.Slope, fit.SlopeSE),
		fit.Slope, max(slopeWithin, gateSE*fit.SlopeSE), 1, ours.Slope, theirs.Slope)
	check("calibration_intercept", fmt.Sprintf("in the large %+.3f ± %.3f log-odds", fit.Large, fit.LargeSE),
		fit.Large, max(largeWithin, gateSE*fit.LargeSE), 0, ours.Large, theirs.Large)
}
