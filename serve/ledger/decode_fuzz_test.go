package ledger_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"dunning/data"
	"dunning/serve/ledger"
)

// Whatever is in a file of heads: heads that make sense, or an error that says
// that the file is damaged.
func FuzzReadHeads(f *testing.F) {
	sum := strings.Repeat("0a", 32)
	for _, text := range []string{"", "\n", `{"seq":1,"sha256":"` + sum + `"}` + "\n", `{"seq":1,"sha256":"` + sum + `"}`, `{"seq":-1}` + "\n", `{"seq":1e30,"sha256":null}` + "\n", "\x00\xff\n"} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		path := filepath.Join(t.TempDir(), "heads")
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		heads, err := ledger.ReadHeads(path)
		if err != nil && !errors.Is(err, data.ErrDamagedFile) {
			t.Fatal(err)
		}
		if len(heads) > bytes.Count(text, []byte("\n")) {
			t.Errorf("%d heads in %q", len(heads), text)
		}
		for _, h := range heads {
			if h.Seq < 1 || len(h.SHA256) != 64 {
				t.Errorf("%+v", h)
			}
		}
	})
}

// Whatever is imported: it is refused and leaves the ledger empty, or the
// ledger is whole.
func FuzzImport(f *testing.F) {
	h := sqliteHome(f)
	h.funded(f, 1000)
	h.approved(f, proposal("P1", 2))
	var out bytes.Buffer
	if err := h.Export(f.Context(), &out); err != nil {
		f.Fatal(err)
	}
	text := out.String()
	for _, s := range []string{text, "", text[:len(text)/2], strings.Replace(text, "1000", "1001", 1), strings.ReplaceAll(text, "maria", "carla"), "{}\n", "[1]\n" + text, "\x00"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		to := sqliteHome(t)
		err := to.Import(t.Context(), bytes.NewReader(text))
		r := to.verified(t)
		if err != nil && r.Rows+r.Entries != 0 {
			t.Errorf("refused (%v), and yet %+v", err, r)
		}
	})
}
