package ledger

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"dunning/data"
)

// Submit hands a draft in for approval; only its maker may. A plan that is
// submitted already is returned as it is. Errors: [ErrNotFound], [ErrState].
func (s *Store) Submit(ctx context.Context, planID, maker string) (Plan, error) {
	var p Plan
	err := s.write(ctx, func(o *operation) error {
		var err error
		if p, err = planOf(o, planID); err != nil {
			return err
		}
		if p.Maker != maker {
			return fmt.Errorf("ledger: plan %s: %w: only its maker submits it", planID, data.ErrRefused)
		}
		if p.State == Submitted {
			return nil
		}
		return o.movePlan(&p, Submitted, maker, "", "plan.submit", nil)
	})
	return p, err
}

// movePlan brings a plan into another state and audits it.
func (o *operation) movePlan(p *Plan, to PlanState, by, reason, kind string, body map[string]any) error {
	if body == nil {
		body = map[string]any{}
	}
	body["from"], body["to"], body["reason"] = p.State, to, reason
	if _, err := o.audit(by, kind, p.ID, body); err != nil {
		return err
	}
	return o.setPlan(p, to, by, reason)
}

// setPlan brings a plan into another state; the caller has audited it.
func (o *operation) setPlan(p *Plan, to PlanState, by, reason string) error {
	n, err := o.exec(`UPDATE plans SET state = $2, state_by = $3, state_reason = $4, state_at = $5 WHERE plan_id = $1 AND state = $6`,
		p.ID, string(to), by, reason, o.at.UnixMicro(), string(p.State))
	if errors.Is(err, ErrConstraint) {
		return fmt.Errorf("ledger: plan %s from %s to %s: %w: %w", p.ID, p.State, to, ErrState, err)
	}
	if err != nil {
		return err
	}
	if n != 1 {
		return fmt.Errorf("ledger: plan %s: %w", p.ID, ErrState)
	}
	p.State, p.StateBy, p.StateReason, p.StateAt = to, by, reason, o.at
	return nil
}

// ApproveRequest approves a submitted plan, or a part of it.
type ApproveRequest struct {
	PlanID   string `json:"plan_id"`
	SHA256   string `json:"sha256"` // of the plan that the approver has seen
	Approver string `json:"approver"`
	Reason   string `json:"reason"`
	// WalletID pays for all channels that Wallets does not name.
	WalletID string                  `json:"wallet_id"`
	Wallets  map[data.Channel]string `json:"wallets,omitempty"`
	// Supersedes are plans in force that this one takes the place of: what they
	// have not handed out is released before this plan's amount is reserved.
	Supersedes []string `json:"supersedes,omitempty"`
	// Part, if given, approves only a part, as a new plan with its own hash.
	Part *Part `json:"part,omitempty"`
}

// Part chooses actions of a plan: those of the channels and of the segments
// (all, where none is given), and of these the ones with the most value per
// cost that cost MaxCents at most together.
type Part struct {
	PlanID   string         `json:"plan_id"` // of the new plan
	Channels []data.Channel `json:"channels,omitempty"`
	Segments []string       `json:"segments,omitempty"`
	MaxCents *data.Cents    `json:"max_cents,omitempty"` // nil for no limit
}

// Approval is an approval as it was recorded.
type Approval struct {
	PlanID   string    `json:"plan_id"`
	SHA256   string    `json:"sha256"` // of the plan approved: for a part, of the part
	Maker    string    `json:"maker"`
	Approver string    `json:"approver"`
	Reason   string    `json:"reason"`
	At       time.Time `json:"at"`
	Reserves []Entry   `json:"reserves"` // one for each wallet
	Head     Head      `json:"head"`     // the audit chain's end with this approval

	request string
}

// Approve reserves the plan's amount and puts it in force, all in one
// transaction: nothing of it happens unless all does. Repeating the request
// gives the approval as it was recorded. An approval that stands, but whose
// head could not be written to [Config.HeadsFile], returns an error; repeating
// the request writes it.
//
// Errors: [ErrNotFound], [ErrState] (the plan is not submitted), [ErrHash] (the
// hash given is not the stored one, or not that of the stored actions),
// [ErrApprover], [ErrInsufficient], [ErrConflict] (approved with another
// request), [ErrConstraint] (an action is part of another approved plan).
func (s *Store) Approve(ctx context.Context, r ApproveRequest) (Approval, error) {
	if err := r.check(); err != nil {
		return Approval{}, err
	}
	request, err := hashOf(r)
	if err != nil {
		return Approval{}, err
	}
	var made Approval
	err = s.write(ctx, func(o *operation) error {
		target := r.PlanID
		if r.Part != nil {
			target = r.Part.PlanID
		}
		var err error
		if made, err = approvalOf(o, target); err == nil {
			if made.request != request {
				return fmt.Errorf("ledger: approval of %s: %w", target, ErrConflict)
			}
		} else if !errors.Is(err, ErrNotFound) {
			return err
		} else if made, err = o.approve(r, request); err != nil {
			return err
		}
		head := made.Head
		*o.after = append(*o.after, func() error { return s.exportHead(head) })
		return nil
	})
	return made, err
}

func (r ApproveRequest) check() error {
	err := errors.Join(checkActor("approver", r.Approver), checkText("reason", r.Reason))
	if r.Part != nil {
		err = errors.Join(err, checkID("part.plan_id", r.Part.PlanID))
		if r.Part.PlanID == r.PlanID {
			err = errors.Join(err, fmt.Errorf("%w: a part is a plan of its own and needs another plan_id", ErrInvalid))
		}
	}
	if slices.Contains(r.Supersedes, r.PlanID) {
		err = errors.Join(err, fmt.Errorf("%w: a plan does not supersede itself", ErrInvalid))
	}
	return err
}

// approve does what Approve says.
func (o *operation) approve(r ApproveRequest, request string) (Approval, error) {
	p, err := o.approvable(r.PlanID, r.SHA256)
	if err != nil {
		return Approval{}, err
	}
	if sameActor(r.Approver, p.Maker) {
		return Approval{}, fmt.Errorf("ledger: plan %s: %w", p.ID, ErrApprover)
	}
	if r.Part != nil {
		if p, err = o.takePart(p, r); err != nil {
			return Approval{}, err
		}
	}
	for _, id := range r.Supersedes {
		old, err := planOf(o, id)
		if err != nil {
			return Approval{}, err
		}
		if !old.State.InForce() {
			return Approval{}, fmt.Errorf("ledger: plan %s is %s: %w: it cannot be superseded", id, old.State, ErrState)
		}
		if err := o.endPlan(&old, Superseded, r.Approver, "superseded by "+p.ID); err != nil {
			return Approval{}, err
		}
	}
	draws, err := o.draws(p.ID, r)
	if err != nil {
		return Approval{}, err
	}
	b := o.newBook()
	for _, d := range draws {
		e := Entry{ID: d.reserveID(p.ID), WalletID: d.wallet.ID, Kind: KindReserve, Amount: d.amount, PlanID: p.ID, Actor: r.Approver, Reason: r.Reason, request: request}
		e.ReserveID = e.ID
		if err := b.add(e); err != nil {
			return Approval{}, err
		}
	}
	return o.recordApproval(p, r, request, draws, b)
}

// sameActor compares names as the database does, and beyond ASCII.
func sameActor(a, b string) bool {
	return strings.EqualFold(strings.TrimSpace(a), strings.TrimSpace(b))
}

// recordApproval writes the rows of an approval in the order in which each
// proves the next.
func (o *operation) recordApproval(p Plan, r ApproveRequest, request string, draws []*draw, b *book) (Approval, error) {
	head, err := b.audit(r.Approver, "plan.approve", p.ID, map[string]any{"sha256": p.SHA256, "maker": p.Maker, "reason": r.Reason, "request_sha256": request,
		"actions": p.Actions, "cost_cents": p.CostCents})
	if err != nil {
		return Approval{}, err
	}
	_, err = o.exec(`INSERT INTO approvals (plan_id, sha256, maker, approver, reason, at, request_sha256, audit_seq, audit_sha256) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
		p.ID, p.SHA256, p.Maker, r.Approver, r.Reason, o.at.UnixMicro(), request, head.Seq, head.SHA256)
	if err != nil {
		return Approval{}, fmt.Errorf("ledger: approval: %w", err)
	}
	if err := o.setPlan(&p, Approved, r.Approver, r.Reason); err != nil {
		return Approval{}, err
	}
	if err := b.write(head.Seq); err != nil {
		return Approval{}, err
	}
	made := int64(0)
	for _, d := range draws {
		amount := `cost_cents`
		if d.wallet.Currency != BRL {
			amount = `1`
		}
		for _, channel := range d.channels {
			n, err := o.exec(`INSERT INTO dispatches (number, action_id, plan_id, wallet_id, reserve_id, amount, customer_id, day, channel, window_start, window_end, value_cents, state)
				SELECT (SELECT coalesce(max(number), 0) FROM dispatches) + row_number() OVER (ORDER BY day, value_cents DESC, action_id), action_id, plan_id, $3, $4, `+amount+`, customer_id, day, channel, window_start, window_end, value_cents, 'waiting' FROM actions WHERE plan_id = $1 AND channel = $2 ORDER BY day, value_cents DESC, action_id`,
				p.ID, string(channel), d.wallet.ID, d.reserveID(p.ID))
			if err != nil {
				return Approval{}, fmt.Errorf("ledger: plan %s: %w", p.ID, err)
			}
			made += n
		}
	}
	if made != p.Actions {
		return Approval{}, fmt.Errorf("ledger: plan %s: %d of %d actions were put in the queue", p.ID, made, p.Actions)
	}
	return Approval{PlanID: p.ID, SHA256: p.SHA256, Maker: p.Maker, Approver: r.Approver, Reason: r.Reason, At: o.at, Reserves: b.entries, Head: head, request: request}, nil
}

// approvable returns a submitted plan whose hash, given, stored and computed
// from the stored actions, is one.
func (o *operation) approvable(planID, sum string) (Plan, error) {
	p, err := planOf(o, planID)
	if err != nil {
		return p, err
	}
	if p.State != Submitted {
		return p, fmt.Errorf("ledger: plan %s is %s: %w: only a submitted plan is decided on", planID, p.State, ErrState)
	}
	if sum != p.SHA256 {
		return p, fmt.Errorf("ledger: plan %s: %w: given %.64q", planID, ErrHash, sum)
	}
	stored, err := hashStored(o, p)
	if err != nil {
		return p, err
	}
	if stored != p.SHA256 {
		return p, fmt.Errorf("ledger: plan %s: %w: the stored actions were changed", planID, ErrHash)
	}
	return p, nil
}

// hashStored computes a plan's hash from its stored actions.
func hashStored(t transaction, p Plan) (string, error) {
	h, err := newPlanHash(p.ID, p.AsOf, p.FileSHA256)
	if err != nil {
		return "", err
	}
	if err := eachAction(t, p.ID, h.add); err != nil {
		return "", err
	}
	return h.sum(), nil
}

// eachAction reads a plan's actions in the order of their ids.
func eachAction(t transaction, planID string, f func(*Action) error) error {
	return t.query(`SELECT `+actionColumns("")+` FROM actions WHERE plan_id = $1 ORDER BY action_id`, []any{planID}, func(row scanner) error {
		a, err := scanAction(row)
		if err != nil {
			return err
		}
		return f(&a)
	})
}

// draw is what a plan takes from one wallet.
type draw struct {
	wallet   Wallet
	channels []data.Channel
	amount   Units
}

func (d *draw) reserveID(planID string) string { return "reserve/" + planID + "/" + d.wallet.ID }

// draws sums up what a plan takes from each wallet, by wallet id.
func (o *operation) draws(planID string, r ApproveRequest) ([]*draw, error) {
	wallets := map[string]*draw{}
	type total struct{ touches, cents Units }
	totals := map[data.Channel]total{}
	err := o.query(`SELECT channel, count(*), CAST(sum(cost_cents) AS BIGINT) FROM actions WHERE plan_id = $1 GROUP BY channel`, []any{planID}, func(row scanner) error {
		var c data.Channel
		var t total
		err := row.Scan(&c, &t.touches, &t.cents)
		totals[c] = t
		return err
	})
	if err != nil {
		return nil, err
	}
	for _, c := range slices.Sorted(maps.Keys(totals)) {
		id := cmp.Or(r.Wallets[c], r.WalletID)
		if wallets[id] == nil {
			w, err := walletOf(o, id)
			if err != nil {
				return nil, fmt.Errorf("ledger: who pays for %s: %w", c, err)
			}
			wallets[id] = &draw{wallet: w}
		}
		d := wallets[id]
		if !d.wallet.Currency.pays(c) {
			return nil, fmt.Errorf("%w: wallet %s holds %s and cannot pay for %s", ErrInvalid, id, d.wallet.Currency, c)
		}
		d.channels = append(d.channels, c)
		if d.wallet.Currency == BRL {
			d.amount += totals[c].cents
		} else {
			d.amount += totals[c].touches
		}
	}
	out := slices.Collect(maps.Values(wallets))
	slices.SortFunc(out, func(a, b *draw) int { return cmp.Compare(a.wallet.ID, b.wallet.ID) })
	return out, nil
}

func approvalOf(t transaction, planID string) (Approval, error) {
	a := Approval{PlanID: planID}
	var at int64
	err := one(t, `SELECT sha256, maker, approver, reason, at, request_sha256, audit_seq, audit_sha256 FROM approvals WHERE plan_id = $1`, []any{planID},
		&a.SHA256, &a.Maker, &a.Approver, &a.Reason, &at, &a.request, &a.Head.Seq, &a.Head.SHA256)
	if errors.Is(err, errNoRow) {
		return a, fmt.Errorf("ledger: approval of %q: %w", planID, ErrNotFound)
	}
	if err != nil {
		return a, err
	}
	a.At = instant(at)
	a.Reserves, err = all(t, `SELECT `+entryColumns+` FROM entries WHERE plan_id = $1 AND kind = 'reserve' ORDER BY wallet_id`, []any{planID}, scanEntry)
	return a, err
}

// Approval returns the approval of a plan, or [ErrNotFound].
func (s *Store) Approval(ctx context.Context, planID string) (Approval, error) {
	var a Approval
	err := s.read(ctx, func(t transaction) (err error) {
		a, err = approvalOf(t, planID)
		return err
	})
	return a, err
}

// RejectRequest turns a submitted plan down.
type RejectRequest struct {
	PlanID string `json:"plan_id"`
	SHA256 string `json:"sha256"`
	Actor  string `json:"actor"`
	Reason string `json:"reason"`
}

// Reject turns a submitted plan down. A plan that the same actor rejected for
// the same reason is returned as it is. Errors as of [Store.Approve]; a maker
// withdraws by [Store.Supersede].
func (s *Store) Reject(ctx context.Context, r RejectRequest) (Plan, error) {
	if err := errors.Join(checkActor("actor", r.Actor), checkText("reason", r.Reason)); err != nil {
		return Plan{}, err
	}
	var p Plan
	err := s.write(ctx, func(o *operation) error {
		var err error
		if p, err = planOf(o, r.PlanID); err != nil {
			return err
		}
		if p.State == Rejected && p.SHA256 == r.SHA256 && p.StateBy == r.Actor && p.StateReason == r.Reason {
			return nil
		}
		if p, err = o.approvable(r.PlanID, r.SHA256); err != nil {
			return err
		}
		if sameActor(r.Actor, p.Maker) {
			return fmt.Errorf("ledger: plan %s: %w", p.ID, ErrApprover)
		}
		return o.movePlan(&p, Rejected, r.Actor, r.Reason, "plan.reject", map[string]any{"sha256": p.SHA256})
	})
	return p, err
}
