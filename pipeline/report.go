package pipeline

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"dunning/data"
	"dunning/pipeline/kpi"
	"dunning/pipeline/report"
)

// Outputs of the report stage.
const (
	ReportName        = "report.html"    // the page, in Portuguese
	ReportTextName    = "report.txt"     // what a run prints at its end, in English
	reportEnglishName = "report.en.html" // the page, in English
	reportJSONName    = "report.json"    // report.Data
)

// kpiMonths is how many months of the portfolio the report shows.
const kpiMonths = 12

// ReportStage puts everything a person wants to see of a run into one page.
func ReportStage() Stage {
	return Stage{
		Name: "report", Title: "indicators and pictures",
		Folder: "reports/{as_of}", Inputs: []string{"extract", "features", "train", "segments", "score", "optimize", "forecast"},
		Seeded: true,
		Config: func(c *Config) any {
			return []any{c.HoldoutShare, c.Channels, c.BudgetCents, c.Segments, c.Plan, c.Policy, c.Value, c.Features}
		},
		Prepare: prepareReport,
		Run:     runReport,
	}
}

// beside is what the report reads beside the stages.
type beside struct {
	champion *TrainedVersion // that this day's training would replace; nil for none
	refused  string          // why the gate refused this day's training
}

// prepareReport returns what the report reads beside the stages: the truth, the
// version of the models that this day's would replace, and what the gate said.
func prepareReport(_ context.Context, w *Work) (map[string]string, error) {
	hashes, err := truthHashes(w)
	if err != nil {
		return nil, err
	}
	champion, err := championBefore(w.Home, w.AsOf)
	if err != nil {
		return nil, err
	}
	refused, err := refusedOn(w.Home, w.AsOf)
	if err != nil {
		return nil, err
	}
	if hashes == nil {
		hashes = map[string]string{}
	}
	w.prepared = &beside{champion, refused}
	if champion != nil {
		hashes["champion"] = champion.ID
	}
	if refused != "" {
		hashes["refused"] = refused
	}
	return hashes, nil
}

func runReport(ctx context.Context, w *Work) error {
	d := report.Data{AsOf: w.AsOf, Sources: sourceCounts(w.Input("extract").Manifest)}
	var err error
	d.Portfolio, err = kpi.Compute(ctx, kpi.Config{Lake: w.Input("extract").Dir, AsOf: w.AsOf, Months: kpiMonths,
		Members: w.Input("segments").Path(segmentMembersFile), MemoryMB: w.Config.MemoryMB, Threads: w.Config.Threads, TempDir: w.Tmp})
	if err != nil {
		return err
	}
	if err := nameSegments(d.Portfolio.Segments, w.Input("segments").Dir); err != nil {
		return err
	}
	d.Currency = d.Portfolio.Currency
	w.Advance(1, 4)
	var evaluation Evaluation
	if err := readJSON(w.Input("train").Path(evaluationFile), &evaluation); err != nil {
		return err
	}
	d.Evaluation, d.Uplift, d.Health = evaluation.Payment, evaluation.Uplift, evaluation.Health
	more := w.prepared.(*beside)
	if champion := more.champion; champion != nil {
		trained := &TrainedVersion{Evaluation: evaluation}
		if trained.heldOut, err = data.Read[HeldOut](w.Input("train").Path(heldOutFile)); err != nil {
			return err
		}
		d.Comparison = compareVersions(trained, champion)
	}
	var plan Optimization
	if err := readJSON(w.Input("optimize").Path(optimizationFile), &plan); err != nil {
		return err
	}
	d.Plan, d.Blocked, d.TopActions, d.Reguas = plan.Plan, plan.Blocked, plan.TopActions, plan.Reguas
	if d.Forecast, err = ReadForecast(w.Input("forecast").Dir); err != nil {
		return err
	}
	d.Plan.RefusedTraining = more.refused
	if d.Truth, err = compareWithTruth(ctx, w); err != nil {
		return err
	}
	d.Simulated = d.Truth != nil
	w.Advance(3, 4)
	for _, stage := range []string{"extract", "features", "train", "score", "optimize"} {
		m := w.Input(stage).Manifest
		d.Manifests = append(d.Manifests, report.Manifest{Stage: stage, Key: m.Key, Rows: w.Input(stage).Rows(),
			Files: len(m.Files), Seed: m.Seed, CodeVersion: m.CodeVersion})
	}
	return writeReport(w.Dir, d)
}

// nameSegments puts the words of the stage's segments to their indicators, in
// its order.
func nameSegments(rows []data.SegmentIndicators, folder string) error {
	summary, err := ReadSegments(folder)
	if err != nil {
		return err
	}
	place := map[string]int{}
	for i, s := range summary.Segments {
		place[string(s.Segment)] = i
	}
	for i := range rows {
		s := &summary.Segments[place[rows[i].Segment]]
		rows[i].Name, rows[i].EnglishName, rows[i].Description, rows[i].EnglishDescription = s.Name, s.EnglishName, s.Description, s.EnglishDescription
	}
	slices.SortFunc(rows, func(a, b data.SegmentIndicators) int { return cmp.Compare(place[a.Segment], place[b.Segment]) })
	return nil
}

// writeReport writes the report in every form.
func writeReport(dir string, d report.Data) error {
	for _, form := range []struct {
		name  string
		write func(io.Writer) error
	}{
		{ReportName, func(w io.Writer) error { return report.HTML(w, d, "pt") }},
		{reportEnglishName, func(w io.Writer) error { return report.HTML(w, d, "en") }},
		{ReportTextName, func(w io.Writer) error { return report.Text(w, d, "en") }},
		{reportJSONName, func(w io.Writer) error { return report.JSON(w, d) }},
	} {
		var buf bytes.Buffer
		if err := form.write(&buf); err != nil {
			return err
		}
		if err := data.WriteFile(filepath.Join(dir, form.name), buf.Bytes()); err != nil {
			return err
		}
	}
	return nil
}

func readJSON(path string, v any) error {
	b, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("pipeline: %w", err)
	}
	if err := json.Unmarshal(b, v); err != nil {
		return fmt.Errorf("%s: %w: %w", path, data.ErrDamagedFile, err)
	}
	return nil
}

// sourceCounts says what became of each source table.
func sourceCounts(m data.Manifest) []report.Source {
	var out []report.Source
	for _, c := range ExtractCounts(m) {
		s := report.Source{Table: c.Table, Rows: c.In, Accepted: c.Accepted, Quarantined: c.Quarantined}
		for _, r := range c.Rules {
			s.Rules = append(s.Rules, report.RuleCount{Rule: r.Rule, Rows: r.Rows})
		}
		out = append(out, s)
	}
	return out
}

// truthHashes returns the content hashes of the simulator's truth, none where
// the portfolio is real.
func truthHashes(w *Work) (map[string]string, error) {
	out := map[string]string{}
	for _, name := range []string{truthDecisions, truthAsOf, truthConfig} {
		sum, err := w.hashes.hash(filepath.Join(w.Home, filepath.FromSlash(name)))
		if errors.Is(err, fs.ErrNotExist) {
			if name == truthConfig {
				continue
			}
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		out[name] = sum
	}
	return out, nil
}
