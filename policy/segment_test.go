package policy_test

import (
	"testing"

	"dunning/data"
	"dunning/policy"
)

// TestRulesKnowBothKindsOfSegments: a listed segment means the company's own and the
// named one alike, and an empty name means nobody.
func TestRulesKnowBothKindsOfSegments(t *testing.T) {
	day := data.MakeDate(2026, 3, 10) // a Tuesday
	facts := policy.Facts{AsOf: day, BalanceCents: 100_000, DaysPastDue: 5}
	for _, tc := range []struct {
		own, named string
		ruling     string // on a call, which spares the gentle
	}{
		{"gold", "novo", "quiet_segment"},
		{"retail", "devedor", "quiet_segment"},
		{"retail", "pontual_frequente", "soft_tone"},
		{"good", "", "soft_tone"},
		{"retail", "novo", ""},
		{"", "", ""},
	} {
		config := policy.DefaultConfig()
		config.QuietSegments = []string{"gold", "devedor"}
		config.SoftTone = policy.SoftToneRule{Segments: []string{"good", "pontual_frequente"}, Channels: []data.Channel{data.Email}, UntilDays: 15}
		engine, err := policy.New(config)
		if err != nil {
			t.Fatal(err)
		}
		c := data.Customer{CustomerID: "c", Kind: data.PF, UF: "SP", Segment: tc.own, NamedSegment: tc.named, ConsentVoice: true, ReachVoice: true}
		if v := engine.Check(c, facts, data.Voice, day); v.RuleID != tc.ruling {
			t.Errorf("%q, %q: %q, want %q", tc.own, tc.named, v.RuleID, tc.ruling)
		}
	}
}
