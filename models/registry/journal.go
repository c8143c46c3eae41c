package registry

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"syscall"
	"time"

	"dunning/data"
	"dunning/models"
)

// Deed is what somebody did to a version.
type Deed string

// The deeds.
const (
	Registered Deed = "register" // the version was trained and kept
	Promoted   Deed = "promote"  // it became the champion
	RolledBack Deed = "rollback" // it became the champion again, the one after it was withdrawn
	Refused    Deed = "refuse"   // the gate kept it from becoming the champion
)

// Entry is one line of the journal: who did what, when and why. Lines are only
// ever appended, and each holds the hash of the one before it, so that a line
// that is changed or taken out shows.
type Entry struct {
	Seq     int       `json:"seq"` // from 1
	At      time.Time `json:"at"`  // UTC
	Deed    Deed      `json:"deed"`
	Version string    `json:"version"`
	// Previous is the champion before a promotion or a rollback, "" for none.
	Previous string `json:"previous,omitempty"`
	By       string `json:"by"`
	Why      string `json:"why"`
	Before   string `json:"before"` // hash of the line before, "" in the first
}

// journalState is what the journal says.
type journalState struct {
	entries   []Entry
	last      string   // hash of the last line
	whole     int64    // bytes of whole lines
	champions []string // promoted and not rolled back, the one in force last
}

// champion returns the version in force, "" for none.
func (s *journalState) champion() string {
	if len(s.champions) == 0 {
		return ""
	}
	return s.champions[len(s.champions)-1]
}

// ever reports whether a version was ever a champion.
func (s *journalState) ever(id string) bool {
	return slices.ContainsFunc(s.entries, func(e Entry) bool {
		return e.Version == id && (e.Deed == Promoted || e.Deed == RolledBack)
	})
}

// challenger returns the version that was registered last, unless it is or was
// a champion; "" for none.
func (s *journalState) challenger() string {
	for _, e := range slices.Backward(s.entries) {
		if e.Deed != Registered {
			continue
		}
		if s.ever(e.Version) {
			return ""
		}
		return e.Version
	}
	return ""
}

// registrar returns who registered a version, "" when nobody did.
func (s *journalState) registrar(id string) string {
	for _, e := range s.entries {
		if e.Deed == Registered && e.Version == id {
			return e.By
		}
	}
	return ""
}

// readJournal reads the journal. A last line without its end is the remain of
// a death and does not count; anything else that is not as it was written is
// an error.
func readJournal(raw []byte) (*journalState, error) {
	s := &journalState{}
	for n := 1; ; n++ {
		end := bytes.IndexByte(raw[s.whole:], '\n')
		if end < 0 {
			return s, nil
		}
		line := raw[s.whole : s.whole+int64(end)]
		var e Entry
		if err := models.DecodeStrict(line, &e); err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
		if e.Seq != n || e.Before != s.last {
			return nil, fmt.Errorf("line %d does not follow the one before it: the journal was changed", n)
		}
		if canonical, err := json.Marshal(e); err != nil || !bytes.Equal(canonical, line) {
			return nil, fmt.Errorf("line %d was written by another hand", n)
		}
		if err := s.apply(e); err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
		s.last = digest(line)
		s.whole += int64(end) + 1
	}
}

// apply plays an entry.
func (s *journalState) apply(e Entry) error {
	if !idForm.MatchString(e.Version) {
		return fmt.Errorf("no version %q", e.Version)
	}
	switch e.Deed {
	case Registered, Refused:
	case Promoted:
		s.champions = append(s.champions, e.Version)
	case RolledBack:
		if n := len(s.champions); n < 2 || s.champions[n-2] != e.Version {
			return errors.New("a rollback to what was not the champion before")
		}
		s.champions = s.champions[:len(s.champions)-1]
	default:
		return fmt.Errorf("no deed %q", e.Deed)
	}
	s.entries = append(s.entries, e)
	return nil
}

// withJournal opens the journal under its lock, which goes when the process
// ends, however it ends, and calls do with its state and a function that makes
// one more entry durable.
func (s *Store) withJournal(do func(state *journalState, add func(Entry) error) error) error {
	path := s.path(journalName)
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return fmt.Errorf("registry: %w", err)
	}
	defer f.Close()
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
		return fmt.Errorf("registry: lock %s: %w", path, err)
	}
	raw, err := io.ReadAll(f)
	if err != nil {
		return fmt.Errorf("registry: %w", err)
	}
	state, err := readJournal(raw)
	if err != nil {
		return fmt.Errorf("%s: %w: %w: restore it from a copy", path, data.ErrDamagedFile, err)
	}
	return do(state, func(e Entry) error {
		e.Seq, e.Before, e.At = len(state.entries)+1, state.last, s.Now().UTC()
		line, err := json.Marshal(e)
		if err != nil {
			return fmt.Errorf("registry: %w", err)
		}
		if err := state.apply(e); err != nil {
			return fmt.Errorf("registry: %w", err)
		}
		if err := f.Truncate(state.whole); err != nil { // the remain of a death
			return fmt.Errorf("registry: %w", err)
		}
		if _, err := f.WriteAt(append(line, '\n'), state.whole); err != nil {
			return fmt.Errorf("registry: %w", err)
		}
		if err := f.Sync(); err != nil {
			return fmt.Errorf("registry: %w", err)
		}
		state.whole += int64(len(line)) + 1
		state.last = digest(line)
		return nil
	})
}
