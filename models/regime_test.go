package models_test

import (
	"math/rand/v2"
	"testing"

	"dunning/data"
	"dunning/models"
)

// People pay in another way from month 18 on: fewer of them, and what told them
// apart tells half as much. A model of the time before raises the alarm within
// two months, and from then on its log loss, with the rolling calibration, is
// month by month never worse than the trailing base rate's.
func TestRegimeBreakIsSeenAndSurvived(t *testing.T) {
	const months, monthDays, perDay, broken = 24, 30, 12, 18
	rolling := models.Rolling{HorizonDays: 7, WindowDays: models.DefaultWindowDays}
	for seed := range uint64(6) {
		rng := rand.New(rand.NewPCG(seed, 7))
		var asOf []data.Date
		var y, p []float64
		for d := range months * monthDays {
			common := 0.1 * rng.NormFloat64()
			for range perDay {
				x := 1.5*rng.NormFloat64() - 0.6
				truth := sigmoid(x + common)
				if d >= broken*monthDays {
					truth = sigmoid(0.5*x - 1.2 + common)
				}
				asOf, y, p = append(asOf, data.Date(20000+d)), append(y, toss(rng, truth)), append(p, sigmoid(x))
			}
		}
		base := rolling.Rates(asOf, y, asOf)
		rolled := make([]float64, len(p))
		for i, line := range rolling.Lines(asOf, y, p, asOf) {
			rolled[i] = line.Apply(p[i])
		}
		// The chart is of the test period, from month 16 on; half a year before
		// is its reference.
		cut, reference := 16*monthDays*perDay, 10*monthDays*perDay
		week := func(from, to int) (out []int) {
			for i := from; i < to; i++ {
				out = append(out, (int(asOf[i])-20000)/7)
			}
			return out
		}
		first := -1
		for _, c := range models.CalibrationCUSUM(week(cut, len(y)), y[cut:], p[cut:], week(reference, cut), y[reference:cut], p[reference:cut]) {
			if c.Alarm && first < 0 {
				first = 7*c.Period + 7 + rolling.HorizonDays // when the week's outcomes are known
			}
		}
		if after := first - broken*monthDays; after < 0 || after > 60 {
			t.Errorf("seed %d: the alarm comes %d days after the break", seed, after)
		}
		worseWithout := 0
		for from := first; from+monthDays <= months*monthDays; from += monthDays {
			a, b := from*perDay, (from+monthDays)*perDay
			ours, theirs := models.LogLoss(y[a:b], rolled[a:b]), models.LogLoss(y[a:b], base[a:b])
			if ours > theirs {
				t.Errorf("seed %d, the month from day %d on: log loss %.4f, the trailing base rate's %.4f", seed, from, ours, theirs)
			}
			if models.LogLoss(y[a:b], p[a:b]) > theirs {
				worseWithout++
			}
		}
		if worseWithout < 3 {
			t.Errorf("seed %d: without the rolling calibration only %d months are worse than the base rate: the test tests nothing", seed, worseWithout)
		}
	}
}
