package notebooks

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// setup is the first cell of code of every notebook: it makes the kernel use
// this repository, at the versions of its go.mod.
const setup = `!*go mod edit -require=dunning@v0.0.0 -replace=dunning=$GONB_DIR/.. && cp $GONB_DIR/../go.sum .
%noautoget
%goflags -mod=mod -buildvcs=false`

type notebook struct {
	Cells []struct {
		Type      string   `json:"cell_type"`
		Source    []string `json:"source"`
		Outputs   []any    `json:"outputs"`
		Execution *int     `json:"execution_count"`
	} `json:"cells"`
	Metadata struct {
		Kernel struct {
			Name string `json:"name"`
		} `json:"kernelspec"`
	} `json:"metadata"`
}

// stored reads the notebooks, by name.
func stored(t *testing.T) (names []string, books []notebook) {
	t.Helper()
	files, err := filepath.Glob("*.ipynb")
	if err != nil || len(files) < 4 {
		t.Fatalf("%d notebooks, %v", len(files), err)
	}
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var book notebook
		if err := json.Unmarshal(b, &book); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		names, books = append(names, strings.TrimSuffix(file, ".ipynb")), append(books, book)
	}
	return names, books
}

func TestNotebooksAreStoredWithoutOutputs(t *testing.T) {
	names, books := stored(t)
	for k, book := range books {
		first := true
		for n, cell := range book.Cells {
			if cell.Type != "code" {
				continue
			}
			if len(cell.Outputs) > 0 || cell.Execution != nil {
				t.Errorf("%s, cell %d: it has outputs; clear them before you store it", names[k], n)
			}
			if first && strings.Join(cell.Source, "") != setup {
				t.Errorf("%s: the first cell of code is not\n%s", names[k], setup)
			}
			first = false
		}
		if book.Metadata.Kernel.Name != "gonb" {
			t.Errorf("%s: kernel %q", names[k], book.Metadata.Kernel.Name)
		}
	}
}

// The cells of each notebook, put together into one program, pass go vet, so
// they compile against the packages as they are now. The module is made as the
// first cell makes the kernel's.
func TestCellsCompile(t *testing.T) {
	dir := t.TempDir()
	repository, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	names, books := stored(t)
	for k, book := range books {
		folder := filepath.Join(dir, names[k])
		if err := os.Mkdir(folder, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(folder, "main.go"), []byte(programOf(book)), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	sums, err := os.ReadFile(filepath.Join(repository, "go.sum"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "go.sum"), sums, 0o644); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{
		{"mod", "init", "cells"},
		{"mod", "edit", "-require=dunning@v0.0.0", "-replace=dunning=" + repository},
		{"vet", "-mod=mod", "./..."},
	} {
		cmd := exec.Command("go", args...)
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("go %v: %v: %s", args, err, out)
		}
	}
}

var mainLine = regexp.MustCompile(`(?m)^%%[ \t]*$`)

// programOf turns cells into one Go program. What stands before %% in a cell is
// declared, what stands after it is run.
func programOf(book notebook) string {
	imports, declared, runs := "", "", ""
	for n, cell := range book.Cells {
		source := strings.Join(cell.Source, "")
		switch {
		case cell.Type != "code" || source == setup:
			continue
		case strings.HasPrefix(source, "import ("):
			imports += source + "\n"
			continue
		}
		parts := mainLine.Split(source, 2)
		declared += parts[0] + "\n"
		if len(parts) == 2 {
			runs += fmt.Sprintf("func cell%d() {%s\n}\n\n", n, parts[1])
		}
	}
	var calls []string
	for n := range book.Cells {
		if name := fmt.Sprintf("cell%d", n); strings.Contains(runs, "func "+name+"()") {
			calls = append(calls, "\t"+name+"()")
		}
	}
	slices.Sort(calls)
	return "package main\n\n" + imports + declared + runs + "func main() {\n" + strings.Join(calls, "\n") + "\n}\n"
}
