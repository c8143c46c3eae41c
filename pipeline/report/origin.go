package report

import "strconv"

// sources is what became of every source row.
func (v voice) sources(d Data) section {
	s := section{ID: "data", Title: v.say("s_data")}
	if len(d.Sources) == 0 {
		s.Missing, s.Remedy = v.say("missing"), v.say("get_extract")
		return s
	}
	s.Lead = v.say("data_lead")
	tables := &sheet{Header: v.says("source", "h_in", "accepted", "quarantined", "share"), Align: "lrrrr"}
	rules := &sheet{Header: v.says("source", "rule", "rows"), Align: "llr", Empty: v.say("no_row")}
	for _, src := range d.Sources {
		tables.Rows = append(tables.Rows, []string{src.Table, v.Int(src.Rows), v.Int(src.Accepted), v.Int(src.Quarantined),
			v.share(float64(src.Quarantined), float64(src.Rows), 2)})
		for _, r := range src.Rules {
			rules.Rows = append(rules.Rows, []string{src.Table, v.rule(r.Rule), v.Int(r.Rows)})
		}
	}
	s.Blocks = []block{{Title: v.say("t_sources"), Table: tables}, {Title: v.say("t_rules"), Table: rules}}
	return s
}

// origin ties the report to the bytes it was made of.
func (v voice) origin(d Data) section {
	s := section{ID: "origin", Title: v.say("s_origin")}
	if len(d.Manifests) == 0 {
		s.Missing, s.Remedy = v.say("missing"), v.say("get_manifests")
	} else {
		s.Lead = v.say("origin_lead")
		t := &sheet{Header: v.says("stage", "key", "rows", "files", "seed", "code"), Align: "llrrrl"}
		for _, m := range d.Manifests {
			t.Rows = append(t.Rows, []string{m.Stage, m.Key, v.Int(m.Rows), strconv.Itoa(m.Files), strconv.FormatUint(m.Seed, 10), m.CodeVersion})
		}
		s.Blocks = append(s.Blocks, block{Title: v.say("t_manifests"), Table: t})
	}
	if len(d.Timings) > 0 {
		s.Blocks = append(s.Blocks, block{Title: v.say("t_timings"), Table: v.timings(d)})
	}
	return s
}

func (v voice) timings(d Data) *sheet {
	t := &sheet{Header: v.says("stage", "status", "seconds", "rows"), Align: "llrr"}
	var sum float64
	for _, m := range d.Timings {
		t.Rows = append(t.Rows, []string{m.Stage, m.Status, v.Decimal(m.Seconds, 1), v.Int(m.Rows)})
		sum += m.Seconds
	}
	t.Footer = []string{v.say("total"), "", v.Decimal(sum, 1), ""}
	return t
}
