package pipeline

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"dunning/data"
)

// publish gives a finished folder its versioned name and turns the visible
// name to it.
func (r *runner) publish(tmp, folder, key string) (dir string, err error) {
	parent, name := filepath.Split(folder)
	version := fmt.Sprintf(".%s.%.12s", name, key)
	for i := 1; ; i++ {
		if _, err := os.Lstat(filepath.Join(parent, version)); errors.Is(err, fs.ErrNotExist) {
			break
		}
		version = fmt.Sprintf(".%s.%.12s.%d", name, key, i) // a forced run beside its own output
	}
	dir = filepath.Join(parent, version)
	if err := os.Rename(tmp, dir); err != nil {
		return "", err
	}
	if err := errors.Join(data.SyncDir(parent), r.at("renamed")); err != nil {
		return "", err
	}
	link := filepath.Join(parent, "."+name+".tmp-link")
	if err := os.Symlink(version, link); err != nil {
		return "", err
	}
	if err := r.at("linked"); err != nil {
		return "", err
	}
	if err := os.Rename(link, folder); err != nil {
		return "", fmt.Errorf("%w; %s must be a link made by this program: move it away", err, folder)
	}
	if err := errors.Join(data.SyncDir(parent), r.at("swapped")); err != nil {
		return "", err
	}
	return dir, removeOld(parent)
}

// versioned matches the hidden names that work and publish give; the first
// group is the visible name.
var versioned = regexp.MustCompile(`^\.(.+)\.(?:[0-9a-f]{12}(?:\.[0-9]+)?|tmp-[^.]*)$`)

// removeOld removes from parent what no visible name points to: outputs that
// were replaced and the remains of runs that were killed.
func removeOld(parent string) error {
	entries, err := os.ReadDir(parent)
	if err != nil {
		return err
	}
	for _, e := range entries {
		match := versioned.FindStringSubmatch(e.Name())
		if match == nil {
			continue
		}
		if target, err := os.Readlink(filepath.Join(parent, match[1])); err == nil && target == e.Name() {
			continue
		}
		if err := os.RemoveAll(filepath.Join(parent, e.Name())); err != nil {
			return err
		}
	}
	return nil
}

// removeRemains clears what runs that were killed left behind. The caller
// holds the lock of the home.
func removeRemains(home string, stages []Stage) error {
	for _, s := range stages {
		pattern := filepath.Join(home, filepath.FromSlash(strings.ReplaceAll(s.Folder, asOfPlace, "*")))
		parents, err := filepath.Glob(filepath.Dir(pattern))
		if err != nil {
			return err
		}
		for _, parent := range parents {
			if err := removeOld(parent); err != nil {
				return err
			}
		}
	}
	// Other programs write into the home too: only names that are a run's own.
	for _, pattern := range []string{".probe-*", "." + documentKeyName + ".tmp-*", "lake/..hashes.json.tmp-*"} {
		found, err := filepath.Glob(filepath.Join(home, filepath.FromSlash(pattern)))
		if err != nil {
			return err
		}
		for _, path := range found {
			if err := os.Remove(path); err != nil {
				return err
			}
		}
	}
	return os.RemoveAll(filepath.Join(home, "tmp"))
}
