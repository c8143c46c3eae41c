// Package web is the finance manager's page: what dunning serve answers at
// every path that is not the API's. It shows what packages serve, ledger and
// accounts hold, and brings a person's decisions to the ledger; it computes no
// figure of its own.
//
// The governing invariants:
//
//   - Everything comes from this program: no request to another host, no code
//     and no style within a page (the policy of [Site] forbids both).
//   - Every page works by links and forms; htmx only saves reloading, ECharts
//     only draws what a table says too.
//   - Deny by default: a page names its roles or is public, or the program does
//     not start.
//   - No page reads or sorts all actions of a plan: what all of them say is
//     computed once per plan.
//
// # How a room adds pages
//
// A room is one entry of the menu with its pages: files name.go,
// name_test.go and templates/name.html. It is a method of Site in the list
// rooms (site.go), in the order of the menu:
//
//	func (s *Site) budgetRoom() {
//		s.add(page{pattern: "GET /orcamento", title: "budget.title", group: "group.analyse", icon: "budget",
//			roles: []serve.Role{serve.Manager}, do: budgetShow})
//		s.add(page{pattern: "POST /orcamento/curva", title: "budget.title", roles: …, do: budgetCurve})
//	}
//
// pattern is that of http.ServeMux with its method ({id} is v.r.PathValue("id")).
// group is one of group.today, group.analyse, group.admin, and "" keeps a page
// out of the menu; icon is a symbol of static/icons.svg. Administrators may do
// everything; everybody lists all who read. What a room needs from elsewhere is
// a field of [Parts], an interface that cmd/dunning fills: nil means that it is
// missing, and the page says so by the template "empty".
//
// # How a handler answers
//
// A handler is func(*visit) error and ends with one of
//
//	return v.show("budget", budgetPage{…})       // the template within the frame
//	return v.part("budget-curve", budgetPage{…}) // the template alone, for htmx
//	return v.redirect("/aprovar?feito=rascunho") // after a write; shows the words "done.rascunho" once
//	return fail(serve.CodeNotFound)              // or any error of serve, ledger and data
//
// show answers a request of htmx with the template alone, too: so one address
// can serve both. v.partial() tells which it is, v.lang, v.say(key, args…),
// v.may(role…), v.login() (what the ledger knows the person by) and v.now() are
// there. Errors become a page with words by their code (error.<code> in
// words.go) and their HTTP status; what a client may not see is logged. The
// rendering is in memory: a fault never leaves half a page.
//
// # How a template is written
//
// Each file defines templates by name ({{define "budget"}}…{{end}}); the dot is
// a frame: .Data is what the handler gave, .CSRF, .Person, .May "manager",
// .Lang, .Path the rest. Within {{with .Data}} the frame is $. Functions, all in
// the language of the visitor:
//
//	{{t "budget.title"}} {{t "page.of" 1 50 200}}   words
//	{{money .Cents}} {{brief .Cents}}               R$ 1.234,56 · R$ 1,2 mil   (data.Cents)
//	{{int .N}} {{dec .F 2}} {{pct .Share}}          1.234 · 0,25 · 12,3%
//	{{date .Day}} {{day .Day}} {{instant .At}}      05/01/2026 · seg 05/01 · 05/01/2026 14:03
//	{{channel .C}} {{role .R}} {{asset "x.svg"}}
//
// In Go the same are methods of [Language]. Words stand in a map of type words
// beside the handlers and in the list vocabulary; keys begin with the room's
// name. A page begins with <div class="pagehead"> and its one h1; the classes
// are those of static/app.css (card, cols with half, third, two; facts; tag;
// banner; table in a div.scroll; filter; field; actions). No style attribute, no
// on… attribute, no <script> with code: the policy blocks them.
//
// # Forms
//
// Every form that changes something is a POST with {{template "csrf" $.CSRF}}
// (htmx sends it with the form's fields; a request without a form sends the
// header X-CSRF-Token). The token is checked before the handler, as is that the
// request comes from our own pages, and that the body is 1 MiB at most. The
// fields are in v.r.PostForm. A button that changes much says before what it
// will do; what it did is said after, by ?feito=….
//
// # htmx
//
// Attributes hx-get, hx-post, hx-target, hx-swap, hx-trigger (version 4: nothing
// is inherited unless hx-target:inherited is written). A 4xx or 5xx answer is
// put in the target like any other: it is the template "problem". Where the
// server does not answer, app.js shows the banner. A form with data-auto sends
// itself when a choice changes. Elements with class when-busy are shown while
// their hx-indicator is at work.
//
// # Charts
//
//	{{template "chart" .Curve}}
//
// where Curve is a [Chart]: the option of ECharts as maps and slices, a sentence
// that says what the picture shows, and the table of its figures. Colours are
// "$accent", "$series-1" (the tokens of the stylesheet), formatters "money",
// "brief", "int", "pct" or "dec". Channels have the series of their place in
// data.Channels. charts.js draws again when the theme changes; tooltips are
// drawn on the canvas, since those of HTML need styles within the page.
package web
