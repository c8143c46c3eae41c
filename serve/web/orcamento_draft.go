package web

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"sync"
	"time"

	"dunning/data"
	"dunning/serve"
	"dunning/serve/whatif"
)

// drafts are the plans that people have had made since the server started.
// Making one may take minutes: whoever asked may leave the page meanwhile.
type drafts struct {
	mu   sync.Mutex
	byID map[string]*drafting
}

// drafting is one plan under way.
type drafting struct {
	ID     string
	Person string
	Began  time.Time
	Done   bool
	PlanID string
	Fault  string // key of the words, "" for none
}

// Limits of drafting.
const (
	draftAtMost = 30 * time.Minute
	draftsKept  = 200
)

// errBusy says that the person has a draft under way.
var errBusy = errors.New("web: a draft of this person is under way")

// start has a draft made; do makes it.
func (d *drafts) start(person string, now time.Time, do func(context.Context) (string, error), failed func(error) string) (string, error) {
	id := rand.Text()
	one := &drafting{ID: id, Person: person, Began: now}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.byID == nil {
		d.byID = map[string]*drafting{}
	}
	for known, other := range d.byID {
		if !other.Done && other.Person == person {
			return known, errBusy
		}
		if other.Done && len(d.byID) >= draftsKept {
			delete(d.byID, known)
		}
	}
	d.byID[id] = one
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), draftAtMost)
		defer cancel()
		planID, err := do(ctx)
		d.mu.Lock()
		defer d.mu.Unlock()
		if one.Done, one.PlanID = true, planID; err != nil {
			one.Fault = failed(err)
		}
	}()
	return id, nil
}

// of returns a copy of a person's draft.
func (d *drafts) of(person, id string) (drafting, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	one := d.byID[id]
	if one == nil || one.Person != person {
		return drafting{}, false
	}
	return *one, true
}

// budgetDraft saves a simulation as a new draft.
func budgetDraft(v *visit) error {
	plan := v.site.Store.LatestPlan()
	if plan == nil || v.site.MakeDraft == nil {
		return fail(serve.CodeUnavailable)
	}
	wish, err := readWish(v.lang, v.r.PostForm)
	if err != nil {
		return err
	}
	if wish.IsZero() {
		return fail(serve.CodeInvalid)
	}
	if seen := v.r.PostForm.Get("plano"); seen != "" && seen != plan.ID {
		return fail(serve.CodeConflict)
	}
	person, asOf := v.login(), plan.AsOf
	id, err := v.site.drafts.start(person, v.now(), func(ctx context.Context) (string, error) {
		return v.site.makeDraft(ctx, person, asOf, wish)
	}, func(err error) string {
		v.site.config.Log.Warn("a draft failed", "person", person, "error", err)
		if errors.Is(err, data.ErrRefused) {
			return "budget.draft_refused"
		}
		return "budget.draft_failed"
	})
	if err != nil && !errors.Is(err, errBusy) {
		return err
	}
	return v.redirect(budgetPath + "/rascunho/" + id)
}

// makeDraft keeps a fault of the maker from ending the server.
func (s *Site) makeDraft(ctx context.Context, person string, asOf data.Date, wish whatif.Wish) (id string, err error) {
	defer func() {
		if fault := recover(); fault != nil {
			err = fmt.Errorf("web: panic: %v", fault)
		}
	}()
	return s.MakeDraft(ctx, person, asOf, wish)
}

// budgetDrafting shows how far a draft is.
func budgetDrafting(v *visit) error {
	one, ok := v.site.drafts.of(v.login(), v.r.PathValue("id"))
	if !ok {
		return fail(serve.CodeNotFound)
	}
	return v.show("budget-drafting", one)
}
