package optimizer

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// mpsReader is the state of ReadMPS.
type mpsReader struct {
	lp        *LP
	section   string
	rows      map[string]int32 // -1 for the objective, -2 for other free rows
	types     []byte
	rhs       []float64
	ranges    []float64 // NaN where none
	cols      map[string]int
	objective int
	sign      float64 // +1 when the file maximises
}

func (m *mpsReader) header(fields []string) error {
	m.section = strings.ToUpper(fields[0])
	switch m.section {
	case "NAME":
		if len(fields) > 1 {
			m.lp.Name = fields[1]
		}
	case "OBJSENSE":
		if len(fields) > 1 {
			return m.sense(fields[1])
		}
	case "ROWS", "COLUMNS", "RHS", "RANGES", "BOUNDS", "ENDATA":
	default:
		return fmt.Errorf("section %q is not known", fields[0])
	}
	return nil
}

func (m *mpsReader) sense(word string) error {
	switch strings.ToUpper(word) {
	case "MAX", "MAXIMIZE":
		m.sign = 1
	case "MIN", "MINIMIZE":
		m.sign = -1
	default:
		return fmt.Errorf("objective sense %q (have MIN, MAX)", word)
	}
	return nil
}

func (m *mpsReader) line(f []string) error {
	switch m.section {
	case "OBJSENSE":
		return m.sense(f[0])
	case "ROWS":
		return m.row(f)
	case "COLUMNS":
		return m.column(f)
	case "RHS":
		return m.pairs(f, func(r int32, v float64) error {
			if r < 0 {
				return fmt.Errorf("a right-hand side of a free row is not supported")
			}
			m.rhs[r] = v
			return nil
		})
	case "RANGES":
		return m.pairs(f, func(r int32, v float64) error {
			if r < 0 {
				return fmt.Errorf("a range of a free row is not supported")
			}
			m.ranges[r] = v
			return nil
		})
	case "BOUNDS":
		return m.bound(f)
	}
	return fmt.Errorf("a line outside any section")
}

func (m *mpsReader) row(f []string) error {
	if len(f) != 2 || len(f[0]) != 1 {
		return fmt.Errorf("a row needs a type and a name")
	}
	if _, ok := m.rows[f[1]]; ok {
		return fmt.Errorf("row %q twice", f[1])
	}
	kind := strings.ToUpper(f[0])[0]
	switch kind {
	case 'N':
		m.rows[f[1]] = -2
		if m.objective < 0 {
			m.objective, m.rows[f[1]] = 0, -1
		}
	case 'L', 'G', 'E':
		m.rows[f[1]] = m.lp.AddRow(0, 0)
		m.lp.RowNames = append(m.lp.RowNames, f[1])
		m.types = append(m.types, kind)
		m.rhs = append(m.rhs, 0)
		m.ranges = append(m.ranges, math.NaN())
	default:
		return fmt.Errorf("row type %q", f[0])
	}
	return nil
}

func (m *mpsReader) column(f []string) error {
	if len(f) >= 2 && strings.Trim(f[1], "'") == "MARKER" {
		return fmt.Errorf("integer columns are not supported")
	}
	j := len(m.lp.Objective) - 1
	if j < 0 || m.lp.ColNames[j] != f[0] {
		if _, ok := m.cols[f[0]]; ok {
			return fmt.Errorf("column %q in two places", f[0])
		}
		m.lp.AddCol(0, 0, math.Inf(1), nil, nil)
		m.lp.ColNames = append(m.lp.ColNames, f[0])
		j++
		m.cols[f[0]] = j
	}
	if len(f) != 3 && len(f) != 5 {
		return fmt.Errorf("a column needs one or two pairs of row and number")
	}
	return m.pairs(f, func(r int32, v float64) error {
		switch {
		case r == -1:
			m.lp.Objective[j] = m.sign * v
		case r >= 0:
			m.lp.RowIndex = append(m.lp.RowIndex, r)
			m.lp.Coef = append(m.lp.Coef, v)
			m.lp.Start[j+1] = len(m.lp.Coef)
		}
		return nil
	})
}

// pairs reads the pairs of row and number after an optional set name.
func (m *mpsReader) pairs(f []string, set func(row int32, v float64) error) error {
	if len(f)%2 == 1 {
		f = f[1:]
	}
	for ; len(f) > 0; f = f[2:] {
		r, ok := m.rows[f[0]]
		if !ok {
			return fmt.Errorf("row %q is not known", f[0])
		}
		v, err := mpsNumber(f[1])
		if err != nil {
			return err
		}
		if err := set(r, v); err != nil {
			return err
		}
	}
	return nil
}

func (m *mpsReader) bound(f []string) error {
	kind := strings.ToUpper(f[0])
	needs := 4
	if kind == "FR" || kind == "MI" || kind == "PL" {
		needs = 3
	}
	if len(f) < needs {
		return fmt.Errorf("a bound needs a type, a set, a column and a number")
	}
	j, ok := m.cols[f[2]]
	if !ok {
		return fmt.Errorf("column %q is not known", f[2])
	}
	v := 0.0
	if needs == 4 {
		var err error
		if v, err = mpsNumber(f[3]); err != nil {
			return err
		}
	}
	switch kind {
	case "LO":
		m.lp.ColLower[j] = v
	case "UP":
		m.lp.ColUpper[j] = v
		if v < 0 && m.lp.ColLower[j] == 0 {
			return fmt.Errorf("upper bound %g below the default lower bound 0; give a lower bound first", v)
		}
	case "FX":
		m.lp.ColLower[j], m.lp.ColUpper[j] = v, v
	case "FR":
		m.lp.ColLower[j], m.lp.ColUpper[j] = math.Inf(-1), math.Inf(1)
	case "MI":
		m.lp.ColLower[j] = math.Inf(-1)
	case "PL":
		m.lp.ColUpper[j] = math.Inf(1)
	default:
		return fmt.Errorf("bound type %q", f[0])
	}
	return nil
}

func mpsNumber(s string) (float64, error) {
	v, err := strconv.ParseFloat(s, 64)
	if err != nil || math.IsNaN(v) {
		return 0, fmt.Errorf("%q is not a number", s)
	}
	return v, nil
}

// finish turns types, right-hand sides and ranges into bounds.
func (m *mpsReader) finish() (*LP, error) {
	for r, kind := range m.types {
		lower, upper := m.rhs[r], m.rhs[r]
		span := m.ranges[r]
		switch {
		case kind == 'L':
			lower = math.Inf(-1)
			if !math.IsNaN(span) {
				lower = upper - math.Abs(span)
			}
		case kind == 'G':
			upper = math.Inf(1)
			if !math.IsNaN(span) {
				upper = lower + math.Abs(span)
			}
		case !math.IsNaN(span) && span < 0:
			lower += span
		case !math.IsNaN(span):
			upper += span
		}
		m.lp.RowLower[r], m.lp.RowUpper[r] = lower, upper
	}
	return m.lp, nil
}
