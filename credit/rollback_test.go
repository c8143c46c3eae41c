package credit_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"dunning/credit"
	"dunning/data"
)

// TestRollbackPutsBackWhatWasInForce: model and policy each go back to what was in
// force before, if the two fit, and say by whom and why in the journal.
func TestRollbackPutsBackWhatWasInForce(t *testing.T) {
	s := credit.OpenStore(t.TempDir(), func() time.Time { return time.Unix(1_770_000_000, 0) })
	if _, _, err := s.RollbackModel("bia", "x"); !errors.Is(err, data.ErrRefused) {
		t.Errorf("nothing was ever in force: %v", err)
	}
	var versions []string
	for _, rows := range []int{2000, 2500} {
		trained := train(t, rows)
		r, err := s.AddModel(trained, "ana", "test")
		if err == nil {
			err = s.PromoteModel(r.ID, "ana", "test")
		}
		if err != nil {
			t.Fatal(err)
		}
		versions = append(versions, trained.Model.Version())
	}
	policies := []*credit.Policy{parsed(t, policyText), parsed(t, strings.Replace(policyText, "policy:", "# another\npolicy:", 1))}
	for _, p := range policies {
		r, err := s.AddPolicy(p, "ana", "test")
		if err == nil {
			err = s.PromotePolicy(r.ID, "ana", "test")
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	inForce := func(model, policy string) {
		t.Helper()
		a, err := s.Champion()
		if err != nil {
			t.Fatal(err)
		}
		if a.Model().Version() != model || a.Policy().Version() != policy {
			t.Errorf("%s and %s are in force, want %s and %s", a.Model().Version(), a.Policy().Version(), model, policy)
		}
	}
	inForce(versions[1], policies[1].Version())
	if from, to, err := s.RollbackModel("bia", "it is wrong"); err != nil || from != versions[1] || to != versions[0] {
		t.Errorf("%s to %s: %v", from, to, err)
	}
	inForce(versions[0], policies[1].Version())
	if from, to, err := s.RollbackPolicy("bia", "it is wrong"); err != nil || from != policies[1].Version() || to != policies[0].Version() {
		t.Errorf("%s to %s: %v", from, to, err)
	}
	inForce(versions[0], policies[0].Version())
	for name, undo := range map[string]func(by, why string) (string, string, error){"model": s.RollbackModel, "policy": s.RollbackPolicy} {
		if _, _, err := undo("bia", "again"); !errors.Is(err, data.ErrRefused) {
			t.Errorf("%s: nothing is before it: %v", name, err)
		}
	}
	inForce(versions[0], policies[0].Version())
	journal, err := s.Models.Journal()
	if err != nil {
		t.Fatal(err)
	}
	if last := journal[len(journal)-1]; last.By != "bia" || last.Why != "it is wrong" {
		t.Errorf("%+v", last)
	}
}
