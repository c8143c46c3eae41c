// Package lint_test holds the house rules that a program can check: who may
// import whom, where C code may live, file sizes, forbidden names.
package lint_test

import (
	"bytes"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// allowed lists, for each package, the packages of ours it may import. A
// folder's own subfolders inherit its line unless they have one. Data flows
// one way: sources → pipeline → features → models → optimizer → serve.
var allowed = map[string][]string{
	"data":      {},
	"features":  {"data"},
	"models":    {"data", "features"},
	"optimizer": {"data"},
	"policy":    {"data"},
	// credit decides about applications by stored models and never trains with C code.
	"credit":   {"data", "features", "models", "models/trees", "models/registry"},
	"pipeline": {"data", "features", "models", "optimizer", "policy", "pipeline"},
	// serve reads finished plans and never trains.
	"serve":     {"data", "features", "policy", "policy/regua", "optimizer", "models", "models/trees", "models/uplift", "models/registry", "credit", "serve/ledger", "serve/sqlite"},
	"notebooks": {"data", "features", "models", "optimizer", "policy", "pipeline"},
	"cmd":       {"data", "features", "models", "optimizer", "policy", "credit", "pipeline", "serve"},

	"data/synth": {"data"},
	// The registry is the top of models: it saves and loads what was trained,
	// so it knows every kind of model that can be served.
	"models/registry": {"data", "features", "models", "models/trees", "models/uplift"},
	// Training with XGBoost yields a forest.
	"models/xgb": {"data", "features", "models", "models/trees"},
	// A search of parameters trains with XGBoost.
	"models/tune":  {"data", "features", "models", "models/trees", "models/xgb"},
	"serve/ledger": {"data", "serve/sqlite"},
	"serve/sqlite": {"data"},
	// The what-if solves what the command hands to it.
	"serve/whatif": {"data", "optimizer"},
	// People are those whom the roles of serve let in.
	"serve/accounts": {"data", "serve/sqlite"},
	// The pages show what serve and its parts hold; what the pipeline finds is
	// handed to them by the command.
	"serve/web": {"data", "policy", "policy/regua", "credit/portfolio", "optimizer", "serve", "serve/ledger", "serve/accounts", "serve/whatif"},
	"internal":  {},
}

// cgo lists where C code may live: everything else builds without a C compiler.
var cgo = []string{"optimizer", "models/xgb", "models/baseline", "optimizer/clp", "pipeline", "serve", "cmd"}

// cgoImports are modules that need C.
var cgoImports = []string{
	"C", "github.com/duckdb/duckdb-go", "github.com/lanl/clp",
	"github.com/mattn/go-sqlite3", "github.com/sjwhitworth/golearn",
}

// maxLines is the size at which a file should have been split.
const maxLines = 500

func TestImportRules(t *testing.T) {
	eachGoFile(t, func(t *testing.T, file string, src []byte) {
		f, err := parser.ParseFile(token.NewFileSet(), file, src, parser.ImportsOnly)
		if err != nil {
			t.Errorf("%s: %v", file, err)
			return
		}
		isTest := strings.HasSuffix(file, "_test.go")
		from := path.Dir(file)
		for _, spec := range f.Imports {
			imported, _ := strconv.Unquote(spec.Path.Value)
			if to, ours := strings.CutPrefix(imported, "dunning/"); ours && !isTest && !mayImport(from, to) {
				t.Errorf("%s may not import %s: data flows one way (see allowed in internal/lint)", file, to)
			}
			if needsC(imported) && !isTest && !slices.ContainsFunc(cgo, func(p string) bool { return within(from, p) }) {
				t.Errorf("%s imports %s: C code may live in %s only", file, imported, strings.Join(cgo, ", "))
			}
		}
	})
}

func TestFileSizesAndNames(t *testing.T) {
	forbidden := []string{"util", "utils", "common", "helper", "helpers", "misc"}
	eachGoFile(t, func(t *testing.T, file string, src []byte) {
		if n := bytes.Count(src, []byte("\n")); n > maxLines {
			t.Errorf("%s has %d lines; split it (limit %d)", file, n, maxLines)
		}
		for _, part := range strings.Split(strings.TrimSuffix(file, ".go"), "/") {
			if slices.Contains(forbidden, part) {
				t.Errorf("%s: %q says nothing about what is inside", file, part)
			}
		}
	})
}

// mayImport looks up the most specific line of allowed for from; a package may
// always import its own parents (and so shares their vocabulary).
func mayImport(from, to string) bool {
	if within(from, to) {
		return true
	}
	for p := from; p != "."; p = path.Dir(p) {
		if list, ok := allowed[p]; ok {
			return slices.ContainsFunc(list, func(a string) bool {
				// A line that names a top-level folder opens its subpackages to
				// the stages and commands that wire them.
				return a == to || (slices.Contains([]string{"pipeline", "cmd", "notebooks"}, p) && within(to, a))
			})
		}
	}
	return false
}

func needsC(imported string) bool {
	return slices.ContainsFunc(cgoImports, func(p string) bool { return imported == p || strings.HasPrefix(imported, p+"/") })
}

func within(p, folder string) bool { return p == folder || strings.HasPrefix(p, folder+"/") }

// eachGoFile calls check for every Go file of the module, by slash path.
func eachGoFile(t *testing.T, check func(t *testing.T, file string, src []byte)) {
	t.Helper()
	root := filepath.Join("..", "..")
	count := 0
	err := filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (strings.HasPrefix(d.Name(), ".") && p != root || d.Name() == "var" || d.Name() == "testdata" || d.Name() == "bin") {
			return filepath.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(p, ".go") {
			return nil
		}
		rel, err := filepath.Rel(root, p)
		if err != nil {
			return err
		}
		src, err := os.ReadFile(p)
		if err != nil {
			return err
		}
		count++
		check(t, filepath.ToSlash(rel), src)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if count < 10 {
		t.Fatalf("looked at %d Go files only: is the module's root still %s?", count, root)
	}
}
