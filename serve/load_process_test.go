package serve_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime/pprof"
	"strings"
	"syscall"
	"testing"
	"time"

	"dunning/policy"
	"dunning/serve"
	"dunning/serve/ledger"
	"dunning/serve/ledger/pgtest"
)

// processEnv tells this test binary to be a server in a process of its own, as
// "dunning serve" is one, or a client that puts load on it.
const (
	processEnv = "DUNNING_SERVE_PROCESS"
	clientEnv  = "DUNNING_SERVE_CLIENT"
)

func TestMain(m *testing.M) {
	switch {
	case os.Getenv(processEnv) != "":
		exit(serveProcess(os.Getenv(processEnv)))
	case os.Getenv(clientEnv) != "":
		exit(loadClient(os.Getenv(clientEnv)))
	}
	code := m.Run()
	pgtest.Stop()
	os.Exit(code)
}

func exit(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// processConfig is what a server in a process of its own is told.
type processConfig struct {
	Home string
	// Began is when its clock stood at Tuesday noon: working hours, whenever
	// the test runs.
	Began   time.Time
	Profile string // file of a CPU profile, "" for none
}

// tuesdayNoon is where the clocks of server processes begin.
var tuesdayNoon = tuesday.Time().Add(15 * time.Hour)

// serveProcess serves a home until it is told to stop, or killed.
func serveProcess(text string) error {
	var p processConfig
	if err := json.Unmarshal([]byte(text), &p); err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	if p.Profile != "" {
		f, err := os.Create(p.Profile)
		if err != nil {
			return err
		}
		defer f.Close()
		if err := pprof.StartCPUProfile(f); err != nil {
			return err
		}
		defer pprof.StopCPUProfile()
	}
	now := func() time.Time { return tuesdayNoon.Add(time.Since(p.Began)) }
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))
	store, err := serve.OpenFiles(ctx, p.Home, openLinear, log, now)
	if err != nil {
		return err
	}
	keys, err := serve.OpenKeys(ctx, p.Home, now)
	if err != nil {
		return err
	}
	defer keys.Close()
	engine, err := policy.New(policy.DefaultConfig())
	if err != nil {
		return err
	}
	l, err := serve.NewRechecker(store, engine).OpenLedger(ctx, ledger.Config{Path: filepath.Join(p.Home, serve.DatabaseName), Clock: now,
		HeadsFile: filepath.Join(p.Home, "heads.jsonl")})
	if err != nil {
		return err
	}
	defer l.Close()
	config := serve.DefaultConfig()
	config.Addr, config.Now, config.RatePerSecond, config.Burst = "127.0.0.1:0", now, 1e9, 1e9
	server, err := serve.New(config, store, keys, l, log)
	if err != nil {
		return err
	}
	ln, err := server.Listen()
	if err != nil {
		return err
	}
	fmt.Println("http://" + ln.Addr().String())
	go store.Watch(ctx)
	go server.Upkeep(ctx, p.Home)
	return server.Serve(ctx, ln)
}

// process is a server in a process of its own.
type process struct {
	cmd *exec.Cmd
	url string
}

// startProcess starts one and waits until it listens. log gets its log; prefix
// is put before its command line.
func startProcess(t testing.TB, p processConfig, log *os.File, prefix ...string) *process {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	line := append(prefix, self)
	cmd := exec.Command(line[0], line[1:]...)
	cmd.Env = append(os.Environ(), processEnv+"="+string(text))
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	cmd.Stderr = log
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	url, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		cmd.Wait()
		text, _ := os.ReadFile(log.Name())
		t.Fatalf("the server did not start: %v: %s", err, text)
	}
	return &process{cmd, strings.TrimSpace(url)}
}

// logFile is where server processes write their logs.
func logFile(t testing.TB) *os.File {
	t.Helper()
	f, err := os.OpenFile(filepath.Join(t.TempDir(), "log"), os.O_CREATE|os.O_RDWR|os.O_APPEND, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

// makeKey makes a key in a home that nobody serves yet.
func makeKey(t testing.TB, h *home, role serve.Role, name string) string {
	t.Helper()
	keys, err := serve.OpenKeys(t.Context(), h.dir, func() time.Time { return tuesdayNoon })
	h.must(err)
	defer keys.Close()
	secret, _, err := keys.Create(t.Context(), role, name, 0)
	h.must(err)
	return secret
}
