package features

import "dunning/data"

// bureauStats is what credit bureaus reported before AsOf.
type bureauStats struct {
	count    int
	last     int // position of the latest report, -1 when none
	previous int // of the one before it by the same provider, -1 when none
	day      data.Date
}

func (s *snapshot) readBureau() {
	b := &s.bureau
	b.last, b.previous, b.day = -1, -1, never
	for b.count < len(s.x.bureau) && s.x.bureau[b.count] < s.asOf {
		b.count++
	}
	if b.count == 0 {
		return
	}
	b.last = b.count - 1
	b.day = s.x.bureau[b.last]
	for i := b.last - 1; i >= 0 && b.previous < 0; i-- {
		if s.h.Bureau[i].Provider == s.h.Bureau[b.last].Provider {
			b.previous = i
		}
	}
}

func bureauFeatures() []Feature {
	const noReport = "no report"
	last := func(value func(*data.BureauReport) float64) func(*snapshot) float64 {
		return func(s *snapshot) float64 {
			if s.bureau.last < 0 {
				return nan
			}
			return value(&s.h.Bureau[s.bureau.last])
		}
	}
	score := func(r *data.BureauReport) float64 { return finite(r.Score) }
	negatives := func(r *data.BureauReport) float64 { return float64(r.NegativeRecords) }
	const noPrevious = "fewer than two reports of the latest provider"
	return []Feature{
		column("latest", "score", -inf, inf, last(score),
			"Score of the latest report, in its provider's scale; higher is better.").missing(noReport),
		column("score_change", "score", -inf, inf, func(s *snapshot) float64 {
			if s.bureau.previous < 0 {
				return nan
			}
			return score(&s.h.Bureau[s.bureau.last]) - score(&s.h.Bureau[s.bureau.previous])
		}, "That score less the same provider's previous one.").missing(noPrevious),
		column("negatives", "count", 0, inf, last(negatives),
			"Negative records in the latest report.").missing(noReport),
		column("since_report", "days", 1, inf, func(s *snapshot) float64 { return s.since(s.bureau.day) },
			"Days since the latest report.").missing(noReport).atDay(),
		column("reports", "count", 0, inf, func(s *snapshot) float64 { return float64(s.bureau.count) },
			"Reports ever received."),
	}
}
