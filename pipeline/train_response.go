package pipeline

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"math"
	"slices"

	"dunning/data"
	"dunning/features"
	"dunning/models/response"
)

const (
	// responseCustomers bounds the customers that the response model is fitted
	// on. Classes that few are in are told apart only by many customers.
	responseCustomers = 60_000
	// responsePoints bounds the decisions on which its level is checked.
	responsePoints = 450_000
	// responseClasses and responseSteps are those of the fit.
	responseClasses, responseSteps = 6, 31
)

// decided is one logged decision, what was expected of it and what came of it.
// Effects are shares of the balance.
type decided struct {
	customer string
	row      int32 // of the training frame, −1 for none
	asOf     data.Date
	option   int // position in data.Channels, −1 for hold
	prob     float64
	paid     float64 // share of the balance paid within the horizon
	balance  data.Cents
	stage    int     // of the oldest open invoice; see stageColumn
	organic  float64 // expected without a touch
	// organicProb is P(the whole balance is paid within the horizon) without one.
	organicProb float64
	effect      [len(data.Channels)]float64
	reached     [len(data.Channels)]float64 // probability that a touch is delivered
	allowed     [len(data.Channels)]bool
}

// responses is the response model of a run: fitted before the test period, and
// read over the whole log.
type responses struct {
	ensemble  *response.Ensemble  // of one model
	customers []response.Customer // that it was fitted on
	points    []decided           // by partition, customer and day
}

// trainResponse fits the latent-response model on what was known before the
// test period and reads every logged decision with it. It returns nil where the
// log gives no probabilities: what cannot be checked against them is not used.
func (t *trainer) trainResponse(ctx context.Context) (*responses, error) {
	if !slices.ContainsFunc(t.frame.TreatProb, func(p float64) bool { return p > 0 && p < 1 }) {
		return nil, nil
	}
	in := t.w.Input("extract")
	parts := in.Parts("customers")
	var total int64
	for _, p := range parts {
		total += p.Rows
	}
	chosen := make([][]response.Customer, len(parts))
	keep := float64(responseCustomers) / float64(max(total, 1))
	err := t.w.eachPart(ctx, len(parts), 0, 2, func(ctx context.Context, part int) error {
		for h, err := range features.Histories(in.Dir, part) {
			if err != nil {
				return err
			}
			if t.draw("response", h.Customer.CustomerID, 0) < keep {
				chosen[part] = append(chosen[part], responder(h))
			}
		}
		return ctx.Err()
	})
	if err != nil {
		return nil, err
	}
	r := &responses{customers: slices.Concat(chosen...)}
	o := response.Options{Classes: responseClasses, Iterations: responseSteps, End: t.cut, Seed: t.w.Seed}
	r.ensemble, err = response.FitEnsemble(ctx, r.customers, responseDays(t.w, in), o, 1, len(r.customers), 1)
	if errors.Is(err, data.ErrBadInput) {
		t.w.progress.Note("train: no response model: %s", err)
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return r, t.readDecisions(ctx, r)
}

// refit goes on from the model that was judged with all that is known at AsOf.
// It is one model of all customers: it ranks as well as the mean of several that
// each leave some out, and is read several times as fast.
func (t *trainer) refit(ctx context.Context, r *responses) (*response.Ensemble, error) {
	o := response.Options{Classes: responseClasses, End: t.w.AsOf, Seed: t.w.Seed, Start: r.ensemble.Bags[0]}
	days := responseDays(t.w, t.w.Input("extract"))
	return response.FitEnsemble(ctx, r.customers, days, o, 1, len(r.customers), 1)
}

// responseDays is the calendar of a run, from the first event to the last day
// that a plan may look at.
func responseDays(w *Work, extract Output) *response.Days {
	first := data.Date(extract.Manifest.Counts[countFirstEvent])
	return response.NewDays(features.NewCalendar(), first, w.AsOf+data.Date(w.Config.Features.PlanDays+w.Config.Features.HorizonDays)+1)
}

// draw places something in [0, 1) by a hash of the seed, the customer and a
// day, so that samples do not depend on who else there is.
func (t *trainer) draw(what, customerID string, day data.Date) float64 {
	h := fnv.New64a()
	fmt.Fprintf(h, "%s/%d/%s@%d", what, t.w.Seed, customerID, day)
	return float64(mix(h.Sum64())>>11) / (1 << 53)
}

// readDecisions reads the logged decisions: all those of the training frame,
// and of the others so many as to check levels.
func (t *trainer) readDecisions(ctx context.Context, r *responses) error {
	in := t.w.Input("extract")
	rows := make(map[decisionKey]int32, t.frame.Len())
	for i := range t.frame.AsOf {
		rows[decisionKey{t.frame.CustomerID[i], t.frame.AsOf[i]}] = int32(i)
	}
	from, to := decisionDays(t.w.Config, t.w.AsOf, in.Manifest)
	reader := &decisionReader{t: t, rows: rows, days: responseDays(t.w, in), decisions: features.Decisions{Logged: true, From: from, To: to},
		end:  min(t.w.AsOf, data.Date(in.Manifest.Counts[countLastEvent])+1),
		keep: responsePoints / float64(max(1, t.w.Input("features").Manifest.Counts["decision_points"]))}
	parts := make([][]decided, len(in.Parts("customers")))
	err := t.w.eachPart(ctx, len(parts), 1, 2, func(ctx context.Context, part int) (err error) {
		parts[part], err = reader.part(ctx, in.Dir, part, r.ensemble)
		return err
	})
	r.points = slices.Concat(parts...)
	return err
}

// decisionReader reads logged decisions with a response model. It is shared by
// the partitions and read only.
type decisionReader struct {
	t         *trainer
	rows      map[decisionKey]int32
	days      *response.Days
	decisions features.Decisions
	end       data.Date // first day of which the lake knows nothing
	keep      float64   // share of the decisions that is looked at
}

func (d *decisionReader) part(ctx context.Context, dir string, part int, e *response.Ensemble) ([]decided, error) {
	reader := response.NewEnsembleReader(e, d.days)
	horizon := d.t.w.Config.Features.HorizonDays
	var out []decided
	for h, err := range features.Histories(dir, part) {
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return nil, err
		}
		id := h.Customer.CustomerID
		loaded := false
		var c response.Customer
		for _, p := range d.decisions.Points(h) {
			row, framed := d.rows[decisionKey{id, p.AsOf}]
			if !framed {
				if row = -1; d.t.draw("decision", id, p.AsOf) >= d.keep {
					continue
				}
			}
			label, known := h.Label(p.AsOf, horizon, d.end, p.Option)
			if !known {
				continue
			}
			if !loaded {
				c, loaded = responder(h), true
				reader.Load(&c, d.end)
			}
			reader.At(p.AsOf)
			out = append(out, d.decide(reader, h, p, label, row))
		}
	}
	return out, nil
}

// decide reads one decision.
func (d *decisionReader) decide(reader *response.EnsembleReader, h *features.History, p features.Point, label features.Label, row int32) decided {
	effect, _ := reader.Effects(p.AsOf, d.t.w.Config.Features.HorizonDays)
	balance := float64(label.BalanceCents)
	out := decided{customer: h.Customer.CustomerID, row: row, asOf: p.AsOf, option: p.Option.Index(), prob: p.TreatProb, balance: label.BalanceCents,
		paid: math.Min(1, float64(label.PaidCents)/balance), stage: stageColumn(h.DaysPastDue(p.AsOf)), organic: effect.OrganicCents / balance, organicProb: effect.OrganicProb}
	for k, ch := range data.Channels {
		out.effect[k] = effect.Cents[k] / balance
		out.reached[k] = reader.Delivered(k)
		complained, ever := d.complaint(h, ch)
		out.allowed[k] = h.Customer.Reach(ch) && (h.Customer.Consent(ch) || ever) && (!ever || complained >= p.AsOf)
	}
	return out
}

// complaint returns the first day on which a touch on the channel drew a
// complaint. The customers table holds today's consents: one who opted out by
// complaining could be touched until then, and to leave him out would judge
// touches by those whom they did not put off.
func (d *decisionReader) complaint(h *features.History, ch data.Channel) (first data.Date, ever bool) {
	for i := range h.Events {
		e := &h.Events[i]
		if e.Kind != data.EventComplained {
			continue
		}
		for k := range h.Touches {
			if h.Touches[k].TouchID == e.TouchID && h.Touches[k].Channel == ch {
				return data.DateOf(e.At), true
			}
		}
	}
	return 0, false
}

// stageColumn is the dunning stage of a decision: before the due date, up to 30
// days after it, later.
func stageColumn(pastDue int32) int {
	switch {
	case pastDue <= 0:
		return 0
	case pastDue <= 30:
		return 1
	}
	return 2
}
