package regua

import (
	"fmt"
	"regexp"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"go.yaml.in/yaml/v3"

	"dunning/data"
)

// Bounds of one expression: no macro, so no loop; what is left is bounded by
// its length, and by a cost where it is not made into closures.
const (
	mostRunes = 2000
	mostDepth = 60
	mostCost  = 20_000
)

// Expression is a condition in CEL, the Common Expression Language, with where
// it stands in its file.
type Expression struct {
	Text         string
	line, column int // of the first character, from 1; 0 when not from a file
	block        bool
	match        func(*Row) (bool, error)
}

// UnmarshalYAML keeps the text and its place.
func (x *Expression) UnmarshalYAML(n *yaml.Node) error {
	if n.Kind != yaml.ScalarNode {
		return fmt.Errorf("line %d: a condition is a text in CEL", n.Line)
	}
	*x = Expression{Text: n.Value, line: n.Line, column: n.Column}
	switch n.Style {
	case yaml.SingleQuotedStyle, yaml.DoubleQuotedStyle:
		x.column++
	case yaml.LiteralStyle, yaml.FoldedStyle:
		x.block = true
	}
	return nil
}

// MarshalYAML writes the text.
func (x Expression) MarshalYAML() (any, error) { return x.Text, nil }

// MarshalText writes the text, for JSON.
func (x Expression) MarshalText() ([]byte, error) { return []byte(x.Text), nil }

// Match reports whether the condition holds; an empty one always does. An
// expression that fails on a row (an overflow, a division by zero) does not hold
// and says why.
func (x *Expression) Match(r *Row) (bool, error) {
	if x.match == nil {
		return x.Text == "", nil
	}
	return x.match(r)
}

// FaultPlace is a fault of an expression with its place and what to do.
type FaultPlace struct {
	Line, Column int // from 1
	What         string
	Hint         string // "" when there is none
}

func (f FaultPlace) String() string {
	s := fmt.Sprintf("line %d, column %d: %s", f.Line, f.Column, f.What)
	if f.Hint != "" {
		s += "; " + f.Hint
	}
	return s
}

// languages are the environments of the audience and of what is asked about an
// invoice.
type languages struct{ audience, step *cel.Env }

func newLanguages() (l languages, err error) {
	if l.audience, err = newEnv(false); err != nil {
		return l, err
	}
	l.step, err = newEnv(true)
	return l, err
}

func newEnv(ofInvoice bool) (*cel.Env, error) {
	options := []cel.EnvOption{cel.StdLib(), cel.ClearMacros(), cel.ParserRecursionLimit(mostDepth), cel.ParserExpressionSizeLimit(mostRunes)}
	kinds := map[ColumnType]*cel.Type{Int: cel.IntType, Text: cel.StringType, Number: cel.DoubleType, Flag: cel.BoolType}
	for _, c := range columns {
		if ofInvoice || !c.OfInvoice {
			options = append(options, cel.Variable(c.Name, kinds[c.Type]))
		}
	}
	env, err := cel.NewCustomEnv(options...)
	if err != nil {
		return nil, fmt.Errorf("regua: %w", err)
	}
	return env, nil
}

// compile makes the expression ready, or returns its faults.
func (x *Expression) compile(env *cel.Env) []FaultPlace {
	if strings.TrimSpace(x.Text) == "" {
		x.Text = ""
		return nil
	}
	if n := len([]rune(x.Text)); n > mostRunes {
		return []FaultPlace{{x.line, x.column, fmt.Sprintf("a condition of %d characters", n), fmt.Sprintf("at most %d", mostRunes)}}
	}
	checked, issues := env.Compile(x.Text)
	if issues.Err() != nil {
		var out []FaultPlace
		for _, e := range issues.Errors() {
			out = append(out, x.place(e.Location.Line(), e.Location.Column(), e.Message))
		}
		return out
	}
	if checked.OutputType() != cel.BoolType {
		return []FaultPlace{{x.line, x.column, fmt.Sprintf("the condition is a %s, not true or false", checked.OutputType()), "compare it with something"}}
	}
	if f := closureOf(checked); f != nil {
		x.match = func(r *Row) (bool, error) { return f(r), nil }
		return nil
	}
	program, err := env.Program(checked, cel.CostLimit(mostCost))
	if err != nil {
		return []FaultPlace{{x.line, x.column, err.Error(), ""}}
	}
	x.match = func(r *Row) (bool, error) {
		v, _, err := program.Eval(activation{r})
		if err != nil {
			return false, fmt.Errorf("regua: %w: %q: %w", data.ErrBadInput, x.Text, err)
		}
		return v == types.True, nil
	}
	return nil
}

// place turns a place within the expression into one of the file. CEL counts
// lines from 1 and columns from 0.
func (x *Expression) place(line, column int, message string) FaultPlace {
	line, column = max(1, line), max(0, column) // bounds that are exceeded have no place
	f := FaultPlace{Line: max(1, x.line) + line - 1, Column: column + 1, What: strings.TrimSuffix(message, " (in container '')"), Hint: hint(message)}
	switch {
	case x.block:
		f.Line++ // the text begins on the line after the | or >
	case line <= 1:
		f.Column = max(1, x.column) + column
	}
	return f
}

var (
	undeclared = regexp.MustCompile(`undeclared reference to '([^']*)'`)
	overload   = regexp.MustCompile(`no matching overload for '([^']*)' applied to '\(([^)]*)\)'`)
)

// hint says what to do about a fault.
func hint(message string) string {
	if m := undeclared.FindStringSubmatch(message); m != nil {
		if near := nearestColumn(m[1]); near == m[1] {
			return "it belongs to an invoice, so only a step's when and stop know it"
		} else if near != "" {
			return fmt.Sprintf("did you mean %s?", near)
		}
		return "dunning reguas library --columns lists the columns"
	}
	if m := overload.FindStringSubmatch(message); m != nil {
		switch kinds := strings.ReplaceAll(m[2], " ", ""); {
		case kinds == "double,int" || kinds == "int,double":
			return "write the whole number with a point: 1.0"
		case strings.Contains(kinds, "string") && strings.Contains(kinds, "int"):
			return "a text stands in quotes, a number does not"
		default:
			return fmt.Sprintf("%s needs two values of one type", strings.Trim(m[1], "_@"))
		}
	}
	if strings.Contains(message, "Syntax error") {
		return `conditions look like: days_past_due > 5 && segment in ["gold", "new"]`
	}
	return ""
}

// activation hands a row to CEL.
type activation struct{ row *Row }

// ResolveName returns the value of a column.
func (a activation) ResolveName(name string) (any, bool) {
	c := columnOf(name)
	if c == nil {
		return nil, false
	}
	switch c.Type {
	case Int:
		return types.Int(a.row.int[c.at]), true
	case Text:
		return types.String(a.row.text[c.at]), true
	case Number:
		return types.Double(a.row.number[c.at]), true
	}
	return types.Bool(a.row.flag[c.at]), true
}

// Parent returns nil: there is nothing beyond the columns.
func (a activation) Parent() cel.Activation { return nil }
