package pipeline

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"syscall"

	"dunning/data"
)

// Health is how well a part of the installation does.
type Health string

// The degrees of health.
const (
	Healthy Health = "ok"
	Warning Health = "warning" // a run works, but not as it may be meant
	Broken  Health = "broken"  // a run would fail
)

// Check is one finding of [Diagnose].
type Check struct {
	Name   string `json:"name"`
	Health Health `json:"health"`
	Detail string `json:"detail"`
	// Err is why it is broken; its class gives the exit code.
	Err error `json:"-"`
}

// lowDisk is the free space below which a run may well fill the disk.
const lowDisk = 1 << 30

// Diagnose looks at everything that a run in home needs and changes nothing
// that is there; a home that does not exist is not made. It finds all faults,
// not only the first. known are environment variables with a meaning of their
// own, which name no key of the configuration.
func Diagnose(ctx context.Context, home string, known ...string) []Check {
	d := &doctor{home: home, knownEnv: known}
	d.findHome()
	config := d.findConfig()
	d.findDisk()
	d.findEngine(ctx)
	if config != nil {
		d.findSources(config)
		d.findSecrets(config)
	}
	d.findEnvironment(config)
	d.findOutputs()
	return d.checks
}

type doctor struct {
	home     string
	knownEnv []string
	checks   []Check
}

func (d *doctor) add(name string, health Health, format string, args ...any) {
	d.checks = append(d.checks, Check{Name: name, Health: health, Detail: fmt.Sprintf(format, args...)})
}

func (d *doctor) broken(name string, err error) {
	d.checks = append(d.checks, Check{Name: name, Health: Broken, Detail: err.Error(), Err: err})
}

func (d *doctor) findHome() {
	if _, err := os.Stat(d.home); errors.Is(err, fs.ErrNotExist) {
		d.broken("home", fmt.Errorf("%w: %s does not exist; make it with dunning init", data.ErrUsage, d.home))
		return
	}
	if err := makeHome(d.home); err != nil {
		d.broken("home", err)
		return
	}
	unlock, err := lockHome(d.home)
	switch {
	case errors.Is(err, data.ErrRefused):
		d.add("home", Warning, "%v", err)
	case err != nil:
		d.broken("home", err)
	default:
		unlock()
		d.add("home", Healthy, "%s can be written, no run is at work", d.home)
	}
}

func (d *doctor) findConfig() *Config {
	c, err := LoadConfig(d.home)
	if err != nil {
		d.broken("configuration", err)
		return nil
	}
	d.add("configuration", Healthy, "%s is valid", filepath.Join(d.home, ConfigName))
	return c
}

func (d *doctor) findDisk() {
	var st syscall.Statfs_t
	if err := syscall.Statfs(d.home, &st); err != nil {
		return // no home: said above
	}
	free := st.Bavail * uint64(st.Bsize)
	health := Healthy
	if free < lowDisk {
		health = Warning
	}
	d.add("disk", health, "%.1f GiB free", float64(free)/(1<<30))
}

// findEngine runs DuckDB once, in a scratch folder of the system.
func (d *doctor) findEngine(ctx context.Context) {
	tmp, err := os.MkdirTemp("", "dunning-doctor-")
	if err != nil {
		d.broken("duckdb", err)
		return
	}
	defer os.RemoveAll(tmp)
	e, err := openEngine(ctx, DefaultConfig(), tmp)
	if err != nil {
		d.broken("duckdb", err)
		return
	}
	defer e.close()
	var version, sum string
	if err := e.row("SELECT version(), left(md5('1'), 8)", &version, &sum); err != nil {
		d.broken("duckdb", err)
		return
	}
	d.add("duckdb", Healthy, "%s, %d threads on %d cores", version, runtime.GOMAXPROCS(0), runtime.NumCPU())
}

func (d *doctor) findSources(c *Config) {
	for _, name := range sortedKeys(c.Sources) {
		src := c.Sources[name]
		if src.Postgres != nil {
			continue // its secret is checked below; the server is not called
		}
		b, err := bindSource(src, c.dir)
		if err != nil {
			d.broken("source "+name, fmt.Errorf("sources.%s: %w", name, err))
			continue
		}
		var bytes int64
		for _, f := range b.files {
			file, err := os.Open(f)
			if err == nil {
				var info fs.FileInfo
				if info, err = file.Stat(); err == nil {
					bytes += info.Size()
				}
				file.Close()
			}
			if err != nil {
				d.broken("source "+name, fmt.Errorf("sources.%s: %w: %w", name, data.ErrBadInput, err))
			}
		}
		health, files := Healthy, "1 file"
		if n := len(b.files); n != 1 {
			files = fmt.Sprintf("%d files", n)
			if n == 0 {
				health, files = Warning, "no file: changes of what the query reads go unseen unless files names it"
			}
		}
		d.add("source "+name, health, "%s, %.1f MiB", files, float64(bytes)/(1<<20))
	}
}

func (d *doctor) findSecrets(c *Config) {
	if _, err := documentKeyFromEnv(c.Quarantine); err != nil {
		d.broken("document key", err)
	}
	for _, name := range sortedKeys(c.Sources) {
		if p := c.Sources[name].Postgres; p != nil {
			if os.Getenv(p.DSNEnv) == "" {
				d.broken("source "+name, fmt.Errorf("%w: sources.%s: environment variable %s (postgres.dsn_env) is not set", data.ErrUsage, name, p.DSNEnv))
			} else {
				d.add("source "+name, Healthy, "PostgreSQL, connection string in %s", p.DSNEnv)
			}
		}
	}
}

// findEnvironment lists DUNNING_ variables: which of them count, and which are
// not known.
func (d *doctor) findEnvironment(c *Config) {
	var used, ignored []string
	secrets := slices.Clone(d.knownEnv)
	raw := map[string]any{}
	if c != nil {
		secrets = append(secrets, c.Quarantine.DocumentHMACKeyEnv)
		for _, s := range c.Sources {
			if s.Postgres != nil {
				secrets = append(secrets, s.Postgres.DSNEnv)
			}
		}
		for _, section := range []struct {
			key   string
			names []string
		}{{"sources", sortedKeys(c.Sources)}, {"channels", textKeys(c.Channels)}} {
			m := map[string]any{}
			for _, n := range section.names {
				m[n] = map[string]any{}
			}
			raw[section.key] = m
		}
	}
	known := knownKeys("", reflect.TypeFor[Config](), raw)
	for _, v := range os.Environ() {
		name, _, _ := strings.Cut(v, "=")
		key, ok := strings.CutPrefix(name, envPrefix)
		switch {
		case !ok || slices.Contains(secrets, name):
		case slices.Contains(known, strings.ReplaceAll(strings.ToLower(key), "__", ".")):
			used = append(used, name)
		default:
			ignored = append(ignored, name)
		}
	}
	slices.Sort(used)
	slices.Sort(ignored)
	if len(used) > 0 {
		d.add("environment", Healthy, "overrides the file: %s", strings.Join(used, ", "))
	}
	if len(ignored) > 0 {
		d.add("environment", Warning, "names no key and is ignored: %s", strings.Join(ignored, ", "))
	}
}

func textKeys(m map[data.Channel]ChannelConfig) []string {
	var names []string
	for _, k := range sortedKeys(m) {
		names = append(names, string(k))
	}
	return names
}

// findOutputs re-hashes what stages left in the home.
func (d *doctor) findOutputs() {
	var links []string
	for _, pattern := range []string{"lake/*/*", "models/*", "models/*/*", "plans/*", "reports/*"} {
		found, err := filepath.Glob(filepath.Join(d.home, filepath.FromSlash(pattern)))
		if err != nil {
			continue // the home's own name is a broken glob: nothing can be found by it
		}
		for _, f := range found {
			if info, err := os.Lstat(f); err == nil && info.Mode()&fs.ModeSymlink != 0 && !strings.HasPrefix(filepath.Base(f), ".") {
				links = append(links, f)
			}
		}
	}
	whole := 0
	for _, f := range links {
		out, err := OpenOutput(f)
		if err == nil {
			err = out.Manifest.Verify(out.Dir)
		}
		if err != nil {
			d.broken("output", err)
			continue
		}
		whole++
	}
	if whole > 0 {
		d.add("outputs", Healthy, "%d match their manifests", whole)
	}
}
