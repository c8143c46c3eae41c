package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"dunning/data"
)

func (a *app) creditRollback() *cobra.Command {
	var sign signature
	cmd := &cobra.Command{
		Use: "rollback model|policy", Short: "Withdraw the model or the policy in force and put the one before it back",
		Long: `Withdraw the model or the policy in force and put the one before it back. The exit
code is 4 where there is none before it, or where model and policy would not fit. A
server that is running takes it over within a second.`,
		Example: `  dunning credit rollback model --why "the calibration broke"
  dunning credit rollback policy --why "limits were typed wrong"`,
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 || args[0] != "model" && args[0] != "policy" {
				return fmt.Errorf("%w: credit rollback needs model or policy", data.ErrUsage)
			}
			if err := sign.check(); err != nil {
				return err
			}
			store := a.creditStore()
			undo := store.RollbackModel
			if args[0] == "policy" {
				undo = store.RollbackPolicy
			}
			from, to, err := undo(sign.by, sign.why)
			if err != nil {
				return err
			}
			if a.asJSON {
				return a.printJSON(map[string]string{"withdrawn": from, "in_force": to})
			}
			fmt.Fprintf(a.stdout, "%s %s is withdrawn, %s is in force again\n", args[0], from, to)
			return nil
		},
	}
	sign.register(cmd)
	return cmd
}
