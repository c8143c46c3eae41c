package policy_test

import (
	"bytes"
	"errors"
	"flag"
	"os"
	"strings"
	"testing"

	"dunning/data"
	"dunning/policy"
)

var update = flag.Bool("update", false, "rewrite docs/POLICY.md")

// TestPolicyPageIsCurrent compares docs/POLICY.md with the packs.
func TestPolicyPageIsCurrent(t *testing.T) {
	const page = "../docs/POLICY.md"
	var got bytes.Buffer
	if err := newEngine(t, nil).WriteMarkdown(&got); err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := data.WriteFile(page, got.Bytes()); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got.Bytes(), want) {
		t.Errorf("%s is not what the packs say; run: go test ./policy -run TestPolicyPageIsCurrent -update", page)
	}
}

// goodPack is valid by itself; each case below breaks one line of it.
const goodPack = `pack: test
version: "1"
rules:
  - {id: hours, kind: contact_hours, default: true, weekdays: 08:00-20:00, source: s, portuguese: p, english: e}
  - {id: flag, kind: customer_flag, flag: dispute, source: s, portuguese: p, english: e, from: 2020-01-01}
  - {id: am, kind: min_days_past_due, days: 16, uf: [AM], source: s, portuguese: p, english: e}
holidays:
  - {month: 7, day: 9, uf: [SP], source: s, portuguese: p, english: e}
zones: {SP: America/Sao_Paulo}
unknown_zones: [America/Rio_Branco, America/Noronha]
`

func TestPackFaults(t *testing.T) {
	cases := []struct{ name, old, new, want string }{
		{"as it is", "", "", ""},
		{"no name", "pack: test", "pack: \"\"", "no name"},
		{"no version", `version: "1"`, "title: x", "no version"},
		{"unknown field", "days: 16", "dayz: 16", "dayz"},
		{"unknown kind", "kind: customer_flag", "kind: horoscope", "unknown kind"},
		{"unknown flag", "flag: dispute", "flag: rich", "does not fit"},
		{"no source", "flag: dispute, source: s", "flag: dispute", "no source"},
		{"no English", "flag: dispute, source: s, portuguese: p, english: e", "flag: dispute, source: s, portuguese: p", "in English"},
		{"duplicate id", "id: am", "id: flag", "taken"},
		{"no id", "id: am", `id: ""`, "empty"},
		{"unknown UF of a rule", "uf: [AM]", "uf: [XY]", "unknown UF"},
		{"unknown channel", "uf: [AM]", "channels: [fax]", "unknown channel"},
		{"hours reversed", "08:00-20:00", "20:00-08:00", "20:00-08:00"},
		{"hours without end", "08:00-20:00", "08:00", "08:00"},
		{"hours that no clock shows", "08:00-20:00", "08:00-25:00", "25:00"},
		{"no default hours", "default: true", "uf: [SP]", "default"},
		{"default with a state", "default: true", "default: true, uf: [SP]", "uf or default"},
		{"hours of one channel", "default: true", "default: true, channels: [voice]", "every channel"},
		{"validity reversed", "from: 2020-01-01", "from: 2020-01-01, until: 2019-01-01", "after until"},
		{"no such day", "from: 2020-01-01", "from: 2020-13-01", "2020-13-01"},
		{"days missing", "days: 16, ", "", "does not fit"},
		{"holiday on 30 February", "month: 7, day: 9", "month: 2, day: 30", "no day 30"},
		{"holiday without a day", "month: 7, day: 9", "from: 2000", "needs one of"},
		{"holiday two ways", "month: 7, day: 9", "month: 7, day: 9, easter_offset: 3", "needs one of"},
		{"holiday that the library lacks", "month: 7, day: 9", "library: Oktoberfest", "Oktoberfest"},
		{"library holidays without all sources", "month: 7, day: 9", "library: Natal", "no pack gives a source"},
		{"unknown zone", "America/Sao_Paulo", "America/Atlantis", "Atlantis"},
		{"unknown UF of a zone", "{SP: ", "{XY: ", "unknown UF"},
		{"one unknown zone", "America/Rio_Branco, ", "", "westernmost"},
		{"not YAML", "rules:", "rules: {", "yaml"},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			text := strings.Replace(goodPack, tc.old, tc.new, 1)
			if tc.old != "" && text == goodPack {
				t.Fatal("the case changes nothing")
			}
			p, err := policy.ParsePack(strings.NewReader(text))
			if err == nil {
				_, err = policy.NewWithPacks(policy.DefaultConfig(), []policy.Pack{p})
			}
			if tc.want == "" {
				if err != nil {
					t.Fatal(err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Fatalf("got %v, want an error that says %q", err, tc.want)
			}
			if !errors.Is(err, data.ErrUsage) {
				t.Errorf("%v does not wrap data.ErrUsage", err)
			}
		})
	}
}

// TestOwnPackBinds: a pack of the company's own, with a municipal holiday and a
// rule of one channel, binds as the embedded ones do.
func TestOwnPackBinds(t *testing.T) {
	own, err := policy.ParsePack(strings.NewReader(`pack: own
version: "1"
rules:
  - {id: no_voice_before_30, kind: min_days_past_due, days: 30, channels: [voice], source: s, portuguese: p, english: e}
holidays:
  - {month: 1, day: 25, uf: [SP], source: "Lei municipal", portuguese: "Aniversário de São Paulo", english: "São Paulo's birthday"}
`))
	if err != nil {
		t.Fatal(err)
	}
	var packs []policy.Pack
	for _, name := range policy.DefaultConfig().Packs {
		p, err := policy.EmbeddedPack(name)
		if err != nil {
			t.Fatal(err)
		}
		packs = append(packs, p)
	}
	e, err := policy.NewWithPacks(policy.DefaultConfig(), append(packs, own))
	if err != nil {
		t.Fatal(err)
	}
	cases := []struct {
		day     string
		late    int32
		channel data.Channel
		want    string
	}{
		{"2027-01-25", 40, data.Email, "holiday"}, // a Monday
		{"2027-01-26", 40, data.Email, ""},
		{"2027-01-26", 29, data.Voice, "no_voice_before_30"},
		{"2027-01-26", 29, data.Email, ""},
		{"2027-01-26", 30, data.Voice, ""},
	}
	for _, tc := range cases {
		c, f := friendly("SP", date(t, tc.day))
		f.DaysPastDue = tc.late
		if v := e.Check(c, f, tc.channel, date(t, tc.day)); v.RuleID != tc.want {
			t.Errorf("%+v: got %q", tc, v.RuleID)
		}
	}
}
