package web

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"dunning/data"
	"dunning/serve"
	"dunning/serve/ledger"
)

// approveRoom is where plans are looked at and decided on.
func (s *Site) approveRoom() {
	makers, deciders := []serve.Role{serve.Manager}, []serve.Role{serve.Approver}
	s.add(page{pattern: "GET /aprovar", title: "plans.title", group: "group.today", icon: "approve", roles: everybody, do: plansShow})
	s.add(page{pattern: "GET /aprovar/{plan}", title: "plan.title", roles: everybody, do: planShow})
	s.add(page{pattern: "GET /aprovar/{plan}/reserva", title: "plan.title", roles: deciders, do: planReserve})
	s.add(page{pattern: "GET /aprovar/{plan}/situacao", title: "plan.title", roles: everybody, do: planWatch})
	s.add(page{pattern: "POST /aprovar/{plan}/enviar", title: "plan.title", roles: makers, do: planSubmit})
	s.add(page{pattern: "POST /aprovar/{plan}/retirar", title: "plan.title", roles: makers, do: planWithdraw})
	s.add(page{pattern: "POST /aprovar/{plan}/aprovar", title: "plan.title", roles: deciders, do: planApprove})
	s.add(page{pattern: "POST /aprovar/{plan}/rejeitar", title: "plan.title", roles: deciders, do: planReject})
	s.add(page{pattern: "POST /aprovar/{plan}/encerrar", title: "plan.title", roles: []serve.Role{serve.Manager, serve.Approver}, do: planClose})
}

// planPath is the address of a plan's page.
func planPath(id string) string { return "/aprovar/" + url.PathEscape(id) }

// rowsPerPage is how many lines a page of a long table has.
const rowsPerPage = 50

// plansPage lists the plans of the ledger: those that wait, those in force, and
// those that ended, page by page.
type plansPage struct {
	Waiting, InForce, Ended []ledger.Plan
	Pages                   pages
	Proposable              bool // there is a plan of the day that nobody proposed
}

func plansShow(v *visit) error {
	all, err := v.site.Ledger.Plans(v.r.Context())
	if err != nil {
		return err
	}
	var out plansPage
	var ended []ledger.Plan
	latest := v.site.Store.LatestPlan()
	out.Proposable = latest != nil && latest.Len() > 0
	for _, p := range all {
		switch {
		case p.State == ledger.Draft || p.State == ledger.Submitted:
			out.Waiting = append(out.Waiting, p)
		case p.State.InForce():
			out.InForce = append(out.InForce, p)
		default:
			ended = append(ended, p)
		}
		if latest != nil && p.ID == latest.ID {
			out.Proposable = false
		}
	}
	out.Pages = v.pagesOf(int64(len(ended)))
	out.Ended = ended[min(out.Pages.from, len(ended)):min(out.Pages.from+rowsPerPage, len(ended))]
	return v.show("plans", out)
}

// pages says which lines of a long table are shown, and where the others are.
type pages struct {
	from              int // lines before the first shown
	First, Last, All  int64
	Back, Next        string // addresses, "" where there is none
	HasBack, HasOther bool
}

// pagesOf reads the page asked for (parameter pagina, from 1) of n lines.
func (v *visit) pagesOf(n int64) pages {
	number, err := strconv.Atoi(v.r.URL.Query().Get("pagina"))
	if err != nil || number < 1 || int64(number-1)*rowsPerPage >= max(n, 1) {
		number = 1
	}
	address := func(number int) string {
		q := v.r.URL.Query()
		q.Del("feito")
		q.Set("pagina", strconv.Itoa(number))
		return v.r.URL.Path + "?" + q.Encode() + "#lista"
	}
	out := pages{from: (number - 1) * rowsPerPage, All: n}
	out.First, out.Last = min(int64(out.from)+1, n), min(int64(out.from)+rowsPerPage, n)
	if number > 1 {
		out.Back = address(number - 1)
	}
	if out.Last < n {
		out.Next = address(number + 1)
	}
	return out
}

// planPage is one plan of the ledger.
type planPage struct {
	Plan     ledger.Plan
	Mine     bool // the person made it
	Ready    bool // its actions have been read
	Totals   *totals
	Outline  *outline
	Segments []linkedSums
	Channels []linkedSums
	Days     []linkedSums
	Filter   filterView
	Rows     []actionRow
	Found    sums
	Pages    pages
	Approval *ledger.Approval
	Progress []progressLine
	Newer    string // plan_id of the pipeline's plan where that is another, as new or newer; "" for none
	SameData bool   // the other plan is of the same day: this one is a saved simulation, or was made again
	Decide   *decidePage
	Part     string // in words, of a part
}

// linkedSums is a line of a summary that opens its actions.
type linkedSums struct {
	Name    string
	Link    string
	Current bool
	sums
}

// actionRow is one action as people read it.
type actionRow struct {
	ledger.Action
	State string // "" before the approval
	Link  string // the customer's actions
}

// filterView is the choice as the form shows it.
type filterView struct {
	Channel, Segment, Day, Customer, Order string
	Any                                    bool
}

// outlineOf returns a plan's outline, and whether it is there yet.
func (s *Site) outlineOf(plan ledger.Plan) (*outline, bool, error) {
	return s.outlines.get(plan.ID+" "+plan.SHA256, func() (*outline, error) {
		// It outlives the request that asked for it first.
		return newOutline(context.Background(), s.Ledger, plan)
	})
}

func planShow(v *visit) error {
	plan, err := v.site.Ledger.Plan(v.r.Context(), v.r.PathValue("plan"))
	if err != nil {
		return err
	}
	out := planPage{Plan: plan, Mine: plan.Maker == v.login()}
	if latest := v.site.Store.LatestPlan(); latest != nil && latest.AsOf >= plan.AsOf && latest.ID != plan.ID && plan.Parent == "" && !plan.State.Ended() && latest.SHA256 != plan.FileSHA256 {
		out.Newer, out.SameData = latest.ID, latest.AsOf == plan.AsOf
	}
	if err := v.fillApproval(&out); err != nil {
		return err
	}
	out.Outline, out.Ready, err = v.site.outlineOf(plan)
	if err != nil {
		return err
	}
	if out.Ready {
		if err := v.fillActions(&out); err != nil {
			return err
		}
		if plan.State == ledger.Submitted && v.may(serve.Approver) && !out.Mine {
			if out.Decide, err = v.decision(plan, out.Outline); err != nil {
				return err
			}
		}
	}
	return v.show("plan", out)
}

// fillApproval adds who approved a plan and what became of its actions.
func (v *visit) fillApproval(out *planPage) error {
	approval, err := v.site.Ledger.Approval(v.r.Context(), out.Plan.ID)
	if errors.Is(err, ledger.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	out.Approval = &approval
	out.Progress, _, err = v.progress(out.Plan.ID)
	return err
}

// fillActions adds the sums of a plan and one page of the actions chosen.
func (v *visit) fillActions(out *planPage) error {
	o := out.Outline
	out.Totals = &o.totals
	c, filter := v.chosen()
	out.Filter = filter
	all := o.sumsOf(c)
	out.Found, out.Pages = all, v.pagesOf(all.Actions)
	actions, err := o.actions(v.r.Context(), v.site.Ledger, o.page(c, out.Pages.from, rowsPerPage))
	if err != nil {
		return err
	}
	ids := make([]string, len(actions))
	for i := range actions {
		ids[i] = actions[i].ActionID
	}
	states, err := v.site.Ledger.DispatchesOf(v.r.Context(), ids)
	if err != nil {
		return err
	}
	link := func(key, value string) string {
		return planPath(out.Plan.ID) + "?" + url.Values{key: {value}}.Encode() + "#lista"
	}
	for _, a := range actions {
		out.Rows = append(out.Rows, actionRow{a, string(states[a.ActionID].State), link("cliente", a.CustomerID)})
	}
	for i, t := range o.totals.Segments {
		name := o.segments[i]
		out.Segments = append(out.Segments, linkedSums{v.segment(name), link("segmento", segmentWord(name)), filter.Segment == segmentWord(name), t})
	}
	for i, t := range o.totals.Channels {
		if ch := data.Channels[i]; t.Actions > 0 {
			out.Channels = append(out.Channels, linkedSums{v.lang.Channel(ch), link("canal", string(ch)), filter.Channel == string(ch), t})
		}
	}
	for i, t := range o.totals.Days {
		day := o.days[i].String()
		out.Days = append(out.Days, linkedSums{v.lang.Day(o.days[i]), link("dia", day), filter.Day == day, t})
	}
	return nil
}

// noSegment stands in addresses and forms for customers without a segment.
const noSegment = "-"

func segmentWord(s string) string {
	if s == "" {
		return noSegment
	}
	return s
}

// segment names a segment.
func (v *visit) segment(s string) string {
	if s == "" {
		return v.say("plan.no_segment")
	}
	return s
}

// chosen reads the filter of the actions.
func (v *visit) chosen() (choice, filterView) {
	q := v.r.URL.Query()
	f := filterView{Channel: q.Get("canal"), Segment: q.Get("segmento"), Day: q.Get("dia"), Customer: q.Get("cliente"), Order: q.Get("ordem")}
	c := choice{Channel: data.Channel(f.Channel), Customer: f.Customer, ByDay: f.Order == "dia"}
	if f.Segment != "" {
		segment := f.Segment
		if segment == noSegment {
			segment = ""
		}
		c.Segment = &segment
	}
	if day, err := data.ParseDate(f.Day); err == nil {
		c.Day = &day
	} else {
		f.Day = ""
	}
	f.Any = f.Channel != "" || f.Segment != "" || f.Day != "" || f.Customer != ""
	return c, f
}

// planWatch tells a page that is open whether its plan is still as it shows: a
// word of warning where it is not, nothing where it is.
func planWatch(v *visit) error {
	plan, err := v.site.Ledger.Plan(v.r.Context(), v.r.PathValue("plan"))
	if err != nil {
		return err
	}
	if string(plan.State) == v.r.URL.Query().Get("de") {
		v.w.WriteHeader(http.StatusNoContent)
		return nil
	}
	return v.part("plan-moved", plan)
}

// reasonOf reads the reason of a decision; the ledger wants one.
func (v *visit) reasonOf() (string, error) {
	reason := v.r.PostForm.Get("reason")
	if reason == "" || len(reason) > 2000 {
		return "", fail(serve.CodeInvalid)
	}
	return reason, nil
}

func planSubmit(v *visit) error {
	id := v.r.PathValue("plan")
	if _, err := v.site.Ledger.Submit(v.r.Context(), id, v.login()); err != nil {
		return err
	}
	return v.redirect(planPath(id) + "?feito=proposto")
}

// planWithdraw takes a plan back that its maker proposed.
func planWithdraw(v *visit) error {
	id := v.r.PathValue("plan")
	reason, err := v.reasonOf()
	if err != nil {
		return err
	}
	plan, err := v.site.Ledger.Plan(v.r.Context(), id)
	if err != nil {
		return err
	}
	if plan.Maker != v.login() {
		return fail(serve.CodeForbidden)
	}
	if !slices.Contains([]ledger.PlanState{ledger.Draft, ledger.Submitted}, plan.State) {
		return fail(serve.CodeState)
	}
	if _, err := v.site.Ledger.Supersede(v.r.Context(), id, v.login(), reason); err != nil {
		return err
	}
	return v.redirect(planPath(id) + "?feito=retirado")
}

func planReject(v *visit) error {
	id := v.r.PathValue("plan")
	reason, err := v.reasonOf()
	if err != nil {
		return err
	}
	_, err = v.site.Ledger.Reject(v.r.Context(), ledger.RejectRequest{PlanID: id, SHA256: v.r.PostForm.Get("sha256"), Actor: v.login(), Reason: reason})
	if err != nil {
		return err
	}
	return v.redirect(planPath(id) + "?feito=rejeitado")
}

func planClose(v *visit) error {
	id := v.r.PathValue("plan")
	reason, err := v.reasonOf()
	if err != nil {
		return err
	}
	if _, err := v.site.Ledger.ClosePlan(v.r.Context(), id, v.login(), reason); err != nil {
		return err
	}
	return v.redirect(planPath(id) + "?feito=encerrado")
}
