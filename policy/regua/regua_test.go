package regua_test

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"dunning/data"
	"dunning/policy/regua"
)

func TestLibraryIsValid(t *testing.T) {
	names := regua.Library()
	if len(names) != 5 {
		t.Fatalf("the library has %v", names)
	}
	for _, name := range names {
		b, err := regua.FromLibrary(name)
		if err != nil {
			t.Fatal(err)
		}
		r, err := regua.Parse(b)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if r.ID != name || len(r.Steps) < 3 {
			t.Errorf("%s calls itself %s and has %d steps", name, r.ID, len(r.Steps))
		}
	}
	if _, err := regua.FromLibrary("b3b"); !errors.Is(err, data.ErrUsage) {
		t.Errorf("an unknown name: %v", err)
	}
}

// good is a valid régua; each case below breaks one line of it.
const good = `regua: teste
title: Teste
mode: replace
audience: days_past_due > 5 && segment in ["gold", "new"]
stop:
  - "promise_open"
steps:
  - id: um
    offset: 1
    channels: [sms]
    when: invoice_cents >= 5000
  - id: dois
    offset: 5
    channels: [voice, sms]
    hours: 09:00-12:00
    when: |
      product == "boleto" &&
      weekday != 1
`

func TestFaultsAreNamedWithTheirPlace(t *testing.T) {
	cases := []struct{ name, old, new, want string }{
		{"as it is", "", "", ""},
		{"misspelt column", "days_past_due > 5", "days_past_du > 5", "line 4, column 11: undeclared reference to 'days_past_du'; did you mean days_past_due?"},
		{"unknown column", "days_past_due > 5", "zodiac > 5", "dunning reguas library --columns"},
		{"number for a text", "days_past_due > 5", "segment > 5", "a text stands in quotes"},
		{"whole number for a share", "days_past_due > 5", "pay_prob > 1", "line 4, column 20: found no matching overload for '_>_' applied to '(double, int)'; write the whole number with a point: 1.0"},
		{"no condition", "days_past_due > 5 && segment in [\"gold\", \"new\"]", "days_past_due + 5", "not true or false"},
		{"quoted: the place is within the quotes", `- "promise_open"`, `- "promise_opn"`, "line 6, column 6: undeclared reference to 'promise_opn'; did you mean promise_open?"},
		{"an invoice's column of a customer", "days_past_due > 5", "invoice_cents > 5", "belongs to an invoice"},
		{"in a block, on its second line", "weekday != 1", "weekdy != 1", "line 18, column"},
		{"syntax", "days_past_due > 5 &&", "days_past_due > 5 && &&", "Syntax error"},
		{"a loop", "days_past_due > 5", "days_past_due > 5 && [1, 2].all(x, x > 1)", "undeclared reference"},
		{"too long", "days_past_due > 5", "days_past_due > 5" + strings.Repeat(" && promise_open", 200), "at most 2000"},
		{"too deep", "days_past_due > 5", strings.Repeat("(", 100) + "promise_open" + strings.Repeat(")", 100), "recursion"},
		{"unknown field", "mode: replace", "modus: replace", "modus"},
		{"unknown mode", "mode: replace", "mode: insist", "none of replace"},
		{"bad id", "regua: teste", "regua: Ts x", "a-z"},
		{"no title", "title: Teste", "title: ''", "title"},
		{"step twice", "id: dois", "id: um", "taken"},
		{"unknown channel", "[sms]", "[fax]", "fax"},
		{"no channel", "[sms]", "[]", "channels: none"},
		{"days out of order", "offset: 5", "offset: 0", "in the order of their days"},
		{"hours reversed", "09:00-12:00", "12:00-09:00", "12:00-09:00"},
		{"two steps with one template", "id: dois", "id: dois\n    template: teste/um", "could not be told apart"},
		{"unknown anchor", "offset: 5", "offset: 5\n    anchor: moon", "moon"},
		{"no YAML", "steps:", "steps: {", "yaml"},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			text := strings.Replace(good, tc.old, tc.new, 1)
			if tc.old != "" && text == good {
				t.Fatal("the case changes nothing")
			}
			_, err := regua.Parse([]byte(text))
			if tc.want == "" {
				if err != nil {
					t.Fatal(err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Fatalf("got %v\nwant an error that says %q", err, tc.want)
			}
			if !errors.Is(err, data.ErrBadInput) {
				t.Errorf("%v does not wrap data.ErrBadInput", err)
			}
		})
	}
}

// TestAllFaultsAtOnce: two conditions and a channel.
func TestAllFaultsAtOnce(t *testing.T) {
	text := strings.NewReplacer("segment in", "segmnt in", "invoice_cents", "invoice_cent", "[sms]", "[fax]").Replace(good)
	_, err := regua.Parse([]byte(text))
	for _, want := range []string{"segmnt", "invoice_cent'", "fax"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not reported: %v", want, err)
		}
	}
}

var update = flag.Bool("update", false, "rewrite the columns in docs/REGUAS.md")

// TestReguasPageListsTheColumns compares docs/REGUAS.md with the code.
func TestReguasPageListsTheColumns(t *testing.T) {
	const page, begin, end = "../../docs/REGUAS.md", "go test ./policy/regua -update -->\n", "<!-- end of columns -->"
	b, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	head, rest, ok1 := strings.Cut(string(b), begin)
	_, tail, ok2 := strings.Cut(rest, end)
	if !ok1 || !ok2 {
		t.Fatal("the page has no place for the columns")
	}
	var table strings.Builder
	table.WriteString("| column | type | what it is |\n|---|---|---|\n")
	for _, c := range regua.Columns() {
		doc := c.Doc
		if c.OfInvoice {
			doc += " (`stop` and `when` only)"
		}
		fmt.Fprintf(&table, "| `%s` | %s | %s |\n", c.Name, c.Type, doc)
	}
	want := head + begin + table.String() + end + tail
	if *update {
		if err := data.WriteFile(page, []byte(want)); err != nil {
			t.Fatal(err)
		}
		return
	}
	if want != string(b) {
		t.Errorf("%s is not what the code says; run: go test ./policy/regua -run Columns -update", page)
	}
}
