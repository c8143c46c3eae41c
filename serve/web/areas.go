package web

import (
	"context"
	"net/http"
	"slices"
	"sync"

	"dunning/credit/portfolio"
	"dunning/data"
	"dunning/serve"
)

// Addresses of the reports for the two areas.
const (
	creditAreaPath = indicatorsPath + "/credito"
	salesAreaPath  = indicatorsPath + "/vendas"
)

// Behaviours is how the customers of the lake behave.
type Behaviours interface {
	// Behaviour returns the report of the lake as it is now; nil where there is
	// no lake. making tells that it is still being made: the report is then that
	// of the lake before, or nil.
	Behaviour(ctx context.Context) (r *portfolio.Report, making bool, err error)
}

// area is what one area's report has of the whole.
type area struct {
	key        string // of its words
	path       string
	dimensions []string
	lists      []string
}

var areas = []area{
	{"credit", creditAreaPath, []string{"segmento", "produto", "safra"}, []string{portfolio.ListAlerts, portfolio.ListLimits}},
	{"sales", salesAreaPath, []string{"produto", "segmento", "safra"}, []string{portfolio.ListGood}},
}

// areaPage is what the template shows.
type areaPage struct {
	Missing, Making bool
	Tabs            []tab
	Key, Path       string
	Report          *portfolio.Report
	Groups          []Table
	Lists           []areaList
}

// areaList is a list of customers.
type areaList struct {
	ID, Title string
	All       int
	Shown     int
	People    []portfolio.Person
}

// peopleShown is how many customers of a list the page shows; the exports have
// more.
const peopleShown = 50

// areaShow shows the report of an area.
func areaShow(a area) func(*visit) error {
	return func(v *visit) error {
		p := areaPage{Key: a.key, Path: a.path, Tabs: v.indicatorTabs()}
		if v.site.Behaviours == nil {
			p.Missing = true
			return v.show("area", p)
		}
		var err error
		if p.Report, p.Making, err = v.site.Behaviours.Behaviour(v.r.Context()); err != nil {
			return err
		}
		if p.Missing = p.Report == nil && !p.Making; p.Report == nil {
			return v.show("area", p)
		}
		for _, d := range a.dimensions {
			p.Groups = append(p.Groups, v.groupsTable(p.Report, d))
		}
		for i, name := range a.lists {
			list := areaList{ID: a.key + "-" + string(rune('a'+i)), Title: v.say("area.list." + name)}
			for _, n := range p.Report.Counts {
				if n.List == name {
					list.All = n.All
				}
			}
			for _, one := range p.Report.People {
				if one.List == name && len(list.People) < peopleShown {
					list.People = append(list.People, one)
				}
			}
			list.Shown = len(list.People)
			p.Lists = append(p.Lists, list)
		}
		return v.show("area", p)
	}
}

// groupsTable shows the groups of one dimension.
func (v *visit) groupsTable(r *portfolio.Report, dimension string) Table {
	t := Table{Caption: v.say("area.by." + dimension), Align: "lrrrrrrrl", Head: []string{v.say("area.dim." + dimension), v.say("area.customers"), v.say("area.billed"), v.say("area.overdue"),
		v.say("area.on_time"), v.say("area.serious"), v.say("area.days"), v.say("area.now_before"), v.say("area.alert")}}
	for _, g := range r.Groups {
		if g.Dimension != dimension {
			continue
		}
		worse := ""
		if g.Worse {
			worse = v.say("area.worse")
		}
		t.Rows = append(t.Rows, []string{g.Name, v.lang.Int(int64(g.Customers)), v.lang.Money(g.BilledCents), v.lang.Money(g.OverdueCents), v.lang.Percent(g.OnTime), v.lang.Percent(g.Serious),
			v.lang.Decimal(g.MeanDays, 1), v.say("area.from_to", v.lang.Percent(g.SeriousBefore), v.lang.Percent(g.SeriousNow)), worse})
	}
	return t
}

// WhyKey is the key of the words of a reason.
func (areaPage) WhyKey(w portfolio.Why) string {
	return "area.why." + string(rune('a'+max(0, slices.Index(reasons, w))))
}

// reasons are those of the lists, in the order of their words.
var reasons = []portfolio.Why{portfolio.WhyGood, portfolio.WhyGoodAndFull, portfolio.WhyLateWithRoom, portfolio.WhyIdle, portfolio.WhyFirstDelay, portfolio.WhyRising}

// madeReport returns the report for an export of an area.
func (v *visit) madeReport(path string) (*portfolio.Report, error) {
	if v.site.Behaviours == nil {
		return nil, fail(serve.CodeUnavailable)
	}
	r, making, err := v.site.Behaviours.Behaviour(v.r.Context())
	switch {
	case err != nil || r != nil:
		return r, err
	case making:
		return nil, makingError(path)
	}
	return nil, fail(serve.CodeUnavailable)
}

// areaExport exports the whole report in one form; path is the area's page.
func areaExport(path, kind, name string, form func(*portfolio.Report) ([]byte, error)) func(*visit) error {
	return func(v *visit) error {
		r, err := v.madeReport(path)
		if err != nil {
			return err
		}
		body, err := v.site.areaFiles.get(r, name+kind, form)
		if err != nil {
			return err
		}
		return v.attach(kind, name+"-"+r.AsOf.String()+map[bool]string{true: ".csv", false: ".xlsx"}[kind == csvKind], body)
	}
}

// areaFiles are the files of one report: a workbook of thousands of customers
// takes longer to write than a page may take, so each is written once.
type areaFiles struct {
	mu    sync.Mutex
	of    *portfolio.Report
	files map[string][]byte
}

// get returns the file of this name, written by form at the first call.
func (f *areaFiles) get(r *portfolio.Report, name string, form func(*portfolio.Report) ([]byte, error)) ([]byte, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.of != r {
		f.of, f.files = r, map[string][]byte{}
	}
	if body, ok := f.files[name]; ok {
		return body, nil
	}
	body, err := form(r)
	if err == nil {
		f.files[name] = body
	}
	return body, err
}

// Kinds of files.
const (
	csvKind   = "text/csv; charset=utf-8"
	excelKind = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
)

// areaPages adds the pages of both areas.
func (s *Site) areaPages() {
	for _, a := range areas {
		s.add(page{pattern: http.MethodGet + " " + a.path, title: "area." + a.key, roles: everybody, do: areaShow(a)})
		for _, e := range []struct {
			file, kind, name string
			form             func(*portfolio.Report) ([]byte, error)
		}{
			{"planilha.xlsx", excelKind, "clientes", (*portfolio.Report).Excel},
			{"grupos.csv", csvKind, "grupos", func(r *portfolio.Report) ([]byte, error) { return r.GroupsCSV(), nil }},
			{"clientes.csv", csvKind, "clientes", func(r *portfolio.Report) ([]byte, error) { return r.PeopleCSV(), nil }},
		} {
			s.add(page{pattern: http.MethodGet + " " + a.path + "/" + e.file, title: "area." + a.key, roles: everybody, do: areaExport(a.path, e.kind, e.name, e.form)})
		}
	}
}

// MoneyOf writes an amount that need not be there.
func (areaPage) MoneyOf(l Language, c data.Cents) string {
	if c == 0 {
		return "–"
	}
	return l.Money(c)
}
