package optimizer

import (
	"bufio"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"

	"dunning/data"
)

// mpsObjective is the name of the objective row in exchange files.
const mpsObjective = "objective"

// WriteMPS writes a linear program in free-format MPS, which the word FREE
// after the name tells CLP. MPS minimises unless
// told otherwise, and readers disagree on how to tell them, so the objective
// is written negated: the optimum another solver reports is minus ours, and
// its row duals are minus our prices. Numbers are written so that they read
// back bit by bit.
func WriteMPS(w io.Writer, lp *LP) error {
	b := bufio.NewWriterSize(w, 1<<16)
	rowNames := names(lp.RowNames, lp.Rows(), "row")
	colNames := names(lp.ColNames, lp.Cols(), "x")
	name := lp.Name
	if name == "" {
		name = "lp"
	}
	fmt.Fprintf(b, "* objective negated: minimise; optimum = -maximum\nNAME %s FREE\nROWS\n N %s\n", name, mpsObjective)
	for r, n := range rowNames {
		fmt.Fprintf(b, " %c %s\n", mpsRowType(lp.RowLower[r], lp.RowUpper[r]), n)
	}
	b.WriteString("COLUMNS\n")
	for j, n := range colNames {
		// A column without entries must still appear.
		if lp.Objective[j] != 0 || lp.Start[j] == lp.Start[j+1] {
			mpsEntry(b, n, mpsObjective, 0-lp.Objective[j])
		}
		for k := lp.Start[j]; k < lp.Start[j+1]; k++ {
			mpsEntry(b, n, rowNames[lp.RowIndex[k]], lp.Coef[k])
		}
	}
	b.WriteString("RHS\n")
	for r, n := range rowNames {
		lower, upper := lp.RowLower[r], lp.RowUpper[r]
		if rhs := upper; !math.IsInf(lower, -1) || !math.IsInf(upper, 1) {
			if math.IsInf(upper, 1) {
				rhs = lower
			}
			if rhs != 0 {
				mpsEntry(b, "rhs", n, rhs)
			}
		}
	}
	writeMPSRanges(b, lp, rowNames)
	writeMPSBounds(b, lp, colNames)
	b.WriteString("ENDATA\n")
	if err := b.Flush(); err != nil {
		return fmt.Errorf("optimizer: write mps: %w", err)
	}
	return nil
}

func writeMPSRanges(b *bufio.Writer, lp *LP, rowNames []string) {
	header := false
	for r, n := range rowNames {
		lower, upper := lp.RowLower[r], lp.RowUpper[r]
		if math.IsInf(lower, 0) || math.IsInf(upper, 0) || lower == upper {
			continue
		}
		if !header {
			b.WriteString("RANGES\n")
			header = true
		}
		mpsEntry(b, "rng", n, upper-lower)
	}
}

func writeMPSBounds(b *bufio.Writer, lp *LP, colNames []string) {
	b.WriteString("BOUNDS\n")
	for j, n := range colNames {
		lower, upper := lp.ColLower[j], lp.ColUpper[j]
		bound := func(kind string, v float64) {
			b.WriteString(" " + kind + " bnd " + n)
			if kind != "FR" && kind != "MI" {
				b.WriteString(" " + strconv.FormatFloat(v, 'g', -1, 64))
			}
			b.WriteByte('\n')
		}
		switch {
		case lower == upper:
			bound("FX", lower)
			continue
		case math.IsInf(lower, -1) && math.IsInf(upper, 1):
			bound("FR", 0)
			continue
		case math.IsInf(lower, -1):
			bound("MI", 0)
		case lower != 0:
			bound("LO", lower)
		}
		if !math.IsInf(upper, 1) {
			bound("UP", upper)
		}
	}
}

func mpsRowType(lower, upper float64) byte {
	switch {
	case lower == upper:
		return 'E'
	case !math.IsInf(upper, 1):
		return 'L'
	case !math.IsInf(lower, -1):
		return 'G'
	}
	return 'N'
}

func mpsEntry(b *bufio.Writer, a, c string, v float64) {
	b.WriteByte(' ')
	b.WriteString(a)
	b.WriteByte(' ')
	b.WriteString(c)
	b.WriteByte(' ')
	b.WriteString(strconv.FormatFloat(v, 'g', -1, 64))
	b.WriteByte('\n')
}

func names(given []string, n int, prefix string) []string {
	if given != nil {
		return given
	}
	out := make([]string, n)
	for i := range out {
		out[i] = prefix + strconv.Itoa(i)
	}
	return out
}

// ReadMPS reads a linear program in free-format MPS: sections NAME, OBJSENSE,
// ROWS, COLUMNS, RHS, RANGES, BOUNDS, ENDATA; bounds LO, UP, FX, FR, MI, PL.
// Integer markers are refused. The result maximises: the objective of a file
// that minimises is negated, as WriteMPS did. Errors wrap [data.ErrBadInput]
// and name the line.
func ReadMPS(r io.Reader) (*LP, error) {
	m := &mpsReader{lp: &LP{Start: []int{0}}, rows: map[string]int32{}, cols: map[string]int{}, objective: -1, sign: -1}
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 1<<20)
	for n := 1; lines.Scan(); n++ {
		text := lines.Text()
		fields := strings.Fields(text)
		if len(fields) == 0 || strings.HasPrefix(text, "*") {
			continue
		}
		var err error
		if text[0] != ' ' && text[0] != '\t' {
			err = m.header(fields)
		} else {
			err = m.line(fields)
		}
		if err != nil {
			return nil, fmt.Errorf("%w: mps line %d: %w", data.ErrBadInput, n, err)
		}
		if m.section == "ENDATA" {
			return m.finish()
		}
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("%w: mps: %w", data.ErrBadInput, err)
	}
	return nil, fmt.Errorf("%w: mps: no ENDATA; the file is cut off", data.ErrBadInput)
}
