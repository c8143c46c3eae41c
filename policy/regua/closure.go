package regua

import (
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
)

// Audiences are asked of every customer: a hundred réguas over a million of them
// are a hundred million questions. What conditions are mostly made of
// (comparisons, lists, &&, ||, !, ?:) cannot fail, so it is made into closures
// that say what CEL's interpreter says some fifty times as fast; an expression
// with anything else is left to the interpreter as a whole.

// closures makes closures of one checked expression.
type closures struct{ checked *ast.AST }

// closureOf returns the condition as a closure, nil where a part of it has none.
func closureOf(a *cel.Ast) func(*Row) bool {
	c := closures{a.NativeRep()}
	return c.flag(c.checked.Expr())
}

func (c closures) typeOf(e ast.Expr) ColumnType {
	switch c.checked.GetType(e.ID()) {
	case types.IntType:
		return Int
	case types.StringType:
		return Text
	case types.DoubleType:
		return Number
	case types.BoolType:
		return Flag
	}
	return ""
}

// flag makes a closure of a condition.
func (c closures) flag(e ast.Expr) func(*Row) bool {
	switch e.Kind() {
	case ast.LiteralKind:
		if v, ok := e.AsLiteral().(types.Bool); ok {
			return func(*Row) bool { return bool(v) }
		}
	case ast.IdentKind:
		if col := columnOf(e.AsIdent()); col != nil && col.Type == Flag {
			at := col.at
			return func(r *Row) bool { return r.flag[at] }
		}
	case ast.CallKind:
		return c.call(e.AsCall())
	}
	return nil
}

func (c closures) call(call ast.CallExpr) func(*Row) bool {
	args := call.Args()
	switch name := call.FunctionName(); name {
	case operators.LogicalNot:
		if f := c.flag(args[0]); f != nil {
			return func(r *Row) bool { return !f(r) }
		}
	case operators.LogicalAnd, operators.LogicalOr:
		return logical(name == operators.LogicalAnd, c.flag(args[0]), c.flag(args[1]))
	case operators.Conditional:
		test, yes, no := c.flag(args[0]), c.flag(args[1]), c.flag(args[2])
		if test != nil && yes != nil && no != nil {
			return func(r *Row) bool {
				if test(r) {
					return yes(r)
				}
				return no(r)
			}
		}
	case operators.In:
		return c.in(args[0], args[1])
	case operators.Equals, operators.NotEquals, operators.Less, operators.LessEquals, operators.Greater, operators.GreaterEquals:
		return c.compare(name, args[0], args[1])
	case "startsWith", "endsWith", "contains":
		return c.search(name, call)
	}
	return nil
}

func logical(and bool, a, b func(*Row) bool) func(*Row) bool {
	switch {
	case a == nil || b == nil:
		return nil
	case and:
		return func(r *Row) bool { return a(r) && b(r) }
	}
	return func(r *Row) bool { return a(r) || b(r) }
}

func (c closures) compare(name string, a, b ast.Expr) func(*Row) bool {
	kind := c.typeOf(a)
	if kind != c.typeOf(b) {
		return nil
	}
	switch kind {
	case Int:
		return compared(name, c.int(a), c.int(b))
	case Text:
		return compared(name, c.text(a), c.text(b))
	case Number:
		return compared(name, c.number(a), c.number(b))
	case Flag:
		x, y := c.flag(a), c.flag(b)
		if x == nil || y == nil {
			return nil
		}
		switch name {
		case operators.Equals:
			return func(r *Row) bool { return x(r) == y(r) }
		case operators.NotEquals:
			return func(r *Row) bool { return x(r) != y(r) }
		}
	}
	return nil
}

// compared compares two values; NaN is unequal to everything, as in CEL.
func compared[T int64 | string | float64](name string, a, b func(*Row) T) func(*Row) bool {
	if a == nil || b == nil {
		return nil
	}
	switch name {
	case operators.Equals:
		return func(r *Row) bool { return a(r) == b(r) }
	case operators.NotEquals:
		return func(r *Row) bool { return a(r) != b(r) }
	case operators.Less:
		return func(r *Row) bool { return a(r) < b(r) }
	case operators.LessEquals:
		return func(r *Row) bool { return a(r) <= b(r) }
	case operators.Greater:
		return func(r *Row) bool { return a(r) > b(r) }
	}
	return func(r *Row) bool { return a(r) >= b(r) }
}

// in looks a value up in a list of literals.
func (c closures) in(value, list ast.Expr) func(*Row) bool {
	if list.Kind() != ast.ListKind {
		return nil
	}
	texts, whole := map[string]bool{}, map[int64]bool{}
	for _, e := range list.AsList().Elements() {
		if e.Kind() != ast.LiteralKind {
			return nil
		}
		switch v := e.AsLiteral().(type) {
		case types.String:
			texts[string(v)] = true
		case types.Int:
			whole[int64(v)] = true
		default:
			return nil
		}
	}
	switch c.typeOf(value) {
	case Text:
		if f := c.text(value); f != nil && len(whole) == 0 {
			return func(r *Row) bool { return texts[f(r)] }
		}
	case Int:
		if f := c.int(value); f != nil && len(texts) == 0 {
			return func(r *Row) bool { return whole[f(r)] }
		}
	}
	return nil
}

// search makes a closure of text.startsWith(part) and its like.
func (c closures) search(name string, call ast.CallExpr) func(*Row) bool {
	if !call.IsMemberFunction() || len(call.Args()) != 1 {
		return nil
	}
	text, part := c.text(call.Target()), c.text(call.Args()[0])
	if text == nil || part == nil {
		return nil
	}
	find := map[string]func(string, string) bool{"startsWith": strings.HasPrefix, "endsWith": strings.HasSuffix, "contains": strings.Contains}[name]
	return func(r *Row) bool { return find(text(r), part(r)) }
}

func (c closures) int(e ast.Expr) func(*Row) int64 {
	switch e.Kind() {
	case ast.LiteralKind:
		if v, ok := e.AsLiteral().(types.Int); ok {
			return func(*Row) int64 { return int64(v) }
		}
	case ast.IdentKind:
		if col := columnOf(e.AsIdent()); col != nil && col.Type == Int {
			at := col.at
			return func(r *Row) int64 { return r.int[at] }
		}
	}
	return nil
}

func (c closures) text(e ast.Expr) func(*Row) string {
	switch e.Kind() {
	case ast.LiteralKind:
		if v, ok := e.AsLiteral().(types.String); ok {
			return func(*Row) string { return string(v) }
		}
	case ast.IdentKind:
		if col := columnOf(e.AsIdent()); col != nil && col.Type == Text {
			at := col.at
			return func(r *Row) string { return r.text[at] }
		}
	}
	return nil
}

func (c closures) number(e ast.Expr) func(*Row) float64 {
	switch e.Kind() {
	case ast.LiteralKind:
		if v, ok := e.AsLiteral().(types.Double); ok {
			return func(*Row) float64 { return float64(v) }
		}
	case ast.IdentKind:
		if col := columnOf(e.AsIdent()); col != nil && col.Type == Number {
			at := col.at
			return func(r *Row) float64 { return r.number[at] }
		}
	}
	return nil
}
