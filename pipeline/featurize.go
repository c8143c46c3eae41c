package pipeline

import (
	"context"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"dunning/data"
	"dunning/features"
)

// Files of the features stage.
const (
	trainingFile   = "training.parquet" // decision points with labels, a sample
	scoringFile    = "scoring.parquet"  // open customers at AsOf
	planningTable  = "planning"         // the same customers on each day of the plan, by partition
	vocabularyFile = "vocabulary.json"  // codes of categories, kept with the models
)

// FeaturesStage computes the training and scoring tables of one AsOf.
func FeaturesStage() Stage {
	return Stage{
		Name: "features", Title: "point-in-time features and labels",
		Folder: "lake/features/{as_of}", Inputs: []string{"extract"}, Seeded: true,
		Config: func(c *Config) any {
			return []any{c.Features, c.Partitions, c.Train.Split, c.Train.TestShare}
		},
		Run: runFeatures,
	}
}

// featurizer is the state of one run of the stage.
type featurizer struct {
	w         *Work
	dir       string // of the extracted lake
	parts     int
	end       data.Date // first day of which the lake knows nothing
	decisions features.Decisions
	explicit  []map[string][]features.Point // by partition and customer; nil when points come from the log
	cohorts   *features.Cohorts
	prices    *features.Prices
	words     *features.Vocabulary
	// learnUntil is the day before which categories and baselines are learned,
	// so that the test period has no part in them.
	learnUntil data.Date
	keep       uint64 // points with a hash up to this one are in the sample
}

func runFeatures(ctx context.Context, w *Work) error {
	extract := w.Input("extract")
	f := &featurizer{w: w, dir: extract.Dir, parts: len(extract.Parts("customers"))}
	f.end = min(w.AsOf, data.Date(extract.Manifest.Counts[countLastEvent])+1)
	if err := f.readWhole(ctx); err != nil {
		return err
	}
	if err := f.survey(ctx); err != nil {
		return err
	}
	return f.compute(ctx)
}

// readWhole prepares what is the same for all customers: cohorts, prices, the
// kind of log, explicit decision points.
func (f *featurizer) readWhole(ctx context.Context) error {
	in := f.w.Input("extract")
	rows, err := writeCohorts(ctx, f.w, in, f.w.AsOf)
	if err != nil {
		return err
	}
	if f.cohorts, err = features.NewCohorts(rows); err != nil {
		return err
	}
	if f.prices, err = touchPrices(ctx, f.w, in, f.w.AsOf); err != nil {
		return err
	}
	if f.learnUntil, err = testFrom(f.w.Config, f.w.AsOf, in.Manifest); err != nil {
		return err
	}
	f.decisions.From, f.decisions.To = decisionDays(f.w.Config, f.w.AsOf, in.Manifest)
	if f.w.Config.Features.DecisionPoints != "" {
		return f.readPoints(ctx)
	}
	f.decisions.Logged, f.decisions.LoggedFrom, err = logsHolds(f.dir, f.parts)
	return err
}

// readPoints runs the user's query for decision points.
func (f *featurizer) readPoints(ctx context.Context) error {
	dir, err := decisionPoints(ctx, f.w, f.w.Input("extract"))
	if err != nil {
		return err
	}
	f.explicit = make([]map[string][]features.Point, f.parts)
	for part := range f.parts {
		f.explicit[part] = map[string][]features.Point{}
		rows, err := data.Read[features.PointRow](filepath.Join(dir, features.PartName(part)))
		if err != nil {
			return err
		}
		for _, r := range rows {
			if r.AsOf >= f.decisions.From && r.AsOf < f.decisions.To {
				f.explicit[part][r.CustomerID] = append(f.explicit[part][r.CustomerID], r.Point())
			}
		}
	}
	return nil
}

// logsHolds reports whether the company's touch log keeps decisions not to contact
// and, where only our own plans do, from which day on (0 for never).
func logsHolds(dir string, parts int) (logged bool, from data.Date, err error) {
	type holds struct {
		TouchID string       `parquet:"touch_id"`
		Channel data.Channel `parquet:"channel,dict"`
		SentAt  time.Time    `parquet:"sent_at,timestamp(microsecond)"`
	}
	for p := range parts {
		for batch, err := range data.Scan[holds](filepath.Join(dir, "touches", features.PartName(p))) {
			if err != nil {
				return false, 0, err
			}
			for _, t := range batch {
				switch day := data.DateOf(t.SentAt); {
				case t.Channel != data.Hold:
				case !strings.Contains(t.TouchID, planHold):
					return true, 0, nil
				case from == 0 || day < from:
					from = day
				}
			}
		}
	}
	return false, from, nil
}

// points returns the decision points of one customer.
func (f *featurizer) points(h *features.History, part int) []features.Point {
	if f.explicit == nil {
		return f.decisions.Points(h)
	}
	return h.Open(f.explicit[part][h.Customer.CustomerID])
}

// hash places a decision point in the order in which the sample takes them. It
// depends on the seed, the customer and the day alone, so that a sample does
// not change when other customers come or go.
func (f *featurizer) hash(customerID string, p features.Point) uint64 {
	h := fnv.New64a()
	fmt.Fprintf(h, "%d/%s@%d", f.w.Seed, customerID, p.AsOf)
	return mix(h.Sum64())
}

// passes is how often the stage reads every partition.
const passes = 2

// survey reads all histories once: the categories, and how many decision points
// there are to sample from.
func (f *featurizer) survey(ctx context.Context) error {
	builders := make([]features.VocabularyBuilder, f.parts)
	hashes := make([][]uint64, f.parts)
	err := f.w.eachPart(ctx, f.parts, 0, passes, func(ctx context.Context, part int) error {
		return f.eachHistory(ctx, part, func(h *features.History) error {
			builders[part].Add(h, f.learnUntil)
			for _, p := range f.points(h, part) {
				hashes[part] = append(hashes[part], f.hash(h.Customer.CustomerID, p))
			}
			return nil
		})
	})
	if err != nil {
		return err
	}
	for p := 1; p < f.parts; p++ {
		builders[0].Merge(&builders[p])
	}
	f.words = builders[0].Vocabulary()
	all := slices.Concat(hashes...)
	f.w.Count("decision_points", int64(len(all)))
	if len(all) == 0 {
		return fmt.Errorf("%w: there is no decision point with a known outcome before %s: a history of at least %d days with open invoices is needed (looked at from %s, features.max_age_months back, to %s, features.horizon_days before the sources end)",
			data.ErrBadInput, f.w.AsOf, f.w.Config.Features.HorizonDays+1, f.decisions.From, f.decisions.To-1)
	}
	slices.Sort(all)
	f.keep = all[min(len(all), f.w.Config.Features.MaxTrainingRows)-1]
	b, err := json.MarshalIndent(f.words, "", " ")
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(f.w.Dir, vocabularyFile), append(b, '\n'), 0o644)
}

// compute reads all histories again and writes the tables.
func (f *featurizer) compute(ctx context.Context) error {
	if err := os.Mkdir(filepath.Join(f.w.Dir, planningTable), 0o755); err != nil {
		return err
	}
	training := make([]*features.Frame, f.parts)
	scoring := make([]*features.Frame, f.parts)
	err := f.w.eachPart(ctx, f.parts, 1, passes, func(ctx context.Context, part int) error {
		training[part], scoring[part] = &features.Frame{}, &features.Frame{}
		return f.computePart(ctx, part, training[part], scoring[part])
	})
	if err != nil {
		return err
	}
	if err := f.writeTable(trainingFile, training, features.WriteTraining); err != nil {
		return err
	}
	return f.writeTable(scoringFile, scoring, features.WriteScoring)
}

func (f *featurizer) computePart(ctx context.Context, part int, training, scoring *features.Frame) error {
	c := features.NewComputer(f.words, f.cohorts, f.prices)
	outcome := features.Training{HorizonDays: f.w.Config.Features.HorizonDays, End: f.end}
	days := planDays(f.w)
	planning := &features.Frame{}
	err := f.eachHistory(ctx, part, func(h *features.History) error {
		points := slices.DeleteFunc(f.points(h, part), func(p features.Point) bool {
			return f.hash(h.Customer.CustomerID, p) > f.keep
		})
		c.AppendTraining(training, h, points, outcome)
		if c.AppendScoring(scoring, h, f.w.AsOf, f.w.AsOf) {
			c.AppendScoring(planning, h, f.w.AsOf, days...)
		}
		return nil
	})
	if err != nil {
		return err
	}
	return f.writeTable(planningTable+"/"+features.PartName(part), []*features.Frame{planning}, features.WriteScoring)
}

// planDays lists the days of the planning window, AsOf first.
func planDays(w *Work) []data.Date {
	days := make([]data.Date, w.Config.Features.PlanDays)
	for i := range days {
		days[i] = w.AsOf + data.Date(i)
	}
	return days
}

func (f *featurizer) writeTable(name string, parts []*features.Frame, write func(string, *features.Frame) (data.File, error)) error {
	frame, err := features.Concat(parts...)
	if err != nil {
		return err
	}
	file, err := write(filepath.Join(f.w.Dir, filepath.FromSlash(name)), frame)
	if err != nil {
		return err
	}
	f.w.Wrote(name, file)
	return nil
}

// eachHistory calls work for the customers of one partition in their order.
func (f *featurizer) eachHistory(ctx context.Context, part int, work func(*features.History) error) error {
	for h, err := range features.Histories(f.dir, part) {
		if err == nil {
			err = ctx.Err()
		}
		if err == nil {
			err = work(h)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
