package data

import (
	"fmt"
	"slices"
	"time"
)

// DisputeKind says what became of a dispute.
type DisputeKind string

// A dispute is opened by the first and over with the second.
const (
	DisputeOpened DisputeKind = "dispute"
	DisputeClosed DisputeKind = "dispute_closed"
)

// DisputeKinds lists the kinds in the order in which they happen.
var DisputeKinds = [...]DisputeKind{DisputeOpened, DisputeClosed}

// Dispute is one word about an invoice that the customer contests: that he
// does, or that it was settled. What is disputed is not dunned, and paid in its
// own way. Each word carries the instant from which it was known, so that a
// reader of the past sees what was open then; customers.dispute says only what
// is open today.
type Dispute struct {
	CustomerID string `parquet:"customer_id,dict" json:"customer_id"`
	// InvoiceID is the invoice, "" for all that the customer owes.
	InvoiceID string      `parquet:"invoice_id" json:"invoice_id"`
	At        time.Time   `parquet:"at,timestamp(microsecond)" json:"at"`
	Kind      DisputeKind `parquet:"kind,dict" json:"kind"`
}

// Validate reports the first fault that the row has by itself.
func (d Dispute) Validate() error {
	switch {
	case d.CustomerID == "":
		return fmt.Errorf("%w: customer_id", ErrMissingValue)
	case !slices.Contains(DisputeKinds[:], d.Kind):
		return fmt.Errorf("%w %q", ErrUnknownKind, d.Kind)
	}
	return nil
}
