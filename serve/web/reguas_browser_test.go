package web

import (
	"net/url"
	"strconv"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"

	"dunning/policy/regua"
	"dunning/serve/web/webtest"
)

// tried has a régua of the shelf tried by a person, and returns the editor's page
// with what was found.
func (d *desk) tried(v *visitor) string {
	d.t.Helper()
	a := v.post("/reguas", "/reguas/ensaio", url.Values{"regua": {"b2c-padrao"}, "versao": {"2"}})
	until(d.t, "the trial", func() bool { return strings.Contains(v.get(a.path).body, "Clientes captados") })
	return "/reguas/editor?ensaio=" + a.path[strings.LastIndex(a.path, "/")+1:]
}

// box is where an element is, in pixels of the window.
type box struct{ X, Y, Width, Height float64 }

func (b *browser) box(selector string) box {
	b.t.Helper()
	return webtest.Read(b.Browser, chromedp.Evaluate[box](`(() => { const e = document.querySelector(`+strconv.Quote(selector)+`); e.scrollIntoView({block: "center", inline: "center"}); const r = e.getBoundingClientRect(); return {X: r.x, Y: r.y, Width: r.width, Height: r.height}; })()`))
}

// drag pulls an element by a way, by mouse.
func (b *browser) drag(selector string, x, y float64) {
	b.t.Helper()
	at := b.box(selector)
	fromX, fromY := at.X+at.Width/2, at.Y+at.Height/2
	mouse := func(kind input.DispatchMouseEventType, x, y float64, buttons int64) chromedp.Action[chromedp.Void] {
		p := input.DispatchMouseEventParams{Type: kind, X: x, Y: y, Buttons: buttons, ClickCount: 1}
		if kind != input.DispatchMouseEventTypeMouseMoved {
			p.Button = input.MouseButtonLeft
		}
		return webtest.Send(input.DispatchMouseEvent, p)
	}
	b.Run(mouse(input.DispatchMouseEventTypeMouseMoved, fromX, fromY, 0), mouse(input.DispatchMouseEventTypeMousePressed, fromX, fromY, 1),
		mouse(input.DispatchMouseEventTypeMouseMoved, fromX+x/2, fromY+y/2, 1), mouse(input.DispatchMouseEventTypeMouseMoved, fromX+x, fromY+y, 1),
		mouse(input.DispatchMouseEventTypeMouseReleased, fromX+x, fromY+y, 0))
}

// pull drags an element by a finger.
func (b *browser) pull(selector string, x, y float64) {
	b.t.Helper()
	at := b.box(selector)
	touch := func(kind input.DispatchTouchEventType, points ...*input.TouchPoint) chromedp.Action[chromedp.Void] {
		return webtest.Send(input.DispatchTouchEvent, input.DispatchTouchEventParams{Type: kind, TouchPoints: append([]*input.TouchPoint{}, points...)})
	}
	point := func(share float64) *input.TouchPoint {
		return &input.TouchPoint{X: at.X + at.Width/2 + share*x, Y: at.Y + at.Height/2 + share*y}
	}
	b.Run(touch(input.DispatchTouchEventTypeTouchStart, point(0)), touch(input.DispatchTouchEventTypeTouchMove, point(0.5)),
		touch(input.DispatchTouchEventTypeTouchMove, point(1)), touch(input.DispatchTouchEventTypeTouchEnd))
}

// value is what a field holds.
func (b *browser) value(id string) string {
	b.t.Helper()
	return webtest.Read(b.Browser, chromedp.Evaluate[string](`document.getElementById(`+strconv.Quote(id)+`).value`))
}

// keys sends keys to what has the focus.
func (b *browser) keys(keys ...string) {
	b.t.Helper()
	for _, k := range keys {
		for _, kind := range []input.DispatchKeyEventType{input.DispatchKeyEventTypeRawKeyDown, input.DispatchKeyEventTypeKeyUp} {
			b.Run(webtest.Send(input.DispatchKeyEvent, input.DispatchKeyEventParams{Type: kind, Key: k, Code: k}))
		}
	}
}

// TestReguaJourney: in Chromium somebody makes a régua by dragging its steps, sees
// its figures, and saves it; he cannot publish it, somebody else does.
func TestReguaJourney(t *testing.T) {
	chromium := webtest.NewChromium(t)
	d := withReguas(t, start(t, &demo{t: t, dir: t.TempDir()}, steady))
	ana := newBrowser(t, chromium, d.url)
	ana.enter(manager)
	ana.Open("/reguas")
	ana.Accessible("réguas, none")
	ana.Open("/reguas/nova")
	ana.Accessible("régua, where to begin")
	ana.Click("a[href='/reguas/editor?modelo=b2c-padrao']")
	ana.Run(chromedp.WaitVisible(chromedp.CSS("[data-of='1'] button[role=slider]")))
	ana.Accessible("the editor")

	// D+1 by mouse to D+8: seven days of the axis, 67 days long.
	axis := ana.box("[data-timeline] .axis")
	ana.drag("[data-of='1'] button", 7*axis.Width/67, 0)
	if got := ana.value("p1.dias"); got != "8" {
		t.Errorf("dragged to %s, not 8", got)
	}
	ana.Run(chromedp.Evaluate[chromedp.Void](`document.querySelector("[data-of='1'] button").focus(); undefined`))
	ana.keys("ArrowRight", "ArrowRight", "ArrowLeft", "PageUp")
	if got := ana.value("p1.dias"); got != "16" {
		t.Errorf("moved by keys to %s, not 16", got)
	}
	if got := webtest.Read(ana.Browser, chromedp.Evaluate[string](`document.activeElement.getAttribute("aria-valuetext")`)); !strings.HasPrefix(got, "D+16, SMS") {
		t.Errorf("the focus is on %q", got)
	}
	ana.keys("End")
	ana.keys("Home")
	if got := ana.value("p1.dias"); got != "-7" {
		t.Errorf("the first day is %s", got)
	}

	// Completion and faults in the audience.
	ana.Run(chromedp.Evaluate[chromedp.Void](`document.getElementById("publico").value = ""; undefined`))
	ana.Write("#publico", `kind == "PF" && days_p`)
	ana.Run(chromedp.WaitVisible(chromedp.CSS("#sugestoes [aria-selected=true]")))
	ana.Accessible("the editor with suggestions")
	ana.keys("Enter")
	if got := ana.value("publico"); got != `kind == "PF" && days_past_due` {
		t.Errorf("completed to %q", got)
	}
	ana.Until("the fault of a condition", func() bool {
		return strings.Contains(ana.Text("#e-publico"), "coluna 17: aqui se espera bool, e não int")
	})
	ana.Write("#publico", " > 2")
	ana.Until("the condition to be good", func() bool { return ana.Text("#e-publico") == "" })

	ana.Run(chromedp.Click(chromedp.CSS("button[value=mais]")), chromedp.WaitVisible(chromedp.CSS("[data-of='8'] button")))
	if got := ana.value("p1.dias"); got != "-7" {
		t.Errorf("another step changed the first to %s", got)
	}
	ana.Run(chromedp.Click(chromedp.CSS("button[formaction='/reguas/ensaio']")), chromedp.WaitVisible(chromedp.CSS("#ensaio [data-tried]")))
	if got := ana.Text("#ensaio"); !strings.Contains(got, "812") || !strings.Contains(got, "Deixa de recuperar") {
		t.Errorf("the trial says %q", got)
	}
	ana.Run(chromedp.WaitVisible(chromedp.CSS("#trial-days canvas")))
	ana.Accessible("the editor with figures")
	ana.drag("[data-of='8'] button", -3*axis.Width/67, 0)
	ana.Until("the figures to be old", func() bool { return strings.Contains(ana.Text("#velho"), "mudou depois deste ensaio") })
	ana.Click(".head-actions button:not([name])")
	if got := ana.Text(".banner.good"); !strings.Contains(got, "Rascunho salvo") {
		t.Fatalf("after saving at %s: %q", ana.Path(), got)
	}
	ana.Accessible("a draft, of its author")
	if got := ana.Text("main"); !strings.Contains(got, "Quem escreveu não publica") || strings.Contains(got, "Entra em vigor a partir") {
		t.Error("the author may publish")
	}
	_, made, _, err := d.store.Load("b2c-padrao", 1)
	d.demo.must(err)
	if first := made.Steps[0]; first.ID != "d1" || first.Offset != -7 || made.Audience.Text != `kind == "PF" && days_past_due > 2` || len(made.Steps) != 9 {
		t.Errorf("saved %+v", made)
	}

	bruno := newBrowser(t, chromium, d.url)
	bruno.enter(approver)
	bruno.Open("/reguas/ver/b2c-padrao")
	bruno.Accessible("a draft, of somebody else")
	bruno.Click("form[action$='/publicar'] button")
	if got := bruno.Text(".banner.good"); !strings.Contains(got, "Régua publicada") {
		t.Errorf("after publishing: %q", got)
	}
	if v, _, _, err := d.store.Load("b2c-padrao", 1); err != nil || v.Status != regua.Published || v.Publisher != approver {
		t.Errorf("%+v, %v", v, err)
	}
	for _, b := range []*browser{ana, bruno} {
		b.Clean()
	}
}

// TestReguasOnAPhone: the axis stands upright and a finger drags along it.
func TestReguasOnAPhone(t *testing.T) {
	chromium := webtest.NewChromium(t)
	d := withReguas(t, start(t, &demo{t: t, dir: t.TempDir()}, steady))
	d.shelf()
	b := newBrowser(t, chromium, d.url)
	b.enter(manager)
	b.Run(webtest.Size(390, 844), webtest.Send(emulation.SetTouchEmulationEnabled, emulation.SetTouchEmulationEnabledParams{Enabled: true}))
	b.Open("/reguas/editor?modelo=b2c-padrao")
	b.Run(chromedp.WaitVisible(chromedp.CSS("[data-of='1'] button[role=slider]")))
	axis := b.box("[data-timeline] .axis")
	b.pull("[data-of='1'] button", 0, 10*axis.Height/67)
	if got := b.value("p1.dias"); got != "11" {
		t.Errorf("pulled to %s, not 11", got)
	}
	b.Clean()
}

// TestAnEditorThatLostItsServer keeps what was written and says so.
func TestAnEditorThatLostItsServer(t *testing.T) {
	chromium := webtest.NewChromium(t)
	d := withReguas(t, start(t, &demo{t: t, dir: t.TempDir()}, steady))
	b := newBrowser(t, chromium, d.url)
	b.enter(manager)
	b.Open("/reguas/editor?modelo=b2b")
	b.ExpectFaults(func() {
		d.stop()
		b.Write("#titulo", " nova")
		b.Run(chromedp.WaitVisible(chromedp.CSS("#lost")))
	})
	if got := b.value("titulo"); !strings.Contains(got, "nova") {
		t.Errorf("the field holds %q", got)
	}
	b.Clean()
}
