package optimizer

import (
	"errors"
	"io"
	"os"
	"sync"
	"syscall"
	"unsafe"
)

// Constants of directFile.
const (
	directAlign   = 4096    // of offsets, lengths and addresses, for every disk
	directHuge    = 2 << 20 // pages of the buffers: few enough for one request to the disk per block
	directBuffers = 24      // at most, so many blocks are in hand or on their way
	madvHugePage  = 14
)

// directFile reads past the system's cache, some blocks ahead: for files that the
// cache cannot hold. Filling it takes more of the processors than the scan, and
// drives out what others keep there.
type directFile struct {
	file *os.File
	room int64         // of a buffer
	free chan []byte   // buffers, made when they are first needed
	made chan struct{} // one for each buffer there is
	wait sync.WaitGroup
	mu   sync.Mutex
	on   map[int64]*directRead // on their way, by offset
	maps [][]byte              // of the buffers
}

// directRead is one range; bytes are there when done is closed.
type directRead struct {
	done   chan struct{}
	buffer []byte
	bytes  []byte
	err    error
}

// openDirect opens a file once more, to read ranges of at most so many bytes.
func openDirect(f *os.File, most int64) (blockReader, error) {
	file, err := os.OpenFile(f.Name(), os.O_RDONLY|syscall.O_DIRECT, 0)
	if err != nil {
		return nil, err
	}
	ours, err := f.Stat()
	theirs, err2 := file.Stat()
	if err := errors.Join(err, err2); err != nil || !os.SameFile(ours, theirs) {
		return nil, errors.Join(err, file.Close(), errors.ErrUnsupported)
	}
	d := &directFile{file: file, room: (most + 2*directAlign + directHuge - 1) / directHuge * directHuge,
		free: make(chan []byte, directBuffers), made: make(chan struct{}, directBuffers), on: map[int64]*directRead{}}
	// A file system may open such a file and refuse to read it.
	if err := d.read(0, min(most, directAlign), [2]int64{}, func([]byte) error { return nil }); err != nil {
		return nil, errors.Join(err, d.close())
	}
	return d, nil
}

func (d *directFile) read(offset, length int64, next [2]int64, use func([]byte) error) error {
	if next[1] > 0 {
		d.ahead(next[0], next[1])
	}
	d.mu.Lock()
	r := d.on[offset]
	delete(d.on, offset)
	d.mu.Unlock()
	if r == nil {
		r = &directRead{done: make(chan struct{})}
		d.fill(r, offset, length)
	}
	<-r.done
	if r.buffer != nil {
		defer func() { d.free <- r.buffer }()
	}
	if r.err != nil {
		return r.err
	}
	return use(r.bytes[:length:length])
}

// ahead begins to read a range, if there is a buffer for it.
func (d *directFile) ahead(offset, length int64) {
	d.mu.Lock()
	// Half of the buffers stay for those who cannot wait for what nobody may ask for.
	if d.on[offset] != nil || len(d.on) >= directBuffers/2 {
		d.mu.Unlock()
		return
	}
	r := &directRead{done: make(chan struct{})}
	d.on[offset] = r
	d.mu.Unlock()
	d.wait.Go(func() { d.fill(r, offset, length) })
}

// fill reads a range, with what is around it up to the next multiples of directAlign.
func (d *directFile) fill(r *directRead, offset, length int64) {
	defer close(r.done)
	if r.buffer, r.err = d.buffer(); r.err != nil {
		return
	}
	from := offset / directAlign * directAlign
	skip := offset - from
	want := int(skip + length)
	room := (want + directAlign - 1) / directAlign * directAlign
	for n := 0; n < want; {
		m, err := syscall.Pread(int(d.file.Fd()), r.buffer[n:room], from+int64(n))
		switch {
		case err == syscall.EINTR:
			continue
		case err != nil:
			r.err = &os.PathError{Op: "read", Path: d.file.Name(), Err: err}
			return
		case m == 0 || m%directAlign > 0 && n+m < want:
			r.err = io.ErrUnexpectedEOF
			return
		}
		n += m
	}
	r.bytes = r.buffer[skip:want]
}

// buffer returns a free buffer, or a new one; where there are as many as there may
// be it waits.
func (d *directFile) buffer() ([]byte, error) {
	select {
	case b := <-d.free:
		return b, nil
	default:
	}
	select {
	case b := <-d.free:
		return b, nil
	case d.made <- struct{}{}:
		return d.newBuffer()
	}
}

// newBuffer returns memory outside the heap, in pages as large as can be had.
func (d *directFile) newBuffer() ([]byte, error) {
	all, err := syscall.Mmap(-1, 0, int(d.room+directHuge), syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		<-d.made
		return nil, err
	}
	d.mu.Lock()
	d.maps = append(d.maps, all)
	d.mu.Unlock()
	skip := int64(-uintptr(unsafe.Pointer(unsafe.SliceData(all))) & (directHuge - 1))
	b := all[skip : skip+d.room]
	_ = syscall.Madvise(b, madvHugePage) // it only makes requests to the disk fewer
	return b, nil
}

func (d *directFile) close() error {
	d.wait.Wait()
	err := d.file.Close()
	for _, m := range d.maps {
		err = errors.Join(err, syscall.Munmap(m))
	}
	return err
}
