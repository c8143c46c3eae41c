package features

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"sort"

	"dunning/data"
)

// The kinds of cohort whose statistics become features.
const (
	CohortUF      = "uf"
	CohortSegment = "segment"
	CohortProduct = "product"
)

// CohortRow is one row of the table of cohort statistics: how the invoices of
// a part of the portfolio that fell due in the 90 days before the month's start
// were paid, as known at that start.
type CohortRow struct {
	Kind         string    `parquet:"kind,dict"` // one of the Cohort constants
	Name         string    `parquet:"name,dict"` // the UF, segment or product
	Month        data.Date `parquet:"month,date"`
	Invoices     int64     `parquet:"invoices"`
	OnTime       int64     `parquet:"on_time"`        // of these, paid in full by the due date
	MeanLateDays float64   `parquet:"mean_late_days"` // mean days from due date to full payment of those paid; NaN when none
}

// Validate reports the first fault of the row.
func (r CohortRow) Validate() error {
	switch {
	case r.Kind != CohortUF && r.Kind != CohortSegment && r.Kind != CohortProduct:
		return fmt.Errorf("%w %q (have uf, segment, product)", data.ErrUnknownKind, r.Kind)
	case r.Invoices < 0 || r.OnTime < 0 || r.OnTime > r.Invoices:
		return fmt.Errorf("%w: %d of %d invoices on time", data.ErrBadNumber, r.OnTime, r.Invoices)
	case math.IsInf(r.MeanLateDays, 0):
		return fmt.Errorf("%w: mean_late_days %g", data.ErrBadNumber, r.MeanLateDays)
	}
	return nil
}

// Cohorts answers what was known of a part of the portfolio on a day. It is
// read only and safe for concurrent use; nil knows nothing.
type Cohorts struct {
	months map[cohortKey][]CohortRow // by month
}

type cohortKey struct{ kind, name string }

// NewCohorts indexes rows, which may be in any order. A row that is at fault,
// or a second one of the same cohort and month, is an error that wraps a
// sentinel of package data.
func NewCohorts(rows []CohortRow) (*Cohorts, error) {
	c := &Cohorts{months: make(map[cohortKey][]CohortRow)}
	for i, r := range rows {
		if err := r.Validate(); err != nil {
			return nil, fmt.Errorf("features: cohort row %d: %w", i+1, err)
		}
		k := cohortKey{r.Kind, r.Name}
		c.months[k] = append(c.months[k], r)
	}
	for _, months := range c.months {
		slices.SortStableFunc(months, func(a, b CohortRow) int { return cmp.Compare(a.Month, b.Month) })
	}
	for i, r := range rows {
		months := c.months[cohortKey{r.Kind, r.Name}]
		if at := firstMonth(months, r.Month); at+1 < len(months) && months[at+1].Month == r.Month {
			return nil, fmt.Errorf("features: cohort row %d: %w: %s %q of %s", i+1, data.ErrDuplicateID, r.Kind, r.Name, r.Month)
		}
	}
	return c, nil
}

// firstMonth returns the position of the first row of the month or later.
func firstMonth(months []CohortRow, month data.Date) int {
	return sort.Search(len(months), func(i int) bool { return months[i].Month >= month })
}

// At returns the row of the latest month that started on or before AsOf, and
// false when there is none.
func (c *Cohorts) At(kind, name string, asOf data.Date) (CohortRow, bool) {
	if c == nil {
		return CohortRow{}, false
	}
	months := c.months[cohortKey{kind, name}]
	n := firstMonth(months, asOf+1)
	if n == 0 {
		return CohortRow{}, false
	}
	return months[n-1], true
}

// cohortStats is what was known of the customer's UF, segment and oldest open
// product.
type cohortStats struct {
	onTime, late [len(cohortKinds)]float64
}

var cohortKinds = [...]string{CohortUF, CohortSegment, CohortProduct}

func (s *snapshot) readCohort() {
	c := &s.cohort
	for k, kind := range cohortKinds {
		c.onTime[k], c.late[k] = nan, nan
		var name string
		switch kind {
		case CohortUF:
			name = s.h.Customer.UF
		case CohortSegment:
			name = s.h.Customer.Segment
		case CohortProduct:
			if s.oldest < 0 {
				continue
			}
			name = s.h.Invoices[s.oldest].Product
		}
		if row, ok := s.c.cohorts.At(kind, name, s.asOf); ok {
			c.onTime[k] = ratio(float64(row.OnTime), float64(row.Invoices))
			c.late[k] = row.MeanLateDays
		}
	}
}

func cohortFeatures() []Feature {
	var all []Feature
	for k, kind := range cohortKinds {
		whose := "the customer's " + kind
		if kind == CohortProduct {
			whose = "the oldest open invoice's product"
		}
		all = append(all,
			column(kind+"_on_time", "share", 0, 1, func(s *snapshot) float64 { return s.cohort.onTime[k] },
				"On-time share of the invoices of "+whose+" that fell due in the 90 days before the start of AsOf's month.").
				missing("the cohort table has no such row"),
			column(kind+"_late", "days", -inf, inf, func(s *snapshot) float64 { return s.cohort.late[k] },
				"Mean lateness of those that were paid.").
				missing("the cohort table has no such row, or none was paid"),
		)
	}
	return all
}
