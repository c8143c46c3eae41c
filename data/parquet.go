package data

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
	"reflect"
	"unsafe"

	"github.com/parquet-go/parquet-go"
)

// batchRows is how many rows are decoded at a time: large enough to amortise
// the calls, small enough to bound memory whatever the file's size.
const batchRows = 4096

// rowGroupRows bounds a row group, the unit that workers share out.
const rowGroupRows = 131_072

// ErrDamagedFile marks a file whose content is not what its writer left: the
// hash does not match the manifest, or the Parquet cannot be decoded.
var ErrDamagedFile = errors.New("data: damaged file")

// Write writes rows to a Parquet file at path: to a temporary name, fsync,
// rename. The bytes depend on the rows alone.
func Write[T any](path string, rows []T) (File, error) {
	w, err := Create[T](path)
	if err != nil {
		return File{}, err
	}
	if err := w.Append(rows...); err != nil {
		w.Abort()
		return File{}, err
	}
	return w.Close()
}

// Writer appends rows of one type to a Parquet file that appears under its
// name only when Close succeeds. It is not safe for concurrent use.
type Writer[T any] struct {
	path string
	file *os.File
	rows *parquet.GenericWriter[T]
	n    int64
}

// Create starts a Parquet file; the folder must exist.
func Create[T any](path string) (*Writer[T], error) {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".tmp-*")
	if err != nil {
		return nil, fmt.Errorf("data: create %s: %w", path, err)
	}
	return &Writer[T]{path: path, file: f, rows: parquet.NewGenericWriter[T](f,
		parquet.Compression(&parquet.Zstd),
		parquet.MaxRowsPerRowGroup(rowGroupRows),
		parquet.CreatedBy("dunning", "1", ""),
	)}, nil
}

// Append adds rows; the slice is not kept.
func (w *Writer[T]) Append(rows ...T) error {
	n, err := w.rows.Write(rows)
	w.n += int64(n)
	if err != nil {
		return fmt.Errorf("data: write %s: %w", w.path, err)
	}
	return nil
}

// Abort drops the file. It is harmless after Close.
func (w *Writer[T]) Abort() {
	if w.file != nil {
		w.file.Close()
		os.Remove(w.file.Name())
		w.file = nil
	}
}

// Close finishes the file, makes it durable and gives it its name.
func (w *Writer[T]) Close() (File, error) {
	defer w.Abort()
	if err := w.rows.Close(); err != nil {
		return File{}, fmt.Errorf("data: write %s: %w", w.path, err)
	}
	if err := w.file.Sync(); err != nil {
		return File{}, fmt.Errorf("data: sync %s: %w", w.path, err)
	}
	if err := w.file.Chmod(0o644); err != nil {
		return File{}, fmt.Errorf("data: write %s: %w", w.path, err)
	}
	if err := os.Rename(w.file.Name(), w.path); err != nil {
		return File{}, fmt.Errorf("data: write %s: %w", w.path, err)
	}
	return Stat(w.path, w.n)
}

// Read returns all rows of a Parquet file. Columns of T that the file lacks
// are an error that wraps [ErrDamagedFile]; further columns are ignored.
func Read[T any](path string) ([]T, error) {
	var all []T
	for batch, err := range Scan[T](path) {
		if err != nil {
			return nil, err
		}
		all = append(all, batch...)
	}
	return all, nil
}

// Scan yields the rows of a Parquet file in batches. A batch is valid until
// the next one is asked for. A decoder that panics on a damaged file is turned
// into an error.
func Scan[T any](path string) iter.Seq2[[]T, error] { return scan[T](path, batchRows, false) }

// ScanBatches is [Scan] with at most so many rows in a batch, and faster: the texts
// of a batch share memory, and so do the values that its pointers point to. Who
// keeps one of them keeps those of its batch; it is for who keeps nothing or all.
func ScanBatches[T any](path string, rows int) iter.Seq2[[]T, error] {
	return scan[T](path, rows, true)
}

func scan[T any](path string, rows int, shared bool) iter.Seq2[[]T, error] {
	return func(yield func([]T, error) bool) {
		r, closeFile, err := open[T](path, shared)
		if err != nil {
			yield(nil, err)
			return
		}
		defer closeFile()
		scanRest(path, r, rows, yield)
	}
}

// rowReader reads the rows of a file as structs; io.EOF comes with the last rows
// or after them.
type rowReader[T any] interface {
	Read(rows []T) (n int, err error)
}

// fastReader is the rowReader of plain rows.
type fastReader[T any] struct{ *columnReader }

func (r fastReader[T]) Read(rows []T) (n int, err error) {
	if n, err = r.read(unsafe.Pointer(unsafe.SliceData(rows)), len(rows)); n == 0 && err == nil {
		err = io.EOF
	}
	return n, err
}

// scanRest yields the rows from where a reader stands, so many at a time.
func scanRest[T any](path string, r rowReader[T], rows int, yield func([]T, error) bool) {
	buf := make([]T, rows)
	for {
		clear(buf)
		n, err := readBatch(r, buf)
		if n > 0 && !yield(buf[:n], nil) {
			return
		}
		if err == io.EOF {
			return
		}
		if err != nil {
			yield(nil, fmt.Errorf("%s: %w: %w", path, ErrDamagedFile, err))
			return
		}
	}
}

// open opens a file for reading from its start.
func open[T any](path string, shared bool) (r rowReader[T], closeFile func() error, err error) {
	pf, closePlain, err := openRows[T](path)
	if err != nil {
		return nil, nil, err
	}
	defer func() {
		if p := recover(); p != nil {
			err = errors.Join(fmt.Errorf("%s: %w: %v", path, ErrDamagedFile, p), closePlain())
		}
	}()
	if c := newColumnReader(pf, reflect.TypeFor[T](), parquet.SchemaOf(new(T)), shared); c != nil {
		return fastReader[T]{c}, func() error { c.close(); return closePlain() }, nil
	}
	return parquet.NewGenericReader[T](pf), closePlain, nil
}

// openRows opens a file that has the columns of T.
func openRows[T any](path string) (pf *parquet.File, closeFile func() error, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, nil, fmt.Errorf("data: %w", err)
	}
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%s: %w: %v", path, ErrDamagedFile, p)
		}
		if err != nil {
			f.Close()
		}
	}()
	if pf, err = OpenParquet(f); err != nil {
		return nil, nil, fmt.Errorf("%s: %w: %w", path, ErrDamagedFile, err)
	}
	for _, field := range parquet.SchemaOf(new(T)).Fields() {
		if _, ok := pf.Schema().Lookup(field.Name()); !ok {
			return nil, nil, fmt.Errorf("%s: %w: no column %q", path, ErrDamagedFile, field.Name())
		}
	}
	return pf, f.Close, nil
}

// OpenParquet opens a Parquet file of any schema. The library takes the file's
// word for the length of its footer, for which a damaged one asks gigabytes;
// this does not. It may panic on other damage, as the library does.
func OpenParquet(f *os.File) (*parquet.File, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	const marks = 12 // "PAR1" at both ends, and the footer's length before the last
	tail := make([]byte, 8)
	if info.Size() < marks {
		return nil, errors.New("too short for a Parquet file")
	}
	if _, err := f.ReadAt(tail, info.Size()-8); err != nil {
		return nil, err
	}
	if footer := int64(binary.LittleEndian.Uint32(tail)); string(tail[4:]) != "PAR1" || footer > info.Size()-marks {
		return nil, errors.New("does not end as a Parquet file")
	}
	return parquet.OpenFile(f, info.Size())
}

func readBatch[T any](r rowReader[T], buf []T) (n int, err error) {
	defer func() {
		if p := recover(); p != nil {
			n, err = 0, fmt.Errorf("decoder: %v", p)
		}
	}()
	return r.Read(buf)
}

// Stat hashes a finished file.
func Stat(path string, rows int64) (File, error) {
	f, err := os.Open(path)
	if err != nil {
		return File{}, fmt.Errorf("data: %w", err)
	}
	defer f.Close()
	h := sha256.New()
	n, err := io.Copy(h, f)
	if err != nil {
		return File{}, fmt.Errorf("data: read %s: %w", path, err)
	}
	return File{Name: filepath.Base(path), Rows: rows, Bytes: n, SHA256: hex.EncodeToString(h.Sum(nil))}, nil
}
