package foreign

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"dunning/data"
)

// arms are the options of a treatment column: the control first, then the
// others sorted by name.
type arms struct {
	column string
	names  []string // names[0] is the control
	option []int    // of each row
}

// treatments returns the names without the control's.
func (a *arms) treatments() []string { return a.names[1:] }

// readArms reads the treatment column. A control that no row has is kept as
// an arm without rows: what depends on it will be refused, not misread.
func readArms(t *Table, r Roles) (*arms, error) {
	c, err := t.Column(r.Treatment, "treatment")
	if err != nil {
		return nil, err
	}
	for i := range t.rows {
		if c.Missing(i) {
			return nil, fmt.Errorf("%w: %s row %d: the treatment %s is empty; filter such rows out with a query", data.ErrBadInput, t.Source, i+1, c.Name)
		}
	}
	levels := c.Levels()
	if len(levels) > maxArms {
		return nil, fmt.Errorf("%w: the treatment %s of %s has %d values; at most %d can be compared", data.ErrBadInput, c.Name, t.Source, len(levels), maxArms)
	}
	a := &arms{column: c.Name, names: []string{matchLevel(levels, r.Control)}}
	for _, l := range levels {
		if l != a.names[0] {
			a.names = append(a.names, l)
		}
	}
	values := c.Strings()
	place := map[string]int{}
	for k, name := range a.names {
		place[name] = k
	}
	a.option = make([]int, t.rows)
	for i, v := range values {
		a.option[i] = place[v]
	}
	return a, nil
}

// maxArms bounds the arms of a treatment: a column with more is a number or an
// identifier.
const maxArms = 200

// matchLevel finds what a person means by a value: the same text, the same
// regardless of case, the same number, or true and false for 1 and 0. A value
// that is no level is returned as it is.
func matchLevel(levels []string, value string) string {
	if slices.Contains(levels, value) {
		return value
	}
	for _, l := range levels {
		if strings.EqualFold(l, value) {
			return l
		}
	}
	number, err := strconv.ParseFloat(value, 64)
	if err != nil {
		truth, err := strconv.ParseBool(strings.ToLower(value))
		if err != nil {
			return value
		}
		number = 0
		if truth {
			number = 1
		}
	}
	for _, l := range levels {
		if v, err := strconv.ParseFloat(l, 64); err == nil && v == number {
			return l
		}
	}
	return value
}

// indexOf returns the arm that a value means, or −1.
func (a *arms) indexOf(value string) int { return slices.Index(a.names, matchLevel(a.names, value)) }

// describe lists the arms for messages.
func (a *arms) describe() string {
	quoted := make([]string, len(a.names))
	for k, n := range a.names {
		quoted[k] = strconv.Quote(n)
	}
	return "control " + quoted[0] + ", then " + strings.Join(quoted[1:], ", ")
}

// readTreatProb reads the logged probabilities: of the chosen arm alone, or of
// every arm; both nil when the roles name none. The columns' names come along,
// for they are no features.
func readTreatProb(t *Table, r Roles, a *arms) (chosen []float64, all [][]float64, columns []string, err error) {
	if len(r.TreatProb) == 0 {
		return nil, nil, nil, nil
	}
	number := func(name string) ([]float64, error) {
		c, err := t.Column(name, "treat-prob")
		if err != nil {
			return nil, err
		}
		if c.Kind != Number {
			return nil, fmt.Errorf("%w: treat-prob column %s of %s is not a number", data.ErrBadInput, c.Name, t.Source)
		}
		columns = append(columns, c.Name)
		return c.Numbers, nil
	}
	if strings.Contains(r.TreatProb[0], "=") {
		all, err = pairedProb(t, r, a, number)
		return nil, all, columns, err
	}
	if len(r.TreatProb) == 1 {
		chosen, err = number(r.TreatProb[0])
		return chosen, nil, columns, err
	}
	if len(r.TreatProb) != len(a.names) {
		return nil, nil, nil, fmt.Errorf("%w: %d treat-prob columns for %d arms: name one column (the probability of each row's own arm), one per arm in the order %s, or VALUE=COLUMN pairs",
			data.ErrUsage, len(r.TreatProb), len(a.names), a.describe())
	}
	for _, name := range r.TreatProb {
		p, err := number(name)
		if err != nil {
			return nil, nil, nil, err
		}
		all = append(all, p)
	}
	return nil, all, columns, nil
}

// pairedProb reads VALUE=COLUMN pairs; the one arm that may be left out gets
// what the others leave.
func pairedProb(t *Table, r Roles, a *arms, number func(string) ([]float64, error)) ([][]float64, error) {
	all := make([][]float64, len(a.names))
	for _, pair := range r.TreatProb {
		cut := strings.LastIndex(pair, "=")
		if cut < 0 {
			return nil, fmt.Errorf("%w: treat-prob %q is not VALUE=COLUMN like the others", data.ErrUsage, pair)
		}
		arm := a.indexOf(pair[:cut])
		if arm < 0 || all[arm] != nil {
			return nil, fmt.Errorf("%w: treat-prob %q: name each arm of %s once (%s)", data.ErrUsage, pair, a.column, a.describe())
		}
		p, err := number(pair[cut+1:])
		if err != nil {
			return nil, err
		}
		all[arm] = p
	}
	rest := slices.IndexFunc(all, func(p []float64) bool { return p == nil })
	if rest < 0 {
		return all, nil
	}
	missing := make([]float64, t.rows)
	for i := range missing {
		missing[i] = 1
		for k, p := range all {
			if k == rest {
				continue
			}
			if p == nil {
				return nil, fmt.Errorf("%w: treat-prob leaves out more than one of the arms %s", data.ErrUsage, a.describe())
			}
			missing[i] -= p[i]
		}
	}
	all[rest] = missing
	return all, nil
}
