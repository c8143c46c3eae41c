package optimizer

import (
	"os"
	"sync"
)

// copiedFile reads blocks into buffers: for systems where files are not mapped.
type copiedFile struct {
	file    *os.File
	buffers sync.Pool // of *[]float32, for their alignment
}

func (c *copiedFile) read(offset, length int64, _ [2]int64, use func([]byte) error) error {
	buf, _ := c.buffers.Get().(*[]float32)
	if buf == nil || int64(len(*buf)) < length/4 {
		floats := make([]float32, length/4)
		buf = &floats
	}
	defer c.buffers.Put(buf)
	b := asBytes(*buf)[:length]
	if _, err := c.file.ReadAt(b, offset); err != nil && length > 0 {
		return err
	}
	return use(b)
}

func (c *copiedFile) close() error { return nil }
