package main

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"dunning/data"
	"dunning/serve"
)

// keyLifetime is how long a key lives unless --expires says otherwise.
const keyLifetime = 365 * 24 * time.Hour

func newKeysCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "keys",
		Short: "Make, list and revoke the keys of the API",
		Long: `Keys open the API of "dunning serve". A key is shown once, when it is made; the
database keeps only its SHA-256. Changes hold at once, also for a server that runs.
They are in the ledger's database: HOME/dunning.db, or the one of DUNNING_LEDGER_DSN.`,
		Example: `  dunning keys create --role manager --name "Ana, financeiro" --expires 720h
  dunning keys list
  dunning keys revoke 3f9c2a7b10de`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return fmt.Errorf("%w: keys needs create, list or revoke; see --help", data.ErrUsage)
		},
	}
	cmd.AddCommand(newKeysCreateCommand(a), newKeysListCommand(a), newKeysRevokeCommand(a))
	return cmd
}

// withKeys opens the database of the home, making both where needed.
func (a *app) withKeys(ctx context.Context, do func(*serve.Keys) error) error {
	if err := os.MkdirAll(a.home, 0o755); err != nil {
		return fmt.Errorf("%w: home %s: %w", data.ErrUsage, a.home, err)
	}
	keys, err := a.openKeys(ctx, "")
	if err != nil {
		return err
	}
	defer keys.Close()
	return do(keys)
}

// openKeys opens the keys, which are in the ledger's database wherever that is.
func (a *app) openKeys(ctx context.Context, dsn string) (*serve.Keys, error) {
	if dsn = cmp.Or(dsn, os.Getenv(dsnEnv)); dsn != "" {
		return serve.OpenKeysIn(ctx, dsn, a.now)
	}
	return serve.OpenKeys(ctx, a.home, a.now)
}

func newKeysCreateCommand(a *app) *cobra.Command {
	var (
		role, name string
		expires    time.Duration
	)
	cmd := &cobra.Command{
		Use:     "create",
		Short:   "Make a key and show it, once",
		Long:    "Make a key and show it, once. Roles: scientist, manager, approver, dispatcher, auditor, admin.",
		Example: `  dunning keys create --role dispatcher --name "discador" --expires 2160h`,
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			r, err := serve.ParseRole(role)
			if err != nil {
				return err
			}
			return a.withKeys(cmd.Context(), func(keys *serve.Keys) error {
				secret, key, err := keys.Create(cmd.Context(), r, name, expires)
				if err != nil {
					return err
				}
				if a.asJSON {
					return a.printJSON(struct {
						Secret string `json:"key"`
						serve.Key
					}{secret, key})
				}
				fmt.Fprintln(a.stdout, secret)
				fmt.Fprintf(a.stderr, "This is the only time the key is shown. Prefix %s, role %s, ends %s.\n", key.Prefix, key.Role, when(key.ExpiresAt))
				return nil
			})
		},
	}
	cmd.Flags().StringVar(&role, "role", "", "what the key may do (required)")
	cmd.Flags().StringVar(&name, "name", "", "who holds the key (required)")
	cmd.Flags().DurationVar(&expires, "expires", keyLifetime, "how long the key lives; 0 for ever")
	return cmd
}

func newKeysListCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "list",
		Short:   "List all keys, without their secrets",
		Example: `  dunning keys list --json`,
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withKeys(cmd.Context(), func(keys *serve.Keys) error {
				list, err := keys.List(cmd.Context())
				if err != nil {
					return err
				}
				if a.asJSON {
					return a.printJSON(map[string]any{"keys": list})
				}
				w := tabwriter.NewWriter(a.stdout, 0, 4, 2, ' ', 0)
				fmt.Fprintln(w, "PREFIX\tROLE\tNAME\tCREATED\tEXPIRES\tREVOKED")
				for _, k := range list {
					fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", k.Prefix, k.Role, k.Name, when(&k.CreatedAt), when(k.ExpiresAt), when(k.RevokedAt))
				}
				return w.Flush()
			})
		},
	}
}

func newKeysRevokeCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "revoke PREFIX",
		Short:   "End a key at once",
		Example: `  dunning keys revoke 3f9c2a7b10de`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return fmt.Errorf("%w: keys revoke takes one PREFIX; \"dunning keys list\" shows them", data.ErrUsage)
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withKeys(cmd.Context(), func(keys *serve.Keys) error {
				key, err := keys.Revoke(cmd.Context(), args[0])
				if err != nil {
					return err
				}
				if a.asJSON {
					return a.printJSON(key)
				}
				fmt.Fprintf(a.stdout, "revoked %s (%s, %s) at %s\n", key.Prefix, key.Role, key.Name, when(key.RevokedAt))
				return nil
			})
		},
	}
}

// when writes an instant to the second, "-" for none.
func when(t *time.Time) string {
	if t == nil {
		return "-"
	}
	return t.Format(time.RFC3339)
}
