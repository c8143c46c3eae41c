package portfolio_test

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/xuri/excelize/v2"

	"dunning/credit/portfolio"
	"dunning/data"
)

var today = data.MakeDate(2026, time.March, 10)

// world makes customers with invoices and payments.
type world struct {
	customers []data.Customer
	invoices  []data.Invoice
	payments  []data.Payment
}

// customer buys every thirty days, so that n invoices are due, the last one ten
// days ago; late is how many days after the due date the i-th is paid, oldest
// first, negative for never.
func (w *world) customer(id, segment, product string, limit data.Cents, n int, late func(i int) int) {
	w.customers = append(w.customers, data.Customer{CustomerID: id, Segment: segment, CreditLimitCents: limit})
	for i := range n {
		due := today - 10 - data.Date(30*(n-1-i))
		v := data.Invoice{InvoiceID: fmt.Sprintf("%s-%d", id, i), CustomerID: id, IssuedOn: due - 28, DueOn: due, AmountCents: 10_000, Product: product}
		w.invoices = append(w.invoices, v)
		if days := late(i); days >= 0 {
			paid := (due + data.Date(days)).Time().Add(12 * time.Hour)
			half := data.Payment{PaymentID: v.InvoiceID + "p", InvoiceID: v.InvoiceID, CustomerID: id, PaidAt: paid.AddDate(0, 0, -1), AmountCents: 4000}
			w.payments = append(w.payments, half)
			half.PaymentID, half.PaidAt, half.AmountCents = v.InvoiceID+"q", paid, 6000
			w.payments = append(w.payments, half)
		}
	}
}

func (w *world) report() *portfolio.Report {
	b := portfolio.NewBuilder(today, 100)
	b.Add(w.customers, w.invoices, w.payments)
	return b.Report()
}

// on lists who is on a list and why.
func on(r *portfolio.Report, list string) string {
	var out []string
	for _, p := range r.People {
		if p.List == list {
			out = append(out, p.CustomerID+": "+string(p.Why))
		}
	}
	return strings.Join(out, "; ")
}

func always(days int) func(int) int { return func(int) int { return days } }

func TestListsNameTheRightCustomers(t *testing.T) {
	var w world
	w.customer("good", "ouro", "a", 50_000, 12, always(3))
	w.customer("late-once", "ouro", "a", 50_000, 12, func(i int) int { return []int{0, 4}[min(1, i/11)] })
	w.customer("too-new", "novo", "a", 50_000, 5, always(0))
	w.customer("with-room", "prata", "a", 50_000, 12, func(i int) int { return []int{5, -1}[min(1, i/10)] }) // two unpaid, one 40 days
	w.customer("first-delay", "prata", "b", 0, 12, func(i int) int { return []int{0, -1}[min(1, i/10)] })
	w.customer("rising", "prata", "b", 0, 12, func(i int) int { return []int{0, 4, 7, 10}[max(0, i-8)] })
	w.customer("no-trend", "prata", "b", 0, 12, func(i int) int { return i % 3 * 9 })
	w.customer("never-bought", "prata", "b", 50_000, 0, always(0))
	idle := len(w.invoices)
	w.customer("idle", "ouro", "a", 50_000, 12, always(9))
	for i := idle; i < len(w.invoices); i++ {
		w.invoices[i].IssuedOn, w.invoices[i].DueOn = w.invoices[i].IssuedOn-400, w.invoices[i].DueOn-400
	}
	w.customer("full", "ouro", "a", 20_000, 12, always(0))
	w.invoices = append(w.invoices, data.Invoice{InvoiceID: "next", CustomerID: "full", IssuedOn: today - 2, DueOn: today + 20, AmountCents: 15_000, Product: "a"})
	r := w.report()
	for list, want := range map[string]string{
		portfolio.ListGood:   "full: " + string(portfolio.WhyGood) + "; good: " + string(portfolio.WhyGood),
		portfolio.ListLimits: "full: " + string(portfolio.WhyGoodAndFull) + "; with-room: " + string(portfolio.WhyLateWithRoom) + "; idle: " + string(portfolio.WhyIdle),
		portfolio.ListAlerts: "first-delay: " + string(portfolio.WhyFirstDelay) + "; rising: " + string(portfolio.WhyRising),
	} {
		if got := on(r, list); got != want {
			t.Errorf("%s: %s\nwant %s", list, got, want)
		}
	}
	if r.Customers != 9 {
		t.Errorf("%d customers", r.Customers)
	}
}

func TestGroupsAddUp(t *testing.T) {
	var w world
	w.customer("a", "ouro", "x", 0, 12, always(0))
	w.customer("b", "ouro", "y", 0, 12, always(40))
	cancelled := today - 5
	w.invoices[0].CancelledOn = &cancelled
	r := w.report()
	find := func(dimension, name string) portfolio.Group {
		for _, g := range r.Groups {
			if g.Dimension == dimension && g.Name == name {
				return g
			}
		}
		t.Fatalf("no %s %s in %+v", dimension, name, r.Groups)
		return portfolio.Group{}
	}
	// Of 23 invoices 11 are on time; b's last one was due 10 days ago and is
	// still open (it is paid in the future), so 10 days late, and its last but
	// one, due 40 days ago, was paid today, 40 days late.
	g := find("segmento", "ouro")
	days := float64(11*40+10) / 23
	if g.Customers != 2 || g.Invoices != 23 || g.BilledCents != 230_000 || math.Abs(g.OnTime-11.0/23) > 1e-12 || math.Abs(g.MeanDays-days) > 1e-12 || g.OverdueCents != 10_000 {
		t.Errorf("%+v", g)
	}
	if x, y := find("produto", "x"), find("produto", "y"); x.Serious != 0 || y.Serious != 1 || x.Invoices != 11 || y.Invoices != 12 {
		t.Errorf("%+v\n%+v", x, y)
	}
	// a's first invoice is gone, so his vintage begins a month later.
	if v := find("safra", "2025-T1"); v.Customers < 1 {
		t.Errorf("%+v", v)
	}
}

func TestGroupsGetWorseOnlyBeyondChance(t *testing.T) {
	for name, c := range map[string]struct {
		late  func(customer, i int) int
		worse bool
	}{
		"steady":    {func(c, i int) int { return []int{0, 40}[min(1, (c+i)%5/4)] }, false},
		"suddenly":  {func(c, i int) int { return []int{0, 40}[min(1, i/8*((c+i)%2))] }, true},
		"improving": {func(c, i int) int { return []int{40, 0}[min(1, i/8)] }, false},
	} {
		t.Run(name, func(t *testing.T) {
			var w world
			for k := range 60 {
				w.customer(fmt.Sprint("c", k), "s", "p", 0, 12, func(i int) int { return c.late(k, i) })
			}
			g := w.report().Groups[0]
			if g.Worse != c.worse {
				t.Errorf("%+v", g)
			}
		})
	}
}

func TestTheFutureIsNotKnown(t *testing.T) {
	var w world
	w.customer("a", "s", "p", 0, 12, always(0))
	before, err := w.report().HTML()
	if err != nil {
		t.Fatal(err)
	}
	w.invoices = append(w.invoices, data.Invoice{InvoiceID: "future", CustomerID: "a", IssuedOn: today + 1, DueOn: today + 30, AmountCents: 99})
	w.payments = append(w.payments, data.Payment{PaymentID: "p", InvoiceID: "a-0", CustomerID: "a", PaidAt: (today + 5).Time(), AmountCents: 1})
	if after, err := w.report().HTML(); err != nil || !bytes.Equal(before, after) {
		t.Errorf("the report changes (%v)", err)
	}
}

// Names from outside are text in every form of the report.
func TestNamesFromOutsideStayText(t *testing.T) {
	var w world
	names := []string{`=HYPERLINK("http://x","y")`, "+1", "-1", "@SUM(A1)", "\t=1", "<script>alert(1)</script>", `a"b,c`, ""}
	for i, name := range names {
		w.customer(name+fmt.Sprint("#", i), name, name, 0, 12, always(0))
	}
	r := w.report()
	for what, text := range map[string][]byte{"groups": r.GroupsCSV(), "people": r.PeopleCSV()} {
		rows, err := csv.NewReader(bytes.NewReader(text)).ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		if len(rows) < len(names) {
			t.Errorf("%s: %d rows", what, len(rows))
		}
		for _, row := range rows {
			for _, field := range row {
				if field != "" && strings.ContainsRune("=+-@\t", rune(field[0])) {
					t.Errorf("%s: the field %q is a formula", what, field)
				}
			}
		}
	}
	html, err := r.HTML()
	if err != nil || bytes.Contains(html, []byte("<script")) || bytes.Contains(html, []byte("src=")) || bytes.Contains(html, []byte("href=")) {
		t.Errorf("the page has what it was given as its own (%v)", err)
	}
	raw, err := r.Excel()
	if err != nil {
		t.Fatal(err)
	}
	f, err := excelize.OpenReader(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if got := strings.Join(f.GetSheetList(), " "); got != "segmento produto safra bons pagadores limites a rever alertas de piora" {
		t.Errorf("sheets: %s", got)
	}
	seen := false
	for row := 2; row < 2+len(names); row++ {
		at := fmt.Sprint("B", row)
		value, err := f.GetCellValue("segmento", at)
		if err != nil {
			t.Fatal(err)
		}
		seen = seen || value == names[0]
		if formula, err := f.GetCellFormula("segmento", at); err != nil || formula != "" {
			t.Errorf("%s holds the formula %q (%v)", at, formula, err)
		}
	}
	if !seen {
		t.Error("the workbook lacks a name")
	}
	if v, err := f.GetCellValue("segmento", "E2", excelize.Options{RawCellValue: true}); err != nil || v != "1200" {
		t.Errorf("billed %s, want 1200 reais as a number (%v)", v, err)
	}
}
