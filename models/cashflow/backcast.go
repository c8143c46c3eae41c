package cashflow

import (
	"context"

	"golang.org/x/sync/errgroup"

	"dunning/data"
)

// Outcome is a forecast that was made as of a past day, by segment, and what
// came.
type Outcome struct {
	Origin data.Date
	Curves []*Curve
	// Came by segment and day; as many days as are known.
	Came [][]float64
}

// minHistoryDays before an origin a model can be fitted.
const minHistoryDays = 120

// Origins returns the days, a week apart, at which forecasts can be made again
// for a book whose first event is given and that is known up to asOf: at most n,
// the last a week before asOf.
func Origins(first, asOf data.Date, n int) []data.Date {
	var out []data.Date
	for k := n; k >= 1; k-- {
		if o := asOf - data.Date(7*k); o-first >= minHistoryDays {
			out = append(out, o)
		}
	}
	return out
}

// Backcast makes the forecasts of past origins again, each by a model of what
// was known then, for so many days (whole weeks), and says what came before
// known.
func Backcast(ctx context.Context, b *Book, origins []data.Date, known data.Date, days, cores int) ([]Outcome, error) {
	out := make([]Outcome, len(origins))
	if len(origins) == 0 {
		return out, nil
	}
	cal := b.calendar(known, days)
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(max(cores, 1))
	for i, origin := range origins {
		group.Go(func() error {
			if err := ctx.Err(); err != nil {
				return err
			}
			m := fit(b, cal, origin)
			out[i] = Outcome{Origin: origin, Curves: b.forecast(m, days),
				Came: b.Receipts(origin, origin, min(days, int(known-origin)))}
			return nil
		})
	}
	return out, group.Wait()
}

// Fit returns the model of what is known before a day, for forecasts of so many
// days from it on.
func Fit(b *Book, origin data.Date, days int) *Model {
	return fit(b, b.calendar(origin, days), origin)
}

// calendar covers all days of the book, and so many after known.
func (b *Book) calendar(known data.Date, days int) *calendar {
	first := known
	for i := range b.Customers {
		if v := b.Customers[i].Invoices; len(v) > 0 {
			first = min(first, v[0].Issued)
		}
	}
	return newCalendar(min(first, known-seasonDays-1), known+data.Date(days)+1)
}

// forecast returns the curves of the whole book.
func (b *Book) forecast(m *Model, days int) []*Curve {
	s := m.NewStanding(b.Segments)
	for i := range b.Customers {
		s.Add(&b.Customers[i])
	}
	return s.Curves(days)
}

// classed returns a customer's invoices of before the origin, by pace and amount.
func (m *Model) classed(c *Customer) []piece {
	var pieces []piece
	for j := range c.Invoices {
		if c.Invoices[j].Issued >= m.origin {
			break
		}
		pieces = append(pieces, piece{v: &c.Invoices[j], kind: c.Kind})
	}
	m.setPace(c, pieces)
	return pieces
}

// Total adds up the curves of all segments.
func Total(curves []*Curve) *Curve {
	out := newCurve(len(curves[0].Day))
	for _, c := range curves {
		for i := range c.Day {
			out.Day[i] += c.Day[i]
			out.DayVar[i] += c.DayVar[i]
		}
		for i := range c.Week {
			out.Week[i] += c.Week[i]
			out.WeekVar[i] += c.WeekVar[i]
		}
		for i, x := range c.Recent {
			out.Recent[i] += x
		}
	}
	return out
}
