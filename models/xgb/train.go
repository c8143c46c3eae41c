//go:build cgo

package xgb

import (
	"context"
	"errors"
	"math"
	"runtime"
	"strconv"
	"strings"

	"dunning/features"
	"dunning/models"
	"dunning/models/trees"
)

// session is one training: the booster and the matrices it reads.
type session struct {
	booster *booster
	train   *dmatrix
	eval    *dmatrix // nil without early stopping
	evalY   []float64
	evalW   []float64
	keep    int // trees that count
}

// Close frees everything; a second call does nothing.
func (s *session) Close() error {
	var errs []error
	if s.booster != nil {
		errs = append(errs, s.booster.Close())
	}
	for _, d := range []*dmatrix{s.train, s.eval} {
		if d != nil {
			errs = append(errs, d.Close())
		}
	}
	return errors.Join(errs...)
}

// train runs one session. The goroutine keeps its thread: the library's random
// state and error messages belong to the thread.
func train(ctx context.Context, p Params, X features.Matrix, y, w []float64, progress func(round, rounds int)) (*trees.Ensemble, error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	s, err := run(ctx, p, X, y, w, progress)
	if err != nil {
		return nil, err
	}
	raw, err := s.booster.save()
	if err = errors.Join(err, s.Close()); err != nil {
		return nil, err
	}
	return convert(raw, append([]string(nil), X.Names...), p.link(), s.keep)
}

// run boosts until the rounds are done or the held-out loss stops falling. The
// caller closes the session it returns.
func run(ctx context.Context, p Params, X features.Matrix, y, w []float64, progress func(round, rounds int)) (s *session, err error) {
	s = &session{}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Close())
		}
	}()
	base := p.baseScore(y, w)
	if err := s.load(p, X, y, w); err != nil {
		return s, err
	}
	if err := s.configure(p, X.Names, base); err != nil {
		return s, err
	}
	best := math.Inf(1)
	for round := range p.Rounds {
		if err := ctx.Err(); err != nil {
			return s, err
		}
		if err := s.booster.update(round, s.train); err != nil {
			return s, err
		}
		if progress != nil {
			progress(round+1, p.Rounds)
		}
		if s.eval == nil {
			s.keep = round + 1
			continue
		}
		margin, err := s.booster.predict(s.eval, predictMargin)
		if err != nil {
			return s, err
		}
		if loss := p.loss(s.evalY, s.evalW, margin); loss < best {
			best, s.keep = loss, round+1
		} else if round+1-s.keep >= p.EarlyStopRounds {
			break
		}
	}
	return s, nil
}

// load makes the matrices.
func (s *session) load(p Params, X features.Matrix, y, w []float64) (err error) {
	if p.EarlyStopRounds > 0 {
		fit, eval := p.holdOut(X.Rows())
		if len(fit) == 0 || len(eval) == 0 {
			return errors.New("xgb: too few rows to hold a part out for early stopping")
		}
		if s.eval, err = newDenseMatrix(X.Take(eval), p.Threads); err != nil {
			return err
		}
		s.evalY, s.evalW = models.Take(y, eval), models.Take(w, eval)
		X, y, w = X.Take(fit), models.Take(y, fit), models.Take(w, fit)
	}
	s.train, err = newQuantileMatrix(X, y, w, p.MaxBin, p.Threads)
	return err
}

// configure makes the booster and sets every parameter.
func (s *session) configure(p Params, names []string, base float32) (err error) {
	cache := []*dmatrix{s.train}
	if s.eval != nil {
		cache = append(cache, s.eval)
	}
	if s.booster, err = newBooster(cache...); err != nil {
		return err
	}
	for _, kv := range p.settings(names, base) {
		if err := s.booster.set(kv[0], kv[1]); err != nil {
			return err
		}
	}
	return nil
}

// settings returns every parameter of a booster in the library's names: those of
// filled-in parameters, of columns of these names, and the prediction of no tree.
func (p Params) settings(names []string, base float32) [][2]string {
	float := func(f float64) string { return strconv.FormatFloat(f, 'g', -1, 64) }
	settings := [][2]string{
		{"verbosity", "0"},
		{"nthread", strconv.Itoa(p.Threads)},
		{"booster", "gbtree"},
		{"tree_method", "hist"},
		{"objective", string(p.Objective)},
		{"base_score", strconv.FormatFloat(float64(base), 'g', -1, 32)},
		{"disable_default_eval_metric", "1"},
		{"seed", strconv.FormatUint(p.Seed%math.MaxInt32, 10)},
		{"seed_per_iteration", "1"},
		{"eta", float(p.Eta)},
		{"max_depth", strconv.Itoa(p.MaxDepth)},
		{"subsample", float(p.Subsample)},
		{"colsample_bytree", float(p.ColSample)},
		{"min_child_weight", float(p.MinChildWeight)},
		{"lambda", float(max(p.Lambda, 0))},
		{"gamma", float(p.Gamma)},
		{"max_bin", strconv.Itoa(p.MaxBin)},
	}
	if len(p.Monotone) > 0 {
		signs := make([]string, len(names))
		for j, name := range names {
			signs[j] = strconv.Itoa(p.Monotone[name])
		}
		settings = append(settings, [2]string{"monotone_constraints", "(" + strings.Join(signs, ",") + ")"})
	}
	return settings
}
