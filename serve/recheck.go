package serve

import (
	"context"
	"fmt"
	"slices"
	"time"

	"dunning/data"
	"dunning/policy"
	"dunning/serve/ledger"
)

// Rechecker asks, just before an action is handed out, whether it may still be
// sent: by the newest lake and scores, by what was reported since, by what was
// sent since, and by the same rules that planned it.
//
// What does not end with the day (paid, dispute, opt-out, a promise, too many
// touches) withholds the action for good; the hour and the kind of day only put
// it off. A customer that the lake does not know is withheld. Without a lake or
// scores nothing is handed out at all.
type Rechecker struct {
	store  Store
	engine *policy.Engine
	kinds  map[string]policy.Kind // of the rules, by id
	ledger *ledger.Store
}

// NewRechecker makes a recheck of the outputs in a store and of a policy.
func NewRechecker(store Store, engine *policy.Engine) *Rechecker {
	r := &Rechecker{store: store, engine: engine, kinds: map[string]policy.Kind{}}
	for _, rule := range engine.Rules() {
		r.kinds[rule.ID] = rule.Kind
	}
	return r
}

// OpenLedger opens a ledger whose actions are rechecked. It sets
// config.Recheck; the Rechecker is used by no other ledger.
func (r *Rechecker) OpenLedger(ctx context.Context, config ledger.Config) (*ledger.Store, error) {
	config.Recheck = r.check
	l, err := ledger.Open(ctx, config)
	r.ledger = l
	return l, err
}

// recheckDays is how far back touches matter to a rule.
const recheckDays = 31

// check is the hook of the ledger.
func (r *Rechecker) check(ctx context.Context, at time.Time, actions []ledger.Action) ([]ledger.Verdict, error) {
	lake, scores := r.store.Portfolio(), r.store.Scores()
	if lake == nil || scores == nil {
		return nil, fail(CodeUnavailable, "nothing is handed out while customers and scores are not loaded; run the pipeline")
	}
	ids := make([]string, 0, len(actions))
	for _, a := range actions {
		ids = append(ids, a.CustomerID)
	}
	slices.Sort(ids)
	ids = slices.Compact(ids)
	sent, err := r.ledger.SentTo(ctx, ids, at.AddDate(0, 0, -recheckDays))
	if err != nil {
		return nil, err
	}
	touches := map[string][]data.Date{}
	for _, d := range sent {
		touches[d.CustomerID] = append(touches[d.CustomerID], d.Day)
	}
	verdicts := make([]ledger.Verdict, len(actions))
	for i, a := range actions {
		verdicts[i] = r.verdict(lake, scores, touches[a.CustomerID], at, a)
	}
	return verdicts, nil
}

// verdict says what becomes of one action.
func (r *Rechecker) verdict(lake *Portfolio, scores *Scores, touches []data.Date, at time.Time, a ledger.Action) ledger.Verdict {
	customer, ok := lake.Customer(a.CustomerID)
	if !ok {
		return ledger.Verdict{Decision: ledger.Withhold, Reason: "unknown_customer: not in the lake"}
	}
	facts := policy.Facts{AsOf: scores.AsOf, PromiseOpenUntil: lake.Promised(a.CustomerID), Touches: touches}
	if facts.PromiseOpenUntil < scores.AsOf {
		facts.PromiseOpenUntil = 0 // its day has passed
	}
	if score, ok := scores.Find(a.CustomerID); ok { // who is not scored owes nothing
		facts.BalanceCents, facts.DaysPastDue = score.BalanceCents, score.DaysPastDue
	}
	v := r.engine.CheckAt(customer, facts, a.Channel, at)
	if v.Allowed {
		return ledger.Verdict{Decision: ledger.HandOut}
	}
	switch r.kinds[v.RuleID] {
	case policy.ContactHours, policy.NoSunday, policy.NoHoliday:
		return ledger.Verdict{Decision: ledger.Later, Reason: v.RuleID}
	}
	return ledger.Verdict{Decision: ledger.Withhold, Reason: fmt.Sprintf("%s: %s", v.RuleID, v.English)}
}
