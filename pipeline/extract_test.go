package pipeline

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dunning/data"
)

// sourceFiles are small sources in which every row is right; tests add to them.
func sourceFiles() map[string]string {
	return map[string]string{
		"customers": "customer_id,kind,uf,since,consent_sms,dispute,credit_limit_cents,document\n" +
			"C1,PF,SP,2020-01-01,true,false,1000,529.982.247-25\n" +
			"C2,pj,rj,,1,0,,11.222.333/0001-81\n" +
			"C3,PF,,2021-05-05,sim,não,0,\n",
		"invoices": "invoice_id,customer_id,issued_on,due_on,amount_cents,product,cancelled_on\n" +
			"I1,C1,2025-01-01,2025-01-31,10000,loan,\n" +
			"I2,C2,2025-02-01,2025-02-28,20000.00,,2025-03-01\n" +
			"I3,C2,2025-01-15,2025-02-15,30000,card,\n",
		"payments": "payment_id,invoice_id,customer_id,paid_at,amount_cents,method\n" +
			"P1,I1,C1,2025-02-03T10:00:00Z,10000,pix\n" +
			"P2,I3,C2,2025-02-20 09:30:00-03:00,15000,\n",
		"touches": "touch_id,customer_id,channel,sent_at,cost_cents,template,plan_id,treat_prob\n" +
			"T1,C1,sms,2025-02-01 12:00:00,8,a,p,0.25\n" +
			"T2,C2,hold,2025-02-16,0,,,\n",
		"touch_events":   "touch_id,at,kind\nT1,2025-02-01 12:00:05,delivered\n",
		"promises":       "promise_id,customer_id,made_at,due_on,amount_cents,instalment_no\nR1,C2,2025-02-21 08:00:00,2025-03-21,15000,\n",
		"bureau_reports": "customer_id,at,provider,score,negative_records,cost_cents\nC1,2025-02-10 00:00:00,bvs,612.5,0,150\n",
		"disputes":       "customer_id,invoice_id,at,kind\nC2,I3,2025-02-16 10:00:00,dispute\nC2,I3,2025-02-18 10:00:00,dispute_closed\n",
	}
}

// writeHome makes a home with the given CSV sources and a default
// configuration over them.
func writeHome(t *testing.T, files map[string]string) (home string, config *Config) {
	t.Helper()
	home = t.TempDir()
	if err := os.Mkdir(filepath.Join(home, "sources"), 0o755); err != nil {
		t.Fatal(err)
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(home, "sources", name+".csv"), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	config = DefaultConfig()
	config.Partitions, config.MemoryMB = 3, 256
	config.Quarantine.MaxShare = 1
	config.dir = home
	return home, config
}

// extract runs the extract stage alone.
func extract(home string, config *Config) (Output, error) {
	stage := ExtractStage()
	if _, err := runTest(context.Background(), home, config, []Stage{stage}, RunOptions{}); err != nil {
		return Output{}, err
	}
	return OpenOutput(stage.FolderOf(home, 0))
}

// readTable reads all partitions of a table.
func readTable[T any](t *testing.T, out Output, table string) []T {
	t.Helper()
	var all []T
	for _, f := range out.Parts(table) {
		rows, err := data.Read[T](out.Path(f.Name))
		if err != nil {
			t.Fatal(err)
		}
		if int64(len(rows)) != f.Rows {
			t.Errorf("%s: %d rows, the manifest says %d", f.Name, len(rows), f.Rows)
		}
		all = append(all, rows...)
	}
	return all
}

func readQuarantine(t *testing.T, out Output) []QuarantineRow {
	t.Helper()
	rows, err := data.Read[QuarantineRow](out.Path(QuarantineName))
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

func TestExtractReadsEveryTable(t *testing.T) {
	home, config := writeHome(t, sourceFiles())
	t.Setenv("TEST_DOCUMENT_KEY", "sixteen bytes at least")
	config.Quarantine.DocumentHMACKeyEnv = "TEST_DOCUMENT_KEY"
	out, err := extract(home, config)
	if err != nil {
		t.Fatal(err)
	}
	if q := readQuarantine(t, out); len(q) != 0 {
		t.Fatalf("quarantined: %+v", q)
	}
	key := []byte("sixteen bytes at least")
	day := func(s string) data.Date {
		d, err := data.ParseDate(s)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	customers := map[string]data.Customer{}
	for _, c := range readTable[data.Customer](t, out, "customers") {
		customers[c.CustomerID] = c
	}
	want := data.Customer{CustomerID: "C2", Kind: data.PJ, UF: "RJ", Since: day("2025-01-15"),
		ConsentEmail: true, ConsentSMS: true, ConsentWhatsApp: true, ConsentVoice: true, ConsentLetter: true,
		ReachEmail: true, ReachSMS: true, ReachWhatsApp: true, ReachVoice: true, ReachLetter: true,
		DocumentHMAC: pseudonym(key, "11222333000181")}
	if diff := cmp.Diff(want, customers["C2"]); diff != "" {
		t.Errorf("customer, with the first invoice's day as since (-want +got):\n%s", diff)
	}
	if customers["C3"].DocumentHMAC != "" || customers["C1"].DocumentHMAC != pseudonym(key, "52998224725") {
		t.Errorf("pseudonyms: %q, %q", customers["C3"].DocumentHMAC, customers["C1"].DocumentHMAC)
	}
	invoices := readTable[data.Invoice](t, out, "invoices")
	if len(invoices) != 3 {
		t.Fatalf("invoices: %+v", invoices)
	}
	for _, v := range invoices {
		if v.Currency != "BRL" || (v.CancelledOn != nil) != (v.InvoiceID == "I2") {
			t.Errorf("invoice %+v", v)
		}
		if v.InvoiceID == "I2" && (v.AmountCents != 20000 || *v.CancelledOn != day("2025-03-01")) {
			t.Errorf("invoice %+v", v)
		}
	}
	for _, p := range readTable[data.Payment](t, out, "payments") {
		if p.PaymentID == "P2" && p.PaidAt.Format("2006-01-02T15:04:05Z07:00") != "2025-02-20T12:30:00Z" {
			t.Errorf("an offset is part of the instant: %v", p.PaidAt)
		}
	}
	for _, x := range readTable[data.Touch](t, out, "touches") {
		if (x.TreatProb == nil) != (x.TouchID == "T2") || x.TouchID == "T1" && *x.TreatProb != 0.25 {
			t.Errorf("touch %+v", x)
		}
	}
	if ev := readTable[data.TouchEvent](t, out, "touch_events"); len(ev) != 1 || ev[0].CustomerID != "C1" || ev[0].Kind != data.EventDelivered {
		t.Errorf("events %+v", ev)
	}
	if r := readTable[data.Promise](t, out, "promises"); len(r) != 1 || r[0].InstalmentNo != 1 || r[0].DueOn != day("2025-03-21") {
		t.Errorf("promises %+v", r)
	}
	if b := readTable[data.BureauReport](t, out, "bureau_reports"); len(b) != 1 || b[0].Score != 612.5 || b[0].CostCents != 150 {
		t.Errorf("bureau %+v", b)
	}
	if d := readTable[data.Dispute](t, out, "disputes"); len(d) != 2 || d[0].Kind != data.DisputeOpened || d[1].Kind != data.DisputeClosed || d[1].InvoiceID != "I3" {
		t.Errorf("disputes %+v", d)
	}
	if got := out.Manifest.Counts[countFirstEvent]; got != int64(day("2025-01-01")) {
		t.Errorf("first event %v", data.Date(got))
	}
	if got := out.Manifest.Counts[countLastEvent]; got != int64(day("2025-02-21")) {
		t.Errorf("last event %v", data.Date(got))
	}
	for _, table := range SourceTables {
		for i, f := range out.Parts(table) {
			rows, err := data.Read[struct {
				CustomerID string `parquet:"customer_id"`
			}](out.Path(f.Name))
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range rows {
				if data.Partition(r.CustomerID, 3) != i {
					t.Errorf("%s holds customer %s of partition %d", f.Name, r.CustomerID, data.Partition(r.CustomerID, 3))
				}
			}
		}
	}
}

func TestQuarantineFindsEachFault(t *testing.T) {
	cases := []struct{ table, row, rule, message string }{
		{"customers", ",PF,SP,,,,,", "missing_value", "customer_id: no value"},
		{"customers", "C9,,SP,,,,,", "missing_value", "kind: no value"},
		{"customers", "C9,PX,SP,,,,,", "unknown_kind", `kind: "PX" is none of PF, PJ`},
		{"customers", "C9,PF,SP,31/12/2020,,,,", "bad_date", `since: "31/12/2020" is not a day like 2026-01-31`},
		{"customers", "C9,PF,SP,2020-02-30,,,,", "bad_date", "since"},
		{"customers", "C9,PF,SP,0020-02-03,,,,", "bad_date", "since"},
		{"customers", "C9,PF,SP,,perhaps,,,", "bad_number", `consent_sms: "perhaps" is neither true nor false`},
		{"customers", "C9,PF,SP,,,,-5,", "negative_amount", `credit_limit_cents: "-5" is negative`},
		{"customers", "C9,PF,SP,,,,12.5,", "bad_number", `credit_limit_cents: "12.5" is not a whole number of cents`},
		{"customers", "C9,PF,SP,,,,,529.982.247-26", "bad_document", "document: check digits do not match"},
		{"customers", "C1,PF,SP,,,,,", "duplicate_id", `customer_id "C1" is also in an earlier row`},
		{"invoices", "I9,C9,2025-01-01,2025-01-02,5,,", "unknown_customer", `customer_id "C9" is not an accepted customer`},
		{"invoices", "I9,C1,2025-01-03,2025-01-02,5,,", "due_before_issue", "due_on 2025-01-02 is before issued_on 2025-01-03"},
		{"invoices", "I9,C1,2025-01-03,,5,,", "missing_value", "due_on: no value"},
		{"invoices", "I9,C1,2025-13-03,2025-01-02,5,,", "bad_date", `issued_on: "2025-13-03"`},
		{"invoices", "I9,C1,2025-01-03,2025-01-05,1e3,,", "bad_number", `amount_cents: "1e3"`},
		{"invoices", "I9,C1,2025-01-03,2025-01-05,99999999999999999999,,", "bad_number", "amount_cents"},
		{"invoices", "I9,C1,2025-01-03,2025-01-05,-1,,", "negative_amount", `amount_cents: "-1" is negative`},
		{"invoices", "I1,C1,2025-01-03,2025-01-05,1,,", "duplicate_id", `invoice_id "I1"`},
		{"payments", "P9,I1,C9,2025-02-03,1,", "unknown_customer", "C9"},
		{"payments", "P9,I9,C1,2025-02-03,1,", "unknown_invoice", `invoice_id "I9" is not an accepted invoice`},
		{"payments", "P9,I1,C2,2025-02-03,1,", "unknown_invoice", `invoice_id "I1" is not an invoice of customer "C2"`},
		{"payments", "P9,I1,C1,2024-12-31T23:59:59Z,1,", "payment_before_issue", "paid_at 2024-12-31 23:59:59"},
		{"payments", "P9,I1,C1,2025-02-03 10,1,", "bad_date", "paid_at"},
		{"payments", "P9,I1,C1,2025-02-03,x,", "bad_number", "amount_cents"},
		{"payments", "P1,I1,C1,2025-02-03,1,", "duplicate_id", `payment_id "P1"`},
		{"touches", "T9,C1,fax,2025-02-03,1,,,", "unknown_channel", `channel: "fax" is none of email`},
		{"touches", "T9,C1,sms,2025-02-03,1,,,0", "bad_probability", `treat_prob: "0" is not above 0`},
		{"touches", "T9,C1,sms,2025-02-03,1,,,1.01", "bad_probability", "treat_prob"},
		{"touches", "T9,C1,sms,2025-02-03,1,,,nan", "bad_number", "treat_prob"},
		{"touches", "T9,C9,sms,2025-02-03,1,,,", "unknown_customer", "C9"},
		{"touches", "T2,C1,sms,2025-02-03,1,,,", "duplicate_id", "T2"},
		{"touch_events", "T9,2025-02-03,opened", "unknown_touch", `touch_id "T9" is not an accepted touch`},
		{"touch_events", "T1,2025-02-03,eaten", "unknown_kind", `kind: "eaten" is none of sent`},
		{"touch_events", "T1,,opened", "missing_value", "at: no value"},
		{"promises", "R9,C1,2025-02-03,2025-02-04,-3,", "negative_amount", "amount_cents"},
		{"promises", "R9,C1,2025-02-03,2025-02-04,3,-1", "bad_number", "instalment_no"},
		{"promises", "R1,C1,2025-02-03,2025-02-04,3,", "duplicate_id", "R1"},
		{"bureau_reports", "C9,2025-02-03,x,1,0,0", "unknown_customer", "C9"},
		{"bureau_reports", "C1,2025-02-03,x,high,0,0", "bad_number", "score"},
		{"bureau_reports", "C1,2025-02-03,x,,0,0", "missing_value", "score"},
		{"disputes", "C9,,2025-02-03,dispute", "unknown_customer", "C9"},
		{"disputes", "C2,I9,2025-02-03,dispute", "unknown_invoice", `invoice_id "I9" is not an accepted invoice`},
		{"disputes", "C1,I3,2025-02-03,dispute", "unknown_invoice", `invoice_id "I3" is not an invoice of customer "C1"`},
		{"disputes", "C1,I1,2025-02-03,lost", "unknown_kind", `kind: "lost" is none of dispute, dispute_closed`},
	}
	files, first := sourceFiles(), map[string]int64{}
	rows := map[string]int64{}
	for _, table := range SourceTables {
		rows[table] = int64(strings.Count(files[table], "\n")) - 1
		first[table] = rows[table]
	}
	want := map[string]QuarantineRow{}
	for i, tt := range cases {
		row := tt.row
		if tt.table != "touch_events" && tt.table != "bureau_reports" && tt.table != "disputes" && row[1] == '9' {
			row = fmt.Sprintf("%s-%d%s", row[:2], i, row[2:]) // an id of its own
		}
		files[tt.table] += row + "\n"
		rows[tt.table]++
		want[fmt.Sprint(tt.table, " ", rows[tt.table])] = QuarantineRow{Rule: tt.rule, Message: tt.message, RowJSON: tt.row}
	}
	home, config := writeHome(t, files)
	out, err := extract(home, config)
	if err != nil {
		t.Fatal(err)
	}
	for _, got := range readQuarantine(t, out) {
		key := fmt.Sprint(got.Table, " ", got.SourceRow)
		w, ok := want[key]
		delete(want, key)
		if !ok || got.Rule != w.Rule || !strings.Contains(got.Message, w.Message) {
			t.Errorf("row %q should be under %s (%s), got %+v", w.RowJSON, w.Rule, w.Message, got)
		}
		if _, ok := data.Rules[got.Rule]; !ok {
			t.Errorf("rule %q has no sentinel", got.Rule)
		}
		if strings.Contains(got.RowJSON, "529") {
			t.Errorf("the quarantine tells a document: %s", got.RowJSON)
		}
	}
	for key, w := range want {
		t.Errorf("%s, %q, is not in quarantine", key, w.RowJSON)
	}
	c := out.Manifest.Counts
	for _, table := range SourceTables {
		if c[table+".in"] != rows[table] || c[table+".accepted"] != first[table] || c[table+".in"] != c[table+".accepted"]+c[table+".quarantined"] {
			t.Errorf("%s: in %d of %d, accepted %d of %d, quarantined %d", table, c[table+".in"], rows[table], c[table+".accepted"], first[table], c[table+".quarantined"])
		}
	}
	if c["quarantine.payments.unknown_invoice"] != 2 {
		t.Errorf("counts by rule: %v", c)
	}
}

func TestQuarantineFollowsReferences(t *testing.T) {
	files := sourceFiles()
	files["customers"] = strings.Replace(files["customers"], "C2,pj", "C2,xx", 1)
	home, config := writeHome(t, files)
	out, err := extract(home, config)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, q := range readQuarantine(t, out) {
		got = append(got, fmt.Sprintf("%s %d %s", q.Table, q.SourceRow, q.Rule))
	}
	want := []string{"customers 2 unknown_kind", "invoices 2 unknown_customer", "invoices 3 unknown_customer",
		"payments 2 unknown_customer", "touches 2 unknown_customer", "promises 1 unknown_customer",
		"disputes 1 unknown_customer", "disputes 2 unknown_customer"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("rows that refer to a quarantined one (-want +got):\n%s", diff)
	}
}

func TestExtractRefuses(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(t *testing.T, home string, c *Config)
		class  error
		want   []string
	}{
		{"missing file", func(t *testing.T, home string, c *Config) {
			os.Remove(filepath.Join(home, "sources", "payments.csv"))
		}, data.ErrBadInput, []string{"payments", "no file", "sources/payments.csv"}},
		{"wrong column", func(t *testing.T, home string, c *Config) {
			rewrite(t, home, "invoices", func(s string) string { return strings.Replace(s, "due_on", "due_date", 1) })
		}, data.ErrBadInput, []string{"extract: invoices", `no column "due_on"`, "the query gives invoice_id, customer_id, issued_on, due_date"}},
		{"wrong type", func(t *testing.T, home string, c *Config) {
			c.Quarantine.MaxShare = 0.05
			rewrite(t, home, "invoices", func(s string) string {
				return strings.NewReplacer("10000", "x", "20000.00", "y", "30000", "z").Replace(s)
			})
		}, data.ErrBadInput, []string{"invoices", "3 of 3 rows break a rule, 100.00 %", "bad_number 3", "amount_cents"}},
		{"empty table", func(t *testing.T, home string, c *Config) {
			rewrite(t, home, "customers", func(s string) string { return s[:strings.Index(s, "\n")+1] })
		}, data.ErrBadInput, []string{"customers", "no rows"}},
		{"empty file", func(t *testing.T, home string, c *Config) {
			rewrite(t, home, "customers", func(s string) string { return "" })
		}, data.ErrBadInput, []string{"customers"}},
		{"too many faults", func(t *testing.T, home string, c *Config) {
			c.Quarantine.MaxShare = 0.3
			rewrite(t, home, "payments", func(s string) string { return s + "P3,I1,C1,,1,\n" })
		}, data.ErrBadInput, []string{"payments", "1 of 3", "33.33 %", "30.00 %", "missing_value 1 (first in row 3: paid_at: no value)"}},
		{"truncated Parquet", func(t *testing.T, home string, c *Config) {
			path := filepath.Join(home, "p.parquet")
			if _, err := data.Write(path, []data.Payment{{PaymentID: "P1"}, {PaymentID: "P2"}}); err != nil {
				t.Fatal(err)
			}
			if err := os.Truncate(path, 200); err != nil {
				t.Fatal(err)
			}
			c.Sources["payments"] = Source{Query: "FROM 'p.parquet'"}
		}, data.ErrBadInput, []string{"payments", "p.parquet"}},
		{"row with too few columns", func(t *testing.T, home string, c *Config) {
			rewrite(t, home, "payments", func(s string) string { return s + "P3,I1,secret-5\n" })
		}, data.ErrBadInput, []string{"payments.csv", "number of columns"}},
		{"row with too few columns, far down", func(t *testing.T, home string, c *Config) {
			rewrite(t, home, "payments", func(s string) string {
				return s + strings.Repeat("P3,I1,C1,2025-02-03,1,\n", 30_000) + "P3,I1,secret-5\n"
			})
		}, data.ErrBadInput, []string{"payments", "line 30004 of", "payments.csv", "Expected Number of Columns: 6 Found: 3"}},
		{"row that is not UTF-8", func(t *testing.T, home string, c *Config) {
			rewrite(t, home, "payments", func(s string) string { return s + "P3,I1,C1,2025-02-03,1,secret-\xff\xfe\n" })
		}, data.ErrBadInput, []string{"payments", "line 4", "Invalid unicode"}},
		{"value that does not fit a guessed type", func(t *testing.T, home string, c *Config) {
			rewrite(t, home, "payments", func(s string) string {
				return s + strings.Repeat("P3,I1,C1,2025-02-03,1,\n", 30_000) + "P3,I1,C1,2025-02-03,secret-5,\n"
			})
			c.Sources["payments"] = Source{Query: "FROM 'sources/payments.csv'"}
		}, data.ErrBadInput, []string{"payments", "line 30004", `column "amount_cents"`, "all_varchar = true"}},
		{"a folder for a file", func(t *testing.T, home string, c *Config) {
			if err := os.Mkdir(filepath.Join(home, "d.csv"), 0o755); err != nil {
				t.Fatal(err)
			}
			c.Sources["payments"] = Source{Query: "FROM read_csv('d.csv')"}
		}, data.ErrBadInput, []string{"payments", "no file", "d.csv"}},
		{"query that does not parse", func(t *testing.T, home string, c *Config) {
			c.Sources["payments"] = Source{Query: "SELEC 1"}
		}, data.ErrUsage, []string{"payments", "Parser Error", "syntax error"}},
		{"query over a column that is not there", func(t *testing.T, home string, c *Config) {
			c.Sources["payments"] = Source{Query: "SELECT nothing FROM read_csv('sources/payments.csv')"}
		}, data.ErrBadInput, []string{"payments", "nothing"}},
		{"file that its query does not name", func(t *testing.T, home string, c *Config) {
			s := c.Sources["payments"]
			s.Files = []string{"other/*.csv"}
			c.Sources["payments"] = s
		}, data.ErrBadInput, []string{"payments", "other/*.csv"}},
		{"key that is not set", func(t *testing.T, home string, c *Config) {
			c.Quarantine.DocumentHMACKeyEnv = "NO_SUCH_KEY"
		}, data.ErrUsage, []string{"NO_SUCH_KEY", "at least 16"}},
		{"damaged key file", func(t *testing.T, home string, c *Config) {
			if err := os.WriteFile(filepath.Join(home, documentKeyName), []byte("abc"), 0o600); err != nil {
				t.Fatal(err)
			}
		}, data.ErrUsage, []string{documentKeyName}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			home, config := writeHome(t, sourceFiles())
			tt.change(t, home, config)
			_, err := extract(home, config)
			if !errors.Is(err, tt.class) {
				t.Fatalf("error %v is not of class %v", err, tt.class)
			}
			for _, w := range tt.want {
				if !strings.Contains(err.Error(), w) {
					t.Errorf("%q is not in the error: %v", w, err)
				}
			}
			if strings.Contains(err.Error(), "secret") {
				t.Errorf("the error tells a customer's data: %v", err)
			}
			if strings.Contains(err.Error(), "\n") {
				t.Errorf("the error has more than one line: %v", err)
			}
			if _, err := os.Lstat(filepath.Join(home, "lake", "extract", "current")); err == nil {
				t.Error("a failed extract is visible")
			}
		})
	}
}

func rewrite(t *testing.T, home, table string, change func(string) string) {
	t.Helper()
	path := filepath.Join(home, "sources", table+".csv")
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(change(string(b))), 0o644); err != nil {
		t.Fatal(err)
	}
}

// A CSV reader that guesses would take lines with a "#" for comments and drop
// them without a word.
func TestNoLineIsTakenForAComment(t *testing.T) {
	files := sourceFiles()
	files["customers"] += "#C4,PF,,,,,,\n"
	files["invoices"] += "I9,#C4,2025-01-03,2025-01-05,1,# one,\n"
	home, config := writeHome(t, files)
	config.Sources = defaultConfig("csv").Sources
	out, err := extract(home, config)
	if err != nil {
		t.Fatal(err)
	}
	if c := out.Manifest.Counts; c["customers.accepted"] != 4 || c["invoices.accepted"] != 4 {
		t.Errorf("counts %v", c)
	}
}
