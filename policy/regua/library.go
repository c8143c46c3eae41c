package regua

import (
	"embed"
	"fmt"
	"slices"
	"strings"

	"dunning/data"
)

//go:embed library/*.yaml
var libraryFiles embed.FS

// Library returns the names of the réguas that come with the program.
func Library() []string {
	entries, err := libraryFiles.ReadDir("library")
	if err != nil {
		return nil // the folder is part of the program
	}
	var names []string
	for _, e := range entries {
		names = append(names, strings.TrimSuffix(e.Name(), ".yaml"))
	}
	return names
}

// FromLibrary returns the text of a régua of the library. The error wraps
// [data.ErrUsage].
func FromLibrary(id string) ([]byte, error) {
	if !slices.Contains(Library(), id) {
		return nil, fmt.Errorf("regua: %w: the library has no %q (have %s)", data.ErrUsage, id, strings.Join(Library(), ", "))
	}
	return libraryFiles.ReadFile("library/" + id + ".yaml")
}
