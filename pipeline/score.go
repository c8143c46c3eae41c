package pipeline

import (
	"context"
	"fmt"
	"hash/fnv"
	"iter"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"dunning/data"
	"dunning/features"
	"dunning/models/registry"
	"dunning/models/response"
	"dunning/models/segments"
	"dunning/policy"
)

// Outputs of the score stage.
const (
	scoresFile      = "scores.parquet" // data.Score, by customer
	candidatesTable = "candidates"     // data.Candidate, by partition, customer, day, channel
)

// holdoutRule is the rule id of customers who are left alone so that effects
// stay measurable.
const holdoutRule = "holdout"

// ScoreStage values every contact that could be made with an open customer in
// the planning window, by the version of the models that is in force, and says
// which are allowed.
func ScoreStage() Stage {
	return Stage{
		Name: "score", Title: "what each contact would bring",
		Folder: "lake/score/{as_of}", Inputs: []string{"extract", "features", "segments"},
		Config: func(c *Config) any {
			return []any{c.Policy, c.HoldoutShare, c.Channels, c.Features.HorizonDays, c.Features.PlanDays}
		},
		Prepare: championOf,
		Run:     runScore,
	}
}

// trainedScoreStage is [ScoreStage] by the day's own training, in force or not:
// what is to be judged.
func trainedScoreStage() Stage {
	s := ScoreStage()
	s.Folder, s.Inputs, s.Prepare = "lake/trained/{as_of}", append(s.Inputs, "train"), trainedOf
	return s
}

// scorer is the state of one run of the stage.
type scorer struct {
	w       *Work
	version *modelSource
	model   *registry.Loaded // nil where no version is in force
	engine  *policy.Engine
	named   map[string]segments.Key // by customer; nil where no rule speaks of segments
	// own is the estimate of effects from each customer's own history; nil
	// where the registered model's effects are used.
	own      *responseModel
	calendar *response.Days
	planning *planningRows
	days     []data.Date
	scores   [][]data.Score // by partition
}

func runScore(ctx context.Context, w *Work) error {
	version := w.prepared.(*modelSource)
	model, err := version.load(w.Config)
	if err != nil {
		return err
	}
	engine, err := policy.New(w.Config.Policy)
	if err != nil {
		return err
	}
	parts := len(w.Input("extract").Parts("customers"))
	s := &scorer{w: w, version: version, model: model, engine: engine, days: planDays(w), scores: make([][]data.Score, parts)}
	if s.planning, err = newPlanningRows(ctx, w, model); err != nil {
		return err
	}
	if model != nil {
		if s.own, err = loadResponse(version.dir); err != nil {
			return err
		}
	}
	if rules := &w.Config.Policy; len(rules.QuietSegments)+len(rules.SoftTone.Segments) > 0 {
		if s.named, err = SegmentOf(w.Input("segments").Dir); err != nil {
			return err
		}
	}
	if s.own != nil {
		s.calendar = responseDays(w, w.Input("extract"))
	}
	if err := os.Mkdir(filepath.Join(w.Dir, candidatesTable), 0o755); err != nil {
		return err
	}
	if err := w.eachPart(ctx, parts, 0, 1, s.part); err != nil {
		return err
	}
	all := slices.Concat(s.scores...)
	slices.SortFunc(all, func(a, b data.Score) int { return strings.Compare(a.CustomerID, b.CustomerID) })
	file, err := data.Write(filepath.Join(w.Dir, scoresFile), all)
	if err != nil {
		return err
	}
	w.Wrote(scoresFile, file)
	return version.keep(w.Dir)
}

// predictions are what the models say of one partition's planning rows.
type predictions struct {
	frame *features.Frame
	pay   []float64      // PayProb of each row
	mean  [][]float64    // mean[k][row]: effect of channels[k]
	lower [][]float64    // its lower confidence bound, NaN when unknown
	kinds []data.Channel // the channels that have a model
}

func (s *scorer) predict(part int) (*predictions, error) {
	frame, err := s.planning.part(part)
	if err != nil {
		return nil, err
	}
	return s.predictRows(frame)
}

// predictRows is predict of rows that were read.
func (s *scorer) predictRows(frame *features.Frame) (p *predictions, err error) {
	p = &predictions{frame: frame}
	switch {
	case frame.Len() == 0:
		return p, nil
	case s.model == nil:
		p.knowNothing(s.version.baseRate)
		return p, nil
	}
	model := s.model.PayProb
	if s.own != nil && s.own.Payment != nil { // the mix was fitted to trees without a line
		alone := *model
		alone.Calibration.Line = nil
		model = &alone
	}
	if p.pay, err = model.Predict(frame.Matrix); err != nil {
		return nil, err
	}
	if s.model.Uplift != nil {
		effects, err := s.model.Uplift.Effects()
		if err != nil {
			return nil, err
		}
		for _, t := range effects.Treatments() {
			p.kinds = append(p.kinds, data.Channel(t))
		}
		if s.ownSays(p.kinds) { // so that nobody reads the trees' effects, most of the work
			unread := make([]float64, frame.Len())
			for range p.kinds {
				p.mean, p.lower = append(p.mean, unread), append(p.lower, unread)
			}
		} else if p.mean, p.lower, err = effects.Predict(frame.Matrix); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// ownSays says whether the response model speaks of all these channels.
func (s *scorer) ownSays(kinds []data.Channel) bool {
	return s.own != nil && !slices.ContainsFunc(kinds, func(ch data.Channel) bool { return s.own.Channels[ch] == nil })
}

// knowNothing is what is said without a model: everybody pays with the base
// rate, and no contact changes it.
func (p *predictions) knowNothing(baseRate float64) {
	p.kinds, p.pay = data.Channels[:], make([]float64, p.frame.Len())
	for i := range p.pay {
		p.pay[i] = baseRate
	}
	nothing := make([]float64, p.frame.Len())
	for range p.kinds {
		p.mean, p.lower = append(p.mean, nothing), append(p.lower, nothing)
	}
}

// part scores the customers of one partition and writes their candidates.
func (s *scorer) part(ctx context.Context, part int) error {
	p, err := s.predict(part)
	if err != nil {
		return err
	}
	name := candidatesTable + "/" + features.PartName(part)
	out, err := data.Create[data.Candidate](filepath.Join(s.w.Dir, filepath.FromSlash(name)))
	if err != nil {
		return err
	}
	defer out.Abort()
	next, stop := iter.Pull2(features.Histories(s.w.Input("extract").Dir, part))
	defer stop()
	var buf []data.Candidate
	forecast := s.newForecast()
	for row := 0; row < p.frame.Len(); row += len(s.days) {
		if err := ctx.Err(); err != nil {
			return err
		}
		h, err := historyOf(next, p.frame.CustomerID[row])
		if err != nil {
			return err
		}
		buf = s.customer(buf[:0], h, p, row, part, forecast)
		if err := out.Append(buf...); err != nil {
			return err
		}
	}
	file, err := out.Close()
	if err != nil {
		return err
	}
	s.w.Wrote(name, file)
	return nil
}

// historyOf advances to a customer: both the lake and the planning table are
// sorted by customer.
func historyOf(next func() (*features.History, error, bool), id string) (*features.History, error) {
	for {
		h, err, ok := next()
		switch {
		case err != nil:
			return nil, err
		case !ok:
			return nil, fmt.Errorf("%w: customer %q of the planning table is not in the lake; run the stage features again with --force", data.ErrDamagedFile, id)
		case h.Customer.CustomerID == id:
			return h, nil
		}
	}
}

// customer appends the candidates of one customer, whose planning rows start at
// row, and keeps his score.
func (s *scorer) customer(to []data.Candidate, h *features.History, p *predictions, row, part int, f *forecast) []data.Candidate {
	balance, pay := p.frame.BalanceCents[row], p.pay[row]
	score := data.Score{CustomerID: h.Customer.CustomerID, AsOf: s.w.AsOf, PayProb: pay, BalanceCents: balance,
		DaysPastDue: p.frame.DaysPastDue[row], ModelVersion: s.version.Version}
	facts := policyFacts(h, s.w.AsOf, balance, score.DaysPastDue, s.engine)
	h.Customer.NamedSegment = string(s.named[h.Customer.CustomerID])
	subject := s.engine.Prepare(&h.Customer, &facts)
	heldOut := isHeldOut(h.Customer.CustomerID, s.w.Config.HoldoutShare)
	f.load(h, score.DaysPastDue)
	pay = f.payProb(pay)
	score.PayProb = pay
	balance, score.BalanceCents, score.DaysPastDue = facts.BalanceCents, facts.BalanceCents, facts.DaysPastDue // without paused invoices
	for d, day := range s.days {
		open := stillOpen(pay, d, s.w.Config.Features.HorizonDays)
		f.look(day)
		for k, ch := range p.kinds {
			channel, usable := s.w.Config.Channels[ch]
			if !usable {
				continue
			}
			mean, lower := p.mean[k][row+d], p.lower[k][row+d]
			if m, l, ok := f.effect(ch); ok {
				mean, lower, open = m, l, 1 // it looks ahead to the day by itself
			}
			if math.IsNaN(lower) {
				lower = mean
			}
			if best := score.Uplift(ch); best == nil || mean > *best {
				score.SetUplift(ch, mean)
			}
			c := data.Candidate{CustomerID: h.Customer.CustomerID, Channel: ch, Day: day, CostCents: channel.CostCents,
				ValueCents:   data.RoundCents(mean * open * float64(balance)),
				ValueLoCents: data.RoundCents(lower * open * float64(balance)),
			}
			c.BlockedBy = s.engine.RuleID(s.engine.Decide(&subject, ch, day))
			if c.BlockedBy == "" && heldOut {
				c.BlockedBy = holdoutRule
			}
			c.Allowed = c.BlockedBy == ""
			to = append(to, c)
		}
	}
	s.scores[part] = append(s.scores[part], score)
	return to
}

// stillOpen returns the probability that a customer who pays within the horizon
// with probability pay, at an even pace, has not paid before day d.
func stillOpen(pay float64, d, horizonDays int) float64 {
	return math.Pow(1-pay, float64(d)/float64(horizonDays))
}

// isHeldOut reports whether a customer belongs to the permanent holdout: a hash
// of his id, so that he stays in it whatever the run, the seed and the others.
func isHeldOut(customerID string, share float64) bool {
	h := fnv.New64a()
	h.Write([]byte("holdout/"))
	h.Write([]byte(customerID))
	return float64(mix(h.Sum64())>>11)/(1<<53) < share
}

// mix spreads the bits of a hash (the finaliser of MurmurHash3): FNV's high
// bits depend too little on the last bytes.
func mix(x uint64) uint64 {
	x ^= x >> 33
	x *= 0xff51afd7ed558ccd
	x ^= x >> 33
	x *= 0xc4ceb9fe1a85ec53
	return x ^ x>>33
}
