package pipeline

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"

	"dunning/data"
)

// BacktestFile is the output of the backtest stage.
const BacktestFile = "backtest.json"

// Backtest says what policies are truly worth, on the simulator's truth, or,
// where the portfolio is real, by what the log says of them. Values are
// additional recovery in cents, before the cost of the touches.
type Backtest struct {
	AsOf      data.Date `json:"as_of"`
	Simulated bool      `json:"simulated"`
	Preset    string    `json:"preset,omitempty"` // of the simulator
	// Refused says why nothing could be judged; empty when something could.
	Refused string `json:"refused,omitempty"`

	Organic *BacktestOrganic `json:"organic,omitempty"`
	Effects []BacktestEffect `json:"effects,omitempty"`
	// Plans are by budget, then policy.
	Plans []BacktestPlan `json:"plans,omitempty"`
	// Logged are the policies judged on logged decisions, by budget.
	Logged []BacktestLogged `json:"logged,omitempty"`
	// NoHeterogeneity lists the channels on which everybody is given the mean.
	NoHeterogeneity []data.Channel `json:"no_usable_heterogeneity,omitempty"`
}

// BacktestOrganic compares predictions of payment within the horizon, nobody
// touching, on the decisions of the test period that were left alone. Log
// losses are expected under the true probabilities, so that no luck is in them.
type BacktestOrganic struct {
	Rows    int64   `json:"rows"`
	LogLoss float64 `json:"log_loss"`
	// CeilingLogLoss is that of somebody who knows the equations and not the
	// latent draws, TrueLogLoss that of the true probabilities themselves.
	CeilingLogLoss float64 `json:"ceiling_log_loss"`
	TrueLogLoss    float64 `json:"true_log_loss"`
}

// BacktestEffect compares estimated with true effects of one channel, over the
// allowed candidates of the plan: shares of the balance.
type BacktestEffect struct {
	Channel     data.Channel `json:"channel"`
	Candidates  int64        `json:"candidates"`
	Mean        float64      `json:"mean"`
	TrueMean    float64      `json:"true_mean"`
	Correlation *float64     `json:"correlation"`
	// CeilingCorrelation is that of the ceiling's effects with the true ones.
	CeilingCorrelation *float64 `json:"ceiling_correlation"`
	// AboveLower is the share of candidates whose true effect is at least the
	// lower bound of the estimate: 0.95 is nominal.
	AboveLower float64 `json:"above_lower"`
}

// BacktestPlan is one policy's plan under one budget.
type BacktestPlan struct {
	BudgetCents data.Cents `json:"budget_cents"`
	Policy      string     `json:"policy"`
	Actions     int64      `json:"actions"`
	SpentCents  data.Cents `json:"spent_cents"`
	// ExpectedCents is what the policy's own estimates say of its plan; nil for
	// policies without estimates.
	ExpectedCents *data.Cents `json:"expected_cents"`
	TrueCents     data.Cents  `json:"true_cents"`
	// KnowableCents is the same by the ceiling's effects, the mean of the truth
	// given everything observed: it has no luck of the latent draws in it.
	KnowableCents data.Cents `json:"knowable_cents"`
	// OfKnowable is KnowableCents over that of the ceiling's plan.
	OfKnowable *float64 `json:"of_knowable"`
	// OfOracle and OfCeiling are TrueCents over those of the best plans by the
	// truth and by the ceiling; nil where those are worth nothing.
	OfOracle  *float64 `json:"of_oracle"`
	OfCeiling *float64 `json:"of_ceiling"`
}

// BacktestLogged is what the log says of one policy: touching some of the
// test period's decisions within a budget per decision.
type BacktestLogged struct {
	// BudgetCents is the mean that may be spent on a decision, in cents.
	BudgetCents float64 `json:"budget_cents_per_decision"`
	Policy      string  `json:"policy"`
	Decisions   int64   `json:"decisions"`
	Touched     int64   `json:"touched"`
	// ExpectedCents is what the estimates say the policy adds per decision,
	// ValueCents the doubly robust value of the same, with its standard error.
	ExpectedCents *float64 `json:"expected_cents"`
	ValueCents    *float64 `json:"value_cents"`
	StderrCents   *float64 `json:"stderr_cents"`
	ESS           *float64 `json:"ess"`
	Refused       string   `json:"refused,omitempty"`
}

// BacktestOptions steer a backtest.
type BacktestOptions struct {
	// BudgetsCents are the budgets of the plans; none means half, once and
	// twice the configured one.
	BudgetsCents []data.Cents
	// Touches is the most touches per customer; below 1 means 1.
	Touches int
}

// BacktestStages returns the stages up to a backtest. The slice is the caller's.
func BacktestStages(o BacktestOptions) []Stage {
	return []Stage{ExtractStage(), FeaturesStage(), TrainStage(), SegmentsStage(), trainedScoreStage(), backtestStage(o)}
}

func backtestStage(o BacktestOptions) Stage {
	return Stage{
		Name: "backtest", Title: "what policies are truly worth",
		Folder: "backtests/{as_of}", Inputs: []string{"extract", "features", "train", "segments", "score"}, Seeded: true,
		Config: func(c *Config) any {
			return []any{o, c.BudgetCents, c.Channels, c.Segments, c.Plan, c.HoldoutShare, c.Features, c.Policy, c.Train}
		},
		Prepare: func(_ context.Context, w *Work) (map[string]string, error) { return truthHashes(w) },
		Run: func(ctx context.Context, w *Work) error {
			b, err := runBacktest(ctx, w, o)
			if err != nil {
				return err
			}
			text, err := json.MarshalIndent(b, "", " ")
			if err != nil {
				return err
			}
			return data.WriteFile(filepath.Join(w.Dir, BacktestFile), append(text, '\n'))
		},
	}
}

// ReadBacktest reads what the backtest stage wrote into a folder.
func ReadBacktest(folder string) (*Backtest, error) {
	b := &Backtest{}
	return b, readJSON(filepath.Join(folder, BacktestFile), b)
}

func runBacktest(ctx context.Context, w *Work, o BacktestOptions) (*Backtest, error) {
	if len(o.BudgetsCents) == 0 {
		b := w.Config.BudgetCents
		o.BudgetsCents = []data.Cents{b / 2, b, 2 * b}
	}
	out := &Backtest{AsOf: w.AsOf}
	own, err := loadResponse(w.Input("train").Dir)
	if err != nil {
		return nil, err
	}
	if own != nil {
		for _, ch := range data.Channels {
			if c := own.Channels[ch]; c != nil && !c.Usable {
				out.NoHeterogeneity = append(out.NoHeterogeneity, ch)
			}
		}
	}
	truth, err := truthHashes(w)
	if err != nil {
		return nil, err
	}
	if truth == nil {
		return out, backtestLog(ctx, w, o, out)
	}
	out.Simulated = true
	if w.Config.Features.HorizonDays != truthHorizonDays {
		out.Refused = fmt.Sprintf("the truth is of %d days, features.horizon_days is %d", truthHorizonDays, w.Config.Features.HorizonDays)
		return out, nil
	}
	return out, backtestTruth(ctx, w, o, out)
}
