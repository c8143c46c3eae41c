package pipeline

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"dunning/data"
)

// Holds of plans that were carried out. What was sent is reported with the
// probability with which it was chosen; that somebody was left alone, and with which
// probability, only the plan's decisions say. They become rows of the touches with
// the channel hold, as far as days have come about which something was reported, so
// that the next training has both sides of every choice. A plan of which nothing was
// sent decided nothing.

// heldFolder is where the decisions of such plans are kept within the scratch
// folder of extract.
const heldFolder = "decisions"

// planHold stands in the touch_id of every hold that one of our plans decided, and
// tells it from those of the company's own log.
const planHold = "/hold/"

// linkFeedback keeps what plans led to as it is now: what was sent and reported, and
// whom they left alone.
func linkFeedback(w *Work, bound map[string]boundSource, sums map[string]string) (preparedExtract, error) {
	events, err := linkEvents(w, bound, sums)
	if err != nil {
		return preparedExtract{}, err
	}
	holds, err := linkHolds(w, events, sums)
	return preparedExtract{bound, events, holds}, err
}

// addFeedback puts it beside the company's own rows.
func (x *extraction) addFeedback(prepared preparedExtract) error {
	if err := x.addEvents(prepared.events); err != nil {
		return err
	}
	x.addHolds(prepared.holds, prepared.events["touches"])
	return nil
}

// linkHolds keeps the decisions of the plans that sent something; their hashes join
// sums. It returns the glob of the files, "" for none.
func linkHolds(w *Work, events map[string]string, sums map[string]string) (glob string, err error) {
	if events["touches"] == "" {
		return "", nil
	}
	sent, err := sentPlans(events["touches"])
	if err != nil {
		return "", err
	}
	stage := OptimizeStage()
	entries, err := os.ReadDir(filepath.Dir(stage.FolderOf(w.Home, w.AsOf)))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("pipeline: %w", err)
	}
	to := filepath.Join(w.Tmp, heldFolder)
	for _, entry := range entries {
		day, err := data.ParseDate(entry.Name())
		if err != nil {
			continue // the output behind a visible name
		}
		out, err := OpenOutput(stage.FolderOf(w.Home, day))
		if err != nil {
			continue // not an output of this program, or of an older one: nothing can be learned from it
		}
		if !slices.ContainsFunc(out.Manifest.Files, func(f data.File) bool { return f.Name == DecisionsFile && f.Rows > 0 }) {
			continue
		}
		plan, err := planOf(out)
		if err != nil {
			return "", err
		}
		if !sent[plan] {
			continue
		}
		if err := makeDir(to); err != nil {
			return "", err
		}
		sum, err := linkEvent(out.Path(DecisionsFile), filepath.Join(to, entry.Name()+".parquet"))
		if err != nil {
			return "", err
		}
		sums[heldFolder+" "+entry.Name()] = sum
		glob = filepath.Join(to, "*.parquet")
	}
	return glob, nil
}

// planOf reads whose decisions an output has.
func planOf(out Output) (string, error) {
	for batch, err := range data.Scan[Decision](out.Path(DecisionsFile)) {
		if err != nil {
			return "", err
		}
		return batch[0].PlanID, nil
	}
	return "", nil
}

// sentPlans lists the plans of which something was sent.
func sentPlans(glob string) (map[string]bool, error) {
	files, err := filepath.Glob(glob)
	if err != nil {
		return nil, fmt.Errorf("pipeline: %w", err)
	}
	plans := map[string]bool{}
	for _, path := range files {
		if err := addSentPlans(path, plans); err != nil {
			return nil, fmt.Errorf("%s: %w: %w", filepath.Base(path), data.ErrBadInput, err)
		}
	}
	return plans, nil
}

func addSentPlans(path string, plans map[string]bool) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	r := csv.NewReader(f)
	names, err := r.Read()
	if errors.Is(err, io.EOF) {
		return nil
	}
	column := slices.Index(names, "plan_id")
	if err != nil || column < 0 {
		return err
	}
	for {
		row, err := r.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		plans[row[column]] = true
	}
}

// addHolds puts the holds beside the touches.
func (x *extraction) addHolds(glob, touches string) {
	if glob == "" {
		return
	}
	own := x.sources["touches"]
	own.query, own.unsorted = fmt.Sprintf(`%s
UNION ALL BY NAME SELECT plan_id || %s || customer_id || '/' || step AS touch_id, customer_id, 'hold' AS channel,
  strftime(day, '%%Y-%%m-%%d') || 'T00:00:00.000000Z' AS sent_at, '0' AS cost_cents, '' AS template, plan_id, CAST(prob_hold AS VARCHAR) AS treat_prob
FROM read_parquet(%s) WHERE "option" = 'hold' AND prob_hold < 1
  AND strftime(day, '%%Y-%%m-%%d') <= (SELECT max(left(sent_at, 10)) FROM %s)`, own.query, quote(planHold), quote(glob), readEvent(touches)), true
	x.sources["touches"] = own
}
