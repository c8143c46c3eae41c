package foreign

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"

	"dunning/data"
	"dunning/features"
)

// ColumnUse says what became of one column of the table.
type ColumnUse struct {
	Column string `json:"column"`
	Use    string `json:"use"`            // its role, "feature" or "left out"
	Why    string `json:"why,omitempty"`  // how it was turned into a feature, or why it was left out
	Kind   Kind   `json:"kind,omitempty"` // what it holds
}

// prepared is a foreign table ready for models.
type prepared struct {
	table *Table
	// trees has one column per feature, categories as integer codes by sorted
	// value; linear has indicators for categories and tamed tails.
	trees, linear features.Matrix
	y             []float64
	binary        bool     // y holds 0 and 1 only
	id            []string // nil without an id; unit is nil too where ids do not repeat
	unit          []string
	time, matured []float64 // days; nil without
	arms          *arms     // nil without a treatment
	treatProb     []float64
	optionProb    [][]float64
	policy        *Column // nil unless a column
	protected     []*Column
	columns       []ColumnUse
	alarms        []string
}

// orSilent returns progress, or what shows nothing for nil.
func orSilent(progress func(string)) func(string) {
	if progress == nil {
		return func(string) {}
	}
	return progress
}

// readPrepared reads the table that the roles name and prepares it.
func readPrepared(ctx context.Context, r Roles, binary bool, progress func(string)) (*prepared, error) {
	progress("reading " + r.Table)
	t, err := Read(ctx, r.Table, r.Query, r.Limit)
	if err != nil {
		return nil, err
	}
	return prepare(t, r, binary)
}

// prepare assigns the roles, checks them against the table and builds the
// features. binary asks for a 0/1 outcome.
func prepare(t *Table, r Roles, binary bool) (*prepared, error) {
	p := &prepared{table: t}
	taken := map[string]ColumnUse{}
	if err := p.assign(r, taken, binary); err != nil {
		return nil, err
	}
	if err := p.excluded(r, taken); err != nil {
		return nil, err
	}
	categories, err := p.names(r.Categories, "category")
	if err != nil {
		return nil, err
	}
	kept, err := p.names(r.Keep, "column to keep")
	if err != nil {
		return nil, err
	}
	for i := range t.Columns {
		c := &t.Columns[i]
		use, ok := taken[c.Name]
		if !ok {
			use = p.addFeature(c, categories[c.Name], kept[c.Name])
		}
		use.Column, use.Kind = c.Name, c.Kind
		p.columns = append(p.columns, use)
	}
	skipped := make([]string, 0, len(t.Skipped))
	for name := range t.Skipped {
		skipped = append(skipped, name)
	}
	slices.Sort(skipped)
	for _, name := range skipped {
		p.columns = append(p.columns, ColumnUse{Column: name, Use: "left out", Why: "its type " + t.Skipped[name] + " is no number, date or text"})
	}
	if len(p.trees.Cols) == 0 {
		return nil, fmt.Errorf("%w: no column of %s is left as a feature; %s", data.ErrBadInput, t.Source, p.whyNone())
	}
	return p, nil
}

func (p *prepared) whyNone() string {
	parts := make([]string, len(p.columns))
	for i, c := range p.columns {
		parts[i] = c.Column + ": " + c.Use
		if c.Why != "" {
			parts[i] += " (" + c.Why + ")"
		}
	}
	return strings.Join(parts, ", ")
}

// names resolves a list of columns.
func (p *prepared) names(list List, role string) (map[string]bool, error) {
	out := map[string]bool{}
	for _, name := range list {
		c, err := p.table.Column(name, role)
		if err != nil {
			return nil, err
		}
		out[c.Name] = true
	}
	return out, nil
}

// assign reads the columns that have a role of their own.
func (p *prepared) assign(r Roles, taken map[string]ColumnUse, binary bool) error {
	t := p.table
	outcome, err := t.Column(r.Outcome, "outcome")
	if err != nil {
		return err
	}
	if p.y, err = readOutcome(t, outcome, r.Positive, binary); err != nil {
		return err
	}
	p.binary = !slices.ContainsFunc(p.y, func(y float64) bool { return y != 0 && y != 1 })
	taken[outcome.Name] = ColumnUse{Use: "outcome"}
	if r.ID != "" {
		c, err := t.Column(r.ID, "id")
		if err != nil {
			return err
		}
		taken[c.Name] = ColumnUse{Use: "id"}
		p.id = c.Strings()
		if len(c.Levels()) < t.rows {
			p.unit = p.id
		}
	}
	for _, role := range []struct {
		name, what string
		into       *[]float64
	}{{r.Time, "time", &p.time}, {r.Matured, "matured", &p.matured}} {
		if role.name == "" {
			continue
		}
		c, err := t.Column(role.name, role.what)
		if err != nil {
			return err
		}
		if c.Kind != Time {
			return fmt.Errorf("%w: the %s column %s of %s is a %s, not a date; cast it in a query", data.ErrBadInput, role.what, c.Name, t.Source, c.Kind)
		}
		taken[c.Name] = ColumnUse{Use: role.what}
		*role.into = c.Numbers
	}
	return p.assignTreatment(r, taken)
}

func (p *prepared) assignTreatment(r Roles, taken map[string]ColumnUse) (err error) {
	t := p.table
	if r.Treatment != "" {
		if p.arms, err = readArms(t, r); err != nil {
			return err
		}
		taken[p.arms.column] = ColumnUse{Use: "treatment"}
		var columns []string
		if p.treatProb, p.optionProb, columns, err = readTreatProb(t, r, p.arms); err != nil {
			return err
		}
		for _, name := range columns {
			taken[name] = ColumnUse{Use: "treat_prob"}
		}
	}
	if r.Policy != "" {
		c, err := t.Column(r.Policy, "policy")
		switch {
		case err == nil:
			p.policy = c
			taken[c.Name] = ColumnUse{Use: "policy"}
		case r.Policy != uniformPolicy:
			return err
		}
	}
	return nil
}

// excluded notes the columns that must be no features.
func (p *prepared) excluded(r Roles, taken map[string]ColumnUse) error {
	note := func(name, role string, use ColumnUse) error {
		c, err := p.table.Column(name, role)
		if err != nil {
			return err
		}
		if _, ok := taken[c.Name]; !ok {
			taken[c.Name] = use
		}
		return nil
	}
	kept, err := p.names(r.Keep, "column to keep")
	if err != nil {
		return err
	}
	for _, name := range r.Protected {
		if err := note(name, "protected", ColumnUse{Use: "protected"}); err != nil {
			return err
		}
		c, _ := p.table.Column(name, "protected")
		p.protected = append(p.protected, c)
	}
	for _, name := range r.Drop {
		if err := note(name, "column to drop", ColumnUse{Use: "left out", Why: "as asked"}); err != nil {
			return err
		}
	}
	traps := make([]string, 0, len(r.Traps))
	for name := range r.Traps {
		traps = append(traps, name)
	}
	slices.Sort(traps)
	for _, name := range traps {
		c, err := p.table.Column(name, "trap")
		if err != nil {
			return err
		}
		if kept[c.Name] {
			p.alarms = append(p.alarms, fmt.Sprintf("%s is used although it is listed as a trap: %s", c.Name, r.Traps[name]))
			continue
		}
		if err := note(name, "trap", ColumnUse{Use: "left out", Why: "trap: " + r.Traps[name]}); err != nil {
			return err
		}
	}
	return nil
}

// maxLevels is how many values of a category get an indicator of their own in
// the linear models; the rarer ones share the absence of all.
const maxLevels = 20

// addFeature turns a column into features, unless it cannot be one.
func (p *prepared) addFeature(c *Column, isCode, keep bool) ColumnUse {
	levels := c.Levels()
	if len(levels) < 2 && !(len(levels) == 1 && p.hasMissing(c)) {
		return ColumnUse{Use: "left out", Why: "constant"}
	}
	if !keep && len(levels) == p.table.rows && p.table.rows > 1 && (c.Kind == Text || countsUp(c)) {
		return ColumnUse{Use: "left out", Why: "an identifier: no two rows share a value"}
	}
	if !keep && c.Kind == Text && len(levels) > p.table.rows/2 {
		return ColumnUse{Use: "left out", Why: fmt.Sprintf("nearly an identifier: %d values in %d rows", len(levels), p.table.rows)}
	}
	if p.binary {
		if reason := p.suspect(c, levels); reason != "" {
			if !keep {
				p.alarms = append(p.alarms, fmt.Sprintf("%s is left out, a suspected leak: %s; --keep %s uses it", c.Name, reason, c.Name))
				return ColumnUse{Use: "left out", Why: "suspected leak: " + reason}
			}
			p.alarms = append(p.alarms, fmt.Sprintf("%s is used, a suspected leak: %s", c.Name, reason))
		}
	}
	if c.Kind == Text {
		p.addCodes(c, levels)
		p.addIndicators(c, levels)
		return ColumnUse{Use: "feature", Why: fmt.Sprintf("category of %d values", len(levels))}
	}
	col := make([]float32, len(c.Numbers))
	for i, v := range c.Numbers {
		col[i] = float32(v)
	}
	p.trees.Names, p.trees.Cols = append(p.trees.Names, c.Name), append(p.trees.Cols, col)
	use := ColumnUse{Use: "feature", Why: "as it is"}
	switch {
	case isCode:
		p.addIndicators(c, levels)
		use.Why = fmt.Sprintf("code of %d values; indicators in linear models", len(levels))
	case c.Kind == Time:
		p.linear.Names, p.linear.Cols = append(p.linear.Names, c.Name), append(p.linear.Cols, col)
		use.Why = "days since 1970-01-01"
	case len(levels) > 2 && skewed(c.Numbers):
		p.linear.Names, p.linear.Cols = append(p.linear.Names, c.Name), append(p.linear.Cols, signedLog(col))
		use.Why = "as it is; its signed logarithm in linear models"
	default:
		p.linear.Names, p.linear.Cols = append(p.linear.Names, c.Name), append(p.linear.Cols, col)
	}
	return use
}

func (p *prepared) hasMissing(c *Column) bool {
	for i := range p.table.rows {
		if c.Missing(i) {
			return true
		}
	}
	return false
}

// countsUp tells a row number: whole numbers, each larger than the one before.
func countsUp(c *Column) bool {
	if c.Kind != Number {
		return false
	}
	for i, v := range c.Numbers {
		if v != math.Trunc(v) || (i > 0 && v <= c.Numbers[i-1]) {
			return false
		}
	}
	return true
}

// addCodes adds a category to the trees: the place of each value in sorted
// order.
func (p *prepared) addCodes(c *Column, levels []string) {
	col := make([]float32, len(c.Texts))
	for i, v := range c.Texts {
		k, _ := slices.BinarySearch(levels, v)
		col[i] = float32(k)
		if !c.Present[i] {
			col[i] = float32(math.NaN())
		}
	}
	p.trees.Names, p.trees.Cols = append(p.trees.Names, c.Name), append(p.trees.Cols, col)
}

// addIndicators adds one 0/1 column per frequent value to the linear models.
func (p *prepared) addIndicators(c *Column, levels []string) {
	count := map[string]int{}
	values := c.Strings()
	for _, v := range values {
		count[v]++
	}
	frequent := slices.Clone(levels)
	slices.SortStableFunc(frequent, func(a, b string) int { return count[b] - count[a] })
	frequent = frequent[:min(len(frequent), maxLevels)]
	slices.Sort(frequent)
	for _, level := range frequent {
		col := make([]float32, len(values))
		for i, v := range values {
			if v == level && !c.Missing(i) {
				col[i] = 1
			}
		}
		p.linear.Names = append(p.linear.Names, c.Name+"="+level)
		p.linear.Cols = append(p.linear.Cols, col)
	}
}

// skewed tells a heavy tail: a third standardised moment beyond ±2.
func skewed(v []float64) bool {
	var n, mean, m2, m3 float64
	for _, x := range v {
		if !math.IsNaN(x) {
			n++
			mean += x
		}
	}
	mean /= n
	for _, x := range v {
		if d := x - mean; !math.IsNaN(x) {
			m2 += d * d
			m3 += d * d * d
		}
	}
	return math.Abs(m3/n/math.Pow(m2/n, 1.5)) > 2
}

func signedLog(col []float32) []float32 {
	out := make([]float32, len(col))
	for i, v := range col {
		out[i] = float32(math.Copysign(math.Log1p(math.Abs(float64(v))), float64(v)))
	}
	return out
}
