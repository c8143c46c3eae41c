package pipeline

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"dunning/data"
)

// FuzzLoadResponse: whatever stands in response.json, loading ends without a
// panic, and with the exit code of bad data where it is refused.
func FuzzLoadResponse(f *testing.F) {
	dir := f.TempDir()
	for _, seed := range []string{
		`{}`, `null`, `[]`, `{"schema_version":4}`, `{"schema_version":4,"ensemble":{"bags":[null]}}`, `{"schema_version":4,"ensemble":{"bags":[{}]}}`,
		`{"schema_version":4,"ensemble":{"bags":[{"classes":[{}],"levels":[1],"groups":{"":{"class":[1],"level":[1]}}}]},"channels":{"sms":null}}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if err := os.WriteFile(filepath.Join(dir, responseFile), b, 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := loadResponse(dir); err != nil && (data.ExitCode(err) != 3 || !strings.Contains(err.Error(), responseFile)) {
			t.Fatalf("exit code %d: %v", data.ExitCode(err), err)
		}
	})
}

// A model of an older program is no damaged one: the gate must tell it apart, or
// whoever brings the program up to date could never put a new version into force.
func TestAnOlderResponseModelIsToldFromADamagedOne(t *testing.T) {
	dir := t.TempDir()
	for content, older := range map[string]bool{`{"schema_version":3}`: true, `{"schema_version":4}`: false, `{"schema_version":9}`: false, `{}`: false} {
		if err := os.WriteFile(filepath.Join(dir, responseFile), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := loadResponse(dir); errors.Is(err, errOlderResponse) != older || data.ExitCode(err) != 3 {
			t.Errorf("%s: %v", content, err)
		}
	}
}
