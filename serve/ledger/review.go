package ledger

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"dunning/data"
)

// reviewAsked is the kind of the audit rows of [Store.AskReview].
const reviewAsked = "customer.review"

// ReviewRequest asks that a person looks at what was decided about a customer by
// automated means (LGPD, art. 20).
type ReviewRequest struct {
	CustomerID string `json:"customer_id"`
	Actor      string `json:"actor"`  // who wrote it down
	Reason     string `json:"reason"` // what the customer, or somebody for him, objects to
	// Decision is what is to be looked at, as the page showed it: plan, hash,
	// model.
	Decision string `json:"decision"`
}

// Review is a request as the audit keeps it.
type Review struct {
	ReviewRequest
	Seq int64     `json:"seq"` // of the audit row
	At  time.Time `json:"at"`
}

// AskReview writes a request for human review into the audit, where nobody can
// change it. The error wraps [ErrInvalid] where something is missing.
func (s *Store) AskReview(ctx context.Context, r ReviewRequest) (Review, error) {
	for _, err := range []error{checkID("customer_id", r.CustomerID), checkActor("actor", r.Actor), checkText("reason", r.Reason), checkText("decision", r.Decision)} {
		if err != nil {
			return Review{}, err
		}
	}
	out := Review{ReviewRequest: r}
	err := s.write(ctx, func(o *operation) error {
		head, err := o.audit(r.Actor, reviewAsked, r.CustomerID, struct {
			Reason   string `json:"reason"`
			Decision string `json:"decision"`
		}{r.Reason, r.Decision})
		out.Seq, out.At = head.Seq, o.at
		return err
	})
	return out, err
}

// Reviews returns the requests about a customer, the latest first.
func (s *Store) Reviews(ctx context.Context, customerID string) ([]Review, error) {
	var out []Review
	err := s.read(ctx, func(t transaction) error {
		rows, err := all(t, `SELECT `+auditColumns+` FROM audit WHERE kind = $1 AND subject = $2 ORDER BY seq DESC`, []any{reviewAsked, customerID}, scanAudit)
		if err != nil {
			return err
		}
		for _, row := range rows {
			r := Review{Seq: row.Seq, At: row.At}
			if err := json.Unmarshal([]byte(row.Body), &r.ReviewRequest); err != nil {
				return fmt.Errorf("ledger: audit row %d: %w", row.Seq, data.ErrDamagedFile)
			}
			r.CustomerID, r.Actor = customerID, row.Actor
			out = append(out, r)
		}
		return nil
	})
	return out, err
}
