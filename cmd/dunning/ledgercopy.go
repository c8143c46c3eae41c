package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"dunning/data"
	"dunning/serve"
	"dunning/serve/ledger"
)

func newLedgerCommand(a *app) *cobra.Command {
	var dsn string
	cmd := group(&cobra.Command{
		Use:   "ledger",
		Short: "Back up, restore, export and import the ledger",
		Long: `Copy the home's ledger (HOME/dunning.db, or the PostgreSQL database of
DUNNING_LEDGER_DSN). backup and restore are of an SQLite database, with the keys of the
API; PostgreSQL has pg_dump. export and import move a ledger from either to either;
keys of the API are not in it. Each copy is verified before it counts. Nothing that
exists is replaced.`,
		Example: `  dunning ledger backup /mnt/backup/dunning-2026-01-05.db
  dunning ledger restore /mnt/backup/dunning-2026-01-05.db --home /srv/new`,
	},
		newLedgerSubcommand(a, "backup FILE", "Copy the database while others write", func(ctx context.Context, file string) error {
			return a.withStore(ctx, dsn, func(s *ledger.Store) error { return s.Backup(ctx, file) })
		}),
		newLedgerSubcommand(a, "restore FILE", "Put a backup in the place of a database that is gone", func(ctx context.Context, file string) error {
			if err := os.MkdirAll(a.home, 0o755); err != nil {
				return fmt.Errorf("%w: home %s: %w", data.ErrUsage, a.home, err)
			}
			report, err := ledger.Restore(ctx, file, filepath.Join(a.home, serve.DatabaseName), ledger.Config{Clock: a.now})
			if err != nil {
				return err
			}
			return report.Err()
		}),
		newLedgerSubcommand(a, "export FILE", "Write the whole ledger as lines of JSON", func(ctx context.Context, file string) error {
			return a.withStore(ctx, dsn, func(s *ledger.Store) error { return exportTo(ctx, s, file) })
		}),
		newLedgerSubcommand(a, "import FILE", "Fill an empty ledger with an export", func(ctx context.Context, file string) error {
			f, err := os.Open(file)
			if err != nil {
				return fmt.Errorf("%w: %w", data.ErrUsage, err)
			}
			defer f.Close()
			return a.withStore(ctx, dsn, func(s *ledger.Store) error { return s.Import(ctx, f) })
		}))
	cmd.PersistentFlags().StringVar(&dsn, "dsn", "", "connection string of the home's ledger in PostgreSQL; better in "+dsnEnv)
	return cmd
}

// newLedgerSubcommand is a command that does one thing with one file.
func newLedgerSubcommand(a *app, use, short string, do func(context.Context, string) error) *cobra.Command {
	verb := use[:len(use)-len(" FILE")]
	return &cobra.Command{
		Use: use, Short: short,
		Example: "  dunning ledger " + verb + " /mnt/backup/dunning",
		Args:    oneArg("FILE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := do(cmd.Context(), args[0]); err != nil {
				return err
			}
			if a.asJSON {
				return a.printJSON(map[string]string{verb: args[0]})
			}
			_, err := fmt.Fprintln(a.stdout, verb, "done:", args[0])
			return err
		},
	}
}

// withStore opens the home's ledger without a recheck: nothing is handed out.
func (a *app) withStore(ctx context.Context, dsn string, do func(*ledger.Store) error) error {
	if err := os.MkdirAll(a.home, 0o755); err != nil {
		return fmt.Errorf("%w: home %s: %w", data.ErrUsage, a.home, err)
	}
	config, err := a.ledgerConfig(dsn, "")
	if err != nil {
		return err
	}
	s, err := ledger.Open(ctx, config)
	if err != nil {
		return err
	}
	defer s.Close()
	return do(s)
}

// exportTo writes an export into a new file, on disk when it returns.
func exportTo(ctx context.Context, s *ledger.Store, file string) error {
	f, err := os.OpenFile(file, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("%w: %w", data.ErrUsage, err)
	}
	err = s.Export(ctx, f)
	if err == nil {
		err = f.Sync()
	}
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		os.Remove(file) // what is not whole is no export
		return err
	}
	return data.SyncDir(filepath.Dir(file))
}
