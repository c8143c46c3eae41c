package pipeline

import (
	"context"
	"encoding/json"
	"path/filepath"
	"slices"

	"dunning/data"
	"dunning/features"
	"dunning/models/cashflow"
	"dunning/models/segments"
)

// Outputs of the forecast stage.
const (
	receiptsFile     = "receipts.parquet" // data.ReceiptsRow: weeks, then days; the whole, then segments
	receiptsPastFile = "past.parquet"     // data.ReceiptsOutcome, by day of the forecast
	receiptsJSONFile = "receipts.json"    // data.Receipts
)

const (
	// receiptsDays is how far receipts are forecast: six weeks.
	receiptsDays = 42
	// receiptsOrigins is how many past weeks forecasts are made again for, to
	// learn how far off they are.
	receiptsOrigins = 40
	// receiptsCustomers is how many customers the timing of payments is learned
	// from; what is forecast is everybody's.
	receiptsCustomers = 30_000
	// receiptsClasses is how many products have a timing of their own.
	receiptsClasses = 12
	// receiptsTrial is how many origins go before the first that is judged.
	receiptsTrial = 16
)

// ForecastStage forecasts receipts by day and week, and scores earlier
// forecasts by what came.
func ForecastStage() Stage {
	return Stage{
		Name: "forecast", Title: "receipts to come, by day and week",
		Folder: "forecasts/{as_of}", Inputs: []string{"extract", "segments", "score", "optimize"},
		Config:  func(c *Config) any { return []any{c.Features.HorizonDays, c.Features.PlanDays} },
		Prepare: prepareForecast,
		Run:     runForecast,
	}
}

// forecaster is the state of one run of the stage.
type forecaster struct {
	w       *Work
	months  []data.Date
	cuts    []segments.CutPoints
	classes map[string]int
	segment map[string]segments.Key // at AsOf
	model   *cashflow.Model
	past    []keptForecast
	parts   []forecastPart
}

// forecastPart is what one partition gives.
type forecastPart struct {
	standing *cashflow.Standing
	came     []map[string][]float64 // by kept forecast: by segment, by day
	touches  usualTouches
}

func runForecast(ctx context.Context, w *Work) error {
	in := w.Input("extract")
	var summary SegmentSummary
	if err := readJSON(w.Input("segments").Path(segmentsFile), &summary); err != nil {
		return err
	}
	f := &forecaster{w: w, cuts: summary.CutPoints, past: w.prepared.([]keptForecast)}
	f.months = segmentMonths(w)
	var err error
	if f.segment, err = SegmentOf(w.Input("segments").Dir); err != nil {
		return err
	}
	book, err := f.learners(ctx)
	if err != nil {
		return err
	}
	first := data.Date(in.Manifest.Counts[countFirstEvent])
	outcomes, err := cashflow.Backcast(ctx, book, cashflow.Origins(first, w.AsOf, receiptsOrigins), w.AsOf, receiptsDays, w.Config.cores())
	if err != nil {
		return err
	}
	f.model = cashflow.Fit(book, w.AsOf, receiptsDays)
	parts := len(in.Parts("customers"))
	f.parts = make([]forecastPart, parts)
	if err := w.eachPart(ctx, parts, 0, 1, f.part); err != nil {
		return err
	}
	curves := f.curves()
	added, err := f.planned()
	if err != nil {
		return err
	}
	version, err := LoadInForce(w.Input("score").Dir)
	if err != nil {
		return err
	}
	out := data.Receipts{AsOf: w.AsOf, PlanID: added.planID, ModelVersion: version.Version, Nominal: cashflow.Nominal, Past: []data.ReceiptsPast{},
		Rows: receiptsRows(w.AsOf, curves, cashflow.Calibrate(outcomes, w.AsOf), added), Backcast: tryReceipts(outcomes)}
	return f.write(out)
}

// learners reads the customers from whom the timing of payments is learned: the
// first partitions, which a hash of the id filled.
func (f *forecaster) learners(ctx context.Context) (*cashflow.Book, error) {
	var all []*features.History
	counts := map[string]int{}
	parts := len(f.w.Input("extract").Parts("customers"))
	for part := 0; part < parts && len(all) < receiptsCustomers; part++ {
		for h, err := range features.Histories(f.w.Input("extract").Dir, part) {
			if err != nil {
				return nil, err
			}
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			for i := range h.Invoices {
				counts[h.Invoices[i].Product]++
			}
			all = append(all, h)
		}
	}
	f.classes = map[string]int{}
	products := sortedKeys(counts)
	slices.SortStableFunc(products, func(a, b string) int { return counts[b] - counts[a] })
	for i, p := range products[:min(len(products), receiptsClasses)] {
		f.classes[p] = i + 1 // 0 is any other
	}
	customers := make([]cashflow.Customer, len(all))
	for i := range all {
		customers[i] = f.customer(all[i])
	}
	return cashflow.NewBook(customers, len(segments.Keys)), nil
}

// customer turns a history into what the forecast reads.
func (f *forecaster) customer(h *features.History) cashflow.Customer {
	c := cashflow.Customer{}
	if h.Customer.Kind == data.PJ {
		c.Kind = 1
	}
	for _, s := range h.Spans() {
		v := cashflow.Invoice{Issued: s.Issued, Due: s.Due, Until: min(s.Until, cashflow.Never), Class: f.classes[s.Product], Cents: s.AmountCents}
		for _, p := range s.Payments {
			v.Payments = append(v.Payments, cashflow.Payment{Day: p.Day, Cents: p.Cents})
		}
		c.Invoices = append(c.Invoices, v)
	}
	keys, _ := segments.Walk(segmentCustomer(h), f.months, f.cuts)
	last := -1
	for i, k := range keys {
		if k == "" {
			k = segments.New
		}
		if s := slices.Index(segments.Keys[:], k); s != last {
			c.Segments, last = append(c.Segments, cashflow.Since{Day: f.months[i], Segment: s}), s
		}
	}
	if len(c.Segments) > 0 {
		c.Segments[0].Day = 0 // before the first month he was as in it
	}
	return c
}

// part reads one partition: what is open, what came on kept forecasts, how many
// were touched.
func (f *forecaster) part(ctx context.Context, part int) error {
	p := forecastPart{standing: f.model.NewStanding(len(segments.Keys)), touches: usualTouches{}}
	for range f.past {
		p.came = append(p.came, map[string][]float64{})
	}
	for h, err := range features.Histories(f.w.Input("extract").Dir, part) {
		if err != nil {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		c := f.customer(h)
		one := cashflow.NewBook([]cashflow.Customer{c}, len(segments.Keys))
		p.standing.Add(&one.Customers[0])
		for i := range f.past {
			f.past[i].note(p.came[i], one, f.w.AsOf)
		}
		p.touches.note(h, f.segment[h.Customer.CustomerID], f.w.AsOf)
	}
	f.parts[part] = p
	return nil
}

// curves adds up the partitions, in their order.
func (f *forecaster) curves() []*cashflow.Curve {
	all := f.model.NewStanding(len(segments.Keys))
	for _, p := range f.parts {
		all.Merge(p.standing)
	}
	return all.Curves(receiptsDays)
}

// receiptsRows lists weeks, then days; the whole, then segments.
func receiptsRows(asOf data.Date, curves []*cashflow.Curve, c *cashflow.Calibration, added *plannedReceipts) []data.ReceiptsRow {
	var rows []data.ReceiptsRow
	whole := cashflow.Total(curves)
	for _, g := range []cashflow.Grain{cashflow.Weekly, cashflow.Daily} {
		days := 1
		if g == cashflow.Weekly {
			days = 7
		}
		for s := -1; s < len(curves); s++ {
			curve, name := whole, data.ReceiptsAll
			if s >= 0 {
				curve, name = curves[s], string(segments.Keys[s])
			}
			for i := range receiptsDays / days {
				a := c.Interval(g, s < 0, curve, i)
				r := data.ReceiptsRow{AsOf: asOf, Grain: g.String(), Segment: name, From: asOf + data.Date(i*days), Days: int32(days),
					ExpectedCents: data.RoundCents(a.Mean), LowCents: data.RoundCents(a.Low), HighCents: data.RoundCents(a.High)}
				r.PlanCents, r.UsualCents = added.within(name, i*days, days)
				r.WithPlanCents = r.ExpectedCents + r.PlanCents - r.UsualCents
				rows = append(rows, r)
			}
		}
	}
	return rows
}

// tryReceipts judges the forecasts of past days, each by what was known then.
func tryReceipts(outcomes []cashflow.Outcome) *data.ReceiptsTrial {
	var t data.ReceiptsTrial
	var n, held, off, came [2]float64
	for i := receiptsTrial; i < len(outcomes); i++ {
		o := &outcomes[i]
		if len(o.Came[0]) < receiptsDays {
			break
		}
		c, whole := cashflow.Calibrate(outcomes[:i], o.Origin), cashflow.Total(o.Curves)
		if t.Origins++; t.Origins == 1 {
			t.From = o.Origin
		}
		t.To = o.Origin
		for g, days := range [2]int{1, 7} {
			for place := range receiptsDays / days {
				a, got := c.Interval(cashflow.Grain(g), true, whole, place), 0.0
				for _, segment := range o.Came {
					for _, x := range segment[place*days : (place+1)*days] {
						got += x
					}
				}
				n[g]++
				if got >= a.Low && got <= a.High {
					held[g]++
				}
				off[g] += max(got-a.Mean, a.Mean-got)
				came[g] += got
			}
		}
	}
	if t.Origins == 0 || came[0] == 0 {
		return nil
	}
	t.HeldDays, t.HeldWeeks, t.ErrorDays, t.ErrorWeeks = held[0]/n[0], held[1]/n[1], off[0]/came[0], off[1]/came[1]
	return &t
}

func (f *forecaster) write(out data.Receipts) error {
	past := f.outcomes()
	out.Past = append(out.Past, sumReceipts(past)...)
	for name, rows := range map[string]func(path string) (data.File, error){
		receiptsFile:     func(path string) (data.File, error) { return data.Write(path, out.Rows) },
		receiptsPastFile: func(path string) (data.File, error) { return data.Write(path, past) },
	} {
		file, err := rows(filepath.Join(f.w.Dir, name))
		if err != nil {
			return err
		}
		f.w.Wrote(name, file)
	}
	b, err := json.MarshalIndent(out, "", " ")
	if err != nil {
		return err
	}
	if err := data.WriteFile(filepath.Join(f.w.Dir, receiptsJSONFile), append(b, '\n')); err != nil {
		return err
	}
	return keepForecast(f.w.Home, f.w.AsOf, out.Rows)
}

// ReadForecast returns a day's forecast from the folder of the stage. A missing
// output is an error that wraps fs.ErrNotExist.
func ReadForecast(folder string) (*data.Receipts, error) {
	var r data.Receipts
	return &r, readJSON(filepath.Join(folder, receiptsJSONFile), &r)
}
