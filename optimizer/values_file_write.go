package optimizer

import (
	"cmp"
	"fmt"
	"hash/crc32"
	"math"
	"os"
	"path/filepath"
	"slices"

	"dunning/data"
)

// ValuesWriter writes a values file customer by customer; memory is for one
// block. The file appears under its name only when Close succeeds. It is not
// safe for concurrent use.
type ValuesWriter struct {
	path    string
	file    *os.File
	layout  valuesLayout
	sample  sketch
	values  []float32 // of the block under way
	profile []int32
	// partFrom is from how many customers on the file gets a part.
	partFrom int64
}

// CreateValues starts a values file; the folder must exist. profiled says that
// customers may have profiles other than 0.
func CreateValues(path string, slots int, profiled bool) (*ValuesWriter, error) {
	if slots < 0 || slots > MaxSlots {
		return nil, fmt.Errorf("optimizer: %s: %w: %d slots, at most %d", path, data.ErrBadNumber, slots, MaxSlots)
	}
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".tmp-*")
	if err != nil {
		return nil, fmt.Errorf("optimizer: create %s: %w", path, err)
	}
	return &ValuesWriter{path: path, file: f, layout: newValuesLayout(slots, profiled), partFrom: partFrom}, nil
}

// Add appends a customer, with the rules of [MemoryValues.Add]; values that
// single precision cannot hold exactly are refused.
func (w *ValuesWriter) Add(profile int32, values []float64) error {
	if len(values) != int(w.layout.slots) {
		panic(fmt.Sprintf("optimizer: %d values for %d slots", len(values), w.layout.slots))
	}
	i := int(w.layout.customers)
	if profile < 0 || profile > 0 && !w.layout.profiled {
		return fmt.Errorf("optimizer: customer %d: %w: profile %d", i, data.ErrBadNumber, profile)
	}
	for s, v := range values {
		if err := checkValue(v); err != nil {
			return fmt.Errorf("optimizer: customer %d, slot %d: %w", i, s, err)
		}
		if float64(float32(v)) != v {
			return fmt.Errorf("optimizer: customer %d, slot %d: %w: %v needs double precision", i, s, data.ErrBadNumber, v)
		}
		w.values = append(w.values, float32(v))
		if v != Forbidden {
			w.layout.largest = max(w.layout.largest, math.Abs(v))
		}
	}
	if w.layout.profiled {
		w.profile = append(w.profile, profile)
	}
	w.sample.offer(SampleHash(profile, values), i)
	w.layout.customers++
	if w.layout.customers%w.layout.perBlock == 0 {
		return w.flush()
	}
	return nil
}

// flush writes the block under way, if any.
func (w *ValuesWriter) flush() error {
	n := (w.layout.customers - 1) % w.layout.perBlock
	if w.layout.customers == 0 || len(w.values) == 0 && len(w.profile) == 0 {
		return nil
	}
	err := w.writeBlock(w.layout.all(), w.layout.customers-1-n, w.values, w.profile)
	w.values, w.profile = w.values[:0], w.profile[:0]
	return err
}

// writeBlock writes the block of a section of which first is the first customer.
// Blocks may be written in any order and by several goroutines.
func (w *ValuesWriter) writeBlock(s valuesSection, first int64, values []float32, profile []int32) error {
	at := s.offset + w.layout.bytes(first)
	for _, b := range [][]byte{asBytes(values), asBytes(profile)} {
		if _, err := w.file.WriteAt(b, at); err != nil {
			return fmt.Errorf("optimizer: write %s: %w", w.path, err)
		}
		at += int64(len(b))
	}
	return nil
}

// Abort drops the file. It is harmless after Close.
func (w *ValuesWriter) Abort() {
	if w.file != nil {
		w.file.Close()
		os.Remove(w.file.Name())
		w.file = nil
	}
}

// Close adds the sample and, for very many customers, the part; then it makes the file
// durable and gives it its name.
func (w *ValuesWriter) Close() error {
	defer w.Abort()
	if err := w.flush(); err != nil {
		return err
	}
	err := w.writeSample()
	if err == nil && w.layout.customers >= w.partFrom {
		err = w.writePart()
	}
	if err == nil {
		_, err = w.file.WriteAt(w.layout.encode(), 0)
	}
	if err == nil {
		err = w.file.Chmod(0o644)
	}
	if err == nil {
		err = w.file.Sync()
	}
	if err == nil {
		err = os.Rename(w.file.Name(), w.path)
	}
	if err == nil {
		err = data.SyncDir(filepath.Dir(w.path))
	}
	if err != nil {
		return fmt.Errorf("optimizer: write %s: %w", w.path, err)
	}
	return nil
}

// writeSample reads the sampled customers back, in the order of the file, and
// appends them in the order of their hashes.
func (w *ValuesWriter) writeSample() error {
	l := &w.layout
	order := w.sample.smallest()
	l.sampled = int64(len(order))
	all := make([]float32, l.bytes(l.sampled)/4)
	b := asBytes(all)
	type spot struct{ customer, place int64 }
	spots := make([]spot, len(order))
	for k, i := range order {
		spots[k] = spot{int64(i), int64(k)}
	}
	slices.SortFunc(spots, func(a, b spot) int { return cmp.Compare(a.customer, b.customer) })
	row := 4 * l.slots
	for _, s := range spots {
		offset, customers := l.all().place(s.customer / l.perBlock)
		i := s.customer % l.perBlock
		if _, err := w.file.ReadAt(b[s.place*row:(s.place+1)*row], offset+i*row); err != nil {
			return err
		}
		if l.profiled {
			at := l.sampled*row + 4*s.place
			if _, err := w.file.ReadAt(b[at:at+4], offset+customers*row+4*i); err != nil {
				return err
			}
		}
	}
	l.sampleSum = crc32.Checksum(b, castagnoli)
	_, err := w.file.WriteAt(b, l.sampleOffset())
	return err
}

// writePart reads all customers back and appends those of the part, in the order of
// the file. So many customers may be alike that their hashes make no fair part: then
// there is none.
func (w *ValuesWriter) writePart() error {
	l := &w.layout
	source := &copiedFile{file: w.file}
	var values []float32 // of the part's block under way
	var profile []int32
	for k := range l.all().blocks() {
		offset, customers := l.all().place(k)
		err := source.read(offset, l.bytes(customers), [2]int64{}, func(bytes []byte) error {
			b := l.block(bytes, 0, int(customers))
			for i := range b.Customers {
				row := b.Narrow[i*int(l.slots) : (i+1)*int(l.slots)]
				if sampleHashNarrow(b.profile(i), row) >= partBound {
					continue
				}
				if values = append(values, row...); l.profiled {
					profile = append(profile, b.Profile[i])
				}
				if l.parted++; l.parted%l.perBlock > 0 {
					continue
				}
				if err := w.writeBlock(l.part(), l.parted-l.perBlock, values, profile); err != nil {
					return err
				}
				values, profile = values[:0], profile[:0]
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	if !fairPart(l.parted, l.customers) {
		l.parted = 0
		return w.file.Truncate(l.size())
	}
	return w.writeBlock(l.part(), l.parted-l.parted%l.perBlock, values, profile)
}
