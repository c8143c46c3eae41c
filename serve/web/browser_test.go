package web

import (
	"context"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"dunning/serve/web/webtest"
)

// screenshots is the folder that the pages are photographed into.
var screenshots = flag.String("screenshots", "", "write PNGs of all pages into this folder")

// browser is one person's browser, looking at a test's server.
type browser struct {
	*webtest.Browser
	t testing.TB
}

// newBrowser opens a window with its own cookies.
func newBrowser(t testing.TB, chromium context.Context, home string) *browser {
	t.Helper()
	return &browser{webtest.NewBrowser(t, chromium, home), t}
}

// enter signs a person in.
func (b *browser) enter(login string) {
	b.t.Helper()
	b.Open(doorPath)
	b.Write("#login", login)
	b.Write("#password", password)
	b.Click("main form button")
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
	chromium := webtest.NewChromium(t)
	d := everything(t)
	for _, one := range d.views() {
		if one.kind == full {
			t.Run(one.name, func(t *testing.T) { photographAll(newBrowser(t, chromium, d.url), one) })
		}
	}
}

// looks are how each page is photographed.
var looks = []struct {
	name, scheme  string
	width, height int64
}{{"desktop-claro", "light", 1280, 900}, {"desktop-escuro", "dark", 1280, 900}, {"celular-claro", "light", 390, 844}, {"celular-escuro", "dark", 390, 844}}

// photographAll takes a page as one person sees it: wide and narrow, light and dark.
func photographAll(b *browser, one view) {
	b.t.Helper()
	if one.login != "" {
		b.enter(one.login)
	}
	for _, look := range looks {
		b.Run(webtest.Size(look.width, look.height), webtest.Scheme(look.scheme))
		b.Open(one.path)
		if err := os.WriteFile(filepath.Join(*screenshots, one.name+"-"+look.name+".png"), b.Photograph(), 0o644); err != nil {
			b.t.Fatal(err)
		}
	}
	b.Clean()
}
