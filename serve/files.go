package serve

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"dunning/data"
)

// The outputs of the pipeline within a home.
const (
	scoresFolder   = "lake/score"    // lake/score/<as_of>/scores.parquet
	segmentsFolder = "lake/segments" // lake/segments/<as_of>/members.parquet
	plansFolder    = "plans"         // plans/<as_of>/plan.parquet
	modelsFolder   = "models"        // models/current, or models/<as_of>
	lakeFolder     = "lake/extract/current"
	promotedModel  = "current"
	scoresFile     = "scores.parquet"
	membersFile    = "members.parquet"
	planFile       = "plan.parquet"
)

// retryAfter is how long a version that could not be loaded is left alone:
// hashing a large file every second would help nobody.
const retryAfter = time.Minute

// checkEvery bounds how often the disk is looked at for a new version.
const checkEvery = time.Second

// keptPlans bounds the plans of earlier days in memory.
const keptPlans = 4

// FileStore serves the last finished outputs in a home. [FileStore.Refresh]
// looks for new ones; readers never wait for it.
type FileStore struct {
	home      string
	openModel OpenModel
	log       *slog.Logger
	now       func() time.Time

	refreshing sync.Mutex // one refresh at a time
	scores     part[Scores]
	plan       part[Plan]
	model      part[Model]
	portfolio  part[Portfolio]
	credit     creditPart
	receipts   part[receipts]

	mu      sync.Mutex // guards earlier and its parts' loading
	earlier map[data.Date]*part[Plan]
	used    []data.Date // keys of earlier, least recently used first
}

// part is one output: the version in force and what went wrong with a newer.
type part[T any] struct {
	value   atomic.Pointer[T]
	version string // of value
	damaged atomic.Bool
	failed  string // version that could not be loaded
	retryAt time.Time
	checked time.Time // when the disk was last looked at
}

// version is one version of an output.
type version struct {
	id  string
	dir string // the versioned folder, not the link to it
}

// OpenFiles returns the store of a home, with what can be loaded loaded. The
// home must exist; it may be empty yet. openModel may be nil: then no model is
// served. now is the clock; nil means time.Now.
func OpenFiles(ctx context.Context, home string, openModel OpenModel, log *slog.Logger, now func() time.Time) (*FileStore, error) {
	if info, err := os.Stat(home); err != nil || !info.IsDir() {
		return nil, fmt.Errorf("serve: %w: home %s is no folder; make it with \"dunning init\" or name another with --home", data.ErrUsage, home)
	}
	if now == nil {
		now = time.Now
	}
	s := &FileStore{home: home, openModel: openModel, log: log, now: now, earlier: map[data.Date]*part[Plan]{}}
	s.Refresh(ctx)
	return s, nil
}

// Watch refreshes once a second until ctx ends.
func (s *FileStore) Watch(ctx context.Context) {
	tick := time.NewTicker(checkEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			s.Refresh(ctx)
		}
	}
}

// Refresh loads what is new. What cannot be loaded is logged and shown by
// Status; the version in force stays.
func (s *FileStore) Refresh(ctx context.Context) {
	s.refreshing.Lock()
	defer s.refreshing.Unlock()
	refreshLatest(ctx, s, &s.scores, "scores", scoresFolder, s.loadScores)
	refreshLatest(ctx, s, &s.plan, "plan", plansFolder, s.loadPlan)
	if s.openModel != nil {
		s.refreshModel(ctx)
	}
	refresh(s, &s.portfolio, "portfolio", filepath.Join(s.home, filepath.FromSlash(lakeFolder)), true, s.loadPortfolio)
	s.refreshCredit()
	refreshLatest(ctx, s, &s.receipts, "forecast", forecastsFolder, s.loadReceipts)
	s.refreshEarlier()
}

// refreshModel serves the promoted model, and where none was ever promoted the
// one that was trained last.
func (s *FileStore) refreshModel(ctx context.Context) {
	promoted := filepath.Join(s.home, modelsFolder, promotedModel)
	if _, err := os.Lstat(promoted); err == nil {
		refresh(s, &s.model, "model", promoted, true, s.loadModel)
		return
	}
	refreshLatest(ctx, s, &s.model, "model", modelsFolder, s.loadModel)
}

// Scores returns the table in force, nil for none.
func (s *FileStore) Scores() *Scores { return s.scores.value.Load() }

// LatestPlan returns the plan of the latest day.
func (s *FileStore) LatestPlan() *Plan { return s.plan.value.Load() }

// Model returns the model in force.
func (s *FileStore) Model() Model {
	if m := s.model.value.Load(); m != nil {
		return *m
	}
	return nil
}

// Portfolio returns what the lake knows of the customers, nil for none.
func (s *FileStore) Portfolio() *Portfolio { return s.portfolio.value.Load() }

// Plan returns the plan of a day; the few last used ones stay in memory.
func (s *FileStore) Plan(_ context.Context, asOf data.Date) (*Plan, error) {
	if p := s.plan.value.Load(); p != nil && p.AsOf == asOf {
		return p, nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.earlier[asOf]
	if p == nil {
		p = &part[Plan]{}
	}
	if now := s.now(); p.checked.IsZero() || now.Sub(p.checked) >= checkEvery {
		p.checked = now
		refresh(s, p, "plan", s.folder(plansFolder, asOf), true, s.loadPlan)
	}
	plan := p.value.Load()
	switch {
	case plan == nil && p.damaged.Load():
		return nil, fail(CodeUnavailable, "the plan of %s is damaged; the log says where", asOf)
	case plan == nil:
		return nil, fail(CodeNotFound, "there is no plan of %s", asOf)
	}
	s.keep(asOf, p)
	return plan, nil
}

// keep marks a plan as used and forgets the one that was not used for longest.
func (s *FileStore) keep(asOf data.Date, p *part[Plan]) {
	s.used = append(slices.DeleteFunc(s.used, func(d data.Date) bool { return d == asOf }), asOf)
	s.earlier[asOf] = p
	if len(s.used) > keptPlans {
		delete(s.earlier, s.used[0])
		s.used = s.used[1:]
	}
}

// refreshEarlier forgets the plans that are gone from the disk. The others are
// looked at when they are asked for.
func (s *FileStore) refreshEarlier() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, asOf := range slices.Clone(s.used) {
		if _, err := os.Stat(s.folder(plansFolder, asOf)); errors.Is(err, fs.ErrNotExist) {
			delete(s.earlier, asOf)
			s.used = slices.DeleteFunc(s.used, func(d data.Date) bool { return d == asOf })
		}
	}
}

// Status tells what is served.
func (s *FileStore) Status() Status {
	st := Status{
		Scores: PartStatus{State: s.scores.state()},
		Plan:   PartStatus{State: s.plan.state()},
		Model:  PartStatus{State: s.model.state()},

		Portfolio: PartStatus{State: s.portfolio.state()},
	}
	if v := s.Scores(); v != nil {
		st.Scores.AsOf, st.Scores.Version, st.Scores.Rows = &v.AsOf, v.Version, v.Len()
	}
	if v := s.LatestPlan(); v != nil {
		st.Plan.AsOf, st.Plan.Version, st.Plan.Rows, st.Plan.PlanID = &v.AsOf, v.SHA256, v.Len(), v.ID
	}
	if p := s.Portfolio(); p != nil {
		st.Portfolio.Version, st.Portfolio.Rows = p.Version, p.Len()
	}
	if m := s.Model(); m != nil {
		info := m.Info()
		st.Model.AsOf, st.Model.Version, st.Model.Rows = info.TrainedAsOf, info.Version, len(info.Features)
	}
	return st
}

func (p *part[T]) state() State {
	switch {
	case p.damaged.Load():
		return Damaged
	case p.value.Load() == nil:
		return Absent
	}
	return Loaded
}

// refreshLatest serves the newest day under folder that can be loaded.
func refreshLatest[T any](ctx context.Context, s *FileStore, p *part[T], name, folder string, load func(version) (*T, error)) {
	for i, day := range s.days(folder) {
		if ctx.Err() != nil {
			return
		}
		refresh(s, p, name, s.folder(folder, day), i == 0, load)
		if p.value.Load() != nil {
			return // the newest, or what was served before
		}
	}
}

// days lists the days with an output under a folder, newest first.
func (s *FileStore) days(folder string) []data.Date {
	entries, err := os.ReadDir(filepath.Join(s.home, filepath.FromSlash(folder)))
	if err != nil {
		return nil // nothing was written yet
	}
	var days []data.Date
	for _, e := range entries {
		if day, err := data.ParseDate(e.Name()); err == nil {
			days = append(days, day)
		}
	}
	slices.SortFunc(days, func(a, b data.Date) int { return int(b) - int(a) })
	return days
}

func (s *FileStore) folder(folder string, day data.Date) string {
	return filepath.Join(s.home, filepath.FromSlash(folder), day.String())
}

// refresh loads the version that link shows, unless it is in force already or
// failed a moment ago. newest tells that nothing newer is known: only then does
// success mean that nothing is damaged any more.
func refresh[T any](s *FileStore, p *part[T], name, link string, newest bool, load func(version) (*T, error)) {
	v, err := probe(link)
	if errors.Is(err, fs.ErrNotExist) {
		return // not written yet, or just being replaced
	}
	if err == nil && v.id == p.version {
		if newest {
			p.damaged.Store(false)
		}
		return
	}
	if v.id == p.failed && s.now().Before(p.retryAt) {
		return
	}
	var value *T
	if err == nil {
		value, err = load(v)
	}
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) && p.failed != v.id {
			p.failed, p.retryAt = v.id, s.now() // replaced while it was read: look again at once
			return
		}
		p.failed, p.retryAt = v.id, s.now().Add(retryAfter)
		p.damaged.Store(true)
		s.log.Error("refused a damaged version", "part", name, "folder", link, "served", p.version, "error", err)
		return
	}
	p.value.Store(value)
	p.version = v.id
	if newest {
		p.damaged.Store(false)
	}
	s.log.Info("loaded", "part", name, "folder", link, "version", v.id)
}

// probe finds the version that a link shows now. Its id hashes the folder's
// name and what is in it by name, size and time of change, so a version that
// was written again or was damaged since counts as new. A folder is a version
// once it holds a file.
func probe(link string) (version, error) {
	dir, err := filepath.EvalSymlinks(link)
	if err != nil {
		return version{}, err
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return version{}, err
	}
	hash, files := sha256.New(), 0
	fmt.Fprintln(hash, filepath.Base(dir))
	for _, e := range entries {
		info, err := e.Info()
		if err != nil {
			return version{}, err
		}
		if info.Mode().IsRegular() {
			fmt.Fprintln(hash, e.Name(), info.Size(), info.ModTime().UnixNano())
			files++
		}
	}
	if files == 0 {
		return version{}, fmt.Errorf("serve: %s: %w: no files", dir, fs.ErrNotExist)
	}
	return version{id: hex.EncodeToString(hash.Sum(nil)[:8]), dir: dir}, nil
}

// verified returns the manifest of a folder after checking one file against it.
func verified(dir, name string) (data.Manifest, data.File, error) {
	m, err := data.ReadManifest(dir)
	if err != nil {
		return data.Manifest{}, data.File{}, err
	}
	for _, f := range m.Files {
		if f.Name == name {
			one := m
			one.Files = []data.File{f}
			return m, f, one.Verify(dir)
		}
	}
	return data.Manifest{}, data.File{}, fmt.Errorf("%s: %w: %s does not name %s", dir, data.ErrDamagedFile, data.ManifestName, name)
}

func (s *FileStore) loadScores(v version) (*Scores, error) {
	m, f, err := verified(v.dir, scoresFile)
	if err != nil {
		return nil, err
	}
	scores, err := readScores(filepath.Join(v.dir, scoresFile), f)
	if err != nil {
		return nil, err
	}
	if m.AsOf != nil && scores.Len() > 0 && scores.AsOf != *m.AsOf {
		return nil, fmt.Errorf("%s: %w: as_of %s, the manifest says %s", v.dir, data.ErrDamagedFile, scores.AsOf, *m.AsOf)
	}
	if m.AsOf != nil {
		scores.AsOf = *m.AsOf
	}
	scores.SchemaVersion, scores.Version = m.SchemaVersion, f.SHA256
	segments := s.folder(segmentsFolder, scores.AsOf)
	if _, err := os.Stat(segments); errors.Is(err, fs.ErrNotExist) {
		return scores, nil // no rule was asked about them
	}
	if _, _, err := verified(segments, membersFile); err != nil {
		return nil, err
	}
	return scores, scores.readNamed(filepath.Join(segments, membersFile))
}

func (s *FileStore) loadPlan(v version) (*Plan, error) {
	m, f, err := verified(v.dir, planFile)
	if err != nil {
		return nil, err
	}
	if m.AsOf == nil {
		return nil, fmt.Errorf("%s: %w: the manifest has no as_of", v.dir, data.ErrDamagedFile)
	}
	plan, err := readPlan(filepath.Join(v.dir, planFile))
	if err != nil {
		return nil, err
	}
	plan.AsOf, plan.SchemaVersion, plan.SHA256 = *m.AsOf, m.SchemaVersion, f.SHA256
	return plan, nil
}

func (s *FileStore) loadPortfolio(v version) (*Portfolio, error) {
	m, err := data.ReadManifest(v.dir)
	if err != nil {
		return nil, err
	}
	all, hash, wanted := m.Files, sha256.New(), m.Files[:0:0]
	for _, f := range m.Files {
		if table := tableOf(f); table == "customers" || table == "promises" || slices.Contains(pastTables, table) {
			wanted = append(wanted, f)
			fmt.Fprintln(hash, f.Name, f.SHA256)
		}
	}
	m.Files = wanted
	if err := m.Verify(v.dir); err != nil {
		return nil, err
	}
	p, err := readPortfolio(v.dir, m.Files)
	if err != nil {
		return nil, err
	}
	p.Version, p.dir, p.files = hex.EncodeToString(hash.Sum(nil)), v.dir, all
	return p, nil
}

func (s *FileStore) loadModel(v version) (*Model, error) {
	m, err := s.openModel(v.dir)
	if err != nil {
		return nil, err
	}
	return &m, nil
}
