package pipeline

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"dunning/data"
)

// startPostgres starts a PostgreSQL server of its own, reached only through a
// socket in a temporary folder, and stops it when the test ends. It returns
// the connection string.
func startPostgres(t *testing.T) string {
	t.Helper()
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/postgres")
	if err != nil || len(found) == 0 {
		t.Skip("no PostgreSQL server under /usr/lib/postgresql (Debian: apt install postgresql)")
	}
	bin := filepath.Dir(found[len(found)-1])
	dir, err := os.MkdirTemp("", "pg") // short: a socket's path has at most 107 bytes
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	as := &syscall.SysProcAttr{}
	if os.Getuid() == 0 { // the server refuses to run as root
		u, err := user.Lookup("postgres")
		if err != nil {
			t.Skipf("running as root, and there is no user postgres: %v", err)
		}
		uid, _ := strconv.Atoi(u.Uid)
		gid, _ := strconv.Atoi(u.Gid)
		as.Credential = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
		if err := os.Chown(dir, uid, gid); err != nil {
			t.Fatal(err)
		}
	}
	initdb := exec.Command(filepath.Join(bin, "initdb"), "-D", dir+"/data", "-A", "trust", "-U", "postgres", "-E", "UTF8", "--locale=C", "--no-sync")
	initdb.SysProcAttr, initdb.Dir = as, dir
	if out, err := initdb.CombinedOutput(); err != nil {
		t.Fatalf("initdb: %v\n%s", err, out)
	}
	server := exec.Command(filepath.Join(bin, "postgres"), "-D", dir+"/data", "-k", dir, "-c", "listen_addresses=", "-c", "fsync=off", "-c", "shared_buffers=16MB")
	server.SysProcAttr, server.Dir = as, dir
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		server.Process.Signal(syscall.SIGINT) // fast shutdown
		server.Wait()
	})
	dsn := fmt.Sprintf("host=%s user=postgres dbname=postgres", dir)
	for range 200 {
		if conn, err := pgconn.Connect(t.Context(), dsn); err == nil {
			conn.Close(t.Context())
			return dsn
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatal("the server did not start within ten seconds")
	return ""
}

func pgExec(t *testing.T, dsn, sql string) {
	t.Helper()
	conn, err := pgconn.Connect(context.Background(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	if _, err := conn.Exec(context.Background(), sql).ReadAll(); err != nil {
		t.Fatal(err)
	}
}

// The sources of sourceFiles, in the types that a database has.
const postgresSources = `
CREATE TABLE customers (customer_id text, kind char(2), uf text, since date, consent_sms boolean, dispute boolean, credit_limit_cents numeric(12,2), document text, name text);
INSERT INTO customers VALUES ('C3','PF',NULL,'2021-05-05',true,false,0,NULL,'c'), ('C1','PF','SP','2020-01-01',true,false,1000,'529.982.247-25','a'),
	('C2','pj','rj',NULL,true,false,NULL,'11.222.333/0001-81','b');
CREATE TABLE invoices (invoice_id text, customer_id text, issued_on date, due_on date, amount_cents bigint, product text, cancelled_on date);
INSERT INTO invoices VALUES ('I1','C1','2025-01-01','2025-01-31',10000,'loan',NULL), ('I2','C2','2025-02-01','2025-02-28',20000,'','2025-03-01'),
	('I3','C2','2025-01-15','2025-02-15',30000,'card',NULL);
CREATE TABLE payments (payment_id text, invoice_id text, customer_id text, paid_at timestamptz, amount_cents bigint, method text);
INSERT INTO payments VALUES ('P2','I3','C2','2025-02-20 09:30:00-03',15000,NULL), ('P1','I1','C1','2025-02-03 10:00:00Z',10000,'pix');
CREATE TABLE touches (touch_id text, customer_id text, channel text, sent_at timestamp, cost_cents int, template text, plan_id text, treat_prob double precision);
INSERT INTO touches VALUES ('T1','C1','sms','2025-02-01 12:00:00',8,'a','p',0.25), ('T2','C2','hold','2025-02-16',0,'','',NULL);
`

func TestExtractFromPostgres(t *testing.T) {
	dsn := startPostgres(t)
	pgExec(t, dsn, postgresSources)
	t.Setenv("TEST_PG_DSN", dsn)
	t.Setenv("TEST_DOCUMENT_KEY", "sixteen bytes at least")
	files, fromCSV := sourceFiles(), func() Output {
		home, config := writeHome(t, sourceFiles())
		config.Quarantine.DocumentHMACKeyEnv = "TEST_DOCUMENT_KEY"
		out, err := extract(home, config)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}()
	home, config := writeHome(t, files)
	config.Quarantine.DocumentHMACKeyEnv = "TEST_DOCUMENT_KEY"
	for _, table := range []string{"customers", "invoices", "payments", "touches"} {
		config.Sources[table] = Source{Query: "SELECT * FROM " + table + ";", Postgres: &PostgresConfig{DSNEnv: "TEST_PG_DSN"}}
	}
	out, err := extract(home, config)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range fromCSV.Manifest.Files {
		for _, g := range out.Manifest.Files {
			if f.Name == g.Name && f.SHA256 != g.SHA256 {
				t.Errorf("%s differs from what the same rows give from CSV", f.Name)
			}
		}
	}
	status := func() string {
		t.Helper()
		res, err := runTest(t.Context(), home, config, []Stage{ExtractStage()}, RunOptions{})
		if err != nil {
			t.Fatal(err)
		}
		return statuses(res)
	}
	if got := status(); got != "extract unchanged" {
		t.Error(got)
	}
	pgExec(t, dsn, "UPDATE invoices SET product = E'two\nlines, a \"quote\" and ''this''' WHERE invoice_id = 'I1'")
	if got := status(); got != "extract done" {
		t.Error(got)
	}
	if out, err = OpenOutput(ExtractStage().FolderOf(home, 0)); err != nil {
		t.Fatal(err)
	}
	found := false
	for _, v := range readTable[data.Invoice](t, out, "invoices") {
		found = found || v.Product == "two\nlines, a \"quote\" and 'this'"
	}
	if !found {
		t.Error("a value with line break and quotes did not come through")
	}
	if left, err := os.ReadDir(filepath.Join(home, "tmp")); err != nil || len(left) > 0 {
		t.Errorf("the scratch folder keeps %v, %v", left, err)
	}

	for _, tt := range []struct {
		name, query string
		class       error
		want        string
	}{
		{"no such table", "SELECT * FROM nothing", data.ErrUsage, `relation "nothing" does not exist`},
		{"a query that writes", "WITH x AS (DELETE FROM payments RETURNING *) SELECT * FROM x", data.ErrUsage, "read-only"},
		{"no such column", "SELECT payment_id FROM payments", data.ErrBadInput, `no column "invoice_id"`},
	} {
		config.Sources["payments"] = Source{Query: tt.query, Postgres: &PostgresConfig{DSNEnv: "TEST_PG_DSN"}}
		if _, err := extract(home, config); !errors.Is(err, tt.class) || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), "payments") {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
}

func TestPostgresErrorsKeepTheSecret(t *testing.T) {
	for _, tt := range []struct {
		name, dsn string
		code      int
		want      string
	}{
		{"not set", "", 2, "TEST_PG_DSN (postgres.dsn_env) is not set"},
		{"no connection string", "postgres://u:hunter2@h:port/db", 2, "no connection string"},
		{"nobody listens", "postgres://u:hunter2@127.0.0.1:1/db?connect_timeout=2", 1, "sources.payments: postgres (TEST_PG_DSN)"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Setenv("TEST_PG_DSN", tt.dsn)
			home, config := writeHome(t, sourceFiles())
			config.Sources["payments"] = Source{Query: "SELECT 1", Postgres: &PostgresConfig{DSNEnv: "TEST_PG_DSN"}}
			_, err := extract(home, config)
			if err == nil || data.ExitCode(err) != tt.code || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%v", err)
			}
			if strings.Contains(fmt.Sprint(err), "hunter2") {
				t.Errorf("the error tells the password: %v", err)
			}
			log, rerr := os.ReadFile(filepath.Join(home, "lake", "runs.jsonl"))
			if rerr != nil || strings.Contains(string(log), "hunter2") {
				t.Errorf("the log tells the password, or is missing: %v", rerr)
			}
		})
	}
}
