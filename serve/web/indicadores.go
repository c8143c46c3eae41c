package web

import (
	"errors"
	"io/fs"
	"math"
	"slices"
	"sync"

	"dunning/data"
	"dunning/serve"
)

// indicatorsPath is where the room is.
const indicatorsPath = "/indicadores"

// indicatorsRoom shows the state of the portfolio and what contacts did to it.
func (s *Site) indicatorsRoom() {
	s.add(page{pattern: "GET " + indicatorsPath, title: "kpi.title", group: "group.analyse", icon: "indicators", roles: everybody, do: indicatorsShow})
	s.add(page{pattern: "GET " + indicatorsPath + "/planilha.xlsx", title: "kpi.title", roles: everybody, do: indicatorsSheet})
	s.add(page{pattern: "GET " + indicatorsPath + "/planilha.csv", title: "kpi.title", roles: everybody, do: indicatorsCSV})
	s.add(page{pattern: "GET " + forecastPath, title: "cash.title", roles: everybody, do: forecastShow})
	s.add(page{pattern: "GET " + forecastPath + "/planilha.xlsx", title: "cash.title", roles: everybody, do: forecastSheet})
	s.add(page{pattern: "GET " + forecastPath + "/planilha.csv", title: "cash.title", roles: everybody, do: forecastCSV})
	s.add(page{pattern: "GET " + segmentsPath, title: "seg.title", roles: everybody, do: segmentsShow})
	s.add(page{pattern: "GET " + segmentsPath + "/planilha.xlsx", title: "seg.title", roles: everybody, do: segmentsSheet})
	s.add(page{pattern: "GET " + segmentsPath + "/planilha.csv", title: "seg.title", roles: everybody, do: segmentsCSV})
	s.areaPages()
}

// unit says how an indicator is written.
type unit int

const (
	asShare unit = iota
	asDays
	asMoney
	asCount
	asPoints  // CEI: 0 to 100
	asPerReal // reais per real
)

// indicator is one figure of a day, and of the day it is compared with.
type indicator struct {
	Key       string // of its words; key + ".what" says what it is
	Unit      unit
	Now, Then *float64
	Good      int // 1: more is better, −1: less is better, 0: neither
	Value     string
	Change    string // "" without a comparison
	Better    int
	From      string // address of what it is made of; "" for none
}

// indicatorsPage is what the template shows.
type indicatorsPage struct {
	Missing  bool
	Tabs     []tab
	Day      data.Date
	Against  data.Date // 0 for none
	Days     []data.Date
	Report   *Report
	Main     []indicator
	Figures  []indicator
	Increase increase
	Aging    Chart
	Series   Chart
	Share    Chart
	Roll     Table
	Channels Table
	Segments Table
	Parts    Table
}

// increase is what the contacts brought in, as the holdout measures it.
type increase struct {
	Known, Sure   bool // sure: the interval is above zero
	Value         data.Cents
	Low, High     data.Cents
	PerReal       string
	Treated, Held int64
}

// chosenReport returns the report of the day that the address asks for, and of
// the day to compare with; nil where there is none.
func (v *visit) chosenReport() (days []data.Date, now, then *Report, err error) {
	if v.site.Reports == nil {
		return nil, nil, nil, nil
	}
	if days, err = v.site.Reports.Days(); err != nil || len(days) == 0 {
		return nil, nil, nil, err
	}
	q := v.r.URL.Query()
	day := days[0]
	if asked := q.Get("dia"); asked != "" {
		if day, err = data.ParseDate(asked); err != nil || !slices.Contains(days, day) {
			return nil, nil, nil, fail(serve.CodeNotFound)
		}
	}
	if now, err = v.site.Reports.Report(day); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			err = fail(serve.CodeNotFound)
		}
		return nil, nil, nil, err
	}
	against := q.Get("contra")
	if against == "" {
		if i := slices.Index(days, day); i+1 < len(days) {
			against = days[i+1].String()
		}
	}
	if other, parseErr := data.ParseDate(against); parseErr == nil && slices.Contains(days, other) && other != day {
		if then, err = v.site.Reports.Report(other); errors.Is(err, fs.ErrNotExist) {
			then, err = nil, nil
		}
	}
	return days, now, then, err
}

func indicatorsShow(v *visit) error {
	days, now, then, err := v.chosenReport()
	if err != nil {
		return err
	}
	if now == nil || now.Portfolio == nil {
		return v.show("indicators", indicatorsPage{Missing: true, Tabs: v.indicatorTabs()})
	}
	p := indicatorsPage{Tabs: v.indicatorTabs(), Day: now.AsOf, Days: days, Report: now}
	if then != nil {
		p.Against = then.AsOf
	}
	p.Figures = v.indicators(now, then)
	for _, i := range p.Figures {
		if slices.Contains(mainIndicators, i.Key) {
			p.Main = append(p.Main, i)
		}
	}
	k := now.Portfolio
	p.Increase = v.increaseOf(k)
	p.Aging, p.Series, p.Share = v.agingChart(k), v.seriesChart(k), v.shareChart(k)
	p.Roll, p.Channels, p.Segments = v.rollTable(k), v.channelTable(k), v.segmentTable()
	p.Parts = v.partsTable(k)
	return v.show("indicators", p)
}

// mainIndicators stand at the head of the page.
var mainIndicators = []string{"kpi.overdue_share", "kpi.default", "kpi.dso", "kpi.cei", "kpi.cure", "kpi.kept", "kpi.per_real", "kpi.coverage"}

// indicators lists the figures of a report, with those of another.
func (v *visit) indicators(now, then *Report) []indicator {
	var before []indicator
	if then != nil && then.Portfolio != nil {
		before = figuresOf(then.Portfolio)
	}
	out := v.compared(figuresOf(now.Portfolio), before)
	for i := range out {
		switch from := madeOf[out[i].Key]; {
		case from != "":
			out[i].From = "#" + from
		case out[i].Unit == asCount: // of customers, who are counted by segment
			out[i].From = segmentsPath + "?dia=" + now.AsOf.String()
		}
	}
	return out
}

// madeOf says where on the page stands what an indicator is made of.
var madeOf = map[string]string{
	"kpi.receivable": "aging", "kpi.overdue": "aging", "kpi.overdue_share": "aging", "kpi.over90": "aging", "kpi.default": "aging", "kpi.provision": "aging", "kpi.coverage": "aging",
	"kpi.dso": "parts", "kpi.best_dso": "parts", "kpi.add": "parts", "kpi.cei": "parts", "kpi.kept": "parts", "kpi.kept_value": "parts", "kpi.liquidation": "parts", "kpi.recovery": "parts",
	"kpi.cure": "trend", "kpi.billed": "series", "kpi.collected": "series", "kpi.touch_cost": "contacts", "kpi.per_real": "contacts", "kpi.right_party": "contacts",
	"kpi.reach": "contacts", "kpi.consent": "contacts", "kpi.open_customers": "segments", "kpi.increment": "holdout", "kpi.increment_low": "holdout", "kpi.increment_high": "holdout",
}

// compared fills the words of figures, with their change since those before; nil
// for none.
func (v *visit) compared(out, before []indicator) []indicator {
	for i := range out {
		one := &out[i]
		one.Value = v.figure(one.Now, one.Unit)
		if before == nil {
			continue
		}
		one.Then = before[i].Now
		if one.Now == nil || one.Then == nil {
			continue
		}
		by := *one.Now - *one.Then
		one.Better = one.Good * direction(by)
		one.Change = v.changeOf(by, one.Unit)
		if one.Change == "=" {
			one.Better = 0
		}
	}
	return out
}

func figuresOf(k *data.Indicators) []indicator {
	cents := func(c data.Cents) *float64 { f := float64(c); return &f }
	count := func(n int64) *float64 { f := float64(n); return &f }
	return []indicator{
		{Key: "kpi.receivable", Unit: asMoney, Now: cents(k.ReceivableCents)},
		{Key: "kpi.overdue", Unit: asMoney, Now: cents(k.OverdueCents), Good: -1},
		{Key: "kpi.overdue_share", Unit: asShare, Now: k.OverdueShare, Good: -1},
		{Key: "kpi.over90", Unit: asMoney, Now: cents(k.Over90Cents), Good: -1},
		{Key: "kpi.default", Unit: asShare, Now: k.DefaultRate, Good: -1},
		{Key: "kpi.provision", Unit: asMoney, Now: cents(k.ProvisionCents)},
		{Key: "kpi.coverage", Unit: asShare, Now: k.Coverage, Good: 1},
		{Key: "kpi.dso", Unit: asDays, Now: k.DSO, Good: -1},
		{Key: "kpi.best_dso", Unit: asDays, Now: k.BestPossibleDSO},
		{Key: "kpi.add", Unit: asDays, Now: k.ADD, Good: -1},
		{Key: "kpi.cei", Unit: asPoints, Now: k.CEI, Good: 1},
		{Key: "kpi.cure", Unit: asShare, Now: k.CureRate, Good: 1},
		{Key: "kpi.kept", Unit: asShare, Now: k.Promises.KeptRate, Good: 1},
		{Key: "kpi.kept_value", Unit: asShare, Now: k.Promises.KeptValueRate, Good: 1},
		{Key: "kpi.liquidation", Unit: asShare, Now: k.Recovery.Liquidation, Good: 1},
		{Key: "kpi.recovery", Unit: asShare, Now: k.Recovery.Rate, Good: 1},
		{Key: "kpi.billed", Unit: asMoney, Now: cents(k.BilledCents)},
		{Key: "kpi.collected", Unit: asMoney, Now: cents(k.CollectedCents), Good: 1},
		{Key: "kpi.touch_cost", Unit: asMoney, Now: cents(k.Cost.TouchCents)},
		{Key: "kpi.per_real", Unit: asPerReal, Now: k.Cost.PerOverdueReal, Good: -1},
		{Key: "kpi.right_party", Unit: asShare, Now: k.Contacts.RightPartyRate, Good: 1},
		{Key: "kpi.reach", Unit: asShare, Now: k.Contacts.Coverage, Good: 1},
		{Key: "kpi.consent", Unit: asShare, Now: k.Contacts.ConsentShare, Good: 1},
		{Key: "kpi.customers", Unit: asCount, Now: count(k.Customers)},
		{Key: "kpi.open_customers", Unit: asCount, Now: count(k.OpenCustomers)},
		{Key: "kpi.overdue_customers", Unit: asCount, Now: count(k.OverdueCustomers), Good: -1},
		{Key: "kpi.increment", Unit: asMoney, Now: k.Incremental.IncrementCents, Good: 1},
		{Key: "kpi.increment_low", Unit: asMoney, Now: k.Incremental.IncrementLo},
		{Key: "kpi.increment_high", Unit: asMoney, Now: k.Incremental.IncrementHi},
	}
}

// figure writes a figure in its unit; a dash where it could not be measured.
func (v *visit) figure(f *float64, u unit) string {
	if f == nil {
		return v.say("none")
	}
	switch u {
	case asShare:
		return v.lang.Percent(*f)
	case asDays:
		return v.say("kpi.days", v.lang.Decimal(*f, 1))
	case asMoney:
		return v.lang.MoneyShort(data.RoundCents(*f))
	case asCount:
		return v.lang.Int(int64(math.Round(*f)))
	case asPerReal:
		return "R$" + nbsp + v.lang.Decimal(*f, 4)
	}
	return v.lang.Decimal(*f, 1)
}

// changeOf writes a difference: of shares in percentage points.
func (v *visit) changeOf(by float64, u unit) string {
	var words string
	switch size := math.Abs(by); u {
	case asShare:
		words = v.say("kpi.points", v.lang.Decimal(100*size, 1))
		by = 100 * by / 10 // a tenth of a point is seen
	case asMoney:
		words = v.lang.MoneyShort(data.RoundCents(size))
	case asPerReal:
		words = "R$" + nbsp + v.lang.Decimal(size, 4)
		by *= 100
	default:
		words = v.figure(&size, u)
	}
	switch {
	case math.Abs(by) < 0.005:
		return "="
	case by > 0:
		return "+" + words
	}
	return "−" + words
}

// increaseOf says what the contacts brought in.
func (v *visit) increaseOf(k *data.Indicators) increase {
	i := k.Incremental
	out := increase{Treated: i.TreatedCustomers, Held: i.HoldoutCustomers, PerReal: v.figure(i.PerReal, asPerReal)}
	if i.IncrementCents == nil || i.IncrementLo == nil || i.IncrementHi == nil {
		return out
	}
	out.Known, out.Sure = true, *i.IncrementLo > 0
	out.Value, out.Low, out.High = data.RoundCents(*i.IncrementCents), data.RoundCents(*i.IncrementLo), data.RoundCents(*i.IncrementHi)
	return out
}

// segmentTotals keeps the totals of the tables in force: a pass over all
// customers for each version of them.
type segmentTotals struct {
	mu      sync.Mutex
	version string
	totals  []serve.SegmentTotal
}

func (s *segmentTotals) of(store serve.Store) []serve.SegmentTotal {
	scores, lake := store.Scores(), store.Portfolio()
	if scores == nil {
		return nil
	}
	version := scores.Version
	if lake != nil {
		version += " " + lake.Version
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.version != version {
		s.version, s.totals = version, serve.BySegment(scores, lake)
	}
	return s.totals
}
