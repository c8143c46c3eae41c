package ledger_test

import (
	"errors"
	"testing"

	"dunning/serve/ledger"
)

func TestRequestsForHumanReviewStandInTheAudit(t *testing.T) {
	eachDatabase(t, func(t *testing.T, h *home) {
		ctx := t.Context()
		asked, err := h.AskReview(ctx, ledger.ReviewRequest{CustomerID: "c1", Actor: "ana", Reason: "o cliente diz que pagou", Decision: "plano p1"})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := h.AskReview(ctx, ledger.ReviewRequest{CustomerID: "c2", Actor: "ana", Reason: "outro", Decision: "plano p1"}); err != nil {
			t.Fatal(err)
		}
		list, err := h.Reviews(ctx, "c1")
		if err != nil || len(list) != 1 || list[0] != asked {
			t.Fatalf("reviews of c1: %+v, %v; asked %+v", list, err, asked)
		}
		rows, err := h.Audit(ctx, asked.Seq-1, 1)
		if err != nil || len(rows) != 1 || rows[0].Subject != "c1" || rows[0].Actor != "ana" {
			t.Errorf("audit %+v, %v", rows, err)
		}
		if _, err := h.AskReview(ctx, ledger.ReviewRequest{CustomerID: "c1", Actor: "ana", Decision: "plano p1"}); !errors.Is(err, ledger.ErrInvalid) {
			t.Errorf("without a reason: %v", err)
		}
	})
}
