package features

import (
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"

	"dunning/data"
)

// ReadTraining reads what [WriteTraining] wrote, exactly; NULL becomes NaN.
// The features are the columns whose names begin with f_, in the file's order;
// other columns that the table does not name are ignored. A file that cannot be
// decoded, lacks a column, has one of another type, or holds an unknown option
// is an error that wraps [data.ErrDamagedFile]; check the manifest's hash first
// to learn of a changed byte that decodes.
func ReadTraining(path string) (*Frame, error) {
	f := &Frame{}
	if err := readFrame(path, f, f.trainingColumns()); err != nil {
		return nil, err
	}
	for i, option := range f.Option {
		if option != data.Hold && option.Index() < 0 {
			return nil, fmt.Errorf("%s row %d: %w: %w %q", path, i+1, data.ErrDamagedFile, data.ErrUnknownChannel, option)
		}
	}
	return f, nil
}

// ReadScoring reads what [WriteScoring] wrote, likewise.
func ReadScoring(path string) (*Frame, error) {
	f := &Frame{}
	if err := readFrame(path, f, f.scoringColumns()); err != nil {
		return nil, err
	}
	return f, nil
}

func readFrame(path string, f *Frame, columns []frameColumn) (err error) {
	in, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("features: %w", err)
	}
	defer in.Close()
	// The decoder panics on some damaged files.
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%v", p)
		}
		if err != nil {
			err = fmt.Errorf("%s: %w: %w", path, data.ErrDamagedFile, err)
		}
	}()
	r, err := file.NewParquetReader(in)
	if err != nil {
		return err
	}
	defer r.Close()
	table, err := pqarrow.NewFileReader(r, pqarrow.ArrowReadProperties{}, memory.DefaultAllocator)
	if err != nil {
		return err
	}
	schema, err := table.Schema()
	if err != nil {
		return err
	}
	for _, field := range schema.Fields() {
		if strings.HasPrefix(field.Name, "f_") {
			f.Names = append(f.Names, field.Name)
		}
	}
	f.Cols = make([][]float32, len(f.Names))
	for j, name := range f.Names {
		columns = append(columns, floatColumn(name, &f.Cols[j]))
	}
	rows := -1
	for _, c := range columns {
		if err := readColumn(table, schema, c); err != nil {
			return fmt.Errorf("column %s: %w", c.name, err)
		}
		if rows < 0 {
			rows = c.length()
		}
		if c.length() != rows {
			return fmt.Errorf("column %s has %d rows, the first column %d", c.name, c.length(), rows)
		}
	}
	return nil
}

func readColumn(table *pqarrow.FileReader, schema *arrow.Schema, c frameColumn) error {
	at := schema.FieldIndices(c.name)
	switch {
	case len(at) == 0:
		return fmt.Errorf("missing")
	case len(at) > 1:
		return fmt.Errorf("appears %d times", len(at))
	case !arrow.TypeEqual(schema.Field(at[0]).Type, c.typ):
		return fmt.Errorf("type %s, expected %s", schema.Field(at[0]).Type, c.typ)
	}
	for g := range table.ParquetReader().NumRowGroups() {
		chunks, err := table.RowGroup(g).Column(at[0]).Read(context.Background())
		if err != nil {
			return err
		}
		for _, chunk := range chunks.Chunks() {
			if err := c.read(chunk); err != nil {
				chunks.Release()
				return err
			}
		}
		chunks.Release()
	}
	return nil
}
