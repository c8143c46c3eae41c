package ledger

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
)

// Answer is an HTTP answer that is kept to be given again.
type Answer struct {
	Status      int
	ContentType string
	Body        []byte
}

// OnceRequest names a write that is to happen once.
type OnceRequest struct {
	// Scope keeps the keys of one caller from those of others, such as the
	// prefix of his API key.
	Scope string
	Key   string // the caller's idempotency key: 1 to 200 bytes
	// Request is everything that makes the request what it is: method, path
	// and body.
	Request []byte
}

// Once runs f for the first request of a key and stores its answer in the same
// transaction as all that f does through this Store with the context it is
// given. Later requests get that answer (again is true) for 24 hours or more
// ([Config.KeepAnswers]); with other bytes the error wraps [ErrConflict].
// Requests of one key at once wait for each other.
//
// Where f returns an error nothing of it remains, the answer neither: so a
// refusal is an answer, not an error, if it is to be given again. Methods of
// the Store that refuse inside of f leave no trace of themselves, so f may
// answer for them. f may run more than once, holds up all other writers, and
// may not use its context in another goroutine.
func (s *Store) Once(ctx context.Context, r OnceRequest, f func(context.Context) (Answer, error)) (a Answer, again bool, err error) {
	if len(r.Key) == 0 || len(r.Key) > 200 || !plain(r.Key) || len(r.Scope) > 200 || !plain(r.Scope) {
		return Answer{}, false, fmt.Errorf("%w: idempotency key: want 1 to 200 bytes of UTF-8", ErrInvalid)
	}
	sum := sha256.Sum256(r.Request)
	request := hex.EncodeToString(sum[:])
	// Most repetitions need not wait for the writers.
	err = s.read(ctx, func(t transaction) (err error) {
		a, again, err = answerOf(t, r, request)
		return err
	})
	if err != nil || again {
		return a, again, err
	}
	err = s.write(ctx, func(o *operation) error {
		var err error
		if a, again, err = answerOf(o, r, request); err != nil || again {
			return err
		}
		if a, err = f(context.WithValue(ctx, outerKey{s}, o)); err != nil {
			return err
		}
		body := a.Body
		if body == nil {
			body = []byte{} // not NULL
		}
		_, err = o.exec(`INSERT INTO answers (scope, key, request_sha256, status, content_type, body, at) VALUES ($1, $2, $3, $4, $5, $6, $7)`,
			r.Scope, r.Key, request, a.Status, a.ContentType, body, o.at.UnixMicro())
		return err
	})
	if err != nil {
		return Answer{}, false, err
	}
	return a, again, nil
}

// answerOf looks a key up.
func answerOf(t transaction, r OnceRequest, request string) (a Answer, found bool, err error) {
	var before string
	err = one(t, `SELECT request_sha256, status, content_type, body FROM answers WHERE scope = $1 AND key = $2`, []any{r.Scope, r.Key}, &before, &a.Status, &a.ContentType, &a.Body)
	if errors.Is(err, errNoRow) {
		return a, false, nil
	}
	if err == nil && before != request {
		err = fmt.Errorf("ledger: idempotency key %q: %w", r.Key, ErrConflict)
	}
	return a, err == nil, err
}
