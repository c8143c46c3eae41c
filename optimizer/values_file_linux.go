package optimizer

import (
	"os"
	"syscall"
)

// madvPopulateRead maps and reads a whole range in one call (Linux 5.14).
const madvPopulateRead = 22

// mappedFile is a file in the address space. Its pages are resident only while
// a block is in use.
type mappedFile struct {
	bytes []byte
	page  int64
}

// openBlocks maps a file that the system's cache can hold, beside what else there is;
// larger ones are read past it where the file system can. most is the length of the
// longest range that is read.
func openBlocks(f *os.File, size, most int64) (blockReader, error) {
	var system syscall.Sysinfo_t
	if err := syscall.Sysinfo(&system); err == nil && uint64(size) > uint64(system.Totalram)*uint64(system.Unit)/2 {
		if d, err := openDirect(f, most); err == nil {
			return d, nil
		}
	}
	b, err := syscall.Mmap(int(f.Fd()), 0, int(size), syscall.PROT_READ, syscall.MAP_SHARED)
	if err != nil {
		return nil, err
	}
	return &mappedFile{b, int64(os.Getpagesize())}, nil
}

// advise calls madvise on the pages of a range; what the system does not know
// it may refuse, which only costs speed. Pages that only the range's ends touch
// belong to the neighbours, too, unless all is set.
func (m *mappedFile) advise(offset, length int64, all bool, advice int) {
	from, to := offset, offset+length
	if all {
		from, to = from/m.page*m.page, min((to+m.page-1)/m.page*m.page, int64(len(m.bytes)))
	} else {
		from, to = (from+m.page-1)/m.page*m.page, to/m.page*m.page
	}
	if from < to {
		_ = syscall.Madvise(m.bytes[from:to], advice)
	}
}

func (m *mappedFile) read(offset, length int64, next [2]int64, use func([]byte) error) error {
	if next[1] > 0 {
		m.advise(next[0], next[1], true, syscall.MADV_WILLNEED)
	}
	m.advise(offset, length, true, madvPopulateRead)
	err := use(m.bytes[offset : offset+length : offset+length])
	// A page shared with a block that is still in use is read again from the
	// system's cache when it is touched.
	m.advise(offset, length, true, syscall.MADV_DONTNEED)
	return err
}

func (m *mappedFile) close() error { return syscall.Munmap(m.bytes) }
