package data

import "fmt"

// Invoice is one receivable (título). It is open from IssuedOn until it is
// paid in full or cancelled.
type Invoice struct {
	InvoiceID   string `parquet:"invoice_id" json:"invoice_id"`
	CustomerID  string `parquet:"customer_id,dict" json:"customer_id"`
	IssuedOn    Date   `parquet:"issued_on,date" json:"issued_on"`
	DueOn       Date   `parquet:"due_on,date" json:"due_on"`
	AmountCents Cents  `parquet:"amount_cents" json:"amount_cents"`
	Currency    string `parquet:"currency,dict" json:"currency"`
	Product     string `parquet:"product,dict" json:"product"`
	// CancelledOn is the day the invoice stopped being owed without payment
	// (cancelled, credited, renegotiated, written off), nil while it stands.
	CancelledOn *Date `parquet:"cancelled_on,date,optional" json:"cancelled_on"`
}

// Validate reports the first fault that the row has by itself.
func (v Invoice) Validate() error {
	switch {
	case v.InvoiceID == "":
		return fmt.Errorf("%w: invoice_id", ErrMissingValue)
	case v.CustomerID == "":
		return fmt.Errorf("%w: customer_id", ErrMissingValue)
	case v.AmountCents < 0:
		return fmt.Errorf("%w: amount_cents %d", ErrNegativeAmount, v.AmountCents)
	case v.DueOn < v.IssuedOn:
		return fmt.Errorf("%w: %s < %s", ErrDueBeforeIssue, v.DueOn, v.IssuedOn)
	}
	return nil
}
