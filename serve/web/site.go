package web

import (
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"

	"dunning/data"
	"dunning/serve"
	"dunning/serve/accounts"
	"dunning/serve/ledger"
)

// Config holds the settings of a [Site]; its zero value is usable.
type Config struct {
	// Secure tells that browsers come by TLS, here or at a proxy before us:
	// cookies are then sent by TLS only.
	Secure bool
	// Now is the clock; nil means time.Now.
	Now func() time.Time
	// Log is where errors go; nil means slog.Default.
	Log *slog.Logger
	// OIDC lets people come in with an account that they have elsewhere; nil: only
	// by password.
	OIDC *OIDC
}

// Parts are where the pages get what they show. People, Store and Ledger are
// needed; what else is nil is said to be missing, on the page that wants it.
type Parts struct {
	People *accounts.Store
	Store  serve.Store
	Ledger *ledger.Store
	// Figures are the pipeline's documents; nil shows no plan on the first page.
	Figures Figures
	// Reguas are the company's own réguas; nil where none are kept.
	Reguas Reguas
	Analysis
}

// Site answers for all pages. It is safe for concurrent use.
type Site struct {
	Parts
	config  Config
	cross   *http.CrossOriginProtection
	mux     *http.ServeMux
	book    book
	assets  *assets
	layouts map[Language]*templates
	pages   []page // all, in the order of the menu

	compared prepared[serve.PlanChange] // plans with those of the day before
	outlines prepared[*outline]         // of the plans of the ledger
	tallies  tallies                    // how far approved plans are
	drafts   drafts                     // plans that people have had made
	trials   trials                     // réguas that people try
	segments segmentTotals              // of the portfolio

	areaFiles areaFiles // of the report of customers' behaviour

	identities *identities // nil without OIDC
}

// page is one address. See the package comment for how a room adds one.
type page struct {
	pattern string       // of http.ServeMux, with its method
	title   string       // key of the title's words
	group   string       // key of the menu's group; "" is not in the menu
	icon    string       // name of the menu's icon
	roles   []serve.Role // who may come; administrators always may
	public  bool         // for everybody, signed in or not; then roles is empty
	do      func(*visit) error
}

// rooms add their pages, in the order of the menu.
var rooms = []func(*Site){
	(*Site).doorRoom,
	(*Site).oidcRoom,
	(*Site).todayRoom,
	(*Site).approveRoom,
	(*Site).reguasRoom,
	(*Site).budgetRoom,
	(*Site).indicatorsRoom,
	(*Site).customersRoom,
	(*Site).modelsRoom,
	(*Site).walletRoom,
	(*Site).peopleRoom,
}

// New makes the pages. It takes no ownership of parts.
func New(config Config, parts Parts) (*Site, error) {
	if parts.People == nil || parts.Store == nil || parts.Ledger == nil {
		return nil, fmt.Errorf("web: %w: people, store and ledger are needed", data.ErrUsage)
	}
	if config.OIDC != nil {
		if err := config.OIDC.Validate(); err != nil {
			return nil, err
		}
	}
	if config.Now == nil {
		config.Now = time.Now
	}
	if config.Log == nil {
		config.Log = slog.Default()
	}
	s := &Site{Parts: parts, config: config, cross: http.NewCrossOriginProtection(), mux: http.NewServeMux(), layouts: map[Language]*templates{}}
	var err error
	if s.book, err = newBook(); err != nil {
		return nil, err
	}
	if s.assets, err = loadAssets(); err != nil {
		return nil, err
	}
	for _, l := range []Language{Portuguese, English} {
		if s.layouts[l], err = s.parse(l); err != nil {
			return nil, err
		}
	}
	for _, room := range rooms {
		room(s)
	}
	s.mux.HandleFunc("GET /static/", func(w http.ResponseWriter, r *http.Request) {
		s.secure(w.Header())
		if !s.assets.serve(w, r) {
			http.NotFound(w, r)
		}
	})
	s.add(page{pattern: "GET /{$}", title: "today.title", public: true, do: func(v *visit) error { return v.redirect(home) }})
	s.add(page{pattern: "/", title: "error.title", public: true, do: func(*visit) error { return fail(serve.CodeNotFound) }})
	return s, nil
}

// home is where people land.
const home = "/hoje"

// add registers a page. It panics for one that names nobody, as the API does:
// that is a fault of this program, found by its first start.
func (s *Site) add(p page) {
	if p.public == (len(p.roles) > 0) {
		panic("web: page " + p.pattern + " must either be public or name its roles")
	}
	s.mux.HandleFunc(p.pattern, func(w http.ResponseWriter, r *http.Request) { s.answer(&p, w, r) })
	s.pages = append(s.pages, p)
}

// ServeHTTP answers a request.
func (s *Site) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.mux.ServeHTTP(w, r) }

// contentPolicy lets nothing be loaded from elsewhere and no code or style stand in a
// page itself.
const contentPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

func (s *Site) secure(h http.Header) {
	h.Set("Content-Security-Policy", contentPolicy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Referrer-Policy", "same-origin")
	h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Cache-Control", "no-store")
	if s.config.Secure {
		h.Set("Strict-Transport-Security", "max-age=31536000")
	}
}

// maxForm bounds the body of a form, in bytes.
const maxForm = 1 << 20

// answer is the way of every request to a page: who asks, may he, is the form
// ours; then the page.
func (s *Site) answer(p *page, w http.ResponseWriter, r *http.Request) {
	s.secure(w.Header())
	v := s.newVisit(p, w, r)
	defer func() {
		if fault := recover(); fault == http.ErrAbortHandler {
			panic(fault)
		} else if fault != nil {
			v.failed(fmt.Errorf("web: panic: %v", fault))
		}
	}()
	if err := v.resume(); err != nil {
		v.failed(err)
		return
	}
	if !p.public && !v.signedIn() {
		v.toDoor()
		return
	}
	if !p.public && !v.session.Person.Has(p.roles...) {
		v.failed(fail(serve.CodeForbidden))
		return
	}
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		if err := v.checkForm(); err != nil {
			v.failed(err)
			return
		}
	}
	if err := p.do(v); err != nil {
		v.failed(err)
	}
}

// menuItem is one line of the menu as a person sees it.
type menuItem struct {
	Path, Title, Icon string
	Current           bool
}

// menuGroup is a headed part of the menu.
type menuGroup struct {
	Title string
	Items []menuItem
}

// menuOf lists the pages that the person may open.
func (s *Site) menuOf(v *visit) []menuGroup {
	if !v.signedIn() {
		return nil
	}
	var groups []menuGroup
	for _, p := range s.pages {
		if p.group == "" || !v.session.Person.Has(p.roles...) {
			continue
		}
		_, path, _ := strings.Cut(p.pattern, " ")
		title := v.say(p.group)
		i := slices.IndexFunc(groups, func(g menuGroup) bool { return g.Title == title })
		if i < 0 {
			i = len(groups)
			groups = append(groups, menuGroup{Title: title})
		}
		current := v.r.URL.Path == path || strings.HasPrefix(v.r.URL.Path, path+"/")
		groups[i].Items = append(groups[i].Items, menuItem{Path: path, Title: v.say(p.title), Icon: p.icon, Current: current})
	}
	return groups
}
