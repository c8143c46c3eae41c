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

// Kinds of further rows.
const (
	MinTouches  = "min_touches"  // at least limit touches
	MaxTouches  = "max_touches"  // at most limit touches
	MinCoverage = "min_coverage" // touches for at least the share limit of the segment's customers
	MaxShare    = "max_share"    // at most the share limit of all touches
	MinValue    = "min_value"    // expected recovery of at least limit cents
	MaxCost     = "max_cost"     // cost of at most limit cents: a wallet
)

// RowSpec describes one further row over a part of the candidates: those of
// the segment, of the listed customers, of the channel and of the day, each
// only where given.
type RowSpec struct {
	Name      string       `yaml:"name"`
	Kind      string       `yaml:"kind"`
	Limit     float64      `yaml:"limit"` // touches, cents, or a share in [0, 1]
	Segment   string       `yaml:"segment"`
	Customers []string     `yaml:"customers"`
	Channel   data.Channel `yaml:"channel"`
	Day       string       `yaml:"day"` // 2006-01-02
}

// Rows is a file of further rows.
type Rows struct {
	// Segments names a CSV or Parquet file with customer_id and segment,
	// relative to the rows file; "" takes the candidates' own segment column.
	Segments string    `yaml:"segments"`
	Rows     []RowSpec `yaml:"rows"`

	segment map[string]string // by customer id, of the segments file
}

// ReadRows reads further rows from YAML
//
//	segments: segments.csv        # optional: customer_id, segment
//	rows:
//	  - name: cobertura PF        # unique
//	    kind: min_coverage        # or min_touches, max_touches, max_share, min_value, max_cost
//	    limit: 0.2
//	    segment: PF               # optional, as are customers, channel and day
//
// or from a CSV or Parquet table with the columns name, kind, limit and
// optionally segment, channel, day. Every faulty row is named.
func ReadRows(path string) (*Rows, error) {
	rows := &Rows{}
	var err error
	switch strings.ToLower(filepath.Ext(path)) {
	case ".yaml", ".yml":
		err = rows.readYAML(path)
	default:
		err = rows.readTable(path)
	}
	if err != nil {
		return nil, err
	}
	var faults []error
	seen := map[string]bool{optimizer.BudgetName: true}
	for k, r := range rows.Rows {
		if err := r.validate(); err != nil {
			faults = append(faults, fmt.Errorf("%s row %d %q: %w", path, k+1, r.Name, err))
		} else if seen[r.Name] {
			faults = append(faults, fmt.Errorf("%s row %d: %w: name %q is taken", path, k+1, data.ErrDuplicateID, r.Name))
		}
		seen[r.Name] = true
	}
	if err := errors.Join(faults...); err != nil {
		return nil, err
	}
	if rows.Segments != "" {
		return rows, rows.readSegments(filepath.Join(filepath.Dir(path), rows.Segments))
	}
	return rows, nil
}

func (r *Rows) readYAML(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("%w: %s: %w", data.ErrBadInput, path, err)
	}
	defer f.Close()
	d := yaml.NewDecoder(f)
	d.KnownFields(true)
	if err := d.Decode(r); err != nil {
		return fmt.Errorf("%w: %s: %w", data.ErrBadInput, path, err)
	}
	if len(r.Rows) == 0 {
		return fmt.Errorf("%w: %s: no rows", data.ErrBadInput, path)
	}
	return nil
}

func (r *Rows) readTable(path string) error {
	return scanTable(path, []string{"name", "kind", "limit"}, []string{"segment", "channel", "day"}, func(c []cell) error {
		limit, err := c[2].finite("limit")
		if err != nil {
			return err
		}
		r.Rows = append(r.Rows, RowSpec{Name: c[0].label(), Kind: c[1].label(), Limit: limit,
			Segment: c[3].label(), Channel: data.Channel(c[4].label()), Day: c[5].label()})
		return nil
	})
}

func (r *Rows) readSegments(path string) error {
	r.segment = map[string]string{}
	return scanTable(path, []string{"customer_id", "segment"}, nil, func(c []cell) error {
		id, err := c[0].id("customer_id")
		if err != nil {
			return err
		}
		if _, ok := r.segment[id]; ok {
			return fmt.Errorf("%w: customer %q twice", data.ErrDuplicateID, id)
		}
		r.segment[id] = c[1].label()
		return nil
	})
}

func (s RowSpec) validate() error {
	switch s.Kind {
	case MinCoverage, MaxShare:
		if !(s.Limit >= 0 && s.Limit <= 1) {
			return fmt.Errorf("%w: limit %g of a %s must be a share in [0, 1]", data.ErrBadNumber, s.Limit, s.Kind)
		}
	case MinTouches, MaxTouches, MinValue, MaxCost:
		if math.IsNaN(s.Limit) || math.IsInf(s.Limit, 0) {
			return fmt.Errorf("%w: limit %g", data.ErrBadNumber, s.Limit)
		}
		if s.Limit < 0 {
			return fmt.Errorf("%w: limit %g must be 0 or more", data.ErrNegativeAmount, s.Limit)
		}
	default:
		return fmt.Errorf("%w %q (have %s)", data.ErrUnknownKind, s.Kind,
			strings.Join([]string{MinTouches, MaxTouches, MinCoverage, MaxShare, MinValue, MaxCost}, ", "))
	}
	if s.Name == "" {
		return fmt.Errorf("%w: name", data.ErrMissingValue)
	}
	if s.Channel != "" {
		if _, err := data.ParseChannel(string(s.Channel)); err != nil {
			return err
		}
	}
	if s.Day != "" {
		if _, err := data.ParseDate(s.Day); err != nil {
			return err
		}
	}
	return nil
}
