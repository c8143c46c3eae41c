package ledger

import (
	"context"
	"errors"
	"fmt"

	"dunning/data"
)

// EntriesBefore returns up to limit entries of a wallet, the newest first,
// before the given Seq (0 for the newest). Errors: [ErrNotFound].
func (s *Store) EntriesBefore(ctx context.Context, walletID string, before int64, limit int) ([]Entry, error) {
	var out []Entry
	err := s.read(ctx, func(t transaction) error {
		if _, err := walletOf(t, walletID); err != nil {
			return err
		}
		var err error
		out, err = all(t, `SELECT `+entryColumns+` FROM entries WHERE wallet_id = $1 AND ($2 = 0 OR seq < $2) ORDER BY seq DESC LIMIT $3`,
			[]any{walletID, before, limit}, scanEntry)
		return err
	})
	return out, err
}

// CompareWorth says which of two actions an approval of a part with a limit of
// cost takes first: below 0 for the one of value v and cost c, above 0 for that
// of w and d. Equal ones go by their ids.
func CompareWorth(v, c, w, d data.Cents) int { return -compareRatio(v, c, w, d) }

// LeftOf returns what remains of a reserve, by the id of its entry: what was
// neither posted nor released. Errors: [ErrNotFound].
func (s *Store) LeftOf(ctx context.Context, reserveID string) (Units, error) {
	var left Units
	err := s.read(ctx, func(t transaction) error {
		err := one(t, `SELECT left_after FROM entries WHERE reserve_id = $1 ORDER BY seq DESC LIMIT 1`, []any{reserveID}, &left)
		if errors.Is(err, errNoRow) {
			return fmt.Errorf("ledger: reserve %q: %w", reserveID, ErrNotFound)
		}
		return err
	})
	return left, err
}
