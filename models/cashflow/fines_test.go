package cashflow_test

import (
	"compress/gzip"
	"encoding/csv"
	"io"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"dunning/data"
	"dunning/models/cashflow"
)

// finesLog is a real log, beside the repository: see its README in
// data/examples/traffic_fines.
var finesLog = filepath.Join("..", "..", "..", "shared", "datasets", "traffic_fines_2000_2006", "events.csv.gz")

// Classes of what is owed: a fine, the same after it was notified, the letter's
// expense, the penalty.
const (
	fine = iota
	notified
	expense
	penalty
)

// readFines reads every n-th fine as an invoice that is due when it is made. One
// that is notified begins anew on that day; what a letter or a penalty adds is
// an invoice of its own. What a payment brings goes to the oldest first.
func readFines(t testing.TB, n int) *book {
	t.Helper()
	f, err := os.Open(finesLog)
	if err != nil {
		t.Skipf("the log of traffic fines is not here: %v", err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	rows := csv.NewReader(z)
	rows.ReuseRecord = true
	header, err := rows.Read()
	if err != nil {
		t.Fatal(err)
	}
	column := map[string]int{}
	for i, name := range header {
		column[name] = i
	}
	// No fine was made after 2006.
	b := &book{first: data.MakeDate(2000, 1, 1), asOf: data.MakeDate(2007, 1, 1)}
	var customers []cashflow.Customer
	last, owed, fines := "", data.Cents(0), 0
	for {
		row, err := rows.Read()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if row[0] != last {
			last, owed = row[0], 0
			if fines++; (fines-1)%n == 0 {
				customers = append(customers, cashflow.Customer{})
			}
		}
		if (fines-1)%n != 0 {
			continue
		}
		cents := func(name string) data.Cents {
			x, _ := strconv.ParseFloat(row[column[name]], 64)
			return data.Cents(math.Round(100 * x))
		}
		day, err := data.ParseDate(row[column["timestamp"]][:10])
		if err != nil {
			t.Fatal(err)
		}
		c := &customers[len(customers)-1]
		switch row[column["activity"]] {
		case "Create Fine":
			owed = cents("amount")
			issue(c, day, fine, owed)
		case "Send Fine":
			issue(c, day, expense, cents("expense"))
		case "Add penalty":
			issue(c, day, penalty, cents("amount")-owed)
		case "Insert Fine Notification":
			notify(c, day)
		case "Payment":
			pay(c, day, cents("paymentAmount"))
		case "Send for Credit Collection":
			for i := range c.Invoices {
				c.Invoices[i].Until = min(c.Invoices[i].Until, day)
			}
		}
	}
	b.Book = cashflow.NewBook(customers, 1)
	return b
}

func issue(c *cashflow.Customer, day data.Date, class int, cents data.Cents) {
	if cents > 0 {
		c.Invoices = append(c.Invoices, cashflow.Invoice{Issued: day, Due: day, Until: cashflow.Never, Class: class, Cents: cents})
	}
}

func notify(c *cashflow.Customer, day data.Date) {
	for i := range c.Invoices {
		if v := &c.Invoices[i]; v.Class == fine && v.Until == cashflow.Never {
			left := v.Cents
			for _, p := range v.Payments {
				left -= p.Cents
			}
			v.Until = day
			issue(c, day, notified, left)
			return
		}
	}
}

func pay(c *cashflow.Customer, day data.Date, cents data.Cents) {
	for i := range c.Invoices {
		v := &c.Invoices[i]
		left := v.Cents
		for _, p := range v.Payments {
			left -= p.Cents
		}
		if x := min(left, cents); x > 0 && v.Until == cashflow.Never {
			v.Payments = append(v.Payments, cashflow.Payment{Day: day, Cents: x})
			if cents -= x; x == left {
				v.Until = day
			}
		}
	}
}
