package pipeline

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"runtime"
	"slices"
	"strings"

	"dunning/data"
	"dunning/models/segments"
	"dunning/optimizer"
	"dunning/pipeline/allocation"
	"dunning/policy"
)

// Config is what HOME/dunning.yaml says. [LoadConfig] reads it; every field
// left out has the default that [DefaultConfig] gives it. A stage's key hashes
// only the part of it that the stage reads.
type Config struct {
	// AsOf is the day for which the plan is made: features see what happened
	// strictly before it. Nil: the day after the last event of the sources.
	AsOf *data.Date `koanf:"as_of"`
	// Seed fixes every random choice: samples, bags, holdout. Default 1.
	Seed uint64 `koanf:"seed"`
	// Partitions is the number of files that each table of the lake is split
	// into by customer; 1 to 1024, default 8. More partitions need less memory
	// per worker.
	Partitions int `koanf:"partitions"`
	// Threads is the number of cores used; 0, the default, means all. It
	// changes no result.
	Threads int `koanf:"threads"`
	// MemoryMB bounds the memory of the SQL engine, in MiB; at least 256,
	// default 1024. It spills to HOME/tmp beyond that.
	MemoryMB int `koanf:"memory_mb"`

	// Sources gives each source table its query. customers, invoices and
	// payments are required; any other table that is left out is empty.
	Sources map[string]Source `koanf:"sources"`

	Quarantine QuarantineConfig `koanf:"quarantine"`
	Features   FeaturesConfig   `koanf:"features"`
	Train      TrainConfig      `koanf:"train"`
	// Models says who may put a version of the models into force.
	Models ModelsConfig `koanf:"models"`

	// Channels are the channels that a plan may use. Default: all five. A
	// file that has this section replaces the default as a whole.
	Channels map[data.Channel]ChannelConfig `koanf:"channels"`
	// BudgetCents is what a plan may spend, in cents; ≥ 0, default 150000.
	BudgetCents data.Cents `koanf:"budget_cents"`
	// Segments are further rows of the optimization, one per segment.
	Segments []SegmentRow `koanf:"segments"`
	// Policy holds the company's own limits on contact, and the rule packs.
	Policy policy.Config `koanf:"policy"`
	// HoldoutShare is the share of customers whom no plan ever touches, so
	// that effects stay measurable; 0 to 0.5, default 0.05.
	HoldoutShare float64 `koanf:"holdout_share"`
	// Explore says how much of a plan is drawn at random, to learn from.
	Explore ExploreConfig `koanf:"explore"`
	// Plan says which ladders a plan may hold.
	Plan PlanConfig `koanf:"plan"`
	// Value says which estimate the plan maximises: "mean", the default, the
	// expected additional recovery, or "lower", its lower confidence bound.
	Value string `koanf:"value"`

	dir string // the folder of the file: relative paths in queries start here
}

// Source is where one source table comes from.
type Source struct {
	// Query is SQL that yields the table's columns: DuckDB's dialect over
	// CSV, Parquet and JSON files, or PostgreSQL's where Postgres is set. A
	// string in it that names files ('sources/invoices.csv', 'p/*.parquet')
	// is resolved against the folder of dunning.yaml. Read CSV files with
	// all_varchar = true, so that bad values reach the quarantine instead of
	// stopping the reader.
	Query string `koanf:"query"`
	// Postgres makes Query run on a PostgreSQL server.
	Postgres *PostgresConfig `koanf:"postgres"`
	// Files are further files (globs) whose change makes extract run again,
	// where the query does not name them.
	Files []string `koanf:"files"`
}

// PostgresConfig says how to reach a PostgreSQL server.
type PostgresConfig struct {
	// DSNEnv names the environment variable that holds the connection string.
	// The string itself is never written to a file or a log.
	DSNEnv string `koanf:"dsn_env"`
}

// QuarantineConfig bounds what extract may set aside.
type QuarantineConfig struct {
	// MaxShare is the share of a table's rows that may break a rule before the
	// run stops; 0 to 1, default 0.05.
	MaxShare float64 `koanf:"max_share"`
	// DocumentHMACKeyEnv names the environment variable with the key (at least
	// 16 bytes) that turns CPF and CNPJ into pseudonyms. Empty: a random key
	// in HOME/document.key, made at the first use.
	DocumentHMACKeyEnv string `koanf:"document_hmac_key_env"`
}

// FeaturesConfig says which decision points are learned from, and how far.
type FeaturesConfig struct {
	// HorizonDays is the effect window: the outcome of a decision is what is
	// paid within so many days; 1 to 90, default 7.
	HorizonDays int `koanf:"horizon_days"`
	// PlanDays is the number of days that one plan covers; 1 to 31, default 7.
	PlanDays int `koanf:"plan_days"`
	// MaxTrainingRows bounds the training table; beyond it decision points
	// are sampled by a hash of their ids; at least 100, default 100000.
	MaxTrainingRows int `koanf:"max_training_rows"`
	// MaxAgeMonths is how many months before AsOf decision points are taken
	// from; at least 1, default 24.
	MaxAgeMonths int `koanf:"max_age_months"`
	// DecisionPoints is a DuckDB query over the extracted tables that gives
	// customer_id, as_of, option and treat_prob. Empty: the logged touches.
	DecisionPoints string `koanf:"decision_points"`
}

// TrainConfig fixes the learners.
type TrainConfig struct {
	// Split is "time:auto", the latest TestShare of the decision points, or
	// "time:DATE", those from DATE on. Default "time:auto".
	Split string `koanf:"split"`
	// TestShare is the share held out under "time:auto"; above 0, at most 0.5,
	// default 0.2.
	TestShare float64 `koanf:"test_share"`
	// Rounds is the number of boosting rounds; 1 to 10000, default 150.
	Rounds int `koanf:"rounds"`
	// Depth is the depth of a tree; 1 to 12, default 4.
	Depth int `koanf:"depth"`
	// Eta is the learning rate; above 0, at most 1, default 0.1.
	Eta float64 `koanf:"eta"`
	// Bags is how many uplift models are averaged; their spread gives the
	// lower bound; 1 to 50, default 3.
	Bags int `koanf:"bags"`
	// Calibrate is "auto", "isotonic", "platt" or "none". Default "auto".
	Calibrate string `koanf:"calibrate"`
	// Exclude lists features that no model may read.
	Exclude []string `koanf:"exclude"`
}

// ModelsConfig says who may put a version of the models into force.
type ModelsConfig struct {
	// OtherPerson demands that a version is promoted by somebody else than who
	// trained it; then no run promotes by itself. Default false.
	OtherPerson bool `koanf:"other_person"`
}

// ExploreConfig says how much of a plan is drawn at random.
type ExploreConfig struct {
	// Share is the part of the touches, of the budget and of the capacities that
	// is drawn; 0 to 0.5, default 0.05. 0 switches exploration off.
	Share float64 `koanf:"share"`
	// Floor is the least probability of every option that may be drawn, as far as
	// Share allows; 0 to 0.1, at most half of Share, default 0.002.
	Floor float64 `koanf:"floor"`
}

// PlanConfig bounds the ladders of a plan.
type PlanConfig struct {
	// MaxTouches is how many touches one customer may get in one plan; 1 to 6,
	// default 3. The company's own limits in Policy hold beside it.
	MaxTouches int `koanf:"max_touches"`
	// MinGapDays is the least number of days from touch to touch of a ladder;
	// 1 to 31, default 2. A larger policy.min_gap_days holds instead.
	MinGapDays int `koanf:"min_gap_days"`
	// Discount says what a further touch is worth over the same touch alone.
	// Empty, the default: what the training found in the log (or its cautious
	// default where the log is too thin).
	Discount []allocation.Discount `koanf:"discount"`
}

// ChannelConfig is what a touch on a channel costs, and how many fit a day.
type ChannelConfig struct {
	// CostCents is the price of one touch, in cents; ≥ 0.
	CostCents data.Cents `koanf:"cost_cents"`
	// CapacityPerDay is how many touches a day the channel can carry. Left
	// out (nil): no limit. 0 closes the channel.
	CapacityPerDay *int64 `koanf:"capacity_per_day"`
}

// SegmentRow limits or demands contact within one segment.
type SegmentRow struct {
	// Segment is a named segment of the stage segments, or a value of
	// customers.segment. The rows of one configuration speak of one kind.
	Segment string `koanf:"segment"`
	// MinCoverage is the share of the segment's candidates' customers whom the
	// plan must touch; 0 to 1. Nil: no demand.
	MinCoverage *float64 `koanf:"min_coverage"`
	// MaxShare is the share of the budget that the segment may take; 0 to 1.
	// Nil: no limit.
	MaxShare *float64 `koanf:"max_share"`
}

// SourceTables lists the source tables in the order in which extract reads
// them: a table refers only to earlier ones.
var SourceTables = [...]string{
	"customers", "invoices", "payments", "touches", "touch_events", "promises", "bureau_reports", "disputes",
}

// requiredTables must have a source and at least one accepted row, save
// payments, which may be empty.
var requiredTables = [...]string{"customers", "invoices", "payments"}

// DefaultConfig returns the configuration that an empty file gives: CSV files
// under HOME/sources. The caller owns it.
func DefaultConfig() *Config {
	return defaultConfig("csv")
}

func defaultConfig(format string) *Config {
	c := &Config{
		Seed: 1, Partitions: 8, MemoryMB: 1024,
		Sources:    map[string]Source{},
		Quarantine: QuarantineConfig{MaxShare: 0.05},
		Features:   FeaturesConfig{HorizonDays: 7, PlanDays: 7, MaxTrainingRows: 100_000, MaxAgeMonths: 24},
		Train: TrainConfig{Split: "time:auto", TestShare: 0.2, Rounds: 150, Depth: 4, Eta: 0.1,
			Bags: 3, Calibrate: "auto", Exclude: []string{}},
		Channels: map[data.Channel]ChannelConfig{
			data.Email:    {CostCents: 2, CapacityPerDay: capacity(20_000)},
			data.SMS:      {CostCents: 9, CapacityPerDay: capacity(2_000)},
			data.WhatsApp: {CostCents: 35, CapacityPerDay: capacity(500)},
			data.Voice:    {CostCents: 60, CapacityPerDay: capacity(150)},
			data.Letter:   {CostCents: 450, CapacityPerDay: capacity(20)},
		},
		BudgetCents:  150_000,
		Segments:     []SegmentRow{},
		Policy:       policy.DefaultConfig(),
		HoldoutShare: 0.05,
		Explore:      ExploreConfig{Share: 0.05, Floor: 0.002},
		Plan:         PlanConfig{MaxTouches: 3, MinGapDays: 2, Discount: []allocation.Discount{}},
		Value:        "mean",
	}
	for _, t := range SourceTables {
		c.Sources[t] = Source{Query: fileQuery(t, format)}
	}
	return c
}

// cores returns how many goroutines work at a time.
func (c *Config) cores() int { return cmp.Or(c.Threads, runtime.GOMAXPROCS(0)) }

func capacity(n int64) *int64 { return &n }

// faults is several errors that are shown on one line.
type faults []error

func (f faults) Error() string {
	texts := make([]string, len(f))
	for i, e := range f {
		texts[i] = e.Error()
	}
	return strings.Join(texts, "; ")
}

func (f faults) Unwrap() []error { return f }

// check adds a fault unless ok.
func (f *faults) check(ok bool, format string, args ...any) {
	if !ok {
		*f = append(*f, fmt.Errorf(format, args...))
	}
}

// within adds a fault unless lo ≤ v ≤ hi; NaN is a fault.
func (f *faults) within(key string, v, lo, hi float64) {
	switch {
	case v >= lo && v <= hi:
	case math.IsInf(hi, 1):
		f.check(false, "%s: %v is below %v", key, v, lo)
	default:
		f.check(false, "%s: %v is not within %v to %v", key, v, lo, hi)
	}
}

// Validate returns every fault of c at once, in an error that wraps
// [data.ErrUsage], or nil. It opens no file and reads no environment.
func (c *Config) Validate() error {
	var f faults
	inf := math.Inf(1)
	f.within("partitions", float64(c.Partitions), 1, 1024)
	f.within("threads", float64(c.Threads), 0, 1024)
	f.within("memory_mb", float64(c.MemoryMB), 256, inf)
	f.within("budget_cents", float64(c.BudgetCents), 0, inf)
	f.within("holdout_share", c.HoldoutShare, 0, 0.5)
	f.within("explore.share", c.Explore.Share, 0, 0.5)
	f.within("explore.floor", c.Explore.Floor, 0, 0.1)
	f.check(c.Explore.Share == 0 || c.Explore.Floor <= c.Explore.Share/2, "explore.floor: %v is above half of explore.share", c.Explore.Floor)
	f.check(c.Value == "mean" || c.Value == "lower", "value: %q is neither mean nor lower", c.Value)
	f.within("quarantine.max_share", c.Quarantine.MaxShare, 0, 1)
	c.validateSources(&f)
	c.validateLearning(&f)
	c.validatePlan(&f)
	if len(f) == 0 {
		return nil
	}
	return fmt.Errorf("%w: %w", data.ErrUsage, f)
}

func (c *Config) validateSources(f *faults) {
	for _, t := range requiredTables {
		_, ok := c.Sources[t]
		f.check(ok, "sources.%s: missing; give it a query", t)
	}
	for _, t := range sortedKeys(c.Sources) {
		s := c.Sources[t]
		f.check(slices.Contains(SourceTables[:], t), "sources.%s: no such table%s (have %s)",
			t, suggest(t, SourceTables[:]), strings.Join(SourceTables[:], ", "))
		f.check(strings.TrimSpace(s.Query) != "", "sources.%s.query: empty", t)
		if s.Postgres != nil {
			f.check(isEnvName(s.Postgres.DSNEnv), "sources.%s.postgres.dsn_env: %q is not the name of an environment variable; keep the connection string itself out of the file", t, redact(s.Postgres.DSNEnv))
		}
	}
	if k := c.Quarantine.DocumentHMACKeyEnv; k != "" {
		f.check(isEnvName(k), "quarantine.document_hmac_key_env: not the name of an environment variable; keep the key itself out of the file")
	}
}

func (c *Config) validateLearning(f *faults) {
	inf := math.Inf(1)
	f.within("features.horizon_days", float64(c.Features.HorizonDays), 1, 90)
	f.within("features.plan_days", float64(c.Features.PlanDays), 1, 31)
	f.within("features.max_training_rows", float64(c.Features.MaxTrainingRows), 100, inf)
	f.within("features.max_age_months", float64(c.Features.MaxAgeMonths), 1, 1200)
	t := c.Train
	if _, _, err := t.SplitDate(); err != nil {
		f.check(false, "train.split: %w", err)
	}
	f.check(t.TestShare > 0 && t.TestShare <= 0.5, "train.test_share: %v is not above 0 and at most 0.5", t.TestShare)
	f.within("train.rounds", float64(t.Rounds), 1, 10_000)
	f.within("train.depth", float64(t.Depth), 1, 12)
	f.check(t.Eta > 0 && t.Eta <= 1, "train.eta: %v is not above 0 and at most 1", t.Eta)
	f.within("train.bags", float64(t.Bags), 1, 50)
	calibrations := []string{"auto", "isotonic", "platt", "none"}
	f.check(slices.Contains(calibrations, t.Calibrate), "train.calibrate: %q is none of %s", t.Calibrate, strings.Join(calibrations, ", "))
}

func (c *Config) validatePlan(f *faults) {
	f.check(len(c.Channels) > 0, "channels: none; a plan needs one")
	for _, ch := range sortedKeys(c.Channels) {
		if _, err := data.ParseChannel(string(ch)); err != nil {
			f.check(false, "channels.%s: %w", ch, err)
		}
		f.within("channels."+string(ch)+".cost_cents", float64(c.Channels[ch].CostCents), 0, math.Inf(1))
		if n := c.Channels[ch].CapacityPerDay; n != nil {
			f.within("channels."+string(ch)+".capacity_per_day", float64(*n), 0, math.Inf(1))
		}
	}
	seen := map[string]bool{}
	for i, s := range c.Segments {
		key := fmt.Sprintf("segments[%d]", i)
		f.check(s.Segment != "", "%s.segment: empty", key)
		f.check(!seen[s.Segment], "%s.segment: %q is listed twice", key, s.Segment)
		seen[s.Segment] = true
		f.check(segments.Key(s.Segment).Valid() == segments.Key(c.Segments[0].Segment).Valid(),
			"%s.segment: %q and %q: rows speak of the named segments (dunning segments list) or of the company's own, not of both", key, c.Segments[0].Segment, s.Segment)
		f.check(s.MinCoverage != nil || s.MaxShare != nil, "%s: neither min_coverage nor max_share", key)
		if s.MinCoverage != nil {
			f.within(key+".min_coverage", *s.MinCoverage, 0, 1)
		}
		if s.MaxShare != nil {
			f.within(key+".max_share", *s.MaxShare, 0, 1)
		}
	}
	f.within("plan.max_touches", float64(c.Plan.MaxTouches), 1, optimizer.MaxTouches)
	f.within("plan.min_gap_days", float64(c.Plan.MinGapDays), 1, 31)
	if _, err := allocation.DiscountTable(c.Plan.Discount); err != nil {
		f.check(false, "plan.%w", err)
	}
	if err := c.Policy.Validate(); err != nil {
		*f = append(*f, err)
	}
}

// SplitDate returns the first day of the held-out period under "time:DATE",
// and auto = true under "time:auto".
func (t TrainConfig) SplitDate() (day data.Date, auto bool, err error) {
	rest, ok := strings.CutPrefix(t.Split, "time:")
	if !ok {
		return 0, false, fmt.Errorf("%q is neither time:auto nor time:DATE", t.Split)
	}
	if rest == "auto" {
		return 0, true, nil
	}
	day, err = data.ParseDate(rest)
	return day, false, err
}

// Capacity returns how many touches a day ch can carry, and whether that is
// limited at all. A channel that is not configured carries none.
func (c *Config) Capacity(ch data.Channel) (n int64, limited bool) {
	conf, ok := c.Channels[ch]
	switch {
	case !ok:
		return 0, true
	case conf.CapacityPerDay == nil:
		return 0, false
	}
	return *conf.CapacityPerDay, true
}

// Dir is the folder of the configuration file: relative paths in queries start
// there.
func (c *Config) Dir() string { return c.dir }

var errNoConfig = errors.New("no configuration")
