package pipeline

import (
	_ "embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"dunning/data"
)

//go:embed dunning.yaml
var template string

// fileQuery is the query over the file of a table in HOME/sources. CSV is read
// as text, so that a bad value reaches the quarantine with its row.
func fileQuery(table, format string) string {
	if format == "parquet" {
		return fmt.Sprintf("SELECT * FROM read_parquet('sources/%s.parquet')", table)
	}
	return fmt.Sprintf("SELECT * FROM read_csv('sources/%s.csv', header = true, all_varchar = true, delim = ',', quote = '\"', escape = '\"', comment = '')", table)
}

// defaultYAML is the commented default configuration for sources of the given
// format; asOf may be empty.
func defaultYAML(format, asOf string) string {
	var sources strings.Builder
	for _, t := range SourceTables {
		fmt.Fprintf(&sources, "  %s:\n    query: |-\n      %s\n", t, fileQuery(t, format))
	}
	return strings.NewReplacer("{{as_of}}", asOf, "  # {{sources}}\n", sources.String()).Replace(template)
}

// WriteConfig writes a commented dunning.yaml with all defaults into home,
// which it makes where needed. The sources are the files
// home/sources/TABLE.FORMAT, with sourcesFormat "csv" or "parquet"; asOf may
// be empty. A file that exists is kept, and is an error that wraps
// [data.ErrUsage], unless force is set.
func WriteConfig(home, sourcesFormat, asOf string, force bool) (path string, err error) {
	if sourcesFormat != "csv" && sourcesFormat != "parquet" {
		return "", fmt.Errorf("%w: format %q is neither csv nor parquet", data.ErrUsage, sourcesFormat)
	}
	if asOf != "" {
		if _, err := data.ParseDate(asOf); err != nil {
			return "", fmt.Errorf("%w: as_of: %w", data.ErrUsage, err)
		}
	}
	if err := makeHome(home); err != nil {
		return "", err
	}
	path = filepath.Join(home, ConfigName)
	if _, err := os.Lstat(path); err == nil && !force {
		return "", fmt.Errorf("%w: %s exists; --force replaces it", data.ErrUsage, path)
	} else if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("%w: %w", data.ErrUsage, err)
	}
	if err := data.WriteFile(path, []byte(defaultYAML(sourcesFormat, asOf))); err != nil {
		return "", homeError(home, err)
	}
	return path, nil
}
