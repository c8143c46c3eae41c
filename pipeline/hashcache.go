package pipeline

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"dunning/data"
)

// hashCache remembers the content hash of files that did not change since they
// were hashed: same size, modification and change time and inode. A file that
// was modified within the last two seconds is not remembered, since a later
// change might leave all of these the same. A nil cache remembers nothing.
type hashCache struct {
	path string

	mu      sync.Mutex
	entries map[string]hashEntry
	changed bool
}

type hashEntry struct {
	Size   int64  `json:"size"`
	Mtime  int64  `json:"mtime_ns"`
	Ctime  int64  `json:"ctime_ns"`
	Inode  uint64 `json:"inode"`
	SHA256 string `json:"sha256"`
}

// freshness is how long after its modification a file is hashed anew.
const freshness = 2 * time.Second

// openHashCache reads the cache at path. One that cannot be read is begun
// anew: it only saves time.
func openHashCache(path string) *hashCache {
	c := &hashCache{path: path, entries: map[string]hashEntry{}}
	if b, err := os.ReadFile(path); err == nil && json.Unmarshal(b, &c.entries) != nil || c.entries == nil {
		c.entries = map[string]hashEntry{}
	}
	return c
}

// hash returns the SHA-256 of the file's content, in hex.
func (c *hashCache) hash(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return "", err
	}
	if info.IsDir() {
		return "", fmt.Errorf("%s is a folder", path)
	}
	now := entryOf(info)
	if c != nil {
		c.mu.Lock()
		old, ok := c.entries[path]
		c.mu.Unlock()
		if now.SHA256 = old.SHA256; ok && now == old {
			return old.SHA256, nil
		}
	}
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", fmt.Errorf("read %s: %w", path, err)
	}
	now.SHA256 = hex.EncodeToString(h.Sum(nil))
	if c != nil && time.Since(info.ModTime()) > freshness {
		c.mu.Lock()
		c.entries[path], c.changed = now, true
		c.mu.Unlock()
	}
	return now.SHA256, nil
}

// save keeps the cache for the next run, without files that are gone.
func (c *hashCache) save() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	for path := range c.entries {
		if _, err := os.Lstat(path); err != nil {
			delete(c.entries, path)
			c.changed = true
		}
	}
	if !c.changed {
		return nil
	}
	b, err := json.MarshalIndent(c.entries, "", " ")
	if err != nil {
		return fmt.Errorf("pipeline: %w", err)
	}
	c.changed = false
	return data.WriteFile(c.path, append(b, '\n'))
}
