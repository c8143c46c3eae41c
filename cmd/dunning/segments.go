package main

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"dunning/data"
	"dunning/models/segments"
	"dunning/pipeline"
)

func newSegmentsCommand(a *app) *cobra.Command {
	return group(&cobra.Command{
		Use:   "segments",
		Short: "Show the named segments of customers, and who moved between them",
		Long: `Show the segments that the stage segments made: by credit history, payment
history, purchase value and frequency, on the first of each month.
docs/SEGMENTS.md has the rules.`,
		Example: `  dunning segments list
  dunning segments movements --months 3 --json`,
	}, newSegmentsListCommand(a), newSegmentsMovementsCommand(a))
}

// segmentsFolder is the folder of a day's segments, of the latest by default.
func (a *app) segmentsFolder(asOf string) (string, error) {
	return a.stageFolder(pipeline.SegmentsStage(), asOf)
}

// stageFolder is where a stage's output for a day is; asOf "" is the day of the
// configuration, or the latest that has an output.
func (a *app) stageFolder(s pipeline.Stage, asOf string) (string, error) {
	var day data.Date
	var err error
	if asOf != "" {
		if day, err = data.ParseDate(asOf); err != nil {
			return "", fmt.Errorf("%w: --as-of: %w", data.ErrUsage, err)
		}
	} else if day, err = pipeline.LatestOf(a.home, s); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return "", fmt.Errorf("%w: %s has no output of the stage %s; run dunning run --to %s", data.ErrUsage, a.home, s.Name, s.Name)
		}
		return "", err
	}
	folder := s.FolderOf(a.home, day)
	if _, err := pipeline.OpenOutput(folder); errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("%w: %s has no output of the stage %s for %s; run dunning run --to %s --as-of %s", data.ErrUsage, a.home, s.Name, day, s.Name, day)
	} else if err != nil {
		return "", err
	}
	return folder, nil
}

func newSegmentsListCommand(a *app) *cobra.Command {
	var asOf string
	cmd := &cobra.Command{
		Use: "list", Short: "List the segments: what is true of their members, how many they are",
		Example: `  dunning segments list --json`,
		Args:    noArgs,
		RunE: func(*cobra.Command, []string) error {
			folder, err := a.segmentsFolder(asOf)
			if err != nil {
				return err
			}
			s, err := pipeline.ReadSegments(folder)
			if err != nil {
				return err
			}
			if a.asJSON {
				return a.printJSON(s)
			}
			fmt.Fprintf(a.stdout, "Segments of %s\n", s.Month)
			t := a.newTable("segment", "name", "customers", "month before", "on time", "what is true of them")
			for _, d := range s.Segments {
				t.AppendRow(table.Row{d.Segment, d.EnglishName, d.Customers, d.CustomersEarlierMonth, share(d.OnTimeShare), d.EnglishDescription})
			}
			t.Render()
			if n := len(s.Agreement); n > 0 {
				last := s.Agreement[n-1]
				fmt.Fprintf(a.stdout, "%.1f %% of the customers stayed where they were a month ago; adjusted Rand index %.3f\n", 100*last.Stayed, last.Agreement)
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&asOf, "as-of", "", "day of the run (default: the latest)")
	return cmd
}

// segmentMovements is the answer of segments movements with --json.
type segmentMovements struct {
	Agreement []pipeline.SegmentAgreement `json:"agreement"`
	Movements []pipeline.SegmentMovement  `json:"movements"`
}

func newSegmentsMovementsCommand(a *app) *cobra.Command {
	var asOf string
	months := 1
	cmd := &cobra.Command{
		Use: "movements", Short: "Say who moved from which segment to which, by month",
		Example: `  dunning segments movements --months 12 --json`,
		Args:    noArgs,
		RunE: func(*cobra.Command, []string) error {
			if months < 1 {
				return fmt.Errorf("%w: --months: %d is none", data.ErrUsage, months)
			}
			folder, err := a.segmentsFolder(asOf)
			if err != nil {
				return err
			}
			s, err := pipeline.ReadSegments(folder)
			if err != nil {
				return err
			}
			rows, err := pipeline.ReadSegmentMovements(folder)
			if err != nil {
				return err
			}
			out := segmentMovements{Agreement: s.Agreement[max(0, len(s.Agreement)-months):], Movements: []pipeline.SegmentMovement{}}
			for _, r := range rows {
				if len(out.Agreement) > 0 && r.Month >= out.Agreement[0].Month {
					out.Movements = append(out.Movements, r)
				}
			}
			if a.asJSON {
				return a.printJSON(out)
			}
			a.printMovements(out)
			return nil
		},
	}
	cmd.Flags().StringVar(&asOf, "as-of", "", "day of the run (default: the latest)")
	cmd.Flags().IntVar(&months, "months", months, "how many months, the latest last")
	return cmd
}

// printMovements prints one square per month: from, to.
func (a *app) printMovements(m segmentMovements) {
	for _, g := range m.Agreement {
		fmt.Fprintf(a.stdout, "%s: %.1f %% stayed; adjusted Rand index %.3f\n", g.Month, 100*g.Stayed, g.Agreement)
		header := []any{"from \\ to"}
		for _, k := range segments.Keys {
			header = append(header, k)
		}
		t := a.newTable(header...)
		for _, from := range slices.Concat([]segments.Key{""}, segments.Keys[:]) {
			row := table.Row{from}
			if from == "" {
				row[0] = "(none)"
			}
			for _, to := range segments.Keys {
				i := slices.IndexFunc(m.Movements, func(r pipeline.SegmentMovement) bool { return r.Month == g.Month && r.From == from && r.To == to })
				if i < 0 {
					row = append(row, "")
					continue
				}
				row = append(row, m.Movements[i].Customers)
			}
			t.AppendRow(row)
		}
		t.Render()
	}
}
