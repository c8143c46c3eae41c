package ledger_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"dunning/data"
	"dunning/serve/ledger"
)

// victimEnv tells this test binary to be the process that is killed.
const victimEnv = "DUNNING_LEDGER_VICTIM"

// victimWork is what the victim is to work on.
type victimWork struct {
	Path, DSN string
	Run       int
}

// victim writes as fast as it can from four goroutines, and prints a line for
// each write once it is acknowledged, until it is killed.
func victim(work string) int {
	var w victimWork
	if err := json.Unmarshal([]byte(work), &w); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	s, err := ledger.Open(context.Background(), ledger.Config{Path: w.Path, DSN: w.DSN, Clock: func() time.Time { return noon }, Recheck: handOutAll})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	var wg sync.WaitGroup
	for g := range 4 {
		wg.Go(func() {
			for n := 0; ; n++ {
				if err := victimStep(s, fmt.Sprintf("r%d-g%d-%d", w.Run, g, n), tellStdout); err != nil {
					fmt.Fprintln(os.Stderr, err)
					os.Exit(1)
				}
			}
		})
	}
	wg.Wait()
	return 0
}

// tellStdout prints what was acknowledged in one write, so that lines do not mix.
func tellStdout(what, id string) { os.Stdout.WriteString(what + " " + id + "\n") }

// victimStep is one round: money, a plan, its approval, a lease and its end. It
// says each write once it is acknowledged. After an error the round can be done
// again with the same id.
func victimStep(s *ledger.Store, id string, say func(what, id string)) error {
	ctx := context.Background()
	if _, err := s.TopUp(ctx, ledger.TopUpRequest{ID: id, WalletID: "brl", Amount: 36, Actor: "ana", Reason: "x"}); err != nil {
		return err
	}
	say("topup", id)
	plan, err := s.CreatePlan(ctx, proposal(id, 4))
	if err != nil {
		return err
	}
	if _, err := s.Submit(ctx, id, "maria"); err != nil && !errors.Is(err, ledger.ErrState) { // approved in a try before
		return err
	}
	if _, err := s.Approve(ctx, approval(plan)); err != nil {
		return err
	}
	say("approved", id)
	g, err := s.Lease(ctx, ledger.LeaseRequest{ID: id, Dispatcher: "d1", Day: today, Channel: data.SMS, Max: 3, Duration: time.Hour})
	if err != nil || len(g.Actions) == 0 {
		return err
	}
	for _, a := range g.Actions {
		say("leased", a.ActionID)
	}
	results, err := s.Ack(ctx, sent(g))
	for _, r := range results {
		if r.Err() == nil && err == nil {
			say("sent", r.ActionID)
		}
	}
	return err
}

// killsEnv is how often the victim dies.
const killsEnv = "DUNNING_LEDGER_KILLS"

func TestKilledProcessLosesNothingAcknowledged(t *testing.T) {
	eachDatabase(t, func(t *testing.T, h *home) {
		few := 30
		if h.config.DSN != "" {
			few = 10 // what dies is the client; the server's own crashes are its makers' tests
		}
		n := countOf(t, killsEnv, few)
		h.funded(t, 1)
		rng := rand.New(rand.NewPCG(3, 4))
		acknowledged := map[string]int{}
		for run := range n {
			said := killOne(t, h, run, 1+rng.IntN(80), time.Duration(rng.IntN(5000))*time.Microsecond)
			for _, line := range said {
				what, id, _ := strings.Cut(line, " ")
				acknowledged[what]++
				if lost := h.lost(t.Context(), what, id); lost != "" {
					t.Fatalf("run %d: %s was acknowledged and is lost: %s", run, line, lost)
				}
			}
		}
		r := h.verified(t)
		t.Logf("%d kills; acknowledged and found: %v; verified %d audit rows, %d entries, %d actions", n, acknowledged, r.Rows, r.Entries, r.Actions)
		if acknowledged["sent"] < n || acknowledged["topup"] < n {
			t.Errorf("hardly any load: %v", acknowledged)
		}
	})
}

// killOne starts the victim, kills it some time after so many words, and
// returns its words.
func killOne(t *testing.T, h *home, run, words int, after time.Duration) []string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	work, _ := json.Marshal(victimWork{h.config.Path, h.config.DSN, run})
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), victimEnv+"="+string(work))
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var said []string
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if said = append(said, lines.Text()); len(said) == words {
			time.AfterFunc(after, func() { cmd.Process.Kill() }) // SIGKILL
		}
	}
	if err := cmd.Wait(); err == nil || cmd.ProcessState.ExitCode() != -1 {
		t.Fatalf("run %d: the victim ended by itself: %v", run, err)
	}
	return said
}

// lost says what is missing of an acknowledged write, "" for nothing.
func (h *home) lost(ctx context.Context, what, id string) string {
	switch what {
	case "topup":
		if e, err := h.Entry(ctx, id); err != nil || e.Amount != 36 {
			return fmt.Sprintf("%+v, %v", e, err)
		}
	case "approved":
		a, err := h.Approval(ctx, id)
		p, perr := h.Plan(ctx, id)
		if err != nil || perr != nil || !p.State.InForce() || len(a.Reserves) != 1 {
			return fmt.Sprintf("%+v, %+v, %v", a, p, err)
		}
	case "leased", "sent":
		d, err := h.Dispatch(ctx, id)
		if err != nil || d.Fence == 0 || what == "sent" && d.State != ledger.Sent {
			return fmt.Sprintf("%+v, %v", d, err)
		}
	}
	return ""
}
