package pipeline

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"dunning/data"
	"dunning/models/uplift"
)

// rival is a learner of effects, fitted before the test period.
type rival struct {
	learner string
	effect  [][]float64 // by channel, rows of the test period: shares of the balance
	// value is what its policy adds to the share that is paid, on the test
	// period, doubly robust; NaN when it cannot be judged.
	value, stderr float64
}

// challenge adds the latent-response model to the rivals, where the log allows
// one, and keeps it as it is to be used: corrected by all decisions.
func (t *trainer) challenge(ctx context.Context, channels []data.Channel) error {
	r, err := t.trainResponse(ctx)
	if err != nil || r == nil {
		return err
	}
	t.keepOwn(r.points)
	before, err := r.correct(channels, t.cut-data.Date(t.w.Config.Features.HorizonDays), t.cut)
	if err != nil {
		return err
	}
	place := make(map[int32]int, len(t.test))
	for k, i := range t.test {
		place[int32(i)] = k
	}
	own := rival{learner: responseLearner, effect: make([][]float64, len(channels))}
	for k := range channels {
		own.effect[k] = slices.Clone(t.rivals[0].effect[k]) // for rows that the reader leaves out
	}
	for i := range r.points {
		d := &r.points[i]
		at, tested := place[d.row]
		if d.row < 0 || !tested {
			continue
		}
		for k, ch := range channels {
			if c := before[ch]; c != nil {
				own.effect[k][at], _ = c.effect(d.effect[ch.Index()], d.organic, d.reached[ch.Index()], d.stage, d.balance)
			}
		}
	}
	t.rivals = append(t.rivals, own)
	if t.ensemble, err = t.refit(ctx, r); err != nil {
		return err
	}
	t.response = &responseModel{SchemaVersion: responseSchema, Ensemble: t.ensemble}
	t.response.Channels, err = r.correct(channels, t.w.AsOf, t.cut)
	return err
}

// touchedShare is the share of the decisions that a rival's policy touches when
// it is judged: the budget binds, so what counts is the top of a ranking.
const touchedShare = 0.3

// choose values each rival's policy on the test period and returns the best.
// The response model, the last of them, is corrected against logged
// probabilities and knows when it knows nothing, so an S-learner must beat it
// by more than noise does.
func (t *trainer) choose(mu [][]float64, channels []data.Channel, reachable map[string][]bool) *rival {
	for i := range t.rivals {
		r := &t.rivals[i]
		r.value, r.stderr = t.policyValue(r, mu, channels, reachable)
	}
	best := len(t.rivals) - 1
	if first := &t.rivals[0]; first.value > t.rivals[best].value+usableZ*first.stderr {
		best = 0
	}
	if t.rivals[best].learner != responseLearner {
		t.response = nil
	}
	t.compareDeciles(&t.rivals[best], mu, channels, reachable)
	return &t.rivals[best]
}

// policyValue is what touching the best share of the test period's decisions,
// each on its best channel, adds to the share that is paid.
func (t *trainer) policyValue(r *rival, mu [][]float64, channels []data.Channel, reachable map[string][]bool) (mean, stderr float64) {
	type pick struct {
		row, channel int
		effect       float64
	}
	var picks []pick
	var unit []string
	for i, row := range t.test {
		p := t.frame.TreatProb[row]
		customer := t.frame.CustomerID[row]
		if !(p > 0 && p < 1) {
			continue
		}
		best := pick{row: i, channel: -1}
		for k, ch := range channels {
			if e := r.effect[k][i]; reachable[customer][ch.Index()] && (best.channel < 0 || e > best.effect) {
				best.channel, best.effect = k, e
			}
		}
		picks, unit = append(picks, best), append(unit, customer)
	}
	if len(picks) == 0 {
		return 0, 0
	}
	order := make([]float64, 0, len(picks))
	for _, p := range picks {
		if p.channel >= 0 {
			order = append(order, p.effect)
		}
	}
	slices.Sort(order)
	least := 0.0
	if n := int(touchedShare * float64(len(picks))); n < len(order) {
		least = max(least, order[len(order)-1-n])
	}
	value := make([]float64, len(picks))
	for n, p := range picks {
		if p.channel >= 0 && p.effect > least {
			value[n] = t.robust(p.row, p.channel+1, channels[p.channel], mu)
		}
	}
	return uplift.MeanSE(value, unit)
}

// robust is the doubly robust score of test row i for a channel, whose model is
// mu[k].
func (t *trainer) robust(i, k int, ch data.Channel, mu [][]float64) float64 {
	row := t.test[i]
	p := t.frame.TreatProb[row]
	value := mu[k][i] - mu[0][i]
	switch t.frame.Option[row] {
	case ch:
		value += (t.share(row) - mu[k][i]) / p
	case data.Hold:
		value -= (t.share(row) - mu[0][i]) / p
	}
	return value
}

// saveResponse keeps the response model where it is used, and in any case what
// it found out about tiredness.
func (t *trainer) saveResponse() error {
	if err := saveDynamics(t.w.Dir, t.ensemble); err != nil {
		return err
	}
	m := t.historyModel()
	if m == nil {
		return nil
	}
	b, err := json.Marshal(m)
	if err != nil {
		return err
	}
	return data.WriteFile(filepath.Join(t.w.Dir, responseFile), append(b, '\n'))
}

// loadResponse reads the response model of a training; nil where it has none.
func loadResponse(dir string) (*responseModel, error) {
	path := filepath.Join(dir, responseFile)
	b, err := os.ReadFile(path)
	if os.IsNotExist(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	m := &responseModel{}
	if err := json.Unmarshal(b, m); err != nil {
		return nil, fmt.Errorf("%s: %w: %w", path, data.ErrDamagedFile, err)
	}
	return m, m.validate(path)
}

func (m *responseModel) validate(path string) error {
	damaged := func(err error) error {
		return fmt.Errorf("%s: %w: %w; run the stage train again with --force", path, data.ErrDamagedFile, err)
	}
	if m.SchemaVersion > 0 && m.SchemaVersion < responseSchema {
		return damaged(fmt.Errorf("%w: schema version %d, this program reads %d", errOlderResponse, m.SchemaVersion, responseSchema))
	}
	if m.SchemaVersion != responseSchema || m.Ensemble == nil || len(m.Ensemble.Bags) == 0 {
		return damaged(fmt.Errorf("schema version %d, this program reads %d", m.SchemaVersion, responseSchema))
	}
	for k, b := range m.Ensemble.Bags {
		if b == nil {
			return damaged(fmt.Errorf("bag %d is missing", k))
		}
		if err := b.Validate(); err != nil {
			return damaged(err)
		}
	}
	for ch, c := range m.Channels {
		if ch.Index() < 0 || c == nil || c.Usable && c.Correction == nil {
			return damaged(fmt.Errorf("a correction of %q", ch))
		}
		if c.Usable {
			if err := c.Correction.Validate(len(correctionSpread)); err != nil {
				return damaged(err)
			}
		}
	}
	if m.Payment != nil {
		if err := m.Payment.Validate(); err != nil {
			return damaged(err)
		}
	}
	return nil
}
