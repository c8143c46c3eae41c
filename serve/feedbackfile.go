package serve

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"dunning/data"
)

// feedbackBuffer is how many bytes of rows are kept before they are written: a
// day may have more rows than belong into memory, at each round of the upkeep.
var feedbackBuffer = 1 << 20

// feedbackFiles are CSV files that are being written beside those of their names.
type feedbackFiles struct {
	root  string
	files map[string]*feedbackFile // by TABLE/DAY.csv
	kept  int                      // bytes that wait in all of them
}

// feedbackFile is one of them; it is open only while rows are appended, since
// there may be one for each day of years.
type feedbackFile struct {
	path, temporary string
	waiting         bytes.Buffer
}

// add appends a row to a file of a table, which begins with the table's columns.
func (f *feedbackFiles) add(table, name string, row []string) error {
	key := filepath.Join(table, name+".csv")
	file, ok := f.files[key]
	if !ok {
		file = &feedbackFile{path: filepath.Join(f.root, key)}
		f.files[key] = file
		if err := f.append(file, feedbackTables[table]); err != nil {
			return err
		}
	}
	if row == nil {
		return nil
	}
	return f.append(file, row)
}

func (f *feedbackFiles) append(file *feedbackFile, row []string) error {
	before := file.waiting.Len()
	w := csv.NewWriter(&file.waiting)
	if err := errors.Join(w.Write(row), flushed(w)); err != nil {
		return fmt.Errorf("serve: %s: %w", file.path, err)
	}
	if f.kept += file.waiting.Len() - before; f.kept < feedbackBuffer {
		return nil
	}
	for _, file := range f.files {
		if err := file.spill(); err != nil {
			return err
		}
	}
	f.kept = 0
	return nil
}

func flushed(w *csv.Writer) error {
	w.Flush()
	return w.Error()
}

// spill writes what waits to the temporary file.
func (f *feedbackFile) spill() error {
	if f.waiting.Len() == 0 {
		return nil
	}
	var to *os.File
	var err error
	if f.temporary == "" {
		if to, err = os.CreateTemp(filepath.Dir(f.path), "."+filepath.Base(f.path)+".tmp-*"); err == nil {
			f.temporary = to.Name()
		}
	} else {
		to, err = os.OpenFile(f.temporary, os.O_WRONLY|os.O_APPEND, 0)
	}
	if err != nil {
		return fmt.Errorf("serve: %w", err)
	}
	_, err = f.waiting.WriteTo(to)
	if err = errors.Join(err, to.Close()); err != nil {
		return fmt.Errorf("serve: %w", err)
	}
	return nil
}

// publish gives all files their names, whole and on disk.
func (f *feedbackFiles) publish() error {
	for _, file := range f.files {
		if err := errors.Join(file.spill(), file.publish()); err != nil {
			return fmt.Errorf("serve: %s: %w", file.path, err)
		}
	}
	return nil
}

// publish leaves a file alone that is so already: it keeps its time, and extract
// need not read it again.
func (f *feedbackFile) publish() error {
	same, err := sameContent(f.path, f.temporary)
	if err != nil || same {
		return err
	}
	file, err := os.OpenFile(f.temporary, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	if err := errors.Join(file.Chmod(0o644), file.Sync(), file.Close()); err != nil {
		return err
	}
	if err := os.Rename(f.temporary, f.path); err != nil {
		return err
	}
	f.temporary = ""
	return data.SyncDir(filepath.Dir(f.path))
}

// discard removes what was not published.
func (f *feedbackFiles) discard() {
	for _, file := range f.files {
		if file.temporary != "" {
			os.Remove(file.temporary)
		}
	}
}

// sameContent compares two files; one that does not exist is like no other.
func sameContent(old, fresh string) (bool, error) {
	a, err := os.Open(old)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer a.Close()
	b, err := os.Open(fresh)
	if err != nil {
		return false, err
	}
	defer b.Close()
	one, other := make([]byte, 64<<10), make([]byte, 64<<10)
	for {
		n, errA := io.ReadFull(a, one)
		m, errB := io.ReadFull(b, other)
		if !bytes.Equal(one[:n], other[:m]) {
			return false, nil
		}
		if errA != nil || errB != nil {
			return ended(errA) && ended(errB), errors.Join(unlessEnded(errA), unlessEnded(errB))
		}
	}
}

func ended(err error) bool { return err == io.EOF || err == io.ErrUnexpectedEOF }

func unlessEnded(err error) error {
	if ended(err) {
		return nil
	}
	return err
}
