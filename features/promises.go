package features

import "dunning/data"

// promisesStats is what the customer promised before AsOf and kept by then. A
// promise is kept when payments from the day it was made to its date plus
// promiseGraceDays reach its amount, broken when that time has passed without,
// open otherwise.
type promisesStats struct {
	count, kept, broken int
	openCents           int64
	last, lastBroken    data.Date
	nextDue             data.Date // of the open promises
}

func (s *snapshot) readPromises() {
	p := &s.promises
	p.last, p.lastBroken, p.nextDue = never, never, never
	for i := range s.x.promises {
		f := &s.x.promises[i]
		if f.made >= s.asOf {
			break
		}
		p.count++
		p.last = f.made
		switch deadline := f.due + promiseGraceDays; {
		case f.keptOn < s.asOf:
			p.kept++
		case deadline < s.asOf:
			p.broken++
			if p.lastBroken == never || deadline > p.lastBroken {
				p.lastBroken = deadline
			}
		default:
			p.openCents += f.cents
			p.nextDue = min(p.nextDue, f.due)
		}
	}
}

func promisesFeatures() []Feature {
	const noPromise = "never promised"
	return []Feature{
		column("promises", "count", 0, inf, func(s *snapshot) float64 { return float64(s.promises.count) },
			"Promises ever made; each instalment is one."),
		column("since_promise", "days", 1, inf, func(s *snapshot) float64 { return s.since(s.promises.last) },
			"Days since the last promise was made.").missing(noPromise).atDay(),
		column("kept", "share", 0, 1, func(s *snapshot) float64 {
			return ratio(float64(s.promises.kept), float64(s.promises.kept+s.promises.broken))
		}, "Kept promises ÷ kept and broken ones; a promise is kept when payments up to its date plus 3 days reach its amount.").
			missing("no promise was kept or broken yet"),
		column("broken", "count", 0, inf, func(s *snapshot) float64 { return float64(s.promises.broken) },
			"Promises broken."),
		column("since_broken", "days", 1, inf, func(s *snapshot) float64 { return s.since(s.promises.lastBroken) },
			"Days since the last promise was broken.").missing("none was broken").atDay(),
		column("open", "cents", 0, inf, func(s *snapshot) float64 { return float64(s.promises.openCents) },
			"Amount promised and neither kept nor broken yet."),
		column("next_due", "days", -inf, inf, func(s *snapshot) float64 { return -s.since(s.promises.nextDue) },
			"Days until the date of the next open promise; negative within its days of grace.").missing("no promise is open").atDay(),
	}
}
