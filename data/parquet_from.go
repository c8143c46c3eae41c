package data

import (
	"errors"
	"fmt"
	"io"
	"iter"
	"os"

	"github.com/parquet-go/parquet-go"
)

// fewRows is how many rows are decoded at a time where a few are wanted.
const fewRows = 256

// ScanFrom yields, in batches, the rows of a Parquet file whose text in a column
// is from or more; the file is in the order of that column. It reads that column
// of one row group, and rows from there on: what a customer's rows cost does not
// grow with the file. A batch is valid until the next one is asked for. A file that
// is not in order yields other rows; faults are those of [Scan].
func ScanFrom[T any](path, column, from string) iter.Seq2[[]T, error] {
	return func(yield func([]T, error) bool) {
		row, err := firstRow(path, column, from)
		if err != nil {
			yield(nil, err)
			return
		}
		file, closeFile, err := openRows[T](path)
		if err != nil {
			yield(nil, err)
			return
		}
		defer closeFile()
		r := parquet.NewGenericReader[T](file)
		if row >= r.NumRows() {
			return
		}
		if err := seek(r, row); err != nil {
			yield(nil, fmt.Errorf("%s: %w: %w", path, ErrDamagedFile, err))
			return
		}
		scanRest(path, r, fewRows, yield)
	}
}

func seek[T any](r *parquet.GenericReader[T], row int64) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("decoder: %v", p)
		}
	}()
	return r.SeekToRow(row)
}

// firstRow returns the number of the first row whose text in a column is from or
// more; the number of rows where there is none.
func firstRow(path, column, from string) (row int64, err error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, fmt.Errorf("data: %w", err)
	}
	defer f.Close()
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%s: %w: decoder: %v", path, ErrDamagedFile, p)
		}
	}()
	pf, err := OpenParquet(f)
	if err != nil {
		return 0, fmt.Errorf("%s: %w: %w", path, ErrDamagedFile, err)
	}
	leaf, ok := pf.Schema().Lookup(column)
	if !ok {
		return 0, fmt.Errorf("%s: %w: no column %q", path, ErrDamagedFile, column)
	}
	for _, group := range pf.RowGroups() {
		chunk := group.ColumnChunks()[leaf.ColumnIndex]
		if bounded, ok := chunk.(interface {
			Bounds() (low, high parquet.Value, ok bool)
		}); ok {
			// The upper bound of long texts may be cut off and rounded up, never down.
			if _, high, known := bounded.Bounds(); known && string(high.ByteArray()) < from {
				row += group.NumRows()
				continue
			}
		}
		n, err := before(chunk, from)
		if err != nil {
			return 0, fmt.Errorf("%s: %w: %w", path, ErrDamagedFile, err)
		}
		if row += n; n < group.NumRows() {
			break
		}
	}
	return row, nil
}

// before counts the first rows of a chunk whose text is less than from.
func before(chunk parquet.ColumnChunk, from string) (n int64, err error) {
	pages := chunk.Pages()
	defer pages.Close()
	values := make([]parquet.Value, fewRows)
	for {
		page, err := pages.ReadPage()
		if errors.Is(err, io.EOF) {
			return n, nil
		}
		if err != nil {
			return 0, err
		}
		for r := page.Values(); ; {
			k, err := r.ReadValues(values)
			for _, v := range values[:k] {
				if string(v.ByteArray()) >= from {
					parquet.Release(page)
					return n, nil
				}
				n++
			}
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				return 0, err
			}
		}
		parquet.Release(page)
	}
}
