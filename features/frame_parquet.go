package features

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/compress"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"

	"dunning/data"
)

// frameGroupRows bounds a row group of a frame's file, and with it the memory
// that writing takes beside the frame.
const frameGroupRows = 65_536

// frameColumn is one column of a frame's file, bound to a frame.
type frameColumn struct {
	name   string
	typ    arrow.DataType
	null   bool // NaN is kept as NULL
	length func() int
	write  func(b array.Builder, lo, hi int)
	read   func(a arrow.Array) error
}

// WriteTraining writes a training frame to a Parquet file at path: to a
// temporary name, fsync, rename. The columns are unit_id, customer_id, as_of,
// option, treat_prob, outcome_paid, outcome_cents, outcome_day, touched_after
// and the features, FLOAT with NULL for NaN. The bytes depend on the frame
// alone.
func WriteTraining(path string, f *Frame) (data.File, error) {
	return writeFrame(path, f, f.trainingColumns())
}

// WriteScoring writes a scoring frame likewise: unit_id, customer_id, as_of,
// day, balance_cents, days_past_due and the features.
func WriteScoring(path string, f *Frame) (data.File, error) {
	return writeFrame(path, f, f.scoringColumns())
}

func (f *Frame) keyColumns() []frameColumn {
	return []frameColumn{
		stringColumn("unit_id", &f.UnitID),
		stringColumn("customer_id", &f.CustomerID),
		dateColumn("as_of", &f.AsOf),
	}
}

func (f *Frame) trainingColumns() []frameColumn {
	return append(f.keyColumns(),
		stringColumn("option", &f.Option),
		doubleColumn("treat_prob", &f.TreatProb),
		boolColumn("outcome_paid", &f.OutcomePaid),
		centsColumn("outcome_cents", &f.OutcomeCents),
		int32Column("outcome_day", &f.OutcomeDay),
		boolColumn("touched_after", &f.TouchedAfter),
	)
}

func (f *Frame) scoringColumns() []frameColumn {
	return append(f.keyColumns(),
		dateColumn("day", &f.Day),
		centsColumn("balance_cents", &f.BalanceCents),
		int32Column("days_past_due", &f.DaysPastDue),
	)
}

func writeFrame(path string, f *Frame, columns []frameColumn) (file data.File, err error) {
	for j, name := range f.Names {
		columns = append(columns, floatColumn(name, &f.Cols[j]))
	}
	fields := make([]arrow.Field, len(columns))
	for i, c := range columns {
		fields[i] = arrow.Field{Name: c.name, Type: c.typ, Nullable: c.null}
		if c.length() != f.Len() {
			return data.File{}, fmt.Errorf("features: write %s: column %s has %d values for %d rows", path, c.name, c.length(), f.Len())
		}
	}
	tmp, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".tmp-*")
	if err != nil {
		return data.File{}, fmt.Errorf("features: create %s: %w", path, err)
	}
	defer os.Remove(tmp.Name()) // fails once renamed, as it should
	err = encodeFrame(tmp, arrow.NewSchema(fields, nil), columns, f.Len())
	if err == nil {
		err = tmp.Chmod(0o644)
	}
	if err == nil {
		err = tmp.Sync()
	}
	if cerr := tmp.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = os.Rename(tmp.Name(), path)
	}
	if err == nil {
		err = data.SyncDir(filepath.Dir(path))
	}
	if err != nil {
		return data.File{}, fmt.Errorf("features: write %s: %w", path, err)
	}
	return data.Stat(path, int64(f.Len()))
}

// keepOpen hides Close from the Parquet writer, which would close the file
// before it is synced.
type keepOpen struct{ *os.File }

func (keepOpen) Close() error { return nil }

func encodeFrame(out *os.File, schema *arrow.Schema, columns []frameColumn, rows int) error {
	w, err := pqarrow.NewFileWriter(schema, keepOpen{out}, parquet.NewWriterProperties(
		parquet.WithCompression(compress.Codecs.Zstd),
		parquet.WithCompressionLevel(1),
		parquet.WithMaxRowGroupLength(frameGroupRows),
		parquet.WithDictionaryFor("unit_id", false), // unique: a dictionary is only in the way
		parquet.WithCreatedBy("dunning version 1"),
	), pqarrow.DefaultWriterProps())
	if err != nil {
		return err
	}
	for lo := 0; lo < rows; lo += frameGroupRows {
		if err := encodeGroup(w, schema, columns, lo, min(lo+frameGroupRows, rows)); err != nil {
			w.Close()
			return err
		}
	}
	return w.Close()
}

func encodeGroup(w *pqarrow.FileWriter, schema *arrow.Schema, columns []frameColumn, lo, hi int) error {
	w.NewRowGroup()
	for i, c := range columns {
		b := array.NewBuilder(memory.DefaultAllocator, schema.Field(i).Type)
		c.write(b, lo, hi)
		a := b.NewArray()
		b.Release()
		err := w.WriteColumnData(a)
		a.Release()
		if err != nil {
			return fmt.Errorf("column %s: %w", c.name, err)
		}
	}
	return nil
}

func stringColumn[T ~string](name string, values *[]T) frameColumn {
	return frameColumn{
		name: name, typ: arrow.BinaryTypes.String,
		length: func() int { return len(*values) },
		write: func(b array.Builder, lo, hi int) {
			sb := b.(*array.StringBuilder)
			for _, v := range (*values)[lo:hi] {
				sb.Append(string(v))
			}
		},
		read: func(a arrow.Array) error {
			s, err := typed[*array.String](a)
			if err != nil {
				return err
			}
			var last T
			for i := range s.Len() {
				// Copied, because the array's memory holds the whole group;
				// runs of one value share their copy.
				if v := s.Value(i); string(last) != v || i == 0 {
					last = T([]byte(v))
				}
				*values = append(*values, last)
			}
			return nil
		},
	}
}

func dateColumn(name string, values *[]data.Date) frameColumn {
	return frameColumn{
		name: name, typ: arrow.FixedWidthTypes.Date32,
		length: func() int { return len(*values) },
		write: func(b array.Builder, lo, hi int) {
			db := b.(*array.Date32Builder)
			for _, v := range (*values)[lo:hi] {
				db.Append(arrow.Date32(v))
			}
		},
		read: func(a arrow.Array) error {
			d, err := typed[*array.Date32](a)
			if err != nil {
				return err
			}
			for _, v := range d.Date32Values() {
				*values = append(*values, data.Date(v))
			}
			return nil
		},
	}
}

func boolColumn(name string, values *[]bool) frameColumn {
	return frameColumn{
		name: name, typ: arrow.FixedWidthTypes.Boolean,
		length: func() int { return len(*values) },
		write: func(b array.Builder, lo, hi int) {
			b.(*array.BooleanBuilder).AppendValues((*values)[lo:hi], nil)
		},
		read: func(a arrow.Array) error {
			v, err := typed[*array.Boolean](a)
			if err != nil {
				return err
			}
			for i := range v.Len() {
				*values = append(*values, v.Value(i))
			}
			return nil
		},
	}
}

func centsColumn(name string, values *[]data.Cents) frameColumn {
	return frameColumn{
		name: name, typ: arrow.PrimitiveTypes.Int64,
		length: func() int { return len(*values) },
		write: func(b array.Builder, lo, hi int) {
			ib := b.(*array.Int64Builder)
			for _, v := range (*values)[lo:hi] {
				ib.Append(int64(v))
			}
		},
		read: func(a arrow.Array) error {
			v, err := typed[*array.Int64](a)
			if err != nil {
				return err
			}
			for _, x := range v.Int64Values() {
				*values = append(*values, data.Cents(x))
			}
			return nil
		},
	}
}

func int32Column(name string, values *[]int32) frameColumn {
	return frameColumn{
		name: name, typ: arrow.PrimitiveTypes.Int32,
		length: func() int { return len(*values) },
		write: func(b array.Builder, lo, hi int) {
			b.(*array.Int32Builder).AppendValues((*values)[lo:hi], nil)
		},
		read: func(a arrow.Array) error {
			v, err := typed[*array.Int32](a)
			if err != nil {
				return err
			}
			*values = append(*values, v.Int32Values()...)
			return nil
		},
	}
}

func floatColumn(name string, values *[]float32) frameColumn {
	return frameColumn{
		name: name, typ: arrow.PrimitiveTypes.Float32, null: true,
		length: func() int { return len(*values) },
		write: func(b array.Builder, lo, hi int) {
			b.(*array.Float32Builder).AppendValues((*values)[lo:hi], known((*values)[lo:hi]))
		},
		read: func(a arrow.Array) error {
			v, ok := a.(*array.Float32)
			if !ok {
				return fmt.Errorf("type %s, expected float", a.DataType())
			}
			*values = appendNullable(*values, v.Float32Values(), v, float32(nan))
			return nil
		},
	}
}

func doubleColumn(name string, values *[]float64) frameColumn {
	return frameColumn{
		name: name, typ: arrow.PrimitiveTypes.Float64, null: true,
		length: func() int { return len(*values) },
		write: func(b array.Builder, lo, hi int) {
			b.(*array.Float64Builder).AppendValues((*values)[lo:hi], known((*values)[lo:hi]))
		},
		read: func(a arrow.Array) error {
			v, ok := a.(*array.Float64)
			if !ok {
				return fmt.Errorf("type %s, expected double", a.DataType())
			}
			*values = appendNullable(*values, v.Float64Values(), v, nan)
			return nil
		},
	}
}

// known tells which values are not NaN.
func known[T float32 | float64](values []T) []bool {
	valid := make([]bool, len(values))
	for i, v := range values {
		valid[i] = v == v
	}
	return valid
}

// appendNullable appends the values of a, missing for NULL.
func appendNullable[T float32 | float64](to, values []T, a arrow.Array, missing T) []T {
	from := len(to)
	to = append(to, values...)
	if a.NullN() > 0 {
		for i := range values {
			if a.IsNull(i) {
				to[from+i] = missing
			}
		}
	}
	return to
}

// typed returns a as the array type of a column that has no NULL.
func typed[A arrow.Array](a arrow.Array) (A, error) {
	v, ok := a.(A)
	if !ok {
		return v, fmt.Errorf("unexpected type %s", a.DataType())
	}
	if a.NullN() > 0 {
		return v, fmt.Errorf("NULL in %d of %d rows", a.NullN(), a.Len())
	}
	return v, nil
}
