package pipeline

import (
	"context"
	"encoding/json"
	"math"
	"path/filepath"
	"slices"
	"strings"

	"dunning/data"
	"dunning/features"
	"dunning/models/segments"
)

// Outputs of the segments stage.
const (
	segmentMembersFile   = "members.parquet"   // SegmentMember, by customer
	segmentMovementsFile = "movements.parquet" // SegmentMovement, by month, from, to
	segmentsFile         = "segments.json"     // SegmentSummary
)

// segmentCutCustomers is how many customers the cut points and the hours are made
// of: the first partitions, which a hash of the id filled, until so many are read.
const segmentCutCustomers = 50_000

// SegmentMember is the segment of one customer of the lake, and why.
type SegmentMember struct {
	CustomerID string       `parquet:"customer_id" json:"customer_id"`
	Segment    segments.Key `parquet:"segment,dict" json:"segment"`
	Month      data.Date    `parquet:"month,date" json:"month"` // its first day: the segment holds for it
	Since      data.Date    `parquet:"since,date" json:"since"` // the first month in the segment without a break
	// Previous is the segment before Since; "" when there was none.
	Previous segments.Key `parquet:"previous,dict" json:"previous"`

	// What was known before the month, over a year; see segments.Facts.
	Invoices        int32      `parquet:"invoices" json:"invoices"`
	MedianCents     data.Cents `parquet:"median_cents" json:"median_cents"`
	Due             int32      `parquet:"due" json:"due"`
	OnTime          int32      `parquet:"on_time" json:"on_time"`
	PastDueDays     int32      `parquet:"past_due_days" json:"past_due_days"`
	NegativeRecords *int32     `parquet:"negative_records,optional" json:"negative_records"` // nil without a report
}

// SegmentMovement counts the customers who were in one segment and a month
// later in another, or in the same. From is "" for those who had none yet.
type SegmentMovement struct {
	Month     data.Date    `parquet:"month,date" json:"month"`
	From      segments.Key `parquet:"from,dict" json:"from"`
	To        segments.Key `parquet:"to,dict" json:"to"`
	Customers int64        `parquet:"customers" json:"customers"`
}

// SegmentSummary is the content of segments.json.
type SegmentSummary struct {
	AsOf     data.Date            `json:"as_of"`
	Month    data.Date            `json:"month"` // the segments' own day
	Segments []SegmentDescription `json:"segments"`
	// Agreement is by month, from the second of the lake on.
	Agreement []SegmentAgreement `json:"agreement"`
	// CutPoints in the order in which they came into force.
	CutPoints []segments.CutPoints `json:"cut_points"`
}

// SegmentDescription is one segment in words and its size.
type SegmentDescription struct {
	Segment               segments.Key `json:"segment"`
	Name                  string       `json:"name"` // Portuguese
	EnglishName           string       `json:"name_en"`
	Description           string       `json:"description"`
	EnglishDescription    string       `json:"description_en"`
	Customers             int64        `json:"customers"`
	InvoicedCents         data.Cents   `json:"median_invoice_sum_cents"` // sum over members of invoices × median: what they buy in a year
	OnTimeShare           *float64     `json:"on_time_share"`            // of all members' invoices that fell due; nil without any
	CustomersEarlierMonth int64        `json:"customers_earlier_month"`
}

// SegmentAgreement says how far a month's segments agree with the month's
// before, over the customers of both.
type SegmentAgreement struct {
	Month     data.Date `json:"month"`
	Agreement float64   `json:"adjusted_rand"` // 1: nobody moved
	Stayed    float64   `json:"stayed_share"`
	// Settled is false while the lake had no year of history.
	Settled bool `json:"settled"`
}

// SegmentsStage puts every customer of the lake into a named segment, on the
// first of each month up to AsOf, and says at which hours each opens messages.
func SegmentsStage() Stage {
	return Stage{
		Name: "segments", Title: "named segments of customers, and their hours",
		Folder: "lake/segments/{as_of}", Inputs: []string{"extract"},
		Config: func(c *Config) any { return c.Policy.Packs }, // they have the zones of hours
		Run:    runSegments,
	}
}

// segmenter is the state of one run of the stage.
type segmenter struct {
	w       *Work
	months  []data.Date
	cuts    []segments.CutPoints
	members [][]SegmentMember        // by partition
	moves   [][]segments.Movements   // by partition, by month
	counted []map[segments.Key]int64 // by partition: in the month before the last
	hours   *hourReader
	sampled int // partitions that the cut points and the hours are made of
}

func runSegments(ctx context.Context, w *Work) error {
	in := w.Input("extract")
	first := data.Date(in.Manifest.Counts[countFirstEvent])
	s := &segmenter{w: w, months: segmentMonths(w)}
	parts := len(in.Parts("customers"))
	s.members, s.moves = make([][]SegmentMember, parts), make([][]segments.Movements, parts)
	s.counted = make([]map[segments.Key]int64, parts)
	var err error
	if s.hours, err = newHourReader(w, parts); err != nil {
		return err
	}
	if err := s.cut(ctx, first, parts); err != nil {
		return err
	}
	if err := w.eachPart(ctx, parts, 0, 1, s.part); err != nil {
		return err
	}
	if err := s.hours.write(w); err != nil {
		return err
	}
	return s.write()
}

// segmentMonths are the days on which segments are made: the first of each
// month of the lake, or AsOf where the history began in its month.
func segmentMonths(w *Work) []data.Date {
	if months := segments.Months(data.Date(w.Input("extract").Manifest.Counts[countFirstEvent]), w.AsOf); len(months) > 0 {
		return months
	}
	return []data.Date{w.AsOf}
}

// cut makes the cut points.
func (s *segmenter) cut(ctx context.Context, first data.Date, parts int) error {
	days := segments.CutDays(first, s.w.AsOf)
	if len(days) == 0 {
		days = []data.Date{s.w.AsOf}
	}
	facts, read := make([][]segments.Facts, len(days)), 0
	for ; s.sampled < parts && read < segmentCutCustomers; s.sampled++ {
		for h, err := range features.Histories(s.w.Input("extract").Dir, s.sampled) {
			if err != nil {
				return err
			}
			if err := ctx.Err(); err != nil {
				return err
			}
			c := segmentCustomer(h)
			for i, d := range days {
				facts[i] = append(facts[i], c.At(d))
			}
			read++
		}
	}
	s.cuts = segments.FitCuts(days, facts)
	return nil
}

// segmentCustomer turns a history into what the rules of segments read.
func segmentCustomer(h *features.History) *segments.Customer {
	c := &segments.Customer{Business: h.Customer.Kind == data.PJ}
	for _, span := range h.Spans() {
		v := segments.Invoice{Issued: span.Issued, Due: span.Due, Closed: span.Until, Cents: span.AmountCents}
		var paid data.Cents
		for _, p := range span.Payments {
			paid += p.Cents
		}
		v.Paid = paid >= v.Cents
		c.Invoices = append(c.Invoices, v)
	}
	for i := range h.Bureau {
		c.Reports = append(c.Reports, segments.Report{Day: data.DateOf(h.Bureau[i].At), Negative: int(h.Bureau[i].NegativeRecords)})
	}
	return c
}

// part puts the customers of one partition into their segments.
func (s *segmenter) part(ctx context.Context, part int) error {
	moves := make([]segments.Movements, len(s.months)-1)
	for i := range moves {
		moves[i] = segments.Movements{}
	}
	s.counted[part] = map[segments.Key]int64{}
	for h, err := range features.Histories(s.w.Input("extract").Dir, part) {
		if err != nil {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		keys, last := segments.Walk(segmentCustomer(h), s.months, s.cuts)
		for i := range moves {
			moves[i][[2]segments.Key{keys[i], keys[i+1]}]++
		}
		if n := len(keys); n > 1 {
			s.counted[part][keys[n-2]]++
		}
		m := s.member(h.Customer.CustomerID, keys, last)
		s.members[part] = append(s.members[part], m)
		s.hours.note(part, h, m.Segment, part < s.sampled)
	}
	s.moves[part] = moves
	return nil
}

// member is the row of one customer. Who has bought nothing yet is new.
func (s *segmenter) member(id string, keys []segments.Key, f segments.Facts) SegmentMember {
	at := len(keys) - 1
	m := SegmentMember{CustomerID: id, Segment: keys[at], Month: s.months[at],
		Invoices: int32(f.Invoices), MedianCents: f.MedianCents, Due: int32(f.Due), OnTime: int32(f.OnTime), PastDueDays: int32(f.PastDueDays)}
	for at > 0 && keys[at-1] == m.Segment {
		at--
	}
	m.Since = s.months[at]
	if at > 0 {
		m.Previous = keys[at-1]
	}
	if m.Segment == "" {
		m.Segment, m.Since = segments.New, m.Month
	}
	if f.NegativeRecords >= 0 {
		n := int32(min(f.NegativeRecords, math.MaxInt32))
		m.NegativeRecords = &n
	}
	return m
}

func (s *segmenter) write() error {
	members := slices.Concat(s.members...)
	slices.SortFunc(members, func(a, b SegmentMember) int { return strings.Compare(a.CustomerID, b.CustomerID) })
	file, err := data.Write(filepath.Join(s.w.Dir, segmentMembersFile), members)
	if err != nil {
		return err
	}
	s.w.Wrote(segmentMembersFile, file)
	rows, agreement := s.movements()
	if file, err = data.Write(filepath.Join(s.w.Dir, segmentMovementsFile), rows); err != nil {
		return err
	}
	s.w.Wrote(segmentMovementsFile, file)
	b, err := json.MarshalIndent(s.summary(members, agreement), "", " ")
	if err != nil {
		return err
	}
	return data.WriteFile(filepath.Join(s.w.Dir, segmentsFile), append(b, '\n'))
}

// movements adds up the partitions.
func (s *segmenter) movements() (rows []SegmentMovement, agreement []SegmentAgreement) {
	order := append([]segments.Key{""}, segments.Keys[:]...)
	for i := range len(s.months) - 1 {
		all := segments.Movements{}
		for _, part := range s.moves {
			for k, n := range part[i] {
				all[k] += n
			}
		}
		for _, from := range order {
			for _, to := range order {
				if n := all[[2]segments.Key{from, to}]; n > 0 && to != "" {
					rows = append(rows, SegmentMovement{Month: s.months[i+1], From: from, To: to, Customers: n})
				}
			}
		}
		agreement = append(agreement, SegmentAgreement{Month: s.months[i+1], Agreement: all.Agreement(), Stayed: all.Stayed(),
			Settled: s.months[i] >= s.cuts[0].From && len(s.months) > 12})
	}
	return rows, agreement
}

func (s *segmenter) summary(members []SegmentMember, agreement []SegmentAgreement) SegmentSummary {
	out := SegmentSummary{AsOf: s.w.AsOf, Month: s.months[len(s.months)-1], Agreement: agreement, CutPoints: s.cuts}
	at := map[segments.Key]*SegmentDescription{}
	due, onTime := map[segments.Key]int64{}, map[segments.Key]int64{}
	out.Segments = make([]SegmentDescription, len(segments.Keys))
	for i, k := range segments.Keys {
		d := &out.Segments[i]
		d.Segment, d.Name, d.EnglishName = k, k.Portuguese(), k.English()
		d.Description, d.EnglishDescription = k.Describe(&s.cuts[len(s.cuts)-1])
		at[k] = d
		for _, counted := range s.counted {
			d.CustomersEarlierMonth += counted[k]
		}
	}
	for i := range members {
		m := &members[i]
		d := at[m.Segment]
		d.Customers++
		d.InvoicedCents += data.Cents(m.Invoices) * m.MedianCents
		due[m.Segment] += int64(m.Due)
		onTime[m.Segment] += int64(m.OnTime)
	}
	for k, d := range at {
		if due[k] > 0 {
			share := float64(onTime[k]) / float64(due[k])
			d.OnTimeShare = &share
		}
	}
	return out
}

// ReadSegments returns the summary of a day's segments from the folder of the
// stage. A missing output is an error that wraps fs.ErrNotExist.
func ReadSegments(folder string) (*SegmentSummary, error) {
	var s SegmentSummary
	return &s, readJSON(filepath.Join(folder, segmentsFile), &s)
}

// ReadSegmentMovements returns the movements of all months, by month, from, to.
func ReadSegmentMovements(folder string) ([]SegmentMovement, error) {
	return data.Read[SegmentMovement](filepath.Join(folder, segmentMovementsFile))
}

// SegmentOf returns the segment of every customer of the lake as of a day, for
// conditions of réguas, rows of the optimization and reports. folder is that of
// the stage: SegmentsStage().FolderOf(home, asOf), or Work.Input("segments").Dir.
func SegmentOf(folder string) (map[string]segments.Key, error) {
	out := map[string]segments.Key{}
	for batch, err := range data.Scan[SegmentMember](filepath.Join(folder, segmentMembersFile)) {
		if err != nil {
			return nil, err
		}
		for i := range batch {
			out[batch[i].CustomerID] = batch[i].Segment
		}
	}
	return out, nil
}
