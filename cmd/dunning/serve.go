package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"strings"
	"sync"

	"github.com/spf13/cobra"

	"dunning/data"
	"dunning/pipeline"
	"dunning/policy/regua"
	"dunning/serve"
	"dunning/serve/accounts"
	"dunning/serve/sqlite"
	"dunning/serve/web"
)

func newServeCommand(a *app) *cobra.Command {
	config := serve.DefaultConfig()
	var dsn, public string
	var account web.OIDC
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Serve the pages for people, and scores, plans and the ledger over HTTP",
		Long: `Serve the last finished outputs of the home over HTTP/JSON, and the ledger: wallets,
approval of plans, dispatch, events, audit. New outputs are picked up while the
server runs; a damaged one is refused and the old one goes on serving.

The address, opened in a browser, shows the pages for people (docs/WEB.md). While
nobody may sign in yet, the one-time link of the first administrator is printed on
standard error.

The ledger and the keys are in HOME/dunning.db, or in a PostgreSQL database whose
connection string is given by the environment variable DUNNING_LEDGER_DSN or by --dsn.

The address is printed on standard output when the server listens. Ctrl-C lets the
requests under way finish. /openapi.json describes the routes; docs/API.md has
examples. Keys are made by "dunning keys create".`,
		Example: `  dunning serve --addr 127.0.0.1:8080
  dunning serve --addr :8443 --tls-cert cert.pem --tls-key key.pem`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			oidc, err := oidcOf(account, public)
			if err != nil {
				return err
			}
			return a.serve(cmd.Context(), config, dsn, public, oidc)
		},
	}
	f := cmd.Flags()
	f.StringVar(&config.Addr, "addr", config.Addr, "host:port to listen on; port 0 takes a free one")
	f.StringVar(&config.TLSCert, "tls-cert", "", "PEM file of the certificate; without it HTTP is not encrypted")
	f.StringVar(&config.TLSKey, "tls-key", "", "PEM file of the certificate's key")
	f.IntVar(&config.MaxRows, "max-rows", config.MaxRows, "rows of one batch of feature rows")
	f.Int64Var(&config.MaxBodyBytes, "max-body-bytes", config.MaxBodyBytes, "bytes of one request's body")
	f.Float64Var(&config.RatePerSecond, "rate", config.RatePerSecond, "requests per second and key")
	f.IntVar(&config.Burst, "burst", config.Burst, "requests at once per key")
	f.DurationVar(&config.ShutdownGrace, "shutdown-grace", config.ShutdownGrace, "how long a stop waits for requests under way")
	f.BoolVar(&config.PrivateMetrics, "private-metrics", false, "let only auditors and admins read /metrics")
	f.StringVar(&public, "public-url", "", "address under which browsers find the server, such as https://cobranca.example; with https, cookies travel by TLS only")
	addOIDCFlags(f, &account)
	f.StringVar(&dsn, "dsn", "", "connection string of a ledger in PostgreSQL; better in DUNNING_LEDGER_DSN")
	return cmd
}

func (a *app) serve(ctx context.Context, config serve.Config, dsn, public string, oidc *web.OIDC) error {
	log := slog.New(slog.NewTextHandler(a.stderr, nil))
	if err := errors.Join(config.Validate(), checkPublic(public)); err != nil {
		return err
	}
	store, err := serve.OpenFiles(ctx, a.home, openModel, log, a.now)
	if err != nil {
		return err
	}
	keys, err := a.openKeys(ctx, dsn)
	if err != nil {
		return err
	}
	defer keys.Close()
	people, err := accounts.Open(ctx, a.home, accounts.Config{Now: a.now})
	if err != nil {
		return err
	}
	defer people.Close()
	tracing, stopTracing, err := startTracing(ctx, log)
	if err != nil {
		return err
	}
	defer stopTracing()
	config.Tracing = tracing
	ledger, err := a.openLedger(ctx, store, dsn, serverHeads, tracing, log)
	if err != nil {
		return err
	}
	defer ledger.Close()
	config.Reguas = regua.OpenStore(a.home)
	config.TryRegua = func(ctx context.Context, r *regua.Regua, asOf data.Date) (*regua.Trial, error) {
		planning, err := a.loadConfig()
		if err != nil {
			return nil, err
		}
		return pipeline.TryRegua(ctx, a.home, planning, r, asOf)
	}
	server, err := serve.New(config, store, keys, ledger, log)
	if err != nil {
		return err
	}
	secure := config.TLSCert != "" || strings.HasPrefix(public, "https:")
	if err := a.mountPages(server, web.Config{Secure: secure, Now: a.now, Log: log, OIDC: oidc}, web.Parts{People: people, Store: store, Ledger: ledger, Figures: serve.OpenFigures(a.home), Reguas: reguaDesk(server), Analysis: a.analysis(ctx, store, ledger, log)}); err != nil {
		return err
	}
	ln, err := server.Listen()
	if err != nil {
		return err
	}
	if err := a.announce(ln.Addr(), config); err != nil {
		ln.Close()
		return err
	}
	if tcp, ok := ln.Addr().(*net.TCPAddr); ok && config.TLSCert == "" && !tcp.IP.IsLoopback() {
		log.Warn("keys and passwords travel unencrypted: use --tls-cert and --tls-key, or a proxy that does TLS")
	}
	if list, err := keys.List(ctx); err == nil && len(list) == 0 {
		log.Warn("there is no key yet: make one with \"dunning keys create\"")
	}
	if err := a.inviteFirst(ctx, people, cmp.Or(public, addressOf(ln.Addr(), config))); err != nil {
		ln.Close()
		return err
	}
	return a.serveUntilDone(ctx, server, store, people.Failed(), ln)
}

// mountPages puts the pages for people beside the API.
func (a *app) mountPages(server *serve.Server, config web.Config, parts web.Parts) error {
	site, err := web.New(config, parts)
	if err != nil {
		return err
	}
	server.Mount(site)
	return nil
}

// checkPublic refuses what is no address of a server.
func checkPublic(public string) error {
	if public == "" {
		return nil
	}
	u, err := url.Parse(public)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" {
		return fmt.Errorf("%w: --public-url %q is not like https://cobranca.example", data.ErrUsage, public)
	}
	return nil
}

// serveUntilDone answers requests and keeps outputs and ledger up to date until
// ctx ends or the database failed, and the requests under way are answered.
func (a *app) serveUntilDone(ctx context.Context, server *serve.Server, store *serve.FileStore, failed <-chan struct{}, ln net.Listener) error {
	serving, stop := context.WithCancelCause(ctx)
	var upkeep sync.WaitGroup
	upkeep.Go(func() { store.Watch(serving) })
	upkeep.Go(func() { server.Upkeep(serving, a.home) })
	upkeep.Go(func() {
		select {
		case <-serving.Done():
		case <-failed:
			stop(sqlite.ErrFailed)
		}
	})
	err := server.Serve(serving, ln)
	stop(nil)
	upkeep.Wait()
	if cause := context.Cause(serving); err == nil && errors.Is(cause, sqlite.ErrFailed) {
		err = cause
	}
	return err
}

// announce prints where the server listens, for people and for scripts that
// asked for port 0.
func (a *app) announce(addr net.Addr, config serve.Config) error {
	url := addressOf(addr, config)
	if a.asJSON {
		return a.printJSON(map[string]string{"address": url})
	}
	_, err := fmt.Fprintln(a.stdout, "listening on", url)
	return err
}

// addressOf is where the server listens, as a browser takes it.
func addressOf(addr net.Addr, config serve.Config) string {
	if config.TLSCert != "" {
		return "https://" + addr.String()
	}
	return "http://" + addr.String()
}
