package ledger

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// Wallet is a purse that contacts are paid from.
type Wallet struct {
	ID        string    `json:"wallet_id"`
	Currency  Currency  `json:"currency"`
	Name      string    `json:"name"` // for people
	CreatedAt time.Time `json:"created_at"`
	Balances  Balances  `json:"balances"`
}

// WalletRequest makes a wallet.
type WalletRequest struct {
	ID       string   `json:"wallet_id"`
	Currency Currency `json:"currency"`
	Name     string   `json:"name"`
	Actor    string   `json:"actor"`
}

// CreateWallet makes an empty wallet. The wallet that has the id already is
// returned if its currency and name are the same; otherwise the error wraps
// [ErrConflict].
func (s *Store) CreateWallet(ctx context.Context, r WalletRequest) (Wallet, error) {
	if err := errors.Join(checkID("wallet_id", r.ID), checkText("name", r.Name), checkActor("actor", r.Actor)); err != nil {
		return Wallet{}, err
	}
	if !r.Currency.valid() {
		return Wallet{}, fmt.Errorf("%w: currency %q: want BRL or credits: and a channel", ErrInvalid, r.Currency)
	}
	var made Wallet
	err := s.write(ctx, func(o *operation) error {
		var err error
		if made, err = walletOf(o, r.ID); err == nil {
			if made.Currency != r.Currency || made.Name != r.Name {
				return fmt.Errorf("ledger: wallet %s: %w", r.ID, ErrConflict)
			}
			return nil
		} else if !errors.Is(err, ErrNotFound) {
			return err
		}
		made = Wallet{ID: r.ID, Currency: r.Currency, Name: r.Name, CreatedAt: o.at}
		head, err := o.audit(r.Actor, "wallet.create", r.ID, struct {
			Currency Currency `json:"currency"`
			Name     string   `json:"name"`
		}{r.Currency, r.Name})
		if err != nil {
			return err
		}
		_, err = o.exec(`INSERT INTO wallets (wallet_id, currency, name, created_at, audit_seq) VALUES ($1, $2, $3, $4, $5)`,
			r.ID, string(r.Currency), r.Name, o.at.UnixMicro(), head.Seq)
		return err
	})
	return made, err
}

// walletOf reads a wallet with its balances.
func walletOf(t transaction, id string) (Wallet, error) {
	w := Wallet{ID: id}
	var at int64
	err := one(t, `SELECT currency, name, created_at FROM wallets WHERE wallet_id = $1`, []any{id}, &w.Currency, &w.Name, &at)
	if errors.Is(err, errNoRow) {
		return w, fmt.Errorf("ledger: wallet %q: %w", id, ErrNotFound)
	}
	if err != nil {
		return w, err
	}
	w.CreatedAt = instant(at)
	end, err := walletEndOf(t, id)
	if err != nil {
		return w, err
	}
	w.Balances = end.Balances
	return w, nil
}

// Wallet returns a wallet with its balances, or [ErrNotFound].
func (s *Store) Wallet(ctx context.Context, id string) (Wallet, error) {
	var w Wallet
	err := s.read(ctx, func(t transaction) (err error) {
		w, err = walletOf(t, id)
		return err
	})
	return w, err
}

// Wallets returns all wallets with their balances, by id.
func (s *Store) Wallets(ctx context.Context) ([]Wallet, error) {
	out := []Wallet{}
	err := s.read(ctx, func(t transaction) error {
		ids, err := all(t, `SELECT wallet_id FROM wallets ORDER BY wallet_id`, nil, scanString)
		if err != nil {
			return err
		}
		for _, id := range ids {
			w, err := walletOf(t, id)
			if err != nil {
				return err
			}
			out = append(out, w)
		}
		return nil
	})
	return out, err
}

func scanString(row scanner) (string, error) {
	var s string
	err := row.Scan(&s)
	return s, err
}

// TopUpRequest puts bought credits or money into a wallet.
type TopUpRequest struct {
	ID       string `json:"id"` // of the entry
	WalletID string `json:"wallet_id"`
	Amount   Units  `json:"amount"` // 1 to MaxUnits
	Actor    string `json:"actor"`
	Reason   string `json:"reason"` // such as the invoice's number
}

// TopUp adds to what is available. Errors: [ErrNotFound] for the wallet,
// [ErrConflict] for an id that was used with another input.
func (s *Store) TopUp(ctx context.Context, r TopUpRequest) (Entry, error) {
	return s.single(ctx, Entry{ID: r.ID, WalletID: r.WalletID, Kind: KindTopUp, Amount: r.Amount, Actor: r.Actor, Reason: r.Reason}, r)
}

// RefundRequest gives back what a post spent, or a part of it.
type RefundRequest struct {
	ID     string `json:"id"`      // of the new entry
	PostID string `json:"post_id"` // of the entry that was posted
	Amount Units  `json:"amount"`  // 1 to what is not refunded yet
	Actor  string `json:"actor"`
	Reason string `json:"reason"`
}

// Refund makes spent units available again. Errors: [ErrNotFound] for the post,
// [ErrInsufficient] for more than was posted and not refunded yet,
// [ErrConflict] for an id that was used with another input.
func (s *Store) Refund(ctx context.Context, r RefundRequest) (Entry, error) {
	if r.PostID == "" {
		return Entry{}, fmt.Errorf("%w: post_id is missing", ErrInvalid)
	}
	return s.single(ctx, Entry{ID: r.ID, Kind: KindRefund, RefundOf: r.PostID, Amount: r.Amount, Actor: r.Actor, Reason: r.Reason}, r)
}

// single writes one entry of the caller's own.
func (s *Store) single(ctx context.Context, e Entry, request any) (Entry, error) {
	if err := errors.Join(checkID("id", e.ID), checkActor("actor", e.Actor), checkText("reason", e.Reason)); err != nil {
		return Entry{}, err
	}
	if e.Amount <= 0 || e.Amount > MaxUnits {
		return Entry{}, fmt.Errorf("%w: amount %d: want 1 to %d", ErrInvalid, e.Amount, MaxUnits)
	}
	var err error
	if e.request, err = hashOf(request); err != nil {
		return Entry{}, err
	}
	var made Entry
	err = s.write(ctx, func(o *operation) error {
		if made, err = entryOf(o, e.ID); err == nil {
			if made.request != e.request || made.Kind != e.Kind {
				return fmt.Errorf("ledger: entry %s: %w", e.ID, ErrConflict)
			}
			return nil
		} else if !errors.Is(err, ErrNotFound) {
			return err
		}
		if e.Kind == KindRefund {
			if err := refundable(o, &e); err != nil {
				return err
			}
		} else if _, err := walletOf(o, e.WalletID); err != nil {
			return err
		}
		b := o.newBook()
		if err := b.add(e); err != nil {
			return err
		}
		head, err := b.audit(e.Actor, "wallet."+string(e.Kind), e.WalletID, map[string]any{"entry_id": e.ID, "amount": e.Amount, "reason": e.Reason})
		if err != nil {
			return err
		}
		if err := b.write(head.Seq); err != nil {
			return err
		}
		made = b.entries[0]
		return nil
	})
	return made, err
}

// audit writes the audit row that covers the book's entries.
func (b *book) audit(actor, kind, subject string, body map[string]any) (Head, error) {
	if len(b.entries) > 0 {
		sum, err := digest(b.entries)
		if err != nil {
			return Head{}, err
		}
		body["entries"], body["entries_sha256"] = len(b.entries), sum
	}
	return b.o.audit(actor, kind, subject, body)
}

// refundable finds the post of a refund, and that enough of it is left.
func refundable(t transaction, e *Entry) error {
	post, err := entryOf(t, e.RefundOf)
	if err != nil {
		return err
	}
	if post.Kind != KindPost {
		return fmt.Errorf("ledger: entry %s is no post: %w", e.RefundOf, ErrInvalid)
	}
	var refunded Units
	if err := one(t, `SELECT CAST(coalesce(sum(amount), 0) AS BIGINT) FROM entries WHERE refund_number = $1`, []any{*post.number}, &refunded); err != nil {
		return err
	}
	if refunded+e.Amount > post.Amount {
		return fmt.Errorf("ledger: entry %s: %w: posted %d, refunded %d, asked %d", e.RefundOf, ErrInsufficient, post.Amount, refunded, e.Amount)
	}
	e.WalletID, e.refundNumber = post.WalletID, post.number
	return nil
}

// entryOf reads an entry. Posts and releases are found through their actions.
func entryOf(t transaction, id string) (Entry, error) {
	where, args := `entry_id = $1 AND number IS NULL`, []any{id}
	if kind, action, ok := strings.Cut(id, "/"); ok && kind != string(KindReserve) {
		where, args = `number = (SELECT number FROM dispatches WHERE action_id = $1) AND kind = $2`, []any{action, kind}
	}
	found, err := all(t, `SELECT `+entryColumns+` FROM entries WHERE `+where, args, scanEntry)
	if err == nil && len(found) == 0 {
		return Entry{}, fmt.Errorf("ledger: entry %q: %w", id, ErrNotFound)
	}
	if err != nil {
		return Entry{}, err
	}
	return found[0], nil
}

// Entry returns an entry by its id, or [ErrNotFound]. The entries of an action
// are named post/ and release/ with its action_id, the reserve of a plan
// reserve/ with plan_id and wallet_id.
func (s *Store) Entry(ctx context.Context, id string) (Entry, error) {
	var e Entry
	err := s.read(ctx, func(t transaction) (err error) {
		e, err = entryOf(t, id)
		return err
	})
	return e, err
}

// Entries returns up to limit entries of a wallet in the order they were made,
// after the given Seq (0 for the first page).
func (s *Store) Entries(ctx context.Context, walletID string, after int64, limit int) ([]Entry, error) {
	var out []Entry
	err := s.read(ctx, func(t transaction) error {
		if _, err := walletOf(t, walletID); err != nil {
			return err
		}
		var err error
		out, err = all(t, `SELECT `+entryColumns+` FROM entries WHERE wallet_id = $1 AND seq > $2 ORDER BY seq LIMIT $3`, []any{walletID, after, limit}, scanEntry)
		return err
	})
	return out, err
}
