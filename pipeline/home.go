package pipeline

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"dunning/data"
)

// makeHome makes home where needed and proves that it can be written to. The
// error wraps [data.ErrUsage].
func makeHome(home string) error {
	if err := os.MkdirAll(home, 0o755); err != nil {
		return homeError(home, err)
	}
	f, err := os.CreateTemp(home, ".probe-*")
	if err != nil {
		return homeError(home, err)
	}
	defer os.Remove(f.Name())
	return f.Close()
}

// makeDir makes a folder, with its parents.
func makeDir(path string) error {
	if err := os.MkdirAll(path, 0o755); err != nil {
		return fmt.Errorf("pipeline: %w", err)
	}
	return nil
}

// homeError adds place and remedy to an error of the file system under home.
func homeError(home string, err error) error {
	switch {
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS), errors.Is(err, syscall.ENOTDIR),
		errors.Is(err, syscall.EEXIST), errors.Is(err, syscall.ENOENT):
		return fmt.Errorf("%w: home %s cannot be written: %w; choose another with --home or change its permissions", data.ErrUsage, home, err)
	}
	return diskError(home, err)
}

// diskError adds place and remedy to an error that says the disk is full.
func diskError(home string, err error) error {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return fmt.Errorf("%s: the disk is full: %w; free space and run again", home, err)
	}
	return err
}

// lockHome takes the lock of home, so that two runs cannot interleave. The
// lock goes when the process ends, however it ends. The error of a lock that
// is taken wraps [data.ErrRefused].
func lockHome(home string) (unlock func(), err error) {
	path := filepath.Join(home, ".lock")
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, homeError(home, err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		defer f.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			b, _ := os.ReadFile(path) // only to name the holder
			return nil, fmt.Errorf("%w: another run (process %s) is at work in %s; wait until it ends", data.ErrRefused, strings.TrimSpace(string(b)), home)
		}
		return nil, fmt.Errorf("pipeline: lock %s: %w", path, err)
	}
	if err := f.Truncate(0); err == nil {
		fmt.Fprintf(f, "%d\n", os.Getpid()) // best effort: it only names the holder
	}
	return func() { f.Close() }, nil
}
