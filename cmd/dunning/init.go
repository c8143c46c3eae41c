package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"dunning/pipeline"
)

func newInitCommand(a *app) *cobra.Command {
	var format, asOf string
	var force bool
	cmd := &cobra.Command{
		Use:   "init",
		Short: "Write a commented configuration with all defaults",
		Long: `Write HOME/dunning.yaml with every key, its meaning, unit and default. Its
sources are the files HOME/sources/TABLE.csv (or .parquet); change them to your
own queries. A file that exists is kept unless --force is given.`,
		Example: `  dunning init
  dunning init --home /srv/dunning --format parquet --as-of 2026-01-05`,
		Args: noArgs,
		RunE: func(*cobra.Command, []string) error {
			path, err := pipeline.WriteConfig(a.home, format, asOf, force)
			if err != nil {
				return err
			}
			if a.asJSON {
				return a.printJSON(map[string]string{"config": path})
			}
			_, err = fmt.Fprintf(a.stdout, "%s written; name your sources in it, then: dunning run --home %s\n", path, a.home)
			return err
		},
	}
	cmd.Flags().StringVar(&format, "format", "csv", "format of the files in HOME/sources: csv or parquet")
	cmd.Flags().StringVar(&asOf, "as-of", "", "day for which plans are made (default: the day after the last event)")
	cmd.Flags().BoolVar(&force, "force", false, "replace a configuration that exists")
	return cmd
}
