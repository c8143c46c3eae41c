package ledger

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
)

// operation is one change of state inside a write transaction.
type operation struct {
	transaction
	store *Store
	at    time.Time // of the whole operation, to the microsecond
	head  Head      // the end of the audit chain as this transaction sees it
	after *[]func() error
	depth int
}

// outerKey is where Once keeps its operation for those inside it.
type outerKey struct{ store *Store }

// write runs f in a write transaction, or as a part of the one that ctx is in.
// f may run more than once; what it returns through its closure must be set
// anew each time.
func (s *Store) write(ctx context.Context, f func(*operation) error) error {
	return s.writeInTurn(ctx, false, f)
}

// writeInTurn is write, before others that wait if it is urgent.
func (s *Store) writeInTurn(ctx context.Context, urgent bool, f func(*operation) error) error {
	if outer, ok := ctx.Value(outerKey{s}).(*operation); ok {
		return outer.part(f)
	}
	ctx, span := s.tracer.Start(ctx, "ledger.write", trace.WithAttributes(attribute.Bool("ledger.urgent", urgent)))
	defer span.End()
	var after []func() error
	err := s.db.write(ctx, urgent, func(t transaction) error {
		span.AddEvent("its turn")
		after = nil
		o := &operation{transaction: t, store: s, at: s.now(), after: &after}
		if err := one(t, `SELECT seq, sha256 FROM audit_head`+t.lock(), nil, &o.head.Seq, &o.head.SHA256); err != nil {
			return fmt.Errorf("ledger: end of the audit chain: %w", err)
		}
		return f(o)
	})
	if err != nil {
		span.SetStatus(codes.Error, "") // the words may name a customer
		return err
	}
	for _, f := range after {
		if err := f(); err != nil {
			return err
		}
	}
	return nil
}

// part runs f so that an error undoes f alone.
func (o *operation) part(f func(*operation) error) error {
	inner := *o
	inner.at = o.store.now()
	inner.depth++
	name := fmt.Sprintf("part_%d", inner.depth)
	if _, err := o.exec("SAVEPOINT " + name); err != nil {
		return err
	}
	after := len(*o.after)
	if err := f(&inner); err != nil {
		*o.after = (*o.after)[:after]
		_, undo := o.exec("ROLLBACK TO " + name)
		return errors.Join(err, undo)
	}
	o.head = inner.head
	_, err := o.exec("RELEASE " + name)
	return err
}

// read runs f on one snapshot, or in the transaction that ctx is in.
func (s *Store) read(ctx context.Context, f func(transaction) error) error {
	if outer, ok := ctx.Value(outerKey{s}).(*operation); ok {
		return f(outer)
	}
	return s.db.read(ctx, f)
}

// now is the time to the microsecond, as it is stored.
func (s *Store) now() time.Time { return s.config.Clock().UTC().Truncate(time.Microsecond) }

func instant(micros int64) time.Time { return time.UnixMicro(micros).UTC() }

// canonical writes a value as JSON, the same bytes for the same value: fields
// in the order of the struct, keys of maps sorted, nothing escaped that need
// not be.
func canonical(v any) (string, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return "", fmt.Errorf("ledger: %w", err)
	}
	return string(bytes.TrimSuffix(b.Bytes(), []byte("\n"))), nil
}

// hashOf is the SHA-256 of a value's canonical JSON, in hex.
func hashOf(v any) (string, error) {
	text, err := canonical(v)
	if err != nil {
		return "", err
	}
	return hashText(text), nil
}

func hashText(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

// listOf is the argument for the SQL of database.list.
func listOf(ids []string) (string, error) {
	if ids == nil {
		ids = []string{}
	}
	return canonical(ids)
}
