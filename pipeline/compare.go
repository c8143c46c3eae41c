package pipeline

import (
	"slices"

	"dunning/data"
	"dunning/models"
	"dunning/models/registry"
	"dunning/pipeline/report"
)

// CompareModels holds two versions, by ID or alias, side by side.
func CompareModels(home, version, other string) (*report.Comparison, error) {
	s := Models(home)
	v, err := OpenTrained(s, version)
	if err != nil {
		return nil, err
	}
	c, err := OpenTrained(s, other)
	if err != nil {
		return nil, err
	}
	return compareVersions(v, c), nil
}

func compareVersions(v, c *TrainedVersion) *report.Comparison {
	out := &report.Comparison{Version: v.ID, Other: c.ID}
	add := func(name string, a, b *float64) {
		out.Figures = append(out.Figures, report.ComparisonFigure{Name: name, Version: a, Other: b})
	}
	scores := func(prefix string, a, b data.ModelScore) {
		add(prefix+"auc", a.AUC, b.AUC)
		add(prefix+"gini", a.Gini, b.Gini)
		add(prefix+"ks", a.KS, b.KS)
		add(prefix+"pr_auc", a.PRAUC, b.PRAUC)
		add(prefix+"log_loss", a.LogLoss, b.LogLoss)
		add(prefix+"brier_skill", a.BrierSkill, b.BrierSkill)
		add(prefix+"calib_slope", a.Slope, b.Slope)
		add(prefix+"calib_in_the_large", a.Large, b.Large)
	}
	scores("", v.Evaluation.Payment.Models[0], c.Evaluation.Payment.Models[0])
	common := commonOf(v, c)
	if out.CommonRows = len(common.y); out.CommonRows > 0 {
		scores("common_", scoreOf(v.ID, true, models.Evaluate(common.y, common.p)), scoreOf(c.ID, false, models.Evaluate(common.y, common.base)))
		diff, stderr := models.LossDifference(common.y, common.p, common.base, common.customer)
		out.LossDiff, out.LossDiffSE = report.Known(diff), report.Known(stderr)
	}
	for _, ch := range data.Channels {
		a, b := upliftOf(v, ch), upliftOf(c, ch)
		if a != nil || b != nil {
			add("qini_"+string(ch), qiniOf(a), qiniOf(b))
		}
	}
	alarms := func(t *TrainedVersion) *float64 { return report.Known(float64(len(t.Evaluation.Health.Alarms))) }
	add("alarms", alarms(v), alarms(c))
	return out
}

func upliftOf(t *TrainedVersion, ch data.Channel) *data.UpliftFigures {
	for i := range t.Evaluation.Uplift {
		if u := &t.Evaluation.Uplift[i]; u.Channel == ch {
			return u
		}
	}
	return nil
}

func qiniOf(u *data.UpliftFigures) *float64 {
	if u == nil {
		return nil
	}
	return u.Qini
}

// championBefore returns the version of an earlier day than asOf that was put
// into force last, nil for none: what a version of asOf has to replace. It is
// the same before and after that version is promoted.
func championBefore(home string, asOf data.Date) (*TrainedVersion, error) {
	s := Models(home)
	entries, err := s.Journal()
	if err != nil {
		return nil, err
	}
	for _, e := range slices.Backward(entries) {
		if e.Deed != registry.Promoted && e.Deed != registry.RolledBack {
			continue
		}
		v, err := OpenTrained(s, e.Version)
		if err != nil || v.AsOf < asOf {
			return v, err
		}
	}
	return nil, nil
}

// refusedOn says why the gate refused the version trained for a day, "" where
// the last one it looked at was not refused.
func refusedOn(home string, asOf data.Date) (why string, err error) {
	s := Models(home)
	entries, err := s.Journal()
	if err != nil {
		return "", err
	}
	for _, e := range slices.Backward(entries) {
		r, err := s.Open(e.Version)
		if err != nil {
			return "", err
		}
		switch {
		case r.AsOf != asOf:
		case e.Deed == registry.Refused:
			return e.Why, nil
		case e.Deed != registry.Registered: // put into force, or back
			return "", nil
		}
	}
	return "", nil
}
