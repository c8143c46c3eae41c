package pipeline

import (
	"fmt"
	"strings"
)

// columnKind is how a source column is read.
type columnKind int

const (
	kindText     columnKind = iota // any text, trimmed
	kindDay                        // DATE, or text like 2026-01-31
	kindInstant                    // TIMESTAMP, UTC unless the text has an offset
	kindCents                      // whole cents, never negative
	kindCount                      // a whole number from 0 to 2^31-1
	kindReal                       // a finite number
	kindProb                       // a number above 0, at most 1
	kindFlag                       // true or false see trueForms
	kindDocument                   // CPF or CNPJ; leaves as document_hmac
)

// trueForms and falseForms are the accepted texts of a flag, in lower case,
// beyond those that DuckDB knows: true, t, 1, yes, y and false, f, 0, no, n.
const (
	trueForms  = "'sim', 's', 'verdadeiro'"
	falseForms = "'não', 'nao', 'falso'"
)

// column is one column of a source table.
type column struct {
	name     string
	kind     columnKind
	required bool // the column must be there, and every row must have a value
	// absent and empty are the SQL of the value where an optional column is
	// not there, and where a row has no value; "" is NULL.
	absent, empty string
	upper         bool     // letters are made capital
	oneOf         []string // accepted values; nil: any
	rule          string   // the rule that a value outside oneOf breaks
}

func required(name string, kind columnKind) column {
	return column{name: name, kind: kind, required: true}
}

// optional is a column whose value is the given SQL where there is none.
func optional(name string, kind columnKind, otherwise string) column {
	return column{name: name, kind: kind, absent: otherwise, empty: otherwise}
}

// rulePrecedence is the order in which the rules about a single row are tried:
// a row is quarantined under the first that it breaks. Then come duplicate_id,
// the references and the order of days, in the order of table.between.
var rulePrecedence = [...]string{
	"missing_value", "bad_date", "bad_number", "negative_amount", "unknown_kind", "unknown_channel", "bad_probability", "bad_document",
}

// ownFaults lists the rules about a single row of the table, by precedence and
// then by column. Columns that the source lacks are in missing.
func (t table) ownFaults(missing map[string]bool) []fault {
	byRule := map[string][]fault{}
	for _, c := range t.columns {
		if missing[c.name] {
			continue
		}
		for _, f := range c.faults() {
			byRule[f.rule] = append(byRule[f.rule], f)
		}
	}
	var all []fault
	for _, rule := range rulePrecedence {
		all = append(all, byRule[rule]...)
	}
	return all
}

// faults lists the rules that a value of the column can break.
func (c column) faults() []fault {
	raw, parsed := "p."+ident(rawName(c.name)), "p."+ident(c.name)
	unread := raw + " IS NOT NULL AND " + parsed + " IS NULL"
	says := func(what string) string { return fmt.Sprintf(`'%s: ' || shown(%s) || ' %s'`, c.name, raw, what) }
	var f []fault
	if c.required {
		f = append(f, fault{"missing_value", raw + " IS NULL", quote(c.name + ": no value")})
	}
	switch c.kind {
	case kindDay:
		f = append(f, fault{"bad_date", unread, says("is not a day like 2026-01-31, from 1900 to 2199")})
	case kindInstant:
		f = append(f, fault{"bad_date", unread, says("is not an instant like 2026-01-31T10:00:00Z, from 1900 to 2199")})
	case kindCents:
		f = append(f, fault{"bad_number", unread, says("is not a whole number of cents")},
			fault{"negative_amount", parsed + " < 0", says("is negative")})
	case kindCount:
		f = append(f, fault{"bad_number", unread, says("is not a whole number from 0 on")})
	case kindReal:
		f = append(f, fault{"bad_number", unread, says("is not a number")})
	case kindProb:
		f = append(f, fault{"bad_number", unread, says("is not a number")},
			fault{"bad_probability", "NOT (" + parsed + " > 0 AND " + parsed + " <= 1)", says("is not above 0 and at most 1")})
	case kindFlag:
		f = append(f, fault{"bad_number", unread, says("is neither true nor false")})
	case kindDocument:
		f = append(f, fault{"bad_document", "starts_with(" + raw + ", 'x:')", quote(c.name + ": check digits do not match")})
	}
	if c.oneOf != nil {
		f = append(f, fault{c.rule, parsed + " NOT IN (" + quoteAll(c.oneOf) + ")",
			says("is none of " + strings.Join(c.oneOf, ", "))})
	}
	return f
}

// rawName is the name of a column's staged value beside its parsed one.
func rawName(name string) string { return "raw " + name }

func quoteAll(values []string) string {
	q := make([]string, len(values))
	for i, v := range values {
		q[i] = quote(v)
	}
	return strings.Join(q, ", ")
}

// staged is the SQL that brings a column of the source into the staging table:
// texts trimmed, empty ones as NULL, documents never as they are.
func (c column) staged(sourceType string) string {
	col := "q." + ident(c.name)
	switch {
	case c.kind == kindDocument:
		return "dunning_document(NULLIF(trim(CAST(" + col + " AS VARCHAR)), ''))"
	case keepsType(sourceType) && c.kind != kindText:
		return col
	}
	return "NULLIF(trim(CAST(" + col + " AS VARCHAR)), '')"
}

// keepsType reports whether values of the type are parsed as they are, without
// the detour over text.
func keepsType(t string) bool {
	switch t {
	case "BOOLEAN", "DATE", "TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS", "TIMESTAMP WITH TIME ZONE",
		"TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "UHUGEINT",
		"FLOAT", "DOUBLE":
		return true
	}
	return strings.HasPrefix(t, "DECIMAL")
}

// Texts that the quick ways of parsedText leave over.
const (
	dayText     = `'^\d{4}-\d{2}-\d{2}[ T]\d{2}:\d{2}.*$'`
	offsetText  = `'^\d{4}-\d{2}-\d{2}[ T]\d{2}:\d{2}(:\d{2}(\.\d+)?)?[+-]\d{2}(:?\d{2})?$'`
	integerText = `'^[+-]?\d+(\.0*)?$'`
)

// parsed is the SQL that reads the staged value, NULL where it cannot be read.
// [column.bounded] is applied to the result.
func (c column) parsed(sourceType string) string {
	col := ident(rawName(c.name))
	if c.kind == kindText || c.kind == kindDocument || !keepsType(sourceType) {
		return c.parsedText(col)
	}
	isReal := sourceType == "FLOAT" || sourceType == "DOUBLE"
	isWhole := strings.HasSuffix(sourceType, "INT") || strings.HasSuffix(sourceType, "INTEGER")
	isTime := strings.HasPrefix(sourceType, "TIMESTAMP")
	if sourceType == "TIMESTAMP WITH TIME ZONE" {
		col = "(" + col + " AT TIME ZONE 'UTC')"
	}
	switch {
	case c.kind == kindDay && (isTime || sourceType == "DATE"):
		return "TRY_CAST(" + col + " AS DATE)"
	case c.kind == kindInstant && (isTime || sourceType == "DATE"):
		return "TRY_CAST(" + col + " AS TIMESTAMP)"
	case c.kind == kindFlag && sourceType == "BOOLEAN":
		return col
	case (c.kind == kindCents || c.kind == kindCount) && isWhole:
		return "TRY_CAST(" + col + " AS BIGINT)"
	case (c.kind == kindCents || c.kind == kindCount) && isReal:
		return "CASE WHEN isfinite(" + col + ") AND " + col + " = trunc(" + col + ") THEN TRY_CAST(" + col + " AS BIGINT) END"
	case (c.kind == kindReal || c.kind == kindProb) && (isReal || isWhole || strings.HasPrefix(sourceType, "DECIMAL")):
		return "TRY_CAST(" + col + " AS DOUBLE)"
	}
	return c.parsedText("CAST(" + col + " AS VARCHAR)")
}

// parsedText reads a value from text. DuckDB's own casts are quick but read
// more than we mean: they take "epoch" for a day, drop offsets, round fractions
// and know hexadecimals. So the usual forms are recognised cheaply, and patterns
// decide about the rest.
func (c column) parsedText(t string) string {
	switch c.kind {
	case kindDay:
		return "CASE WHEN length(" + t + ") = 10 AND " + t + "[5] = '-' AND " + t + "[8] = '-' THEN TRY_CAST(" + t + " AS DATE)" +
			" WHEN regexp_matches(" + t + ", " + dayText + ") THEN TRY_CAST(left(" + t + ", 10) AS DATE) END"
	case kindInstant:
		return "CASE WHEN " + t + "[5] <> '-' OR " + t + "[8] <> '-' THEN NULL" +
			" WHEN length(" + t + ") = 10 THEN TRY_CAST(" + t + " AS TIMESTAMP)" +
			" WHEN " + t + "[11] NOT IN ('T', ' ') THEN NULL" +
			" WHEN NOT contains(" + t + ", '+') AND NOT contains(substr(" + t + ", 12), '-') THEN TRY_CAST(" + t + " AS TIMESTAMP)" +
			" WHEN regexp_matches(" + t + ", " + offsetText + ") THEN TRY_CAST(" + t + " AS TIMESTAMPTZ) AT TIME ZONE 'UTC' END"
	case kindCents, kindCount:
		return "CASE WHEN CAST(TRY_CAST(" + t + " AS BIGINT) AS VARCHAR) = " + t + " THEN TRY_CAST(" + t + " AS BIGINT)" +
			" WHEN regexp_matches(" + t + ", " + integerText + ") THEN TRY_CAST(split_part(" + t + ", '.', 1) AS BIGINT) END"
	case kindReal, kindProb:
		return "TRY_CAST(" + t + " AS DOUBLE)"
	case kindFlag:
		return "coalesce(TRY_CAST(" + t + " AS BOOLEAN), CASE WHEN lower(" + t + ") IN (" + trueForms + ") THEN true WHEN lower(" + t + ") IN (" + falseForms + ") THEN false END)"
	}
	if c.upper {
		return "upper(" + t + ")"
	}
	return t
}

// bounded is the SQL that drops parsed values which can only be slips, or which
// the column cannot hold; x is the parsed value.
func (c column) bounded(x string) string {
	switch c.kind {
	case kindDay, kindInstant:
		return "CASE WHEN " + x + " >= DATE '1900-01-01' AND " + x + " < DATE '2200-01-01' THEN " + x + " END"
	case kindCount:
		return "CASE WHEN " + x + " BETWEEN 0 AND 2147483647 THEN CAST(" + x + " AS INTEGER) END"
	case kindReal, kindProb:
		return "CASE WHEN isfinite(" + x + ") THEN " + x + " END"
	}
	return x
}

// shownMacro is the SQL function that puts a value into a message.
const shownMacro = `CREATE MACRO shown(x) AS '"' || left(CAST(x AS VARCHAR), 60) || '"'`

// sqlType is the type of the column in the lake.
func (c column) sqlType() string {
	switch c.kind {
	case kindDay:
		return "DATE"
	case kindInstant:
		return "TIMESTAMP"
	case kindCents:
		return "BIGINT"
	case kindCount:
		return "INTEGER"
	case kindReal, kindProb:
		return "DOUBLE"
	case kindFlag:
		return "BOOLEAN"
	}
	return "VARCHAR"
}

// output is the column's name in the lake.
func (c column) output() string {
	if c.kind == kindDocument {
		return "document_hmac"
	}
	return c.name
}

// value is the SQL of the output, defaults filled in.
func (c column) value(missing bool) string {
	otherwise := c.empty
	if missing {
		otherwise = c.absent
	}
	if otherwise == "" {
		otherwise = "NULL"
	}
	expr := otherwise
	if !missing {
		read := "p." + ident(c.name)
		if c.kind == kindDocument {
			read = "substr(" + read + ", 3)"
		}
		expr = "COALESCE(" + read + ", " + otherwise + ")"
	}
	return "CAST(" + expr + " AS " + c.sqlType() + ") AS " + ident(c.output())
}
