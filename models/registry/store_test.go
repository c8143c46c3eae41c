package registry_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"dunning/data"
	"dunning/models/registry"
)

// aStore returns a store in a folder of its own, with a clock that stands.
func aStore(t *testing.T) *registry.Store {
	t.Helper()
	return &registry.Store{Root: t.TempDir(), Now: func() time.Time { return time.Date(2026, 1, 5, 12, 0, 0, 0, time.UTC) }}
}

// trained writes the files of a version and returns their folder and record.
func trained(t *testing.T, seed uint64) (dir string, r registry.Record) {
	t.Helper()
	dir = t.TempDir()
	a := artifact()
	a.Seed = seed
	if _, err := registry.Save(dir, a, nil); err != nil {
		t.Fatal(err)
	}
	r = registry.Record{AsOf: a.AsOf, Seed: seed, DataHashes: map[string]string{"training": "aa"}, ConfigHash: "c", CodeHash: "d", Environment: registry.ThisEnvironment()}
	for _, name := range []string{registry.CardName, registry.ReportName, registry.ModelName} {
		f, err := data.Stat(filepath.Join(dir, name), 0)
		if err != nil {
			t.Fatal(err)
		}
		f.Name = name
		r.Files = append(r.Files, f)
	}
	return dir, r
}

func add(t *testing.T, s *registry.Store, seed uint64, by string) string {
	t.Helper()
	dir, r := trained(t, seed)
	r, err := s.Add(dir, r, by, "test")
	if err != nil {
		t.Fatal(err)
	}
	return r.ID
}

func promote(t *testing.T, s *registry.Store, id, by string) {
	t.Helper()
	if err := s.Promote(registry.Promotion{Version: id, By: by, Why: "test"}); err != nil {
		t.Fatal(err)
	}
}

func aliases(t *testing.T, s *registry.Store) (champion, challenger string) {
	t.Helper()
	champion, err := s.Alias(registry.Champion)
	if err != nil {
		t.Fatal(err)
	}
	if challenger, err = s.Alias(registry.Challenger); err != nil {
		t.Fatal(err)
	}
	return champion, challenger
}

func TestVersionsComeIntoForceAndAreWithdrawn(t *testing.T) {
	s := aStore(t)
	if champion, challenger := aliases(t, s); champion != "" || challenger != "" {
		t.Fatalf("an empty store has %q and %q", champion, challenger)
	}
	first := add(t, s, 1, "ana")
	if again := add(t, s, 1, "bia"); again != first {
		t.Errorf("the same training is version %s, then %s", first, again)
	}
	if champion, challenger := aliases(t, s); champion != "" || challenger != first {
		t.Errorf("champion %q, challenger %q", champion, challenger)
	}
	promote(t, s, first, "bia")
	second := add(t, s, 2, "ana")
	if champion, challenger := aliases(t, s); champion != first || challenger != second || first == second {
		t.Errorf("champion %q, challenger %q", champion, challenger)
	}
	promote(t, s, second, "bia")
	for _, readers := range []string{second, first} {
		link, err := os.Readlink(filepath.Join(s.Root, "current"))
		if err != nil || filepath.Base(link) != readers {
			t.Errorf("readers see %q (%v), want %s", link, err, readers)
		}
		if readers == first {
			break
		}
		if from, to, err := s.Rollback("cai", "worse"); err != nil || from != second || to != first {
			t.Fatalf("withdrew %s for %s: %v", from, to, err)
		}
	}
	// What was withdrawn is no challenger, or the next run would bring it back.
	if champion, challenger := aliases(t, s); champion != first || challenger != "" {
		t.Errorf("champion %q, challenger %q after the rollback", champion, challenger)
	}
	if _, _, err := s.Rollback("cai", "again"); !errors.Is(err, data.ErrRefused) {
		t.Errorf("a second rollback: %v", err)
	}
	entries, err := s.Journal()
	if err != nil {
		t.Fatal(err)
	}
	var deeds []string
	for _, e := range entries {
		deeds = append(deeds, string(e.Deed)+" by "+e.By)
		if e.At.IsZero() || e.Why == "" {
			t.Errorf("entry %d lacks when or why: %+v", e.Seq, e)
		}
	}
	if got, want := strings.Join(deeds, ", "), "register by ana, promote by bia, register by ana, promote by bia, rollback by cai"; got != want {
		t.Errorf("journal: %s; want %s", got, want)
	}
}

func TestAnotherPersonMustPromote(t *testing.T) {
	s := aStore(t)
	id := add(t, s, 1, "ana")
	if err := s.Promote(registry.Promotion{Version: id, By: "ana", Why: "mine", OtherPerson: true}); !errors.Is(err, data.ErrRefused) {
		t.Errorf("her own version: %v", err)
	}
	if champion, _ := aliases(t, s); champion != "" {
		t.Error("it is in force all the same")
	}
	if err := s.Promote(registry.Promotion{Version: id, By: "bia", Why: "reviewed", OtherPerson: true}); err != nil {
		t.Error(err)
	}
}

func TestVersionsAreNamedByBeginnings(t *testing.T) {
	s := aStore(t)
	id := add(t, s, 1, "ana")
	for name, ok := range map[string]bool{id: true, id[:4]: true, id[:3]: false, "ffffffff": false, "champion": false, "challenger": true, "../" + id: false} {
		if r, err := s.Open(name); (err == nil) != ok || ok && r.ID != id || !ok && !errors.Is(err, data.ErrUsage) {
			t.Errorf("%q: %s, %v", name, r.ID, err)
		}
	}
}

// A changed byte in any file of a version is noticed wherever it would be used.
func TestDamagedVersionsAreRefused(t *testing.T) {
	for _, name := range []string{registry.ModelName, registry.CardName, registry.RecordName} {
		s := aStore(t)
		first, second := add(t, s, 1, "ana"), add(t, s, 2, "ana")
		promote(t, s, first, "bia")
		promote(t, s, second, "bia")
		path := filepath.Join(s.Dir(first), name)
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		b[len(b)/2] ^= 1
		if err := os.Chmod(path, 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, b, 0o644); err != nil {
			t.Fatal(err)
		}
		_, _, rollback := s.Rollback("cai", "worse")
		_, open := s.Open(first)
		_, list := s.List()
		for use, err := range map[string]error{"rollback": rollback, "open": open, "list": list,
			"promote": s.Promote(registry.Promotion{Version: first, By: "bia", Why: "test"})} {
			if !errors.Is(err, data.ErrDamagedFile) || !strings.Contains(err.Error(), name) {
				t.Errorf("%s, %s: %v", name, use, err)
			}
		}
		if champion, _ := aliases(t, s); champion != second {
			t.Errorf("%s: champion %s", name, champion)
		}
	}
}

// The journal is only ever added to: a changed, missing or swapped line shows; a
// half line at its end is the remain of a death, and is written over.
func TestJournalShowsChanges(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(lines []string) []string
		ok     bool
	}{
		{"as it was", func(l []string) []string { return l }, true},
		{"half a line more", func(l []string) []string { return append(l, `{"seq":4,"at":"20`) }, true},
		{"another name", func(l []string) []string { l[1] = strings.Replace(l[1], "bia", "eva", 1); return l }, false},
		{"a line less", func(l []string) []string { return append(l[:1:1], l[2:]...) }, false},
		{"lines swapped", func(l []string) []string { l[0], l[1] = l[1], l[0]; return l }, false},
		{"a foreign line", func(l []string) []string { return append(l, `{"seq":4}`, "") }, false},
	} {
		s := aStore(t)
		id := add(t, s, 1, "ana")
		promote(t, s, id, "bia")
		add(t, s, 2, "ana")
		path := filepath.Join(s.Root, "journal.jsonl")
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(strings.TrimSuffix(string(b), "\n"), "\n")
		text := strings.Join(c.change(lines), "\n")
		if len(lines) == 3 && !strings.HasSuffix(text, `"20`) {
			text += "\n"
		}
		if err := os.WriteFile(path, []byte(strings.Replace(text, "\n\n", "\n", 1)), 0o644); err != nil {
			t.Fatal(err)
		}
		entries, err := s.Journal()
		if c.ok != (err == nil) || !c.ok && !errors.Is(err, data.ErrDamagedFile) {
			t.Errorf("%s: %v", c.name, err)
		}
		if c.ok {
			add(t, s, 3, "ana")
			if after, err := s.Journal(); err != nil || len(after) != len(entries)+1 {
				t.Errorf("%s: one more entry makes %d of %d (%v)", c.name, len(after), len(entries), err)
			}
		}
	}
}

// A death between journal and link is mended by whoever looks next.
func TestLinkFollowsTheJournal(t *testing.T) {
	s := aStore(t)
	id := add(t, s, 1, "ana")
	promote(t, s, id, "bia")
	link := filepath.Join(s.Root, "current")
	if err := os.Remove(link); err != nil {
		t.Fatal(err)
	}
	if _, err := s.List(); err != nil {
		t.Fatal(err)
	}
	if target, err := os.Readlink(link); err != nil || filepath.Base(target) != id {
		t.Errorf("the link shows %q (%v)", target, err)
	}
}
