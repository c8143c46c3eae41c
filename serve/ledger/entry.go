package ledger

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"
)

// EntryKind says what an entry does.
type EntryKind string

// The kinds of an entry. From the account credited to the account debited:
//
//	top_up   funding   → available   credits are bought
//	reserve  available → reserved    a plan is approved
//	post     reserved  → spent       an action was sent
//	release  reserved  → available   an action was not sent, or cost less
//	refund   spent     → available   the provider gives back what was posted
const (
	KindTopUp   EntryKind = "top_up"
	KindReserve EntryKind = "reserve"
	KindPost    EntryKind = "post"
	KindRelease EntryKind = "release"
	KindRefund  EntryKind = "refund"
)

// EntryStatus is Pending for a reserve, Voided for a release, Posted for the
// rest.
type EntryStatus string

// The statuses of an entry.
const (
	Pending EntryStatus = "pending"
	Posted  EntryStatus = "posted"
	Voided  EntryStatus = "voided"
)

// Account is one of the four accounts of a wallet. The first has a credit
// balance, the others debit balances.
type Account string

// The accounts of a wallet.
const (
	Funding   Account = "funding"
	Available Account = "available"
	Reserved  Account = "reserved"
	Spent     Account = "spent"
)

// moves are the accounts and the status of each kind.
var moves = map[EntryKind]struct {
	status        EntryStatus
	credit, debit Account
}{
	KindTopUp:   {Posted, Funding, Available},
	KindReserve: {Pending, Available, Reserved},
	KindPost:    {Posted, Reserved, Spent},
	KindRelease: {Voided, Reserved, Available},
	KindRefund:  {Posted, Spent, Available},
}

// Balances are those of a wallet. Funding = Available + Reserved + Spent, and
// none is below zero.
type Balances struct {
	Funding   Units `json:"funding"`
	Available Units `json:"available"`
	Reserved  Units `json:"reserved"`
	Spent     Units `json:"spent"`
}

// of returns the balance of an account.
func (b *Balances) of(a Account) *Units {
	switch a {
	case Funding:
		return &b.Funding
	case Available:
		return &b.Available
	case Reserved:
		return &b.Reserved
	}
	return &b.Spent
}

// apply moves an amount between two accounts. It returns [ErrInsufficient]
// where a balance would fall below zero or beyond what is exact.
func (b *Balances) apply(kind EntryKind, amount Units) error {
	m := moves[kind]
	if m.credit == Funding {
		b.Funding += amount
	} else {
		*b.of(m.credit) -= amount
	}
	*b.of(m.debit) += amount
	if b.Available < 0 || b.Reserved < 0 || b.Spent < 0 || b.Funding > 9*MaxUnits {
		return ErrInsufficient
	}
	return nil
}

// Entry is one immutable line of the ledger: an amount that moved from the
// account Credit to the account Debit of one wallet, and the balances after it.
type Entry struct {
	ID       string      `json:"entry_id"`
	WalletID string      `json:"wallet_id"`
	Seq      int64       `json:"seq"` // counts the entries of the wallet from 1
	Kind     EntryKind   `json:"kind"`
	Status   EntryStatus `json:"status"`
	Debit    Account     `json:"debit"`
	Credit   Account     `json:"credit"`
	Amount   Units       `json:"amount"`
	// ReserveID is the reserve that this entry uses up (its own id for a
	// reserve), LeftAfter what remains of it; of reserve, post and release.
	ReserveID string    `json:"reserve_id,omitempty"`
	LeftAfter *Units    `json:"left_after,omitempty"`
	PlanID    string    `json:"plan_id,omitempty"`
	ActionID  string    `json:"action_id,omitempty"` // of post and release
	RefundOf  string    `json:"refund_of,omitempty"` // the post, of a refund
	After     Balances  `json:"after"`
	Actor     string    `json:"actor"`
	Reason    string    `json:"reason"`
	At        time.Time `json:"at"`
	AuditSeq  int64     `json:"audit_seq"`

	request string // SHA-256 of the input that made it
	// number is the action's number in the queue, refundNumber that of the
	// action whose post is refunded; nil where there is none.
	number, refundNumber *int64
}

// book collects the entries of one operation, so that the audit row that
// covers them can be written first.
type book struct {
	o       *operation
	wallets map[string]*walletEnd
	left    map[string]Units // of reserves
	entries []Entry
}

// walletEnd is where a wallet's entries stand.
type walletEnd struct {
	seq int64
	Balances
}

func (o *operation) newBook() *book {
	return &book{o: o, wallets: map[string]*walletEnd{}, left: map[string]Units{}}
}

// end returns where a wallet stands, in this operation.
func (b *book) end(walletID string) (*walletEnd, error) {
	if w := b.wallets[walletID]; w != nil {
		return w, nil
	}
	w, err := walletEndOf(b.o, walletID)
	if err == nil {
		b.wallets[walletID] = w
	}
	return w, err
}

func walletEndOf(t transaction, walletID string) (*walletEnd, error) {
	w := &walletEnd{}
	err := one(t, `SELECT seq, funding, available, reserved, spent FROM entries WHERE wallet_id = $1 ORDER BY seq DESC LIMIT 1`, []any{walletID},
		&w.seq, &w.Funding, &w.Available, &w.Reserved, &w.Spent)
	if err != nil && !errors.Is(err, errNoRow) {
		return nil, err
	}
	return w, nil
}

// add makes an entry of ID, WalletID, Kind, Amount and what it refers to. It
// returns [ErrInsufficient] where the wallet has too little.
func (b *book) add(e Entry) error {
	w, err := b.end(e.WalletID)
	if err != nil {
		return err
	}
	if err := w.apply(e.Kind, e.Amount); err != nil {
		return fmt.Errorf("ledger: wallet %s: %w: %s of %d", e.WalletID, err, e.Kind, e.Amount)
	}
	w.seq++
	m := moves[e.Kind]
	e.Seq, e.Status, e.Debit, e.Credit, e.After, e.At = w.seq, m.status, m.debit, m.credit, w.Balances, b.o.at
	if e.ReserveID != "" {
		left, err := b.leave(e)
		if err != nil {
			return err
		}
		e.LeftAfter = &left
	}
	b.entries = append(b.entries, e)
	return nil
}

// leave returns what the entry leaves of its reserve.
func (b *book) leave(e Entry) (Units, error) {
	left, known := b.left[e.ReserveID]
	switch {
	case e.Kind == KindReserve:
		left = e.Amount
	case !known:
		err := one(b.o, `SELECT left_after FROM entries WHERE reserve_id = $1 ORDER BY seq DESC LIMIT 1`, []any{e.ReserveID}, &left)
		if err != nil {
			return 0, fmt.Errorf("ledger: reserve %s: %w", e.ReserveID, err)
		}
		fallthrough
	default:
		left -= e.Amount
	}
	if left < 0 {
		return 0, fmt.Errorf("ledger: reserve %s: %w: %s of %d", e.ReserveID, ErrInsufficient, e.Kind, e.Amount)
	}
	b.left[e.ReserveID] = left
	return left, nil
}

// digest is the hash of the entries, which their audit row holds: an entry that
// is edited later, its balances too, no longer agrees with it. It is taken in
// the order of wallets and numbers.
func digest(entries []Entry) (string, error) {
	entries = slices.Clone(entries)
	slices.SortFunc(entries, func(a, b Entry) int { return cmp.Or(cmp.Compare(a.WalletID, b.WalletID), cmp.Compare(a.Seq, b.Seq)) })
	lines := make([][]any, len(entries))
	for i, e := range entries {
		left := Units(-1)
		if e.LeftAfter != nil {
			left = *e.LeftAfter
		}
		lines[i] = []any{e.WalletID, e.Seq, e.ID, e.Kind, e.Amount, e.ReserveID, left, e.PlanID, e.ActionID, e.RefundOf,
			e.After.Funding, e.After.Available, e.After.Reserved, e.After.Spent, e.Actor, e.Reason, e.At.UnixMicro(), e.request}
	}
	return hashOf(lines)
}

// write stores the entries under the audit row that covers them.
func (b *book) write(auditSeq int64) error {
	rows := make([][]any, len(b.entries))
	for i := range b.entries {
		e := &b.entries[i]
		e.AuditSeq = auditSeq
		var left *int64
		if e.LeftAfter != nil {
			v := int64(*e.LeftAfter)
			left = &v
		}
		rows[i] = []any{e.ID, e.WalletID, e.Seq, string(e.Kind), string(e.Status), string(e.Debit), string(e.Credit), int64(e.Amount), orNull(e.ReserveID), left,
			orNull(e.PlanID), orNull(e.ActionID), e.number, orNull(e.RefundOf), e.refundNumber, int64(e.After.Funding), int64(e.After.Available), int64(e.After.Reserved), int64(e.After.Spent),
			e.Actor, e.Reason, e.At.UnixMicro(), e.request, e.AuditSeq}
	}
	n, err := b.o.each(`INSERT INTO entries (`+entryColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24)`, rows)
	if err != nil {
		return fmt.Errorf("ledger: entries: %w", err)
	}
	if n != int64(len(rows)) {
		return fmt.Errorf("ledger: %d of %d entries were written", n, len(rows))
	}
	return nil
}

const entryColumns = `entry_id, wallet_id, seq, kind, status, debit, credit, amount, reserve_id, left_after, plan_id, action_id, number, refund_of, refund_number, funding, available, reserved, spent, actor, reason, at, request_sha256, audit_seq`

func scanEntry(row scanner) (Entry, error) {
	var e Entry
	var reserve, plan, action, refund *string
	var left *int64
	var at int64
	err := row.Scan(&e.ID, &e.WalletID, &e.Seq, &e.Kind, &e.Status, &e.Debit, &e.Credit, &e.Amount, &reserve, &left, &plan, &action, &e.number, &refund, &e.refundNumber,
		&e.After.Funding, &e.After.Available, &e.After.Reserved, &e.After.Spent, &e.Actor, &e.Reason, &at, &e.request, &e.AuditSeq)
	e.ReserveID, e.PlanID, e.ActionID, e.RefundOf, e.At = orEmpty(reserve), orEmpty(plan), orEmpty(action), orEmpty(refund), instant(at)
	if left != nil {
		v := Units(*left)
		e.LeftAfter = &v
	}
	return e, err
}

func orNull(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

func orEmpty(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
