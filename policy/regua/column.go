package regua

import "dunning/data"

// ColumnType is the type of a column in an expression.
type ColumnType string

// The types, by their names in CEL.
const (
	Int    ColumnType = "int"
	Text   ColumnType = "string"
	Number ColumnType = "double"
	Flag   ColumnType = "bool"
)

// Column is a name that expressions may use.
type Column struct {
	Name string     `json:"name"`
	Type ColumnType `json:"type"`
	Doc  string     `json:"doc"`
	// OfInvoice columns are known to the conditions of steps and stops only: the
	// audience is asked about a customer.
	OfInvoice bool `json:"of_invoice"`
	at        int  // position among the columns of its type
}

// Positions of the columns within a Row.
const (
	kind = iota
	uf
	segment
	customerID
	preferredChannel
	product
	namedSegment
	texts // their number
)

const (
	balanceCents = iota
	overdueCents
	daysPastDue
	openInvoices
	creditLimitCents
	customerDays
	touches7
	touches30
	touchedDays
	paidDays
	repliedDays
	promisesBroken
	weekday
	monthDay
	invoiceCents
	invoiceDaysPastDue
	invoiceAmountCents
	ints // their number
)

const (
	promiseOpen = iota
	partlyPaid
	flags // their number
)

const (
	payProb = iota
	numbers // their number
)

// columns lists the columns in the order of the documentation.
var columns = []Column{
	{Name: "kind", Type: Text, at: kind, Doc: "PF or PJ"},
	{Name: "uf", Type: Text, at: uf, Doc: "state, two letters; empty when unknown"},
	{Name: "segment", Type: Text, at: segment, Doc: "the company's own segment"},
	{Name: "named_segment", Type: Text, at: namedSegment, Doc: "the named segment of the month: devedor, novo, inativo … (dunning segments list)"},
	{Name: "customer_id", Type: Text, at: customerID, Doc: "pseudonym of the customer"},
	{Name: "preferred_channel", Type: Text, at: preferredChannel, Doc: "email, sms, whatsapp, voice, letter, or empty"},
	{Name: "balance_cents", Type: Int, at: balanceCents, Doc: "open balance"},
	{Name: "overdue_cents", Type: Int, at: overdueCents, Doc: "open balance of invoices past their due date"},
	{Name: "days_past_due", Type: Int, at: daysPastDue, Doc: "of the oldest open invoice, on the day; negative before it is due"},
	{Name: "open_invoices", Type: Int, at: openInvoices, Doc: "number of open invoices"},
	{Name: "credit_limit_cents", Type: Int, at: creditLimitCents, Doc: "0 when none is set"},
	{Name: "customer_days", Type: Int, at: customerDays, Doc: "days since the customer began"},
	{Name: "touches_7", Type: Int, at: touches7, Doc: "touches in the last 7 days"},
	{Name: "touches_30", Type: Int, at: touches30, Doc: "touches in the last 30 days"},
	{Name: "touched_days", Type: Int, at: touchedDays, Doc: "days since the last touch, -1 for never"},
	{Name: "paid_days", Type: Int, at: paidDays, Doc: "days since the last payment, -1 for never"},
	{Name: "replied_days", Type: Int, at: repliedDays, Doc: "days since the last reply, -1 for never"},
	{Name: "promises_broken", Type: Int, at: promisesBroken, Doc: "promises whose date has passed while a balance is open"},
	{Name: "weekday", Type: Int, at: weekday, Doc: "of the day: 0 Sunday to 6 Saturday"},
	{Name: "month_day", Type: Int, at: monthDay, Doc: "of the day: 1 to 31"},
	{Name: "promise_open", Type: Flag, at: promiseOpen, Doc: "a promise is not yet due"},
	{Name: "partly_paid", Type: Flag, at: partlyPaid, Doc: "an open invoice was paid in part"},
	{Name: "pay_prob", Type: Number, at: payProb, Doc: "probability of paying within the horizon without a touch, 0 to 1"},
	{Name: "invoice_cents", Type: Int, at: invoiceCents, OfInvoice: true, Doc: "open balance of the step's invoice; of all where the step has none"},
	{Name: "invoice_amount_cents", Type: Int, at: invoiceAmountCents, OfInvoice: true, Doc: "amount of the step's invoice"},
	{Name: "invoice_days_past_due", Type: Int, at: invoiceDaysPastDue, OfInvoice: true, Doc: "of the step's invoice, on the step's day"},
	{Name: "product", Type: Text, at: product, OfInvoice: true, Doc: "of the step's invoice"},
}

// Columns returns what expressions may use, in the order of the documentation.
// The caller owns the slice.
func Columns() []Column { return append([]Column(nil), columns...) }

// Row holds the columns of one customer, and of one invoice where there is one.
type Row struct {
	text   [texts]string
	int    [ints]int64
	flag   [flags]bool
	number [numbers]float64
}

// Set sets a column by its name; the value must have the column's type (int64,
// string, float64 or bool), else Set reports false and changes nothing.
func (r *Row) Set(name string, value any) bool {
	c := columnOf(name)
	if c == nil {
		return false
	}
	switch v := value.(type) {
	case string:
		if c.Type == Text {
			r.text[c.at] = v
		}
		return c.Type == Text
	case int64:
		if c.Type == Int {
			r.int[c.at] = v
		}
		return c.Type == Int
	case float64:
		if c.Type == Number {
			r.number[c.at] = v
		}
		return c.Type == Number
	case bool:
		if c.Type == Flag {
			r.flag[c.at] = v
		}
		return c.Type == Flag
	}
	return false
}

func columnOf(name string) *Column {
	for i := range columns {
		if columns[i].Name == name {
			return &columns[i]
		}
	}
	return nil
}

// nearestColumn returns the column whose name is nearest, "" when none is near.
func nearestColumn(name string) string {
	best, distance := "", max(2, len(name)/3)+1
	for _, c := range columns {
		if d := data.EditDistance(name, c.Name); d < distance {
			best, distance = c.Name, d
		}
	}
	return best
}
