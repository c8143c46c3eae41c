package portfolio

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"dunning/data"
)

// Why says why a customer is on a list.
type Why string

// The reasons, as the report words them.
const (
	WhyGood         Why = "todas as faturas pagas em dia"
	WhyGoodAndFull  Why = "bom pagador com o limite quase todo em uso: avaliar aumento"
	WhyLateWithRoom Why = "atraso de 30 dias ou mais com limite livre: avaliar bloqueio"
	WhyIdle         Why = "sem compras há 180 dias: avaliar o limite"
	WhyFirstDelay   Why = "primeiro atraso de quem sempre pagou em dia"
	WhyRising       Why = "atraso médio sobe há três meses seguidos"
)

// The lists of customers.
const (
	ListGood   = "bons pagadores"
	ListLimits = "limites a rever"
	ListAlerts = "alertas de piora"
)

// Lists are the lists in the order of the report.
var Lists = []string{ListGood, ListLimits, ListAlerts}

// Dimensions are what groups are made by, in the order of the report.
var Dimensions = []string{"segmento", "produto", "safra"}

// Report is how the customers of a portfolio behave.
type Report struct {
	AsOf      data.Date  `json:"as_of"`
	Customers int        `json:"customers"` // with an invoice
	Groups    []Group    `json:"groups"`
	People    []Person   `json:"people"`
	Counts    []ListSize `json:"counts"`
}

// ListSize is how many customers belong on a list, and how many are shown.
type ListSize struct {
	List  string `json:"list"`
	All   int    `json:"all"`
	Shown int    `json:"shown"`
}

// Group is the behaviour of one segment, product or vintage. Shares are of the
// invoices that count and 0 where none does.
type Group struct {
	Dimension    string     `json:"dimension"`
	Name         string     `json:"name"`
	Customers    int        `json:"customers"`
	Invoices     int        `json:"invoices"` // due
	BilledCents  data.Cents `json:"billed_cents"`
	OverdueCents data.Cents `json:"overdue_cents"`
	OnTime       float64    `json:"on_time"`   // share of the due ones
	Serious      float64    `json:"serious"`   // share seriously late of those that can have become so
	MeanDays     float64    `json:"mean_days"` // late, of the due ones
	// SeriousNow and SeriousBefore are the shares of those due 30 to 120 and 120
	// to 210 days ago. Worse tells that the first is higher than chance explains.
	SeriousNow    float64 `json:"serious_now"`
	SeriousBefore float64 `json:"serious_before"`
	Worse         bool    `json:"worse"`

	onTime, seasoned, serious, days int
	now, before                     share
	members                         map[string]bool
}

// share is a part of a number of invoices.
type share struct{ part, of int }

func (s share) value() float64 {
	if s.of == 0 {
		return 0
	}
	return float64(s.part) / float64(s.of)
}

// Person is one customer on a list.
type Person struct {
	List         string     `json:"list"`
	CustomerID   string     `json:"customer_id"`
	Segment      string     `json:"segment"`
	Invoices     int        `json:"invoices"` // due
	YearCents    data.Cents `json:"year_cents"`
	OpenCents    data.Cents `json:"open_cents"`
	OverdueCents data.Cents `json:"overdue_cents"`
	LateDays     int        `json:"late_days"` // of the oldest open invoice
	LimitCents   data.Cents `json:"limit_cents"`
	Use          float64    `json:"use"` // of the limit
	Why          Why        `json:"why"`
}

// Builder adds customers up, partition by partition.
type Builder struct {
	asOf      data.Date
	shown     int
	customers int
	groups    map[[2]string]*Group
	people    map[string][]Person
}

// NewBuilder begins a report of a day that shows up to so many customers of each
// list.
func NewBuilder(asOf data.Date, shown int) *Builder {
	return &Builder{asOf: asOf, shown: shown, groups: map[[2]string]*Group{}, people: map[string][]Person{}}
}

// Add adds customers with all their invoices and payments. Invoices of others
// are left out.
func (b *Builder) Add(customers []data.Customer, invoices []data.Invoice, payments []data.Payment) {
	of, paid := map[string][]data.Invoice{}, map[string][]payment{}
	for _, v := range invoices {
		of[v.CustomerID] = append(of[v.CustomerID], v)
	}
	for _, p := range payments {
		paid[p.InvoiceID] = append(paid[p.InvoiceID], payment{data.DateOf(p.PaidAt), p.AmountCents})
	}
	for _, list := range paid {
		slices.SortStableFunc(list, func(a, b payment) int { return cmp.Compare(a.on, b.on) })
	}
	for _, c := range customers {
		f := factsOf(c, of[c.CustomerID], paid, b.asOf)
		if len(f.invoices) == 0 {
			continue
		}
		b.customers++
		b.count(&f)
		b.list(&f)
	}
}

// count adds a customer to his groups.
func (b *Builder) count(f *customerFacts) {
	first := f.invoices[0].IssuedOn
	for _, v := range f.invoices {
		first = min(first, v.IssuedOn)
	}
	t := first.Time()
	vintage := fmt.Sprintf("%d-T%d", t.Year(), (int(t.Month())+2)/3)
	for _, v := range f.invoices {
		for i, name := range []string{f.Segment, v.Product, vintage} {
			b.group(Dimensions[i], name).add(&v, b.asOf)
		}
	}
}

func (b *Builder) group(dimension, name string) *Group {
	if strings.TrimSpace(name) == "" {
		name = "(sem nome)"
	}
	key := [2]string{dimension, name}
	g := b.groups[key]
	if g == nil {
		g = &Group{Dimension: dimension, Name: name, members: map[string]bool{}}
		b.groups[key] = g
	}
	return g
}

// add adds an invoice.
func (g *Group) add(v *invoiceFacts, asOf data.Date) {
	g.members[v.CustomerID] = true
	if !v.due {
		return
	}
	g.Invoices++
	g.BilledCents += v.AmountCents
	g.OverdueCents += v.open
	g.days += v.lateDays
	if v.lateDays <= onTimeDays {
		g.onTime++
	}
	age := int(asOf - v.DueOn)
	if age < seriousDays {
		return
	}
	late := 0
	if v.lateDays >= seriousDays {
		late = 1
	}
	g.seasoned++
	g.serious += late
	switch {
	case age < 120:
		g.now.of, g.now.part = g.now.of+1, g.now.part+late
	case age < 210:
		g.before.of, g.before.part = g.before.of+1, g.before.part+late
	}
}

// leastCompared is how many invoices two periods need to be compared.
const leastCompared = 50

// finish computes the shares.
func (g *Group) finish() {
	g.Customers = len(g.members)
	g.OnTime = share{g.onTime, g.Invoices}.value()
	g.Serious = share{g.serious, g.seasoned}.value()
	g.MeanDays = share{g.days, g.Invoices}.value()
	g.SeriousNow, g.SeriousBefore = g.now.value(), g.before.value()
	if g.now.of < leastCompared || g.before.of < leastCompared {
		return
	}
	both := share{g.now.part + g.before.part, g.now.of + g.before.of}.value()
	se := math.Sqrt(both * (1 - both) * (1/float64(g.now.of) + 1/float64(g.before.of)))
	g.Worse = g.SeriousNow-g.SeriousBefore > 2*se && se > 0
}

// list puts a customer on the lists where he belongs.
func (b *Builder) list(f *customerFacts) {
	put := func(list string, why Why) {
		b.people[list] = append(b.people[list], Person{List: list, CustomerID: f.CustomerID, Segment: f.Segment, Invoices: f.due, YearCents: f.lastYear,
			OpenCents: f.open, OverdueCents: f.overdue, LateDays: f.lateNow, LimitCents: f.CreditLimitCents, Use: f.use(), Why: why})
	}
	if f.good(b.asOf) {
		put(ListGood, WhyGood)
	}
	if why := f.limitReview(b.asOf); why != "" {
		put(ListLimits, why)
	}
	if why := f.alert(); why != "" {
		put(ListAlerts, why)
	}
}

// Report returns what was added. Groups are in the order of [Dimensions], then
// by what was billed, vintages by time; good payers and limits by what was bought
// in a year, alerts by what is overdue.
func (b *Builder) Report() *Report {
	r := &Report{AsOf: b.asOf, Customers: b.customers, Groups: []Group{}, People: []Person{}}
	for _, g := range b.groups {
		g.finish()
		r.Groups = append(r.Groups, *g)
	}
	slices.SortFunc(r.Groups, func(x, y Group) int {
		if d := cmp.Compare(slices.Index(Dimensions, x.Dimension), slices.Index(Dimensions, y.Dimension)); d != 0 {
			return d
		}
		if x.Dimension == Dimensions[2] {
			return cmp.Compare(x.Name, y.Name)
		}
		return cmp.Or(cmp.Compare(y.BilledCents, x.BilledCents), cmp.Compare(x.Name, y.Name))
	})
	for _, list := range Lists {
		people := b.people[list]
		slices.SortFunc(people, func(x, y Person) int {
			if list == ListAlerts {
				return cmp.Or(cmp.Compare(y.OverdueCents, x.OverdueCents), cmp.Compare(x.CustomerID, y.CustomerID))
			}
			return cmp.Or(cmp.Compare(y.YearCents, x.YearCents), cmp.Compare(x.CustomerID, y.CustomerID))
		})
		shown := people[:min(len(people), b.shown)]
		r.Counts = append(r.Counts, ListSize{list, len(people), len(shown)})
		r.People = append(r.People, shown...)
	}
	return r
}
