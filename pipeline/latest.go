package pipeline

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"dunning/data"
)

// LatestOf returns the latest day for which home holds an output of the stage,
// whose folder depends on the day. Where there is none the error wraps
// fs.ErrNotExist.
func LatestOf(home string, s Stage) (data.Date, error) {
	parent := filepath.Join(home, filepath.FromSlash(strings.TrimSuffix(s.Folder, asOfPlace)))
	entries, err := os.ReadDir(parent)
	if err != nil {
		return 0, fmt.Errorf("pipeline: %w", err)
	}
	for _, e := range slices.Backward(entries) { // by name, which is by day
		if day, err := data.ParseDate(e.Name()); err == nil {
			return day, nil
		}
	}
	return 0, fmt.Errorf("pipeline: %s: %w", parent, fs.ErrNotExist)
}
