package main

import (
	"fmt"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"dunning/data"
	"dunning/serve"
	"dunning/serve/client"
	"dunning/serve/ledger"
)

func newWalletCommand(a *app) *cobra.Command {
	r := &remote{}
	cmd := group(&cobra.Command{
		Use:   "wallet",
		Short: "The prepaid budget: wallets, top-ups, statements, refunds",
		Long: `Keep the wallets that contacts are paid from. A wallet holds money (BRL, in cents)
or credits of one channel (credits:sms: one credit pays one touch). What was funded is
available, reserved (by an approved plan) or spent; nothing is ever below zero.
` + ledgerUse,
		Example: `  dunning wallet create main --currency BRL --name "Orçamento de cobrança"
  dunning wallet top-up main --amount 150000 --reason "NF 4711"
  dunning wallet statement main`,
	}, newWalletCreateCommand(a, r), newWalletListCommand(a, r), newWalletTopUpCommand(a, r), newWalletStatementCommand(a, r), newWalletRefundCommand(a, r))
	r.flags(cmd)
	return cmd
}

func newWalletCreateCommand(a *app, r *remote) *cobra.Command {
	var currency, name string
	cmd := &cobra.Command{
		Use: "create WALLET", Short: "Make an empty wallet",
		Example: `  dunning wallet create sms --currency credits:sms --name "Pacote SMS"`,
		Args:    oneArg("WALLET"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.with(cmd.Context(), r, theLedger, func(c *client.Client) error {
				w, err := c.CreateWallet(cmd.Context(), "", serve.NewWallet{WalletID: args[0], Currency: ledger.Currency(currency), Name: name})
				if err != nil {
					return err
				}
				return a.printWallets(w, w)
			})
		},
	}
	cmd.Flags().StringVar(&currency, "currency", string(ledger.BRL), "BRL, or credits: and a channel, such as credits:sms")
	cmd.Flags().StringVar(&name, "name", "", "for people (required)")
	return cmd
}

func newWalletListCommand(a *app, r *remote) *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List all wallets with their balances",
		Example: `  dunning wallet list --json`,
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.with(cmd.Context(), r, theLedger, func(c *client.Client) error {
				list, err := c.Wallets(cmd.Context())
				if err != nil {
					return err
				}
				return a.printWallets(serve.Wallets{Wallets: list}, list...)
			})
		},
	}
}

func newWalletTopUpCommand(a *app, r *remote) *cobra.Command {
	var t serve.NewTopUp
	cmd := &cobra.Command{
		Use: "top-up WALLET", Short: "Put bought credits or money into a wallet",
		Long: `Put bought credits or money into a wallet. With --entry-id the top-up happens once,
however often the command is run: use the number of the invoice.`,
		Example: `  dunning wallet top-up main --amount 150000 --entry-id NF-4711 --reason "NF 4711, novembro"`,
		Args:    oneArg("WALLET"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.with(cmd.Context(), r, theLedger, func(c *client.Client) error {
				e, err := c.TopUp(cmd.Context(), "", args[0], t)
				if err != nil {
					return err
				}
				return a.printEntries(e, e)
			})
		},
	}
	cmd.Flags().Int64Var((*int64)(&t.Amount), "amount", 0, "cents of a wallet of money, touches of a wallet of credits (required)")
	cmd.Flags().StringVar(&t.Reason, "reason", "", "why, for the statement (required)")
	cmd.Flags().StringVar(&t.EntryID, "entry-id", "", "id of the entry; one is made without it")
	return cmd
}

// statement is the answer of wallet statement with --json.
type statement struct {
	Wallet  ledger.Wallet  `json:"wallet"`
	Entries []ledger.Entry `json:"entries"`
}

func newWalletStatementCommand(a *app, r *remote) *cobra.Command {
	return &cobra.Command{
		Use: "statement WALLET", Short: "Show all entries of a wallet, each with the balances after it",
		Example: `  dunning wallet statement main`,
		Args:    oneArg("WALLET"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.with(cmd.Context(), r, theLedger, func(c *client.Client) error {
				w, entries, err := c.Statement(cmd.Context(), args[0])
				if err != nil {
					return err
				}
				return a.printEntries(statement{w, entries}, entries...)
			})
		},
	}
}

func newWalletRefundCommand(a *app, r *remote) *cobra.Command {
	var f serve.NewRefund
	cmd := &cobra.Command{
		Use: "refund WALLET", Short: "Make what an action spent available again",
		Example: `  dunning wallet refund main --action 2026-01-05-064ae631-000001 --amount 9 --reason "não entregue"`,
		Args:    oneArg("WALLET"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if f.ActionID == "" {
				return fmt.Errorf("%w: --action is missing", data.ErrUsage)
			}
			return a.with(cmd.Context(), r, theLedger, func(c *client.Client) error {
				e, err := c.Refund(cmd.Context(), "", args[0], f)
				if err != nil {
					return err
				}
				return a.printEntries(e, e)
			})
		},
	}
	cmd.Flags().StringVar(&f.ActionID, "action", "", "the action that was sent (required)")
	cmd.Flags().Int64Var((*int64)(&f.Amount), "amount", 0, "at most what was posted and not refunded yet (required)")
	cmd.Flags().StringVar(&f.Reason, "reason", "", "why, for the statement (required)")
	cmd.Flags().StringVar(&f.EntryID, "entry-id", "", "id of the entry; one is made without it")
	return cmd
}

// printWallets prints wallets as a table, or document with --json.
func (a *app) printWallets(document any, list ...ledger.Wallet) error {
	if a.asJSON {
		return a.printJSON(document)
	}
	w := tabwriter.NewWriter(a.stdout, 0, 4, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "WALLET\tCURRENCY\tAVAILABLE\tRESERVED\tSPENT\tFUNDED\tNAME\t")
	for _, x := range list {
		b := x.Balances
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t\n", x.ID, x.Currency, shownUnits(x.Currency, b.Available), shownUnits(x.Currency, b.Reserved), shownUnits(x.Currency, b.Spent), shownUnits(x.Currency, b.Funding), x.Name)
	}
	return w.Flush()
}

// shownUnits writes an amount of a wallet for people.
func shownUnits(currency ledger.Currency, n ledger.Units) string {
	if currency == ledger.BRL {
		return data.Cents(n).BRL()
	}
	return fmt.Sprint(int64(n))
}

// printEntries prints entries as a table, or document with --json. Amounts are
// in units of the wallet.
func (a *app) printEntries(document any, entries ...ledger.Entry) error {
	if a.asJSON {
		return a.printJSON(document)
	}
	w := tabwriter.NewWriter(a.stdout, 0, 4, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "SEQ\tAT\tKIND\tAMOUNT\tAVAILABLE\tRESERVED\tSPENT\tACTOR\tENTRY\tREASON\t")
	for _, e := range entries {
		fmt.Fprintf(w, "%d\t%s\t%s\t%d\t%d\t%d\t%d\t%s\t%s\t%s\t\n", e.Seq, when(&e.At), e.Kind, e.Amount, e.After.Available, e.After.Reserved, e.After.Spent, e.Actor, e.ID, e.Reason)
	}
	return w.Flush()
}
