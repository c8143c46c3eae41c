package main

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"github.com/spf13/cobra"

	"dunning/data"
	"dunning/serve/client"
	"dunning/serve/ledger"
)

func newAuditCommand(a *app) *cobra.Command {
	r := &remote{}
	cmd := group(&cobra.Command{
		Use:   "audit",
		Short: "Verify the ledger's audit chain and show its heads",
		Long: `Every change of state is one row of a hash chain. Each approval leaves the chain's
end in HOME/audit/heads-*.jsonl: kept away from the database, these files show a
chain that was cut short, rewritten, or replaced by an old copy.
` + ledgerUse,
		Example: `  dunning audit verify
  dunning audit verify --heads /mnt/elsewhere/heads-server.jsonl --server https://host:8443`,
	}, newAuditVerifyCommand(a, r), newAuditHeadsCommand(a, r))
	r.flags(cmd)
	return cmd
}

func newAuditVerifyCommand(a *app, r *remote) *cobra.Command {
	var files []string
	cmd := &cobra.Command{
		Use: "verify", Short: "Compute everything anew from the rows; exit code 3 for faults",
		Example: `  dunning audit verify --heads backup/heads-server.jsonl`,
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			heads, err := a.keptHeads(files, r.server == "")
			if err != nil {
				return err
			}
			return a.with(cmd.Context(), r, theLedger, func(c *client.Client) error {
				report, err := c.VerifyAudit(cmd.Context(), heads...)
				if err != nil {
					return err
				}
				return a.printReport(report, len(heads))
			})
		},
	}
	cmd.Flags().StringArrayVar(&files, "heads", nil, "file of heads that was kept; may be repeated (on the home, HOME/audit/heads-*.jsonl are read too)")
	return cmd
}

// printReport prints what a verification found; faults are an error.
func (a *app) printReport(report ledger.Report, heads int) error {
	if a.asJSON {
		if err := a.printJSON(report); err != nil {
			return err
		}
		return report.Err()
	}
	for _, f := range report.Faults {
		fmt.Fprintf(a.stdout, "%s: %s\n", f.Place, f.Text)
	}
	if len(report.Faults) == 0 {
		fmt.Fprintf(a.stdout, "whole: %d audit rows, %d entries, %d approved plans with %d actions, %d heads that were kept; the chain ends at %d:%s\n",
			report.Rows, report.Entries, report.Plans, report.Actions, heads, report.Head.Seq, report.Head.SHA256)
	}
	return report.Err()
}

// keptHeads reads files of heads; those of the home too, if it is the one that
// is asked.
func (a *app) keptHeads(files []string, home bool) ([]ledger.Head, error) {
	if home {
		found, err := filepath.Glob(filepath.Join(a.home, headsFolder, "heads-*.jsonl"))
		if err != nil {
			return nil, fmt.Errorf("%w: home %s: %w", data.ErrUsage, a.home, err)
		}
		files = append(found, files...)
	}
	heads := []ledger.Head{}
	for _, file := range files {
		more, err := ledger.ReadHeads(file)
		if errors.Is(err, fs.ErrNotExist) {
			err = fmt.Errorf("%w: %w", data.ErrUsage, err)
		}
		if err != nil {
			return nil, err
		}
		heads = append(heads, more...)
	}
	return heads, nil
}

func newAuditHeadsCommand(a *app, r *remote) *cobra.Command {
	return &cobra.Command{
		Use: "heads", Short: "Show the end of the chain, and on the home those that approvals left",
		Example: `  dunning audit heads --json`,
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			kept, err := a.keptHeads(nil, r.server == "")
			if err != nil {
				return err
			}
			return a.with(cmd.Context(), r, theLedger, func(c *client.Client) error {
				end, err := c.AuditHead(cmd.Context())
				if err != nil {
					return err
				}
				if a.asJSON {
					return a.printJSON(map[string]any{"head": end, "kept": kept})
				}
				for _, h := range kept {
					fmt.Fprintf(a.stdout, "kept %d:%s\n", h.Seq, h.SHA256)
				}
				_, err = fmt.Fprintf(a.stdout, "end %d:%s\n", end.Seq, end.SHA256)
				return err
			})
		},
	}
}
