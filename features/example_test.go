package features_test

import (
	"fmt"
	"slices"

	"dunning/data"
	"dunning/features"
)

// One customer with an invoice that is ten days late: what is known of him on
// 11 March, on the day itself and for a touch planned two days later.
func ExampleComputer_Row() {
	h := features.NewHistory(features.History{
		Customer: data.Customer{CustomerID: "c1", Kind: data.PF, UF: "SP"},
		Invoices: []data.Invoice{{InvoiceID: "i1", CustomerID: "c1", IssuedOn: day("2024-02-01"), DueOn: day("2024-03-01"), AmountCents: 50_00}},
		Payments: []data.Payment{{PaymentID: "p1", InvoiceID: "i1", CustomerID: "c1", PaidAt: noon("2024-03-11"), AmountCents: 50_00}},
	})
	c := features.NewComputer(nil, nil, nil)
	names := c.Names()
	row := make([]float32, len(names))
	for _, at := range []data.Date{day("2024-03-11"), day("2024-03-13")} {
		c.Row(h, day("2024-03-11"), at, row)
		fmt.Println(at,
			"owed", row[slices.Index(names, "f_aging_balance_cents")],
			"past due", row[slices.Index(names, "f_aging_oldest_past_due_days")])
	}
	// Output:
	// 2024-03-11 owed 5000 past due 10
	// 2024-03-13 owed 5000 past due 12
}

// A training frame: decision points of the touch log, their outcomes within two
// weeks, and the features at each of them.
func ExampleComputer_AppendTraining() {
	h := features.NewHistory(features.History{
		Customer: data.Customer{CustomerID: "c1"},
		Invoices: []data.Invoice{{InvoiceID: "i1", CustomerID: "c1", IssuedOn: day("2024-02-01"), DueOn: day("2024-03-01"), AmountCents: 50_00}},
		Payments: []data.Payment{{PaymentID: "p1", InvoiceID: "i1", CustomerID: "c1", PaidAt: noon("2024-03-13"), AmountCents: 50_00}},
		Touches: []data.Touch{
			{TouchID: "t1", CustomerID: "c1", Channel: data.Hold, SentAt: noon("2024-02-20")},
			{TouchID: "t2", CustomerID: "c1", Channel: data.SMS, SentAt: noon("2024-03-11")},
		},
	})
	points := features.Decisions{Logged: h.HasHolds(), From: day("2024-01-01"), To: day("2024-04-01")}.Points(h)
	var f features.Frame
	features.NewComputer(nil, nil, nil).AppendTraining(&f, h, points, features.Training{HorizonDays: 14, End: day("2024-04-01")})
	for i := range f.Len() {
		fmt.Println(f.UnitID[i], f.Option[i], f.OutcomePaid[i], f.OutcomeDay[i], f.Column("f_aging_oldest_past_due_days")[i])
	}
	// Output:
	// c1@2024-02-20 hold false -1 -10
	// c1@2024-03-11 sms true 2 10
}

func ExampleDictionary() {
	for _, f := range features.Dictionary()[:2] {
		fmt.Println(f.Name, f.Range(), f.Doc)
	}
	// Output:
	// f_aging_balance_cents [0, ∞) Open balance: invoices issued and not cancelled, less what was paid on them.
	// f_aging_overdue_cents [0, ∞) The part of the open balance that is past due.
}
