package show

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/janpfeifer/gonb/gonbui"

	"dunning/data"
)

// HTML shows markup as it is.
func HTML(markup string) {
	if !gonbui.IsNotebook {
		fmt.Println(markup)
		return
	}
	gonbui.DisplayHTML(markup)
	// The program of a cell ends with its last line: what it showed must have
	// arrived by then.
	gonbui.Sync()
	if err := gonbui.Error(); err != nil {
		panic(fmt.Sprintf("show: %v", err))
	}
}

// Must returns v, and panics where there is an error.
func Must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// Home returns the home that notebooks look at: the environment's DUNNING_HOME,
// else the one that the run of all notebooks makes.
func Home() string {
	if home := os.Getenv("DUNNING_HOME"); home != "" {
		return home
	}
	return filepath.Join("..", "var", "notebooks", "home")
}

// Latest returns a file of the newest day under a folder of the home, e.g.
// Latest("plans", "plan.parquet"); the name may be a pattern of which the first
// is taken. It panics where there is none.
func Latest(folder, name string) string {
	found := Files(folder, "????-??-??", name)
	return found[len(found)-1]
}

// Files returns the files of the home that match a path, whose parts may be
// patterns, in sorted order. It panics where there is none.
func Files(parts ...string) []string {
	pattern := filepath.Join(append([]string{Home()}, parts...)...)
	found := Must(filepath.Glob(pattern))
	if len(found) == 0 {
		panic(fmt.Sprintf("show: nothing matches %s; make a home with \"dunning simulate\" and \"dunning run\"", pattern))
	}
	return found
}

// Read reads the rows of all files of the home that match a path, in the order
// of [Files].
func Read[T any](parts ...string) []T {
	var rows []T
	for _, file := range Files(parts...) {
		rows = append(rows, Must(data.Read[T](file))...)
	}
	return rows
}
