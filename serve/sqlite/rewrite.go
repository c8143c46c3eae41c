package sqlite

/*
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

// rewrite writes every byte of a file again where it is, and syncs it. It returns 0
// or an errno. It is in C like SQLite's own writes, so that what stands between
// those and the system sees it, too.
static int rewrite(const char *path) {
	static char bytes[1 << 20]; // callers hold a lock
	int fd = open(path, O_RDWR | O_CLOEXEC), failed = 0;
	if (fd < 0) return errno == ENOENT ? 0 : errno;
	for (off_t at = 0;;) {
		ssize_t n = pread(fd, bytes, sizeof bytes, at);
		if (n < 0 && errno == EINTR) continue;
		if (n <= 0) {
			if (n < 0) failed = errno;
			break;
		}
		for (ssize_t done = 0; done < n && !failed;) {
			ssize_t m = pwrite(fd, bytes + done, n - done, at + done);
			if (m > 0) done += m;
			else if (m < 0 && errno != EINTR) failed = errno;
		}
		if (failed) break;
		at += n;
	}
	if (!failed && fsync(fd) != 0) failed = errno;
	close(fd);
	return failed;
}
*/
import "C"

import (
	"fmt"
	"syscall"
	"unsafe"
)

// rewriteLog makes sure that the disk has what the system shows of a log that others
// left. After a sync that failed the system may show writes that it will never bring
// to the disk, since it takes them for written: a commit, refused or not, that the
// next process finds whole and copies into the database. If the power goes in the
// middle of that, neither the database nor the log has it whole. Written again, the
// log is on disk before anything is copied. Nobody else may have the database open.
func rewriteLog(path string) error {
	name := C.CString(path + "-wal")
	defer C.free(unsafe.Pointer(name))
	if errno := C.rewrite(name); errno != 0 {
		return fmt.Errorf("the log %s-wal cannot be written again: %w", path, syscall.Errno(errno))
	}
	return nil
}
