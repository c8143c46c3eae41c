package serve

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"sync"

	"dunning/data"
	"dunning/policy"
)

// pauses are the invoices and payments of the customers who own a paused invoice: what
// the recheck must know to leave the paused ones out as the planner does. They are
// few, and read when they are first asked about.
type pauses struct {
	mu       sync.Mutex
	read     bool
	invoices map[string][]data.Invoice // by customer
	payments map[string][]data.Payment
}

// pauseTables are the tables that pauses are read from.
var pauseTables = []string{"invoices", "payments"}

// holdings returns all invoices and payments of a customer who owns one of the paused
// invoices, and false for any other. All calls must name the same invoices. Until it
// succeeds once, each call reads anew.
func (p *Portfolio) holdings(customerID string, paused map[string]data.Date) (invoices []data.Invoice, payments []data.Payment, ok bool, err error) {
	if len(paused) == 0 {
		return nil, nil, false, nil
	}
	p.pauses.mu.Lock()
	defer p.pauses.mu.Unlock()
	if !p.pauses.read {
		if err := p.readPauses(paused); err != nil {
			return nil, nil, false, err
		}
		p.pauses.read = true
	}
	invoices, ok = p.pauses.invoices[customerID]
	return invoices, p.pauses.payments[customerID], ok, nil
}

// readPauses finds the owners of paused invoices, then what they owe and paid.
func (p *Portfolio) readPauses(paused map[string]data.Date) error {
	files := slices.DeleteFunc(slices.Clone(p.files), func(f data.File) bool { return !slices.Contains(pauseTables, tableOf(f)) })
	manifest := data.Manifest{SchemaVersion: data.SchemaVersion, Files: files}
	if err := manifest.Verify(p.dir); err != nil {
		return err
	}
	type owner struct {
		InvoiceID  string `parquet:"invoice_id"`
		CustomerID string `parquet:"customer_id,dict"`
	}
	invoices, payments := map[string][]data.Invoice{}, map[string][]data.Payment{}
	err := scanTable(p.dir, files, "invoices", func(o *owner) {
		if _, ok := paused[o.InvoiceID]; ok {
			invoices[o.CustomerID] = nil
		}
	})
	if err != nil || len(invoices) == 0 {
		return err
	}
	err = errors.Join(scanTable(p.dir, files, "invoices", func(v *data.Invoice) {
		if _, ok := invoices[v.CustomerID]; ok {
			invoices[v.CustomerID] = append(invoices[v.CustomerID], *v)
		}
	}), scanTable(p.dir, files, "payments", func(v *data.Payment) {
		if _, ok := invoices[v.CustomerID]; ok {
			payments[v.CustomerID] = append(payments[v.CustomerID], *v)
		}
	}))
	p.pauses.invoices, p.pauses.payments = invoices, payments
	return err
}

// leavePaused takes the customer's paused invoices out of the facts.
func (r *Rechecker) leavePaused(lake *Portfolio, customerID string, f *policy.Facts) error {
	invoices, payments, ok, err := lake.holdings(customerID, r.engine.PausedInvoices())
	if ok {
		r.engine.LeavePaused(f, invoices, payments)
	}
	if errors.Is(err, fs.ErrNotExist) { // a newer lake took its place a moment ago
		return fail(CodeUnavailable, "the customers are being read anew; ask again")
	}
	if err != nil {
		return fmt.Errorf("serve: paused invoices: %w", err)
	}
	return nil
}
