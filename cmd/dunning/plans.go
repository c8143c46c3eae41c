package main

import (
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"dunning/data"
	"dunning/serve"
	"dunning/serve/client"
	"dunning/serve/ledger"
)

func newPlansCommand(a *app) *cobra.Command {
	r := &remote{}
	cmd := group(&cobra.Command{
		Use:   "plans",
		Short: "Import, submit, approve, reject and close plans",
		Long: `Bring a plan of the home into force: import makes a draft of it, its maker submits
it, another person approves it and so reserves its amount. An approval names the
SHA-256 that "plans show" prints: a plan that changed by one byte is not approved.
` + ledgerUse,
		Example: `  dunning plans import --as ana
  dunning plans submit 2026-01-05-064ae631 --as ana
  dunning plans show 2026-01-05-064ae631
  dunning plans approve 2026-01-05-064ae631 --sha256 9c1f… --wallet main --reason "ok" --as bia`,
	}, newPlansImportCommand(a, r), newPlansListCommand(a, r), newPlansShowCommand(a, r), newPlansDiffCommand(a, r), newPlansSubmitCommand(a, r),
		newPlansApproveCommand(a, r), newPlansRejectCommand(a, r), newPlansCloseCommand(a, r))
	r.flags(cmd)
	return cmd
}

func newPlansImportCommand(a *app, r *remote) *cobra.Command {
	asOf := "latest"
	cmd := &cobra.Command{
		Use: "import", Short: "Make a draft of a day's finished plan",
		Example: `  dunning plans import --as-of 2026-01-05 --as ana`,
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.with(cmd.Context(), r, theOutputs, func(c *client.Client) error {
				p, err := c.ImportPlan(cmd.Context(), "", asOf)
				return a.printPlans(err, p, p)
			})
		},
	}
	cmd.Flags().StringVar(&asOf, "as-of", asOf, "day of the plan, or latest")
	return cmd
}

func newPlansListCommand(a *app, r *remote) *cobra.Command {
	var states []string
	cmd := &cobra.Command{
		Use: "list", Short: "List plans, newest first",
		Example: `  dunning plans list --state submitted`,
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.with(cmd.Context(), r, theLedger, func(c *client.Client) error {
				list, err := c.Plans(cmd.Context(), states...)
				return a.printPlans(err, serve.Plans{Plans: list}, list...)
			})
		},
	}
	cmd.Flags().StringArrayVar(&states, "state", nil, "only plans in this state; may be repeated")
	return cmd
}

func newPlansShowCommand(a *app, r *remote) *cobra.Command {
	return &cobra.Command{
		Use: "show PLAN", Short: "Show a plan: totals, approval, progress",
		Example: `  dunning plans show 2026-01-05-064ae631`,
		Args:    oneArg("PLAN"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.with(cmd.Context(), r, theLedger, func(c *client.Client) error {
				p, err := c.Plan(cmd.Context(), args[0])
				if err != nil {
					return err
				}
				if a.asJSON {
					return a.printJSON(p)
				}
				return a.printPlan(p)
			})
		},
	}
}

func newPlansDiffCommand(a *app, r *remote) *cobra.Command {
	var against string
	limit := 20
	cmd := &cobra.Command{
		Use: "diff PLAN", Short: "Say what a plan changes against another one",
		Example: `  dunning plans diff 2026-01-06-11aa22bb --against 2026-01-05-064ae631`,
		Args:    oneArg("PLAN"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.with(cmd.Context(), r, theLedger, func(c *client.Client) error {
				d, err := c.DiffPlan(cmd.Context(), args[0], against, limit)
				if err != nil {
					return err
				}
				if a.asJSON {
					return a.printJSON(d)
				}
				return a.printDiff(d)
			})
		},
	}
	cmd.Flags().StringVar(&against, "against", "", "the plan to compare with (required)")
	cmd.Flags().IntVar(&limit, "limit", limit, "changed actions that are listed at most")
	return cmd
}

func newPlansSubmitCommand(a *app, r *remote) *cobra.Command {
	return &cobra.Command{
		Use: "submit PLAN", Short: "Hand a draft in for approval; only its maker may",
		Example: `  dunning plans submit 2026-01-05-064ae631 --as ana`,
		Args:    oneArg("PLAN"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.with(cmd.Context(), r, theLedger, func(c *client.Client) error {
				p, err := c.SubmitPlan(cmd.Context(), "", args[0])
				return a.printPlans(err, p, p)
			})
		},
	}
}

func newPlansApproveCommand(a *app, r *remote) *cobra.Command {
	var (
		n        serve.NewApproval
		part     serve.NewPart
		wallets  map[string]string
		channels []string
		maxCents int64 = -1
	)
	cmd := &cobra.Command{
		Use: "approve PLAN", Short: "Approve a submitted plan, or a part of it, and reserve its amount",
		Long: `Approve a submitted plan, or a part of it, and reserve its amount. The approver is
never the plan's maker. With --part the actions of the channels and segments given (and
of these the best that cost --max-cents together) become a plan of their own, and the
whole is superseded.`,
		Example: `  dunning plans approve 2026-01-05-064ae631 --sha256 9c1f… --wallet main --reason "ok" --as bia
  dunning plans approve 2026-01-05-064ae631 --sha256 9c1f… --wallet main --reason "só SMS" --as bia \
      --part 2026-01-05-sms --channel sms --max-cents 50000`,
		Args: oneArg("PLAN"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if n.SHA256 == "" {
				return fmt.Errorf("%w: --sha256 is missing: the hash that \"plans show\" prints of the plan you have seen", data.ErrUsage)
			}
			if len(wallets) > 0 {
				n.Wallets = map[data.Channel]string{}
			}
			for ch, id := range wallets {
				n.Wallets[data.Channel(ch)] = id
			}
			for _, ch := range channels {
				part.Channels = append(part.Channels, data.Channel(ch))
			}
			if maxCents >= 0 {
				part.MaxCents = (*data.Cents)(&maxCents)
			}
			switch {
			case part.PlanID != "":
				n.Part = &part
			case len(part.Channels)+len(part.Segments) > 0 || maxCents >= 0:
				return fmt.Errorf("%w: a part needs --part with the id of the new plan", data.ErrUsage)
			}
			return a.with(cmd.Context(), r, theHeads, func(c *client.Client) error {
				p, err := c.ApprovePlan(cmd.Context(), "", args[0], n)
				return a.printApproval(err, p)
			})
		},
	}
	f := cmd.Flags()
	f.StringVar(&n.SHA256, "sha256", "", "of the plan that was seen, as \"plans show\" prints it (required)")
	f.StringVar(&n.Reason, "reason", "", "why, for the audit (required)")
	f.StringVar(&n.WalletID, "wallet", "", "pays for all channels that --wallet-of does not name")
	f.StringToStringVar(&wallets, "wallet-of", nil, "who pays for a channel, such as sms=pacote-sms; may be repeated")
	f.StringArrayVar(&n.Supersedes, "supersedes", nil, "a plan in force that this one takes the place of; may be repeated")
	f.StringVar(&part.PlanID, "part", "", "approve only a part, as a plan of this id")
	f.StringArrayVar(&channels, "channel", nil, "of a part: only this channel; may be repeated")
	f.StringArrayVar(&part.Segments, "segment", nil, "of a part: only this segment; may be repeated")
	f.Int64Var(&maxCents, "max-cents", maxCents, "of a part: the best actions that cost so much together")
	return cmd
}

func newPlansRejectCommand(a *app, r *remote) *cobra.Command {
	var n serve.NewRejection
	cmd := &cobra.Command{
		Use: "reject PLAN", Short: "Turn a submitted plan down",
		Example: `  dunning plans reject 2026-01-05-064ae631 --sha256 9c1f… --reason "cartas demais" --as bia`,
		Args:    oneArg("PLAN"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.with(cmd.Context(), r, theLedger, func(c *client.Client) error {
				p, err := c.RejectPlan(cmd.Context(), "", args[0], n)
				return a.printPlans(err, p, p)
			})
		},
	}
	cmd.Flags().StringVar(&n.SHA256, "sha256", "", "of the plan that was seen (required)")
	cmd.Flags().StringVar(&n.Reason, "reason", "", "why, for the audit (required)")
	return cmd
}

func newPlansCloseCommand(a *app, r *remote) *cobra.Command {
	var reason string
	cmd := &cobra.Command{
		Use: "close PLAN", Short: "End a plan in force; what it has not handed out is released",
		Example: `  dunning plans close 2026-01-05-064ae631 --reason "campanha encerrada" --as bia`,
		Args:    oneArg("PLAN"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.with(cmd.Context(), r, theLedger, func(c *client.Client) error {
				p, err := c.ClosePlan(cmd.Context(), "", args[0], reason)
				return a.printPlans(err, p, p)
			})
		},
	}
	cmd.Flags().StringVar(&reason, "reason", "", "why, for the audit (required)")
	return cmd
}

// printPlans prints plans as a table, or document with --json, unless the
// request failed.
func (a *app) printPlans(err error, document any, list ...ledger.Plan) error {
	if err != nil {
		return err
	}
	if a.asJSON {
		return a.printJSON(document)
	}
	w := tabwriter.NewWriter(a.stdout, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, "PLAN\tSTATE\tAS OF\tACTIONS\tCOST\tVALUE\tMAKER\tSINCE\tBY")
	for _, p := range list {
		fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%s\t%s\t%s\t%s\t%s\n", p.ID, p.State, p.AsOf, p.Actions, p.CostCents.BRL(), p.ValueCents.BRL(), p.Maker, when(&p.StateAt), p.StateBy)
	}
	return w.Flush()
}

func (a *app) printApproval(err error, p ledger.Approval) error {
	if err != nil {
		return err
	}
	if a.asJSON {
		return a.printJSON(p)
	}
	fmt.Fprintf(a.stdout, "%s approved by %s: %s\nsha256 %s\n", p.PlanID, p.Approver, p.Reason, p.SHA256)
	for _, e := range p.Reserves {
		fmt.Fprintf(a.stdout, "reserved %d in wallet %s, which has %d left\n", e.Amount, e.WalletID, e.After.Available)
	}
	_, err = fmt.Fprintf(a.stdout, "end of the audit chain: %d:%s\n", p.Head.Seq, p.Head.SHA256)
	return err
}

// printPlan prints one plan for people.
func (a *app) printPlan(p serve.ShownPlan) error {
	if err := a.printPlans(nil, nil, p.Plan); err != nil {
		return err
	}
	fmt.Fprintf(a.stdout, "\nsha256 %s\n", p.SHA256)
	if p.Approval != nil {
		fmt.Fprintf(a.stdout, "approved by %s at %s: %s\n", p.Approval.Approver, when(&p.Approval.At), p.Approval.Reason)
	}
	w := tabwriter.NewWriter(a.stdout, 0, 4, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "\nDAY\tCHANNEL\tSEGMENT\tACTIONS\tCOST\tVALUE\t")
	for _, t := range p.Totals {
		fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%s\t%s\t\n", t.Day, t.Channel, t.Segment, t.Actions, t.CostCents.BRL(), t.ValueCents.BRL())
	}
	if len(p.Progress) > 0 {
		fmt.Fprintln(w, "\nSTATE\tCHANNEL\t\tACTIONS\tAMOUNT\tCHARGED\t")
	}
	for _, t := range p.Progress {
		fmt.Fprintf(w, "%s\t%s\t\t%d\t%d\t%s\t\n", t.State, t.Channel, t.Actions, t.Amount, t.RealCostCents.BRL())
	}
	return w.Flush()
}

func (a *app) printDiff(d serve.PlanDiff) error {
	w := tabwriter.NewWriter(a.stdout, 0, 4, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "\tACTIONS\tCOST\tVALUE\t")
	for _, s := range []struct {
		name string
		serve.Sums
	}{{d.Against, d.Before}, {d.Plan, d.After}, {"added", d.Added}, {"removed", d.Removed}, {"in both", d.Kept}} {
		fmt.Fprintf(w, "%s\t%d\t%s\t%s\t\n", s.name, s.Actions, s.CostCents.BRL(), s.ValueCents.BRL())
	}
	if err := w.Flush(); err != nil {
		return err
	}
	for _, c := range d.Changed {
		mark := map[string]string{"added": "+", "removed": "-"}[c.Change]
		fmt.Fprintln(a.stdout, strings.Join([]string{mark, c.CustomerID, c.Day.String(), string(c.Channel), c.CostCents.BRL(), c.ValueCents.BRL()}, " "))
	}
	return nil
}
