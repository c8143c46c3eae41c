package allocation

import (
	"fmt"
	"io"
	"math"
	"os"
	"time"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/format"

	"dunning/data"
)

// parquetBatch is how many rows are decoded at a time.
const parquetBatch = 1024

// scanParquet reads a Parquet file row by row, without a type of rows: each
// cell comes as what the file's own schema says it is. Decoders that panic on
// a damaged file are turned into errors.
func (t *table) scanParquet(f *os.File) (err error) {
	inRow := false // a panic of the caller's row function is not the file's fault
	defer func() {
		if inRow {
			return
		}
		if p := recover(); p != nil {
			err = fmt.Errorf("%s: %w: %v", t.path, data.ErrDamagedFile, p)
		}
	}()
	file, err := data.OpenParquet(f)
	if err != nil {
		return fmt.Errorf("%s: %w: %w; write it again", t.path, data.ErrDamagedFile, err)
	}
	fields := file.Schema().Fields()
	names := make([]string, len(fields))
	for i, field := range fields {
		names[i] = field.Name()
	}
	cols, err := t.wanted(names)
	if err != nil {
		return err
	}
	leaves := make(map[int]int, len(cols)) // leaf column → wanted column
	read := make([]func(parquet.Value) cell, len(cols))
	for k, i := range cols {
		if i < 0 {
			continue
		}
		leaf, ok := file.Schema().Lookup(names[i])
		if !ok || leaf.MaxRepetitionLevel > 0 {
			return fmt.Errorf("%w: %s: column %q is nested; it must hold one value per row", data.ErrBadInput, t.path, names[i])
		}
		leaves[leaf.ColumnIndex] = k
		read[k] = cellReader(leaf.Node.Type())
	}
	cells := make([]cell, len(cols))
	each := func(row parquet.Row) error {
		clear(cells)
		for _, v := range row {
			if k, ok := leaves[v.Column()]; ok && !v.IsNull() {
				cells[k] = read[k](v)
			}
		}
		t.rows++
		inRow = true
		err := t.row(cells)
		inRow = false
		if err != nil {
			return fmt.Errorf("%s row %d: %w", t.path, t.rows, err)
		}
		return nil
	}
	for _, group := range file.RowGroups() {
		if err := t.scanRowGroup(group, each); err != nil {
			return err
		}
	}
	return nil
}

func (t *table) scanRowGroup(group parquet.RowGroup, each func(parquet.Row) error) error {
	rows := group.Rows()
	defer rows.Close()
	buf := make([]parquet.Row, parquetBatch)
	for {
		n, err := rows.ReadRows(buf)
		for _, row := range buf[:n] {
			if err := each(row); err != nil {
				return err
			}
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return fmt.Errorf("%s: %w: after row %d: %w", t.path, data.ErrDamagedFile, t.rows, err)
		}
	}
}

// cellReader returns the conversion of a column's values.
func cellReader(kind parquet.Type) func(parquet.Value) cell {
	_, decimal := logicalType(kind).(*format.DecimalType)
	switch kind.Kind() {
	case parquet.Boolean:
		return func(v parquet.Value) cell {
			if v.Boolean() {
				return cell{kind: boolCell, whole: 1}
			}
			return cell{kind: boolCell}
		}
	case parquet.Int32, parquet.Int64:
		return wholeReader(kind)
	case parquet.Float:
		return func(v parquet.Value) cell { return cell{kind: numberCell, number: float64(v.Float())} }
	case parquet.Double:
		return func(v parquet.Value) cell { return cell{kind: numberCell, number: v.Double()} }
	case parquet.ByteArray:
		if !decimal {
			return func(v parquet.Value) cell {
				if len(v.ByteArray()) == 0 {
					return cell{}
				}
				return cell{kind: textCell, text: string(v.ByteArray())}
			}
		}
	}
	name := kind.String()
	return func(parquet.Value) cell { return cell{kind: otherCell, text: "of type " + name} }
}

// wholeReader reads the integers: days, instants (whose UTC day counts),
// decimals and plain ones.
func wholeReader(kind parquet.Type) func(parquet.Value) cell {
	whole := func(v parquet.Value) int64 {
		if v.Kind() == parquet.Int32 {
			return int64(v.Int32())
		}
		return v.Int64()
	}
	switch logical := logicalType(kind).(type) {
	case *format.DateType:
		return func(v parquet.Value) cell { return cell{kind: dayCell, whole: whole(v)} }
	case *format.TimestampType:
		perDay := int64(24*time.Hour) / int64(logical.Unit.Value.Duration())
		return func(v parquet.Value) cell {
			day, rest := whole(v)/perDay, whole(v)%perDay
			if rest < 0 {
				day--
			}
			return cell{kind: dayCell, whole: day}
		}
	case *format.DecimalType:
		scale := math.Pow10(int(logical.Scale))
		return func(v parquet.Value) cell { return cell{kind: numberCell, number: float64(whole(v)) / scale} }
	}
	return func(v parquet.Value) cell { return cell{kind: wholeCell, whole: whole(v)} }
}

// logicalType returns what the file says the integers or bytes mean, nil where
// it says nothing.
func logicalType(kind parquet.Type) format.LogicalTypeValue {
	if logical := kind.LogicalType(); logical != nil {
		return logical.Value
	}
	return nil
}
