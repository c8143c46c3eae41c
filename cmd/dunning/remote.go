package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"dunning/data"
	"dunning/serve"
	"dunning/serve/client"
)

// keyEnv names the environment variable with the key of the API.
const keyEnv = "DUNNING_API_KEY"

// remote is how a command reaches the ledger: over the API of a server, or in
// the home itself, by the same routes within this process.
type remote struct {
	server  string // URL; "" works on the home
	keyFile string
	as      string // who acts on the home
	dsn     string // of the home's ledger
}

// ledgerUse is the part of the help that all these commands share.
const ledgerUse = `
Without --server the command works on the home's ledger (HOME/dunning.db, or the
PostgreSQL database of DUNNING_LEDGER_DSN), and who acts is --as or $USER. With
--server URL it asks a running "dunning serve"; the key is read from --key-file or
DUNNING_API_KEY, and who acts is the name on the key. Either way nobody approves a
plan that he made.`

// flags adds the flags of a remote to a command and its subcommands.
func (r *remote) flags(cmd *cobra.Command) {
	f := cmd.PersistentFlags()
	f.StringVar(&r.server, "server", "", "URL of a server, such as https://host:8443; without it the command works on the home")
	f.StringVar(&r.keyFile, "key-file", "", "file with the key of the API (default: the variable "+keyEnv+")")
	f.StringVar(&r.as, "as", "", "who acts on the home (default: $USER)")
	f.StringVar(&r.dsn, "dsn", "", "connection string of the home's ledger in PostgreSQL; better in "+dsnEnv)
}

// need is what a command on the home needs beside the ledger.
type need int

const (
	theLedger  need = iota
	theOutputs      // plans, scores and customers
	theHeads        // to approve: the end of the audit chain is exported
)

// with reaches the ledger and runs do.
func (a *app) with(ctx context.Context, r *remote, n need, do func(*client.Client) error) error {
	if r.server != "" {
		key, err := r.key()
		if err != nil {
			return err
		}
		c, err := client.New(client.Config{URL: r.server, Key: key})
		if err != nil {
			return err
		}
		return do(c)
	}
	who, err := r.actor()
	if err != nil {
		return err
	}
	server, done, err := a.localServer(ctx, r, n)
	if err != nil {
		return err
	}
	defer done()
	// One attempt: there is no network whose answers are lost.
	c, err := client.New(client.Config{URL: "http://home", Transport: server.Local(who), Attempts: 1, Timeout: time.Hour})
	if err != nil {
		return err
	}
	return do(c)
}

// key reads the key of the API.
func (r *remote) key() (string, error) {
	if r.keyFile == "" {
		if key := os.Getenv(keyEnv); key != "" {
			return key, nil
		}
		return "", fmt.Errorf("%w: --server needs a key: name its file with --key-file or set %s", data.ErrUsage, keyEnv)
	}
	b, err := os.ReadFile(r.keyFile)
	if err != nil {
		return "", fmt.Errorf("%w: --key-file: %w", data.ErrUsage, err)
	}
	return strings.TrimSpace(string(b)), nil
}

// actor is who acts on the home.
func (r *remote) actor() (string, error) {
	if who := cmp.Or(r.as, os.Getenv("USER")); who != "" {
		return who, serve.CheckName(who)
	}
	return "", fmt.Errorf("%w: who acts? name yourself with --as", data.ErrUsage)
}

// localServer opens the home's ledger behind the routes of the API.
func (a *app) localServer(ctx context.Context, r *remote, n need) (server *serve.Server, done func(), err error) {
	var closers []func()
	closeAll := func() {
		for i := len(closers) - 1; i >= 0; i-- {
			closers[i]()
		}
	}
	defer func() {
		if err != nil {
			closeAll()
		}
	}()
	log := slog.New(slog.NewTextHandler(a.stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	if err := os.MkdirAll(a.home, 0o755); err != nil {
		return nil, nil, fmt.Errorf("%w: home %s: %w", data.ErrUsage, a.home, err)
	}
	var store serve.Store = serve.Nothing{}
	if n == theOutputs {
		files, err := serve.OpenFiles(ctx, a.home, nil, log, a.now)
		if err != nil {
			return nil, nil, err
		}
		watching, stop := context.WithCancel(ctx)
		closers = append(closers, stop)
		go files.Watch(watching) // a long dispatch sees the next run's outputs
		store = files
	}
	heads := ""
	if n == theHeads {
		heads = localHeads
		unlock, err := a.lockHeads()
		if err != nil {
			return nil, nil, err
		}
		closers = append(closers, unlock)
	}
	if n != theOutputs { // nothing is handed out, so no policy is asked
		log = slog.New(slog.NewTextHandler(io.Discard, nil))
	}
	ledger, err := a.openLedger(ctx, store, r.dsn, heads, nil, log)
	if err != nil {
		return nil, nil, err
	}
	closers = append(closers, func() { ledger.Close() })
	config := serve.DefaultConfig()
	config.MaxBodyBytes, config.Now = 64<<20, a.now
	server, err = serve.New(config, store, nil, ledger, slog.New(slog.NewTextHandler(a.stderr, &slog.HandlerOptions{Level: slog.LevelWarn})))
	return server, closeAll, err
}

// lockHeads keeps two commands from writing one file of heads at once.
func (a *app) lockHeads() (unlock func(), err error) {
	folder := filepath.Join(a.home, headsFolder)
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return nil, fmt.Errorf("%w: home %s: %w", data.ErrUsage, a.home, err)
	}
	f, err := os.OpenFile(filepath.Join(folder, ".lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", data.ErrUsage, err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
		f.Close()
		return nil, fmt.Errorf("lock %s: %w", f.Name(), err)
	}
	return func() { f.Close() }, nil
}

// oneArg is the one argument of a command.
func oneArg(name string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) != 1 {
			return fmt.Errorf("%w: %s takes one %s; see --help", data.ErrUsage, cmd.CommandPath(), name)
		}
		return nil
	}
}

// group is a command that only has subcommands.
func group(cmd *cobra.Command, subcommands ...*cobra.Command) *cobra.Command {
	names := make([]string, len(subcommands))
	for i, sub := range subcommands {
		names[i] = sub.Name()
	}
	cmd.Args = func(cmd *cobra.Command, args []string) error {
		if len(args) > 0 {
			return unknownCommand(cmd, args[0])
		}
		return nil
	}
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		return fmt.Errorf("%w: %s needs one of %s; see --help", data.ErrUsage, cmd.Name(), strings.Join(names, ", "))
	}
	cmd.AddCommand(subcommands...)
	return cmd
}
