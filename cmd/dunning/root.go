package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"dunning/data"
)

// app is what every command shares: where it works and how it speaks.
type app struct {
	home   string
	config string // file of the configuration, "" for home/dunning.yaml
	asJSON bool
	stdout io.Writer        // the answer: text for people, one JSON document with --json
	stderr io.Writer        // logs and progress
	now    func() time.Time // the clock of the ledger

	started  bool // the command line was understood
	answered bool // the one JSON document was printed
}

// run executes one command line and returns its exit code: 0 done; 1 failed;
// 2 wrong usage or configuration; 3 bad input data; 4 refused by a rule.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	a := &app{stdout: stdout, stderr: stderr, now: time.Now}
	return a.run(ctx, args)
}

// run is [run] with the writers and the clock of the app.
func (a *app) run(ctx context.Context, args []string) int {
	root := a.rootCommand()
	root.SetArgs(args)
	root.SetOut(a.stdout)
	root.SetErr(a.stderr)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return 0
	}
	if errors.Is(err, context.Canceled) {
		err = fmt.Errorf("stopped; run the same command again to go on")
	}
	if !a.started && !errors.Is(err, data.ErrUsage) {
		err = fmt.Errorf("%w: %w; see --help", data.ErrUsage, err) // of the library that reads the command line
	}
	code := data.ExitCode(err)
	if (a.asJSON || !a.started && slices.Contains(args, "--json")) && !a.answered {
		a.printJSON(map[string]any{"error": oneLine(err), "exit_code": code})
	}
	fmt.Fprintln(a.stderr, "dunning:", oneLine(err))
	return code
}

// oneLine keeps an error on one line, whatever a library put into it.
func oneLine(err error) string {
	return strings.Join(strings.Fields(err.Error()), " ")
}

func (a *app) rootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:   "dunning",
		Short: "Decide who to contact about an open receivable, when and how",
		Long: `Dunning allocates a prepaid contact budget over customers, channels and days
so that it brings in the most additional money, within the law.

Exit codes: 0 done; 1 failed; 2 wrong usage or configuration; 3 bad input data;
4 refused by a rule.`,
		SilenceUsage:  true,
		SilenceErrors: true,
		Args:          knownCommand,
		// Letters that a name may be off to be suggested.
		SuggestionsMinimumDistance: 2,
		RunE:                       func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
		PersistentPreRunE: func(*cobra.Command, []string) error {
			if a.home == "" {
				return fmt.Errorf("%w: --home is empty; name a folder", data.ErrUsage)
			}
			a.started = true
			slog.SetDefault(slog.New(slog.NewTextHandler(a.stderr, nil)))
			return nil
		},
	}
	root.PersistentFlags().StringVar(&a.home, "home", "var/dunning", "folder of the configuration, the lake, the models and the plans")
	root.PersistentFlags().StringVar(&a.config, "config", "", "configuration file (default HOME/dunning.yaml); its relative paths start at its folder")
	root.PersistentFlags().BoolVar(&a.asJSON, "json", false, "print one JSON document on standard output, logs on standard error")
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error {
		return fmt.Errorf("%w: %w; see --help", data.ErrUsage, err)
	})
	for _, newCommand := range commands {
		root.AddCommand(newCommand(a))
	}
	root.InitDefaultHelpCmd()
	for _, cmd := range root.Commands() {
		if cmd.Name() == "help" {
			cmd.Args = func(_ *cobra.Command, args []string) error {
				found, rest, err := root.Find(args)
				if err == nil && len(rest) > 0 {
					err = unknownCommand(found, rest[0])
				}
				return err
			}
		}
	}
	return root
}

// knownCommand refuses what the root takes for an argument: the name of no
// command.
func knownCommand(root *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	return unknownCommand(root, args[0])
}

func unknownCommand(parent *cobra.Command, name string) error {
	hint := ""
	if near := parent.SuggestionsFor(name); len(near) > 0 {
		hint = fmt.Sprintf("; did you mean %q?", near[0])
	}
	return fmt.Errorf("%w: %s has no command %q%s; see --help", data.ErrUsage, parent.CommandPath(), name, hint)
}

// printJSON writes the one JSON document of a command that runs with --json.
func (a *app) printJSON(v any) error {
	a.answered = true
	enc := json.NewEncoder(a.stdout)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}

// noArgs refuses positional arguments as wrong usage.
func noArgs(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return fmt.Errorf("%w: %s takes no argument %q; see --help", data.ErrUsage, cmd.CommandPath(), args[0])
	}
	return nil
}

// commands lists the constructors of all commands in the order of the help.
var commands = []func(*app) *cobra.Command{
	newInitCommand,
	newDoctorCommand,
	newRunCommand,
	newExtractCommand,
	newFeaturesCommand,
	newScoreCommand,
	newOptimizeCommand,
	newReportCommand,
	newSegmentsCommand,
	newForecastCommand,
	newTrainCommand,
	newEvaluateCommand,
	newTuneCommand,
	newModelsCommand,
	newCreditCommand,
	newBacktestCommand,
	newAllocateCommand,
	newReguasCommand,
	newPolicyCommand,
	newBenchCommand,
	newSimulateCommand,
	newPlansCommand,
	newWalletCommand,
	newDispatchCommand,
	newEventsCommand,
	newAuditCommand,
	newLedgerCommand,
	newServeCommand,
	newKeysCommand,
	newPeopleCommand,
}
