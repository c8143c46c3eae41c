package allocation

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"dunning/data"
)

// errEmpty marks a table without rows.
var errEmpty = errors.New("the table is empty")

// tableFiles lists the files of a table: path itself, the CSV and Parquet files
// in the folder path, or the files that the pattern path matches, sorted.
func tableFiles(path string) ([]string, error) {
	info, err := os.Stat(path)
	if err == nil && !info.IsDir() || err != nil && !strings.ContainsAny(path, "*?[") {
		return []string{path}, nil // what is wrong with it, its reader says
	}
	patterns := []string{path}
	if err == nil {
		patterns = nil
		for _, ext := range []string{"*.csv", "*.csv.gz", "*.parquet"} {
			patterns = append(patterns, filepath.Join(escapePattern(path), ext))
		}
	}
	var files []string
	for _, p := range patterns {
		found, err := filepath.Glob(p)
		if err != nil {
			return nil, fmt.Errorf("%w: %s: %w", data.ErrUsage, path, err)
		}
		files = append(files, found...)
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("%w: %s: no Parquet or CSV file is there", data.ErrBadInput, path)
	}
	slices.Sort(files)
	return files, nil
}

// escapePattern makes a path a pattern that matches it alone.
func escapePattern(path string) string {
	return strings.NewReplacer(`\`, `\\`, "*", `\*`, "?", `\?`, "[", `\[`).Replace(path)
}

// scanTable calls row for each data row of a CSV or Parquet file with the cells
// of the wanted columns, in their order; an optional column that the file lacks
// gives missing cells. Cells are valid during the call. An error of row is
// returned with the file and the row in front of it.
func scanTable(path string, required, optional []string, row func(cells []cell) error) error {
	f, err := os.Open(path)
	if err != nil {
		if errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("%w: %s: no such file; give a CSV or Parquet file with the columns %s", data.ErrBadInput, path, strings.Join(required, ", "))
		}
		return fmt.Errorf("%w: %s: %w", data.ErrBadInput, path, err)
	}
	defer f.Close()
	head := make([]byte, 4)
	n, err := io.ReadFull(f, head)
	if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
		return fmt.Errorf("%w: %s: %w", data.ErrBadInput, path, err)
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return fmt.Errorf("%w: %s: %w", data.ErrBadInput, path, err)
	}
	t := &table{path: path, required: required, optional: optional, row: row}
	switch {
	case n == 4 && string(head) == "PAR1":
		err = t.scanParquet(f)
	case strings.EqualFold(filepath.Ext(path), ".parquet"):
		return fmt.Errorf("%s: %w: does not begin as a Parquet file; write it again", path, data.ErrDamagedFile)
	case n >= 2 && head[0] == 0x1f && head[1] == 0x8b:
		z, zerr := gzip.NewReader(bufio.NewReader(f))
		if zerr != nil {
			return fmt.Errorf("%s: %w: %w", path, data.ErrDamagedFile, zerr)
		}
		err = t.scanCSV(z)
	default:
		err = t.scanCSV(f)
	}
	if err == nil && t.rows == 0 {
		return fmt.Errorf("%w: %s: %w; it needs at least one row", data.ErrBadInput, path, errEmpty)
	}
	return err
}

// table is one scan.
type table struct {
	path               string
	required, optional []string
	row                func(cells []cell) error
	rows               int // data rows so far
}

// wanted returns the position among the file's names of each wanted column, -1
// for an optional one that is absent.
func (t *table) wanted(names []string) ([]int, error) {
	at := func(want string) int {
		for i, n := range names {
			if n == want {
				return i
			}
		}
		return -1
	}
	var out []int
	for _, want := range t.required {
		i := at(want)
		if i < 0 {
			return nil, fmt.Errorf("%w: %s: no column %q; it needs %s and has %s", data.ErrBadInput, t.path, want,
				strings.Join(t.required, ", "), strings.Join(names, ", "))
		}
		out = append(out, i)
	}
	for _, want := range t.optional {
		out = append(out, at(want))
	}
	return out, nil
}

func (t *table) scanCSV(r io.Reader) error {
	b := bufio.NewReaderSize(r, 1<<16)
	if mark, err := b.Peek(3); err == nil && bytes.Equal(mark, []byte("\ufeff")) {
		b.Discard(3)
	}
	header, err := b.Peek(b.Size())
	if err != nil && err != io.EOF {
		return t.damaged(err)
	}
	line, _, _ := bytes.Cut(header, []byte("\n"))
	c := csv.NewReader(b)
	c.ReuseRecord = true
	if bytes.IndexByte(line, ';') >= 0 && bytes.IndexByte(line, ',') < 0 {
		c.Comma = ';'
	}
	names, err := c.Read()
	if err == io.EOF {
		return fmt.Errorf("%w: %s: %w; it needs a header and at least one row", data.ErrBadInput, t.path, errEmpty)
	}
	if err != nil {
		return t.damaged(err)
	}
	names = append([]string(nil), names...)
	for i := range names {
		names[i] = strings.TrimSpace(names[i])
	}
	cols, err := t.wanted(names)
	if err != nil {
		return err
	}
	cells := make([]cell, len(cols))
	for {
		record, err := c.Read()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return t.damaged(err)
		}
		t.rows++
		for k, i := range cols {
			cells[k] = cell{}
			if i >= 0 {
				if s := strings.TrimSpace(record[i]); s != "" {
					cells[k] = cell{kind: textCell, text: s}
				}
			}
		}
		if err := t.row(cells); err != nil {
			line, _ := c.FieldPos(0)
			return fmt.Errorf("%s row %d (line %d): %w", t.path, t.rows, line, err)
		}
	}
}

// damaged reports what the CSV or gzip reader could not read; the reader's
// text names the line.
func (t *table) damaged(err error) error {
	return fmt.Errorf("%s: %w: %w", t.path, data.ErrDamagedFile, err)
}
