package ledger_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"dunning/serve/ledger"
)

// Two stores on one database are what two processes are: nothing in memory is
// shared between them.
func TestTwoProcessesOnOneDatabase(t *testing.T) {
	eachDatabase(t, func(t *testing.T, h *home) {
		h.funded(t, 9*200)
		h.approved(t, proposal("P1", 200))
		other, err := ledger.Open(t.Context(), h.config)
		if err != nil {
			t.Fatal(err)
		}
		defer other.Close()
		var mu sync.Mutex
		seen := map[string]int{}
		var wg sync.WaitGroup
		for i, s := range []*ledger.Store{h.Store, other, h.Store, other} {
			wg.Go(func() {
				for n := range 20 {
					id := fmt.Sprintf("s%d-%d", i, n)
					if _, err := s.TopUp(t.Context(), ledger.TopUpRequest{ID: id, WalletID: "brl", Amount: 1, Actor: "ana", Reason: "x"}); err != nil {
						t.Error(err)
						return
					}
					g, err := s.Lease(t.Context(), lease(id, 5))
					if err != nil {
						t.Error(err)
						return
					}
					if len(g.Actions) == 0 {
						continue
					}
					results, err := s.Ack(t.Context(), sent(g))
					if err != nil {
						t.Error(err)
						return
					}
					mu.Lock()
					for _, r := range results {
						if seen[r.ActionID]++; r.Status != ledger.Accepted {
							t.Errorf("%+v", r)
						}
					}
					mu.Unlock()
				}
			})
		}
		wg.Wait()
		if w, err := h.Wallet(t.Context(), "brl"); err != nil || w.Balances.Funding != 9*200+80 || w.Balances.Spent != ledger.Units(9*len(seen)) || len(seen) < 150 {
			t.Errorf("%d sent, %+v, %v", len(seen), w.Balances, err)
		}
		h.verified(t)
	})
}

// A disk that is full refuses writes and loses nothing. SQLite's own limit on
// pages stands for the disk: the same error on the same way.
func TestFullDisk(t *testing.T) {
	h := sqliteHome(t)
	h.funded(t, 1000)
	if err := h.PragmaForTest(`PRAGMA max_page_count = 90`); err != nil {
		t.Fatal(err)
	}
	acknowledged, full := []string{}, error(nil)
	for i := range 400 {
		id := fmt.Sprint("T", i)
		_, err := h.TopUp(t.Context(), ledger.TopUpRequest{ID: id, WalletID: "brl", Amount: 1, Actor: "ana", Reason: strings.Repeat("x", 1000)})
		if err != nil {
			full = err
			break
		}
		acknowledged = append(acknowledged, id)
	}
	if full == nil || !strings.Contains(full.Error(), "full") || len(acknowledged) == 0 {
		t.Fatalf("%d writes, then %v", len(acknowledged), full)
	}
	h.reopen(t)
	for _, id := range acknowledged {
		must(t)(h.Entry(t.Context(), id))
	}
	must(t)(h.TopUp(t.Context(), ledger.TopUpRequest{ID: "after", WalletID: "brl", Amount: 1, Actor: "ana", Reason: "the disk has room again"}))
	if w, _ := h.Wallet(t.Context(), "brl"); w.Balances.Funding != ledger.Units(1001+len(acknowledged)) {
		t.Errorf("%+v after %d", w.Balances, len(acknowledged))
	}
	h.verified(t)
}

func TestBackupWhileOthersWrite(t *testing.T) {
	h := sqliteHome(t)
	h.funded(t, 100_000)
	h.approved(t, proposal("P1", 300))
	dir := t.TempDir()
	stop := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
			}
			g, err := h.Lease(t.Context(), lease(fmt.Sprint("L", i), 2))
			if err == nil && len(g.Actions) > 0 {
				_, err = h.Ack(t.Context(), sent(g))
			}
			if err != nil {
				t.Error(err)
				return
			}
		}
	})
	for i := range 3 {
		copied, restored := filepath.Join(dir, fmt.Sprint("copy", i)), filepath.Join(dir, fmt.Sprint("restored", i))
		if err := h.Backup(t.Context(), copied); err != nil {
			t.Fatal(err)
		}
		if err := h.Backup(t.Context(), copied); err == nil {
			t.Error("a backup was replaced")
		}
		r, err := ledger.Restore(t.Context(), copied, restored, h.config)
		if err != nil || r.Actions != 300 {
			t.Errorf("%+v, %v", r, err)
		}
		if _, err := ledger.Restore(t.Context(), copied, h.config.Path, h.config); err == nil {
			t.Error("a database was replaced")
		}
		config := h.config
		config.Path = restored
		s, err := ledger.Open(t.Context(), config)
		if err != nil {
			t.Fatal(err)
		}
		must(t)(s.TopUp(t.Context(), ledger.TopUpRequest{ID: "more", WalletID: "brl", Amount: 1, Actor: "ana", Reason: "x"}))
		s.Close()
	}
	close(stop)
	wg.Wait()
	h.verified(t)
	left, err := filepath.Glob(filepath.Join(dir, ".partial*"))
	if err != nil || len(left) != 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}
