package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"dunning/data"
	"dunning/features"
	"dunning/models/xgb"
	"dunning/optimizer"
	"dunning/optimizer/clp"
	"dunning/pipeline"
	"dunning/serve/ledger"
)

func newDoctorCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "doctor",
		Short: "Check the home, the configuration, the sources, the disk and the libraries",
		Long: `Check everything that a run needs and say what is wrong, all faults at once:
whether the home can be written, the configuration is valid, every source's
files can be read, secrets are set, there is disk space, the libraries work, the
ledger answers, and what is in the lake is what its manifests say. Nothing is changed,
but that a ledger of an older version is brought up to date. "audit verify" looks
deeper into the ledger.`,
		Example: `  dunning doctor
  dunning doctor --home /srv/dunning --json`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			checks := append(pipeline.Diagnose(cmd.Context(), a.home, dsnEnv, keyEnv), checkXGBoost(cmd.Context()), checkCLP(cmd.Context()), a.checkLedger(cmd.Context()))
			if a.asJSON {
				if err := a.printJSON(map[string]any{"checks": checks}); err != nil {
					return err
				}
			} else {
				a.printChecks(checks)
			}
			return firstBroken(checks)
		},
	}
}

// firstBroken returns the error of the first check that is broken, with the
// number of all.
func firstBroken(checks []pipeline.Check) error {
	var first *pipeline.Check
	n := 0
	for i, c := range checks {
		if c.Health == pipeline.Broken {
			if n++; first == nil {
				first = &checks[i]
			}
		}
	}
	if first == nil {
		return nil
	}
	return fmt.Errorf("%d of %d checks are broken; %s: %w", n, len(checks), first.Name, first.Err)
}

func (a *app) printChecks(checks []pipeline.Check) {
	t := table.NewWriter()
	t.SetOutputMirror(a.stdout)
	t.SetStyle(table.StyleLight)
	t.SetColumnConfigs([]table.ColumnConfig{{Number: 3, WidthMax: 100}})
	t.AppendHeader(table.Row{"check", "health", "detail"})
	for _, c := range checks {
		t.AppendRow(table.Row{c.Name, c.Health, oneLine(fmt.Errorf("%s", c.Detail))})
	}
	t.Render()
}

// checkXGBoost trains a model on four rows.
func checkXGBoost(ctx context.Context) pipeline.Check {
	x := features.Matrix{Names: []string{"x"}, Cols: [][]float32{{0, 0, 1, 1}}}
	learner := xgb.Learner{Params: xgb.Params{Rounds: 1}}
	_, err := learner.Fit(ctx, x, []float64{0, 0, 1, 1}, nil)
	return outcome("xgboost", "trains", err)
}

// checkCLP solves a problem of one customer.
func checkCLP(ctx context.Context) pipeline.Check {
	p := &optimizer.Problem{
		Candidates: []optimizer.Candidate{{Channel: data.SMS, ValueCents: 10, CostCents: 1}},
		Rows:       []optimizer.Row{{Name: "budget", Limit: 1, Use: []optimizer.Use{{Candidate: 0, Amount: 1}}}},
	}
	solver := clp.New()
	defer solver.Close()
	s, err := solver.Solve(ctx, p)
	if err == nil {
		err = s.Err()
	}
	return outcome("clp", "solves", err)
}

// checkLedger opens the ledger, if there is one, and asks for its end.
func (a *app) checkLedger(ctx context.Context) pipeline.Check {
	config, err := a.ledgerConfig("", "")
	if err != nil {
		return outcome("ledger", "", err)
	}
	if _, err := os.Stat(config.Path); config.Path != "" && errors.Is(err, fs.ErrNotExist) {
		return outcome("ledger", "none yet", nil)
	}
	l, err := ledger.Open(ctx, config)
	if err != nil {
		return outcome("ledger", "", err)
	}
	defer l.Close()
	head, err := l.Head(ctx)
	return outcome("ledger", fmt.Sprintf("answers; its audit has %d rows", head.Seq), err)
}

func outcome(name, fine string, err error) pipeline.Check {
	if err != nil {
		return pipeline.Check{Name: name, Health: pipeline.Broken, Detail: err.Error(), Err: err}
	}
	return pipeline.Check{Name: name, Health: pipeline.Healthy, Detail: fine}
}
