package ledger_test

import (
	"context"
	"database/sql"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	_ "github.com/mattn/go-sqlite3"

	"dunning/data"
	"dunning/serve/ledger"
	"dunning/serve/ledger/pgtest"
)

// noon is when the tests begin: a Monday, in the middle of every window.
var noon = time.Date(2026, 3, 2, 15, 0, 0, 0, time.UTC)

// today is the day of noon.
var today = data.DateOf(noon)

// clock is a clock that tests turn.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// handOutAll lets every action go.
func handOutAll(_ context.Context, _ time.Time, actions []ledger.Action) ([]ledger.Verdict, error) {
	out := make([]ledger.Verdict, len(actions))
	for i := range out {
		out[i].Decision = ledger.HandOut
	}
	return out, nil
}

// home is a ledger of a test on one kind of database.
type home struct {
	*ledger.Store
	config ledger.Config
	clock  *clock
	// exec sends SQL straight to the database, past the store.
	exec func(query string) error
}

// eachDatabase runs a test on SQLite and on PostgreSQL, at once.
func eachDatabase(t *testing.T, test func(t *testing.T, h *home)) {
	t.Helper()
	for name, open := range map[string]func(testing.TB) *home{"sqlite": sqliteHome, "postgres": postgresHome} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, open(t))
		})
	}
}

func sqliteHome(t testing.TB) *home {
	path := filepath.Join(t.TempDir(), "dunning.db")
	h := openHome(t, ledger.Config{Path: path})
	raw, err := sql.Open("sqlite3", "file:"+path+"?_busy_timeout=5000") // foreign keys are off
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { raw.Close() })
	h.exec = func(query string) error {
		_, err := raw.Exec(query)
		return err
	}
	return h
}

func postgresHome(t testing.TB) *home {
	dsn := pgtest.Schema(t)
	h := openHome(t, ledger.Config{DSN: dsn})
	raw, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { raw.Close(context.Background()) })
	h.exec = func(query string) error {
		_, err := raw.PgConn().Exec(context.Background(), query).ReadAll()
		return err
	}
	return h
}

func openHome(t testing.TB, config ledger.Config) *home {
	t.Helper()
	h := &home{clock: &clock{at: noon}}
	config.Clock, config.Recheck = h.clock.now, handOutAll
	h.config = config
	h.reopen(t)
	t.Cleanup(func() { h.Close() })
	return h
}

// reopen opens the same database anew, with a configuration that was changed.
func (h *home) reopen(t testing.TB) {
	t.Helper()
	if h.Store != nil {
		h.Close()
	}
	var err error
	if h.Store, err = ledger.Open(t.Context(), h.config); err != nil {
		t.Fatal(err)
	}
}

// verified fails the test unless the whole database is as it should be.
func (h *home) verified(t testing.TB, heads ...ledger.Head) ledger.Report {
	t.Helper()
	r, err := h.Verify(context.Background(), heads...)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range r.Faults {
		t.Errorf("verify: %s: %s", f.Place, f.Text)
	}
	return r
}

// funded makes the wallet "brl" with an amount.
func (h *home) funded(t testing.TB, amount ledger.Units) {
	t.Helper()
	must(t)(h.CreateWallet(t.Context(), ledger.WalletRequest{ID: "brl", Currency: ledger.BRL, Name: "Main", Actor: "ana"}))
	must(t)(h.TopUp(t.Context(), ledger.TopUpRequest{ID: "topup-1", WalletID: "brl", Amount: amount, Actor: "ana", Reason: "invoice 1"}))
}

// must returns a function that fails the test on an error.
func must(t testing.TB) func(any, error) {
	return func(_ any, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
}

// proposal is a plan of n SMS of 9 cents each on today, by maria.
func proposal(id string, n int) ledger.Proposal {
	p := ledger.Proposal{PlanID: id, Maker: "maria", AsOf: today}
	for i := range n {
		p.Actions = append(p.Actions, ledger.Action{Segment: []string{"new", "old"}[i%2], Action: data.Action{
			PlanID: id, ActionID: fmt.Sprintf("%s-%06d", id, i+1), CustomerID: fmt.Sprintf("C%06d", i+1), Channel: data.SMS, Day: today,
			WindowStart: noon.Add(-3 * time.Hour), WindowEnd: noon.Add(8 * time.Hour), Step: 1, CostCents: 9, ValueCents: data.Cents(1000 - i%500),
			TreatProb: 0.9, Source: data.SourceRecommended, Reason: "espera-se recuperar mais <ação>",
		}})
	}
	return p
}

// submitted stores and submits a plan.
func (h *home) submitted(t testing.TB, p ledger.Proposal) ledger.Plan {
	t.Helper()
	must(t)(h.CreatePlan(t.Context(), p))
	plan, err := h.Submit(t.Context(), p.PlanID, p.Maker)
	if err != nil {
		t.Fatal(err)
	}
	return plan
}

// approved stores, submits and approves a plan, paid by the wallet "brl".
func (h *home) approved(t testing.TB, p ledger.Proposal) ledger.Approval {
	t.Helper()
	plan := h.submitted(t, p)
	a, err := h.Approve(t.Context(), approval(plan))
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// approval is carla's approval of a plan, paid by the wallet "brl".
func approval(p ledger.Plan) ledger.ApproveRequest {
	return ledger.ApproveRequest{PlanID: p.ID, SHA256: p.SHA256, Approver: "carla", Reason: "within the budget", WalletID: "brl"}
}

// lease asks for actions of today's SMS.
func lease(id string, n int) ledger.LeaseRequest {
	return ledger.LeaseRequest{ID: id, Dispatcher: "d1", Day: today, Channel: data.SMS, Max: n, Duration: 10 * time.Minute}
}

// sent reports all actions of a grant as sent.
func sent(g ledger.Grant) ledger.AckRequest {
	r := ledger.AckRequest{Dispatcher: g.Dispatcher, Fence: g.Fence}
	for _, a := range g.Actions {
		r.Outcomes = append(r.Outcomes, ledger.Outcome{ActionID: a.ActionID, State: ledger.Sent, ProviderID: "m-" + a.ActionID})
	}
	return r
}

func idsOf(g ledger.Grant) []string {
	var ids []string
	for _, a := range g.Actions {
		ids = append(ids, a.ActionID)
	}
	return ids
}

// countOf is the number in an environment variable, for long runs, or few in
// every day's tests.
func countOf(t testing.TB, env string, few int) int {
	t.Helper()
	n, err := strconv.Atoi(os.Getenv(env))
	if err != nil || n <= 0 {
		return few
	}
	t.Logf("%s=%d", env, n)
	return n
}

func TestMain(m *testing.M) {
	flag.Parse()
	// The state machine: few long runs, the same each time, unless the command
	// line says otherwise (-rapid.checks 500 -rapid.seed 0).
	for name, value := range map[string]string{"rapid.checks": "15", "rapid.steps": "100", "rapid.seed": "1", "rapid.nofailfile": "true"} {
		given := false
		flag.Visit(func(f *flag.Flag) { given = given || f.Name == name })
		if !given {
			flag.Set(name, value)
		}
	}
	if work := os.Getenv(victimEnv); work != "" {
		os.Exit(victim(work))
	}
	if work := os.Getenv(stormEnv); work != "" {
		os.Exit(stormProcess(work))
	}
	if work := os.Getenv(diskEnv); work != "" {
		os.Exit(diskVictim(work))
	}
	code := m.Run()
	pgtest.Stop()
	os.Exit(code)
}
