package web

import (
	"context"
	"sync"
	"time"

	"dunning/data"
	"dunning/serve"
	"dunning/serve/ledger"
)

// progressLine counts approved actions of a channel by where they stand.
type progressLine struct {
	Channel                       data.Channel
	Waiting, Leased, Sent, Failed int64
	Withheld, Expired             int64
}

// tallyEvery is how old the counts of a plan's progress may be where nothing was
// written down since.
const tallyEvery = 5 * time.Second

// tallyShare bounds what counting takes of a server's time: a plan whose count took
// a second is counted again no sooner than so many seconds later.
const tallyShare = 5

// keptTallies bounds of how many plans the counts are kept.
const keptTallies = 64

// tallies are how far approved plans are, each counted by one at a time: a large
// plan under dispatch changes faster than it can be counted, and shows its last
// count meanwhile.
type tallies struct {
	mu     sync.Mutex
	byPlan map[string]*tally
}

// tally is the last count of one plan.
type tally struct {
	lines    []ledger.Tally
	err      error
	seq      int64         // of the audit's end, before the count
	at       time.Time     // by the pages' clock
	took     time.Duration // of the count
	ended    time.Time     // by the machine's clock
	known    bool          // there is a count
	counting chan struct{} // closed when the count under way ends, nil without one
}

// get returns a plan's counts and whether there are any yet: those of now where
// they are to be had within [patience], else the last ones. An error is told once.
func (s *tallies) get(planID string, seq int64, now time.Time, count func() ([]ledger.Tally, error)) (lines []ledger.Tally, known bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.of(planID)
	old := t.seq != seq || now.Sub(t.at) >= tallyEvery
	if t.counting == nil && (!t.known || old && time.Since(t.ended) >= tallyShare*t.took) {
		t.counting = make(chan struct{})
		go s.count(t, seq, now, count)
	}
	if counting := t.counting; counting != nil {
		s.mu.Unlock()
		select {
		case <-counting:
		case <-time.After(patience):
		}
		s.mu.Lock()
	}
	err, t.err = t.err, nil
	return t.lines, t.known, err
}

func (s *tallies) of(planID string) *tally {
	if t := s.byPlan[planID]; t != nil {
		return t
	}
	if s.byPlan == nil {
		s.byPlan = map[string]*tally{}
	}
	for id := range s.byPlan {
		if len(s.byPlan) < keptTallies {
			break
		}
		delete(s.byPlan, id)
	}
	t := &tally{}
	s.byPlan[planID] = t
	return t
}

// count fills t by one count.
func (s *tallies) count(t *tally, seq int64, now time.Time, count func() ([]ledger.Tally, error)) {
	began := time.Now()
	lines, err := count()
	s.mu.Lock()
	defer s.mu.Unlock()
	if t.err = err; err == nil {
		t.lines, t.known, t.seq, t.at = lines, true, seq, now
	}
	t.ended = time.Now()
	t.took = t.ended.Sub(began)
	close(t.counting)
	t.counting = nil
}

// progress counts an approved plan's actions by channel; known is false while the
// first count is under way.
func (v *visit) progress(planID string) (lines []progressLine, known bool, err error) {
	head, err := v.site.Ledger.Head(v.r.Context())
	if err != nil {
		return nil, false, err
	}
	counts, known, err := v.site.tallies.get(planID, head.Seq, v.now(), func() ([]ledger.Tally, error) {
		// It outlives the request that asked for it first.
		return v.site.Ledger.Progress(context.Background(), planID)
	})
	for _, ch := range data.Channels {
		line := progressLine{Channel: ch}
		for _, t := range counts {
			if t.Channel != ch {
				continue
			}
			switch t.State {
			case ledger.Waiting:
				line.Waiting = t.Actions
			case ledger.Leased:
				line.Leased = t.Actions
			case ledger.Sent:
				line.Sent = t.Actions
			case ledger.Failed:
				line.Failed = t.Actions
			case ledger.Withheld:
				line.Withheld = t.Actions
			case ledger.Lapsed:
				line.Expired = t.Actions
			}
		}
		if line != (progressLine{Channel: ch}) {
			lines = append(lines, line)
		}
	}
	return lines, known, err
}

// inForce is what is being sent, and what pays for it as far as the person may see.
type inForce struct {
	Plans   []inForceLine
	Wallets []ledger.Wallet
}

// inForceLine is one plan in force.
type inForceLine struct {
	ledger.Plan
	Known               bool // it has been counted
	Sent, Queued, Never int64
}

// inForce lists the plans in force and the wallets, for the first page.
func (v *visit) inForce() (out inForce, err error) {
	plans, err := v.site.Ledger.Plans(v.r.Context(), ledger.Approved, ledger.Dispatching)
	if err != nil || len(plans) == 0 {
		return out, err
	}
	for _, p := range plans {
		line := inForceLine{Plan: p}
		counts, known, err := v.progress(p.ID)
		if err != nil {
			return out, err
		}
		line.Known = known
		for _, c := range counts {
			line.Sent += c.Sent
			line.Queued += c.Waiting + c.Leased
			line.Never += c.Failed + c.Withheld + c.Expired
		}
		out.Plans = append(out.Plans, line)
	}
	if v.may(serve.Manager, serve.Approver, serve.Auditor) {
		out.Wallets, err = v.site.Ledger.Wallets(v.r.Context())
	}
	return out, err
}
