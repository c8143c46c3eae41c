package registry

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"dunning/data"
)

// The names below a store's root.
const (
	versionsName = "versions" // one folder per version, never changed
	journalName  = "journal.jsonl"
	currentName  = "current" // link to the champion, for readers
)

// Aliases of versions.
const (
	Champion   = "champion"   // in force
	Challenger = "challenger" // registered last, and never in force
)

// Store keeps the versions of a home and knows which of them is in force:
//
//	versions/ID/    the files of a version and its version.json
//	journal.jsonl   who registered, promoted and withdrew what, when and why
//	current         a link to the champion's folder
//
// The journal is the truth; the link follows it. A death between the two is
// mended by the next command.
type Store struct {
	Root string
	Now  func() time.Time
}

// Status is a version as a list shows it.
type Status struct {
	Record
	Alias        string    `json:"alias,omitempty"`
	RegisteredAt time.Time `json:"registered_at"`
	RegisteredBy string    `json:"registered_by"`
}

func (s *Store) path(name string) string { return filepath.Join(s.Root, name) }

// Dir returns the folder of a version.
func (s *Store) Dir(id string) string { return filepath.Join(s.Root, versionsName, id) }

// Add copies the files of a record from a folder into the store and registers
// the version; one that is there already is verified and left as it is. The
// record's files must be what its hashes say.
func (s *Store) Add(from string, r Record, by, why string) (Record, error) {
	r, err := r.Sealed()
	if err != nil {
		return r, err
	}
	if err := os.MkdirAll(s.path(versionsName), 0o755); err != nil {
		return r, fmt.Errorf("registry: %w", err)
	}
	return r, s.withJournal(func(state *journalState, add func(Entry) error) error {
		_, err := s.open(r.ID)
		if errors.Is(err, fs.ErrNotExist) {
			err = s.copy(from, r)
		}
		if err != nil || state.registrar(r.ID) != "" {
			return err
		}
		return add(Entry{Deed: Registered, Version: r.ID, By: by, Why: why})
	})
}

// copy makes the folder of a version: under another name until it is whole.
func (s *Store) copy(from string, r Record) error {
	partial := s.Dir(r.ID) + ".partial"
	if err := os.RemoveAll(partial); err != nil {
		return fmt.Errorf("registry: %w", err)
	}
	if err := os.Mkdir(partial, 0o755); err != nil {
		return fmt.Errorf("registry: %w", err)
	}
	for _, f := range r.Files {
		if err := copyFile(filepath.Join(from, f.Name), filepath.Join(partial, f.Name)); err != nil {
			return fmt.Errorf("registry: %w", err)
		}
	}
	if err := r.verify(partial); err != nil {
		return err
	}
	b, err := r.encode()
	if err != nil {
		return err
	}
	if err := data.WriteFile(filepath.Join(partial, RecordName), b); err != nil {
		return err
	}
	if err := errors.Join(os.Rename(partial, s.Dir(r.ID)), data.SyncDir(s.path(versionsName))); err != nil {
		return fmt.Errorf("registry: %w", err)
	}
	return nil
}

// copyFile copies a file and makes it durable and read-only.
func copyFile(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_WRONLY|os.O_EXCL, 0o444)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Sync(), out.Close())
}

// open reads and verifies the record and the files of a version.
func (s *Store) open(id string) (Record, error) {
	dir := s.Dir(id)
	r, err := ReadRecord(dir)
	switch {
	case err != nil:
		return Record{}, err
	case r.ID != id:
		return Record{}, damaged(filepath.Join(dir, RecordName), fmt.Errorf("it is the record of %s", r.ID))
	}
	return r, r.verify(dir)
}

// ReadRecord reads the record of the version in a folder. A folder without one
// is an error that wraps fs.ErrNotExist; the other files are not looked at.
func ReadRecord(dir string) (Record, error) {
	path := filepath.Join(dir, RecordName)
	raw, err := os.ReadFile(path)
	if err != nil {
		return Record{}, fmt.Errorf("registry: %w", err)
	}
	r, err := DecodeRecord(raw)
	if err != nil {
		return Record{}, damaged(path, err)
	}
	return r, nil
}

// Open returns a version by ID, by the beginning of one (four digits or more),
// or by alias, with every file verified. A name that means none is an error
// that wraps [data.ErrUsage].
func (s *Store) Open(name string) (r Record, err error) {
	err = s.withState(func(state *journalState) error {
		id, err := s.resolve(state, name)
		if err != nil {
			return err
		}
		r, err = s.open(id)
		return err
	})
	return r, err
}

func (s *Store) withState(do func(*journalState) error) error {
	if _, err := os.Stat(s.path(journalName)); errors.Is(err, fs.ErrNotExist) {
		return do(&journalState{})
	}
	return s.withJournal(func(state *journalState, _ func(Entry) error) error {
		if err := s.link(state.champion()); err != nil {
			return err
		}
		return do(state)
	})
}

func (s *Store) resolve(state *journalState, name string) (string, error) {
	var id string
	switch name {
	case Champion:
		id = state.champion()
	case Challenger:
		id = state.challenger()
	default:
		var found []string
		for _, e := range state.entries {
			if e.Deed == Registered && len(name) >= 4 && len(e.Version) >= len(name) && e.Version[:len(name)] == name {
				found = append(found, e.Version)
			}
		}
		if len(found) > 1 {
			return "", fmt.Errorf("%w: %q means %d versions; give more digits", data.ErrUsage, name, len(found))
		}
		if len(found) == 1 {
			id = found[0]
		}
	}
	if id == "" {
		return "", fmt.Errorf("%w: there is no version %q; \"dunning models list\" shows what there is", data.ErrUsage, name)
	}
	return id, nil
}

// Alias returns the ID that an alias means, "" for none.
func (s *Store) Alias(alias string) (id string, err error) {
	err = s.withState(func(state *journalState) error {
		if alias == Champion {
			id = state.champion()
		} else {
			id = state.challenger()
		}
		return nil
	})
	return id, err
}

// InForce returns the ID of the version in force for a day: the champion or,
// where it was trained for a later day, the last version before it that was put
// into force, was not withdrawn, and knew nothing later than the day; "" for
// none.
func (s *Store) InForce(asOf data.Date) (id string, err error) {
	err = s.withState(func(state *journalState) error {
		for _, champion := range slices.Backward(state.champions) {
			r, err := s.open(champion)
			if err != nil {
				return err
			}
			if r.AsOf <= asOf {
				id = champion
				return nil
			}
		}
		return nil
	})
	return id, err
}

// List returns all versions, the one registered last first. A version that is
// damaged is an error.
func (s *Store) List() (out []Status, err error) {
	err = s.withState(func(state *journalState) error {
		for _, e := range slices.Backward(state.entries) {
			if e.Deed != Registered {
				continue
			}
			r, err := s.open(e.Version)
			if err != nil {
				return err
			}
			v := Status{Record: r, RegisteredAt: e.At, RegisteredBy: e.By}
			switch e.Version {
			case state.champion():
				v.Alias = Champion
			case state.challenger():
				v.Alias = Challenger
			}
			out = append(out, v)
		}
		return nil
	})
	return out, err
}

// Journal returns all entries, first to last.
func (s *Store) Journal() (out []Entry, err error) {
	err = s.withState(func(state *journalState) error {
		out = state.entries
		return nil
	})
	return out, err
}

// Promotion is a request to put a version into force.
type Promotion struct {
	Version string // ID
	By, Why string
	// OtherPerson demands that who promotes is not who registered.
	OtherPerson bool
}

// Promote puts a version into force. Whether it is good enough is the caller's
// to know. A version that is in force already is left there. Errors: a version
// that is not there or damaged; [data.ErrRefused] where another person must
// promote.
func (s *Store) Promote(p Promotion) error {
	return s.withJournal(func(state *journalState, add func(Entry) error) error {
		if _, err := s.open(p.Version); err != nil {
			return err
		}
		by := state.registrar(p.Version)
		switch {
		case by == "":
			return fmt.Errorf("%w: version %q was never registered", data.ErrUsage, p.Version)
		case state.champion() == p.Version:
			return s.link(p.Version)
		case p.OtherPerson && by == p.By:
			return fmt.Errorf("%w: %s was trained by %s, who may not promote it: another person must", data.ErrRefused, p.Version, by)
		}
		if err := add(Entry{Deed: Promoted, Version: p.Version, Previous: state.champion(), By: p.By, Why: p.Why}); err != nil {
			return err
		}
		return s.link(p.Version)
	})
}

// Refuse records that the gate kept a version from being put into force; the
// same refusal twice running is recorded once.
func (s *Store) Refuse(id, by, why string) error {
	return s.withJournal(func(state *journalState, add func(Entry) error) error {
		if n := len(state.entries); n > 0 {
			if last := state.entries[n-1]; last.Deed == Refused && last.Version == id && last.Why == why {
				return nil
			}
		}
		return add(Entry{Deed: Refused, Version: id, By: by, Why: why})
	})
}

// Rollback puts the champion before the one in force back and returns both.
// Without one before it the error wraps [data.ErrRefused].
func (s *Store) Rollback(by, why string) (from, to string, err error) {
	return s.RollbackIf(by, why, func(string) error { return nil })
}

// RollbackIf is Rollback of a version that fits: the error of fits, which is given
// the ID of the champion before, is returned and nothing is changed.
func (s *Store) RollbackIf(by, why string, fits func(id string) error) (from, to string, err error) {
	err = s.withJournal(func(state *journalState, add func(Entry) error) error {
		n := len(state.champions)
		if n < 2 {
			return fmt.Errorf("%w: there is no champion before the one in force", data.ErrRefused)
		}
		from, to = state.champions[n-1], state.champions[n-2]
		if _, err := s.open(to); err != nil {
			return err
		}
		if err := fits(to); err != nil {
			return err
		}
		if err := add(Entry{Deed: RolledBack, Version: to, Previous: from, By: by, Why: why}); err != nil {
			return err
		}
		return s.link(to)
	})
	return from, to, err
}

// WasChampion reports whether a version is or was in force.
func (s *Store) WasChampion(id string) (was bool, err error) {
	err = s.withState(func(state *journalState) error {
		was = state.ever(id)
		return nil
	})
	return was, err
}

// link turns the link for readers to a version: they see the old one or the
// new.
func (s *Store) link(id string) error {
	if id == "" {
		return nil
	}
	link, target := s.path(currentName), filepath.Join(versionsName, id)
	next := link + ".next"
	if err := os.Remove(next); err != nil && !errors.Is(err, fs.ErrNotExist) { // the remain of a death
		return fmt.Errorf("registry: %w", err)
	}
	if now, err := os.Readlink(link); err == nil && now == target {
		return nil
	}
	if err := errors.Join(os.Symlink(target, next), os.Rename(next, link), data.SyncDir(s.Root)); err != nil {
		return fmt.Errorf("registry: %w", err)
	}
	return nil
}
