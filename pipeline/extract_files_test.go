package pipeline

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dunning/data"
)

func TestBindFiles(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"a.csv", "b.csv", "it's.csv", "deep/x/c.parquet", "deep/d.parquet", "notes"} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, tt := range []struct {
		name, query, want string
		files             []string
		missing           string
	}{
		{"one file", "FROM read_csv('a.csv')", "FROM read_csv('DIR/a.csv')", []string{"a.csv"}, ""},
		{"list", "SELECT * FROM read_csv(['a.csv', 'b.csv'], delim = '/')", "SELECT * FROM read_csv(['DIR/a.csv', 'DIR/b.csv'], delim = '/')", []string{"a.csv", "b.csv"}, ""},
		{"glob", "FROM '?.csv'", "FROM 'DIR/?.csv'", []string{"a.csv", "b.csv"}, ""},
		{"deep glob", "FROM 'deep/**/*.parquet'", "FROM 'DIR/deep/**/*.parquet'", []string{"deep/d.parquet", "deep/x/c.parquet"}, ""},
		{"quoted identifier", `FROM "a.csv"`, `FROM "DIR/a.csv"`, []string{"a.csv"}, ""},
		{"quote in a name", "FROM 'it''s.csv'", "FROM 'DIR/it''s.csv'", []string{"it's.csv"}, ""},
		{"absolute", "FROM 'DIR/a.csv'", "FROM 'DIR/a.csv'", []string{"a.csv"}, ""},
		{"the same twice", "FROM 'a.csv' UNION ALL FROM 'a.csv'", "FROM 'DIR/a.csv' UNION ALL FROM 'DIR/a.csv'", []string{"a.csv"}, ""},
		{"no file names", "SELECT 'PF' AS kind, '.' AS dot, '*' AS star, 'notes' AS n, '%d/%m/%Y' AS f, 1.5 - 2 / 3", "", nil, ""},
		{"comments", "-- FROM 'a.csv'\nSELECT /* 'b.csv' */ 1", "", nil, ""},
		{"dollar quotes", "SELECT $$'a.csv'$$, $t$ 'b.csv' $t$", "", nil, ""},
		{"open quote", "SELECT 'a.csv", "", nil, ""},
		{"URL", "FROM 'https://example.org/a.csv'", "", nil, ""},
		{"missing file", "FROM read_parquet('c.parquet')", "", nil, "c.parquet"},
		{"missing in a list", "FROM read_csv([ 'c.csv'])", "", nil, "c.csv"},
		{"missing after join", "FROM 'a.csv' JOIN 'c.csv' USING (x)", "", nil, "c.csv"},
		{"glob without match", "FROM 'c*.csv'", "", nil, "c*.csv"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			here := func(s string) string { return strings.ReplaceAll(s, "DIR", dir) }
			got, files, err := bindFiles(here(tt.query), dir)
			if tt.missing != "" {
				if !errors.Is(err, data.ErrBadInput) || !strings.Contains(err.Error(), filepath.Join(dir, tt.missing)) {
					t.Errorf("error %v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			want := tt.want
			if want == "" {
				want = tt.query
			}
			if got != here(want) {
				t.Errorf("got %s, want %s", got, here(want))
			}
			for i := range files {
				files[i] = strings.TrimPrefix(files[i], dir+"/")
			}
			if diff := cmp.Diff(tt.files, files); diff != "" && len(tt.files)+len(files) > 0 {
				t.Errorf("files (-want +got):\n%s", diff)
			}
		})
	}
}

// What is not a file name must come out as it went in, whatever the text.
func FuzzBindFiles(f *testing.F) {
	for _, s := range []string{"SELECT 'a'", "--\n'", "/* ' */ $x$ ' $x$", `"a""b" 'c''d' $`, "'", "-", "$$"} {
		f.Add(s)
	}
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, query string) {
		if got, files, err := bindFiles(query, dir); err == nil && (got != query || len(files) > 0) {
			t.Errorf("%q became %q with %v", query, got, files)
		}
	})
}
