package data

import (
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"
	"time"
	"unsafe"

	"github.com/parquet-go/parquet-go"
)

// columnReader fills rows of one struct type from the columns of a file, a page of
// each at a time. The library's own row reader makes a value of three words of every
// cell and puts it into the struct by reflection, which costs several times as much.
type columnReader struct {
	groups  []parquet.RowGroup // that were not begun
	left    int64              // rows of the group at hand that were not read
	columns []*column
	stride  uintptr // bytes from one row to the next
}

// newColumnReader returns the reader of a file's rows as structs of a type; nil
// where a field is not a plain one or its column is of another type, which the
// library's row reader converts. Where shared is set, the texts of a batch, and what
// its pointers point to, share memory.
func newColumnReader(file *parquet.File, row reflect.Type, schema *parquet.Schema, shared bool) *columnReader {
	r := &columnReader{groups: file.RowGroups(), stride: row.Size()}
	names := map[string]bool{}
	for i := range row.NumField() {
		f := row.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("parquet"), ",")
		if name == "-" {
			continue
		}
		want, ok := schema.Lookup(name)
		if !ok {
			return nil
		}
		leaf, ok := file.Schema().Lookup(name)
		if !ok || leaf.Node.Repeated() || !sameType(want.Node, leaf.Node) {
			return nil
		}
		c := newColumn(f.Type, want.Node, leaf)
		if c == nil {
			return nil
		}
		c.name, c.offset, c.stride, c.shared, names[name] = name, f.Offset, r.stride, shared, true
		r.columns = append(r.columns, c)
	}
	if len(names) != len(schema.Fields()) || len(r.columns) != len(names) {
		return nil
	}
	return r
}

// sameType says whether the values of two leaves are the same. Instants are read as
// UTC whether their column says so or not.
func sameType(a, b parquet.Node) bool {
	return parquet.EqualTypes(a.Type(), b.Type()) || isMicroseconds(a) && isMicroseconds(b)
}

func isMicroseconds(leaf parquet.Node) bool {
	for _, utc := range []bool{true, false} {
		if parquet.EqualTypes(leaf.Type(), parquet.TimestampAdjusted(parquet.Microsecond, utc).Type()) {
			return true
		}
	}
	return false
}

// begin opens the pages of the next group.
func (r *columnReader) begin() {
	chunks := r.groups[0].ColumnChunks()
	r.left, r.groups = r.groups[0].NumRows(), r.groups[1:]
	for _, c := range r.columns {
		c.pages, c.at, c.rows = chunks[c.index].Pages(), 0, 0
	}
}

// close gives back what the reader holds; it can be called twice.
func (r *columnReader) close() {
	for _, c := range r.columns {
		c.close()
	}
}

// read fills the next rows, the first of which lies at to, and says how many; 0 at
// the end. It panics on some damage, as the library does.
func (r *columnReader) read(to unsafe.Pointer, rows int) (n int, err error) {
	for r.left == 0 {
		if len(r.groups) == 0 {
			return 0, nil
		}
		r.close()
		r.begin()
	}
	n = int(min(int64(rows), r.left))
	for _, c := range r.columns {
		if err := c.fill(to, n); err != nil {
			return 0, fmt.Errorf("column %q: %w", c.name, err)
		}
	}
	r.left -= int64(n)
	return n, nil
}

// column is one column of a file on its way into one field of the rows.
type column struct {
	name    string
	index   int // of the file's columns
	offset  uintptr
	stride  uintptr
	pointer bool // the field points to its value, nil for none
	shared  bool // the texts of a fill, and what pointers point to, are one piece of memory
	scatter func(c *column, to unsafe.Pointer, from, n int)

	pages    parquet.Pages
	page     parquet.Page
	at, rows int    // of the page
	defined  []byte // by row: 1 where there is a value; nil where every row has one
	value    int    // of the page's values, the next one
	indexes  []int32
	cells    cells
	texts    []string // of the dictionary that dictOf is
	dictOf   parquet.Dictionary
	scratch  scratch
}

// scratch is where values are put together before they go into rows.
type scratch struct {
	texts    []string
	instants []time.Time
	flags    []bool
}

// cells are the values of a page, or those of its dictionary: one of these is set.
type cells struct {
	bits    []byte
	int32s  []int32
	int64s  []int64
	floats  []float64
	bytes   []byte
	offsets []uint32
}

// newColumn returns the way from a leaf into a field of a type, which its struct's
// schema wants to be a leaf of the same type; nil where there is none.
func newColumn(field reflect.Type, want parquet.Node, leaf parquet.LeafColumn) *column {
	c := &column{index: leaf.ColumnIndex}
	if field.Kind() == reflect.Pointer {
		if !leaf.Node.Optional() {
			return nil
		}
		c.pointer, field = true, field.Elem()
	}
	kind := leaf.Node.Type().Kind()
	switch {
	case field == reflect.TypeFor[time.Time]():
		if want.Optional() || !isMicroseconds(leaf.Node) {
			return nil
		}
		c.scatter = func(c *column, to unsafe.Pointer, from, n int) {
			put(c, to, from, n, time.Unix(0, 0).UTC(), c.instants)
		}
	case field.Kind() == reflect.String && kind == parquet.ByteArray:
		c.scatter = func(c *column, to unsafe.Pointer, from, n int) { put(c, to, from, n, "", c.strings) }
	case field.Kind() == reflect.Int32 && kind == parquet.Int32:
		c.scatter = func(c *column, to unsafe.Pointer, from, n int) {
			put(c, to, from, n, 0, func(k int) []int32 { return numbers(c, c.cells.int32s, k) })
		}
	case field.Kind() == reflect.Int64 && kind == parquet.Int64:
		c.scatter = func(c *column, to unsafe.Pointer, from, n int) {
			put(c, to, from, n, 0, func(k int) []int64 { return numbers(c, c.cells.int64s, k) })
		}
	case field.Kind() == reflect.Float64 && kind == parquet.Double:
		c.scatter = func(c *column, to unsafe.Pointer, from, n int) {
			put(c, to, from, n, 0, func(k int) []float64 { return numbers(c, c.cells.floats, k) })
		}
	case field.Kind() == reflect.Bool && kind == parquet.Boolean:
		c.scatter = func(c *column, to unsafe.Pointer, from, n int) { put(c, to, from, n, false, c.flags) }
	default:
		return nil
	}
	return c
}

func (c *column) close() {
	if c.page != nil {
		parquet.Release(c.page)
		c.page = nil
	}
	if c.pages != nil {
		c.pages.Close()
		c.pages = nil
	}
	c.at, c.rows, c.dictOf, c.texts = 0, 0, nil, nil
}

// fill fills the column's field of n rows.
func (c *column) fill(to unsafe.Pointer, n int) error {
	for from := 0; from < n; {
		if c.at == c.rows {
			if err := c.next(); err != nil {
				return err
			}
			continue
		}
		k := min(n-from, c.rows-c.at)
		c.scatter(c, to, from, k)
		from, c.at = from+k, c.at+k
	}
	return nil
}

// next turns to the next page.
func (c *column) next() (err error) {
	if c.page != nil {
		parquet.Release(c.page)
		c.page = nil
	}
	if c.page, err = c.pages.ReadPage(); err != nil {
		if errors.Is(err, io.EOF) {
			return io.ErrUnexpectedEOF
		}
		return err
	}
	c.at, c.rows, c.value = 0, int(c.page.NumRows()), 0
	c.defined, c.indexes = c.page.DefinitionLevels(), nil
	dict := c.page.Dictionary()
	if dict == nil {
		c.cells = cellsOf(c.page)
		return nil
	}
	indexes := c.page.Data()
	c.indexes = indexes.Int32()
	if c.cells = cellsOf(dict.Page()); dict != c.dictOf {
		c.dictOf, c.texts = dict, c.texts[:0]
		for i := 1; i < len(c.cells.offsets); i++ {
			c.texts = append(c.texts, string(c.cells.bytes[c.cells.offsets[i-1]:c.cells.offsets[i]]))
		}
	}
	return nil
}

func cellsOf(page parquet.Page) (v cells) {
	switch values := page.Data(); page.Type().Kind() {
	case parquet.Boolean:
		v.bits = values.Boolean()
	case parquet.Int32:
		v.int32s = values.Int32()
	case parquet.Int64:
		v.int64s = values.Int64()
	case parquet.Double:
		v.floats = values.Double()
	case parquet.ByteArray:
		v.bytes, v.offsets = values.ByteArray()
	}
	return v
}

// put writes the next n rows of the page into the rows from number from on. values
// returns the column's next values; none stands where there is none.
func put[E any](c *column, to unsafe.Pointer, from, n int, none E, values func(n int) []E) {
	// Every address lies in a field of type E, or *E, of a row that the caller has.
	at := func(i int) unsafe.Pointer { return unsafe.Add(to, uintptr(from+i)*c.stride+c.offset) }
	if c.defined == nil {
		for i, v := range values(n) {
			*(*E)(at(i)) = v
		}
		return
	}
	defined := c.defined[c.at : c.at+n]
	known := 0
	for _, d := range defined {
		known += int(d)
	}
	next := values(known)
	if c.pointer && c.shared {
		next = slices.Clone(next) // rows keep pointers into it
	}
	for i, d := range defined {
		switch {
		case c.pointer && d == 0:
			*(**E)(at(i)) = nil
		case c.pointer && c.shared:
			*(**E)(at(i)), next = &next[0], next[1:]
		case c.pointer:
			v := next[0]
			*(**E)(at(i)), next = &v, next[1:]
		case d == 0:
			*(*E)(at(i)) = none
		default:
			*(*E)(at(i)), next = next[0], next[1:]
		}
	}
}

// take returns the dictionary's places of the next n values.
func (c *column) take(n int) []int32 {
	c.value += n
	return c.indexes[c.value-n : c.value]
}

func numbers[E any](c *column, all []E, n int) []E {
	if c.indexes == nil {
		c.value += n
		return all[c.value-n : c.value]
	}
	out := make([]E, n)
	for i, k := range c.take(n) {
		out[i] = all[k]
	}
	return out
}

func (c *column) strings(n int) []string {
	if n == 0 { // a page without a value may have no offsets at all
		return nil
	}
	out := grown(&c.scratch.texts, n)
	if c.indexes != nil {
		for i, k := range c.take(n) {
			out[i] = c.texts[k]
		}
		return out
	}
	offsets := c.cells.offsets[c.value : c.value+n+1]
	c.value += n
	if !c.shared {
		for i := range out {
			out[i] = string(c.cells.bytes[offsets[i]:offsets[i+1]])
		}
		return out
	}
	first := offsets[0]
	all := string(c.cells.bytes[first:offsets[n]])
	for i := range out {
		out[i] = all[offsets[i]-first : offsets[i+1]-first]
	}
	return out
}

func (c *column) instants(n int) []time.Time {
	out := grown(&c.scratch.instants, n)
	for i, v := range numbers(c, c.cells.int64s, n) {
		out[i] = time.UnixMicro(v).UTC()
	}
	return out
}

func (c *column) flags(n int) []bool {
	out := grown(&c.scratch.flags, n)
	for i := range out {
		at := c.value + i
		out[i] = c.cells.bits[at/8]>>(at%8)&1 == 1
	}
	c.value += n
	return out
}

// grown returns n cells of what buf holds, which grows to them.
func grown[E any](buf *[]E, n int) []E {
	*buf = slices.Grow((*buf)[:0], n)[:n]
	return *buf
}
