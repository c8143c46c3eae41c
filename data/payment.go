package data

import (
	"fmt"
	"time"
)

// Payment is money received for one invoice; partial payments are several
// rows.
type Payment struct {
	PaymentID   string    `parquet:"payment_id" json:"payment_id"`
	InvoiceID   string    `parquet:"invoice_id" json:"invoice_id"`
	CustomerID  string    `parquet:"customer_id,dict" json:"customer_id"`
	PaidAt      time.Time `parquet:"paid_at,timestamp(microsecond)" json:"paid_at"`
	AmountCents Cents     `parquet:"amount_cents" json:"amount_cents"`
	Method      string    `parquet:"method,dict" json:"method"` // pix, boleto, card …; "" when unknown
}

// Validate reports the first fault that the row has by itself. That a payment
// does not precede its invoice's issue needs the invoice: extract checks it.
func (p Payment) Validate() error {
	switch {
	case p.PaymentID == "":
		return fmt.Errorf("%w: payment_id", ErrMissingValue)
	case p.InvoiceID == "":
		return fmt.Errorf("%w: invoice_id", ErrMissingValue)
	case p.CustomerID == "":
		return fmt.Errorf("%w: customer_id", ErrMissingValue)
	case p.AmountCents < 0:
		return fmt.Errorf("%w: amount_cents %d", ErrNegativeAmount, p.AmountCents)
	}
	return nil
}

// Promise is one promised payment (promessa de pagamento); an agreement in
// instalments is several rows with InstalmentNo 1, 2, …
type Promise struct {
	PromiseID    string    `parquet:"promise_id" json:"promise_id"`
	CustomerID   string    `parquet:"customer_id,dict" json:"customer_id"`
	MadeAt       time.Time `parquet:"made_at,timestamp(microsecond)" json:"made_at"`
	DueOn        Date      `parquet:"due_on,date" json:"due_on"`
	AmountCents  Cents     `parquet:"amount_cents" json:"amount_cents"`
	InstalmentNo int32     `parquet:"instalment_no" json:"instalment_no"`
}

// Validate reports the first fault that the row has by itself.
func (p Promise) Validate() error {
	switch {
	case p.PromiseID == "":
		return fmt.Errorf("%w: promise_id", ErrMissingValue)
	case p.CustomerID == "":
		return fmt.Errorf("%w: customer_id", ErrMissingValue)
	case p.AmountCents < 0:
		return fmt.Errorf("%w: amount_cents %d", ErrNegativeAmount, p.AmountCents)
	}
	return nil
}

// BureauReport is one answer of a credit bureau.
type BureauReport struct {
	CustomerID      string    `parquet:"customer_id,dict" json:"customer_id"`
	At              time.Time `parquet:"at,timestamp(microsecond)" json:"at"`
	Provider        string    `parquet:"provider,dict" json:"provider"`
	Score           float64   `parquet:"score" json:"score"` // the provider's scale, usually 0–1000, higher is better
	NegativeRecords int32     `parquet:"negative_records" json:"negative_records"`
	CostCents       Cents     `parquet:"cost_cents" json:"cost_cents"`
}

// Validate reports the first fault that the row has by itself.
func (b BureauReport) Validate() error {
	switch {
	case b.CustomerID == "":
		return fmt.Errorf("%w: customer_id", ErrMissingValue)
	case b.CostCents < 0:
		return fmt.Errorf("%w: cost_cents %d", ErrNegativeAmount, b.CostCents)
	case b.NegativeRecords < 0:
		return fmt.Errorf("%w: negative_records %d", ErrBadNumber, b.NegativeRecords)
	}
	return nil
}
