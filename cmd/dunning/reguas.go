package main

import (
	"fmt"
	"io"
	"os"
	"os/user"
	"strconv"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
	"github.com/spf13/cobra"

	"dunning/data"
	"dunning/pipeline"
	"dunning/policy/regua"
)

func newReguasCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "reguas",
		Short: "Keep your own réguas: try, save, publish, retire",
		Long: `Réguas are your own ladders of contact, in YAML: whom they capture, which steps
follow which dates, and whether they replace the recommendation, compete with it
or wait for it to hold. They obey the same law and draw on the same wallet.

A saved régua is a draft. Somebody else than its author publishes it; from the
next plan on it is in force. docs/REGUAS.md describes the file.`,
		Example: `  dunning reguas library --save b2b > b2b.yaml
  dunning reguas try b2b.yaml --as-of 2026-01-05
  dunning reguas save b2b.yaml --by ana
  dunning reguas publish b2b --by bia`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return fmt.Errorf("%w: reguas needs list, show, try, save, publish, retire or library; see --help", data.ErrUsage)
		},
	}
	cmd.AddCommand(newReguasListCommand(a), newReguasShowCommand(a), newReguasTryCommand(a), newReguasSaveCommand(a),
		newReguasPublishCommand(a), newReguasRetireCommand(a), newReguasLibraryCommand(a))
	return cmd
}

func newReguasListCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "list",
		Short:   "List all versions: drafts, published, retired",
		Example: "  dunning reguas list --json",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			all, err := regua.OpenStore(a.home).List()
			if err != nil {
				return err
			}
			if a.asJSON {
				if all == nil {
					all = []regua.Version{}
				}
				return a.printJSON(map[string]any{"reguas": all})
			}
			t := a.newTable("régua", "version", "status", "mode", "priority", "author", "publisher", "title")
			for _, v := range all {
				t.AppendRow(table.Row{v.ID, v.Version, v.Status, v.Mode, v.Priority, v.Author, v.Publisher, v.Title})
			}
			t.Render()
			return nil
		},
	}
}

// reguaVersion reads "b2b" or "b2b@3"; version 0 is the latest.
func reguaVersion(arg string) (id string, version int, err error) {
	id, number, given := strings.Cut(arg, "@")
	if !given {
		return id, 0, nil
	}
	if version, err = strconv.Atoi(number); err != nil || version < 1 {
		return "", 0, fmt.Errorf("%w: %q: write a version like %s@3", data.ErrUsage, arg, id)
	}
	return id, version, nil
}

func newReguasShowCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "show REGUA[@VERSION]",
		Short: "Show a version and its text (the latest unless @VERSION says)",
		Example: `  dunning reguas show b2b
  dunning reguas show b2b@1 --json`,
		Args: oneArg("régua like b2b or b2b@3"),
		RunE: func(cmd *cobra.Command, args []string) error {
			id, version, err := reguaVersion(args[0])
			if err != nil {
				return err
			}
			v, r, b, err := regua.OpenStore(a.home).Load(id, version)
			if err != nil {
				return err
			}
			if a.asJSON {
				return a.printJSON(map[string]any{"version": v, "regua": r, "text": string(b)})
			}
			fmt.Fprintf(a.stdout, "# %s version %d, %s, by %s", v.ID, v.Version, v.Status, v.Author)
			if v.Publisher != "" {
				fmt.Fprintf(a.stdout, ", published by %s", v.Publisher)
			}
			fmt.Fprintf(a.stdout, "\n# sha256 %s\n%s", v.SHA256, b)
			return nil
		},
	}
}

// readRegua reads a file, or standard input for "-".
func readRegua(path string) ([]byte, error) {
	if path == "-" {
		return io.ReadAll(os.Stdin)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", data.ErrUsage, err)
	}
	return b, nil
}

func newReguasSaveCommand(a *app) *cobra.Command {
	var by string
	cmd := &cobra.Command{
		Use:   "save FILE",
		Short: "Check a régua and save it as a draft, the next version of its id",
		Long: `Check a régua and save it as a draft, the next version of its id. Every fault is
reported at once, with line, column and a hint.`,
		Example: `  dunning reguas save b2b.yaml --by ana
  dunning reguas save - --by ana < b2b.yaml`,
		Args: oneArg("file, or - for standard input"),
		RunE: func(cmd *cobra.Command, args []string) error {
			b, err := readRegua(args[0])
			if err != nil {
				return err
			}
			v, err := regua.OpenStore(a.home).Save(b, a.whoever(by), time.Now())
			return a.showVersion(v, err, "saved as a draft; somebody else than %s publishes it", v.Author)
		},
	}
	cmd.Flags().StringVar(&by, "by", "", "author (default the user of this machine)")
	return cmd
}

// whoever returns the name given, or the user of the machine.
func (a *app) whoever(by string) string {
	if by != "" {
		return by
	}
	if u, err := user.Current(); err == nil {
		return u.Username
	}
	return ""
}

// showVersion tells what was done to a version.
func (a *app) showVersion(v regua.Version, err error, format string, args ...any) error {
	if err != nil {
		return err
	}
	if a.asJSON {
		return a.printJSON(v)
	}
	fmt.Fprintf(a.stdout, "%s version %d: %s\n", v.ID, v.Version, fmt.Sprintf(format, args...))
	return nil
}

func newReguasPublishCommand(a *app) *cobra.Command {
	var by string
	cmd := &cobra.Command{
		Use:     "publish REGUA[@VERSION]",
		Short:   "Put a draft into force; its author may not",
		Long:    "Put a draft into force, from the next plan on; the version before it is retired. Its\nauthor may not: that is refused with exit code 4.",
		Example: "  dunning reguas publish b2b --by bia",
		Args:    oneArg("régua like b2b or b2b@3"),
		RunE: func(cmd *cobra.Command, args []string) error {
			id, version, err := reguaVersion(args[0])
			if err != nil {
				return err
			}
			v, err := regua.OpenStore(a.home).Publish(id, version, a.whoever(by), time.Now())
			return a.showVersion(v, err, "published by %s; in force from the next plan on", v.Publisher)
		},
	}
	cmd.Flags().StringVar(&by, "by", "", "publisher (default the user of this machine)")
	return cmd
}

func newReguasRetireCommand(a *app) *cobra.Command {
	var by string
	cmd := &cobra.Command{
		Use:     "retire REGUA[@VERSION]",
		Short:   "Take a version out of force, or a draft off the table",
		Example: "  dunning reguas retire b2b --by bia",
		Args:    oneArg("régua like b2b or b2b@3"),
		RunE: func(cmd *cobra.Command, args []string) error {
			id, version, err := reguaVersion(args[0])
			if err != nil {
				return err
			}
			v, err := regua.OpenStore(a.home).Retire(id, version, a.whoever(by), time.Now())
			return a.showVersion(v, err, "retired by %s", v.RetiredBy)
		},
	}
	cmd.Flags().StringVar(&by, "by", "", "who retires it (default the user of this machine)")
	return cmd
}

func newReguasLibraryCommand(a *app) *cobra.Command {
	var save string
	var columns bool
	cmd := &cobra.Command{
		Use:   "library",
		Short: "List the réguas that come with the program, or print one to start from",
		Example: `  dunning reguas library
  dunning reguas library --save b2c-padrao > minha.yaml
  dunning reguas library --columns`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			switch {
			case save != "":
				b, err := regua.FromLibrary(save)
				if err != nil {
					return err
				}
				_, err = a.stdout.Write(b)
				return err
			case columns:
				return a.printReguaColumns()
			}
			return a.printLibrary()
		},
	}
	cmd.Flags().StringVar(&save, "save", "", "print the text of this one")
	cmd.Flags().BoolVar(&columns, "columns", false, "list the columns that conditions may use")
	return cmd
}

func (a *app) printReguaColumns() error {
	if a.asJSON {
		return a.printJSON(map[string]any{"columns": regua.Columns()})
	}
	t := a.newTable("column", "type", "what it is")
	for _, c := range regua.Columns() {
		doc := c.Doc
		if c.OfInvoice {
			doc += " (when and stop only)"
		}
		t.AppendRow(table.Row{c.Name, c.Type, doc})
	}
	t.Render()
	return nil
}

func (a *app) printLibrary() error {
	var all []*regua.Regua
	for _, name := range regua.Library() {
		b, err := regua.FromLibrary(name)
		if err != nil {
			return err
		}
		r, err := regua.Parse(b)
		if err != nil {
			return err
		}
		all = append(all, r)
	}
	if a.asJSON {
		return a.printJSON(map[string]any{"reguas": all})
	}
	t := a.newTable("régua", "title", "mode", "steps")
	for _, r := range all {
		t.AppendRow(table.Row{r.ID, r.Title, r.Mode, len(r.Steps)})
	}
	t.Render()
	return nil
}

func newReguasTryCommand(a *app) *cobra.Command {
	var asOf string
	cmd := &cobra.Command{
		Use:   "try FILE",
		Short: "Say what a régua would do on a day, before it is saved",
		Long: `Say what a régua would do with the scores of a day, alone beside the
recommendation: customers captured, touches per day and channel, cost, expected
recovery, by which rules it is blocked, what finds no money, and what is forgone
against the recommendation with the same money. Nothing is written.`,
		Example: `  dunning reguas try b2b.yaml --as-of 2026-01-05
  dunning reguas library --save b2b | dunning reguas try - --json`,
		Args: oneArg("file, or - for standard input"),
		RunE: func(cmd *cobra.Command, args []string) error {
			b, err := readRegua(args[0])
			if err != nil {
				return err
			}
			r, err := regua.Parse(b)
			if err != nil {
				return err
			}
			config, err := a.loadConfig()
			if err != nil {
				return err
			}
			var day data.Date
			if asOf != "" {
				if day, err = dayFlag("as-of", asOf); err != nil {
					return err
				}
			}
			trial, err := pipeline.TryRegua(cmd.Context(), a.home, config, r, day)
			if err != nil {
				return err
			}
			if a.asJSON {
				return a.printJSON(trial)
			}
			a.printTrial(trial)
			return nil
		},
	}
	cmd.Flags().StringVar(&asOf, "as-of", "", "day that was scored (default: as_of of dunning.yaml, or the latest)")
	return cmd
}

func (a *app) printTrial(t *regua.Trial) {
	o := t.Outcome
	fmt.Fprintf(a.stdout, "%s: %s (%s), as of %s, beside the recommendation alone\n", o.ID, o.Title, o.Mode, t.AsOf)
	fmt.Fprintf(a.stdout, "captured    %d customers, %d of them in the random holdout\n", o.Captured, o.HeldOut)
	fmt.Fprintf(a.stdout, "wishes      %d touches that the law allows\n", o.Wished)
	fmt.Fprintf(a.stdout, "touches     %d for %d customers, for %s of %s\n", o.Touches, o.Touched, o.CostCents.BRL(), t.BudgetCents.BRL())
	fmt.Fprintf(a.stdout, "recovery    %s expected, beyond what is paid without a touch\n", o.ValueCents.BRL())
	fmt.Fprintf(a.stdout, "forgone     %s: the recommendation alone brings %s, beside the régua %s with the same money\n",
		data.RoundCents(t.ForgoneCents).BRL(), data.RoundCents(t.RecommendedCents).BRL(), data.RoundCents(t.TogetherCents).BRL())
	if t.Failed > 0 {
		fmt.Fprintf(a.stdout, "conditions  %d failed on a customer (an overflow, a division by zero) and counted as not met\n", t.Failed)
	}
	if len(o.Days) > 0 {
		days := a.newTable("day", "channel", "touches", "cost")
		for _, d := range o.Days {
			days.AppendRow(table.Row{d.Day, d.Channel, d.Touches, d.CostCents.BRL()})
		}
		days.Render()
	}
	if len(o.Refused) > 0 {
		refused := a.newTable("blocked by", "wishes", "says", "source")
		refused.SetColumnConfigs([]table.ColumnConfig{{Number: 3, WidthMax: 50, WidthMaxEnforcer: text.WrapSoft}, {Number: 4, WidthMax: 50, WidthMaxEnforcer: text.WrapSoft}})
		for _, r := range o.Refused {
			refused.AppendRow(table.Row{r.Rule, r.Wishes, r.Title, r.Source})
		}
		refused.Render()
	}
	if len(o.Dropped) > 0 {
		dropped := a.newTable("no room in", "touches", "cost")
		for _, d := range o.Dropped {
			dropped.AppendRow(table.Row{d.Row, d.Touches, d.CostCents.BRL()})
		}
		dropped.Render()
	}
}
