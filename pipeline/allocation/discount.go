package allocation

import (
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"

	"go.yaml.in/yaml/v3"

	"dunning/data"
	"dunning/optimizer"
)

// Discount says what a touch of a ladder is worth over the same touch alone:
// Factor, when it is number Step of the ladder and follows the one before it
// after GapDays days or more, up to the next GapDays that is listed.
type Discount struct {
	Step    int     `yaml:"step" koanf:"step"`         // 2 to optimizer.MaxTouches
	GapDays int     `yaml:"gap_days" koanf:"gap_days"` // 1 to 366
	Factor  float64 `yaml:"factor" koanf:"factor"`     // 0 to 1
}

// mostGapDays is the longest gap of a discount.
const mostGapDays = 366

// DiscountTable turns a list of discounts into the factors of
// [optimizer.LadderRule]. A gap shorter than the first that is listed for its
// step has the first's factor; a step that is not listed has the factors of the
// step before it, and an empty list discounts nothing. Faults wrap
// [data.ErrBadNumber] or [data.ErrDuplicateID]: a longer gap must not lower the
// factor, nor a further step raise it.
func DiscountTable(list []Discount) ([][]float64, error) {
	if len(list) == 0 {
		return nil, nil
	}
	var faults []error
	days := 0
	for k, d := range list {
		switch {
		case d.Step < 2 || d.Step > optimizer.MaxTouches:
			faults = append(faults, fmt.Errorf("discount %d: %w: step %d (2 to %d)", k+1, data.ErrBadNumber, d.Step, optimizer.MaxTouches))
		case d.GapDays < 1 || d.GapDays > mostGapDays:
			faults = append(faults, fmt.Errorf("discount %d: %w: gap_days %d (1 to %d)", k+1, data.ErrBadNumber, d.GapDays, mostGapDays))
		case !(d.Factor >= 0 && d.Factor <= 1):
			faults = append(faults, fmt.Errorf("discount %d: %w: factor %g (0 to 1)", k+1, data.ErrBadNumber, d.Factor))
		default:
			days = max(days, d.GapDays)
		}
	}
	if len(faults) > 0 {
		return nil, errors.Join(faults...)
	}
	table := make([][]float64, optimizer.MaxTouches)
	for step := range table {
		table[step] = make([]float64, days+1)
		for gap := range table[step] {
			table[step][gap] = math.NaN()
		}
	}
	for k, d := range list {
		at := &table[d.Step-1][d.GapDays]
		if !math.IsNaN(*at) {
			return nil, fmt.Errorf("discount %d: %w: step %d, gap_days %d", k+1, data.ErrDuplicateID, d.Step, d.GapDays)
		}
		*at = d.Factor
	}
	return table, spread(table)
}

// spread fills the cells between those that were given.
func spread(table [][]float64) error {
	for gap := range table[0] {
		table[0][gap] = 1
	}
	for step := 1; step < len(table); step++ {
		row, last := table[step], math.NaN()
		for _, x := range row {
			if !math.IsNaN(x) {
				last = x // the first that is listed
				break
			}
		}
		for gap := range row {
			if !math.IsNaN(row[gap]) {
				last = row[gap]
			}
			if row[gap] = last; math.IsNaN(last) {
				row[gap] = table[step-1][gap]
			}
			if gap > 0 && row[gap] < row[gap-1] {
				return fmt.Errorf("discount of step %d: %w: %g after %d days and %g after %d", step+1, data.ErrBadNumber, row[gap-1], gap-1, row[gap], gap)
			}
			if row[gap] > table[step-1][gap] {
				return fmt.Errorf("discount of step %d: %w: %g after %d days, and %g for the step before", step+1, data.ErrBadNumber, row[gap], gap, table[step-1][gap])
			}
		}
	}
	return nil
}

// ReadDiscounts reads discounts from YAML, a list under the key discount, or
// from a CSV or Parquet table; either has step, gap_days and factor.
//
//	discount:
//	  - {step: 2, gap_days: 1, factor: 0.6}
//	  - {step: 2, gap_days: 7, factor: 0.8}
func ReadDiscounts(path string) ([][]float64, error) {
	var file struct {
		Discount []Discount `yaml:"discount"`
	}
	switch strings.ToLower(filepath.Ext(path)) {
	case ".yaml", ".yml":
		f, err := os.Open(path)
		if err != nil {
			return nil, fmt.Errorf("%w: %s: %w", data.ErrBadInput, path, err)
		}
		defer f.Close()
		d := yaml.NewDecoder(f)
		d.KnownFields(true)
		if err := d.Decode(&file); err != nil {
			return nil, fmt.Errorf("%w: %s: %w", data.ErrBadInput, path, err)
		}
	default:
		err := scanTable(path, []string{"step", "gap_days", "factor"}, nil, func(c []cell) (err error) {
			var d Discount
			if d.Step, err = c[0].count("step"); err != nil {
				return err
			}
			if d.GapDays, err = c[1].count("gap_days"); err != nil {
				return err
			}
			d.Factor, err = c[2].finite("factor")
			file.Discount = append(file.Discount, d)
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	table, err := DiscountTable(file.Discount)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return table, nil
}
