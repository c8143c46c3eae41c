package web

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"net/http"
	"path"
	"slices"
	"strings"
	"sync"
)

//go:embed static
var staticFiles embed.FS

// asset is one embedded file. Its address holds its hash, so that a browser
// may keep it for ever and still never shows an old one.
type asset struct {
	url, kind string
	body      []byte
	packed    func() []byte // gzip, nil where that saves nothing
}

// kinds are the content types: machines' own tables differ.
var kinds = map[string]string{".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml",
	".woff2": "font/woff2", ".txt": "text/plain; charset=utf-8"}

// assets are all embedded files, by name and by address.
type assets struct {
	byName, byURL map[string]*asset
}

func loadAssets() (*assets, error) {
	a := &assets{map[string]*asset{}, map[string]*asset{}}
	var names []string
	err := fs.WalkDir(staticFiles, "static", func(name string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			names = append(names, name)
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("web: embedded files: %w", err)
	}
	// The stylesheet comes last: it names others, and their addresses hold hashes.
	slices.SortStableFunc(names, func(x, y string) int {
		return strings.Count(path.Ext(x), ".css") - strings.Count(path.Ext(y), ".css")
	})
	for _, name := range names {
		body, err := staticFiles.ReadFile(name)
		if err != nil {
			return nil, fmt.Errorf("web: embedded files: %w", err)
		}
		if err := a.add(strings.TrimPrefix(name, "static/"), body); err != nil {
			return nil, err
		}
	}
	return a, nil
}

func (a *assets) add(name string, body []byte) error {
	ext := path.Ext(name)
	if kinds[ext] == "" {
		return fmt.Errorf("web: embedded file %s is of no known kind", name)
	}
	if ext == ".css" {
		for other, one := range a.byName {
			body = bytes.ReplaceAll(body, []byte(`url("`+other+`")`), []byte(`url("`+one.url+`")`))
		}
	}
	sum := sha256.Sum256(body)
	one := &asset{kind: kinds[ext], body: body, url: "/static/" + strings.TrimSuffix(name, ext) + "." + hex.EncodeToString(sum[:6]) + ext}
	one.packed = sync.OnceValue(func() []byte {
		var b bytes.Buffer
		w, _ := gzip.NewWriterLevel(&b, gzip.BestCompression) // fails for unknown levels only
		w.Write(body)
		w.Close()
		if b.Len() >= len(body) {
			return nil
		}
		return b.Bytes()
	})
	a.byName[name], a.byURL[one.url] = one, one
	return nil
}

// url returns the address of an embedded file. It panics for one that is not
// there: a fault of this program, found by its first test.
func (a *assets) url(name string) string {
	one := a.byName[name]
	if one == nil {
		panic("web: no embedded file " + name)
	}
	return one.url
}

// serve answers for an embedded file, and says whether there is one.
func (a *assets) serve(w http.ResponseWriter, r *http.Request) bool {
	one := a.byURL[r.URL.Path]
	if one == nil {
		return false
	}
	h := w.Header()
	h.Set("Content-Type", one.kind)
	h.Set("Cache-Control", "public, max-age=31536000, immutable")
	h.Set("Vary", "Accept-Encoding")
	body := one.body
	if strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		if packed := one.packed(); packed != nil {
			h.Set("Content-Encoding", "gzip")
			body = packed
		}
	}
	h.Set("Content-Length", fmt.Sprint(len(body)))
	if r.Method != http.MethodHead {
		w.Write(body)
	}
	return true
}
