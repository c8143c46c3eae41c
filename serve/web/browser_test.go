package web

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
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

// screenshots is the folder that the pages are photographed into.
var screenshots = flag.String("screenshots", "", "write PNGs of all pages into this folder")

// browser is Chromium on one profile: one person at one machine.
type browser struct {
	t    testing.TB
	ctx  context.Context
	home string // address of the server

	mu     sync.Mutex
	faults []string // of the console, and of requests to elsewhere
	quiet  bool     // faults are expected
}

// newChromium starts the program once for all tests of the package.
func newChromium(t testing.TB) context.Context {
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

// newBrowser opens a window with its own cookies.
func newBrowser(t testing.TB, chromium context.Context, home string) *browser {
	t.Helper()
	ctx, cancel := chromedp.NewContext(chromium, chromedp.WithNewBrowserContext())
	t.Cleanup(cancel)
	b := &browser{t: t, ctx: ctx, home: home}
	if err := chromedp.Do(ctx); err != nil {
		t.Fatal(err)
	}
	if err := chromedp.Listen(ctx, b.listen); err != nil {
		t.Fatal(err)
	}
	b.run(send(network.Enable, network.EnableParams{}), send(log.Enable, cdp.Empty{}), send(runtime.Enable, cdp.Empty{}), size(1280, 900))
	return b
}

// listen collects what must not happen.
func (b *browser) listen(event any) {
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

// expectFaults ignores what the console says while f runs.
func (b *browser) expectFaults(f func()) {
	set := func(on bool) { b.mu.Lock(); b.quiet = on; b.mu.Unlock() }
	set(true)
	f()
	set(false)
}

// clean fails for anything that must not have happened.
func (b *browser) clean() {
	b.t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, f := range b.faults {
		b.t.Error(f)
	}
	b.faults = nil
}

// patient is how long one step may take: machines of tests are busy.
const patient = time.Minute

func (b *browser) run(steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patient)
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		b.t.Fatal(err)
	}
}

// read runs a step that returns something.
func read[T any](b *browser, a chromedp.Action[T]) T {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patient)
	defer cancel()
	v, err := chromedp.Run(ctx, a)
	if err != nil {
		b.t.Fatal(err)
	}
	return v
}

// send is a command of the protocol whose answer does not matter.
func send[P, R any](c cdp.Command[P, R], params P) chromedp.Action[chromedp.Void] {
	return chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, c, params)
		return err
	})
}

func size(width, height int64) chromedp.Action[chromedp.Void] {
	return send(emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{Width: width, Height: height, DeviceScaleFactor: 1, Mobile: width < 500})
}

func scheme(name string) chromedp.Action[chromedp.Void] {
	return send(emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
		{Name: "prefers-color-scheme", Value: name}, {Name: "prefers-reduced-motion", Value: "reduce"}}})
}

// open goes to a page.
func (b *browser) open(path string) {
	b.t.Helper()
	b.run(chromedp.Navigate(b.home + path))
}

// enter signs a person in.
func (b *browser) enter(login string) {
	b.t.Helper()
	b.open(doorPath)
	b.write("#login", login)
	b.write("#password", password)
	b.click("main form button")
}

// write types into an empty field.
func (b *browser) write(selector, text string) {
	b.t.Helper()
	b.run(chromedp.SendKeys(chromedp.CSS(selector), text))
}

// click presses a button or link and waits for the page after it.
func (b *browser) click(selector string) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patient)
	defer cancel()
	if _, err := chromedp.RunResponse(ctx, chromedp.Click(chromedp.CSS(selector))); err != nil {
		b.t.Fatalf("click %s: %v", selector, err)
	}
}

// path is where the browser is.
func (b *browser) path() string {
	b.t.Helper()
	u, err := url.Parse(read(b, chromedp.Location()))
	if err != nil {
		b.t.Fatal(err)
	}
	return u.Path
}

// text is what a person reads of an element, "" where there is none. It asks
// the page itself: an element that is being replaced has no fixed name.
func (b *browser) text(selector string) string {
	b.t.Helper()
	quoted, err := json.Marshal(selector)
	if err != nil {
		b.t.Fatal(err)
	}
	return strings.ReplaceAll(read(b, chromedp.Evaluate[string](`(document.querySelector(`+string(quoted)+`) || {innerText: ""}).innerText`)), nbsp, " ")
}

// axe is the accessibility checker, read once.
var axe = sync.OnceValues(func() (string, error) {
	text, err := os.ReadFile(filepath.Join("testdata", "axe.min.js"))
	return string(text), err
})

// accessible fails for serious faults that axe-core finds on the page.
func (b *browser) accessible(name string) {
	b.t.Helper()
	source, err := axe()
	if err != nil {
		b.t.Fatal(err)
	}
	b.run(chromedp.Evaluate[chromedp.Void](source))
	found := read(b, chromedp.Evaluate[string](`axe.run({resultTypes: ["violations"]}).then(r => JSON.stringify(r.violations.filter(v => v.impact === "serious" || v.impact === "critical").map(v => ({id: v.id, help: v.help, nodes: v.nodes.slice(0, 3).map(n => n.html + " " + n.failureSummary)}))))`, chromedp.EvalAwaitPromise))
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

// photograph keeps a picture of the whole page.
func (b *browser) photograph(name string) {
	b.t.Helper()
	time.Sleep(400 * time.Millisecond) // the charts' drawing
	png := read(b, func(ctx context.Context, t *chromedp.Target) ([]byte, error) {
		metrics, err := cdp.Call(ctx, t, cdppage.GetLayoutMetrics, cdp.Empty{})
		if err != nil {
			return nil, err
		}
		beyond := true
		shot, err := cdp.Call(ctx, t, cdppage.CaptureScreenshot, cdppage.CaptureScreenshotParams{CaptureBeyondViewport: &beyond,
			Clip: &cdppage.Viewport{Width: metrics.CSSContentSize.Width, Height: min(metrics.CSSContentSize.Height, 1800), Scale: 1}})
		return shot.Data, err
	})
	if err := os.WriteFile(filepath.Join(*screenshots, name+".png"), png, 0o644); err != nil {
		b.t.Fatal(err)
	}
}

// TestScreenshots photographs every page: go test ./serve/web -run
// TestScreenshots -screenshots FOLDER.
func TestScreenshots(t *testing.T) {
	if *screenshots == "" {
		t.Skip("asked for by -screenshots")
	}
	if err := os.MkdirAll(*screenshots, 0o755); err != nil {
		t.Fatal(err)
	}
	chromium := newChromium(t)
	d := everything(t)
	for _, one := range d.views() {
		if one.kind == full {
			t.Run(one.name, func(t *testing.T) { photographAll(newBrowser(t, chromium, d.url), one) })
		}
	}
}

// photographAll takes a page as one person sees it: wide and narrow, light and dark.
func photographAll(b *browser, one view) {
	b.t.Helper()
	if one.login != "" {
		b.enter(one.login)
	}
	for _, look := range []struct {
		name, scheme  string
		width, height int64
	}{{"desktop-claro", "light", 1280, 900}, {"desktop-escuro", "dark", 1280, 900}, {"celular-claro", "light", 390, 844}, {"celular-escuro", "dark", 390, 844}} {
		b.run(size(look.width, look.height), scheme(look.scheme))
		b.open(one.path)
		b.photograph(one.name + "-" + look.name)
	}
	b.clean()
}
