package ledger

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"

	"dunning/data"
)

// Config says where the ledger is kept and what it depends on.
type Config struct {
	// Path is the file of an SQLite database, made where it does not exist; its
	// folder must. Exactly one of Path and DSN is given.
	Path string
	// DSN is the connection string of a PostgreSQL database.
	DSN string
	// Clock tells the time; required. Leases lapse, windows open and keys are
	// forgotten by it alone.
	Clock func() time.Time
	// Recheck is asked before actions are handed out; required by
	// [Store.Lease] and by nothing else.
	Recheck Recheck
	// LateAck is how long the money of an action stays reserved after its lease
	// lapsed where it cannot be handed out again: the dispatcher may have sent
	// it and still say so. 0 means 24 hours.
	LateAck time.Duration
	// KeepAnswers is how long first answers are kept for replay: 24 hours or
	// more; 0 means 48 hours.
	KeepAnswers time.Duration
	// HeadsFile, if given, gets one line of JSON for each approval: the end of
	// the audit chain. Kept away from the database, it shows a chain that was
	// cut short or rewritten since ([ReadHeads], [Store.Verify]). Each process
	// has a file of its own.
	HeadsFile string
	// Tracing is given a span for each write; nil: none are made. No span says
	// anything of a person.
	Tracing trace.TracerProvider
}

// validate reports every fault at once.
func (c Config) validate() error {
	var faults []string
	if (c.Path == "") == (c.DSN == "") {
		faults = append(faults, "one of Path and DSN is needed")
	}
	if c.Clock == nil {
		faults = append(faults, "Clock is needed")
	}
	if c.LateAck < 0 {
		faults = append(faults, "LateAck is negative")
	}
	if c.KeepAnswers != 0 && c.KeepAnswers < 24*time.Hour {
		faults = append(faults, "KeepAnswers is less than 24 hours")
	}
	if len(faults) > 0 {
		return fmt.Errorf("%w: ledger: %s", data.ErrUsage, strings.Join(faults, "; "))
	}
	return nil
}

// Store is the ledger on one database. Its methods may be called by any number
// of goroutines, and by any number of processes on one database.
type Store struct {
	db     database
	config Config
	// rechecking are the actions that some Lease of this process is asking
	// about, so that another one asks about others.
	rechecking *inFlight
	headsFile  sync.Mutex // held by who appends to it
	tracer     trace.Tracer
}

// Open opens the ledger and brings its schema up to date. It returns an error
// that wraps data.ErrUsage for a configuration that makes no sense and
// [ErrNewer] for a database of a newer program.
func Open(ctx context.Context, config Config) (*Store, error) {
	if err := config.validate(); err != nil {
		return nil, err
	}
	if config.LateAck == 0 {
		config.LateAck = 24 * time.Hour
	}
	if config.KeepAnswers == 0 {
		config.KeepAnswers = 48 * time.Hour
	}
	open, where := openSQLite, config.Path
	if config.DSN != "" {
		open, where = openPostgres, config.DSN
	}
	db, err := open(ctx, where)
	if err != nil {
		return nil, err
	}
	steps, err := migrationsOf(migrations, db.dialect())
	if err == nil {
		err = migrate(ctx, db, steps, config.Clock())
	}
	if err != nil {
		db.close()
		return nil, err
	}
	if config.Tracing == nil {
		config.Tracing = noop.NewTracerProvider()
	}
	return &Store{db: db, config: config, rechecking: &inFlight{ids: map[string]bool{}}, tracer: config.Tracing.Tracer("dunning/serve/ledger")}, nil
}

// Close closes the database. It may be called twice. Once a sync of an SQLite
// database failed, every call returns an error that wraps [sqlite.ErrFailed], and
// the process must end; what was acknowledged is there when it is started again.
func (s *Store) Close() error { return s.db.close() }

// Units is an amount in whole units of a wallet: cents in a wallet of money,
// touches in a wallet of credits.
type Units int64

// MaxUnits is the largest amount of one entry: ten trillion reais, so that sums
// stay exact in every JSON reader.
const MaxUnits Units = 1_000_000_000_000_000

// System is the actor of what nobody asked for: actions that expire.
const System = "system"

// Currency says what a wallet holds.
type Currency string

// BRL is the currency of a wallet of money, in centavos.
const BRL Currency = "BRL"

// Credits is the currency of prepaid touches on a channel: a wallet from which
// each action of that channel draws one.
func Credits(c data.Channel) Currency { return Currency("credits:" + string(c)) }

// Channel returns the channel of a wallet of credits, "" for money.
func (c Currency) Channel() data.Channel {
	channel, _ := strings.CutPrefix(string(c), "credits:")
	if channel == string(c) {
		return ""
	}
	return data.Channel(channel)
}

// valid says whether the currency is one that wallets have.
func (c Currency) valid() bool { return c == BRL || c.Channel().Index() >= 0 }

// pays says whether a wallet of this currency may pay for a channel: money for
// any, at an action's cost in cents; credits for their own, one for an action.
func (c Currency) pays(channel data.Channel) bool { return c == BRL || c.Channel() == channel }

// checkID refuses ids that are empty, too long, not plain, or that could be
// those of entries which the ledger names itself (they have a slash).
func checkID(what, id string) error {
	if id == "" || len(id) > 200 || !plain(id) || strings.ContainsFunc(id, func(r rune) bool { return r <= ' ' || r == 0x7f || r == '/' }) {
		return fmt.Errorf("%w: %s %q: want 1 to 200 bytes without spaces and slashes", ErrInvalid, what, id)
	}
	return nil
}

// checkText refuses texts that a person must have written and did not.
func checkText(what, text string) error {
	if strings.TrimSpace(text) == "" || len(text) > 2000 || !plain(text) {
		return fmt.Errorf("%w: %s: want 1 to 2000 bytes", ErrInvalid, what)
	}
	return nil
}

// checkActor refuses names that cannot be told apart from others by eye.
func checkActor(what, name string) error {
	if name == "" || len(name) > 200 || strings.TrimSpace(name) != name || !plain(name) || strings.ContainsFunc(name, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return fmt.Errorf("%w: %s %q: want 1 to 200 bytes without spaces around them", ErrInvalid, what, name)
	}
	return nil
}
