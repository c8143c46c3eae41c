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
// What does not end within the action's window (paid, dispute, opt-out, a promise,
// too many touches, a holiday) withholds the action for good; an hour that is too
// early puts it off. A customer that the lake does not know is withheld. Without a lake or
// scores nothing is handed out at all.
type Rechecker struct {
	store  Store
	engine *policy.Engine
	ledger *ledger.Store
}

// NewRechecker makes a recheck of the outputs in a store and of a policy.
func NewRechecker(store Store, engine *policy.Engine) *Rechecker {
	return &Rechecker{store: store, engine: engine}
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
	sent, err := r.ledger.SentTo(ctx, ids, data.DateOf(at)-recheckDays)
	if err != nil {
		return nil, err
	}
	news := make(map[string]*news, len(ids))
	for _, id := range ids {
		news[id] = newNews()
	}
	known := make(map[uint64]bool, len(sent)) // by the ledger, which has the customer's own day
	for _, d := range sent {
		n := news[d.CustomerID]
		n.touches, n.channels = append(n.touches, d.Day), append(n.channels, d.Channel)
		known[hashOf(d.ActionID)] = true
	}
	for _, id := range ids {
		news[id].recall(lake, id, known)
	}
	events, err := r.ledger.EventsOf(ctx, ids, newsKinds...)
	if err != nil {
		return nil, err
	}
	for _, e := range events {
		news[e.CustomerID].add(e.Event, scores.AsOf)
	}
	verdicts := make([]ledger.Verdict, len(actions))
	for i, a := range actions {
		if verdicts[i], err = r.verdict(lake, scores, news[a.CustomerID], at, a); err != nil {
			return nil, err
		}
	}
	return verdicts, nil
}

// news is what the lake knows of a customer's last month and what the ledger heard
// of him since the scores.
type news struct {
	touches  []data.Date
	channels []data.Channel // of touches
	paid     data.Cents
	paidOn   data.Date // of the last payment
	spokenOn data.Date // of the last conversation
	promised data.Date
	dispute  *bool                 // nil where nothing was said
	consent  map[data.Channel]bool // where something was said
	said     map[string]time.Time  // when the last word on each matter is from
}

// recall takes in what the lake knows of the past.
func (n *news) recall(lake *Portfolio, id string, known map[uint64]bool) {
	n.paidOn, n.spokenOn = lake.PaidOn(id), lake.SpokenOn(id)
	lake.touchesOf(id, func(t pastTouch) {
		if !known[t.id] {
			n.touches, n.channels = append(n.touches, t.day), append(n.channels, t.channel)
		}
	})
}

// newsKinds are the events that a recheck asks about.
var newsKinds = []ledger.EventKind{ledger.EventPayment, ledger.EventPromise, ledger.EventOptOut, ledger.EventOptIn, ledger.EventComplained,
	ledger.EventDispute, ledger.EventDisputeClosed, ledger.EventReplied}

func newNews() *news {
	return &news{consent: map[data.Channel]bool{}, said: map[string]time.Time{}}
}

// add takes in an event, in whatever order they come. Payments and promises
// before asOf are in the scores and the lake.
func (n *news) add(e ledger.Event, asOf data.Date) {
	switch e.Kind {
	case ledger.EventPayment:
		if day := data.DateOf(e.At); day >= asOf {
			n.paid += e.AmountCents
			n.paidOn = max(n.paidOn, day)
		}
	case ledger.EventReplied:
		if e.Channel == data.Voice {
			n.spokenOn = max(n.spokenOn, data.DateOf(e.At))
		}
	case ledger.EventPromise:
		n.promised = max(n.promised, *e.DueOn)
	case ledger.EventDispute, ledger.EventDisputeClosed:
		if n.last("dispute", e.At) {
			open := e.Kind == ledger.EventDispute
			n.dispute = &open
		}
	case ledger.EventOptOut, ledger.EventOptIn, ledger.EventComplained:
		for _, ch := range data.Channels {
			if (e.Channel == "" || e.Channel == ch) && n.last(string(ch), e.At) {
				n.consent[ch] = e.Kind == ledger.EventOptIn
			}
		}
	}
}

// last says whether nothing later was said on the matter; of two words at one
// instant the one that came later counts.
func (n *news) last(matter string, at time.Time) bool {
	if at.Before(n.said[matter]) {
		return false
	}
	n.said[matter] = at
	return true
}

// verdict says what becomes of one action.
func (r *Rechecker) verdict(lake *Portfolio, scores *Scores, n *news, at time.Time, a ledger.Action) (ledger.Verdict, error) {
	customer, ok := lake.Customer(a.CustomerID)
	if !ok {
		return ledger.Verdict{Decision: ledger.Withhold, Reason: "unknown_customer: not in the lake"}, nil
	}
	customer.NamedSegment = scores.NamedSegment(a.CustomerID)
	if n.dispute != nil {
		customer.Dispute = *n.dispute
	}
	if consent, ok := n.consent[a.Channel]; ok && !consent {
		return ledger.Verdict{Decision: ledger.Withhold, Reason: "opt_out: the customer opted out of " + string(a.Channel)}, nil
	}
	facts := policy.Facts{AsOf: scores.AsOf, PromiseOpenUntil: max(lake.Promised(a.CustomerID), n.promised),
		Touches: n.touches, TouchedOn: n.channels, LastPaymentOn: n.paidOn, LastConversation: n.spokenOn}
	if facts.PromiseOpenUntil < scores.AsOf {
		facts.PromiseOpenUntil = 0 // its day has passed
	}
	if score, ok := scores.Find(a.CustomerID); ok { // who is not scored owes nothing
		facts.BalanceCents, facts.DaysPastDue = score.BalanceCents, score.DaysPastDue
		if err := r.leavePaused(lake, a.CustomerID, &facts); err != nil {
			return ledger.Verdict{}, err
		}
		facts.BalanceCents -= n.paid
	}
	v := r.engine.CheckAt(customer, facts, a.Channel, at)
	if v.Allowed {
		return ledger.Verdict{Decision: ledger.HandOut, SoftTone: v.SoftTone}, nil
	}
	if !v.NextAllowed.IsZero() && v.NextAllowed.Before(a.WindowEnd) {
		return ledger.Verdict{Decision: ledger.Later, Reason: v.RuleID}, nil
	}
	return ledger.Verdict{Decision: ledger.Withhold, Reason: fmt.Sprintf("%s: %s", v.RuleID, v.English)}, nil
}
