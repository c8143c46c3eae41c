package regua_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"dunning/data"
	"dunning/policy/regua"
)

func TestStoreKeepsVersionsAndFourEyes(t *testing.T) {
	home := t.TempDir()
	s := regua.OpenStore(home)
	at := time.Date(2026, 3, 9, 12, 0, 0, 0, time.UTC)
	if all, err := s.List(); err != nil || all != nil {
		t.Fatalf("an empty home lists %v, %v", all, err)
	}
	first, err := s.Save([]byte(good), "Ana", at)
	if err != nil {
		t.Fatal(err)
	}
	if first.Version != 1 || first.Status != regua.Draft || first.Author != "Ana" {
		t.Fatalf("saved %+v", first)
	}
	if again, err := s.Save([]byte(good), "Ana", at); err != nil || again != first {
		t.Errorf("the same bytes again: %+v, %v", again, err)
	}
	if _, err := s.Publish("teste", 1, " ana ", at); !errors.Is(err, regua.ErrAuthor) {
		t.Errorf("the author publishes: %v", err)
	}
	if set, _, err := s.Published(); err != nil || len(set.Reguas) != 0 {
		t.Errorf("a draft is in force: %v, %v", set, err)
	}
	if v, err := s.Publish("teste", 1, "Bia", at); err != nil || v.Publisher != "Bia" {
		t.Fatalf("Bia publishes: %+v, %v", v, err)
	}
	if _, err := s.Publish("teste", 1, "Bia", at); err != nil {
		t.Errorf("said again: %v", err)
	}
	if _, err := s.Publish("teste", 1, "carla", at); !errors.Is(err, data.ErrRefused) {
		t.Errorf("published twice: %v", err)
	}
	changed := strings.Replace(good, "offset: 5", "offset: 7", 1)
	if v, err := s.Save([]byte(changed), "Bia", at); err != nil || v.Version != 2 {
		t.Fatalf("second version: %+v, %v", v, err)
	}
	set, sums, err := s.Published()
	if err != nil || len(set.Reguas) != 1 || set.Reguas[0].Version != 1 || !strings.HasPrefix(sums["teste"], "1 ") {
		t.Fatalf("in force: %+v, %v, %v", set, sums, err)
	}
	if _, err := s.Publish("teste", 0, "Ana", at); err != nil {
		t.Fatal(err)
	}
	all, err := s.List()
	if err != nil || len(all) != 2 || all[0].Status != regua.Retired || all[1].Status != regua.Published {
		t.Fatalf("after the second was published: %+v, %v", all, err)
	}
	if _, err := s.Retire("teste", 2, "Ana", at); err != nil {
		t.Fatal(err)
	}
	if set, _, err := s.Published(); err != nil || len(set.Reguas) != 0 {
		t.Errorf("retired, yet in force: %v, %v", set, err)
	}
}

func TestStoreRefuses(t *testing.T) {
	home := t.TempDir()
	s := regua.OpenStore(home)
	at := time.Date(2026, 3, 9, 12, 0, 0, 0, time.UTC)
	if _, err := s.Save([]byte("regua: x"), "Ana", at); !errors.Is(err, data.ErrBadInput) {
		t.Errorf("a régua without steps: %v", err)
	}
	if _, err := s.Save([]byte(good), "  ", at); !errors.Is(err, data.ErrUsage) {
		t.Errorf("no author: %v", err)
	}
	if _, err := s.Publish("../x", 1, "Bia", at); !errors.Is(err, data.ErrUsage) {
		t.Errorf("an id that is a path: %v", err)
	}
	if _, err := s.Save([]byte(good), "Ana", at); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Publish("teste", 9, "Bia", at); !errors.Is(err, data.ErrUsage) {
		t.Errorf("no such version: %v", err)
	}
	file := filepath.Join(home, "reguas", "teste", "0001.yaml")
	if err := os.WriteFile(file, []byte(strings.Replace(good, "offset: 1", "offset: 2", 1)), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Publish("teste", 1, "Bia", at); !errors.Is(err, data.ErrDamagedFile) {
		t.Errorf("a text that was changed behind the store: %v", err)
	}
}
