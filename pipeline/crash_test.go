package pipeline

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

func TestRunAfterCrashAtEachStep(t *testing.T) {
	whole := testHome(t)
	mustRun(t, whole, DefaultConfig(), RunOptions{})
	want := snapshot(t, whole)
	for n := range 18 { // six steps for each of three stages
		for _, forced := range []bool{false, true} {
			home := testHome(t)
			if forced { // over an output that is there already
				mustRun(t, home, DefaultConfig(), RunOptions{})
			}
			left, at := n, ""
			r := &runner{code: "test", config: DefaultConfig(), stages: testStages(0), options: RunOptions{Force: forced},
				crash: func(step string) error {
					if left--; left < 0 {
						at = step
						return errCrash
					}
					return nil
				}}
			if _, err := r.run(t.Context(), home); !errors.Is(err, errCrash) {
				t.Fatalf("crash %d did not happen: %v", n, err)
			}
			for _, f := range []string{"lake/extract/current", "lake/features/2025-01-13", "plans/2025-01-13"} {
				out, err := OpenOutput(filepath.Join(home, f))
				if errors.Is(err, fs.ErrNotExist) {
					continue
				}
				if err == nil {
					err = out.Manifest.Verify(out.Dir)
				}
				if err != nil {
					t.Errorf("after a crash at %d (%s) a reader of %s sees: %v", n, at, f, err)
				}
			}
			mustRun(t, home, DefaultConfig(), RunOptions{})
			t.Logf("crash %d (%s), forced %v", n, at, forced)
			same(t, want, snapshot(t, home))
		}
	}
}

// TestMain runs the stages in a process of its own where a test asks for one
// that it can kill.
func TestMain(m *testing.M) {
	if home := os.Getenv("PIPELINE_TEST_RUN"); home != "" {
		if _, err := runTest(context.Background(), home, DefaultConfig(), testStages(3*time.Millisecond), RunOptions{}); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func TestRunAfterKill(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	start := func(home string) *exec.Cmd {
		cmd := exec.Command(self)
		cmd.Env = append(os.Environ(), "PIPELINE_TEST_RUN="+home)
		cmd.Stderr = os.Stderr
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		return cmd
	}
	whole := testHome(t)
	began := time.Now()
	if err := start(whole).Wait(); err != nil {
		t.Fatal(err)
	}
	took := time.Since(began)
	want := snapshot(t, whole)
	rng := rand.New(rand.NewPCG(1, 2))
	for range 20 {
		home := testHome(t)
		delay := time.Duration(rng.Int64N(int64(took)))
		cmd := start(home)
		time.Sleep(delay)
		cmd.Process.Signal(syscall.SIGKILL)
		cmd.Wait()
		if err := start(home).Wait(); err != nil {
			t.Fatalf("after a kill at %v: %v", delay, err)
		}
		same(t, want, snapshot(t, home))
	}
}
