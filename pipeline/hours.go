package pipeline

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"dunning/data"
	"dunning/features"
	"dunning/models/reach"
	"dunning/models/segments"
	"dunning/policy"
)

// Outputs of the segments stage about hours.
const (
	hoursFile = "hours.parquet" // ReadingHours: segments, then customers with openings, by id
	reachFile = "reach.json"    // ReachSummary
)

// ReadingHours says at which hours of the customer's own clock somebody opens
// what he gets.
type ReadingHours struct {
	// CustomerID is "" in the row of a segment, which serves its customers without
	// openings.
	CustomerID string       `parquet:"customer_id" json:"customer_id"`
	Segment    segments.Key `parquet:"segment,dict" json:"segment"`
	Openings   int32        `parquet:"openings" json:"openings"`
	// Habit has the part of his openings in each hour, 0 to 23; it sums to one.
	Habit []float32 `parquet:"habit" json:"habit"`
}

// ReachSummary is the content of reach.json.
type ReachSummary struct {
	Customers int            `json:"customers"` // that the model was made of
	Channels  []ReachChannel `json:"channels"`
}

// ReachChannel says how well a channel reaches customers.
type ReachChannel struct {
	Channel   data.Channel `json:"channel"`
	Touches   int64        `json:"touches"`
	Openings  int64        `json:"openings"` // 0: no hour is better than another
	Delivered float64      `json:"delivered_prob"`
	Opened    float64      `json:"opened_prob"` // of what arrives, without tiredness
	// Fatigue is how much less is opened with more earlier touches of late, none
	// first.
	Fatigue []float64 `json:"fatigue"`
}

// openingHours is what the segments stage keeps of one customer who opened
// something: little, since it is kept for all of them.
type openingHours struct {
	id      string
	segment segments.Key
	counts  [24]uint16
}

// hourReader reads the histories of a stage's run for the hours.
type hourReader struct {
	engine *policy.Engine
	asOf   data.Date
	parts  []hourPart
}

// hourPart is what one partition gives.
type hourPart struct {
	opened []openingHours
	sample []reach.Customer // only of the partitions that the model is made of
}

func newHourReader(w *Work, parts int) (*hourReader, error) {
	engine, err := policy.New(w.Config.Policy)
	return &hourReader{engine: engine, asOf: w.AsOf, parts: make([]hourPart, parts)}, err
}

// note takes a customer of a partition.
func (r *hourReader) note(part int, h *features.History, segment segments.Key, sampled bool) {
	c := ReachCustomer(h, r.engine.Zone(&h.Customer), r.asOf, slices.Index(segments.Keys[:], segment))
	p := &r.parts[part]
	if counts, n := c.Openings(); n > 0 {
		o := openingHours{id: h.Customer.CustomerID, segment: segment}
		for k := range counts {
			o.counts[k] = uint16(min(counts[k], 1<<16-1))
		}
		p.opened = append(p.opened, o)
	}
	if sampled {
		p.sample = append(p.sample, c)
	}
}

// write fits the model and writes the habits.
func (r *hourReader) write(w *Work) error {
	var sample []reach.Customer
	var opened []openingHours
	for i := range r.parts {
		sample, opened = append(sample, r.parts[i].sample...), append(opened, r.parts[i].opened...)
	}
	model := reach.Fit(sample, len(segments.Keys))
	slices.SortFunc(opened, func(a, b openingHours) int {
		if a.id < b.id {
			return -1
		}
		return 1
	})
	out, err := data.Create[ReadingHours](filepath.Join(w.Dir, hoursFile))
	if err != nil {
		return err
	}
	defer out.Abort()
	for k, key := range segments.Keys {
		if err := out.Append(readingHours(model, k, openingHours{segment: key})); err != nil {
			return err
		}
	}
	for _, o := range opened {
		if err := out.Append(readingHours(model, slices.Index(segments.Keys[:], o.segment), o)); err != nil {
			return err
		}
	}
	file, err := out.Close()
	if err != nil {
		return err
	}
	w.Wrote(hoursFile, file)
	summary := ReachSummary{Customers: len(sample)}
	for c, ch := range data.Channels {
		m := model.Channel(c)
		summary.Channels = append(summary.Channels, ReachChannel{ch, m.Touches, m.Openings, m.Delivered, m.Opened, m.Fatigue})
	}
	b, err := json.MarshalIndent(summary, "", " ")
	if err != nil {
		return err
	}
	return data.WriteFile(filepath.Join(w.Dir, reachFile), append(b, '\n'))
}

func readingHours(model *reach.Model, segment int, o openingHours) ReadingHours {
	row := ReadingHours{CustomerID: o.id, Segment: o.segment, Habit: make([]float32, 0, len(o.counts))}
	var counts [24]float64
	for h, n := range o.counts {
		counts[h] = float64(n)
		row.Openings += int32(n)
	}
	for _, p := range model.Habit(segment, &counts) {
		row.Habit = append(row.Habit, float32(p))
	}
	return row
}

// bestHours knows the habits of the customers whom a plan touches.
type bestHours struct {
	engine *policy.Engine
	usable [len(data.Channels)]bool // channels on which openings are known
	own    map[string]*reach.Habit
	of     map[segments.Key]*reach.Habit // of those without openings
}

// readBestHours reads the habits of some customers from the output of the
// segments stage.
func readBestHours(in Output, engine *policy.Engine, needed map[string]bool) (*bestHours, error) {
	b := &bestHours{engine: engine, own: map[string]*reach.Habit{}, of: map[segments.Key]*reach.Habit{}}
	var summary ReachSummary
	if err := readJSON(in.Path(reachFile), &summary); err != nil {
		return nil, err
	}
	for _, c := range summary.Channels {
		if k := c.Channel.Index(); k >= 0 {
			b.usable[k] = c.Openings > 0
		}
	}
	for batch, err := range data.Scan[ReadingHours](in.Path(hoursFile)) {
		if err != nil {
			return nil, err
		}
		for i := range batch {
			row := &batch[i]
			if row.CustomerID != "" && !needed[row.CustomerID] {
				continue
			}
			habit := new(reach.Habit)
			if len(row.Habit) != len(habit) {
				return nil, fmt.Errorf("%s: %w: %d hours of customer %q", in.Path(hoursFile), data.ErrDamagedFile, len(row.Habit), row.CustomerID)
			}
			for h, p := range row.Habit {
				habit[h] = float64(p)
			}
			if row.CustomerID == "" {
				b.of[row.Segment] = habit
			} else {
				b.own[row.CustomerID] = habit
			}
		}
	}
	return b, nil
}

// window returns the hours in which a touch is best sent: from the best hour that
// the law allows until the law closes, so that what finds no room at once may
// still go. hour is that hour on the customer's clock; -1 where none is known to be
// better, and then the window is the law's.
func (b *bestHours) window(c *data.Customer, ch data.Channel, day data.Date) (start, end time.Time, hour int) {
	start, end, ok := b.engine.Window(c, day)
	k := ch.Index()
	if !ok || k < 0 || !b.usable[k] {
		return start, end, -1
	}
	habit := b.own[c.CustomerID]
	if habit == nil {
		habit = b.of[segments.Key(c.NamedSegment)]
	}
	if habit == nil {
		return start, end, -1
	}
	zone := b.engine.Zone(c)
	opens, closes := start.In(zone), end.In(zone)
	until := 60*closes.Hour() + closes.Minute()
	if closes.Day() != opens.Day() { // midnight
		until = 24 * 60
	}
	// An hour must be left to send it in.
	if hour, ok = habit.BestHour(reach.AllowedHours(60*opens.Hour()+opens.Minute(), until-59)); !ok {
		return start, end, -1
	}
	at := time.Date(opens.Year(), opens.Month(), opens.Day(), hour, 0, 0, 0, zone).UTC()
	if at.Before(start) || !at.Before(end) { // a clock that was set on that day
		return start, end, -1
	}
	return at, end, hour
}
