package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"dunning/data"
	"dunning/serve"
	"dunning/serve/client"
	"dunning/serve/ledger"
)

func newEventsCommand(a *app) *cobra.Command {
	r := &remote{}
	cmd := group(&cobra.Command{
		Use:   "events",
		Short: "Report what happened, and give it to the next extract",
		Long: `Report what became of touches (delivered, opened, clicked, replied, bounced,
complained), payments, promises, opt-outs and disputes. They count at once when actions
are handed out. "events write" puts what was sent and reported into HOME/events, as
tables that the next extract reads beside the company's own, so that tomorrow's plan
learns from today's touches. A server writes them each minute.
` + ledgerUse,
		Example: `  dunning events add < events.jsonl
  dunning events write`,
	}, newEventsAddCommand(a, r), newEventsWriteCommand(a, r))
	r.flags(cmd)
	return cmd
}

func newEventsAddCommand(a *app, r *remote) *cobra.Command {
	return &cobra.Command{
		Use: "add", Short: "Read events from standard input, one line of JSON each",
		Long: `Read events from standard input, one line of JSON each, as POST /v1/events takes
them. An event that is known already changes nothing.`,
		Example: `  echo '{"event_id":"e1","kind":"delivered","action_id":"…","at":"2026-01-05T12:00:00Z"}' | dunning events add`,
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			events, err := readEvents(cmd.InOrStdin())
			if err != nil {
				return err
			}
			return a.with(cmd.Context(), r, theLedger, func(c *client.Client) error { return a.addEvents(cmd.Context(), c, events) })
		},
	}
}

// readEvents reads lines of JSON; a line that is none is bad input.
func readEvents(r io.Reader) ([]serve.NewEvent, error) {
	var events []serve.NewEvent
	in := bufio.NewScanner(r)
	in.Buffer(nil, 1<<20)
	for n := 1; in.Scan(); n++ {
		if len(bytes.TrimSpace(in.Bytes())) == 0 {
			continue
		}
		var e serve.NewEvent
		if err := json.Unmarshal(in.Bytes(), &e); err != nil {
			return nil, fmt.Errorf("%w: standard input line %d: %w", data.ErrBadInput, n, err)
		}
		events = append(events, e)
	}
	if err := in.Err(); err != nil {
		return nil, fmt.Errorf("%w: standard input: %w", data.ErrBadInput, err)
	}
	return events, nil
}

// addEvents reports events in batches and counts what became of them; events
// that were not kept are named, and are bad input.
func (a *app) addEvents(ctx context.Context, c *client.Client, events []serve.NewEvent) error {
	counts := map[ledger.ResultStatus]int{ledger.Accepted: 0, ledger.Repeated: 0, ledger.Conflict: 0, ledger.Unknown: 0}
	for len(events) > 0 {
		n := min(len(events), 1000)
		results, err := c.AddEvents(ctx, "", events[:n])
		if err != nil {
			return err
		}
		for _, result := range results {
			if counts[result.Status]++; result.Status == ledger.Conflict || result.Status == ledger.Unknown {
				fmt.Fprintf(a.stderr, "dunning: event %s: %s\n", result.ID, result.Status)
			}
		}
		events = events[n:]
	}
	if a.asJSON {
		if err := a.printJSON(counts); err != nil {
			return err
		}
	} else {
		fmt.Fprintf(a.stdout, "%d accepted, %d known already, %d conflicts, %d of no approved action\n",
			counts[ledger.Accepted], counts[ledger.Repeated], counts[ledger.Conflict], counts[ledger.Unknown])
	}
	if lost := counts[ledger.Conflict] + counts[ledger.Unknown]; lost > 0 {
		return fmt.Errorf("%w: %d events were not kept", data.ErrBadInput, lost)
	}
	return nil
}

func newEventsWriteCommand(a *app, r *remote) *cobra.Command {
	var all bool
	cmd := &cobra.Command{
		Use: "write", Short: "Write what was sent and reported into HOME/events",
		Example: `  dunning events write --all`,
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if r.server != "" {
				return fmt.Errorf("%w: events write works on the home; a server writes by itself", data.ErrUsage)
			}
			err := a.withStore(cmd.Context(), r.dsn, func(s *ledger.Store) error {
				return serve.WriteFeedback(cmd.Context(), s, a.home, all, a.now())
			})
			if err != nil {
				return err
			}
			if a.asJSON {
				return a.printJSON(map[string]string{"folder": serve.EventsFolder})
			}
			_, err = fmt.Fprintln(a.stdout, "written to", a.home+string(os.PathSeparator)+serve.EventsFolder)
			return err
		},
	}
	cmd.Flags().BoolVar(&all, "all", false, "all days, not only those from the last file on")
	return cmd
}
