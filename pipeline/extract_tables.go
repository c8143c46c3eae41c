package pipeline

import (
	"fmt"

	"dunning/data"
)

// table is one source table: its columns, in the order of the row type, and
// the rules between its rows and those of earlier tables.
type table struct {
	name    string
	id      string // the column that must be unique; "" when rows have no id
	columns []column
	joins   string                 // SQL joins of earlier tables' accepted rows (k_…) to p
	between []fault                // rules that need the joins, after the row's own and duplicate_id
	derived []string               // SQL of further columns of the output: "expr AS name"
	replace map[string]replacement // output columns that are not taken from the row as they are
	order   string                 // sort key of the output, total up to identical rows
	event   string                 // SQL of the day of the row's event; "" when it has none
	part    string                 // SQL of the row's partition
}

// replacement is the SQL of an output column over f_TABLE, and in words what
// stands where the source says nothing.
type replacement struct{ sql, words string }

// fault is one rule with the SQL that finds it and the SQL of its message. In
// both, a column's parsed value is p.NAME and its staged one p."raw NAME".
type fault struct {
	rule, cond, message string
}

var unknownCustomer = fault{"unknown_customer", "c.customer_id IS NULL",
	`'customer_id ' || shown(p.customer_id) || ' is not an accepted customer'`}

const joinCustomer = "LEFT JOIN k_customers c ON p.customer_id = c.customer_id"

// tables returns the source tables in the order of [SourceTables]. The part of
// n partitions is data.Partition in SQL.
func tables(n int) []table {
	return []table{customersTable(n), invoicesTable(), paymentsTable(), touchesTable(), touchEventsTable(), promisesTable(), bureauTable(), disputesTable()}
}

func customersTable(n int) table {
	t := table{
		name: "customers", id: "customer_id",
		columns: []column{
			required("customer_id", kindText),
			{name: "kind", required: true, upper: true, oneOf: []string{string(data.PF), string(data.PJ)}, rule: "unknown_kind"},
			{name: "uf", absent: "''", empty: "''", upper: true},
			optional("timezone", kindText, "''"),
			optional("since", kindDay, ""),
			optional("segment", kindText, "''"),
		},
		order: "customer_id",
		part:  fmt.Sprintf("CAST('0x' || left(md5(p.customer_id), 8) AS BIGINT) %% %d", n),
		// A customer whose start is not known starts with his first invoice. Who
		// contests something is flagged, whatever his own row says.
		replace: map[string]replacement{
			"since":   {"COALESCE(since, (SELECT min(issued_on) FROM k_invoices i WHERE i.customer_id = f.customer_id), DATE '1970-01-01')", "the day of the first invoice"},
			"dispute": {"(dispute OR customer_id IN (" + inDispute + "))", "whether one is open in disputes"},
		},
	}
	// Where a source has no column for consent or reach, nothing is known
	// against contact; where it has one, an empty cell is a no.
	for _, prefix := range []string{"consent_", "reach_"} {
		for _, ch := range data.Channels {
			t.columns = append(t.columns, column{name: prefix + string(ch), kind: kindFlag, absent: "true", empty: "false"})
		}
	}
	t.columns = append(t.columns,
		column{name: "preferred_channel", absent: "''", empty: "''", oneOf: channelNames(), rule: "unknown_channel"},
		optional("dispute", kindFlag, "false"),
		optional("litigation", kindFlag, "false"),
		optional("over_indebted", kindFlag, "false"),
		optional("deceased", kindFlag, "false"),
		optional("do_not_contact", kindFlag, "false"),
		optional("credit_limit_cents", kindCents, "0"),
		optional("document", kindDocument, "''"),
	)
	return t
}

func invoicesTable() table {
	return table{
		name: "invoices", id: "invoice_id",
		columns: []column{
			required("invoice_id", kindText),
			required("customer_id", kindText),
			required("issued_on", kindDay),
			required("due_on", kindDay),
			required("amount_cents", kindCents),
			{name: "currency", absent: "'BRL'", empty: "'BRL'", upper: true},
			optional("product", kindText, "''"),
			optional("cancelled_on", kindDay, ""),
		},
		joins: joinCustomer,
		between: []fault{unknownCustomer, {"due_before_issue", "p.due_on < p.issued_on",
			`'due_on ' || p.due_on || ' is before issued_on ' || p.issued_on`}},
		order: "customer_id, issued_on, invoice_id", event: "issued_on", part: "c.part",
	}
}

func paymentsTable() table {
	return table{
		name: "payments", id: "payment_id",
		columns: []column{
			required("payment_id", kindText),
			required("invoice_id", kindText),
			required("customer_id", kindText),
			required("paid_at", kindInstant),
			required("amount_cents", kindCents),
			optional("method", kindText, "''"),
		},
		joins: joinCustomer + " LEFT JOIN k_invoices i ON p.invoice_id = i.invoice_id",
		between: []fault{unknownCustomer,
			{"unknown_invoice", "i.invoice_id IS NULL", `'invoice_id ' || shown(p.invoice_id) || ' is not an accepted invoice'`},
			{"unknown_invoice", "i.customer_id <> p.customer_id", `'invoice_id ' || shown(p.invoice_id) || ' is not an invoice of customer ' || shown(p.customer_id)`},
			{"payment_before_issue", "CAST(p.paid_at AS DATE) < i.issued_on", `'paid_at ' || p.paid_at || ' is before the invoice was issued'`},
		},
		order: "customer_id, paid_at, payment_id", event: "CAST(paid_at AS DATE)", part: "c.part",
	}
}

func touchesTable() table {
	channel := column{name: "channel", required: true, oneOf: append(channelNames(), string(data.Hold)), rule: "unknown_channel"}
	return table{
		name: "touches", id: "touch_id",
		columns: []column{
			required("touch_id", kindText),
			required("customer_id", kindText),
			channel,
			required("sent_at", kindInstant),
			optional("cost_cents", kindCents, "0"),
			optional("template", kindText, "''"),
			optional("plan_id", kindText, "''"),
			optional("treat_prob", kindProb, ""),
		},
		joins: joinCustomer, between: []fault{unknownCustomer},
		order: "customer_id, sent_at, touch_id", event: "CAST(sent_at AS DATE)", part: "c.part",
	}
}

func touchEventsTable() table {
	kinds := make([]string, len(data.TouchEventKinds))
	for i, k := range data.TouchEventKinds {
		kinds[i] = string(k)
	}
	return table{
		name: "touch_events",
		columns: []column{
			required("touch_id", kindText),
			required("at", kindInstant),
			{name: "kind", required: true, oneOf: kinds, rule: "unknown_kind"},
		},
		joins:   "LEFT JOIN k_touches t ON p.touch_id = t.touch_id",
		between: []fault{{"unknown_touch", "t.touch_id IS NULL", `'touch_id ' || shown(p.touch_id) || ' is not an accepted touch'`}},
		derived: []string{"t.customer_id AS customer_id"},
		order:   `customer_id, "at", touch_id, kind`, event: `CAST("at" AS DATE)`, part: "t.part",
	}
}

func promisesTable() table {
	return table{
		name: "promises", id: "promise_id",
		columns: []column{
			required("promise_id", kindText),
			required("customer_id", kindText),
			required("made_at", kindInstant),
			required("due_on", kindDay),
			required("amount_cents", kindCents),
			optional("instalment_no", kindCount, "1"),
		},
		joins: joinCustomer, between: []fault{unknownCustomer},
		order: "customer_id, made_at, promise_id", event: "CAST(made_at AS DATE)", part: "c.part",
	}
}

func bureauTable() table {
	return table{
		name: "bureau_reports",
		columns: []column{
			required("customer_id", kindText),
			required("at", kindInstant),
			optional("provider", kindText, "''"),
			required("score", kindReal),
			optional("negative_records", kindCount, "0"),
			optional("cost_cents", kindCents, "0"),
		},
		joins: joinCustomer, between: []fault{unknownCustomer},
		order: `customer_id, "at", provider, score, negative_records, cost_cents`, event: `CAST("at" AS DATE)`, part: "c.part",
	}
}

func disputesTable() table {
	kinds := make([]string, len(data.DisputeKinds))
	for i, k := range data.DisputeKinds {
		kinds[i] = string(k)
	}
	return table{
		name: "disputes",
		columns: []column{
			required("customer_id", kindText),
			optional("invoice_id", kindText, "''"),
			required("at", kindInstant),
			{name: "kind", required: true, oneOf: kinds, rule: "unknown_kind"},
		},
		joins: joinCustomer + " LEFT JOIN k_invoices i ON p.invoice_id = i.invoice_id",
		between: []fault{unknownCustomer,
			{"unknown_invoice", "p.invoice_id IS NOT NULL AND i.invoice_id IS NULL", `'invoice_id ' || shown(p.invoice_id) || ' is not an accepted invoice'`},
			{"unknown_invoice", "i.customer_id <> p.customer_id", `'invoice_id ' || shown(p.invoice_id) || ' is not an invoice of customer ' || shown(p.customer_id)`},
		},
		order: `customer_id, "at", invoice_id, kind`, event: `CAST("at" AS DATE)`, part: "c.part",
	}
}

// inDispute is the SQL of the customers who contest what they owe, an invoice or
// all: the last word counts, and one about all counts for each invoice.
const inDispute = `SELECT d.customer_id FROM k_disputes d
	LEFT JOIN (SELECT customer_id, max("at") AS "at" FROM k_disputes WHERE invoice_id = '' GROUP BY customer_id) whole ON whole.customer_id = d.customer_id
	LEFT JOIN k_invoices i ON i.invoice_id = d.invoice_id
	LEFT JOIN (SELECT invoice_id, sum(amount_cents) AS cents FROM k_payments WHERE invoice_id IN (SELECT invoice_id FROM k_disputes) GROUP BY invoice_id) paid ON paid.invoice_id = d.invoice_id
	WHERE (d.invoice_id = '' OR whole."at" IS NULL OR d."at" > whole."at")
	AND i.cancelled_on IS NULL AND (paid.cents IS NULL OR paid.cents < i.amount_cents)
	GROUP BY d.customer_id, d.invoice_id HAVING last(d.kind ORDER BY d."at", d.kind) = 'dispute'`

func channelNames() []string {
	names := make([]string, len(data.Channels))
	for i, c := range data.Channels {
		names[i] = string(c)
	}
	return names
}
