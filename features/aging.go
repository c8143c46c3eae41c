package features

import "dunning/data"

// agingStats is what is open at AsOf, aged at the day of the action.
type agingStats struct {
	open                int
	balance, late       int64 // cents
	original            int64 // cents, of the open invoices before any payment
	buckets             [4]int64
	weightedDays        float64
	oldestDue, youngest data.Date
	nextDue             data.Date
}

// agingBounds are the last days of the first buckets past due; the last one is
// open.
var agingBounds = [3]int{30, 60, 90}

func (s *snapshot) readAging() {
	a := &s.aging
	a.oldestDue, a.youngest, a.nextDue = never, -never, never
	s.oldest = -1
	for i := range s.x.invoices[:s.issued] {
		v := &s.x.invoices[i]
		if v.openUntil < s.asOf {
			continue
		}
		cents := s.x.openCents(i, s.asOf)
		a.open++
		a.balance += cents
		a.original += v.amount
		days := int(s.at - v.due)
		a.weightedDays += float64(cents) * float64(days)
		if v.due < a.oldestDue {
			a.oldestDue, s.oldest = v.due, i
		}
		a.youngest = max(a.youngest, v.due)
		if days <= 0 {
			a.nextDue = min(a.nextDue, v.due)
			continue
		}
		a.late += cents
		bucket := 0
		for bucket < len(agingBounds) && days > agingBounds[bucket] {
			bucket++
		}
		a.buckets[bucket] += cents
	}
}

const nothingOpen = "nothing is open"

func agingFeatures() []Feature {
	bucket := func(k int) func(*snapshot) float64 {
		return func(s *snapshot) float64 { return float64(s.aging.buckets[k]) }
	}
	open := func(value func(*snapshot) float64) func(*snapshot) float64 {
		return func(s *snapshot) float64 {
			if s.aging.open == 0 {
				return nan
			}
			return value(s)
		}
	}
	return []Feature{
		column("balance", "cents", 0, inf, func(s *snapshot) float64 { return float64(s.aging.balance) },
			"Open balance: invoices issued and not cancelled, less what was paid on them."),
		column("overdue", "cents", 0, inf, func(s *snapshot) float64 { return float64(s.aging.late) },
			"The part of the open balance that is past due.").atDay(),
		column("overdue", "share", 0, 1, func(s *snapshot) float64 { return ratio(float64(s.aging.late), float64(s.aging.balance)) },
			"Overdue balance ÷ open balance.").missing(nothingOpen).atDay(),
		column("open", "count", 0, inf, func(s *snapshot) float64 { return float64(s.aging.open) },
			"Open invoices."),
		column("oldest_past_due", "days", -inf, inf, open(func(s *snapshot) float64 { return s.since(s.aging.oldestDue) }),
			"Days past due of the oldest open invoice; negative before it is due.").missing(nothingOpen).atDay(),
		column("youngest_past_due", "days", -inf, inf, open(func(s *snapshot) float64 { return s.since(s.aging.youngest) }),
			"Days past due of the open invoice that is due last.").missing(nothingOpen).atDay(),
		column("mean_past_due", "days", -inf, inf, func(s *snapshot) float64 { return ratio(s.aging.weightedDays, float64(s.aging.balance)) },
			"Mean days past due of the open invoices, weighted by open balance.").missing(nothingOpen).atDay(),
		column("not_due", "cents", 0, inf, func(s *snapshot) float64 { return float64(s.aging.balance - s.aging.late) },
			"Open balance that is not past due.").atDay(),
		column("past_due_1_30", "cents", 0, inf, bucket(0), "Open balance 1 to 30 days past due.").atDay(),
		column("past_due_31_60", "cents", 0, inf, bucket(1), "Open balance 31 to 60 days past due.").atDay(),
		column("past_due_61_90", "cents", 0, inf, bucket(2), "Open balance 61 to 90 days past due.").atDay(),
		column("past_due_91_up", "cents", 0, inf, bucket(3), "Open balance more than 90 days past due.").atDay(),
		column("next_due", "days", 0, inf, func(s *snapshot) float64 { return -s.since(s.aging.nextDue) },
			"Days until the next due date among the open invoices.").missing("no open invoice falls due on the day or later").atDay(),
		column("part_paid", "share", 0, 1, func(s *snapshot) float64 {
			return ratio(float64(s.aging.original-s.aging.balance), float64(s.aging.original))
		}, "Share of the original amount of the open invoices that is already paid.").missing(nothingOpen),
	}
}
