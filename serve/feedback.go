package serve

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"dunning/data"
	"dunning/serve/ledger"
)

// EventsFolder is where a home keeps what was sent and reported, as tables that
// extract reads: HOME/events/TABLE/DAY.csv, by the day (UTC) on which the ledger
// was told, and HOME/events/TABLE/none.csv, which has columns and no rows.
const EventsFolder = "events"

// feedbackTables are the tables and their columns, those of the source tables
// where there is one.
var feedbackTables = map[string][]string{
	"touches":      {"touch_id", "customer_id", "channel", "sent_at", "cost_cents", "template", "plan_id", "treat_prob"},
	"touch_events": {"touch_id", "at", "kind"},
	"payments":     {"payment_id", "invoice_id", "customer_id", "paid_at", "amount_cents", "method"},
	"promises":     {"promise_id", "customer_id", "made_at", "due_on", "amount_cents", "instalment_no"},
	"opt_outs":     {"customer_id", "channel", "at", "kind"},
	"disputes":     {"customer_id", "at", "kind"},
}

// WriteFeedback writes what was sent and reported into the home's folder, from
// the last day that is there on (from the first where all is true). Each file
// appears whole, and the same ledger gives the same bytes; no more than some of the
// rows are in memory at once. A touch is an action
// that was sent; its touch_id is the action's id.
func WriteFeedback(ctx context.Context, l *ledger.Store, home string, all bool, now time.Time) error {
	root := filepath.Join(home, EventsFolder)
	from := time.Time{}
	files := feedbackFiles{root: root, files: map[string]*feedbackFile{}}
	defer files.discard()
	for table := range feedbackTables {
		if err := os.MkdirAll(filepath.Join(root, table), 0o755); err != nil {
			return fmt.Errorf("serve: %w: %w", data.ErrUsage, err)
		}
		if err := files.add(table, "none", nil); err != nil {
			return err
		}
	}
	if !all {
		var err error
		if from, err = lastFeedback(root); err != nil {
			return err
		}
	}
	add := func(table string, told time.Time, row ...string) error {
		return files.add(table, data.DateOf(told).String(), row)
	}
	err := l.SentBetween(ctx, from, now.Add(time.Hour), func(a ledger.SentAction) error {
		cost := a.CostCents
		if a.RealCostCents != nil {
			cost = *a.RealCostCents
		}
		return errors.Join(
			add("touches", a.SentAt, a.ActionID, a.CustomerID, string(a.Channel), stamp(a.SentAt), number(int64(cost)), a.Template, a.PlanID, strconv.FormatFloat(a.TreatProb, 'g', -1, 64)),
			add("touch_events", a.SentAt, a.ActionID, stamp(a.SentAt), string(data.EventSent)))
	})
	if err != nil {
		return err
	}
	if err := l.EventsReceived(ctx, from, now.Add(time.Hour), func(e ledger.ReceivedEvent) error { return addEvent(add, e) }); err != nil {
		return err
	}
	return files.publish()
}

// addEvent adds the rows of one event.
func addEvent(add func(table string, told time.Time, row ...string) error, e ledger.ReceivedEvent) error {
	var err error
	if e.Kind.OfTouch() {
		err = add("touch_events", e.ReceivedAt, e.ActionID, stamp(e.At), string(e.Kind))
	}
	switch e.Kind {
	case ledger.EventPayment:
		return add("payments", e.ReceivedAt, e.ID, e.InvoiceID, e.CustomerID, stamp(e.At), number(int64(e.AmountCents)), e.Method)
	case ledger.EventPromise:
		return add("promises", e.ReceivedAt, e.ID, e.CustomerID, stamp(e.At), e.DueOn.String(), number(int64(e.AmountCents)), number(int64(max(e.Instalment, 1))))
	case ledger.EventOptOut, ledger.EventOptIn, ledger.EventComplained:
		kind := e.Kind
		if kind == ledger.EventComplained {
			kind = ledger.EventOptOut
		}
		return errors.Join(err, add("opt_outs", e.ReceivedAt, e.CustomerID, string(e.Channel), stamp(e.At), string(kind)))
	case ledger.EventDispute, ledger.EventDisputeClosed:
		return add("disputes", e.ReceivedAt, e.CustomerID, stamp(e.At), string(e.Kind))
	}
	return err
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000000Z") }

func number(n int64) string { return strconv.FormatInt(n, 10) }

// lastFeedback returns the start of the last day that has a file, or of the day
// before the first, which is the beginning of time.
func lastFeedback(root string) (time.Time, error) {
	last := data.Date(0)
	for table := range feedbackTables {
		entries, err := os.ReadDir(filepath.Join(root, table))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return time.Time{}, fmt.Errorf("serve: %w", err)
		}
		for _, e := range entries {
			if day, err := data.ParseDate(strings.TrimSuffix(e.Name(), ".csv")); err == nil {
				last = max(last, day)
			}
		}
	}
	return last.Time(), nil
}
