package ledger_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"

	"dunning/data"
	"dunning/serve/ledger"
	"dunning/serve/ledger/pgtest"
)

func TestMigrate(t *testing.T) {
	eachDatabase(t, func(t *testing.T, h *home) {
		const first = "0001_ledger.sql"
		now := map[string]string{first: h.MigrationForTest(first)}
		with := func(name, text string) map[string]string { return map[string]string{first: now[first], name: text} }
		ctx := context.Background()
		if err := h.MigrateForTest(ctx, now); err != nil {
			t.Errorf("nothing to do: %v", err)
		}
		if err := h.MigrateForTest(ctx, map[string]string{first: now[first] + " "}); !errors.Is(err, ledger.ErrNewer) {
			t.Errorf("a step was changed after it was released: %v", err)
		}
		if err := h.MigrateForTest(ctx, with("0003_gap.sql", "")); err == nil {
			t.Error("a gap in the numbers")
		}
		broken := with("0002_more.sql", "CREATE TABLE more (x INTEGER); CREATE TABLE nonsense (")
		if err := h.MigrateForTest(ctx, broken); err == nil {
			t.Error("a broken step passed")
		}
		good := with("0002_more.sql", "CREATE TABLE more (x INTEGER); INSERT INTO more VALUES (1);")
		for range 2 { // what the broken step began is gone; the second time does nothing
			if err := h.MigrateForTest(ctx, good); err != nil {
				t.Error(err)
			}
		}
		if err := h.exec(`INSERT INTO more VALUES (2)`); err != nil {
			t.Error(err)
		}
		// This program, of the older version, leaves the newer database alone.
		if s, err := ledger.Open(ctx, h.config); !errors.Is(err, ledger.ErrNewer) || data.ExitCode(err) != 2 {
			t.Errorf("%v, %v", s, err)
		}
	})
}

func TestMigrateAtOnce(t *testing.T) {
	eachDatabase(t, func(t *testing.T, h *home) {
		config := h.config
		if config.Path != "" {
			config.Path += "2"
		} else {
			config.DSN = pgtest.Schema(t)
		}
		var wg sync.WaitGroup
		for range 5 {
			wg.Go(func() {
				s, err := ledger.Open(context.Background(), config)
				if err != nil {
					t.Error(err)
					return
				}
				s.Close()
			})
		}
		wg.Wait()
	})
}

func TestConfigReportsEveryFault(t *testing.T) {
	_, err := ledger.Open(t.Context(), ledger.Config{KeepAnswers: 1, LateAck: -1})
	const want = "usage: ledger: one of Path and DSN is needed; Clock is needed; LateAck is negative; KeepAnswers is less than 24 hours"
	if !errors.Is(err, data.ErrUsage) || err.Error() != want {
		t.Errorf("%v", err)
	}
	clock := (&clock{at: noon}).now
	for name, config := range map[string]ledger.Config{
		"no folder":        {Path: t.TempDir() + "/none/dunning.db", Clock: clock},
		"no DSN":           {DSN: "postgres://u:hunter2@h:port/db", Clock: clock},
		"nobody listening": {DSN: "postgres://u:hunter2@127.0.0.1:1/db?connect_timeout=2", Clock: clock},
	} {
		_, err := ledger.Open(t.Context(), config)
		if err == nil || containsSecret(err) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func containsSecret(err error) bool { return strings.Contains(err.Error(), "hunter2") }
