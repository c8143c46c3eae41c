package pipeline

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"dunning/data"
)

// asOfPlace stands for the day of the plan in [Stage.Folder].
const asOfPlace = "{as_of}"

// Stage is one step from sources to plan. Its key is the hash of
//
//   - the schema version, the stage's name and the program's own hash;
//   - AsOf where the folder depends on it, and the seed where Seeded;
//   - what Config returns, as JSON;
//   - the content of the outputs of Inputs, and what Prepare returns.
//
// Whatever else Run reads would go unseen: put it into one of these.
type Stage struct {
	Name  string // one lower-case word: "extract"
	Title string // what it does, for people
	// Folder is where a reader finds the output, relative to the home, with
	// slashes; "{as_of}" in it stands for the day. Stages never share one.
	Folder string
	Inputs []string // names of earlier stages whose output Run reads
	Seeded bool     // whether Run uses the seed
	// Config returns the part of the configuration that Run reads; nil: none.
	Config func(*Config) any
	// Prepare returns the content hashes of what Run reads beyond Inputs, by
	// name. It runs before the stage is known to be skipped, so it must be
	// cheap when nothing changed. Nil: nothing.
	Prepare func(context.Context, *Work) (map[string]string, error)
	// Run writes the output into Work.Dir. It must return soon after the
	// context ends, with its error.
	Run func(context.Context, *Work) error
}

// usesAsOf reports whether the output depends on the day.
func (s Stage) usesAsOf() bool { return strings.Contains(s.Folder, asOfPlace) }

// FolderOf returns the folder of the stage's output for a day, within home.
func (s Stage) FolderOf(home string, asOf data.Date) string {
	return filepath.Join(home, filepath.FromSlash(strings.ReplaceAll(s.Folder, asOfPlace, asOf.String())))
}

// Work is what a stage is given to do its work. Its methods may be called from
// several goroutines.
type Work struct {
	Config *Config
	Home   string
	AsOf   data.Date // meaningful only where the stage's folder depends on it
	Seed   uint64
	// CodeVersion is the hash of the running program, for what is kept.
	CodeVersion string
	Dir         string // exists and is empty; what is in it when Run returns is the output
	Tmp         string // exists; for what is not output; removed afterwards

	progress Progress
	hashes   *hashCache
	inputs   map[string]Output
	prepared any // what Prepare keeps for Run

	mu     sync.Mutex
	files  map[string]data.File
	counts map[string]int64
}

// Input returns the verified output of an earlier stage that the stage lists
// in Inputs. It panics for any other name.
func (w *Work) Input(stage string) Output {
	out, ok := w.inputs[stage]
	if !ok {
		panic(fmt.Sprintf("pipeline: stage %q is not among the inputs", stage))
	}
	return out
}

// Wrote registers a file that data.Write or data.Writer.Close returned, under
// its path relative to Dir, with slashes. Files that are not registered are
// hashed by the runner, with no row count.
func (w *Work) Wrote(name string, f data.File) {
	w.mu.Lock()
	defer w.mu.Unlock()
	f.Name = name
	w.files[name] = f
}

// Count sets a figure of the manifest. What depends on a clock or on the
// number of threads must not be counted.
func (w *Work) Count(name string, n int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.counts[name] = n
}

// Advance shows how far the stage is: done of total steps of any unit.
func (w *Work) Advance(done, total int64) { w.progress.Advance(done, total) }

// Note shows a line that the user should see beside the stage's own.
func (w *Work) Note(format string, a ...any) { w.progress.Note(format, a...) }

// eachPart calls work for the partitions 0 … parts−1, as many at a time as there
// are cores, and returns the first error. It shows the progress of a stage that
// reads them all passes times, of which this is number pass, from 0.
func (w *Work) eachPart(ctx context.Context, parts, pass, passes int, work func(ctx context.Context, part int) error) error {
	var done atomic.Int64
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(w.Config.cores())
	for p := range parts {
		group.Go(func() error {
			if err := work(ctx, p); err != nil {
				return err
			}
			w.Advance(int64(pass*parts)+done.Add(1), int64(passes*parts))
			return nil
		})
	}
	return group.Wait()
}

// Output is the finished output of a stage.
type Output struct {
	Dir      string // the versioned folder, not the link to it
	Manifest data.Manifest
}

// OpenOutput reads the manifest of the output that the visible folder shows
// now. Dir stays the same output even if a run replaces it meanwhile; then its
// files vanish, and the caller opens the output anew. A missing output is an
// error that wraps fs.ErrNotExist.
func OpenOutput(folder string) (Output, error) {
	dir, err := filepath.EvalSymlinks(folder)
	if err != nil {
		return Output{}, fmt.Errorf("pipeline: %w", err)
	}
	m, err := data.ReadManifest(dir)
	if err != nil {
		return Output{}, err
	}
	return Output{Dir: dir, Manifest: m}, nil
}

// Path returns the path of a file of the output, named with slashes.
func (o Output) Path(name string) string { return filepath.Join(o.Dir, filepath.FromSlash(name)) }

// Parts returns the files of a table in the order of its partitions: the
// manifest's files under name/.
func (o Output) Parts(table string) []data.File {
	var parts []data.File
	for _, f := range o.Manifest.Files {
		if path.Dir(f.Name) == table {
			parts = append(parts, f)
		}
	}
	return parts
}

// Rows returns the number of rows of all files of the output.
func (o Output) Rows() int64 {
	var n int64
	for _, f := range o.Manifest.Files {
		n += f.Rows
	}
	return n
}

// ContentHash hashes what the output is, not how it came about: names and
// hashes of its files. A stage that ran again and wrote the same bytes does
// not make later stages run again.
func (o Output) ContentHash() string {
	h := sha256.New()
	for _, f := range o.Manifest.Files {
		fmt.Fprintf(h, "%q %s\n", f.Name, f.SHA256)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// verify checks every file of the output against its manifest, through the
// cache where there is one.
func (o Output) verify(cache *hashCache) error {
	for _, f := range o.Manifest.Files {
		sum, err := cache.hash(o.Path(f.Name))
		if err != nil {
			if errors.Is(err, fs.ErrNotExist) {
				return fmt.Errorf("%s: %w: it is missing; run stage %q again with --force", o.Path(f.Name), data.ErrDamagedFile, o.Manifest.Stage)
			}
			return err
		}
		if sum != f.SHA256 {
			return fmt.Errorf("%s: %w: its content does not match %s (sha256 %.12s…, expected %.12s…); run stage %q again with --force",
				o.Path(f.Name), data.ErrDamagedFile, data.ManifestName, sum, f.SHA256, o.Manifest.Stage)
		}
	}
	return nil
}

// keyOf hashes all of m that is not output.
func keyOf(m data.Manifest) (string, error) {
	m.Key, m.Files, m.Counts = "", nil, nil
	return hashJSON(m)
}

// hashJSON hashes the JSON of v; map keys are sorted by encoding/json.
func hashJSON(v any) (string, error) {
	b, err := json.Marshal(v)
	if err != nil {
		return "", fmt.Errorf("pipeline: hash: %w", err)
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:]), nil
}

// collect lists the files that Run left in dir, with their hashes, sorted by
// name, and makes each durable.
func (w *Work) collect() ([]data.File, error) {
	var files []data.File
	err := filepath.WalkDir(w.Dir, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			return data.SyncDir(p)
		}
		rel, err := filepath.Rel(w.Dir, p)
		if err != nil {
			return err
		}
		name := filepath.ToSlash(rel)
		if name == data.ManifestName {
			return fmt.Errorf("pipeline: a stage must not write %s", data.ManifestName)
		}
		if err := syncFile(p); err != nil {
			return err
		}
		f, ok := w.files[name]
		if !ok {
			if f, err = data.Stat(p, 0); err != nil {
				return err
			}
			f.Name = name
		}
		files = append(files, f)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("pipeline: %w", err)
	}
	slices.SortFunc(files, func(a, b data.File) int { return strings.Compare(a.Name, b.Name) })
	for name := range w.files {
		if !slices.ContainsFunc(files, func(f data.File) bool { return f.Name == name }) {
			return nil, fmt.Errorf("pipeline: %s was registered but is not there", name)
		}
	}
	return files, nil
}

func syncFile(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	return f.Sync()
}
