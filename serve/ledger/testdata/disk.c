/* A disk that can be looked at and that can fail, for the tests of the ledger.
 *
 * Preloaded into a process (LD_PRELOAD), this library stands between SQLite and
 * the C library. It does two things to the files of one folder:
 *
 *   - It writes down, in order, what reaches the system: each write with its
 *     bytes, each change of length, each file made or removed, each sync. From
 *     that a test builds what would be on the disk had the power gone at any
 *     moment: what was synced, and of the rest whatever it likes. Syncs are
 *     written down and not done, so this is also quick.
 *   - It fails the n-th write or sync with the error that it is told to.
 *
 * DISK_FOLDER  the folder, with its final slash
 * DISK_TRACE   the file that is appended to; none: nothing is written down.
 *              The process may append records of its own between.
 * DISK_CONTROL a file of CONTROL_SIZE words, shared with the process: see below
 *
 * Files that end in -shm are left alone: SQLite builds them anew after a crash.
 * All calls are made one after the other, so that the order is true.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum { MAX_FDS = 16384, MAX_PATH = 512 };

/* The words of the control file. */
enum {
	FAIL_WHAT,  /* 0 nothing, 'W' writes and changes of length, 'S' syncs */
	FAIL_AFTER, /* so many more succeed */
	FAIL_ERRNO,
	FAIL_ON,    /* 1: all after it fail too, until FAIL_WHAT is 0 */
	FAIL_SHORT, /* of a failing write: so many bytes are written before */
	FAILED,     /* counts failures */
	CONTROL_SIZE
};

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static char paths[MAX_FDS][MAX_PATH]; /* "" for files of others */
static char owed[MAX_FDS];            /* who has yet to hear of a failed sync */
static const char *folder;
static int trace_fd = -1;
static int64_t *control;

__attribute__((constructor)) static void start(void)
{
	folder = getenv("DISK_FOLDER");
	const char *trace = getenv("DISK_TRACE"), *file = getenv("DISK_CONTROL");
	if (trace)
		trace_fd = syscall(SYS_openat, AT_FDCWD, trace, O_WRONLY | O_APPEND | O_CLOEXEC);
	if (file) {
		int fd = syscall(SYS_openat, AT_FDCWD, file, O_RDWR | O_CLOEXEC);
		void *p = mmap(NULL, CONTROL_SIZE * 8, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
		control = p == MAP_FAILED ? NULL : p;
		close(fd);
	}
}

/* note appends a record: kind, length of the path, offset, length of the data,
 * then both. It is one call, so that records of the process do not mix in. */
static void note(char kind, const char *path, uint64_t offset, const void *data, size_t n)
{
	if (trace_fd < 0)
		return;
	uint64_t head[4] = {kind, strlen(path), offset, n};
	struct iovec parts[3] = {{head, sizeof head}, {(void *)path, head[1]}, {(void *)data, n}};
	if (writev(trace_fd, parts, 3) != (ssize_t)(sizeof head + head[1] + n))
		abort(); /* a trace with a hole would prove nothing */
}

/* fails says whether this call is the one that is to fail. */
static int fails(char what)
{
	if (!control || control[FAIL_WHAT] != what)
		return 0;
	if (control[FAIL_AFTER] > 0) {
		control[FAIL_AFTER]--;
		return 0;
	}
	control[FAILED]++;
	if (!control[FAIL_ON])
		control[FAIL_WHAT] = 0;
	return 1;
}

static const char *path_of(int fd) { return fd >= 0 && fd < MAX_FDS && paths[fd][0] ? paths[fd] : NULL; }

static int is_ours(const char *path)
{
	size_t n = strlen(path), m = folder ? strlen(folder) : 0;
	if (!m || n >= MAX_PATH || (n > 4 && !strcmp(path + n - 4, "-shm")))
		return 0;
	/* the folder itself counts: it is synced too */
	return !strncmp(path, folder, m) || (n == m - 1 && !strncmp(path, folder, n));
}

int open64(const char *path, int flags, ...)
{
	int mode = 0;
	if (flags & O_CREAT) {
		va_list args;
		va_start(args, flags);
		mode = va_arg(args, int);
		va_end(args);
	}
	if (!is_ours(path))
		return syscall(SYS_openat, AT_FDCWD, path, flags, mode);
	pthread_mutex_lock(&mutex);
	int new = (flags & O_CREAT) && access(path, F_OK) != 0;
	int fd = syscall(SYS_openat, AT_FDCWD, path, flags, mode), e = errno;
	if (fd >= 0 && fd < MAX_FDS) {
		strcpy(paths[fd], path);
		owed[fd] = 0;
		if (new)
			note('C', path, 0, "", 0);
		if (flags & O_TRUNC)
			note('T', path, 0, "", 0);
	}
	pthread_mutex_unlock(&mutex);
	errno = e;
	return fd;
}

int open(const char *path, int flags, ...)
{
	va_list args;
	va_start(args, flags);
	int mode = va_arg(args, int);
	va_end(args);
	return open64(path, flags, mode);
}

int close(int fd)
{
	pthread_mutex_lock(&mutex);
	if (fd >= 0 && fd < MAX_FDS)
		paths[fd][0] = 0;
	int done = syscall(SYS_close, fd), e = errno;
	pthread_mutex_unlock(&mutex);
	errno = e;
	return done;
}

ssize_t pwrite64(int fd, const void *data, size_t n, off64_t offset)
{
	const char *path = path_of(fd);
	if (!path)
		return syscall(SYS_pwrite64, fd, data, n, offset);
	pthread_mutex_lock(&mutex);
	ssize_t done = -1;
	int e;
	if (fails('W')) {
		/* A short write is no error: the call that follows it is. */
		size_t some = (size_t)control[FAIL_SHORT];
		e = (int)control[FAIL_ERRNO];
		if (some && some < n) {
			done = syscall(SYS_pwrite64, fd, data, some, offset);
			control[FAIL_WHAT] = 'W';
			control[FAIL_SHORT] = 0;
		}
	} else {
		done = syscall(SYS_pwrite64, fd, data, n, offset);
		e = errno;
	}
	if (done > 0)
		note('W', path, offset, data, done);
	pthread_mutex_unlock(&mutex);
	errno = e;
	return done;
}

ssize_t pwrite(int fd, const void *data, size_t n, off_t offset) { return pwrite64(fd, data, n, offset); }

int ftruncate64(int fd, off64_t size)
{
	const char *path = path_of(fd);
	if (!path)
		return syscall(SYS_ftruncate, fd, size);
	pthread_mutex_lock(&mutex);
	int done = -1, e;
	if (fails('W')) {
		e = (int)control[FAIL_ERRNO];
	} else {
		done = syscall(SYS_ftruncate, fd, size);
		e = errno;
		if (done == 0)
			note('T', path, size, "", 0);
	}
	pthread_mutex_unlock(&mutex);
	errno = e;
	return done;
}

int ftruncate(int fd, off_t size) { return ftruncate64(fd, size); }

/* A failed sync is told once to everybody who had the file open, as Linux does
 * since 4.13 (errseq): a writer whose bytes went with another's failed sync hears
 * of it at his own. What was written since reaches the disk at that call, but who
 * hears of a failure counts on nothing, so it is not written down. */
int fsync(int fd)
{
	const char *path = path_of(fd);
	if (!path)
		return syscall(SYS_fsync, fd);
	pthread_mutex_lock(&mutex);
	int failed = fails('S');
	if (failed) {
		for (int k = 0; k < MAX_FDS; k++)
			if (k != fd && !strcmp(paths[k], path))
				owed[k] = 1;
		note('F', path, 0, "", 0);
	} else if (owed[fd]) {
		failed = 1;
	} else {
		note('S', path, 0, "", 0);
	}
	owed[fd] = 0;
	int e = failed ? (int)control[FAIL_ERRNO] : errno;
	pthread_mutex_unlock(&mutex);
	errno = e;
	return failed ? -1 : 0;
}

int fdatasync(int fd) { return fsync(fd); }

int unlink(const char *path)
{
	if (!is_ours(path))
		return syscall(SYS_unlinkat, AT_FDCWD, path, 0);
	pthread_mutex_lock(&mutex);
	int done = syscall(SYS_unlinkat, AT_FDCWD, path, 0), e = errno;
	if (done == 0)
		note('U', path, 0, "", 0);
	pthread_mutex_unlock(&mutex);
	errno = e;
	return done;
}
