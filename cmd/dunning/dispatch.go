package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"dunning/data"
	"dunning/serve"
	"dunning/serve/client"
	"dunning/serve/ledger"
)

// dispatchOptions say what is fetched and where it goes.
type dispatchOptions struct {
	day      string
	channels []string
	batch    int
	lease    time.Duration
	limit    int
	webhook  string
	timeout  time.Duration
	ack      string
	journal  string
}

func newDispatchCommand(a *app) *cobra.Command {
	r := &remote{}
	o := dispatchOptions{batch: 50, lease: 5 * time.Minute, timeout: 10 * time.Second}
	cmd := &cobra.Command{
		Use:   "dispatch",
		Short: "Fetch approved actions, print them or post them to a webhook, and acknowledge them",
		Long: `Fetch the approved actions of a day whose window is open, batch by batch, until there
are no more. Each is leased to this dispatcher alone and rechecked just before.

With --webhook each action is posted there as JSON, with its action_id as
Idempotency-Key. An answer of 2xx means sent (its JSON may name provider_id and
real_cost_cents), 4xx failed, anything else that it is not known: the action stays
leased, is handed out again when the lease ends, and is posted again under the same key.
What the webhook answered is kept in the journal until it is acknowledged, so a command
that was killed goes on where it was when it is started again.

Without --webhook each action is printed as one line of JSON with the fence of its lease.
Say what became of them with "dispatch ack", or with --ack sent at once, when to print
them is to send them.
` + ledgerUse,
		Example: `  dunning dispatch --channel sms --webhook https://gateway.example/send --as discador
  dunning dispatch --day 2026-01-05 --limit 100 > actions.jsonl
  dunning dispatch ack < outcomes.jsonl`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := o.check(); err != nil {
				return err
			}
			return a.with(cmd.Context(), r, theOutputs, func(c *client.Client) error {
				return a.dispatch(cmd.Context(), r, c, o)
			})
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.day, "day", "", "day of the actions (default: today in Brasília)")
	f.StringArrayVar(&o.channels, "channel", nil, "only this channel; may be repeated")
	f.IntVar(&o.batch, "batch", o.batch, "actions of one lease, 1 to 10000")
	f.DurationVar(&o.lease, "lease", o.lease, "how long a lease lasts, 1s to 24h")
	f.IntVar(&o.limit, "limit", 0, "stop after so many actions; 0 for all")
	f.StringVar(&o.webhook, "webhook", "", "URL that actions are posted to")
	f.DurationVar(&o.timeout, "timeout", o.timeout, "how long the webhook may take for one action")
	f.StringVar(&o.ack, "ack", "", "without a webhook: sent acknowledges each batch once it is printed")
	f.StringVar(&o.journal, "journal", "", "file of answers that are not acknowledged yet (default HOME/dispatch/NAME.jsonl)")
	r.flags(cmd)
	cmd.AddCommand(newDispatchAckCommand(a, r))
	return cmd
}

// check reports every fault at once, as wrong usage.
func (o *dispatchOptions) check() error {
	var faults []string
	fault := func(ok bool, format string, args ...any) {
		if !ok {
			faults = append(faults, fmt.Sprintf(format, args...))
		}
	}
	_, err := data.ParseDate(o.day)
	fault(o.day == "" || err == nil, "--day %q is no day like 2026-01-31", o.day)
	for _, ch := range o.channels {
		fault(data.Channel(ch).Index() >= 0, "--channel %q is none of the channels", ch)
	}
	fault(o.batch >= 1 && o.batch <= 10_000, "--batch %d, must be 1 to 10000", o.batch)
	fault(o.lease >= time.Second && o.lease <= 24*time.Hour, "--lease %s, must be 1s to 24h", o.lease)
	fault(o.limit >= 0, "--limit %d is negative", o.limit)
	fault(o.timeout > 0 && o.timeout < o.lease, "--timeout %s must be above 0 and below --lease", o.timeout)
	fault(o.ack == "" || o.ack == string(ledger.Sent) && o.webhook == "", "--ack takes sent only, and not with --webhook")
	if u, err := url.Parse(o.webhook); o.webhook != "" {
		fault(err == nil && u.Host != "" && (u.Scheme == "http" || u.Scheme == "https"), "--webhook is no URL like https://host/path")
	}
	if len(faults) > 0 {
		return fmt.Errorf("%w: %s", data.ErrUsage, strings.Join(faults, "; "))
	}
	return nil
}

// brasilia is where the business day begins, without summer time.
var brasilia = time.FixedZone("Brasília", -3*3600)

// dispatched counts what one run of dispatch did.
type dispatched struct {
	Day      data.Date `json:"day"`
	Leased   int       `json:"leased"`
	Sent     int       `json:"sent"`
	Failed   int       `json:"failed"`
	Unknown  int       `json:"unknown"` // the webhook gave no answer that says: they stay leased
	Withheld int       `json:"withheld"`
	Refused  int       `json:"refused"` // acks that came too late
}

// dispatcher is one run of the command.
type dispatcher struct {
	a       *app
	c       *client.Client
	o       dispatchOptions
	hook    *webhook // nil prints
	journal *journal
	dispatched
}

func (a *app) dispatch(ctx context.Context, r *remote, c *client.Client, o dispatchOptions) error {
	d := &dispatcher{a: a, c: c, o: o}
	d.Day = data.DateOf(a.now().In(brasilia))
	if o.day != "" {
		d.Day, _ = data.ParseDate(o.day) // check read it
	}
	if o.webhook != "" {
		d.hook = newWebhook(o.webhook, o.timeout)
		path := o.journal
		if path == "" {
			name := r.as
			if r.server != "" {
				name = "server"
			}
			path = filepath.Join(a.home, "dispatch", journalName(name))
		}
		var err error
		if d.journal, err = openJournal(path); err != nil {
			return err
		}
		defer d.journal.close()
		if err := d.settle(ctx); err != nil { // what a run before left
			return err
		}
	}
	channels := o.channels
	if len(channels) == 0 {
		for _, ch := range data.Channels {
			channels = append(channels, string(ch))
		}
	}
	for _, ch := range channels {
		if err := d.channel(ctx, data.Channel(ch)); err != nil {
			return err
		}
	}
	return d.report()
}

// report prints what was done; on standard error where the actions are printed.
func (d *dispatcher) report() error {
	if d.a.asJSON && d.hook != nil {
		return d.a.printJSON(d.dispatched)
	}
	_, err := fmt.Fprintf(d.a.stderr, "%s: %d leased, %d sent, %d failed, %d not known, %d withheld, %d acks refused\n",
		d.Day, d.Leased, d.Sent, d.Failed, d.Unknown, d.Withheld, d.Refused)
	return err
}

// channel fetches and handles batches of a channel until there are no more.
func (d *dispatcher) channel(ctx context.Context, ch data.Channel) error {
	for {
		batch := d.o.batch
		if d.o.limit > 0 {
			batch = min(batch, d.o.limit-d.Leased)
		}
		if batch == 0 {
			return nil
		}
		grant, err := d.c.Lease(ctx, "", serve.NewLease{Day: d.Day, Channel: ch, Max: batch, Seconds: int64(d.o.lease / time.Second)})
		if err != nil {
			return err
		}
		d.Leased += len(grant.Actions)
		d.Withheld += len(grant.Withheld)
		if len(grant.Actions) == 0 {
			if len(grant.Withheld) > 0 {
				continue
			}
			return nil
		}
		if d.hook == nil {
			err = d.print(ctx, grant)
		} else {
			err = d.post(ctx, grant)
		}
		if err != nil {
			return err
		}
	}
}

// printed is the line of one action.
type printed struct {
	Fence int64     `json:"fence"`
	Until time.Time `json:"until"`
	ledger.Action
}

func (d *dispatcher) print(ctx context.Context, grant ledger.Grant) error {
	enc := json.NewEncoder(d.a.stdout)
	enc.SetEscapeHTML(false)
	ack := serve.NewAck{Fence: grant.Fence}
	for _, action := range grant.Actions {
		if err := enc.Encode(printed{grant.Fence, action.Until, action.Action}); err != nil {
			return fmt.Errorf("print: %w", err)
		}
		ack.Outcomes = append(ack.Outcomes, serve.NewOutcome{ActionID: action.ActionID, State: ledger.Sent})
	}
	d.a.answered = true
	if d.o.ack == "" {
		return nil
	}
	return d.acknowledge(ctx, ack)
}

// acknowledge says what became of actions and counts the answers.
func (d *dispatcher) acknowledge(ctx context.Context, ack serve.NewAck) error {
	results, err := d.c.Ack(ctx, "", ack)
	if err != nil {
		return err
	}
	for i, result := range results {
		switch {
		case result.Err() != nil:
			d.Refused++
			fmt.Fprintln(d.a.stderr, "dunning: ack refused:", oneLine(result.Err()))
		case ack.Outcomes[i].State == ledger.Sent:
			d.Sent++
		default:
			d.Failed++
		}
	}
	return nil
}

// settle acknowledges what the journal holds.
func (d *dispatcher) settle(ctx context.Context) error {
	for _, ack := range d.journal.acks() {
		if err := d.acknowledge(ctx, ack); err != nil {
			return err
		}
	}
	return d.journal.clear()
}

// maxSilent is after how many actions in a row without an answer that says what
// became of them a run gives up: the webhook is down.
const maxSilent = 5

// post sends the actions of a grant to the webhook and acknowledges them. The
// lease is made longer while there is work left.
func (d *dispatcher) post(ctx context.Context, grant ledger.Grant) error {
	silent := 0
	until := grant.Actions[0].Until
	for i, action := range grant.Actions {
		if until.Sub(d.a.now()) < d.o.lease/3 {
			var err error
			if until, err = d.extend(ctx, grant, i); err != nil {
				return err
			}
		}
		outcome, err := d.hook.send(ctx, action)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			d.Unknown++
			fmt.Fprintln(d.a.stderr, "dunning: webhook:", oneLine(err))
			if silent++; silent == maxSilent {
				return fmt.Errorf("the webhook gave no answer to %d actions in a row; what it was sent is handed out again when the lease ends: %w", silent, err)
			}
			continue
		}
		silent = 0
		if err := d.journal.add(grant.Fence, outcome); err != nil {
			return err
		}
	}
	return d.settle(ctx)
}

// extend makes the leases of the actions from i on last longer and returns until
// when.
func (d *dispatcher) extend(ctx context.Context, grant ledger.Grant, i int) (time.Time, error) {
	ids := []string{}
	for _, action := range grant.Actions[i:] {
		ids = append(ids, action.ActionID)
	}
	results, err := d.c.Extend(ctx, "", serve.NewExtension{NewReturn: serve.NewReturn{Fence: grant.Fence, ActionIDs: ids}, Seconds: int64(d.o.lease / time.Second)})
	if err != nil {
		return time.Time{}, err
	}
	if err := results[0].Err(); err != nil {
		return time.Time{}, err
	}
	return results[0].Until, nil
}

func newDispatchAckCommand(a *app, r *remote) *cobra.Command {
	return &cobra.Command{
		Use: "ack", Short: "Say what became of actions that were printed, one line of JSON each",
		Long: `Read lines of JSON from standard input: {"fence": 7, "action_id": "…", "state": "sent"},
with state sent, failed or withheld, and where known provider_id, real_cost_cents and
detail. The lines that dispatch printed will do, with a state added.`,
		Example: `  jq -c '. + {state: "sent"}' actions.jsonl | dunning dispatch ack --as discador`,
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			j, err := readOutcomes(cmd.InOrStdin(), "standard input")
			if err != nil {
				return err
			}
			return a.with(cmd.Context(), r, theLedger, func(c *client.Client) error {
				d := &dispatcher{a: a, c: c}
				for _, ack := range acksOf(j) {
					if err := d.acknowledge(cmd.Context(), ack); err != nil {
						return err
					}
				}
				if a.asJSON {
					return a.printJSON(map[string]int{"sent": d.Sent, "failed": d.Failed, "refused": d.Refused})
				}
				_, err := fmt.Fprintf(a.stdout, "%d sent, %d failed or withheld, %d refused\n", d.Sent, d.Failed, d.Refused)
				return err
			})
		},
	}
}

// journalName is the file of a dispatcher's journal.
func journalName(name string) string {
	if name == "" {
		name = os.Getenv("USER")
	}
	return url.PathEscape(name) + ".jsonl"
}
