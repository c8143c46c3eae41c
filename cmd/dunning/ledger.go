package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"

	"go.opentelemetry.io/otel/trace"

	"dunning/data"
	"dunning/pipeline"
	"dunning/policy"
	"dunning/serve"
	"dunning/serve/ledger"
)

// dsnEnv names the environment variable with the connection string of a ledger
// in PostgreSQL: on a command line everybody on the machine could read it.
const dsnEnv = "DUNNING_LEDGER_DSN"

// Where approvals leave the end of the audit chain, within a home. Each process
// that approves has a file of its own.
const (
	headsFolder = "audit"
	serverHeads = "heads-server.jsonl"
	localHeads  = "heads-local.jsonl"
)

// ledgerConfig says where the home's ledger is: in PostgreSQL where a
// connection string is given, and otherwise in the home's database.
func (a *app) ledgerConfig(dsn, heads string) (ledger.Config, error) {
	config := ledger.Config{Clock: a.now, DSN: cmp.Or(dsn, os.Getenv(dsnEnv))}
	if config.DSN == "" {
		config.Path = filepath.Join(a.home, serve.DatabaseName)
	}
	if heads != "" {
		folder := filepath.Join(a.home, headsFolder)
		if err := os.MkdirAll(folder, 0o755); err != nil {
			return config, fmt.Errorf("%w: home %s: %w", data.ErrUsage, a.home, err)
		}
		config.HeadsFile = filepath.Join(folder, heads)
	}
	return config, nil
}

// openLedger opens the home's ledger, whose actions are rechecked by the
// policy of the home's configuration and the outputs in store. tracing is nil for
// no spans.
func (a *app) openLedger(ctx context.Context, store serve.Store, dsn, heads string, tracing trace.TracerProvider, log *slog.Logger) (*ledger.Store, error) {
	engine, err := a.policyEngine(log)
	if err != nil {
		return nil, err
	}
	config, err := a.ledgerConfig(dsn, heads)
	if err != nil {
		return nil, err
	}
	config.Tracing = tracing
	return serve.NewRechecker(store, engine).OpenLedger(ctx, config)
}

// policyEngine is the one that plans are made by; where there is no
// configuration, the default one.
func (a *app) policyEngine(log *slog.Logger) (*policy.Engine, error) {
	path := cmp.Or(a.config, filepath.Join(a.home, pipeline.ConfigName))
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) && a.config == "" {
		log.Warn("no configuration: actions are rechecked by the default policy", "file", path)
		return policy.New(policy.DefaultConfig())
	}
	config, err := pipeline.LoadConfigFile(path)
	if err != nil {
		return nil, err
	}
	return policy.New(config.Policy)
}
