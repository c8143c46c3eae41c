package pipeline

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"dunning/data"
)

func TestDiagnose(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(t *testing.T, home string)
		health Health
		check  string
		detail string
	}{
		{"healthy", func(*testing.T, string) {}, Healthy, "configuration", "valid"},
		{"no home", func(t *testing.T, home string) { must(t, os.RemoveAll(home)) }, Broken, "home", "dunning init"},
		{"no configuration", func(t *testing.T, home string) { must(t, os.Remove(filepath.Join(home, ConfigName))) }, Broken, "configuration", "dunning init"},
		{"wrong configuration", func(t *testing.T, home string) {
			must(t, os.WriteFile(filepath.Join(home, ConfigName), []byte("sed: 1"), 0o644))
		}, Broken, "configuration", `did you mean "seed"`},
		{"missing source", func(t *testing.T, home string) { must(t, os.Remove(filepath.Join(home, "sources", "touches.csv"))) }, Broken, "source touches", "touches.csv"},
		{"unset secret", func(t *testing.T, home string) {
			must(t, os.WriteFile(filepath.Join(home, ConfigName), []byte("quarantine: {document_hmac_key_env: NO_SUCH_KEY}"), 0o644))
		}, Broken, "document key", "NO_SUCH_KEY"},
		{"override", func(t *testing.T, _ string) { t.Setenv("DUNNING_BUDGET_CENTS", "5") }, Healthy, "environment", "DUNNING_BUDGET_CENTS"},
		{"ignored variable", func(t *testing.T, _ string) { t.Setenv("DUNNING_SERVICE_PORT_HTTP", "5") }, Warning, "environment", "DUNNING_SERVICE_PORT_HTTP"},
		{"variable of another part", func(t *testing.T, _ string) { t.Setenv("DUNNING_API_KEY", "dun_x") }, Healthy, "configuration", "valid"},
		{"run at work", func(t *testing.T, home string) {
			unlock, err := lockHome(home)
			must(t, err)
			t.Cleanup(unlock)
		}, Warning, "home", "another run"},
		{"damaged output", func(t *testing.T, home string) {
			c, err := LoadConfig(home)
			must(t, err)
			out, err := extract(home, c)
			must(t, err)
			must(t, os.Truncate(out.Path(QuarantineName), 8))
		}, Broken, "output", QuarantineName},
	} {
		t.Run(tt.name, func(t *testing.T) {
			home, _ := writeHome(t, sourceFiles())
			_, err := WriteConfig(home, "csv", "", false)
			must(t, err)
			tt.change(t, home)
			found := false
			for _, c := range Diagnose(t.Context(), home, "DUNNING_API_KEY") {
				if strings.Contains(c.Detail, "DUNNING_API_KEY") {
					t.Errorf("it has a meaning of its own: %+v", c)
				}
				found = found || c.Name == tt.check && c.Health == tt.health && strings.Contains(c.Detail, tt.detail)
				if (c.Health == Broken) != (c.Err != nil) {
					t.Errorf("%+v", c)
				}
				if c.Err != nil && !errors.Is(c.Err, data.ErrUsage) && !errors.Is(c.Err, data.ErrBadInput) && !errors.Is(c.Err, data.ErrDamagedFile) {
					t.Errorf("%s: %v has no class", c.Name, c.Err)
				}
				if tt.name == "healthy" && c.Health != Healthy {
					t.Errorf("%+v", c)
				}
			}
			if !found {
				t.Errorf("no check %q says %q: %+v", tt.check, tt.detail, Diagnose(t.Context(), home))
			}
		})
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
