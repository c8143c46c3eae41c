package web

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"dunning/data"
	"dunning/serve"
)

// modelsPath is where the room is.
const modelsPath = "/modelos"

// modelsRoom is the data scientist's: versions, how good they are, what is in
// force.
func (s *Site) modelsRoom() {
	decide := []serve.Role{serve.Scientist}
	s.add(page{pattern: "GET " + modelsPath, title: "model.title", group: "group.analyse", icon: "models", roles: everybody, do: modelsShow})
	s.add(page{pattern: "GET " + modelsPath + "/{id}", title: "model.title", roles: everybody, do: modelShow})
	s.add(page{pattern: "POST " + modelsPath + "/{id}/promover", title: "model.title", roles: decide, do: modelPromote})
	s.add(page{pattern: "POST " + modelsPath + "/voltar", title: "model.title", roles: decide, do: modelRollback})
}

// modelsPage lists versions and deeds.
type modelsPage struct {
	Versions []ModelVersion
	Deeds    []ModelDeed
	CanBack  bool // there is a version to go back to
	None     bool // no version is in force
	Ever     bool // one was, once
}

// Write writes one of the version's figures; "–" where it is unknown.
func (m ModelVersion) Write(l Language, which string) string {
	f, digits := m.AUC, 3
	switch which {
	case "log":
		f, digits = m.LogLoss, 4
	case "base":
		f, digits = m.BaseLogLoss, 4
	}
	return l.known(f, digits)
}

// Write writes a figure of the check; "–" where it is unknown.
func (GateCheck) Write(l Language, f *float64) string { return l.known(f, 4) }

// known writes a figure with some digits; a dash where it is unknown.
func (l Language) known(f *float64, digits int) string {
	if f == nil {
		return "–"
	}
	return l.Decimal(*f, digits)
}

// deedsShown bounds the journal on the page.
const deedsShown = 30

func modelsShow(v *visit) error {
	if v.site.Models == nil {
		return v.show("models", modelsPage{})
	}
	p, err := v.modelsPage()
	if err != nil {
		return err
	}
	return v.show("models", p)
}

func (v *visit) modelsPage() (p modelsPage, err error) {
	if p.Versions, err = v.site.Models.Versions(v.r.Context()); err != nil {
		return p, err
	}
	if p.Deeds, err = v.site.Models.Deeds(v.r.Context()); err != nil {
		return p, err
	}
	p.None = !slices.ContainsFunc(p.Versions, func(m ModelVersion) bool { return m.Alias == "champion" })
	champions := 0
	for _, d := range p.Deeds {
		switch d.Deed {
		case "promote":
			champions++
			p.Ever = true
		case "rollback":
			champions--
		}
	}
	p.CanBack = champions > 1 && v.may(serve.Scientist)
	p.Deeds = p.Deeds[:min(deedsShown, len(p.Deeds))]
	return p, nil
}

// modelPage is one version.
type modelPage struct {
	*ModelDetail
	Gate        *GateVerdict // nil for the version in force
	GateFault   string
	Checks      []checkWords
	Alarms      []string
	Reliability Chart
	Qini        *Chart
	Scores      Table
	Effects     Table
	Drift       Table
	Importance  Chart
	CanPromote  bool
	Refused     string // what the gate said when somebody tried
}

func modelShow(v *visit) error {
	p, err := v.modelPage(v.r.PathValue("id"))
	if err != nil {
		return err
	}
	return v.show("model", p)
}

func (v *visit) modelPage(id string) (*modelPage, error) {
	if v.site.Models == nil {
		return nil, fail(serve.CodeUnavailable)
	}
	d, err := v.site.Models.Version(v.r.Context(), id)
	if err != nil {
		return nil, err
	}
	if d == nil || d.Evaluation == nil {
		return nil, fail(serve.CodeNotFound)
	}
	p := &modelPage{ModelDetail: d}
	if d.Alias != "champion" {
		if p.Gate, err = v.site.Models.Gate(v.r.Context(), id); err != nil {
			v.site.config.Log.Warn("the gate could not be asked", "version", id, "error", err)
			p.GateFault = v.say("model.gate_fault")
		}
		p.CanPromote = p.Gate != nil && v.may(serve.Scientist)
	}
	p.Scores, p.Reliability, p.Importance = v.scoresTable(d), v.reliabilityChart(d), v.importanceChart(d)
	p.Checks, p.Alarms = v.checks(p.Gate), v.alarmWords(d.Health)
	p.Effects, p.Qini, p.Drift = v.effectsTable(d), v.qiniChart(d), v.driftTable(d)
	return p, nil
}

func modelPromote(v *visit) error {
	id, why := v.r.PathValue("id"), strings.TrimSpace(v.r.PostForm.Get("motivo"))
	if why == "" || v.site.Models == nil {
		return fail(serve.CodeInvalid)
	}
	verdict, err := v.site.Models.Promote(v.r.Context(), id, v.login(), why)
	if errors.Is(err, data.ErrRefused) {
		p, pageErr := v.modelPage(id)
		if pageErr != nil {
			return pageErr
		}
		if p.Refused = v.say("model.refused_person"); verdict != nil && !verdict.OK {
			p.Gate, p.Checks, p.Refused = verdict, v.checks(verdict), v.say("model.refused_gate")
		}
		return v.show("model", p)
	}
	if err != nil {
		return err
	}
	return v.redirect(modelsPath + "?feito=promovido")
}

func modelRollback(v *visit) error {
	why := strings.TrimSpace(v.r.PostForm.Get("motivo"))
	if why == "" || v.site.Models == nil {
		return fail(serve.CodeInvalid)
	}
	if _, _, err := v.site.Models.Rollback(v.r.Context(), v.login(), why); err != nil {
		return err
	}
	return v.redirect(modelsPath + "?feito=voltou")
}

// scoresTable compares the models of one training.
func (v *visit) scoresTable(d *ModelDetail) Table {
	t := Table{Caption: v.say("model.scores"), Align: "lrrrrr", Head: []string{v.say("model.model"), "AUC", "KS", v.say("model.log_loss"), "Brier", "ECE"}}
	for _, m := range d.Evaluation.Models {
		name := m.Name
		if m.Champion {
			name += " (" + v.say("model.chosen") + ")"
		}
		t.Rows = append(t.Rows, []string{name, v.lang.known(m.AUC, 3), v.lang.known(m.KS, 3), v.lang.known(m.LogLoss, 4), v.lang.known(m.Brier, 4), v.lang.known(m.ECE, 4)})
	}
	return t
}

// reliabilityChart draws observed over predicted probabilities.
func (v *visit) reliabilityChart(d *ModelDetail) Chart {
	c := Chart{ID: "reliability", Size: "m", Table: Table{Caption: v.say("model.reliability"), Align: "rrr",
		Head: []string{v.say("model.predicted"), v.say("model.observed"), v.say("model.rows")}}}
	points, worst := [][]float64{}, 0.0
	if len(d.Evaluation.Reliability) > 0 { // of the chosen model, which comes first
		for _, b := range d.Evaluation.Reliability[0].Bins {
			points = append(points, []float64{b.Predicted, b.Observed})
			worst = math.Max(worst, math.Abs(b.Predicted-b.Observed))
			c.Table.Rows = append(c.Table.Rows, []string{v.lang.Percent(b.Predicted), v.lang.Percent(b.Observed), v.lang.Int(b.Rows)})
		}
	}
	axis := func(name string) map[string]any {
		return map[string]any{"type": "value", "min": 0, "max": 1, "name": name, "nameLocation": "middle", "nameGap": 30, "axisLabel": map[string]any{"formatter": "pct"}}
	}
	c.Alt = v.say("model.reliability_alt", v.lang.Decimal(100*worst, 1))
	y := axis(v.say("model.observed"))
	y["nameGap"] = 42
	c.Option = map[string]any{"grid": map[string]any{"bottom": 30, "left": 30}, "tooltip": map[string]any{"trigger": "item", "valueFormatter": "pct"},
		"xAxis": axis(v.say("model.predicted")), "yAxis": y,
		"series": []any{
			map[string]any{"type": "line", "name": v.say("model.perfect"), "data": [][]float64{{0, 0}, {1, 1}}, "showSymbol": false, "silent": true, "lineStyle": map[string]any{"type": "dashed", "color": "$strong", "width": 1.5}},
			map[string]any{"type": "line", "name": v.say("model.observed"), "data": points, "symbolSize": 8, "itemStyle": map[string]any{"color": "$accent"}, "lineStyle": map[string]any{"width": 2.5, "color": "$accent"}}}}
	return c
}

// importances is how many features the page shows.
const importances = 12

func (v *visit) importanceChart(d *ModelDetail) Chart {
	c := Chart{ID: "importance", Size: "l", Table: Table{Caption: v.say("model.importance"), Align: "llr", Head: []string{v.say("model.feature"), v.say("model.meaning"), v.say("model.shap")}}}
	names, values := []string{}, []float64{}
	list := d.Evaluation.Importance
	for _, f := range list[:min(importances, len(list))] {
		name := strings.TrimPrefix(f.Feature, "f_")
		names, values = append([]string{name}, names...), append([]float64{f.MeanAbsSHAP}, values...) // the largest on top
		c.Table.Rows = append(c.Table.Rows, []string{name, f.Description, v.lang.Decimal(f.MeanAbsSHAP, 3)})
	}
	first := ""
	if len(names) > 0 {
		first = names[len(names)-1]
	}
	c.Alt = v.say("model.importance_alt", first)
	c.Option = map[string]any{"tooltip": map[string]any{"trigger": "axis", "valueFormatter": "dec"},
		"xAxis":  map[string]any{"type": "value", "axisLabel": map[string]any{"formatter": "dec", "hideOverlap": true}},
		"yAxis":  map[string]any{"type": "category", "data": names, "axisLabel": map[string]any{"interval": 0, "width": 190, "overflow": "truncate", "fontSize": 11}},
		"series": []any{map[string]any{"type": "bar", "name": v.say("model.shap"), "data": values, "barMaxWidth": 16, "itemStyle": map[string]any{"color": "$accent", "borderRadius": []int{0, 4, 4, 0}}}}}
	return c
}

// effectsTable shows how well the effect of each channel is known.
func (v *visit) effectsTable(d *ModelDetail) Table {
	t := Table{Caption: v.say("model.effects"), Align: "llrrr", Head: []string{v.say("model.channel"), v.say("model.learner"), v.say("model.rows"), v.say("model.ate"), v.say("model.qini_area")}}
	between := func(at, low, high *float64) string {
		if at == nil {
			return v.say("none")
		}
		if low == nil || high == nil {
			return v.lang.Decimal(100**at, 2)
		}
		return fmt.Sprintf("%s (%s; %s)", v.lang.Decimal(100**at, 2), v.lang.Decimal(100**low, 2), v.lang.Decimal(100**high, 2))
	}
	for _, u := range d.Uplift {
		t.Rows = append(t.Rows, []string{v.lang.Channel(u.Channel), u.Learner, v.lang.Int(u.Rows), between(u.ATE, u.ATELo, u.ATEHi), between(u.QiniArea, u.QiniAreaLo, u.QiniAreaHi)})
	}
	return t
}

// qiniChart draws the Qini curves of the channels; nil without any.
func (v *visit) qiniChart(d *ModelDetail) *Chart {
	c := &Chart{ID: "qini", Size: "m", Table: Table{Caption: v.say("model.qini"), Align: "lrr", Head: []string{v.say("model.channel"), v.say("model.share"), v.say("model.gain")}}}
	var series []any
	for _, u := range d.Uplift {
		if len(u.Curve) == 0 {
			continue
		}
		points := [][]float64{}
		for i, p := range u.Curve {
			points = append(points, []float64{p.Share, 100 * p.Gain})
			if i%max(1, len(u.Curve)/10) == 0 || i == len(u.Curve)-1 {
				c.Table.Rows = append(c.Table.Rows, []string{v.lang.Channel(u.Channel), v.lang.Percent(p.Share), v.lang.Decimal(100*p.Gain, 3)})
			}
		}
		color := fmt.Sprintf("$series-%d", 1+u.Channel.Index()%5)
		series = append(series, map[string]any{"type": "line", "name": v.lang.Channel(u.Channel), "data": points, "showSymbol": false,
			"itemStyle": map[string]any{"color": color}, "lineStyle": map[string]any{"width": 2, "color": color}})
	}
	if len(series) == 0 {
		return nil
	}
	c.Alt = v.say("model.qini_alt")
	c.Option = map[string]any{"legend": map[string]any{"top": 0, "left": 0}, "grid": map[string]any{"top": 40, "bottom": 30, "left": 30}, "tooltip": map[string]any{"trigger": "axis", "valueFormatter": "dec"},
		"xAxis": map[string]any{"type": "value", "min": 0, "max": 1, "name": v.say("model.share"), "nameLocation": "middle", "nameGap": 30, "axisLabel": map[string]any{"formatter": "pct"}},
		"yAxis": map[string]any{"type": "value", "name": v.say("model.gain"), "nameLocation": "middle", "nameGap": 36, "axisLabel": map[string]any{"formatter": "dec"}}, "series": series}
	return c
}

// drifts is how many features the page shows.
const drifts = 12

// driftTable shows how far features moved between training and the last weeks.
func (v *visit) driftTable(d *ModelDetail) Table {
	t := Table{Caption: v.say("model.drift"), Align: "lrl", Head: []string{v.say("model.feature"), "PSI", v.say("model.verdict")}}
	if d.Health == nil {
		return t
	}
	for _, s := range d.Health.Shifts[:min(drifts, len(d.Health.Shifts))] {
		verdict := "model.psi_calm"
		switch {
		case s.PSI >= 0.25:
			verdict = "model.psi_moved"
		case s.PSI >= 0.1:
			verdict = "model.psi_some"
		}
		t.Rows = append(t.Rows, []string{strings.TrimPrefix(s.Feature, "f_"), v.lang.Decimal(s.PSI, 3), v.say(verdict)})
	}
	return t
}
