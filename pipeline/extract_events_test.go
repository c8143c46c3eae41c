package pipeline

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"dunning/data"
)

// writeEvents writes files as the server does, by TABLE/DAY.
func writeEvents(t *testing.T, home string, files map[string]string) {
	t.Helper()
	for name, text := range files {
		path := filepath.Join(home, eventsFolder, filepath.FromSlash(name)+".csv")
		must(t, os.MkdirAll(filepath.Dir(path), 0o755))
		must(t, data.WriteFile(path, []byte(text)))
	}
}

// What the server writes into the home is read by the next extract, whatever the
// configuration says of the company's own tables.
func TestExtractReadsWhatWasSentAndReported(t *testing.T) {
	files := sourceFiles()
	delete(files, "promises") // a company that keeps none
	delete(files, "touch_events")
	home, config := writeHome(t, files)
	delete(config.Sources, "promises")
	delete(config.Sources, "touch_events")
	_, err := extract(home, config)
	must(t, err)
	writeEvents(t, home, map[string]string{
		"payments/none":           "payment_id,invoice_id,customer_id,paid_at,amount_cents,method\n",
		"payments/2025-03-01":     "payment_id,invoice_id,customer_id,paid_at,amount_cents,method\nP1,I1,C1,2025-02-03T10:00:00.000000Z,1,pix\nE1,I3,C2,2025-03-01T10:00:00.000000Z,700,pix\n",
		"touches/2025-03-01":      "touch_id,customer_id,channel,sent_at,cost_cents,template,plan_id,treat_prob\nA1,C2,sms,2025-03-01T12:00:00.000000Z,9,lembrete,p1,0.9\n",
		"touch_events/2025-03-02": "touch_id,at,kind\nA1,2025-03-01T12:00:00.000000Z,sent\nA1,2025-03-01T13:00:00.000000Z,opened\n",
		"promises/2025-03-02":     "promise_id,customer_id,made_at,due_on,amount_cents,instalment_no\nM1,C2,2025-03-02T10:00:00.000000Z,2025-03-09,500,1\n",
		"opt_outs/2025-03-01":     "customer_id,channel,at,kind\nC1,email,2025-03-01T10:00:00.000000Z,opt_out\nC1,sms,2025-03-01T10:00:00.000000Z,opt_out\nC2,,2025-03-01T10:00:00.000000Z,opt_out\n",
		"opt_outs/2025-03-02":     "customer_id,channel,at,kind\nC1,sms,2025-03-02T10:00:00.000000Z,opt_in\n",
		"disputes/2025-03-02":     "customer_id,at,kind\nC3,2025-03-02T10:00:00.000000Z,dispute\n", // beside the company's own
	})
	after, err := extract(home, config)
	must(t, err)
	if promises := readTable[data.Promise](t, after, "promises"); len(promises) != 1 || promises[0].PromiseID != "M1" {
		t.Errorf("%+v", promises)
	}
	amounts := map[string]data.Cents{}
	for _, p := range readTable[data.Payment](t, after, "payments") {
		amounts[p.PaymentID] = p.AmountCents
	}
	if amounts["P1"] != 10000 || amounts["E1"] != 700 || len(amounts) != 3 {
		t.Errorf("P1 is the company's own, E1 is new: %v", amounts)
	}
	touches := readTable[data.Touch](t, after, "touches")
	if i := slices.IndexFunc(touches, func(v data.Touch) bool { return v.TouchID == "A1" }); i < 0 || touches[i].Template != "lembrete" || *touches[i].TreatProb != 0.9 {
		t.Errorf("%+v", touches)
	}
	kinds := map[string]int{}
	for _, e := range readTable[data.TouchEvent](t, after, "touch_events") {
		kinds[string(e.Kind)]++
	}
	if !maps.Equal(kinds, map[string]int{"sent": 1, "opened": 1}) {
		t.Errorf("%v", kinds)
	}
	for _, c := range readTable[data.Customer](t, after, "customers") {
		want := map[string][3]bool{"C1": {false, true, false}, "C2": {false, false, false}, "C3": {true, true, true}}[c.CustomerID]
		if got := [3]bool{c.ConsentEmail, c.ConsentSMS, c.Dispute}; got != want {
			t.Errorf("%s: e-mail, SMS, dispute %v, want %v", c.CustomerID, got, want)
		}
	}
}

// The last word about a dispute counts, whoever said it: the company's own table,
// or somebody through the server, whose word is about all that the customer owes.
// Who contests something is flagged, whatever his own row says.
func TestExtractKeepsDisputes(t *testing.T) {
	files := sourceFiles()
	files["disputes"] = "customer_id,invoice_id,at,kind\n" +
		"C1,I1,2025-02-01 10:00:00,dispute\n" + // closed for all by the server
		"C1,I1,2025-03-05 10:00:00,dispute\n" + // of an invoice that is paid
		"C2,I2,2025-02-10 10:00:00,dispute\nC2,I2,2025-02-11 10:00:00,dispute_closed\nC2,I3,2025-02-12 10:00:00,dispute\n"
	home, config := writeHome(t, files)
	writeEvents(t, home, map[string]string{"disputes/2025-03-02": "customer_id,at,kind\nC1,2025-03-01T10:00:00.000000Z,dispute_closed\nC3,2025-03-02T10:00:00.000000Z,dispute\n"})
	out, err := extract(home, config)
	must(t, err)
	var said []string
	for _, d := range readTable[data.Dispute](t, out, "disputes") {
		said = append(said, d.CustomerID+" "+d.InvoiceID+" "+data.DateOf(d.At).String()+" "+string(d.Kind))
	}
	slices.Sort(said)
	want := []string{"C1  2025-03-01 dispute_closed", "C1 I1 2025-02-01 dispute", "C1 I1 2025-03-05 dispute", "C2 I2 2025-02-10 dispute", "C2 I2 2025-02-11 dispute_closed", "C2 I3 2025-02-12 dispute", "C3  2025-03-02 dispute"}
	if !slices.Equal(said, want) {
		t.Errorf("disputes %q, want %q", said, want)
	}
	for _, c := range readTable[data.Customer](t, out, "customers") {
		if want := c.CustomerID != "C1"; c.Dispute != want {
			t.Errorf("%s is in dispute: %v, want %v", c.CustomerID, c.Dispute, want)
		}
	}
}

// Files that the configuration reads by itself are not read twice.
func TestExtractReadsEventsOnce(t *testing.T) {
	home, config := writeHome(t, sourceFiles())
	writeEvents(t, home, map[string]string{"payments/2025-03-01": "payment_id,invoice_id,customer_id,paid_at,amount_cents,method\nE1,I3,C2,2025-03-01T10:00:00Z,700,pix\n"})
	own := config.Sources["payments"]
	own.Query += " UNION ALL BY NAME SELECT * FROM " + strings.Replace(strings.TrimPrefix(own.Query, "SELECT * FROM "), "sources/payments.csv", "events/payments/*.csv", 1)
	config.Sources["payments"] = own
	out, err := extract(home, config)
	must(t, err)
	if rows := readTable[data.Payment](t, out, "payments"); len(rows) != 3 || out.Manifest.Counts["quarantine.payments.duplicate_id"] != 0 {
		t.Errorf("%+v, %v", rows, out.Manifest.Counts)
	}
}
