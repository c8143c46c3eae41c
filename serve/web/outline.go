package web

import (
	"bytes"
	"cmp"
	"context"
	"slices"
	"sort"

	"dunning/data"
	"dunning/serve/ledger"
)

// outline is what filters, sums and pages ask of a plan's actions, as columns:
// some 50 bytes and the ids per action. A plan never changes, so it is made
// once. Rows are in the byte order of the actions' ids.
type outline struct {
	plan     ledger.Plan
	segments []string    // in order
	days     []data.Date // in order

	ids       texts
	customers texts
	channel   []uint8
	segment   []uint16
	day       []uint16
	cost      []data.Cents
	value     []data.Cents

	byValue    []int32 // rows, the most value first
	byDay      []int32 // rows by day, channel, value
	byWorth    []int32 // rows as an approval of a part takes them
	byCustomer []int32

	totals totals
}

// texts are many short texts, one after the other.
type texts struct {
	all  []byte
	ends []uint32
}

func (t *texts) add(s string) {
	t.all = append(t.all, s...)
	t.ends = append(t.ends, uint32(len(t.all)))
}

func (t *texts) at(i int32) string { return string(t.bytes(i)) }

func (t *texts) bytes(i int32) []byte {
	start := uint32(0)
	if i > 0 {
		start = t.ends[i-1]
	}
	return t.all[start:t.ends[i]]
}

// outlinePage is how many actions are read from the ledger at a time.
const outlinePage = 5000

// newOutline reads a plan of the ledger.
func newOutline(ctx context.Context, l *ledger.Store, plan ledger.Plan) (*outline, error) {
	o := &outline{plan: plan}
	segments, days := map[string]uint16{}, map[data.Date]uint16{}
	for after := ""; ; {
		batch, err := l.PlanActions(ctx, plan.ID, after, outlinePage)
		if err != nil {
			return nil, err
		}
		for i := range batch {
			a := &batch[i]
			if _, ok := segments[a.Segment]; !ok {
				segments[a.Segment] = uint16(len(segments))
				o.segments = append(o.segments, a.Segment)
			}
			if _, ok := days[a.Day]; !ok {
				days[a.Day] = uint16(len(days))
				o.days = append(o.days, a.Day)
			}
			o.ids.add(a.ActionID)
			o.customers.add(a.CustomerID)
			o.channel = append(o.channel, uint8(a.Channel.Index()))
			o.segment, o.day = append(o.segment, segments[a.Segment]), append(o.day, days[a.Day])
			o.cost, o.value = append(o.cost, a.CostCents), append(o.value, a.ValueCents)
		}
		if len(batch) < outlinePage {
			break
		}
		after = batch[len(batch)-1].ActionID
	}
	o.order(segments, days)
	o.totals = o.sum()
	return o, nil
}

// order numbers segments and days in their order and sorts the rows.
func (o *outline) order(segments map[string]uint16, days map[data.Date]uint16) {
	slices.Sort(o.segments)
	slices.Sort(o.days)
	segmentAt, dayAt := make([]uint16, len(segments)), make([]uint16, len(days))
	for i, s := range o.segments {
		segmentAt[segments[s]] = uint16(i)
	}
	for i, d := range o.days {
		dayAt[days[d]] = uint16(i)
	}
	for i := range o.segment {
		o.segment[i], o.day[i] = segmentAt[o.segment[i]], dayAt[o.day[i]]
	}
	sorted := func(compare func(a, b int32) int) []int32 {
		rows := make([]int32, len(o.cost))
		for i := range rows {
			rows[i] = int32(i)
		}
		slices.SortFunc(rows, func(a, b int32) int { return cmp.Or(compare(a, b), cmp.Compare(a, b)) })
		return rows
	}
	o.byValue = sorted(func(a, b int32) int { return cmp.Compare(o.value[b], o.value[a]) })
	o.byDay = sorted(func(a, b int32) int {
		return cmp.Or(cmp.Compare(o.day[a], o.day[b]), cmp.Compare(o.channel[a], o.channel[b]), cmp.Compare(o.value[b], o.value[a]))
	})
	o.byWorth = sorted(func(a, b int32) int { return ledger.CompareWorth(o.value[a], o.cost[a], o.value[b], o.cost[b]) })
	o.byCustomer = sorted(func(a, b int32) int {
		return cmp.Or(bytes.Compare(o.customers.bytes(a), o.customers.bytes(b)), cmp.Compare(o.day[a], o.day[b]))
	})
}

// choice chooses actions; zero values choose all.
type choice struct {
	Channel  data.Channel
	Segment  *string
	Day      *data.Date
	Customer string
	ByDay    bool // in the order of days; otherwise the most value first
}

// sums are those of some actions.
type sums struct {
	Actions int64
	Cost    data.Cents
	Value   data.Cents
}

func (s *sums) add(cost, value data.Cents) {
	s.Actions++
	s.Cost += cost
	s.Value += value
}

// Return is what a real brings.
func (s sums) Return() float64 { return ratio(s.Value, s.Cost) }

// page returns at most limit rows of a choice, from a row on.
func (o *outline) page(c choice, from, limit int) []int32 {
	segment, day, channel := o.numbers(c)
	rows := o.byValue
	if c.ByDay {
		rows = o.byDay
	}
	if c.Customer != "" {
		rows = o.ofCustomer(c.Customer)
	}
	var out []int32
	for _, i := range rows {
		if len(out) >= limit {
			break
		}
		if channel >= 0 && int(o.channel[i]) != channel || segment >= 0 && int(o.segment[i]) != segment || day >= 0 && int(o.day[i]) != day {
			continue
		}
		if from--; from < 0 {
			out = append(out, i)
		}
	}
	return out
}

// sumsOf sums a choice up: from the cells, or over one customer's rows.
func (o *outline) sumsOf(c choice) (all sums) {
	if c.Customer != "" {
		for _, i := range o.page(c, 0, len(o.cost)) {
			all.add(o.cost[i], o.value[i])
		}
		return all
	}
	segment, day, channel := o.numbers(c)
	for ch := range data.Channels {
		for s := range o.segments {
			for d := range o.days {
				if channel >= 0 && ch != channel || segment >= 0 && s != segment || day >= 0 && d != day {
					continue
				}
				one := o.totals.cells[o.cell(ch, s, d)]
				all.Actions, all.Cost, all.Value = all.Actions+one.Actions, all.Cost+one.Cost, all.Value+one.Value
			}
		}
	}
	return all
}

// cell is where the sums of a channel, segment and day are.
func (o *outline) cell(channel, segment, day int) int {
	return (channel*len(o.segments)+segment)*len(o.days) + day
}

// nobody is the number of what no action has.
const nobody = 1 << 30

// numbers returns what a choice compares with: -1 for all.
func (o *outline) numbers(c choice) (segment, day, channel int) {
	segment, day, channel = -1, -1, -1
	found := func(i int, ok bool) int {
		if !ok {
			return nobody
		}
		return i
	}
	if c.Segment != nil {
		segment = found(slices.BinarySearch(o.segments, *c.Segment))
	}
	if c.Day != nil {
		day = found(slices.BinarySearch(o.days, *c.Day))
	}
	if c.Channel != "" {
		channel = found(c.Channel.Index(), c.Channel.Index() >= 0)
	}
	return segment, day, channel
}

// ofCustomer returns the rows of one customer, by day.
func (o *outline) ofCustomer(id string) []int32 {
	first := sort.Search(len(o.byCustomer), func(k int) bool { return o.customers.at(o.byCustomer[k]) >= id })
	last := first
	for last < len(o.byCustomer) && o.customers.at(o.byCustomer[last]) == id {
		last++
	}
	return o.byCustomer[first:last]
}

// totals sums a plan up by channel, segment and day.
type totals struct {
	All       sums
	Customers int64
	Channels  [len(data.Channels)]sums
	Segments  []sums // as outline.segments
	Days      []sums // as outline.days
	cells     []sums // by outline.cell
	cheapest  [len(data.Channels)]data.Cents
}

// sum sums the whole plan up.
func (o *outline) sum() totals {
	t := totals{Segments: make([]sums, len(o.segments)), Days: make([]sums, len(o.days)), cells: make([]sums, o.cell(len(data.Channels), 0, 0))}
	for i := range o.cost {
		cost, value := o.cost[i], o.value[i]
		t.All.add(cost, value)
		if ch := o.channel[i]; t.Channels[ch].Actions == 0 || cost < t.cheapest[ch] {
			t.cheapest[ch] = cost
		}
		t.Channels[o.channel[i]].add(cost, value)
		t.Segments[o.segment[i]].add(cost, value)
		t.Days[o.day[i]].add(cost, value)
		t.cells[o.cell(int(o.channel[i]), int(o.segment[i]), int(o.day[i]))].add(cost, value)
	}
	for k, i := range o.byCustomer {
		if k == 0 || !bytes.Equal(o.customers.bytes(i), o.customers.bytes(o.byCustomer[k-1])) {
			t.Customers++
		}
	}
	return t
}

// part sums what an approval of a part would take, by channel. It chooses as
// the ledger does: channels, segments, then the most value per cost that costs
// max at most together.
func (o *outline) part(p *ledger.Part) (byChannel [len(data.Channels)]sums, all sums) {
	var channels [len(data.Channels)]bool
	cheapest := data.Cents(ledger.MaxUnits) // of what may be chosen: with less left, nothing is
	for i, c := range data.Channels {
		if channels[i] = len(p.Channels) == 0 || slices.Contains(p.Channels, c); channels[i] && o.totals.Channels[i].Actions > 0 {
			cheapest = min(cheapest, o.totals.cheapest[i])
		}
	}
	segments := make([]bool, len(o.segments))
	for i, s := range o.segments {
		segments[i] = len(p.Segments) == 0 || slices.Contains(p.Segments, s)
	}
	left := data.Cents(ledger.MaxUnits)
	if p.MaxCents != nil {
		left = *p.MaxCents
	}
	for _, i := range o.byWorth {
		if left < cheapest {
			break
		}
		if !channels[o.channel[i]] || !segments[o.segment[i]] || o.cost[i] > left {
			continue
		}
		left -= o.cost[i]
		byChannel[o.channel[i]].add(o.cost[i], o.value[i])
		all.add(o.cost[i], o.value[i])
	}
	return byChannel, all
}

// actions reads the actions of some rows from the ledger, in their order.
func (o *outline) actions(ctx context.Context, l *ledger.Store, rows []int32) ([]ledger.Action, error) {
	out := make([]ledger.Action, 0, len(rows))
	for _, i := range rows {
		after := ""
		if i > 0 {
			after = o.ids.at(i - 1)
		}
		one, err := l.PlanActions(ctx, o.plan.ID, after, 1)
		if err != nil {
			return nil, err
		}
		out = append(out, one...)
	}
	return out, nil
}

// PlanChannels lists the channels that the plan uses, for templates.
func (o *outline) PlanChannels() []data.Channel {
	var out []data.Channel
	for i, t := range o.totals.Channels {
		if t.Actions > 0 {
			out = append(out, data.Channels[i])
		}
	}
	return out
}

// PlanDays lists the days of the plan, for templates.
func (o *outline) PlanDays() []data.Date { return o.days }

// segmentName is a segment and the word that stands for it in addresses.
type segmentName struct{ Name, Word string }

// PlanSegments lists the segments of the plan, for templates.
func (o *outline) PlanSegments() []segmentName {
	out := make([]segmentName, len(o.segments))
	for i, s := range o.segments {
		out[i] = segmentName{s, segmentWord(s)}
	}
	return out
}
