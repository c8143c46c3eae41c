package serve

import (
	"encoding/json"
	"errors"
	"math"
	"strings"
	"testing"
)

// FuzzParseBatch: whatever comes in, the decoder answers with a batch that can
// be scored or with an error for the client, and never panics.
func FuzzParseBatch(f *testing.F) {
	for _, seed := range []string{
		`{"columns":["a","b"],"rows":[[1,null],[2.5,-3e7]],"ids":["x","y"]}`,
		`{"columns":["a"],"rows":[[1e999]]}`, `{"columns":["a"],"rows":[[1e39]]}`, `{"columns":["a"],"rows":[null]}`, `{"columns":null,"rows":null}`,
		`{"columns":["a","a"],"rows":[[1,2]]}`, `{"rows":[[]],"columns":[""]}`, `[]`, `null`, `{}`, ``, `{"columns":["a"],"rows":[[1]]} x`,
		`{"columns":["a"],"rows":[[1]],"rows":[[1],[2]]}`, strings.Repeat(`[`, 20000), `{"columns":["\ud800"],"rows":[[0]]}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		b, err := parseBatch(body, 100)
		if err == nil {
			var cols [][]float32
			if cols, err = b.columns(); err == nil {
				checkColumns(t, b, cols)
				return
			}
		}
		var e *Error
		if !errors.As(err, &e) || (e.Code != CodeInvalid && e.Code != CodeTooLarge) || e.Err != nil {
			t.Fatalf("not an error for the client: %v", err)
		}
		if p, internal := problemOf(err, ""); internal || p.Status >= 500 {
			t.Fatalf("status %d for a bad body", p.Status)
		}
	})
}

func checkColumns(t *testing.T, b *Batch, cols [][]float32) {
	t.Helper()
	if len(b.Rows) < 1 || len(b.Rows) > 100 || len(cols) != len(b.Columns) || (len(b.IDs) != 0 && len(b.IDs) != len(b.Rows)) {
		t.Fatalf("shapes: %d rows, %d columns of %d, %d ids", len(b.Rows), len(cols), len(b.Columns), len(b.IDs))
	}
	for j, col := range cols {
		if len(col) != len(b.Rows) {
			t.Fatalf("column %d has %d values for %d rows", j, len(col), len(b.Rows))
		}
		for i, v := range col {
			if math.IsInf(float64(v), 0) || math.IsNaN(float64(v)) != (b.Rows[i][j] == nil) {
				t.Fatalf("rows[%d][%d] became %g", i, j, v)
			}
		}
	}
}

// FuzzParseCursor: a cursor is ours or an error for the client.
func FuzzParseCursor(f *testing.F) {
	p := &Plan{SHA256: strings.Repeat("a", 64)}
	word, err := p.cursorOf(position{Day: 20000, Channel: 2, ActionID: "a1"})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(word)
	f.Add("")
	f.Add("e30")
	f.Fuzz(func(t *testing.T, s string) {
		at, err := p.parseCursor(s)
		if err != nil {
			var e *Error
			if !errors.As(err, &e) {
				t.Fatalf("not an error for the client: %v", err)
			}
			return
		}
		page, next := p.Page(PlanFilter{}, &at, 1)
		if len(page) != 0 || next != nil {
			t.Fatal("an empty plan has a page")
		}
	})
}

func TestInternalErrorsAreNotSent(t *testing.T) {
	secret := errors.New("open /home/x/dunning.db: disk I/O error")
	for _, err := range []error{secret, &Error{Code: CodeInternal, Message: "the store failed", Err: secret}, &Error{Code: CodeUnavailable, Message: "later", Err: secret}} {
		p, internal := problemOf(err, "id-1")
		b, marshalErr := json.Marshal(p)
		if marshalErr != nil {
			t.Fatal(marshalErr)
		}
		if !internal || strings.Contains(string(b), "disk") {
			t.Errorf("internal %v: %s", internal, b)
		}
	}
	for code, status := range statuses {
		shared, ok := general[status]
		if !ok {
			shared = code
		}
		if codeOf(status) != shared || statusOf(code) != status {
			t.Errorf("%s and %d are not each other's", code, status)
		}
	}
	if statusOf("whatever") != 500 || codeOf(418) != CodeInternal || codeOf(422) != CodeInvalid {
		t.Error("unknown codes and statuses")
	}
}
