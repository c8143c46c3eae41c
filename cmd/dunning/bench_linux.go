package main

import (
	"bytes"
	"os"
	"strconv"
	"syscall"
)

// dropCache empties the system's cache of a file.
func dropCache(path string) {
	f, err := os.Open(path)
	if err != nil {
		return
	}
	defer f.Close()
	const dontNeed = 4 // POSIX_FADV_DONTNEED
	_, _, _ = syscall.Syscall6(syscall.SYS_FADVISE64, f.Fd(), 0, 0, dontNeed, 0, 0)
}

// programRSS returns how many bytes of the process are pages of files: those of
// the program and its libraries, unless it maps others. nil if unknown.
func programRSS() *int64 {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return nil
	}
	_, rest, _ := bytes.Cut(status, []byte("RssFile:"))
	if fields := bytes.Fields(rest); len(fields) > 0 {
		if kib, err := strconv.ParseInt(string(fields[0]), 10, 64); err == nil {
			size := kib * 1024
			return &size
		}
	}
	return nil
}
