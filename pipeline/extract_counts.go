package pipeline

import (
	"strings"

	"dunning/data"
)

// TableCounts says what became of the rows of one source table.
type TableCounts struct {
	Table       string      `json:"table"`
	In          int64       `json:"in"` // always Accepted + Quarantined
	Accepted    int64       `json:"accepted"`
	Quarantined int64       `json:"quarantined"`
	Rules       []RuleCount `json:"rules"` // of the quarantined rows, by name
}

// RuleCount is how many rows of a table broke a rule first.
type RuleCount struct {
	Rule string `json:"rule"` // a name of data.Rules
	Rows int64  `json:"rows"`
}

// ExtractCounts reads the counts of every table from an extract's manifest, in
// the order of [SourceTables].
func ExtractCounts(m data.Manifest) []TableCounts {
	var all []TableCounts
	for _, t := range SourceTables {
		c := TableCounts{Table: t, In: m.Counts[t+".in"], Accepted: m.Counts[t+".accepted"],
			Quarantined: m.Counts[t+".quarantined"], Rules: []RuleCount{}}
		for _, name := range sortedKeys(m.Counts) {
			if rule, ok := strings.CutPrefix(name, "quarantine."+t+"."); ok {
				c.Rules = append(c.Rules, RuleCount{rule, m.Counts[name]})
			}
		}
		all = append(all, c)
	}
	return all
}
