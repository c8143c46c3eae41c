package synth

import (
	"math/rand/v2"
	"slices"

	"dunning/data"
)

// fault is a planted fault.
type fault struct {
	table int // index in Tables
	row   int // of the table; 0-based in the block until numbered, then 1-based in the file
	id    string
	rule  string
}

var faultColumns = []string{"table", "source_row", "id", "rule"}

// planter plants faults into blocks. Faulty rows are added, so that the good
// ones stay as they are and none becomes faulty through another: each is the
// copy of a good row under an id of its own, wrong in one thing.
type planter struct {
	rng    *rand.Rand
	share  float64
	format Format
}

// spoiled is a text that a CSV column gets instead of its value.
type spoiled struct {
	column int
	text   string
}

// faultKind is one way in which a row of a table can be wrong.
type faultKind[T any] struct {
	rule string
	// spoil makes the row wrong; n counts, to vary it. nil for a duplicate,
	// which is a second row with the id of the first.
	spoil func(row *T, n int)
	// column and texts replace the text of a CSV column instead: typed columns
	// cannot hold what is no date or number, so these are planted in CSV only.
	column string
	texts  []string
}

// faultSet is what can be wrong with a table.
type faultSet[T any] struct {
	columns []string
	id      func(row *T) *string
	fresh   bool // the id must be unique in its table
	kinds   []faultKind[T]
}

// plant adds about p.share faulty rows per row, each after the row it copies,
// and returns the new rows and the texts that replace columns, by row.
func plant[T any](w *written, p *planter, table int, rows []T, set *faultSet[T]) ([]T, map[int]spoiled) {
	kinds := slices.DeleteFunc(slices.Clone(set.kinds), func(k faultKind[T]) bool {
		return k.texts != nil && p.format != CSV
	})
	type insert struct {
		before int
		row    T
		kind   *faultKind[T]
		n      int
	}
	var inserts []insert
	n := p.rng.IntN(len(kinds))
	for i := range rows {
		if p.rng.Float64() >= p.share {
			continue
		}
		kind := &kinds[n%len(kinds)]
		in := insert{before: i + 1 + p.rng.IntN(len(rows)-i), row: rows[i], kind: kind, n: n / len(kinds)}
		if set.fresh && kind.rule != "duplicate_id" {
			*set.id(&in.row) += "X"
		}
		if kind.spoil != nil {
			kind.spoil(&in.row, in.n)
		}
		inserts = append(inserts, in)
		n++
	}
	slices.SortStableFunc(inserts, func(a, b insert) int { return a.before - b.before })
	out := make([]T, 0, len(rows)+len(inserts))
	texts := map[int]spoiled{}
	for i, in := range inserts {
		from := 0
		if i > 0 {
			from = inserts[i-1].before
		}
		out = append(out, rows[from:in.before]...)
		if in.kind.texts != nil {
			texts[len(out)] = spoiled{column(set.columns, in.kind.column), in.kind.texts[in.n%len(in.kind.texts)]}
		}
		w.faults = append(w.faults, fault{table, len(out), *set.id(&in.row), in.kind.rule})
		out = append(out, in.row)
	}
	if len(inserts) > 0 {
		rows = rows[inserts[len(inserts)-1].before:]
	}
	return append(out, rows...), texts
}

// numberFaults gives the block's faults their row numbers in the files, before
// being the rows of earlier blocks, counts them, and encodes them.
func (w *written) numberFaults(before *[len(Tables)]int, byRule map[string]int) {
	r := record{spoil: -1}
	for _, f := range w.faults {
		byRule[f.rule]++
		r.text(Tables[f.table])
		r.int(int64(before[f.table] + f.row + 1))
		r.text(f.id)
		r.text(f.rule)
		r.end()
	}
	w.faultText = encoded{r.buf, len(w.faults)}
	for i, n := range w.rows {
		before[i] += n
	}
}

// What is no date and no number.
var (
	badDates    = []string{"2025-02-30", "2025-13-01", "ontem", "0000-00-00"}
	badInstants = []string{"2025-02-30T12:00:00Z", "ontem", "2025-06-01T25:61:00Z"}
	badNumbers  = []string{"12-x", "1.2.3", "dez", "--5"}
)

const nobody = "Z99999999" // an id that no table has

func spoilDate[T any](column string) faultKind[T] {
	return faultKind[T]{rule: "bad_date", column: column, texts: badDates}
}

func spoilInstant[T any](column string) faultKind[T] {
	return faultKind[T]{rule: "bad_date", column: column, texts: badInstants}
}

func spoilNumber[T any](column string) faultKind[T] {
	return faultKind[T]{rule: "bad_number", column: column, texts: badNumbers}
}

var sourceColumns = [len(Tables)][]string{customerColumns, invoiceColumns, paymentColumns, touchColumns,
	touchEventColumns, promiseColumns, bureauColumns, disputeColumns}

var customerFaults = faultSet[SourceCustomer]{
	columns: customerColumns, fresh: true,
	id: func(c *SourceCustomer) *string { return &c.CustomerID },
	kinds: []faultKind[SourceCustomer]{
		{rule: "missing_value", spoil: func(c *SourceCustomer, _ int) { c.CustomerID = "" }},
		{rule: "duplicate_id"},
		{rule: "unknown_kind", spoil: func(c *SourceCustomer, n int) { c.Kind = []data.CustomerKind{"XX", "pessoa", "P"}[n%3] }},
		{rule: "negative_amount", spoil: func(c *SourceCustomer, _ int) { c.CreditLimitCents = -1 - c.CreditLimitCents }},
		{rule: "unknown_channel", spoil: func(c *SourceCustomer, n int) { c.PreferredChannel = []data.Channel{"pigeon", "fax", "hold"}[n%3] }},
		{rule: "bad_document", spoil: func(c *SourceCustomer, n int) { c.Document = []string{"123.456.789-00", "11222333000180", "1234"}[n%3] }},
		spoilDate[SourceCustomer]("since"),
		spoilNumber[SourceCustomer]("credit_limit_cents"),
	},
}

var invoiceFaults = faultSet[data.Invoice]{
	columns: invoiceColumns, fresh: true,
	id: func(v *data.Invoice) *string { return &v.InvoiceID },
	kinds: []faultKind[data.Invoice]{
		{rule: "missing_value", spoil: func(v *data.Invoice, n int) { *[]*string{&v.CustomerID, &v.InvoiceID}[n%2] = "" }},
		{rule: "unknown_customer", spoil: func(v *data.Invoice, _ int) { v.CustomerID = nobody }},
		{rule: "negative_amount", spoil: func(v *data.Invoice, _ int) { v.AmountCents = -v.AmountCents }},
		{rule: "due_before_issue", spoil: func(v *data.Invoice, n int) { v.DueOn = v.IssuedOn - 1 - data.Date(n%30) }},
		{rule: "duplicate_id"},
		spoilDate[data.Invoice]("due_on"),
		spoilNumber[data.Invoice]("amount_cents"),
		spoilDate[data.Invoice]("issued_on"),
		spoilDate[data.Invoice]("cancelled_on"),
	},
}

var paymentFaults = faultSet[data.Payment]{
	columns: paymentColumns, fresh: true,
	id: func(p *data.Payment) *string { return &p.PaymentID },
	kinds: []faultKind[data.Payment]{
		{rule: "missing_value", spoil: func(p *data.Payment, n int) {
			*[]*string{&p.InvoiceID, &p.CustomerID, &p.PaymentID}[n%3] = ""
		}},
		{rule: "unknown_customer", spoil: func(p *data.Payment, _ int) { p.CustomerID = nobody }},
		{rule: "unknown_invoice", spoil: func(p *data.Payment, _ int) { p.InvoiceID = nobody }},
		{rule: "negative_amount", spoil: func(p *data.Payment, _ int) { p.AmountCents = -p.AmountCents }},
		// No invoice of the history was open eleven years before its payment.
		{rule: "payment_before_issue", spoil: func(p *data.Payment, _ int) { p.PaidAt = p.PaidAt.AddDate(-11, 0, 0) }},
		{rule: "duplicate_id"},
		spoilInstant[data.Payment]("paid_at"),
		spoilNumber[data.Payment]("amount_cents"),
	},
}

var touchFaults = faultSet[data.Touch]{
	columns: touchColumns, fresh: true,
	id: func(t *data.Touch) *string { return &t.TouchID },
	kinds: []faultKind[data.Touch]{
		{rule: "missing_value", spoil: func(t *data.Touch, n int) { *[]*string{&t.CustomerID, &t.TouchID}[n%2] = "" }},
		{rule: "unknown_customer", spoil: func(t *data.Touch, _ int) { t.CustomerID = nobody }},
		{rule: "unknown_channel", spoil: func(t *data.Touch, n int) { t.Channel = []data.Channel{"pigeon", "fax"}[n%2] }},
		{rule: "negative_amount", spoil: func(t *data.Touch, _ int) { t.CostCents = -1 - t.CostCents }},
		{rule: "bad_probability", spoil: func(t *data.Touch, n int) {
			wrong := []float64{1.5, 0, -.1}[n%3]
			t.TreatProb = &wrong
		}},
		{rule: "duplicate_id"},
		spoilInstant[data.Touch]("sent_at"),
		spoilNumber[data.Touch]("cost_cents"),
		spoilNumber[data.Touch]("treat_prob"),
	},
}

var touchEventFaults = faultSet[SourceTouchEvent]{
	columns: touchEventColumns,
	id:      func(e *SourceTouchEvent) *string { return &e.TouchID },
	kinds: []faultKind[SourceTouchEvent]{
		{rule: "missing_value", spoil: func(e *SourceTouchEvent, _ int) { e.TouchID = "" }},
		{rule: "unknown_touch", spoil: func(e *SourceTouchEvent, _ int) { e.TouchID = nobody }},
		{rule: "unknown_kind", spoil: func(e *SourceTouchEvent, n int) { e.Kind = []data.TouchEventKind{"seen", "teleported"}[n%2] }},
		spoilInstant[SourceTouchEvent]("at"),
	},
}

var promiseFaults = faultSet[data.Promise]{
	columns: promiseColumns, fresh: true,
	id: func(p *data.Promise) *string { return &p.PromiseID },
	kinds: []faultKind[data.Promise]{
		{rule: "missing_value", spoil: func(p *data.Promise, n int) { *[]*string{&p.CustomerID, &p.PromiseID}[n%2] = "" }},
		{rule: "unknown_customer", spoil: func(p *data.Promise, _ int) { p.CustomerID = nobody }},
		{rule: "negative_amount", spoil: func(p *data.Promise, _ int) { p.AmountCents = -p.AmountCents }},
		{rule: "duplicate_id"},
		spoilDate[data.Promise]("due_on"),
		spoilNumber[data.Promise]("amount_cents"),
		spoilInstant[data.Promise]("made_at"),
		spoilNumber[data.Promise]("instalment_no"),
	},
}

var disputeFaults = faultSet[data.Dispute]{
	columns: disputeColumns,
	id:      func(d *data.Dispute) *string { return &d.CustomerID },
	kinds: []faultKind[data.Dispute]{
		{rule: "missing_value", spoil: func(d *data.Dispute, _ int) { d.CustomerID = "" }},
		{rule: "unknown_customer", spoil: func(d *data.Dispute, _ int) { d.CustomerID = nobody }},
		{rule: "unknown_invoice", spoil: func(d *data.Dispute, _ int) { d.InvoiceID += "X" }},
		{rule: "unknown_kind", spoil: func(d *data.Dispute, n int) { d.Kind = []data.DisputeKind{"lost", "won"}[n%2] }},
		spoilInstant[data.Dispute]("at"),
	},
}

var bureauFaults = faultSet[data.BureauReport]{
	columns: bureauColumns,
	id:      func(b *data.BureauReport) *string { return &b.CustomerID },
	kinds: []faultKind[data.BureauReport]{
		{rule: "missing_value", spoil: func(b *data.BureauReport, _ int) { b.CustomerID = "" }},
		{rule: "unknown_customer", spoil: func(b *data.BureauReport, _ int) { b.CustomerID = nobody }},
		{rule: "negative_amount", spoil: func(b *data.BureauReport, _ int) { b.CostCents = -b.CostCents }},
		{rule: "bad_number", spoil: func(b *data.BureauReport, _ int) { b.NegativeRecords = -1 - b.NegativeRecords }},
		spoilInstant[data.BureauReport]("at"),
		spoilNumber[data.BureauReport]("score"),
	},
}
