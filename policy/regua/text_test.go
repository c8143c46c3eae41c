package regua_test

import (
	"encoding/json"
	"strings"
	"testing"

	"dunning/policy/regua"
)

// sameAfterText reads a text, writes it, and reads it again.
func sameAfterText(t *testing.T, name string, text []byte) {
	t.Helper()
	r, err := regua.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	out, err := r.Text()
	if err != nil {
		t.Fatal(err)
	}
	again, err := regua.Parse(out)
	if err != nil {
		t.Fatalf("%s: %v\n%s", name, err, out)
	}
	before, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	after, err := json.Marshal(again)
	if err != nil || string(before) != string(after) {
		t.Errorf("%s: %v\n%s\n%s", name, err, before, after)
	}
}

func TestTextIsReadAsTheSame(t *testing.T) {
	for _, id := range regua.Library() {
		b, err := regua.FromLibrary(id)
		if err != nil {
			t.Fatal(err)
		}
		sameAfterText(t, id, b)
	}
	sameAfterText(t, "hard", []byte(`regua: dura
title: "50%: 'tudo' # não é comentário\\"
priority: -3
audience: "kind == \"PF\" // só pessoas\n&& segment != '#1: x'"
catch_up_days: 0
min_gap_days: 9
stop: ['true == false', 'product.contains(": ")']
steps:
  - {id: "1", offset: -365, channels: [letter, sms, email], hours: best, template: "- a: b"}
  - {id: "2", anchor: payment, offset: 0, business_days: true, channels: [voice], hours: 08:00-09:30, template: "null"}
`))
}

func TestConditionsAreCheckedAlone(t *testing.T) {
	for _, c := range []struct {
		text      string
		ofInvoice bool
		want      string // of the first fault; "" for none
	}{
		{"", false, ""}, {`kind == "PF"`, false, ""}, {"invoice_cents > 5", true, ""},
		{"invoice_cents > 5", false, "it belongs to an invoice"},
		{"balance_cents > 1 &&\n  knd == 'PF'", false, "line 2, column 3"},
		{"pay_prob > 1", true, "write the whole number with a point"},
		{"balance_cents", true, "not true or false"},
		{strings.Repeat("x", 2001), true, "at most 2000"},
	} {
		faults, err := regua.Check(c.text, c.ofInvoice)
		if err != nil {
			t.Fatal(err)
		}
		if c.want == "" && len(faults) > 0 || c.want != "" && (len(faults) == 0 || !strings.Contains(faults[0].String(), c.want)) {
			t.Errorf("%q: %v, want %q", c.text, faults, c.want)
		}
	}
	r := &regua.Regua{ID: "Á", Steps: []regua.Step{{ID: "x"}}}
	if faults := strings.Join(r.Faults(), "\n"); !strings.Contains(faults, "title: empty") || !strings.Contains(faults, "channels: none") {
		t.Errorf("faults %q", faults)
	}
}
