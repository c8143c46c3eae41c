package pipeline

import (
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
		`{}`, `null`, `[]`, `{"schema_version":2}`, `{"schema_version":2,"ensemble":{"bags":[null]}}`, `{"schema_version":2,"ensemble":{"bags":[{}]}}`,
		`{"schema_version":2,"ensemble":{"bags":[{"classes":[{}],"levels":[1],"groups":{"":{"class":[1],"level":[1]}}}]},"channels":{"sms":null}}`,
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
