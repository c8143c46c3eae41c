package ledger_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// mutation takes one safeguard away: it replaces text in files of this package, or
// of the one that opens the database, and names the tests that must notice.
type mutation struct {
	name  string
	edits [][3]string // file, old, new
	tests string
}

var mutations = []mutation{
	{"no overdraft CHECK", [][3]string{{sqliteSQL, "CHECK (available >= 0 AND reserved >= 0 AND spent >= 0)", "CHECK (1 = 1)"}}, "TestDatabaseRefuses/sqlite"},
	{"no overdraft CHECK in PostgreSQL", [][3]string{{postgresSQL, "CHECK (available >= 0 AND reserved >= 0 AND spent >= 0)", "CHECK (1 = 1)"}}, "TestDatabaseRefuses/postgres"},
	{"no overdraft check in the code", [][3]string{{"entry.go", "if b.Available < 0 || b.Reserved < 0 || b.Spent < 0 ||", "if"}}, "TestApprovalsAtOnceDoNotOverdraw/sqlite"},
	{"no balance CHECK", [][3]string{{sqliteSQL, "CHECK (kind || ' ' || status", "CHECK (1 = 1 OR kind || ' ' || status"}}, "TestDatabaseRefuses/sqlite"},
	{"entries can be changed", [][3]string{{sqliteSQL, "CREATE TRIGGER entries_update BEFORE UPDATE ON entries", "CREATE TRIGGER entries_update BEFORE UPDATE ON entries WHEN 1 = 0"}}, "TestDatabaseRefuses/sqlite"},
	{"an action is posted twice", [][3]string{
		{sqliteSQL, "CREATE UNIQUE INDEX entries_once", "CREATE INDEX entries_once"},
		{sqliteSQL, "OR EXISTS (SELECT 1 FROM entries WHERE number = NEW.number AND kind = NEW.kind)", ""},
	}, "TestDatabaseRefuses/sqlite"},
	{"no fence", [][3]string{{"ack.go", "case !h.mine || d.Fence != h.fence:", "case !h.mine:"}}, "TestLateWords/sqlite"},
	{"no fence, as the machine sees it", [][3]string{{"ack.go", "case !h.mine || d.Fence != h.fence:", "case !h.mine:"}}, "TestLedgerIsThePlainModel/sqlite"},
	{"any dispatcher may use a token", [][3]string{{"ack.go", "h.mine = err == nil && holder == dispatcher", "h.mine = err == nil"}}, "TestLateWords/sqlite"},
	{"leases are taken over before they lapse", [][3]string{
		{"lease.go", "d.lease_until <= $3 AND p.state", "d.lease_until <= $3 + 3600000000 AND p.state"},
		{"claim.go", "d.State == Leased && !d.LeaseUntil.After(o.at)", "d.State == Leased"},
	}, "TestLateWords/sqlite"},
	{"the given hash is not compared", [][3]string{{"approve.go", "if sum != p.SHA256 {", "if false {"}}, "TestApprovalBindsToTheHash/sqlite"},
	{"the stored actions are not hashed anew", [][3]string{{"approve.go", "if stored != p.SHA256 {", "if stored != p.SHA256 && false {"}}, "TestApprovalRefusesChangedActions/sqlite"},
	{"the hash forgets a field", [][3]string{{"plan.go", "a.CostCents, a.ValueCents, a.ReducedCostCents,", "a.CostCents, a.ValueCents,"}}, "TestHashCoversEveryField"},
	{"the maker may approve, says the code", [][3]string{{"approve.go", "if sameActor(r.Approver, p.Maker) {", "if false {"}}, "TestApproverIsNotTheMaker/sqlite"},
	{"the maker may approve, says the database", [][3]string{{sqliteSQL, "CHECK (lower(trim(approver)) <> lower(trim(maker)))", "CHECK (1 = 1)"}}, "TestDatabaseRefuses/sqlite"},
	{"the maker may approve, says PostgreSQL", [][3]string{{postgresSQL, "CHECK (lower(trim(approver)) <> lower(trim(maker)))", "CHECK (1 = 1)"}}, "TestDatabaseRefuses/postgres"},
	{"a commit is not synced", [][3]string{
		{openingSQL, `"_synchronous": {"FULL"}`, `"_synchronous": {"NORMAL"}`},
		{openingSQL, `|| synchronous != "2"`, `|| synchronous == ""`},
	}, "TestPowerCutLosesNothingAcknowledged"},
	{"nothing is ever synced", [][3]string{
		{openingSQL, `"_synchronous": {"FULL"}`, `"_synchronous": {"OFF"}`},
		{openingSQL, `|| synchronous != "2"`, `|| synchronous == ""`},
	}, "TestPowerCutLosesNothingAcknowledged"},
	{"a weak setting is not refused", [][3]string{{openingSQL, `"_synchronous": {"FULL"}`, `"_synchronous": {"NORMAL"}`}}, "TestWholeWay/sqlite"},
	{"what a dead process left is neither written again nor copied first", [][3]string{
		{"../sqlite/file.go", `if err := rewriteLog(f.path); err != nil {`, `if err := error(nil); err != nil {`},
		{"../sqlite/file.go", `if _, _, err := f.run(ctx, "TRUNCATE"); err != nil {`, `if false {`},
	}, "TestPowerCutLosesNothingAcknowledged"},
	{"the log of the dead is not written again", [][3]string{{"../sqlite/file.go", `if err := rewriteLog(f.path); err != nil {`, `if err := error(nil); err != nil {`}}, "TestPowerCutLosesNothingAcknowledged"},
	{"a failed sync is not noticed", [][3]string{{"../sqlite/file.go", `if e := (sqlite3.Error{}); errors.As(err, &e) && e.ExtendedCode == sqlite3.ErrIoErrFsync {`, `if e := (sqlite3.Error{}); false && errors.As(err, &e) {`}}, "TestDiskFails"},
	{"a key is executed again", [][3]string{{"answer.go", "if a, again, err = answerOf(o, r, request); err != nil || again {", "if again, err = false, error(nil); err != nil || again {"}}, "TestFiftyPostsOneEffect/sqlite"},
	{"no recheck means go", [][3]string{{"lease.go", "Later    Decision = iota // not now; it stays in the queue\n\tHandOut                  // it may be sent", "HandOut Decision = iota\n\tLater"}}, "TestRecheck/sqlite"},
	{"more is posted than was approved", [][3]string{{"ack.go", "min(d.Amount, Units(*v.RealCostCents))", "Units(*v.RealCostCents)"}}, "TestRealCost/sqlite"},
	{"writers do not wait for each other", [][3]string{{"postgres.go", `" FOR UPDATE"`, `""`}}, "TestTwoProcessesOnOneDatabase/postgres"},
	{"audit rows are not hashed anew", [][3]string{{"verify.go", "if r.SHA256 != want {", "if r.SHA256 != want && false {"}}, "TestVerifyFindsTampering/an_audit_row_edited/sqlite"},
	{"kept heads are not compared", [][3]string{{"verify.go", "ok && kept != r.SHA256 {", "ok && kept != r.SHA256 && false {"}}, "TestExportedHeadsFindARewrittenChain"},
	{"money of leased actions is released at once", [][3]string{
		{"close.go", "at.Add(-s.config.LateAck).UnixMicro()", "at.UnixMicro()"},
		{"close.go", "!d.LeaseUntil.After(o.at.Add(-o.store.config.LateAck))", "!d.LeaseUntil.After(o.at)"},
	}, "TestSweep/sqlite"},
}

const (
	sqliteSQL   = "migration/sqlite/0001_ledger.sql"
	postgresSQL = "migration/postgres/0001_ledger.sql"
	openingSQL  = "../sqlite/sqlite.go"
)

// TestMutations takes the safeguards away one at a time and sees that a test
// fails. It compiles the package anew for each, with the changed files laid
// over those on disk, which takes some seconds each: it runs where
// DUNNING_LEDGER_MUTATIONS is set.
func TestMutations(t *testing.T) {
	if os.Getenv("DUNNING_LEDGER_MUTATIONS") == "" {
		t.Skip("set DUNNING_LEDGER_MUTATIONS=1 (some minutes)")
	}
	for _, m := range mutations {
		t.Run(m.name, func(t *testing.T) {
			out, err := runMutant(t, m)
			switch {
			case err == nil:
				t.Errorf("nobody noticed (%s)", m.tests)
			case !strings.Contains(out, "--- FAIL: "+strings.Split(m.tests, "/")[0]) || strings.Contains(out, "panic: test timed out"):
				t.Errorf("it failed for another reason: %s", out)
			}
		})
	}
	t.Run("none", func(t *testing.T) { // the tests pass where nothing is taken away
		if out, err := runMutant(t, mutation{tests: "TestWholeWay"}); err != nil {
			t.Error(out)
		}
	})
}

// A mutation whose text is no longer in the sources would take nothing away.
func TestMutationsFitTheSources(t *testing.T) {
	for _, m := range mutations {
		mutated(t, m)
	}
}

// mutated returns the changed files of a mutation.
func mutated(t *testing.T, m mutation) map[string]string {
	t.Helper()
	files := map[string]string{}
	for _, e := range m.edits {
		text, ok := files[e[0]]
		if !ok {
			b, err := os.ReadFile(e[0])
			if err != nil {
				t.Fatal(err)
			}
			text = string(b)
		}
		if n := strings.Count(text, e[1]); n != 1 {
			t.Errorf("%s: %s has %q %d times", m.name, e[0], e[1], n)
		}
		files[e[0]] = strings.Replace(text, e[1], e[2], 1)
	}
	return files
}

// runMutant runs the tests of a mutation on the changed package.
func runMutant(t *testing.T, m mutation) (string, error) {
	t.Helper()
	dir := t.TempDir()
	replace := map[string]string{}
	for file, text := range mutated(t, m) {
		path, err := filepath.Abs(file)
		if err != nil {
			t.Fatal(err)
		}
		changed := filepath.Join(dir, strings.ReplaceAll(filepath.Clean(file), "/", "-"))
		if err := os.WriteFile(changed, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		replace[path] = changed
	}
	overlay, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(file, overlay, 0o600); err != nil {
		t.Fatal(err)
	}
	pattern := make([]string, 0, 3)
	for part := range strings.SplitSeq(m.tests, "/") {
		pattern = append(pattern, "^"+part+"$")
	}
	cmd := exec.Command("go", "test", "-count=1", "-vet=off", "-timeout=15m", "-overlay", file, "-run", strings.Join(pattern, "/"), ".")
	// Not with the long runs that this one may be a part of.
	cmd.Env = slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "DUNNING_LEDGER_") })
	out, err := cmd.CombinedOutput()
	return string(out), err
}
