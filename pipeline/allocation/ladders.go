package allocation

import (
	"cmp"
	"encoding/json"
	"fmt"
	"os"
	"slices"

	"dunning/data"
	"dunning/optimizer"
)

// BuildGrid is [BuildProblem] for ladders: the grid of the problem's candidates
// and rows. Rows that count value are discounted as the ladders' values are.
func BuildGrid(p *optimizer.Problem, further *Rows, ladder optimizer.LadderRule) (*optimizer.Grid, error) {
	g, err := optimizer.Pack(p, ladder)
	if err != nil || further == nil {
		return g, err
	}
	counts := map[string]bool{}
	for _, r := range further.Rows {
		counts[r.Name] = r.Kind == MinValue
	}
	for r := range g.Rows {
		g.Rows[r].Discounted = counts[g.Rows[r].Name]
	}
	return g, nil
}

// ReadForced reads the ladders that somebody wants to force on some customers:
// a table, CSV or Parquet, with customer_id, channel and day, one row per touch.
// It returns them by customer index. Every touch must be a candidate that is
// allowed, and every ladder one that the grid's rule knows; errors name the row.
func ReadForced(path string, c *Candidates, g *optimizer.Grid) (map[int32]optimizer.Rungs, error) {
	touches := map[int32][]int{}
	slot := make(map[optimizer.Slot]int, len(g.Slots))
	for s, x := range g.Slots {
		slot[x] = s
	}
	err := scanTable(path, []string{"customer_id", "channel", "day"}, nil, func(row []cell) error {
		id, err := row[0].id("customer_id")
		if err != nil {
			return err
		}
		option := optimizer.Candidate{}
		if option.Channel, err = row[1].channel("channel"); err != nil {
			return err
		}
		if option.Day, err = row[2].day("day"); err != nil {
			return err
		}
		i, ok := slices.BinarySearch(c.CustomerID, id)
		option.Customer = int32(i)
		if ok {
			_, ok = slices.BinarySearchFunc(c.Options, option, compareOptions)
		}
		if !ok {
			return fmt.Errorf("%w: customer %q has no allowed candidate for %s on %s", data.ErrBadInput, id, option.Channel, option.Day)
		}
		s := slot[optimizer.Slot{Channel: option.Channel, Day: option.Day}]
		if slices.Contains(touches[option.Customer], s) {
			return fmt.Errorf("%w: %s on %s for customer %q", data.ErrDuplicateID, option.Channel, option.Day, id)
		}
		touches[option.Customer] = append(touches[option.Customer], s)
		return nil
	})
	if err != nil {
		return nil, err
	}
	out := make(map[int32]optimizer.Rungs, len(touches))
	for i, slots := range touches {
		slices.Sort(slots)
		if err := keepsRule(g, slots); err != nil {
			return nil, fmt.Errorf("%s: customer %q: %w", path, c.CustomerID[i], err)
		}
		out[i] = optimizer.RungsOf(slots...)
	}
	return out, nil
}

// keepsRule says why slots in ascending order are no ladder of the grid.
func keepsRule(g *optimizer.Grid, slots []int) error {
	if most := max(1, g.Ladder.Touches); len(slots) > most {
		return fmt.Errorf("%w: %d touches, at most %d are allowed (--k)", data.ErrBadInput, len(slots), most)
	}
	for k := 1; k < len(slots); k++ {
		a, b := g.Slots[slots[k-1]].Day, g.Slots[slots[k]].Day
		if least := max(1, g.Ladder.GapDays); int(b-a) < least {
			return fmt.Errorf("%w: a touch on %s and one on %s, which must be %d days apart (--gap)", data.ErrBadInput, a, b, least)
		}
	}
	return nil
}

// ReadPrices reads the prices of an earlier allocation from its JSON document,
// in the order of the rows of g. A row that the document does not have starts at
// the price 0; a document that has none of them is an error that wraps
// [data.ErrBadInput].
func ReadPrices(path string, g *optimizer.Grid) ([]float64, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w", data.ErrBadInput, path, err)
	}
	var document struct {
		Prices []struct {
			Row   string  `json:"row"`
			Price float64 `json:"price_cents"`
		} `json:"prices"`
	}
	if err := json.Unmarshal(b, &document); err != nil {
		return nil, fmt.Errorf("%w: %s: %w; give the document that allocate --json printed", data.ErrBadInput, path, err)
	}
	price := make(map[string]float64, len(document.Prices))
	for _, p := range document.Prices {
		price[p.Row] = p.Price
	}
	out, known := make([]float64, len(g.Rows)), 0
	for r := range g.Rows {
		x, ok := price[g.Rows[r].Name]
		if out[r] = x; ok {
			known++
		}
	}
	if known == 0 {
		return nil, fmt.Errorf("%w: %s: prices of none of the %d rows; give the document that allocate --json printed", data.ErrBadInput, path, len(g.Rows))
	}
	return out, nil
}

// Actions lists the touches of explained ladders by customer id and day.
func Actions(c *Candidates, g *optimizer.Grid, explained []optimizer.LadderExplanation) []PlannedAction {
	var out []PlannedAction
	for i := range explained {
		x := &explained[i]
		for k, t := range x.Touches {
			s := g.Slots[t.Slot]
			out = append(out, PlannedAction{CustomerID: c.CustomerID[x.Customer], Channel: s.Channel, Day: s.Day, ValueCents: t.DiscountedCents,
				CostCents: t.CostCents, ReducedCostCents: t.DiscountedCents - t.PaidCents, Step: int32(k + 1)})
		}
	}
	slices.SortStableFunc(out, func(a, b PlannedAction) int { return cmp.Compare(a.CustomerID, b.CustomerID) })
	return out
}
