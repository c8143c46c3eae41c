package models

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"dunning/data"
)

// CardSchemaVersion is the version of the JSON form of [Card].
const CardSchemaVersion = 1

// Card is a model card (Mitchell et al., "Model Cards for Model Reporting",
// 2019): what one trained version is, what it learned from, how good it is and
// where not to use it. It holds nothing that differs between two trainings on
// the same data with the same seed, such as the time they took: the registry
// keeps that beside it.
type Card struct {
	SchemaVersion int    `json:"schema_version"` // CardSchemaVersion
	Version       string `json:"version"`        // id of the artefact, "" until it is saved
	Title         string `json:"title"`
	Target        string `json:"target"` // one sentence: what is predicted

	AsOf        data.Date `json:"as_of"` // nothing later than this day was known
	HorizonDays int       `json:"horizon_days"`
	Seed        uint64    `json:"seed"`
	CodeVersion string    `json:"code_version"`

	// DataHashes are the content hashes of what was learned from, by name.
	DataHashes map[string]string `json:"data_hashes"`
	Train      CardPart          `json:"train"`
	Test       CardPart          `json:"test"`
	Features   []CardFeature     `json:"features"`

	// Models are the figures of the champion and of the baselines on the test
	// part.
	Models      []CardModel     `json:"models"`
	Segments    []CardSegment   `json:"segments"` // the champion's figures by segment
	Calibration CardCalibration `json:"calibration"`
	Lift        []LiftBin       `json:"lift"`
	Importance  []Importance    `json:"importance"` // largest first
	Uplift      []CardUplift    `json:"uplift"`
	Parameters  []CardParameter `json:"parameters"`
	Limitations []string        `json:"limitations"`
	Curves      []CardROC       `json:"curves"`
}

// CardPart describes the rows of one part of a split.
type CardPart struct {
	Rows int       `json:"rows"`
	From data.Date `json:"from"` // first AsOf
	To   data.Date `json:"to"`   // last AsOf
}

// CardFeature is one column the model reads.
type CardFeature struct {
	Name    string `json:"name"`
	Family  string `json:"family"`
	Meaning string `json:"meaning"`
}

// CardModel is the figures of one model on the test part.
type CardModel struct {
	Name     string  `json:"name"`
	Champion bool    `json:"champion"`
	Metrics  Metrics `json:"metrics"`
}

// CardSegment is the champion's figures on the rows where Column is Value.
type CardSegment struct {
	Column  string  `json:"column"`
	Value   string  `json:"value"`
	Metrics Metrics `json:"metrics"`
}

// CardCalibration is the champion's calibration.
type CardCalibration struct {
	Method      CalibrationMethod `json:"method"`
	Before      Metrics           `json:"before"` // on the test part, uncalibrated
	Reliability []ReliabilityBin  `json:"reliability"`
}

// CardROC is the ROC curve of one model on the test part, for charts.
type CardROC struct {
	Name   string     `json:"name"`
	Points []ROCPoint `json:"points"`
}

// CardUplift is the figures of one treatment's uplift on the test part.
type CardUplift struct {
	Treatment    string  `json:"treatment"`
	Learner      string  `json:"learner"`
	Rows         int     `json:"rows"`
	ATE          float64 `json:"ate"`
	Qini         float64 `json:"qini"`
	UpliftAt30   float64 `json:"uplift_at_30"`
	MeanEstimate float64 `json:"mean_estimate"`
}

// CardParameter is one parameter of the training, as text.
type CardParameter struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// Importance is the weight of one feature in the predictions for a sample.
type Importance struct {
	Feature string `json:"feature"`
	// MeanAbsSHAP is the mean over the sample of the absolute contribution to
	// the margin; a constant feature has 0.
	MeanAbsSHAP float64 `json:"mean_abs_shap"`
}

// MarshalJSON writes undefined figures as null.
func (u CardUplift) MarshalJSON() ([]byte, error) {
	return json.Marshal(cardUpliftJSON{u.Treatment, u.Learner, u.Rows, nullable(u.ATE), nullable(u.Qini), nullable(u.UpliftAt30), nullable(u.MeanEstimate)})
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (u *CardUplift) UnmarshalJSON(b []byte) error {
	var j cardUpliftJSON
	if err := DecodeStrict(b, &j); err != nil {
		return err
	}
	*u = CardUplift{j.Treatment, j.Learner, j.Rows, orNaN(j.ATE), orNaN(j.Qini), orNaN(j.UpliftAt30), orNaN(j.MeanEstimate)}
	return nil
}

type cardUpliftJSON struct {
	Treatment    string   `json:"treatment"`
	Learner      string   `json:"learner"`
	Rows         int      `json:"rows"`
	ATE          *float64 `json:"ate"`
	Qini         *float64 `json:"qini"`
	UpliftAt30   *float64 `json:"uplift_at_30"`
	MeanEstimate *float64 `json:"mean_estimate"`
}

// JSON returns the card as indented JSON, the same bytes for the same card.
// The error is of encoding/json, for a number that is not finite outside the
// figures that may be undefined.
func (c Card) JSON() ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	if err := enc.Encode(c); err != nil {
		return nil, fmt.Errorf("models: card: %w", err)
	}
	return b.Bytes(), nil
}

// DecodeCard reads what JSON wrote; unknown fields, trailing bytes and another
// schema version are errors.
func DecodeCard(b []byte) (Card, error) {
	var c Card
	if err := DecodeStrict(b, &c); err != nil {
		return Card{}, fmt.Errorf("models: card: %w", err)
	}
	if c.SchemaVersion != CardSchemaVersion {
		return Card{}, fmt.Errorf("models: card: schema version %d, this program reads %d", c.SchemaVersion, CardSchemaVersion)
	}
	return c, nil
}

// topImportance is how many features the Markdown form lists.
const topImportance = 20

// Markdown renders the card for people. It is a pure function of the card.
func (c Card) Markdown() string {
	var b strings.Builder
	p := func(format string, args ...any) { fmt.Fprintf(&b, format, args...) }
	p("# %s\n\n%s\n\n", c.Title, c.Target)
	p("| | |\n|---|---|\n")
	p("| version | `%s` |\n| known until | %s |\n| horizon | %d days |\n", c.Version, c.AsOf, c.HorizonDays)
	p("| trained on | %d rows, %s to %s |\n| tested on | %d rows, %s to %s |\n", c.Train.Rows, c.Train.From, c.Train.To, c.Test.Rows, c.Test.From, c.Test.To)
	p("| features | %d |\n| seed | %d |\n| code | %s |\n", len(c.Features), c.Seed, cell(c.CodeVersion))
	for _, name := range slices.Sorted(maps.Keys(c.DataHashes)) {
		p("| data: %s | `%s` |\n", cell(name), c.DataHashes[name])
	}
	c.markdownFigures(p)
	c.markdownUplift(p)
	c.markdownImportance(p)
	if len(c.Parameters) > 0 {
		p("\n## Parameters\n\n| parameter | value |\n|---|---|\n")
		for _, x := range c.Parameters {
			p("| %s | %s |\n", cell(x.Name), cell(x.Value))
		}
	}
	if len(c.Limitations) > 0 {
		p("\n## Limitations\n\n")
		for _, l := range c.Limitations {
			p("- %s\n", l)
		}
	}
	if len(c.Features) > 0 {
		p("\n## Features\n\n| feature | family | meaning |\n|---|---|---|\n")
		for _, f := range c.Features {
			p("| `%s` | %s | %s |\n", f.Name, cell(f.Family), cell(f.Meaning))
		}
	}
	return b.String()
}

const metricsHead = "rows | base rate | AUC | PR-AUC | KS | log loss | Brier | skill | ECE | slope | in the large | lift@10 %% |\n"

func metricsCells(m Metrics) string {
	return fmt.Sprintf("%d | %s | %s | %s | %s | %s | %s | %s | %s | %s | %s | %s |",
		m.Rows, figure(m.BaseRate), figure(m.AUC), figure(m.PRAUC), figure(m.KS), figure(m.LogLoss), figure(m.Brier),
		figure(m.BrierSkill), figure(m.ECE), figure(m.CalibSlope), figure(m.CalibInTheLarge), figure(m.LiftAtTenPercent))
}

// markdownFigures renders what compares predictions with outcomes.
func (c Card) markdownFigures(p func(string, ...any)) {
	p("\n## On the test part\n\n| model | "+metricsHead+"|---|%s\n", strings.Repeat("---|", 12))
	for _, m := range c.Models {
		name := cell(m.Name)
		if m.Champion {
			name = "**" + name + "**"
		}
		p("| %s | %s\n", name, metricsCells(m.Metrics))
	}
	if len(c.Segments) > 0 {
		p("\n## By segment\n\n| column | value | "+metricsHead+"|---|---|%s\n", strings.Repeat("---|", 12))
		for _, s := range c.Segments {
			p("| %s | %s | %s\n", cell(s.Column), cell(s.Value), metricsCells(s.Metrics))
		}
	}
	if c.Calibration.Method != "" {
		p("\n## Calibration\n\nMethod: %s. Before it: log loss %s, ECE %s, slope %s.\n\n", c.Calibration.Method,
			figure(c.Calibration.Before.LogLoss), figure(c.Calibration.Before.ECE), figure(c.Calibration.Before.CalibSlope))
		p("| rows | mean prediction | observed | 95 %% interval |\n|---|---|---|---|\n")
		for _, r := range c.Calibration.Reliability {
			p("| %d | %.4f | %.4f | %.4f to %.4f |\n", r.Rows, r.MeanPred, r.Observed, r.LoObs, r.HiObs)
		}
	}
	if len(c.Lift) > 0 {
		p("\n## Lift\n\n| bin | rows | rate | lift | caught so far | lift so far |\n|---|---|---|---|---|---|\n")
		for _, l := range c.Lift {
			p("| %d | %d | %.4f | %.2f | %.1f %% | %.2f |\n", l.Bin, l.Rows, l.Rate, l.Lift, 100*l.CumCatch, l.CumLift)
		}
	}
}

func (c Card) markdownUplift(p func(string, ...any)) {
	if len(c.Uplift) == 0 {
		return
	}
	p("\n## Uplift\n\n| treatment | learner | rows | mean effect | mean estimate | Qini | uplift@30 %% |\n|---|---|---|---|---|---|---|\n")
	for _, u := range c.Uplift {
		p("| %s | %s | %d | %s | %s | %s | %s |\n", cell(u.Treatment), cell(u.Learner), u.Rows, figure(u.ATE), figure(u.MeanEstimate), figure(u.Qini), figure(u.UpliftAt30))
	}
}

func (c Card) markdownImportance(p func(string, ...any)) {
	if len(c.Importance) == 0 {
		return
	}
	p("\n## Importance (mean |SHAP|, in log-odds)\n\n| feature | mean abs SHAP |\n|---|---|\n")
	for _, x := range c.Importance[:min(topImportance, len(c.Importance))] {
		p("| `%s` | %.4f |\n", x.Feature, x.MeanAbsSHAP)
	}
	if rest := len(c.Importance) - topImportance; rest > 0 {
		p("\n%d more features are in the JSON form.\n", rest)
	}
}

// figure formats a number that may be undefined.
func figure(f float64) string {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return "–"
	}
	return strconv.FormatFloat(f, 'f', 4, 64)
}

// cell keeps text within its table cell.
func cell(s string) string {
	return strings.NewReplacer("|", "\\|", "\n", " ").Replace(s)
}
