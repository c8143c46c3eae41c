package web

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"dunning/policy/regua"
)

// reguaFault is what is wrong with a field of the editor.
type reguaFault struct {
	Field        string `json:"field"` // name of the field, "" for the whole
	Line, Column int    `json:"-"`
	At           int    `json:"at"`   // place in the field, in characters from 0; -1 for none
	Text         string `json:"text"` // in the person's language
	key          string // of its words, while Text is empty
}

// faultsOf lists what is wrong with a form, in the order of the fields. The régua
// is ready to be saved where there is nothing.
func (v *visit) faultsOf(f *reguaForm) (*regua.Regua, []reguaFault, error) {
	r, at, faults := f.read()
	for i := range faults {
		faults[i].Text, faults[i].At = v.say(faults[i].key), -1
	}
	seen := map[string]bool{}
	for _, one := range faults {
		seen[one.Field] = true
	}
	for _, text := range r.Faults() {
		if fault := v.structureFault(text, at); fault.Field == "" || !seen[fault.Field] {
			faults = append(faults, fault)
		}
	}
	check := func(field, text string, ofInvoice bool) error {
		places, err := regua.Check(text, ofInvoice)
		for _, p := range places {
			faults = append(faults, v.conditionFault(field, text, p))
		}
		return err
	}
	if err := check(audienceField, f.Audience, false); err != nil {
		return nil, nil, err
	}
	for i, s := range f.Stop {
		if err := check(fmt.Sprintf("%s%d", stopField, i), s, true); err != nil {
			return nil, nil, err
		}
	}
	for _, s := range f.Steps {
		if err := check(s.field("se"), s.When, true); err != nil {
			return nil, nil, err
		}
	}
	return r, faults, nil
}

// structureFaults are the faults of a régua beside its conditions: what package
// regua says, the field, and the words.
var structureFaults = []struct {
	pattern    *regexp.Regexp
	field, key string
}{
	{regexp.MustCompile(`^regua: id `), idField, "regua.f_id"},
	{regexp.MustCompile(`^title: `), titleField, "regua.f_title"},
	{regexp.MustCompile(`^mode: `), modeField, "regua.f_choice"},
	{regexp.MustCompile(`^catch_up_days: `), catchUpField, "regua.f_catch_up"},
	{regexp.MustCompile(`^min_gap_days: `), minGapField, "regua.f_min_gap"},
	{regexp.MustCompile(`^after_partial_payment: `), partialField, "regua.f_choice"},
	{regexp.MustCompile(`^steps: none`), "", "regua.f_no_steps"},
	{regexp.MustCompile(`^steps: \d+, at most`), "", "regua.f_many_steps"},
	{regexp.MustCompile(`: its id is taken`), ".id", "regua.f_step_id"},
	{regexp.MustCompile(`: template .* is another step's`), ".modelo", "regua.f_template_twice"},
	{regexp.MustCompile(`: a template's name is`), ".modelo", "regua.f_template"},
	{regexp.MustCompile(`: anchor `), ".ancora", "regua.f_choice"},
	{regexp.MustCompile(`: offset -?\d+ is not within`), ".dias", "regua.f_offset"},
	{regexp.MustCompile(`: nothing is known before a payment`), ".dias", "regua.f_payment"},
	{regexp.MustCompile(`: channels: none`), ".canal", "regua.f_channels"},
	{regexp.MustCompile(`: unknown channel`), ".canal", "regua.f_choice"},
}

var stepOfFault = regexp.MustCompile(`^steps\[(\d+)\]`)

// structureFault says a fault in the person's language, at its field. at tells
// which step of the form each of the régua's was.
func (v *visit) structureFault(text string, at []int) reguaFault {
	for _, known := range structureFaults {
		if !known.pattern.MatchString(text) {
			continue
		}
		fault := reguaFault{Field: known.field, At: -1, Text: v.say(known.key)}
		if m := stepOfFault.FindStringSubmatch(text); m != nil {
			if i, err := strconv.Atoi(m[1]); err == nil && i < len(at) {
				fault.Field = fmt.Sprintf("p%d%s", at[i], known.field)
			}
		}
		return fault
	}
	return reguaFault{At: -1, Text: text}
}

// conditionWords are what CEL says, with the words for it; a group of the pattern
// fills a verb of the words.
var conditionWords = []struct {
	pattern *regexp.Regexp
	key     string
}{
	{regexp.MustCompile(`undeclared reference to '([^']*)'`), "regua.c_undeclared"},
	{regexp.MustCompile(`no matching overload for '([^']*)' applied to '\((.*)\)'`), "regua.c_overload"},
	{regexp.MustCompile(`expected type '([^']*)' but found '([^']*)'`), "regua.c_expected"},
	{regexp.MustCompile(`type '([^']*)' does not support field selection`), "regua.c_field"},
	{regexp.MustCompile(`the condition is a (\S+), not true or false`), "regua.c_type"},
	{regexp.MustCompile(`a condition of (\d+) characters`), "regua.c_long"},
	{regexp.MustCompile(`Syntax error: `), "regua.c_syntax"},
	// Hints.
	{regexp.MustCompile(`^did you mean (\S+)\?$`), "regua.h_near"},
	{regexp.MustCompile(`^it belongs to an invoice`), "regua.h_invoice"},
	{regexp.MustCompile(`lists the columns$`), "regua.h_columns"},
	{regexp.MustCompile(`^write the whole number with a point`), "regua.h_point"},
	{regexp.MustCompile(`^a text stands in quotes`), "regua.h_quotes"},
	{regexp.MustCompile(`needs two values of one type$`), "regua.h_types"},
	{regexp.MustCompile(`^compare it with something$`), "regua.h_compare"},
	{regexp.MustCompile(`^at most 2000$`), "regua.h_long"},
	{regexp.MustCompile(`^conditions look like: `), "regua.h_example"},
}

// operatorMarks are what CEL puts into the names of operators.
var operatorMarks = strings.NewReplacer("_", "", "@", "")

// conditionWord says something of CEL in the person's language; what is not known
// stays as it is.
func (v *visit) conditionWord(text string) string {
	for _, known := range conditionWords {
		m := known.pattern.FindStringSubmatch(text)
		if m == nil {
			continue
		}
		args := make([]any, len(m)-1)
		for i, s := range m[1:] {
			args[i] = s
			if known.key == "regua.c_overload" {
				args[i] = operatorMarks.Replace(s) // "_>_" is ">"
			}
		}
		return v.say(known.key, args...)
	}
	return text
}

// conditionFault says a fault of a condition, with its place and what to do.
func (v *visit) conditionFault(field, text string, p regua.FaultPlace) reguaFault {
	f := reguaFault{Field: field, Line: p.Line, Column: p.Column, At: placeIn(text, p.Line, p.Column)}
	f.Text = v.say("regua.c_place", max(1, p.Line), max(1, p.Column)) + " " + v.conditionWord(p.What)
	if !strings.HasSuffix(f.Text, ".") {
		f.Text += "."
	}
	if p.Hint != "" {
		f.Text += " " + v.conditionWord(p.Hint)
	}
	return f
}

// placeIn is the place of a line and column, both from 1, in characters from 0.
func placeIn(text string, line, column int) int {
	at := 0
	for i, s := range strings.Split(text, "\n") {
		n := len([]rune(s))
		if i == max(1, line)-1 {
			return at + min(max(1, column)-1, n)
		}
		at += n + 1
	}
	return max(0, at-1)
}
