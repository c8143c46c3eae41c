//go:build !linux

package pipeline

import "io/fs"

// entryOf returns what tells one state of a file from another.
func entryOf(info fs.FileInfo) hashEntry {
	return hashEntry{Size: info.Size(), Mtime: info.ModTime().UnixNano()}
}
