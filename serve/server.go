package serve

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"runtime"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
	"go.opentelemetry.io/otel/trace"
	"golang.org/x/time/rate"

	"dunning/data"
	"dunning/policy/regua"
	"dunning/serve/ledger"
)

// Config holds the settings of a server.
type Config struct {
	Addr           string        // host:port; port 0 takes a free one; default 127.0.0.1:8080
	TLSCert        string        // PEM file; "" serves plain HTTP
	TLSKey         string        // PEM file, with TLSCert
	MaxRows        int           // rows of one batch, 1 to 100,000; default 10,000
	MaxBodyBytes   int64         // bytes of one body, 1 KiB to 64 MiB; default 8 MiB
	RatePerSecond  float64       // requests per second and key, above 0; default 50
	Burst          int           // requests at once per key, at least 1; default 100
	ShutdownGrace  time.Duration // how long a stop waits for requests under way; default 10 s
	PrivateMetrics bool          // /metrics needs a key; it is public otherwise
	Version        string        // of the API, as its document says
	Reguas         *regua.Store  // the home's réguas; nil: none are kept
	TryRegua       TryRegua      // nil: none are tried
	// Tracing is given a span for each request; nil: none are made. A span has the
	// route's pattern, never its values.
	Tracing trace.TracerProvider
	// Now is the clock; nil means time.Now.
	Now func() time.Time
}

// DefaultConfig returns the defaults named at the fields of [Config].
func DefaultConfig() Config {
	return Config{Addr: "127.0.0.1:8080", MaxRows: 10_000, MaxBodyBytes: 8 << 20, RatePerSecond: 50, Burst: 100,
		ShutdownGrace: 10 * time.Second, Version: "1", Now: time.Now}
}

// Validate reports every fault at once, as wrong usage.
func (c Config) Validate() error {
	var faults []error
	check := func(ok bool, format string, args ...any) {
		if !ok {
			faults = append(faults, fmt.Errorf("serve: %w: %s", data.ErrUsage, fmt.Sprintf(format, args...)))
		}
	}
	_, port, err := net.SplitHostPort(c.Addr)
	check(err == nil && port != "", "addr %q is not host:port", c.Addr)
	check((c.TLSCert == "") == (c.TLSKey == ""), "a certificate needs its key and a key its certificate")
	check(c.MaxRows >= 1 && c.MaxRows <= 100_000, "max rows %d, must be 1 to 100000", c.MaxRows)
	check(c.MaxBodyBytes >= 1<<10 && c.MaxBodyBytes <= 64<<20, "max body bytes %d, must be 1 KiB to 64 MiB", c.MaxBodyBytes)
	check(c.RatePerSecond > 0, "rate %g must be above 0", c.RatePerSecond)
	check(c.Burst >= 1, "burst %d must be at least 1", c.Burst)
	check(c.ShutdownGrace >= 0, "shutdown grace %s is negative", c.ShutdownGrace)
	return errors.Join(faults...)
}

// Server answers requests from a store, for holders of keys.
type Server struct {
	config   Config
	store    Store
	keys     *Keys
	ledger   *ledger.Store
	log      *slog.Logger
	api      huma.API
	metrics  *metrics
	limits   *limits
	document []byte
	handler  http.Handler
	pages    http.Handler // nil without pages

	ledgerPlans ledgerPlans
	trying      chan struct{} // holds one while a régua is tried
	trials      *trials

	certificates []tls.Certificate // none without TLS
}

// New makes a server. It takes no ownership of store, keys and ledger.
func New(config Config, store Store, keys *Keys, l *ledger.Store, log *slog.Logger) (*Server, error) {
	if err := config.Validate(); err != nil {
		return nil, err
	}
	if config.Now == nil {
		config.Now = time.Now
	}
	s := &Server{config: config, store: store, keys: keys, ledger: l, log: log, metrics: newMetrics(store, l), trying: make(chan struct{}, 1), trials: newTrials(),
		limits: &limits{rate: rate.Limit(config.RatePerSecond), burst: config.Burst, buckets: map[string]*rate.Limiter{}}}
	if config.TLSCert != "" {
		cert, err := tls.LoadX509KeyPair(config.TLSCert, config.TLSKey)
		if err != nil {
			return nil, fmt.Errorf("serve: %w: TLS certificate: %w", data.ErrUsage, err)
		}
		s.certificates = []tls.Certificate{cert}
	}
	mux := http.NewServeMux()
	s.api = humago.New(mux, s.humaConfig())
	s.api.UseMiddleware(s.admit)
	s.routes()
	if err := s.marshalDocument(); err != nil {
		return nil, err
	}
	s.handler = s.traced(s.wrap(mux))
	return s, nil
}

// humaConfig leaves out huma's own routes: its documentation page loads from a
// CDN, and every route of ours is registered with its roles.
func (s *Server) humaConfig() huma.Config {
	c := huma.DefaultConfig("Dunning", s.config.Version)
	c.OpenAPIPath, c.DocsPath, c.SchemasPath = "", "", ""
	c.CreateHooks = nil
	c.RejectUnknownQueryParameters = true
	c.Transformers = []huma.Transformer{s.ours}
	c.Info.Description = "Scores of customers, actions of plans, and the ledger: wallets, approvals, dispatch, events, audit. Errors are problem documents (RFC 9457) with a code. The roles that a route admits stand as scopes of its security."
	c.Components.SecuritySchemes = map[string]*huma.SecurityScheme{
		security: {Type: "http", Scheme: "bearer", BearerFormat: "dun_<prefix>_<secret>", Description: "A key made by \"dunning keys create\"."},
	}
	return c
}

// Handler returns the whole API, for tests and for servers of others.
func (s *Server) Handler() http.Handler { return s.handler }

// OpenAPI returns the OpenAPI document as JSON. The bytes are the server's own.
func (s *Server) OpenAPI() []byte { return s.document }

// Listen binds the address of the configuration, so that the caller can tell
// the port before the server starts.
func (s *Server) Listen() (net.Listener, error) {
	ln, err := net.Listen("tcp", s.config.Addr)
	if err != nil {
		return nil, fmt.Errorf("serve: %w; choose another address with --addr", err)
	}
	return ln, nil
}

// Serve answers requests until ctx ends, then lets those under way finish, at
// most ShutdownGrace long. It returns nil after such an end. On a machine of one
// core it sets GOMAXPROCS to two: calls into SQLite hold one of them, and with no
// other a request is not even read until the runtime's next turn, some 10 ms later.
func (s *Server) Serve(ctx context.Context, ln net.Listener) error {
	if os.Getenv("GOMAXPROCS") == "" {
		runtime.GOMAXPROCS(max(2, runtime.GOMAXPROCS(0)))
	}
	server := &http.Server{
		Handler:           s.handler,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       30 * time.Second,
		WriteTimeout:      60 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    16 << 10,
		TLSConfig:         &tls.Config{MinVersion: tls.VersionTLS12, Certificates: s.certificates},
		ErrorLog:          slog.NewLogLogger(s.log.Handler(), slog.LevelWarn),
	}
	ended := make(chan error, 1)
	go func() {
		if len(s.certificates) > 0 {
			ended <- server.ServeTLS(ln, "", "")
		} else {
			ended <- server.Serve(ln)
		}
	}()
	select {
	case err := <-ended:
		return fmt.Errorf("serve: %w", err)
	case <-ctx.Done():
	}
	s.log.Info("stopping", "grace", s.config.ShutdownGrace.String())
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.config.ShutdownGrace)
	defer cancel()
	s.trials.halt()
	defer s.trials.wait(grace)
	if err := server.Shutdown(grace); err != nil {
		server.Close()
		return fmt.Errorf("serve: requests were cut off after %s: %w", s.config.ShutdownGrace, err)
	}
	return nil
}
