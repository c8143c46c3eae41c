package pipeline

import (
	"io/fs"
	"syscall"
)

// entryOf returns what tells one state of a file from another. The change time
// is set by the kernel at every write, whatever a program does to the
// modification time.
func entryOf(info fs.FileInfo) hashEntry {
	e := hashEntry{Size: info.Size(), Mtime: info.ModTime().UnixNano()}
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		e.Inode, e.Ctime = st.Ino, st.Ctim.Nano()
	}
	return e
}
