package main

import (
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
	"github.com/spf13/cobra"

	"dunning/data"
	"dunning/pipeline"
	"dunning/policy"
)

func newPolicyCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "policy",
		Short: "Ask what law, consent and the company's policy allow",
		Long: `Ask the rule engine that filters every plan and is asked again at every dispatch.
docs/POLICY.md lists the rules with the article that each comes from.`,
		Example: `  dunning policy check --customer c0000042 --channel sms --at 2026-01-05T15:00:00-03:00
  dunning policy explain hours_rj
  dunning policy packs --as-of 2024-11-20`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return fmt.Errorf("%w: policy needs check, explain or packs; see --help", data.ErrUsage)
		},
	}
	cmd.AddCommand(newPolicyCheckCommand(a), newPolicyExplainCommand(a), newPolicyPacksCommand(a))
	return cmd
}

// policyCheck is the answer of policy check with --json.
type policyCheck struct {
	CustomerID string       `json:"customer_id"`
	Channel    data.Channel `json:"channel"`
	At         time.Time    `json:"at"`
	AsOf       data.Date    `json:"as_of"`
	policy.Verdict
}

func newPolicyCheckCommand(a *app) *cobra.Command {
	var customer, channel, at string
	cmd := &cobra.Command{
		Use:   "check",
		Short: "Say whether a customer may be contacted on a channel at an instant",
		Long: `Say whether a customer may be contacted on a channel at an instant, by which rule
not, from which law, and when next. The facts are those of the lake before the
instant's day; exit code 0 says that the question was answered.`,
		Example: `  dunning policy check --customer c0000042 --channel sms --at 2026-01-05T15:00:00-03:00
  dunning policy check --customer c0000042 --channel voice --at 2026-01-05T18:00:00Z --json`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ch, err := data.ParseChannel(channel)
			if err != nil {
				return fmt.Errorf("%w: --channel: %w", data.ErrUsage, err)
			}
			instant, err := time.Parse(time.RFC3339, at)
			if err != nil {
				return fmt.Errorf("%w: --at %q is no instant like 2026-01-05T15:00:00-03:00", data.ErrUsage, at)
			}
			engine, err := a.policyEngine(slog.Default())
			if err != nil {
				return err
			}
			asOf := data.DateOf(instant.UTC())
			subject, err := pipeline.FindPolicySubject(a.home, customer, asOf, engine)
			if err != nil {
				return err
			}
			answer := policyCheck{customer, ch, instant.UTC(), asOf, engine.CheckAt(subject.Customer, subject.Facts, ch, instant)}
			if a.asJSON {
				return a.printJSON(answer)
			}
			a.printVerdict(answer, engine.Zone(&subject.Customer))
			return nil
		},
	}
	cmd.Flags().StringVar(&customer, "customer", "", "customer_id (required)")
	cmd.Flags().StringVar(&channel, "channel", "", "email, sms, whatsapp, voice or letter (required)")
	cmd.Flags().StringVar(&at, "at", "", "instant with its zone, e.g. 2026-01-05T15:00:00-03:00 (required)")
	return cmd
}

func (a *app) printVerdict(v policyCheck, zone *time.Location) {
	const layout = "2006-01-02 15:04 MST"
	local := v.At.In(zone).Format(layout)
	if v.Allowed {
		fmt.Fprintf(a.stdout, "allowed    %s by %s at %s, until %s\n", v.CustomerID, v.Channel, local, v.WindowEnd.In(zone).Format(layout))
	} else {
		fmt.Fprintf(a.stdout, "forbidden  %s by %s at %s\nrule       %s (pack %s)\n           %s\n           %s\nsource     %s\n",
			v.CustomerID, v.Channel, local, v.RuleID, v.Pack, v.Portuguese, v.English, v.Source)
		next := "not within 60 days on these facts"
		if !v.NextAllowed.IsZero() {
			next = v.NextAllowed.In(zone).Format(layout)
		}
		fmt.Fprintf(a.stdout, "next       %s\n", next)
	}
	if v.SoftTone {
		fmt.Fprintln(a.stdout, "tone       soft: a good payer")
	}
}

// dayFlag reads a day, today for none.
func dayFlag(name, value string) (data.Date, error) {
	if value == "" {
		return data.DateOf(time.Now()), nil
	}
	day, err := data.ParseDate(value)
	if err != nil {
		return 0, fmt.Errorf("%w: --%s: %w", data.ErrUsage, name, err)
	}
	return day, nil
}

// policyOf returns the rules of the home's configuration and the day of --as-of.
func (a *app) policyOf(asOf string) (*policy.Engine, data.Date, error) {
	day, err := dayFlag("as-of", asOf)
	if err != nil {
		return nil, 0, err
	}
	engine, err := a.policyEngine(slog.Default())
	return engine, day, err
}

func newPolicyExplainCommand(a *app) *cobra.Command {
	var asOf string
	cmd := &cobra.Command{
		Use:   "explain RULE",
		Short: "Say what a rule forbids, whom it binds, since when and from which law",
		Example: `  dunning policy explain hours_rj
  dunning policy explain prescribed --json`,
		Args: oneArg("rule id"),
		RunE: func(cmd *cobra.Command, args []string) error {
			engine, day, err := a.policyOf(asOf)
			if err != nil {
				return err
			}
			info, err := engine.Explain(args[0], day)
			if err != nil {
				return err
			}
			if a.asJSON {
				return a.printJSON(info)
			}
			a.printRule(info)
			return nil
		},
	}
	cmd.Flags().StringVar(&asOf, "as-of", "", "day (default today)")
	return cmd
}

func (a *app) printRule(r policy.RuleInfo) {
	line := func(name, value string) {
		if value != "" {
			fmt.Fprintf(a.stdout, "%-11s %s\n", name, value)
		}
	}
	place := "of a pack that policy.packs does not name"
	if r.Precedence > 0 {
		place = fmt.Sprintf("number %d in order", r.Precedence)
	}
	line("rule", fmt.Sprintf("%s (%s), %s", r.ID, r.Kind, place))
	line("pack", r.Pack)
	line("says", r.Portuguese+r.Limit)
	line("", r.English)
	line("source", r.Source)
	if !r.Confirmed {
		line("", "unconfirmed: the primary source was not seen")
	}
	line("states", strings.Join(r.UF, ", "))
	channels := make([]string, len(r.Channels))
	for i, ch := range r.Channels {
		channels[i] = string(ch)
	}
	line("channels", strings.Join(channels, ", "))
	line("weekdays", r.Weekdays)
	line("Saturdays", r.Saturdays)
	if r.From != nil {
		line("from", r.From.String())
	}
	if r.Until != nil {
		line("until", r.Until.String())
	}
	if !r.Binding && r.Precedence > 0 {
		line("off", "the configuration leaves it nothing to forbid")
	}
}

func newPolicyPacksCommand(a *app) *cobra.Command {
	var asOf string
	cmd := &cobra.Command{
		Use:   "packs",
		Short: "List the rule packs and the rules in force on a day",
		Example: `  dunning policy packs
  dunning policy packs --as-of 2015-06-01 --json`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			engine, day, err := a.policyOf(asOf)
			if err != nil {
				return err
			}
			packs, err := engine.Packs(day)
			if err != nil {
				return err
			}
			if a.asJSON {
				return a.printJSON(map[string]any{"as_of": day, "packs": packs})
			}
			a.printPacks(packs)
			return nil
		},
	}
	cmd.Flags().StringVar(&asOf, "as-of", "", "day (default today)")
	return cmd
}

func (a *app) printPacks(packs []policy.PackInfo) {
	t := a.newTable("pack", "rule", "says", "source")
	t.SetColumnConfigs([]table.ColumnConfig{{Number: 3, WidthMax: 60, WidthMaxEnforcer: text.WrapSoft}, {Number: 4, WidthMax: 50, WidthMaxEnforcer: text.WrapSoft}})
	for _, p := range packs {
		switch {
		case !p.Used:
			t.AppendRow(table.Row{p.Name + " " + p.Version, "(not used)", p.Title, "name it in policy.packs"})
		case len(p.Rules) == 0:
			t.AppendRow(table.Row{p.Name + " " + p.Version, "", p.Title, ""})
		}
		for _, r := range p.Rules {
			t.AppendRow(table.Row{p.Name + " " + p.Version, r.ID, r.Portuguese + r.Limit, r.Source})
		}
		for _, r := range p.Later {
			t.AppendRow(table.Row{p.Name + " " + p.Version, r.ID, "from " + r.From.String() + ": " + r.Portuguese, r.Source})
		}
	}
	t.Render()
}
