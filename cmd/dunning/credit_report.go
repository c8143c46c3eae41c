package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"dunning/credit/portfolio"
	"dunning/data"
	"dunning/pipeline"
)

func (a *app) creditReport() *cobra.Command {
	var out, day string
	var shown int
	cmd := &cobra.Command{
		Use: "report", Short: "Report how customers behave: groups, good payers, limits to review, alerts",
		Long: `Report how the customers of the lake behave, by segment, product and vintage; who pays
so well that a reward is due; whose limit needs a look; whose behaviour deteriorates.
It is written as a page, as CSV and as an Excel workbook, and needs no model.`,
		Example: "  dunning credit report\n  dunning credit report --out /tmp/credit --top 100 --json",
		Args:    noArgs,
		RunE: func(*cobra.Command, []string) error {
			if shown < 1 || shown > 100_000 {
				return fmt.Errorf("%w: --top %d, must be 1 to 100000", data.ErrUsage, shown)
			}
			asOf, err := a.reportDay(day)
			if err != nil {
				return err
			}
			r, err := a.portfolioReport(asOf, shown)
			if err != nil {
				return err
			}
			if out == "" {
				out = filepath.Join(a.home, "credit", "reports", r.AsOf.String())
			}
			if err := writePortfolio(out, r); err != nil {
				return err
			}
			if a.asJSON {
				return a.printJSON(map[string]any{"folder": out, "as_of": r.AsOf, "customers": r.Customers, "groups": r.Groups, "counts": r.Counts})
			}
			fmt.Fprintf(a.stdout, "%d customers as of %s: %s\n", r.Customers, r.AsOf, filepath.Join(out, "report.html"))
			for _, n := range r.Counts {
				fmt.Fprintf(a.stdout, "%s: %d\n", n.List, n.All)
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&out, "out", "", "folder to write to (default HOME/credit/reports/DAY)")
	cmd.Flags().StringVar(&day, "as-of", "", "day of the report; nothing later counts (default: as_of in dunning.yaml)")
	cmd.Flags().IntVar(&shown, "top", 500, "customers shown of each list")
	return cmd
}

// portfolioReport reads the lake partition by partition: all rows of a customer
// are in one.
func (a *app) portfolioReport(asOf data.Date, shown int) (*portfolio.Report, error) {
	lake, err := pipeline.OpenOutput(filepath.Join(a.home, "lake", "extract", "current"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: there is no lake in %s: \"dunning extract\" makes one", data.ErrUsage, a.home)
	}
	if err != nil {
		return nil, err
	}
	if err := lake.Manifest.Verify(lake.Dir); err != nil {
		return nil, err
	}
	customers, invoices, payments := lake.Parts("customers"), lake.Parts("invoices"), lake.Parts("payments")
	if len(customers) != len(invoices) || len(customers) != len(payments) {
		return nil, fmt.Errorf("%s: %w: its tables have different partitions", lake.Dir, data.ErrDamagedFile)
	}
	b := portfolio.NewBuilder(asOf, shown)
	for i := range customers {
		c, err := data.Read[data.Customer](lake.Path(customers[i].Name))
		if err != nil {
			return nil, err
		}
		v, err := data.Read[data.Invoice](lake.Path(invoices[i].Name))
		if err != nil {
			return nil, err
		}
		p, err := data.Read[data.Payment](lake.Path(payments[i].Name))
		if err != nil {
			return nil, err
		}
		b.Add(c, v, p)
	}
	return b.Report(), nil
}

// reportDay is the day that was asked for, or that of the configuration.
func (a *app) reportDay(day string) (data.Date, error) {
	if day != "" {
		d, err := data.ParseDate(day)
		if err != nil {
			return 0, fmt.Errorf("%w: --as-of: %w", data.ErrUsage, err)
		}
		return d, nil
	}
	config, err := a.loadConfig()
	if err != nil {
		return 0, err
	}
	if config.AsOf == nil {
		return 0, fmt.Errorf("%w: name the day of the report with --as-of, or as_of in dunning.yaml", data.ErrUsage)
	}
	return *config.AsOf, nil
}

// writePortfolio writes the report in its forms.
func writePortfolio(dir string, r *portfolio.Report) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("%w: %w", data.ErrUsage, err)
	}
	html, err := r.HTML()
	if err != nil {
		return err
	}
	workbook, err := r.Excel()
	if err != nil {
		return err
	}
	for name, content := range map[string][]byte{"report.html": html, "report.xlsx": workbook, "groups.csv": r.GroupsCSV(), "customers.csv": r.PeopleCSV()} {
		if err := data.WriteFile(filepath.Join(dir, name), content); err != nil {
			return err
		}
	}
	return nil
}
