package main

import (
	"database/sql"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	_ "github.com/duckdb/duckdb-go/v2"
)

// The page on reading the Parquet from elsewhere names the files and columns
// that a home has, and its SQL runs.
func TestDocumentedParquetIsThere(t *testing.T) {
	page, err := os.ReadFile(filepath.Join("..", "..", "docs", "NOTEBOOKS.md"))
	if err != nil {
		t.Fatal(err)
	}
	home := aRanHome(t)
	day := filepath.Base(onlyMatch(t, filepath.Join(home, "plans", "????-??-??")))
	db, err := sql.Open("duckdb", "")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()

	tables := regexp.MustCompile("(?m)^\\| [^|]+ \\| `([^`]+\\.parquet)`[^|]* \\| (.+) \\|$").FindAllStringSubmatch(string(page), -1)
	if len(tables) < 20 {
		t.Errorf("%d tables are described", len(tables))
	}
	for _, m := range tables {
		path := filepath.Join(home, strings.ReplaceAll(m[1], "DATE", day))
		described, _, features := strings.Cut(m[2], ", then the features")
		var columns string
		query := "SELECT string_agg(column_name, ', ') FROM (DESCRIBE SELECT COLUMNS(c -> c NOT LIKE 'f\\_%' ESCAPE '\\') FROM '" + path + "')"
		if err := db.QueryRow(query).Scan(&columns); err != nil {
			t.Errorf("%s: %v", m[1], err)
		} else if columns != described {
			t.Errorf("%s has the columns\n%s\ndescribed are\n%s", m[1], columns, described)
		}
		if features != strings.HasPrefix(m[1], "lake/features/") {
			t.Errorf("%s: features are described: %v", m[1], features)
		}
	}

	statements := regexp.MustCompile("(?s)```sql\n(.*?)```").FindAllStringSubmatch(string(page), -1)
	if len(statements) < 4 {
		t.Errorf("%d statements", len(statements))
	}
	answered := 0
	for _, m := range statements {
		query := strings.ReplaceAll(m[1], "DATE", day)
		for _, folder := range []string{"lake", "plans", "models"} {
			query = strings.ReplaceAll(query, "'"+folder+"/", "'"+home+"/"+folder+"/")
		}
		rows, err := db.Query(query)
		if err != nil {
			t.Errorf("%v: %s", err, query)
			continue
		}
		for rows.Next() {
			answered++
		}
		if err := rows.Close(); err != nil {
			t.Errorf("%v: %s", err, query)
		}
	}
	if answered < 10 {
		t.Errorf("%d rows from %d statements", answered, len(statements))
	}
}

// onlyMatch returns the one path that a pattern matches.
func onlyMatch(t *testing.T, pattern string) string {
	t.Helper()
	found, err := filepath.Glob(pattern)
	if err != nil || len(found) != 1 {
		t.Fatalf("%s matches %v, %v", pattern, found, err)
	}
	return found[0]
}
