package serve

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"sort"

	"dunning/data"
)

// Plan is one version of plan.parquet in memory, sorted by day, channel and
// action. It is immutable.
type Plan struct {
	ID            string // plan_id of its actions, "" for an empty plan
	AsOf          data.Date
	SchemaVersion int
	SHA256        string // of plan.parquet: its version, and what an approval binds to

	actions []data.Action
	// byCustomer are the rows of actions by customer, day and step; of plans
	// that were read from a file.
	byCustomer []int32
}

// Len returns the number of actions.
func (p *Plan) Len() int { return len(p.actions) }

// PlanFilter chooses actions; nil and "" choose all.
type PlanFilter struct {
	Day     *data.Date
	Channel data.Channel
}

// position is where an action stands in the order of a plan.
type position struct {
	Day      data.Date
	Channel  int // index in data.Channels
	ActionID string
}

func positionOf(a *data.Action) position {
	return position{a.Day, a.Channel.Index(), a.ActionID}
}

func (p position) compare(q position) int {
	return cmp.Or(cmp.Compare(p.Day, q.Day), cmp.Compare(p.Channel, q.Channel), cmp.Compare(p.ActionID, q.ActionID))
}

// readPlan reads a file of [data.Action]. Two actions of one id, or of two
// plans, are errors that wrap data.ErrDamagedFile.
func readPlan(path string) (*Plan, error) {
	p := &Plan{}
	shared := map[string]string{} // few distinct values, many rows
	share := func(s string) string {
		if known, ok := shared[s]; ok {
			return known
		}
		if len(shared) < 4096 {
			shared[s] = s
		}
		return s
	}
	for batch, err := range data.Scan[data.Action](path) {
		if err != nil {
			return nil, err
		}
		for _, a := range batch {
			if a.Channel.Index() < 0 || a.ActionID == "" || a.CustomerID == "" {
				return nil, fmt.Errorf("%s row %d: %w: action %q of customer %q on channel %q", path, p.Len()+1, data.ErrDamagedFile, a.ActionID, a.CustomerID, a.Channel)
			}
			a.Channel = data.Channels[a.Channel.Index()]
			a.PlanID, a.Source, a.Reason = share(a.PlanID), data.ActionSource(share(string(a.Source))), share(a.Reason)
			p.actions = append(p.actions, a)
		}
	}
	p.sort()
	seen := make(map[string]bool, p.Len())
	for i := range p.actions {
		a := &p.actions[i]
		if a.PlanID != p.actions[0].PlanID || seen[a.ActionID] {
			return nil, fmt.Errorf("%s: %w: action %q occurs twice or is of another plan (%q)", path, data.ErrDamagedFile, a.ActionID, a.PlanID)
		}
		seen[a.ActionID] = true
	}
	if p.Len() > 0 {
		p.ID = p.actions[0].PlanID
	}
	p.index()
	return p, nil
}

// index orders the rows by customer.
func (p *Plan) index() {
	p.byCustomer = make([]int32, p.Len())
	for i := range p.byCustomer {
		p.byCustomer[i] = int32(i)
	}
	slices.SortFunc(p.byCustomer, func(i, j int32) int {
		a, b := &p.actions[i], &p.actions[j]
		return cmp.Or(cmp.Compare(a.CustomerID, b.CustomerID), cmp.Compare(a.Day, b.Day), cmp.Compare(a.Step, b.Step), cmp.Compare(i, j))
	})
}

// Ladder returns the actions that the plan has for a customer, in their order.
func (p *Plan) Ladder(customerID string) []data.Action {
	ladder := []data.Action{}
	first := sort.Search(len(p.byCustomer), func(i int) bool { return p.actions[p.byCustomer[i]].CustomerID >= customerID })
	for _, i := range p.byCustomer[first:] {
		if p.actions[i].CustomerID != customerID {
			break
		}
		ladder = append(ladder, p.actions[i])
	}
	return ladder
}

// sort brings the actions into the order of a plan.
func (p *Plan) sort() {
	slices.SortFunc(p.actions, func(a, b data.Action) int { return positionOf(&a).compare(positionOf(&b)) })
}

// Page returns up to limit actions of the filter that come after a position,
// nil for the start, in the order of the plan. next is the position to go on
// from, nil when these were the last.
func (p *Plan) Page(filter PlanFilter, after *position, limit int) (page []data.Action, next *position) {
	page = []data.Action{}
	for i := p.start(filter, after); i < p.Len(); {
		a := &p.actions[i]
		if filter.Day != nil && a.Day > *filter.Day {
			break
		}
		if filter.Channel != "" && a.Channel != filter.Channel {
			i = p.skip(i, filter.Channel)
			continue
		}
		if len(page) == limit {
			at := positionOf(&page[limit-1])
			return page, &at
		}
		page = append(page, *a)
		i++
	}
	return page, nil
}

// start returns the first row that can matter.
func (p *Plan) start(filter PlanFilter, after *position) int {
	first := 0
	if filter.Day != nil {
		first = p.search(position{Day: *filter.Day, Channel: -1})
	}
	if after == nil {
		return first
	}
	return max(first, sort.Search(p.Len(), func(i int) bool { return positionOf(&p.actions[i]).compare(*after) > 0 }))
}

// skip returns the next row at or after i that can be of the channel.
func (p *Plan) skip(i int, ch data.Channel) int {
	a := &p.actions[i]
	if a.Channel.Index() < ch.Index() {
		return p.search(position{Day: a.Day, Channel: ch.Index()})
	}
	return p.search(position{Day: a.Day + 1, Channel: ch.Index()})
}

// search returns the first row at or after a position.
func (p *Plan) search(at position) int {
	return sort.Search(p.Len(), func(i int) bool { return positionOf(&p.actions[i]).compare(at) >= 0 })
}

// cursor is what a client hands back to go on: a position in one version of
// one plan.
type cursor struct {
	Version  string    `json:"v"`
	Day      data.Date `json:"d"`
	Channel  int       `json:"c"`
	ActionID string    `json:"a"`
}

// mark tells one version of a plan from another in a cursor.
func (p *Plan) mark() string { return p.SHA256[:min(16, len(p.SHA256))] }

// cursorOf writes a position as an opaque word.
func (p *Plan) cursorOf(at position) (string, error) {
	b, err := json.Marshal(cursor{p.mark(), at.Day, at.Channel, at.ActionID})
	if err != nil {
		return "", fmt.Errorf("serve: cursor: %w", err)
	}
	return base64.RawURLEncoding.EncodeToString(b), nil
}

// parseCursor reads a word of cursorOf. A cursor of another version is a
// conflict: the pages of two plans do not add up to one.
func (p *Plan) parseCursor(s string) (position, error) {
	b, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil {
		return position{}, fail(CodeInvalid, "the cursor is not one that this server gave")
	}
	var c cursor
	if err := json.Unmarshal(b, &c); err != nil || c.Version == "" {
		return position{}, fail(CodeInvalid, "the cursor is not one that this server gave")
	}
	if c.Version != p.mark() {
		return position{}, fail(CodeConflict, "the plan was replaced since the first page; start again without a cursor")
	}
	return position{c.Day, c.Channel, c.ActionID}, nil
}
