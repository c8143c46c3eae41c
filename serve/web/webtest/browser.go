// Package webtest drives Chromium through the pages for people in tests: a browser for
// each person, which collects what must not happen (errors of the console, requests
// to other hosts) and looks for faults of accessibility with axe-core.
package webtest

import (
	"context"
	_ "embed" // axe-core
	"encoding/json"
	"fmt"
	"net/url"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	cdppage "github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// Browser is Chromium on one profile: one person at one machine.
type Browser struct {
	t    testing.TB
	ctx  context.Context
	home string // address of the server

	mu     sync.Mutex
	faults []string // of the console, and of requests to elsewhere
	quiet  bool     // faults are expected
}

// NewChromium starts the program once for all tests of the package.
func NewChromium(t testing.TB) context.Context {
	t.Helper()
	program := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if p, err := exec.LookPath(name); err == nil {
			program = p
			break
		}
	}
	if program == "" {
		t.Skip("chromium is not installed: scripts/install-packages.sh test")
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(program), chromedp.NoSandbox,
		chromedp.Flag("disable-dev-shm-usage", true), chromedp.Flag("lang", "pt-BR"), chromedp.Flag("hide-scrollbars", true))
	ctx, cancel := chromedp.NewExecAllocator(context.Background(), options...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("chromium does not start: %v", err)
	}
	return ctx
}

// NewBrowser opens a window with its own cookies.
func NewBrowser(t testing.TB, chromium context.Context, home string) *Browser {
	t.Helper()
	ctx, cancel := chromedp.NewContext(chromium, chromedp.WithNewBrowserContext())
	t.Cleanup(cancel)
	b := &Browser{t: t, ctx: ctx, home: home}
	if err := chromedp.Do(ctx); err != nil {
		t.Fatal(err)
	}
	if err := chromedp.Listen(ctx, b.listen); err != nil {
		t.Fatal(err)
	}
	b.Run(Send(network.Enable, network.EnableParams{}), Send(log.Enable, cdp.Empty{}), Send(runtime.Enable, cdp.Empty{}), Size(1280, 900))
	return b
}

// listen collects what must not happen.
func (b *Browser) listen(event any) {
	fault := ""
	switch e := event.(type) {
	case *network.EventRequestWillBeSent:
		if !strings.HasPrefix(e.Request.URL, b.home+"/") && !strings.HasPrefix(e.Request.URL, "about:") {
			fault = "a request to elsewhere: " + e.Request.URL
		}
	case *runtime.EventExceptionThrown:
		fault = "an exception: " + e.ExceptionDetails.Text
	case *runtime.EventConsoleAPICalled:
		if e.Type == runtime.ConsoleAPICalledTypeError || e.Type == runtime.ConsoleAPICalledTypeWarning {
			fault = fmt.Sprintf("console %s: %s", e.Type, e.Args[0].Value)
		}
	case *log.EventEntryAdded:
		if e.Entry.Level == log.EntryLevelError || e.Entry.Level == log.EntryLevelWarning {
			fault = fmt.Sprintf("log %s: %s %s", e.Entry.Level, e.Entry.Text, e.Entry.URL)
		}
	}
	if fault != "" {
		b.mu.Lock()
		defer b.mu.Unlock()
		if !b.quiet {
			b.faults = append(b.faults, fault)
		}
	}
}

// ExpectFaults ignores what the console says while f runs.
func (b *Browser) ExpectFaults(f func()) {
	set := func(on bool) { b.mu.Lock(); b.quiet = on; b.mu.Unlock() }
	set(true)
	f()
	set(false)
}

// Clean fails for anything that must not have happened.
func (b *Browser) Clean() {
	b.t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, f := range b.faults {
		b.t.Error(f)
	}
	b.faults = nil
}

// Patient is how long one step may take: machines of tests are busy.
const Patient = time.Minute

func (b *Browser) Run(steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, Patient)
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		b.t.Fatal(err)
	}
}

// Read runs a step that returns something.
func Read[T any](b *Browser, a chromedp.Action[T]) T {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, Patient)
	defer cancel()
	v, err := chromedp.Run(ctx, a)
	if err != nil {
		b.t.Fatal(err)
	}
	return v
}

// Send is a command of the protocol whose answer does not matter.
func Send[P, R any](c cdp.Command[P, R], params P) chromedp.Action[chromedp.Void] {
	return chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, c, params)
		return err
	})
}

func Size(width, height int64) chromedp.Action[chromedp.Void] {
	return Send(emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{Width: width, Height: height, DeviceScaleFactor: 1, Mobile: width < 500})
}

func Scheme(name string) chromedp.Action[chromedp.Void] {
	return Send(emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
		{Name: "prefers-color-scheme", Value: name}, {Name: "prefers-reduced-motion", Value: "reduce"}}})
}

// Open goes to a page.
func (b *Browser) Open(path string) {
	b.t.Helper()
	b.Run(chromedp.Navigate(b.home + path))
}

// Write types into an empty field.
func (b *Browser) Write(selector, text string) {
	b.t.Helper()
	b.Run(chromedp.SendKeys(chromedp.CSS(selector), text))
}

// Click presses a button or link and waits for the page after it.
func (b *Browser) Click(selector string) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, Patient)
	defer cancel()
	if _, err := chromedp.RunResponse(ctx, chromedp.Click(chromedp.CSS(selector))); err != nil {
		b.t.Fatalf("click %s: %v", selector, err)
	}
}

// Path is where the browser is.
func (b *Browser) Path() string {
	b.t.Helper()
	u, err := url.Parse(Read(b, chromedp.Location()))
	if err != nil {
		b.t.Fatal(err)
	}
	return u.Path
}

// Text is what a person reads of an element, "" where there is none. It asks
// the page itself: an element that is being replaced has no fixed name.
func (b *Browser) Text(selector string) string {
	b.t.Helper()
	quoted, err := json.Marshal(selector)
	if err != nil {
		b.t.Fatal(err)
	}
	return strings.ReplaceAll(Read(b, chromedp.Evaluate[string](`(document.querySelector(`+string(quoted)+`) || {innerText: ""}).innerText`)), "\u00a0", " ")
}

// axe is the accessibility checker, axe-core, with its licence beside it.
//
//go:embed axe.min.js
var axe string

// Accessible fails for serious faults that axe-core finds on the page.
func (b *Browser) Accessible(name string) {
	b.t.Helper()
	b.Run(chromedp.Evaluate[chromedp.Void](axe))
	found := Read(b, chromedp.Evaluate[string](`axe.run({resultTypes: ["violations"]}).then(r => JSON.stringify(r.violations.filter(v => v.impact === "serious" || v.impact === "critical").map(v => ({id: v.id, help: v.help, nodes: v.nodes.slice(0, 3).map(n => n.html + " " + n.failureSummary)}))))`, chromedp.EvalAwaitPromise))
	var faults []struct {
		ID, Help string
		Nodes    []string
	}
	if err := json.Unmarshal([]byte(found), &faults); err != nil {
		b.t.Fatal(err)
	}
	for _, f := range faults {
		b.t.Errorf("%s: %s: %s\n%s", name, f.ID, f.Help, strings.Join(f.Nodes, "\n"))
	}
}

// Photograph returns a PNG of the whole page, down to 1800 pixels.
func (b *Browser) Photograph() []byte {
	b.t.Helper()
	time.Sleep(400 * time.Millisecond) // the charts' drawing
	return Read(b, func(ctx context.Context, t *chromedp.Target) ([]byte, error) {
		metrics, err := cdp.Call(ctx, t, cdppage.GetLayoutMetrics, cdp.Empty{})
		if err != nil {
			return nil, err
		}
		beyond := true
		shot, err := cdp.Call(ctx, t, cdppage.CaptureScreenshot, cdppage.CaptureScreenshotParams{CaptureBeyondViewport: &beyond,
			Clip: &cdppage.Viewport{Width: metrics.CSSContentSize.Width, Height: min(metrics.CSSContentSize.Height, 1800), Scale: 1}})
		return shot.Data, err
	})
}

// Until waits for something that a page does by itself.
func (b *Browser) Until(what string, done func() bool) {
	b.t.Helper()
	for end := time.Now().Add(Patient); !done(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			b.t.Fatalf("waited for %s", what)
		}
	}
}
