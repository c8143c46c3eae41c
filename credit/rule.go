package credit

import (
	"fmt"
	"math"
	"regexp"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"

	"dunning/data"
)

// Bounds of one condition, those of réguas: no macro, so no loop; what is left
// is bounded by its length and by a cost.
const (
	mostRunes = 2000
	mostDepth = 60
	mostCost  = 20_000
)

// ColumnDoc is a name that the conditions of knock-outs may use beside the
// features of the model (numbers as double, categories as string; NaN and "" for
// unknown).
type ColumnDoc struct{ Name, Type, Doc string }

// columns are the built-in names, in the order of the documentation.
var columns = []ColumnDoc{
	{"stage", "string", "before, at or after the sale"},
	{"requested_cents", "int", "what is asked for, 0 for as much as there may be"},
	{"term_months", "int", "of the application, else of the policy"},
	{"income_cents", "int", "monthly income, -1 when unknown"},
	{"committed_cents", "int", "monthly commitments"},
	{"known_share", "double", "share of the model's features that are known"},
	{"bureau_score", "double", "of a fresh report, -1.0 without one"},
	{"negative_records", "int", "of a fresh report, -1 without one"},
	{"history_invoices", "int", "invoices that were due, -1 without a history"},
	{"history_months", "int", "months since the first was due, -1 without a history"},
	{"history_late_share", "double", "share of them paid late or late now, -1.0 without a history"},
	{"history_worst_days", "int", "most days past due of any, -1 without a history"},
	{"history_overdue_cents", "int", "past due and unpaid"},
}

// Columns returns the built-in names of conditions.
func Columns() []ColumnDoc { return append([]ColumnDoc(nil), columns...) }

// rule is a knock-out that is ready to be asked.
type rule struct {
	KnockOut
	program cel.Program
}

var celTypes = map[string]*cel.Type{"int": cel.IntType, "string": cel.StringType, "double": cel.DoubleType}

// identifier is what CEL can name; other features are out of reach of rules.
var identifier = regexp.MustCompile(`^[a-zA-Z_][a-zA-Z0-9_]*$`)

// compileRules makes the knock-outs ready for the features of a model.
func compileRules(p *Policy, m *Model) (out []rule, faults []string) {
	options := []cel.EnvOption{cel.StdLib(), cel.ClearMacros(), cel.ParserRecursionLimit(mostDepth), cel.ParserExpressionSizeLimit(mostRunes)}
	taken := map[string]bool{}
	for _, c := range columns {
		options = append(options, cel.Variable(c.Name, celTypes[c.Type]))
		taken[c.Name] = true
	}
	for _, f := range m.Features {
		if !identifier.MatchString(f.Name) || taken[f.Name] {
			continue
		}
		kind := cel.DoubleType
		if f.Levels != nil {
			kind = cel.StringType
		}
		options = append(options, cel.Variable(f.Name, kind))
	}
	env, err := cel.NewCustomEnv(options...)
	if err != nil {
		return nil, []string{err.Error()}
	}
	for _, k := range p.KnockOuts {
		program, fault := compileRule(env, k.When)
		if fault != "" {
			faults = append(faults, fmt.Sprintf("knock_outs %s: %s", k.ID, fault))
			continue
		}
		out = append(out, rule{k, program})
	}
	return out, faults
}

func compileRule(env *cel.Env, text string) (cel.Program, string) {
	if n := len([]rune(text)); n > mostRunes || strings.TrimSpace(text) == "" {
		return nil, fmt.Sprintf("a condition of %d characters; 1 to %d", n, mostRunes)
	}
	checked, issues := env.Compile(text)
	if issues.Err() != nil {
		return nil, strings.Join(strings.Fields(issues.Err().Error()), " ")
	}
	if checked.OutputType() != cel.BoolType {
		return nil, fmt.Sprintf("the condition is a %s, not true or false", checked.OutputType())
	}
	program, err := env.Program(checked, cel.CostLimit(mostCost))
	if err != nil {
		return nil, err.Error()
	}
	return program, ""
}

// holds asks the rule. A condition that fails on an application (an overflow, a
// division by zero) is an error: nobody is declined by accident.
func (r *rule) holds(values map[string]any) (bool, error) {
	v, _, err := r.program.Eval(values)
	if err != nil {
		return false, fmt.Errorf("credit: knock-out %s: %w: %w", r.ID, data.ErrBadInput, err)
	}
	return v == types.True, nil
}

// ruleValues are the columns of one application.
func (a *Analyst) ruleValues(c *subject) map[string]any {
	r := c.request
	values := map[string]any{
		"stage": string(r.Stage), "requested_cents": int64(r.RequestedCents), "term_months": int64(c.term),
		"income_cents": int64(-1), "committed_cents": int64(r.CommittedCents), "known_share": c.knownShare,
		"bureau_score": -1.0, "negative_records": int64(-1),
		"history_invoices": int64(c.history.invoices), "history_months": int64(c.history.months),
		"history_late_share": c.history.lateShare, "history_worst_days": int64(c.history.worstDays),
		"history_overdue_cents": int64(c.history.overdue),
	}
	if r.IncomeCents != nil {
		values["income_cents"] = int64(*r.IncomeCents)
	}
	if c.fresh != nil {
		values["bureau_score"], values["negative_records"] = c.fresh.Score, int64(c.fresh.NegativeRecords)
	}
	for j, f := range a.model.Features {
		if _, taken := values[f.Name]; taken {
			continue
		}
		v := c.row[j]
		switch {
		case f.Levels == nil:
			values[f.Name] = float64(v)
		case math.IsNaN(float64(v)):
			values[f.Name] = ""
		default:
			values[f.Name] = f.Levels[int(v)]
		}
	}
	return values
}
