package serve

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"dunning/data"
	"dunning/serve/ledger"
)

// Idempotent is the part of the input of every write that makes it happen once.
type Idempotent struct {
	IdempotencyKey string `header:"Idempotency-Key" required:"true" minLength:"1" maxLength:"200" doc:"Chosen by the caller, anew for each thing to be done. The same key and request get the first answer again; the same key with another request gets 409. Kept for 48 hours."`
}

// Write is the input of a write with a body. RawBody is the body as it came,
// which the idempotency key is bound to.
type Write[T any] struct {
	Idempotent
	RawBody []byte
	Body    T
}

// written is the answer to a write.
type written[T any] struct {
	Status   int
	Replayed string `header:"Idempotency-Replayed" doc:"true where this is the first answer, given again."`
	Body     T
}

// actor is who asks, by the name on his key: what the ledger knows him by.
func actor(ctx context.Context) string { return requestOf(ctx).key.Name }

// scope keeps the idempotency keys of one key holder from those of others.
func scope(ctx context.Context) string {
	key := requestOf(ctx).key
	if key.Prefix == localPrefix {
		return localPrefix + " " + key.Name
	}
	return key.Prefix
}

// madeID is an id that follows from who asks and the idempotency key he chose.
func madeID(ctx context.Context, kind, key string) string {
	sum := sha256.Sum256([]byte(scope(ctx) + "\x00" + kind + "\x00" + key))
	return kind + "-" + hex.EncodeToString(sum[:12])
}

// once runs f for the first request of an idempotency key and gives its answer,
// be it a refusal, to that request and to every repetition. What f changes in
// the ledger and the answer are one transaction.
func once[T any](ctx context.Context, s *Server, key string, body []byte, f func(context.Context) (T, error)) (*written[T], error) {
	state := requestOf(ctx)
	request := append([]byte(state.method+" "+state.target+"\n"), body...)
	answer, again, err := s.ledger.Once(ctx, ledger.OnceRequest{Scope: scope(ctx), Key: key, Request: request}, func(ctx context.Context) (ledger.Answer, error) {
		v, err := f(ctx)
		if err == nil {
			text, err := json.Marshal(v)
			return ledger.Answer{Status: http.StatusOK, ContentType: "application/json", Body: text}, err
		}
		p, internal := problemOf(ofLedger(err), "")
		if internal || p.Status >= http.StatusInternalServerError {
			return ledger.Answer{}, err // nothing is kept: it may be asked again
		}
		text, err := json.Marshal(p)
		return ledger.Answer{Status: p.Status, ContentType: problemType, Body: text}, err
	})
	if errors.Is(err, ledger.ErrConflict) {
		return nil, fail(CodeConflict, "the idempotency key was used with another request; choose a new one")
	}
	if err != nil {
		return nil, err
	}
	out := &written[T]{Status: answer.Status}
	if again {
		out.Replayed = "true"
	}
	if answer.ContentType == problemType {
		p := &Problem{}
		if err := json.Unmarshal(answer.Body, p); err != nil {
			return nil, fmt.Errorf("serve: stored answer: %w", err)
		}
		return nil, &refusal{p, out.Replayed}
	}
	if err := json.Unmarshal(answer.Body, &out.Body); err != nil {
		return nil, fmt.Errorf("serve: stored answer: %w", err)
	}
	return out, nil
}

// onceThen is once, and hands an answer that is not a repetition to then: to be
// counted.
func onceThen[T any](ctx context.Context, s *Server, key string, body []byte, f func(context.Context) (T, error), then func(T)) (*written[T], error) {
	out, err := once(ctx, s, key, body, f)
	if err == nil && out.Replayed == "" {
		then(out.Body)
	}
	return out, err
}

// refusal is a stored answer that is a problem document.
type refusal struct {
	problem  *Problem
	replayed string
}

// Error returns the detail.
func (r *refusal) Error() string { return r.problem.Detail }

// ofLedger turns an error of the ledger into one that a client may see. What
// is not known stays as it is, which means internal.
func ofLedger(err error) error {
	var known *Error
	if errors.As(err, &known) {
		return err
	}
	code := Code("")
	for _, c := range []struct {
		sentinel error
		code     Code
	}{
		{ledger.ErrNotFound, CodeNotFound}, {ledger.ErrInvalid, CodeInvalid}, {ledger.ErrApprover, CodeApprover},
		{ledger.ErrConflict, CodeConflict}, {ledger.ErrInsufficient, CodeInsufficient}, {ledger.ErrHash, CodeHash}, {ledger.ErrState, CodeState},
	} {
		if errors.Is(err, c.sentinel) {
			code = c.code
			break
		}
	}
	switch {
	case code == "" && errors.Is(err, ledger.ErrConstraint):
		return &Error{Code: CodeRefused, Message: "a rule of the ledger's database forbids it", Err: err}
	case code == "" && errors.Is(err, data.ErrRefused):
		code = CodeRefused
	case code == "" && data.ExitCode(err) == 3:
		code = CodeBadInput
	case code == "":
		return err
	}
	return fail(code, "%s", withoutClass.Replace(err.Error()))
}

// withoutClass takes out of an error what its code says already.
var withoutClass = strings.NewReplacer("ledger: ", "", data.ErrUsage.Error()+": ", "", data.ErrRefused.Error()+": ", "", data.ErrBadInput.Error()+": ", "")
