package optimizer

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"math"
	"os"
	"unsafe"

	"dunning/data"
)

// A values file holds the values of a grid in single precision, so that
// portfolios larger than memory can be solved. All numbers are little-endian:
//
//	header   4096 bytes: magic, version, flags, slots, customers, customers per
//	         block, sampled customers, customers of the part, largest absolute
//	         value, CRC-32C of the sample, CRC-32C of what comes before it in the
//	         header; zeros
//	blocks   values, customer after customer, then, if the flag says so, the
//	         profiles of the same customers; every block but the last is full
//	sample   values and profiles of the sampled customers, as a block
//	part     the customers of the part once more, in blocks as above
//
// The values themselves carry no checksum: reading them is to cost no more than
// the disk, and the certificate looks at every one.
const (
	valuesMagic    = "DUNVALUE"
	valuesVersion  = 2
	valuesHeader   = 4096
	valuesProfiled = 1 // flag: customers have profiles
	// valuesBlock is about how many bytes a block has: enough to be read ahead
	// at the disk's full speed, little beside what else a solve holds.
	valuesBlock = 4 << 20
)

// valuesLayout is what the header says.
type valuesLayout struct {
	slots, customers, perBlock, sampled, parted int64
	profiled                                    bool
	largest                                     float64
	sampleSum                                   uint32
}

func newValuesLayout(slots int, profiled bool) valuesLayout {
	return valuesLayout{slots: int64(slots), profiled: profiled, perBlock: max(1, valuesBlock/max(1, 4*int64(slots)))}
}

// bytes returns the size of a block of customers.
func (l *valuesLayout) bytes(customers int64) int64 {
	if l.profiled {
		return 4 * customers * (l.slots + 1)
	}
	return 4 * customers * l.slots
}

func (l *valuesLayout) sampleOffset() int64 { return valuesHeader + l.bytes(l.customers) }
func (l *valuesLayout) partOffset() int64   { return l.sampleOffset() + l.bytes(l.sampled) }
func (l *valuesLayout) size() int64         { return l.partOffset() + l.bytes(l.parted) }

// all and part are the two sections of the file that come in blocks.
func (l *valuesLayout) all() valuesSection  { return valuesSection{l, valuesHeader, l.customers} }
func (l *valuesLayout) part() valuesSection { return valuesSection{l, l.partOffset(), l.parted} }

// valuesSection is customers in blocks from an offset on.
type valuesSection struct {
	*valuesLayout
	offset, customers int64
}

func (s valuesSection) blocks() int64 { return (s.customers + s.perBlock - 1) / s.perBlock }

// place returns where block k starts and how many customers it holds.
func (s valuesSection) place(k int64) (offset, customers int64) {
	return s.offset + k*s.bytes(s.perBlock), min(s.perBlock, s.customers-k*s.perBlock)
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func (l *valuesLayout) encode() []byte {
	le := binary.LittleEndian
	flags := uint32(0)
	if l.profiled {
		flags = valuesProfiled
	}
	b := le.AppendUint32(le.AppendUint32([]byte(valuesMagic), valuesVersion), flags)
	for _, n := range []int64{l.slots, l.customers, l.perBlock, l.sampled, l.parted} {
		b = le.AppendUint64(b, uint64(n))
	}
	b = le.AppendUint32(le.AppendUint64(b, math.Float64bits(l.largest)), l.sampleSum)
	b = le.AppendUint32(b, crc32.Checksum(b, castagnoli))
	return append(b, make([]byte, valuesHeader-len(b))...)
}

// decodeValues reads a header and checks it against the file's size.
func decodeValues(b []byte, size int64) (l valuesLayout, err error) {
	le := binary.LittleEndian
	fault := func(format string, args ...any) (valuesLayout, error) {
		return l, fmt.Errorf("%w: "+format, append([]any{data.ErrDamagedFile}, args...)...)
	}
	const numbers = len(valuesMagic) + 8
	const summed = numbers + 5*8 + 8 + 4
	switch {
	case string(b[:len(valuesMagic)]) != valuesMagic:
		return fault("byte 0: does not begin as a values file")
	case le.Uint32(b[8:]) != valuesVersion:
		return fault("byte 8: version %d, this program reads %d", le.Uint32(b[8:]), valuesVersion)
	case le.Uint32(b[summed:]) != crc32.Checksum(b[:summed], castagnoli):
		return fault("byte %d: the header's checksum is another", summed)
	}
	n := make([]int64, 5)
	for k := range n {
		n[k] = int64(le.Uint64(b[numbers+8*k:]))
	}
	l = valuesLayout{slots: n[0], customers: n[1], perBlock: n[2], sampled: n[3], parted: n[4], profiled: le.Uint32(b[12:])&valuesProfiled != 0,
		largest: math.Float64frombits(le.Uint64(b[numbers+40:])), sampleSum: le.Uint32(b[numbers+48:])}
	const most = 1 << 40 // of each; products stay within 63 bits
	switch {
	case l.slots < 0 || l.slots > MaxSlots || l.customers < 0 || l.customers > most || l.perBlock < 1 || l.perBlock > most:
		return fault("byte %d: %d slots, %d customers in blocks of %d", numbers, l.slots, l.customers, l.perBlock)
	case l.sampled < 0 || l.sampled > min(l.customers, sampleMost) || l.parted < 0 || l.parted > l.customers || !(l.largest >= 0 && l.largest <= mostCents):
		return fault("byte %d: %d of %d customers sampled, a part of %d, largest value %g", numbers+24, l.sampled, l.customers, l.parted, l.largest)
	case l.size() != size:
		return fault("byte %d: the file has %d bytes and should have %d", min(size, l.size()), size, l.size())
	}
	return l, nil
}

// FileValues are Values in a file that [ValuesWriter] wrote. Blocks are mapped
// into memory where the system can do so, and given back after use; those of a file
// of more than half of the memory are read past the system's cache. What is resident is
// some blocks per core. The file must not be changed while it is open.
type FileValues struct {
	path   string
	layout valuesLayout
	file   *os.File
	blocks blockReader
}

// blockReader hands out parts of a file.
type blockReader interface {
	// read hands over length bytes at offset, aligned to 4. next is the range
	// that is likely to be asked for soon; length 0 for none.
	read(offset, length int64, next [2]int64, use func([]byte) error) error
	close() error
}

// OpenValues opens a values file. The error names the byte at which the file is
// not what its writer left.
func OpenValues(path string) (*FileValues, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("optimizer: %w", err)
	}
	v := &FileValues{path: path, file: f}
	if err := v.open(); err != nil {
		f.Close()
		return nil, fmt.Errorf("optimizer: %s: %w", path, err)
	}
	return v, nil
}

func (v *FileValues) open() error {
	if binary.NativeEndian.Uint16([]byte{1, 0}) != 1 {
		return errors.ErrUnsupported // the blocks are used as they are
	}
	info, err := v.file.Stat()
	if err != nil {
		return err
	}
	header := make([]byte, valuesHeader)
	if info.Size() < valuesHeader {
		return fmt.Errorf("%w: byte %d: too short for a values file", data.ErrDamagedFile, info.Size())
	}
	if _, err := v.file.ReadAt(header, 0); err != nil {
		return err
	}
	if v.layout, err = decodeValues(header, info.Size()); err != nil {
		return err
	}
	v.blocks, err = openBlocks(v.file, info.Size(), v.layout.bytes(v.layout.perBlock))
	return err
}

// Close gives the file back. It is idempotent; no Read may be under way.
func (v *FileValues) Close() error {
	if v.file == nil {
		return nil
	}
	err := errors.Join(v.blocks.close(), v.file.Close())
	v.file = nil
	return err
}

// Customers returns the number of customers.
func (v *FileValues) Customers() int { return int(v.layout.customers) }

// Slots returns the number of slots.
func (v *FileValues) Slots() int { return int(v.layout.slots) }

// Largest returns the largest absolute value.
func (v *FileValues) Largest() float64 { return v.layout.largest }

// Blocks returns the number of blocks.
func (v *FileValues) Blocks() int { return int(v.layout.all().blocks()) }

// Bytes returns the size of the file.
func (v *FileValues) Bytes() int64 { return v.layout.size() }

// readAhead is how many blocks ahead are asked for; several cores may each have
// one in hand.
const readAhead = 8

// Read hands over block k, which is valid until use returns.
func (v *FileValues) Read(_ context.Context, k int, use func(Block) error) error {
	return v.read(v.layout.all(), k, use)
}

// Part returns the customers that the file holds once more, one in partShare by their
// hashes, or nil where it has no part.
func (v *FileValues) Part() BlockSource {
	if v.layout.parted == 0 {
		return nil
	}
	return filePart{v}
}

// filePart is the part of a file. Block.First means nothing in it.
type filePart struct{ v *FileValues }

// Customers returns the number of customers of the part.
func (p filePart) Customers() int { return int(p.v.layout.parted) }

// Blocks returns the number of blocks.
func (p filePart) Blocks() int { return int(p.v.layout.part().blocks()) }

// Read hands over block k, which is valid until use returns.
func (p filePart) Read(_ context.Context, k int, use func(Block) error) error {
	return p.v.read(p.v.layout.part(), k, use)
}

func (v *FileValues) read(s valuesSection, k int, use func(Block) error) error {
	offset, customers := s.place(int64(k))
	var next [2]int64
	if ahead := int64(k) + readAhead; ahead < s.blocks() {
		at, n := s.place(ahead)
		next = [2]int64{at, s.bytes(n)}
	}
	err := v.blocks.read(offset, v.layout.bytes(customers), next, func(b []byte) error {
		return use(v.layout.block(b, k*int(v.layout.perBlock), int(customers)))
	})
	if err != nil {
		return fmt.Errorf("optimizer: %s block %d: %w", v.path, k, err)
	}
	return nil
}

// block sees the bytes of a block.
func (l *valuesLayout) block(b []byte, first, customers int) Block {
	out := Block{First: first, Customers: customers, Narrow: asFloats(b[:4*customers*int(l.slots)])}
	if l.profiled {
		out.Profile = asInts(b[4*customers*int(l.slots):])
	}
	return out
}

// Sample reads the sampled customers into memory.
func (v *FileValues) Sample(context.Context) (Block, error) {
	n := v.layout.sampled
	floats := make([]float32, v.layout.bytes(n)/4) // aligned
	b := asBytes(floats)
	if _, err := v.file.ReadAt(b, v.layout.sampleOffset()); err != nil && len(b) > 0 {
		return Block{}, fmt.Errorf("optimizer: %s: %w", v.path, err)
	}
	if crc32.Checksum(b, castagnoli) != v.layout.sampleSum {
		return Block{}, fmt.Errorf("optimizer: %s: %w: byte %d: the sample's checksum is another", v.path, data.ErrDamagedFile, v.layout.sampleOffset())
	}
	return v.layout.block(b, 0, int(n)), nil
}

// asFloats and the like see the same memory as another type.
func asFloats(b []byte) []float32 {
	return unsafe.Slice((*float32)(unsafe.Pointer(unsafe.SliceData(b))), len(b)/4)
}

func asInts(b []byte) []int32 {
	return unsafe.Slice((*int32)(unsafe.Pointer(unsafe.SliceData(b))), len(b)/4)
}

func asBytes[T float32 | int32](s []T) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(s))), 4*len(s))
}
