package ledger_test

import (
	"cmp"
	"slices"
	"time"

	"dunning/data"
	"dunning/serve/ledger"
)

// plain is what the ledger should be, in the plainest way: maps in memory, one
// caller. It shares nothing with the package but its words.
type plain struct {
	wallet  ledger.Balances
	topUps  map[string]ledger.Units
	refunds map[string]plainRefund
	plans   map[string]*plainPlan
	actions map[string]*plainAction
	leases  map[int64]string // fence to dispatcher
	late    time.Duration
}

type plainRefund struct {
	post   string
	amount ledger.Units
}

type plainPlan struct {
	id, maker string
	state     ledger.PlanState
	approved  bool // at any time
	actions   []string
}

type plainAction struct {
	id, plan   string
	cost       ledger.Units
	value      data.Cents
	start, end time.Time
	state      ledger.DispatchState // "" before the approval
	fence      int64
	until      time.Time
	verdict    ledger.Decision
	outcome    ledger.Outcome // what its holder said
	said       bool
	posted     ledger.Units
	refunded   ledger.Units
}

func newPlain(late time.Duration) *plain {
	return &plain{topUps: map[string]ledger.Units{}, refunds: map[string]plainRefund{}, plans: map[string]*plainPlan{}, actions: map[string]*plainAction{}, leases: map[int64]string{}, late: late}
}

func (m *plain) topUp(id string, amount ledger.Units) error {
	if before, ok := m.topUps[id]; ok {
		if before != amount {
			return ledger.ErrConflict
		}
		return nil
	}
	m.topUps[id] = amount
	m.wallet.Funding += amount
	m.wallet.Available += amount
	return nil
}

func (m *plain) refund(id, action string, amount ledger.Units) error {
	if before, ok := m.refunds[id]; ok {
		if before != (plainRefund{action, amount}) {
			return ledger.ErrConflict
		}
		return nil
	}
	a := m.actions[action]
	if a.state != ledger.Sent {
		return ledger.ErrNotFound
	}
	if a.refunded+amount > a.posted {
		return ledger.ErrInsufficient
	}
	m.refunds[id] = plainRefund{action, amount}
	a.refunded += amount
	m.wallet.Spent -= amount
	m.wallet.Available += amount
	return nil
}

func (m *plain) approve(p *plainPlan, approver string, goodHash bool, supersedes *plainPlan) error {
	switch {
	case p.approved:
		return ledger.ErrConflict // the machine never repeats a request word for word
	case p.state != ledger.Submitted:
		return ledger.ErrState
	case !goodHash:
		return ledger.ErrHash
	case approver == p.maker:
		return ledger.ErrApprover
	}
	freed := ledger.Units(0)
	if supersedes != nil {
		if !supersedes.state.InForce() {
			return ledger.ErrState
		}
		for _, id := range supersedes.actions {
			if a := m.actions[id]; a.state == ledger.Waiting {
				freed += a.cost
			}
		}
	}
	cost := ledger.Units(0)
	for _, id := range p.actions {
		cost += m.actions[id].cost
	}
	if cost > m.wallet.Available+freed {
		return ledger.ErrInsufficient
	}
	if supersedes != nil {
		m.end(supersedes, ledger.Superseded)
	}
	for _, id := range p.actions {
		m.actions[id].state = ledger.Waiting
	}
	m.wallet.Available -= cost
	m.wallet.Reserved += cost
	p.state, p.approved = ledger.Approved, true
	return nil
}

func (m *plain) end(p *plainPlan, to ledger.PlanState) {
	for _, id := range p.actions {
		if a := m.actions[id]; a.state == ledger.Waiting {
			m.settle(a, ledger.Lapsed, 0)
		}
	}
	p.state = to
}

// settle ends an action.
func (m *plain) settle(a *plainAction, state ledger.DispatchState, posted ledger.Units) {
	a.state, a.posted = state, posted
	m.wallet.Reserved -= a.cost
	m.wallet.Spent += posted
	m.wallet.Available += a.cost - posted
}

// queue lists what may be handed out, in order.
func (m *plain) queue(now time.Time) []*plainAction {
	var lapsed, waiting []*plainAction
	for _, a := range m.actions {
		switch {
		case a.state == "" || now.Before(a.start) || !now.Before(a.end) || !m.plans[a.plan].state.InForce():
		case a.state == ledger.Leased && !a.until.After(now):
			lapsed = append(lapsed, a)
		case a.state == ledger.Waiting:
			waiting = append(waiting, a)
		}
	}
	slices.SortFunc(lapsed, func(a, b *plainAction) int { return cmp.Or(a.until.Compare(b.until), cmp.Compare(a.id, b.id)) })
	slices.SortFunc(waiting, func(a, b *plainAction) int { return cmp.Or(cmp.Compare(b.value, a.value), cmp.Compare(a.id, b.id)) })
	return append(lapsed, waiting...)
}

// lease returns what is handed out and what is withheld.
func (m *plain) lease(dispatcher string, n int, d time.Duration, now time.Time, fence int64) (out, withheld []string) {
	queue := m.queue(now)
	for round := 0; round < 10 && len(out) < n && len(queue) > 0; round++ {
		asked := queue[:min(n-len(out), len(queue))]
		queue = queue[len(asked):]
		for _, a := range asked {
			switch a.verdict {
			case ledger.HandOut:
				out = append(out, a.id)
			case ledger.Withhold:
				withheld = append(withheld, a.id)
			}
		}
	}
	for _, id := range withheld {
		m.settle(m.actions[id], ledger.Withheld, 0)
	}
	for _, id := range out {
		a := m.actions[id]
		a.state, a.fence, a.until = ledger.Leased, fence, now.Add(d)
		if a.until.After(a.end) {
			a.until = a.end
		}
		if p := m.plans[a.plan]; p.state == ledger.Approved {
			p.state = ledger.Dispatching
		}
	}
	if len(out) > 0 {
		m.leases[fence] = dispatcher
	}
	return out, withheld
}

// held says whether the dispatcher's word about an action counts.
func (m *plain) held(dispatcher string, fence int64, id string) bool {
	return m.leases[fence] == dispatcher && m.actions[id].fence == fence
}

func (m *plain) ack(dispatcher string, fence int64, o ledger.Outcome) ledger.ResultStatus {
	a := m.actions[o.ActionID]
	switch {
	case a.state == "":
		return ledger.Unknown
	case !m.held(dispatcher, fence, o.ActionID):
		return ledger.Fenced
	case a.state.Open():
		posted := ledger.Units(0)
		if o.State == ledger.Sent {
			posted = a.cost
			if o.RealCostCents != nil {
				posted = min(posted, ledger.Units(*o.RealCostCents))
			}
		}
		m.settle(a, o.State, posted)
		a.outcome, a.said = o, true
		return ledger.Accepted
	case !a.said:
		return ledger.Fenced
	case sameOutcome(a.outcome, o):
		return ledger.Repeated
	}
	return ledger.Conflict
}

func sameOutcome(a, b ledger.Outcome) bool {
	cost := func(o ledger.Outcome) data.Cents {
		if o.RealCostCents == nil {
			return -1
		}
		return *o.RealCostCents
	}
	return a.State == b.State && cost(a) == cost(b)
}

func (m *plain) extend(dispatcher string, fence int64, id string, d time.Duration, now time.Time) ledger.ResultStatus {
	a := m.actions[id]
	switch {
	case a.state == "":
		return ledger.Unknown
	case !m.held(dispatcher, fence, id) || a.state != ledger.Leased || !m.plans[a.plan].state.InForce() || !now.Before(a.end):
		return ledger.Fenced
	}
	if until := now.Add(d); until.After(a.until) {
		a.until = until
	}
	if a.until.After(a.end) {
		a.until = a.end
	}
	return ledger.Accepted
}

func (m *plain) release(dispatcher string, fence int64, id string) ledger.ResultStatus {
	a := m.actions[id]
	switch {
	case a.state == "":
		return ledger.Unknown
	case !m.held(dispatcher, fence, id) || !a.state.Open():
		return ledger.Fenced
	case a.state == ledger.Waiting:
		return ledger.Repeated
	case m.plans[a.plan].state.InForce():
		a.state = ledger.Waiting
	default:
		m.settle(a, ledger.Lapsed, 0)
	}
	return ledger.Accepted
}

func (m *plain) sweep(now time.Time) {
	for _, a := range m.actions {
		over := !now.Before(a.end)
		if a.state == ledger.Waiting && over || a.state == ledger.Leased && !a.until.After(now.Add(-m.late)) && (over || !m.plans[a.plan].state.InForce()) {
			m.settle(a, ledger.Lapsed, 0)
		}
	}
	for _, p := range m.plans {
		open, last := false, time.Time{}
		for _, id := range p.actions {
			a := m.actions[id]
			open = open || a.state.Open()
			if a.end.After(last) {
				last = a.end
			}
		}
		switch {
		case (p.state == ledger.Draft || p.state == ledger.Submitted) && !now.Before(last), p.state == ledger.Approved && !open:
			p.state = ledger.Expired
		case p.state == ledger.Dispatching && !open:
			p.state = ledger.Closed
		}
	}
}
