package pipeline

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"dunning/data"
)

// Status says what became of a stage.
type Status string

// What can become of a stage of a run.
const (
	StatusDone      Status = "done"
	StatusUnchanged Status = "unchanged"
	StatusFailed    Status = "failed"
)

// StageResult is what a run tells about one stage.
type StageResult struct {
	Stage   string           `json:"stage"`
	Status  Status           `json:"status"`
	Seconds float64          `json:"seconds"` // wall time
	Rows    int64            `json:"rows"`    // of all files of the output
	Key     string           `json:"key"`
	Folder  string           `json:"folder"` // where a reader finds the output
	Counts  map[string]int64 `json:"counts,omitempty"`
	Error   string           `json:"error,omitempty"`
}

// RunResult is what a run did.
type RunResult struct {
	AsOf   *data.Date    `json:"as_of"` // nil when no stage that depends on it was reached
	Stages []StageResult `json:"stages"`
}

// RunOptions says how far to run.
type RunOptions struct {
	From, To string   // names of the first and last stage; "" means the ends
	Force    bool     // run stages again although nothing changed
	Progress Progress // nil: silent
	// After is called with the name of a stage that the run brought up to date for
	// a day, before the next one begins; an error ends the run. Nil: nothing.
	After func(ctx context.Context, stage string, asOf data.Date) error
}

// Counts of the manifest of extract from which the runner takes the day of the
// plan: days since 1970-01-01.
const (
	countFirstEvent = "first_event_day"
	countLastEvent  = "last_event_day"
)

// staleDays is how many days the sources may end before the day of the plan
// without a remark: a long weekend.
const staleDays = 4

// runner is the state of one run.
type runner struct {
	home     string
	config   *Config
	options  RunOptions
	stages   []Stage
	hashes   *hashCache
	code     string // version of the program; tests give one, to spare its hashing
	progress Progress
	outputs  map[string]Output
	result   *RunResult
	// crash, in tests, stops the run at a step as if the process had died
	// there: nothing is cleaned up.
	crash func(step string) error
}

// Run runs stages in their order, from opts.From to opts.To, and skips those
// whose key did not change and whose files are whole. It needs the home for
// itself: another run in the same home is an error that wraps
// [data.ErrRefused]. When ctx ends it stops, removes what the stage at work
// had written and returns the context's error; running again goes on with that
// stage. The result is never nil and tells what was done before an error.
func Run(ctx context.Context, home string, config *Config, stages []Stage, opts RunOptions) (*RunResult, error) {
	r := &runner{config: config, options: opts, stages: stages, progress: opts.Progress}
	return r.run(ctx, home)
}

func (r *runner) run(ctx context.Context, home string) (*RunResult, error) {
	r.result, r.outputs = &RunResult{Stages: []StageResult{}}, map[string]Output{}
	if r.progress == nil {
		r.progress = Silent{}
	}
	first, last, err := r.bounds()
	if err != nil {
		return r.result, err
	}
	if r.home, err = filepath.Abs(home); err != nil {
		return r.result, fmt.Errorf("%w: %w", data.ErrUsage, err)
	}
	if err := makeHome(r.home); err != nil {
		return r.result, err
	}
	unlock, err := lockHome(r.home)
	if err != nil {
		return r.result, err
	}
	defer unlock()
	if err := os.MkdirAll(filepath.Join(r.home, "lake"), 0o755); err != nil {
		return r.result, homeError(r.home, err)
	}
	if err := removeRemains(r.home, r.stages); err != nil {
		return r.result, homeError(r.home, err)
	}
	r.hashes = openHashCache(filepath.Join(r.home, "lake", ".hashes.json"))
	if r.code == "" {
		if r.code, err = codeVersion(r.hashes); err != nil {
			return r.result, err
		}
	}
	err = r.runStages(ctx, first, last)
	if serr := r.hashes.save(); err == nil && serr != nil {
		err = homeError(r.home, serr)
	}
	return r.result, err
}

// bounds returns the positions of the first and the last stage to run.
func (r *runner) bounds() (first, last int, err error) {
	find := func(flag, name string, otherwise int) int {
		if name == "" {
			return otherwise
		}
		i := slices.IndexFunc(r.stages, func(s Stage) bool { return s.Name == name })
		if i < 0 && err == nil {
			names := make([]string, len(r.stages))
			for i, s := range r.stages {
				names[i] = s.Name
			}
			err = fmt.Errorf("%w: --%s: no stage %q (have %s)", data.ErrUsage, flag, name, strings.Join(names, ", "))
		}
		return i
	}
	first, last = find("from", r.options.From, 0), find("to", r.options.To, len(r.stages)-1)
	if err == nil && first > last {
		err = fmt.Errorf("%w: --from %s comes after --to %s", data.ErrUsage, r.options.From, r.options.To)
	}
	return first, last, err
}

func (r *runner) runStages(ctx context.Context, first, last int) error {
	for i, s := range r.stages[:last+1] {
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("%s: %w", s.Name, err)
		}
		if s.usesAsOf() && r.result.AsOf == nil {
			if err := r.resolveAsOf(); err != nil {
				return err
			}
		}
		if i < first {
			out, err := OpenOutput(r.folder(s))
			if errors.Is(err, fs.ErrNotExist) {
				err = fmt.Errorf("%w: stage %s has no output in %s; run from it", data.ErrUsage, s.Name, r.folder(s))
			}
			if err != nil {
				return err
			}
			r.outputs[s.Name] = out
			continue
		}
		if err := r.stage(ctx, s); err != nil {
			return err
		}
		if r.options.After != nil && s.usesAsOf() {
			if err := r.options.After(ctx, s.Name, *r.result.AsOf); err != nil {
				return err
			}
		}
	}
	return nil
}

func (r *runner) folder(s Stage) string {
	var asOf data.Date
	if r.result.AsOf != nil {
		asOf = *r.result.AsOf
	}
	return s.FolderOf(r.home, asOf)
}

// resolveAsOf takes the day from the configuration, or the day after the last
// event that extract saw.
func (r *runner) resolveAsOf() error {
	out, extracted := r.outputs["extract"]
	first, last := out.Manifest.Counts[countFirstEvent], out.Manifest.Counts[countLastEvent]
	switch {
	case r.config.AsOf == nil && !extracted:
		return fmt.Errorf("%w: as_of: not set, and there is no extract to take it from", data.ErrUsage)
	case r.config.AsOf == nil:
		day := data.Date(last) + 1
		r.result.AsOf = &day
	case extracted && int64(*r.config.AsOf) <= first:
		return fmt.Errorf("%w: as_of %s is not after the first event of the sources, on %s; choose a later day",
			data.ErrUsage, r.config.AsOf, data.Date(first))
	default:
		day := *r.config.AsOf
		r.result.AsOf = &day
	}
	if end := data.Date(last) + 1; extracted && *r.result.AsOf > end+staleDays {
		r.progress.Note("the sources end on %s, %d days before %s: what happened since is not known", end-1, *r.result.AsOf-end, r.result.AsOf)
	}
	return nil
}

// stage runs one stage, or skips it, and records the result.
func (r *runner) stage(ctx context.Context, s Stage) error {
	start := time.Now()
	res := StageResult{Stage: s.Name, Folder: r.folder(s)}
	out, status, err := r.skipOrWork(ctx, s)
	if errors.Is(err, errCrash) {
		return err
	}
	res.Status, res.Seconds = status, time.Since(start).Seconds()
	if err != nil {
		err = fmt.Errorf("%s: %w", s.Name, diskError(r.home, err))
		res.Status, res.Error = StatusFailed, err.Error()
	} else {
		res.Key, res.Rows, res.Counts = out.Manifest.Key, out.Rows(), out.Manifest.Counts
		r.outputs[s.Name] = out
	}
	r.result.Stages = append(r.result.Stages, res)
	r.progress.End(res)
	if lerr := r.log(start, res); err == nil {
		err = lerr
	}
	return err
}

// log appends the result to HOME/lake/runs.jsonl, the only place where the
// clock is kept.
func (r *runner) log(start time.Time, res StageResult) error {
	b, err := json.Marshal(struct {
		StartedAt time.Time  `json:"started_at"`
		AsOf      *data.Date `json:"as_of"`
		StageResult
	}{start.UTC(), r.result.AsOf, res})
	if err != nil {
		return fmt.Errorf("pipeline: %w", err)
	}
	f, err := os.OpenFile(filepath.Join(r.home, "lake", "runs.jsonl"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return homeError(r.home, err)
	}
	_, err = f.Write(append(b, '\n'))
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	return homeError(r.home, err)
}

// skipOrWork brings the stage's output up to date.
func (r *runner) skipOrWork(ctx context.Context, s Stage) (Output, Status, error) {
	folder := r.folder(s)
	tmp := filepath.Join(r.home, "tmp", s.Name)
	if err := os.MkdirAll(tmp, 0o700); err != nil {
		return Output{}, "", homeError(r.home, err)
	}
	w := &Work{Config: r.config, Home: r.home, Seed: r.config.Seed, CodeVersion: r.code, Tmp: tmp, progress: r.progress, hashes: r.hashes,
		inputs: map[string]Output{}, files: map[string]data.File{}, counts: map[string]int64{}}
	if s.usesAsOf() {
		w.AsOf = *r.result.AsOf
	}
	for _, name := range s.Inputs {
		out, ok := r.outputs[name]
		if !ok {
			return Output{}, "", fmt.Errorf("pipeline: stage %s must come after its input %s", s.Name, name)
		}
		w.inputs[name] = out
	}
	out, status, err := r.withWork(ctx, s, w, folder)
	if errors.Is(err, errCrash) {
		return out, status, err
	}
	if rerr := os.RemoveAll(tmp); err == nil {
		err = rerr
	}
	return out, status, err
}

func (r *runner) withWork(ctx context.Context, s Stage, w *Work, folder string) (Output, Status, error) {
	m, err := r.manifest(ctx, s, w)
	if err != nil {
		return Output{}, "", err
	}
	if !r.options.Force {
		out, ok, err := r.upToDate(folder, m.Key)
		if err != nil || ok {
			return out, StatusUnchanged, err
		}
	}
	for _, name := range s.Inputs {
		// What is read is verified in full: the cache is for what is skipped.
		if err := w.inputs[name].verify(nil); err != nil {
			return Output{}, "", err
		}
	}
	r.progress.Begin(s.Name, s.Title)
	out, err := r.work(ctx, s, w, m, folder)
	return out, StatusDone, err
}

// manifest returns the stage's manifest as far as it is known before the work.
func (r *runner) manifest(ctx context.Context, s Stage, w *Work) (data.Manifest, error) {
	m := data.Manifest{SchemaVersion: data.SchemaVersion, Stage: s.Name, CodeVersion: r.code, Inputs: map[string]string{}}
	if s.usesAsOf() {
		m.AsOf = &w.AsOf
	}
	if s.Seeded {
		m.Seed = w.Seed
	}
	var part any
	if s.Config != nil {
		part = s.Config(r.config)
	}
	var err error
	if m.ConfigHash, err = hashJSON(part); err != nil {
		return m, err
	}
	for name, out := range w.inputs {
		m.Inputs[name] = out.ContentHash()
	}
	if s.Prepare != nil {
		more, err := s.Prepare(ctx, w)
		if err != nil {
			return m, err
		}
		for name, sum := range more {
			m.Inputs[name] = sum
		}
	}
	m.Key, err = keyOf(m)
	return m, err
}

// upToDate returns the present output when its key is the given one and none
// of its files is missing. A file that is there but is not what the manifest
// says is refused: something else wrote into the lake.
func (r *runner) upToDate(folder, key string) (Output, bool, error) {
	out, err := OpenOutput(folder)
	if err != nil || out.Manifest.Key != key {
		return Output{}, false, nil // unreadable or of another schema: the work is done anew
	}
	for _, f := range out.Manifest.Files {
		if _, err := os.Stat(out.Path(f.Name)); err != nil {
			return Output{}, false, nil
		}
	}
	if err := out.verify(r.hashes); err != nil {
		return Output{}, false, err
	}
	return out, true, nil
}

// errCrash marks a simulated death.
var errCrash = errors.New("pipeline: simulated crash")

func (r *runner) at(step string) error {
	if r.crash == nil {
		return nil
	}
	return r.crash(step)
}

// work runs the stage in a folder of its own and makes the result visible by
// one rename.
func (r *runner) work(ctx context.Context, s Stage, w *Work, m data.Manifest, folder string) (out Output, err error) {
	parent, name := filepath.Split(folder)
	if err := os.MkdirAll(parent, 0o755); err != nil {
		return out, homeError(r.home, err)
	}
	if w.Dir, err = os.MkdirTemp(parent, "."+name+".tmp-"); err != nil {
		return out, homeError(r.home, err)
	}
	defer func() {
		if !errors.Is(err, errCrash) {
			os.RemoveAll(w.Dir) // gone once renamed
		}
	}()
	if err := errors.Join(os.Chmod(w.Dir, 0o755), r.at("begun")); err != nil {
		return out, err
	}
	if err := s.Run(ctx, w); err != nil {
		return out, err
	}
	if err := errors.Join(ctx.Err(), r.at("ran")); err != nil {
		return out, err
	}
	if m.Files, err = w.collect(); err != nil {
		return out, err
	}
	if len(w.counts) > 0 {
		m.Counts = w.counts
	}
	if err := errors.Join(data.WriteManifest(w.Dir, m), r.at("manifest written")); err != nil {
		return out, err
	}
	dir, err := r.publish(w.Dir, folder, m.Key)
	return Output{Dir: dir, Manifest: m}, err
}

// codeVersion is the hash of the running program. The revision that Go records
// would miss uncommitted changes and is absent from many builds; the program's
// own bytes change exactly when what it does may have changed, and two runs of
// one program agree.
func codeVersion(cache *hashCache) (string, error) {
	path, err := os.Executable()
	if err != nil {
		return "", fmt.Errorf("pipeline: %w", err)
	}
	sum, err := cache.hash(path)
	if err != nil {
		return "", fmt.Errorf("pipeline: %w", err)
	}
	return sum, nil
}
