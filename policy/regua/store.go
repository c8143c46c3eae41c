package regua

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"dunning/data"
)

// Status is where a version stands.
type Status string

// The states of a version: a draft is published or retired, what is published is
// retired, also by a later version; what is retired stays so.
const (
	Draft     Status = "draft"
	Published Status = "published"
	Retired   Status = "retired"
)

// Version is one stored version of a régua.
type Version struct {
	ID          string     `json:"id"`
	Version     int        `json:"version"` // from 1
	Title       string     `json:"title"`
	Mode        Mode       `json:"mode"`
	Priority    int        `json:"priority"`
	Status      Status     `json:"status"`
	SHA256      string     `json:"sha256"` // of the file's bytes: what was published, to the byte
	Author      string     `json:"author"`
	SavedAt     time.Time  `json:"saved_at"`
	Publisher   string     `json:"publisher,omitempty"`
	PublishedAt *time.Time `json:"published_at,omitempty"`
	RetiredBy   string     `json:"retired_by,omitempty"`
	RetiredAt   *time.Time `json:"retired_at,omitempty"`
}

// Store keeps réguas in a folder: ID/VERSION.yaml with the bytes that were saved,
// which never change, and ID/VERSION.json with what happened to them. Several
// processes may use it; a lock on the folder keeps their writes apart.
type Store struct{ dir string }

// OpenStore returns the store of a home; the folder is made at the first save.
func OpenStore(home string) *Store { return &Store{filepath.Join(home, "reguas")} }

// Save stores a régua as the next version of its id, a draft. It refuses what
// [Parse] refuses. Bytes that are the latest version's already are that version.
func (s *Store) Save(b []byte, author string, at time.Time) (v Version, err error) {
	r, err := Parse(b)
	if err != nil {
		return v, err
	}
	if author, err = person(author, "author"); err != nil {
		return v, err
	}
	return v, s.locked(func() error {
		versions, err := s.versions(r.ID)
		if err != nil {
			return err
		}
		sum := sha256.Sum256(b)
		v = Version{ID: r.ID, Version: len(versions) + 1, Title: r.Title, Mode: r.Mode, Priority: r.Priority, Status: Draft,
			SHA256: hex.EncodeToString(sum[:]), Author: author, SavedAt: at.UTC()}
		if n := len(versions); n > 0 {
			if last := versions[n-1]; last.SHA256 == v.SHA256 && last.Status != Retired && same(last.Author, author) {
				v = last
				return nil
			}
		}
		if err := os.MkdirAll(filepath.Join(s.dir, r.ID), 0o755); err != nil {
			return fmt.Errorf("regua: %w", err)
		}
		// The text first: a version is there once its record is.
		if err := data.WriteFile(s.path(v, ".yaml"), b); err != nil {
			return err
		}
		return s.write(v)
	})
}

// ErrNotFound says that there is no such régua or version; ErrAuthor that somebody
// may not publish what he wrote himself.
var (
	ErrNotFound = fmt.Errorf("%w: not found", data.ErrUsage)
	ErrAuthor   = fmt.Errorf("%w: the author may not publish", data.ErrRefused)
)

// Publish puts a draft into force; the version before it is retired. What the same
// person has published already is published. The error wraps [data.ErrRefused]
// where the publisher is the author ([ErrAuthor]), or the version is no draft, and
// [data.ErrDamagedFile] where its text is not what was saved.
func (s *Store) Publish(id string, version int, publisher string, at time.Time) (Version, error) {
	return s.change(id, version, publisher, "publisher", func(v *Version, publisher string, versions []Version) error {
		switch {
		case same(v.Author, publisher):
			return fmt.Errorf("regua %s: %w: %s wrote version %d; somebody else must", id, ErrAuthor, v.Author, v.Version)
		case v.Status == Published && same(v.Publisher, publisher):
			return nil
		case v.Status != Draft:
			return fmt.Errorf("regua %s: %w: version %d is %s, not a draft", id, data.ErrRefused, v.Version, v.Status)
		}
		if _, err := s.load(*v); err != nil {
			return err
		}
		at := at.UTC()
		v.Status, v.Publisher, v.PublishedAt = Published, publisher, &at
		// The new one first: stopped in between, two are published, and the later
		// one holds.
		if err := s.write(*v); err != nil {
			return err
		}
		for _, old := range versions {
			if old.Status == Published {
				old.Status, old.RetiredBy, old.RetiredAt = Retired, publisher, &at
				if err := s.write(old); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

// Retire takes a version out of force, or a draft off the table. What the same
// person has retired already is retired.
func (s *Store) Retire(id string, version int, by string, at time.Time) (Version, error) {
	return s.change(id, version, by, "person", func(v *Version, by string, _ []Version) error {
		if v.Status == Retired {
			if same(v.RetiredBy, by) {
				return nil
			}
			return fmt.Errorf("regua %s: %w: version %d is retired already", id, data.ErrRefused, v.Version)
		}
		at := at.UTC()
		v.Status, v.RetiredBy, v.RetiredAt = Retired, by, &at
		return s.write(*v)
	})
}

// change lets f change one version (0: the latest) while no other process writes.
// f is given the name of who does it, trimmed, and all versions as they were.
func (s *Store) change(id string, version int, who, role string, f func(v *Version, who string, versions []Version) error) (v Version, err error) {
	if who, err = person(who, role); err != nil {
		return v, err
	}
	return v, s.locked(func() error {
		versions, err := s.versions(id)
		if err != nil {
			return err
		}
		if v, err = pick(versions, id, version); err != nil {
			return err
		}
		return f(&v, who, versions)
	})
}

// List returns all versions, by id, then version.
func (s *Store) List() ([]Version, error) {
	entries, err := os.ReadDir(s.dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("regua: %w", err)
	}
	var out []Version
	for _, e := range entries {
		if !e.IsDir() {
			continue
		}
		versions, err := s.versions(e.Name())
		if err != nil {
			return nil, err
		}
		out = append(out, versions...)
	}
	return out, nil
}

// Load returns a version with its text; version 0 means the latest.
func (s *Store) Load(id string, version int) (Version, *Regua, []byte, error) {
	versions, err := s.versions(id)
	if err != nil {
		return Version{}, nil, nil, err
	}
	v, err := pick(versions, id, version)
	if err != nil {
		return v, nil, nil, err
	}
	b, err := s.load(v)
	if err != nil {
		return v, nil, nil, err
	}
	r, err := Parse(b)
	if err != nil {
		return v, nil, nil, err
	}
	r.Version = v.Version
	return v, r, b, nil
}

// Published returns the réguas in force and the hashes of their texts by id.
func (s *Store) Published() (*Set, map[string]string, error) {
	all, err := s.List()
	if err != nil {
		return nil, nil, err
	}
	latest := map[string]Version{}
	for _, v := range all {
		if v.Status == Published {
			latest[v.ID] = v
		}
	}
	var reguas []*Regua
	sums := map[string]string{}
	for id, v := range latest {
		_, r, _, err := s.Load(id, v.Version)
		if err != nil {
			return nil, nil, err
		}
		reguas, sums[id] = append(reguas, r), fmt.Sprintf("%d %s", v.Version, v.SHA256)
	}
	return NewSet(reguas), sums, nil
}

// load returns the text of a version, which must be what was saved.
func (s *Store) load(v Version) ([]byte, error) {
	b, err := os.ReadFile(s.path(v, ".yaml"))
	if err != nil {
		return nil, fmt.Errorf("regua: %w", err)
	}
	if sum := sha256.Sum256(b); hex.EncodeToString(sum[:]) != v.SHA256 {
		return nil, fmt.Errorf("regua: %s: %w: it is not what %s saved; save it as a new version", s.path(v, ".yaml"), data.ErrDamagedFile, v.Author)
	}
	return b, nil
}

// versions reads the records of one id, in order.
func (s *Store) versions(id string) ([]Version, error) {
	if !name.MatchString(id) {
		return nil, fmt.Errorf("regua: %w: %q is no id", data.ErrUsage, id)
	}
	files, err := filepath.Glob(filepath.Join(s.dir, id, "*.json"))
	if err != nil {
		return nil, fmt.Errorf("regua: %w", err)
	}
	var out []Version
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			return nil, fmt.Errorf("regua: %w", err)
		}
		var v Version
		if err := json.Unmarshal(b, &v); err != nil || v.ID != id || v.Version < 1 {
			return nil, fmt.Errorf("regua: %s: %w: no record of a version", f, data.ErrDamagedFile)
		}
		out = append(out, v)
	}
	slices.SortFunc(out, func(a, b Version) int { return a.Version - b.Version })
	return out, nil
}

func (s *Store) write(v Version) error {
	b, err := json.MarshalIndent(v, "", " ")
	if err != nil {
		return fmt.Errorf("regua: %w", err)
	}
	return data.WriteFile(s.path(v, ".json"), append(b, '\n'))
}

func (s *Store) path(v Version, ext string) string {
	return filepath.Join(s.dir, v.ID, fmt.Sprintf("%04d%s", v.Version, ext))
}

// locked runs f while no other process writes.
func (s *Store) locked(f func() error) error {
	if err := os.MkdirAll(s.dir, 0o755); err != nil {
		return fmt.Errorf("regua: %w: %w; choose another home with --home or change its permissions", data.ErrUsage, err)
	}
	lock, err := os.OpenFile(filepath.Join(s.dir, ".lock"), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return fmt.Errorf("regua: %w", err)
	}
	defer lock.Close()
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		return fmt.Errorf("regua: lock: %w", err)
	}
	return f()
}

// pick returns a version, the latest for 0.
func pick(versions []Version, id string, version int) (Version, error) {
	for _, v := range versions {
		if v.Version == version || version == 0 && v.Version == len(versions) {
			return v, nil
		}
	}
	if len(versions) == 0 {
		return Version{}, fmt.Errorf("regua: %w: none called %q; dunning reguas list shows all", ErrNotFound, id)
	}
	return Version{}, fmt.Errorf("regua %s: %w: no version %d; the latest is %d", id, ErrNotFound, version, versions[len(versions)-1].Version)
}

// person trims a name; an empty one is refused.
func person(who, role string) (string, error) {
	if who = strings.TrimSpace(who); who == "" {
		return "", fmt.Errorf("regua: %w: name the %s", data.ErrUsage, role)
	}
	return who, nil
}

// same reports whether two names are one person's.
func same(a, b string) bool { return strings.EqualFold(a, b) }
