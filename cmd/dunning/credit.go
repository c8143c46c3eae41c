package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"dunning/credit"
	"dunning/data"
	"dunning/models/registry"
)

// newCreditCommand analyses applications for credit.
func newCreditCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "credit",
		Short: "Analyse credit: probability of default, decision, limit, reasons, bureau queries",
		Long: `Analyse credit before, at and after a sale: a model of the probability of default
and a policy file give a decision, a limit and reasons in words, and say whether a
paid bureau report is worth its price. docs/CREDIT.md explains the policy file.

Models and policies are versions that never change, kept under HOME/credit.`,
		Example: `  dunning credit train --roles data/examples/uci_default/train.yaml
  dunning credit policy credit/examples/cartao.yaml --why "first policy"
  dunning credit analyse application.json --out analysis.json
  dunning credit explain analysis.json`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(a.creditTrain(), a.creditPolicy(), a.creditAnalyse(), a.creditReview(), a.creditExplain(), a.creditBureau(), a.creditReport(), a.creditList(), a.creditRollback())
	return cmd
}

// analysisRecord is what "analyse --out" keeps: enough to repeat the analysis.
type analysisRecord struct {
	Request  json.RawMessage  `json:"request"`
	Analysis *credit.Analysis `json:"analysis"`
}

// creditStore is the store of the home.
func (a *app) creditStore() *credit.Store { return credit.OpenStore(a.home, a.now) }

// analyst is the one in force.
func (a *app) analyst() (*credit.Analyst, error) {
	analyst, err := a.creditStore().Champion()
	if errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("%w: no credit model and policy are in force in %s: \"dunning credit train\" and \"dunning credit policy\" put them there", data.ErrUsage, a.home)
	}
	return analyst, err
}

func (a *app) creditPolicy() *cobra.Command {
	var sign signature
	var check bool
	cmd := &cobra.Command{
		Use: "policy FILE", Short: "Check a policy against the model in force and put it into force",
		Long: `Check a policy against the model in force and put it into force. Every fault is
named at once; the exit code is 2 then. The version is the hash of the file.`,
		Example: `  dunning credit policy credit/examples/cartao.yaml --why "limits after the audit"
  dunning credit policy my-policy.yaml --check`,
		Args: oneFile,
		RunE: func(_ *cobra.Command, args []string) error {
			p, err := credit.LoadPolicy(args[0])
			if err != nil {
				return err
			}
			store := a.creditStore()
			if check {
				return a.checkPolicy(store, p)
			}
			if err := sign.check(); err != nil {
				return err
			}
			r, err := store.AddPolicy(p, sign.by, sign.why)
			if err == nil {
				err = store.PromotePolicy(r.ID, sign.by, sign.why)
			}
			if err != nil {
				return err
			}
			return a.printPolicy(p, true)
		},
	}
	cmd.Flags().BoolVar(&check, "check", false, "check only")
	sign.register(cmd)
	return cmd
}

func (a *app) checkPolicy(store *credit.Store, p *credit.Policy) error {
	m, err := store.ModelInForce()
	if err != nil {
		return err
	}
	if _, err := credit.NewAnalyst(m, p); err != nil {
		return err
	}
	return a.printPolicy(p, false)
}

func (a *app) printPolicy(p *credit.Policy, inForce bool) error {
	if a.asJSON {
		return a.printJSON(map[string]any{"policy": p.Name, "version": p.Version(), "in_force": inForce})
	}
	state := "fits the model in force"
	if inForce {
		state = "is in force"
	}
	_, err := fmt.Fprintf(a.stdout, "policy %s, version %s, %s\n", p.Name, p.Version(), state)
	return err
}

// oneFile takes one argument, a file.
func oneFile(cmd *cobra.Command, args []string) error {
	if len(args) != 1 {
		return fmt.Errorf("%w: %s takes one file; see --help", data.ErrUsage, cmd.CommandPath())
	}
	return nil
}

// readInput reads a file, or standard input for "-".
func readInput(cmd *cobra.Command, path string) ([]byte, error) {
	if path == "-" {
		return io.ReadAll(cmd.InOrStdin())
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", data.ErrUsage, err)
	}
	return raw, nil
}

func (a *app) creditAnalyse() *cobra.Command {
	var out string
	cmd := &cobra.Command{
		Use: "analyse FILE", Short: "Analyse one application (JSON; - reads standard input)",
		Long: `Analyse one application by the model and the policy in force. The file has the form of
the body of POST /v1/credit/analyses. What is wrong with it is named field by field,
all at once; the exit code is 3 then.`,
		Example: `  dunning credit analyse application.json
  dunning credit analyse - --json --out analysis.json < application.json`,
		Args: oneFile,
		RunE: func(cmd *cobra.Command, args []string) error {
			raw, err := readInput(cmd, args[0])
			if err != nil {
				return err
			}
			analyst, err := a.analyst()
			if err != nil {
				return err
			}
			q, err := analyst.ParseRequest(raw, data.DateOf(a.now()))
			if err != nil {
				return err
			}
			analysis, err := analyst.Analyse(q)
			if err != nil {
				return err
			}
			if out != "" {
				if err := keepAnalysis(out, q, analysis); err != nil {
					return err
				}
			}
			if a.asJSON {
				return a.printJSON(analysis)
			}
			a.printAnalysis(analysis)
			return nil
		},
	}
	cmd.Flags().StringVar(&out, "out", "", "keep request and analysis in this file, for \"dunning credit explain\"")
	return cmd
}

func keepAnalysis(path string, q *credit.Application, analysis *credit.Analysis) error {
	request, err := json.Marshal(q)
	if err != nil {
		return err
	}
	b, err := json.MarshalIndent(analysisRecord{request, analysis}, "", "  ")
	if err != nil {
		return err
	}
	return data.WriteFile(path, append(b, '\n'))
}

// printAnalysis shows an analysis to a person, in Portuguese: it is what a
// customer is told.
func (a *app) printAnalysis(v *credit.Analysis) {
	decisions := map[credit.Decision]string{credit.Accept: "aprovar", credit.Refer: "encaminhar a uma pessoa", credit.Decline: "recusar"}
	fmt.Fprintf(a.stdout, "%s: %s, limite %s, PD %s\n", v.ApplicationID, decisions[v.Decision], v.LimitCents.BRL(), percent(v.PD))
	fmt.Fprintf(a.stdout, "perda esperada %s, retorno esperado %s, resultado %s\n", v.ExpectedLossCents.BRL(), v.ExpectedMarginCents.BRL(), v.WorthCents.BRL())
	for _, r := range v.Reasons {
		fmt.Fprintln(a.stdout, "  -", r.PT)
	}
	switch v.Bureau.Why {
	case "worth_it":
		fmt.Fprintf(a.stdout, "birô: consultar, valor esperado %s contra %s\n", v.Bureau.EVOICents.BRL(), v.Bureau.PriceCents.BRL())
	case "not_worth_it":
		fmt.Fprintf(a.stdout, "birô: não consultar, valor esperado %s contra %s\n", v.Bureau.EVOICents.BRL(), v.Bureau.PriceCents.BRL())
	}
	if v.Review != nil {
		fmt.Fprintf(a.stdout, "limite de %s para %s: %s\n", v.Review.OldLimitCents.BRL(), v.Review.LimitCents.BRL(), v.Review.Why.PT)
		for _, alert := range v.Review.Alerts {
			fmt.Fprintf(a.stdout, "  ALERTA: %s (%s → %s)\n", alert.PT, percent(alert.PDBefore), percent(alert.PDNow))
		}
	}
	fmt.Fprintln(a.stdout, v.Rights.PT)
	fmt.Fprintf(a.stdout, "modelo %s, política %s %s, análise %s\n", v.ModelVersion, v.PolicyName, v.PolicyVersion, v.AnalysisID)
}

func percent(p float64) string {
	return strings.Replace(fmt.Sprintf("%.2f %%", 100*p), ".", ",", 1)
}

func (a *app) creditReview() *cobra.Command {
	return &cobra.Command{
		Use: "review FILE", Short: "Review existing limits (one JSON request of stage \"after\" per line)",
		Long: `Review existing limits by the model and the policy in force: which rise, stay, fall or
freeze, with the alerts of deterioration. The file has one request per line, each of
stage "after" with its "existing" part. The first wrong line stops the run.`,
		Example: "  dunning credit review portfolio.jsonl\n  dunning credit review portfolio.jsonl --json",
		Args:    oneFile,
		RunE: func(cmd *cobra.Command, args []string) error {
			raw, err := readInput(cmd, args[0])
			if err != nil {
				return err
			}
			analyst, err := a.analyst()
			if err != nil {
				return err
			}
			reviewed, err := reviewLines(analyst, raw, data.DateOf(a.now()))
			if err != nil {
				return fmt.Errorf("%s %w", args[0], err)
			}
			return a.printReviews(reviewed)
		},
	}
}

// reviewLines analyses one request per line.
func reviewLines(analyst *credit.Analyst, raw []byte, today data.Date) ([]*credit.Analysis, error) {
	out := []*credit.Analysis{}
	for i, line := range bytes.Split(raw, []byte("\n")) {
		if len(bytes.TrimSpace(line)) == 0 {
			continue
		}
		q, err := analyst.ParseRequest(line, today)
		if err == nil && q.Stage != credit.After {
			err = credit.Faults{{Field: "stage", Problem: "must be after"}}
		}
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", i+1, err)
		}
		analysis, err := analyst.Analyse(q)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", i+1, err)
		}
		out = append(out, analysis)
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("%w: there is no request in it", data.ErrBadInput)
	}
	return out, nil
}

func (a *app) printReviews(reviewed []*credit.Analysis) error {
	counts := map[credit.ReviewAction]int{}
	alerts := 0
	for _, v := range reviewed {
		counts[v.Review.Action]++
		alerts += len(v.Review.Alerts)
	}
	if a.asJSON {
		return a.printJSON(map[string]any{"counts": counts, "alerts": alerts, "reviews": reviewed})
	}
	t := a.newTable("aplicação", "PD", "limite", "novo limite", "ação", "alertas")
	for _, v := range reviewed {
		var codes []string
		for _, alert := range v.Review.Alerts {
			codes = append(codes, alert.Code)
		}
		t.AppendRow(table.Row{v.ApplicationID, percent(v.PD), v.Review.OldLimitCents.BRL(), v.Review.LimitCents.BRL(), v.Review.Action, strings.Join(codes, ", ")})
	}
	t.Render()
	return nil
}

func (a *app) creditExplain() *cobra.Command {
	return &cobra.Command{
		Use: "explain FILE", Short: "Repeat a kept analysis by its own model and policy, and show what every feature did",
		Long: `Repeat an analysis that "analyse --out" kept, by the versions of the model and of the
policy that it names, whether they are in force or not. The exit code is 4 when the
answer is not the same to the last bit.`,
		Example: "  dunning credit explain analysis.json\n  dunning credit explain analysis.json --json",
		Args:    oneFile,
		RunE: func(cmd *cobra.Command, args []string) error {
			raw, err := readInput(cmd, args[0])
			if err != nil {
				return err
			}
			var kept analysisRecord
			if err := json.Unmarshal(raw, &kept); err != nil || kept.Analysis == nil {
				return fmt.Errorf("%w: %s is no kept analysis", data.ErrBadInput, args[0])
			}
			e, err := credit.Explain(a.creditStore(), kept.Request, kept.Analysis)
			if err != nil {
				return err
			}
			if err := a.printExplanation(e); err != nil {
				return err
			}
			if !e.Same {
				return fmt.Errorf("%w: the analysis cannot be repeated to the last bit: its file was changed, or another kind of machine made it", data.ErrRefused)
			}
			return nil
		},
	}
}

func (a *app) printExplanation(e *credit.Explanation) error {
	if a.asJSON {
		return a.printJSON(e)
	}
	a.printAnalysis(e.Analysis)
	t := a.newTable("variável", "valor", "efeito (log-chances)", "pontos de PD")
	for _, f := range e.Features {
		t.AppendRow(table.Row{f.Name.PT, f.Value.PT, fmt.Sprintf("%+.4f", f.Effect), fmt.Sprintf("%+.2f", 100*f.PDPoints)})
	}
	t.Render()
	if e.Same {
		fmt.Fprintln(a.stdout, "repetida: igual até o último bit")
	}
	return nil
}

func (a *app) creditList() *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List the versions of models and policies, newest first",
		Example: "  dunning credit list\n  dunning credit list --json",
		Args:    noArgs,
		RunE: func(*cobra.Command, []string) error {
			store := a.creditStore()
			modelList, err := store.Models.List()
			if err != nil {
				return err
			}
			policies, err := store.Policies.List()
			if err != nil {
				return err
			}
			if a.asJSON {
				return a.printJSON(map[string][]registry.Status{"models": modelList, "policies": policies})
			}
			t := a.newTable("kind", "version", "", "registered", "by")
			for _, part := range []struct {
				kind string
				list []registry.Status
			}{{"model", modelList}, {"policy", policies}} {
				for _, v := range part.list {
					t.AppendRow(table.Row{part.kind, v.DataHashes["version"], v.Alias, when(&v.RegisteredAt), v.RegisteredBy})
				}
			}
			t.Render()
			return nil
		},
	}
}
