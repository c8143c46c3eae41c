package web

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	"dunning/data"
	"dunning/policy/regua"
	"dunning/serve"
)

// Limits of trials.
const (
	trialAtMost = time.Hour
	trialsKept  = 50
	// trialsShown is how long the list of réguas shows a trial that ended.
	trialsShown = 12 * time.Hour
)

// trying is a trial of somebody's, under way or ended.
type trying struct {
	ID, Person   string
	Regua        *regua.Regua
	Asked, Ended time.Time   // Ended is zero while it is under way
	Phase        regua.Phase // what it is doing
	Trial        *regua.Trial
	Fault        string // key of the words, "" for none
	stop         context.CancelFunc
}

// Done says that the trial ended, for templates.
func (t trying) Done() bool { return !t.Ended.IsZero() }

// trials are those since the server started: whoever asked for one may leave the
// page meanwhile.
type trials struct {
	mu  sync.Mutex
	all []*trying // the oldest first
}

// start has a régua tried by do, and stops what the same person tries already.
func (s *trials) start(person string, r *regua.Regua, now func() time.Time, do func(context.Context) (*regua.Trial, error), failed func(error) string) string {
	ctx, cancel := context.WithTimeout(context.Background(), trialAtMost)
	one := &trying{ID: rand.Text(), Person: person, Regua: r, Asked: now(), Phase: regua.TrialWaits, stop: cancel}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, other := range s.all {
		if other.Person == person && !other.Done() {
			other.stop()
		}
	}
	if len(s.all) >= trialsKept {
		s.all = slices.Delete(s.all, 0, 1)
	}
	s.all = append(s.all, one)
	set := func(f func()) { s.mu.Lock(); defer s.mu.Unlock(); f() }
	go func() {
		defer cancel()
		trial, err := do(regua.WithPhases(ctx, func(p regua.Phase) { set(func() { one.Phase = p }) }))
		set(func() {
			one.Trial, one.Ended = trial, now()
			switch {
			case err == nil:
			case ctx.Err() == context.Canceled:
				one.Fault = "regua.trial_stopped"
			default:
				one.Fault = failed(err)
			}
		})
	}()
	return one.ID
}

// of returns a copy of a person's trial.
func (s *trials) of(person, id string) (trying, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, one := range s.all {
		if one.ID == id && one.Person == person {
			return *one, true
		}
	}
	return trying{}, false
}

// ofPerson lists what a person tries or tried of late, the latest first.
func (s *trials) ofPerson(person string, now time.Time) (out []trying) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, one := range slices.Backward(s.all) {
		if one.Person == person && one.Fault == "" && (!one.Done() || now.Sub(one.Ended) < trialsShown) && len(out) < 5 {
			out = append(out, *one)
		}
	}
	return out
}

// reguaTry tries what is in the form, or a stored version.
func reguaTry(v *visit) error {
	form := v.r.PostForm
	var r *regua.Regua
	if id := form.Get("regua"); id != "" {
		number, err := strconv.Atoi(form.Get("versao"))
		if err != nil {
			return fail(serve.CodeInvalid)
		}
		if _, r, _, err = v.site.Reguas.Load(id, number); err != nil {
			return err
		}
	} else {
		f := readForm(form)
		made, faults, err := v.faultsOf(f)
		if err != nil {
			return err
		}
		if len(faults) > 0 && v.partial() {
			return v.part("regua-trial", &trialPage{Invalid: len(faults)})
		}
		if len(faults) > 0 {
			return v.showEditor(f, nil, true)
		}
		text, err := made.Text()
		if err != nil {
			return err
		}
		if r, err = regua.Parse(text); err != nil { // compiled, as it would be saved
			return err
		}
	}
	id := v.site.trials.start(v.login(), r, v.site.config.Now, func(ctx context.Context) (*regua.Trial, error) {
		return v.site.tryRegua(ctx, r)
	}, func(err error) string {
		v.site.config.Log.Warn("a trial failed", "regua", r.ID, "error", err)
		if code, _, _ := serve.CodeOf(err); code == serve.CodeNotFound || code == serve.CodeUnavailable {
			return "regua.trial_no_scores"
		}
		return "regua.trial_failed"
	})
	if v.partial() {
		one, _ := v.site.trials.of(v.login(), id)
		return v.part("regua-trial", v.trialPage(one))
	}
	return v.redirect(reguasPath + "/ensaio/" + id)
}

// tryRegua keeps a fault of the planner from ending the server.
func (s *Site) tryRegua(ctx context.Context, r *regua.Regua) (t *regua.Trial, err error) {
	defer func() {
		if fault := recover(); fault != nil {
			err = fmt.Errorf("web: panic: %v", fault)
		}
	}()
	return s.Reguas.Try(ctx, r)
}

// trialPage is how far a trial is, or what it found.
type trialPage struct {
	trying
	Invalid int // faults of the form, which was not tried
	Since   time.Duration
	Days    *Chart
	Tracks  []track
}

// Seconds is how long the trial has been running, for templates.
func (p *trialPage) Seconds() int64 { return int64(p.Since / time.Second) }

// Far is how many phases are behind, of Phases.
func (p *trialPage) Far() int { return max(0, slices.Index(regua.TrialPhases[:], p.Phase)) }

// Phases is how many phases a trial has.
func (p *trialPage) Phases() int { return len(regua.TrialPhases) }

// Expected is the recovery with the régua beside the recommendation, in cents.
func (p *trialPage) Expected() data.Cents { return data.RoundCents(p.Trial.TogetherCents) }

// Alone is the recovery of the recommendation alone, in cents.
func (p *trialPage) Alone() data.Cents { return data.RoundCents(p.Trial.RecommendedCents) }

// Forgone is what the régua costs against the recommendation; Gained the other way
// round.
func (p *trialPage) Forgone() data.Cents { return data.RoundCents(p.Trial.ForgoneCents) }

// Gained is what the régua brings beyond the recommendation.
func (p *trialPage) Gained() data.Cents { return -p.Forgone() }

// trialPage makes the page of a trial.
func (v *visit) trialPage(one trying) *trialPage {
	p := &trialPage{trying: one, Since: max(0, v.now().Sub(one.Asked)), Tracks: v.tracksOf(one.Regua)}
	if one.Trial != nil && len(one.Trial.Outcome.Days) > 0 {
		p.Days = v.trialDays(one.Trial)
	}
	return p
}

// trialDays draws the touches by day and channel.
func (v *visit) trialDays(t *regua.Trial) *Chart {
	c := &Chart{ID: "trial-days", Size: "m", Alt: v.say("regua.days_alt", v.lang.Int(t.Outcome.Touches)),
		Table: Table{Caption: v.say("regua.days"), Align: "llrr", Head: []string{v.say("regua.day"), v.say("regua.channel"), v.say("regua.touches"), v.say("regua.cost")}}}
	var days []data.Date
	for _, d := range t.Outcome.Days {
		days = append(days, d.Day)
		c.Table.Rows = append(c.Table.Rows, []string{v.lang.Day(d.Day), v.lang.Channel(d.Channel), v.lang.Int(d.Touches), v.lang.Money(d.CostCents)})
	}
	slices.Sort(days)
	days = slices.Compact(days)
	names := make([]string, len(days))
	for i, d := range days {
		names[i] = v.lang.Day(d)
	}
	var series []any
	for i, ch := range data.Channels {
		touches, some := make([]int64, len(days)), false
		for _, d := range t.Outcome.Days {
			if d.Channel == ch {
				k, _ := slices.BinarySearch(days, d.Day)
				touches[k] += d.Touches
				some = true
			}
		}
		if some {
			series = append(series, map[string]any{"type": "bar", "stack": "all", "name": v.lang.Channel(ch), "data": touches, "barMaxWidth": 28,
				"itemStyle": map[string]any{"color": fmt.Sprintf("$series-%d", 1+i)}})
		}
	}
	c.Option = map[string]any{"grid": map[string]any{"top": 58}, "legend": map[string]any{"top": 0, "left": 0, "itemWidth": 10, "itemHeight": 10, "itemGap": 8},
		"tooltip": map[string]any{"trigger": "axis", "valueFormatter": "int"},
		"xAxis":   map[string]any{"type": "category", "data": names}, "yAxis": map[string]any{"type": "value", "axisLabel": map[string]any{"formatter": "int"}}, "series": series}
	return c
}

// reguaTrial shows how far a trial is, or what it found.
func reguaTrial(v *visit) error {
	one, ok := v.site.trials.of(v.login(), v.r.PathValue("id"))
	if !ok {
		return fail(serve.CodeNotFound)
	}
	if v.partial() {
		return v.part("regua-trial", v.trialPage(one))
	}
	return v.write(http.StatusOK, "regua-trial-page", v.trialPage(one), v.page.title)
}

// reguaTrialStop gives a trial up.
func reguaTrialStop(v *visit) error {
	one, ok := v.site.trials.of(v.login(), v.r.PathValue("id"))
	if !ok {
		return fail(serve.CodeNotFound)
	}
	one.stop()
	if v.partial() {
		one.Fault, one.Ended = "regua.trial_stopped", v.now()
		return v.part("regua-trial", v.trialPage(one))
	}
	return v.redirect(reguasPath)
}
