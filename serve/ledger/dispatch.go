package ledger

import (
	"context"
	"fmt"
	"time"

	"dunning/data"
)

// DispatchState is where an approved action stands on its way out.
type DispatchState string

// The states of an approved action. Waiting and Leased are open; the others are
// its last: Sent is posted, the rest is released.
const (
	Waiting  DispatchState = "waiting"
	Leased   DispatchState = "leased"
	Sent     DispatchState = "sent"
	Failed   DispatchState = "failed"
	Withheld DispatchState = "withheld"
	Lapsed   DispatchState = "expired" // its window, plan or lease ended before it was sent
)

// Open says whether the action may still be sent.
func (s DispatchState) Open() bool { return s == Waiting || s == Leased }

// Dispatch is an approved action on its way out.
type Dispatch struct {
	ActionID   string        `json:"action_id"`
	PlanID     string        `json:"plan_id"`
	CustomerID string        `json:"customer_id"`
	Channel    data.Channel  `json:"channel"`
	Day        data.Date     `json:"day"`
	WalletID   string        `json:"wallet_id"`
	Currency   Currency      `json:"currency"` // of the wallet
	Amount     Units         `json:"amount"`   // reserved for it
	State      DispatchState `json:"state"`
	Fence      int64         `json:"fence"`       // token of its last lease, 0 before the first
	LeaseUntil time.Time     `json:"lease_until"` // of its last lease
	Attempts   int64         `json:"attempts"`    // how often it was leased
	// What its end was; zero while it is open.
	EndedAt    time.Time `json:"ended_at"`
	EndedBy    string    `json:"ended_by"`
	ProviderID string    `json:"provider_id"`
	// RealCostCents is what the provider charged, nil where nobody said. No more
	// than Amount is posted of it: the approval was of that amount.
	RealCostCents *data.Cents `json:"real_cost_cents"`
	Detail        string      `json:"detail"` // why it was withheld, failed or released

	number    int64 // in the queue
	reserveID string
	windowEnd time.Time
	request   string
}

const dispatchColumns = `action_id, plan_id, customer_id, channel, day, wallet_id, amount, state, fence, lease_until, attempts, ended_at, ended_by, provider_id, real_cost_cents, detail, reserve_id, window_end, request_sha256, number,
	(SELECT currency FROM wallets w WHERE w.wallet_id = dispatches.wallet_id)`

func scanDispatch(row scanner) (Dispatch, error) {
	var d Dispatch
	var day string
	var until, end int64
	var ended, cost *int64
	var by, provider, detail, request *string
	err := row.Scan(&d.ActionID, &d.PlanID, &d.CustomerID, &d.Channel, &day, &d.WalletID, &d.Amount, &d.State, &d.Fence, &until, &d.Attempts,
		&ended, &by, &provider, &cost, &detail, &d.reserveID, &end, &request, &d.number, &d.Currency)
	if err != nil {
		return d, err
	}
	if d.Fence > 0 {
		d.LeaseUntil = instant(until)
	}
	if ended != nil {
		d.EndedAt = instant(*ended)
	}
	if cost != nil {
		v := data.Cents(*cost)
		d.RealCostCents = &v
	}
	d.EndedBy, d.ProviderID, d.Detail, d.request, d.windowEnd = orEmpty(by), orEmpty(provider), orEmpty(detail), orEmpty(request), instant(end)
	d.Day, err = data.ParseDate(day)
	return d, err
}

// Dispatch returns where an approved action stands, or [ErrNotFound].
func (s *Store) Dispatch(ctx context.Context, actionID string) (Dispatch, error) {
	found, err := s.dispatches(ctx, `action_id = $1`, actionID)
	if err == nil && len(found) == 0 {
		return Dispatch{}, fmt.Errorf("ledger: approved action %q: %w", actionID, ErrNotFound)
	}
	if err != nil {
		return Dispatch{}, err
	}
	return found[0], nil
}

// Dispatches returns up to limit approved actions of a plan in the byte order
// of their ids, after the given one ("" for the first page).
func (s *Store) Dispatches(ctx context.Context, planID, after string, limit int) ([]Dispatch, error) {
	return s.dispatches(ctx, `plan_id = $1 AND action_id > $2 ORDER BY action_id LIMIT $3`, planID, after, limit)
}

func (s *Store) dispatches(ctx context.Context, where string, args ...any) ([]Dispatch, error) {
	var out []Dispatch
	err := s.read(ctx, func(t transaction) (err error) {
		out, err = all(t, `SELECT `+dispatchColumns+` FROM dispatches WHERE `+where, args, scanDispatch)
		return err
	})
	return out, err
}

// Tally counts a plan's approved actions in one state.
type Tally struct {
	State   DispatchState `json:"state"`
	Channel data.Channel  `json:"channel"`
	Actions int64         `json:"actions"`
	// Amount is what was reserved for them, by the unit of their wallets.
	Amount Units `json:"amount"`
	// RealCostCents sums what providers charged, as far as they said.
	RealCostCents data.Cents `json:"real_cost_cents"`
}

// Progress counts the approved actions of a plan by state and channel; nothing
// for a plan that was never approved.
func (s *Store) Progress(ctx context.Context, planID string) ([]Tally, error) {
	var out []Tally
	err := s.read(ctx, func(t transaction) (err error) {
		out, err = all(t, `SELECT state, channel, count(*), CAST(sum(amount) AS BIGINT), CAST(coalesce(sum(real_cost_cents), 0) AS BIGINT) FROM dispatches
			WHERE plan_id = $1 GROUP BY state, channel ORDER BY state, channel`, []any{planID}, func(row scanner) (Tally, error) {
			var v Tally
			err := row.Scan(&v.State, &v.Channel, &v.Actions, &v.Amount, &v.RealCostCents)
			return v, err
		})
		return err
	})
	return out, err
}

// ending is how an open action ends.
type ending struct {
	d          Dispatch
	state      DispatchState
	posted     Units // of d.Amount; the rest is released
	providerID string
	realCost   *data.Cents
	detail     string
	request    string
}

// endActions ends open actions: it settles each to the last unit and writes one
// audit row for all.
func (o *operation) endActions(actor, kind, subject string, body map[string]any, endings []ending) error {
	if len(endings) == 0 {
		return nil
	}
	b := o.newBook()
	for i := range endings {
		if err := b.settle(actor, &endings[i]); err != nil {
			return err
		}
	}
	lines := make([][]any, len(endings))
	var sent, unsent [][]any
	for i, e := range endings {
		var cost *int64
		if e.realCost != nil {
			v := int64(*e.realCost)
			cost = &v
		}
		lines[i] = []any{e.d.ActionID, e.state, e.posted, e.providerID, cost, e.detail}
		rows := &unsent
		if e.state == Sent {
			rows = &sent
		}
		*rows = append(*rows, []any{e.d.number, string(e.d.State), e.d.Fence, string(e.state), o.at.UnixMicro(), actor, orNull(e.providerID), cost, orNull(e.detail), orNull(e.request)})
	}
	body["actions"] = lines
	head, err := b.audit(actor, kind, subject, body)
	if err != nil {
		return err
	}
	if err := b.write(head.Seq); err != nil {
		return err
	}
	const end, open = `UPDATE dispatches SET state = $4, ended_at = $5, ended_by = $6, provider_id = $7, real_cost_cents = $8, detail = $9, request_sha256 = $10`,
		` WHERE number = $1 AND state = $2 AND fence = $3`
	if err := o.allOf(end+open, sent); err != nil { // unsent is not named: its index is not written
		return fmt.Errorf("ledger: %s %s: %w", kind, subject, err)
	}
	if err := o.allOf(end+`, unsent = 1`+open, unsent); err != nil {
		return fmt.Errorf("ledger: %s %s: %w", kind, subject, err)
	}
	return nil
}

// allOf changes one action with each row, or none at all.
func (o *operation) allOf(query string, rows [][]any) error {
	if len(rows) == 0 {
		return nil
	}
	n, err := o.each(query, rows)
	if err == nil && n != int64(len(rows)) {
		err = fmt.Errorf("%d of %d actions were there to change", n, len(rows))
	}
	return err
}

// settle makes the entries that use up what was reserved for an action.
func (b *book) settle(actor string, e *ending) error {
	entry := Entry{WalletID: e.d.WalletID, ReserveID: e.d.reserveID, PlanID: e.d.PlanID, ActionID: e.d.ActionID, number: &e.d.number, Actor: actor, request: e.request}
	if e.state == Sent {
		post := entry
		post.ID, post.Kind, post.Amount = "post/"+e.d.ActionID, KindPost, e.posted
		if err := b.add(post); err != nil {
			return err
		}
	}
	if rest := e.d.Amount - e.posted; rest > 0 || e.state != Sent {
		release := entry
		release.ID, release.Kind, release.Amount, release.Reason = "release/"+e.d.ActionID, KindRelease, rest, e.detail
		return b.add(release)
	}
	return nil
}
