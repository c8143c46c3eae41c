package serve_test

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"dunning/serve"
)

// fuzzer makes requests of a document: good ones, nearly good ones and hostile
// ones.
type fuzzer struct {
	*world
	rng *rand.Rand
	// known are values that mean something, by the name of the field or
	// parameter.
	known map[string][]any
}

func newFuzzer(t testing.TB) *fuzzer {
	f := &fuzzer{world: newWorld(t)}
	f.refill()
	return f
}

// refill makes objects that requests can be about.
func (f *fuzzer) refill() {
	text := f.draftRegua("x")
	draft, submitted, approved, grant, sent := f.draft("test manager"), f.submitted("test manager"), f.approved(), f.leased("test dispatcher"), f.sentAction()
	plans := []any{draft.ID, submitted.ID, approved.ID, "plan-1", "none"}
	f.known = map[string][]any{
		"plan": plans, "plan_id": plans, "against": plans, "supersedes": plans, "as_of": {"latest", dayOne.String(), "1999-01-01"}, "id": {"c0000007", "c9"},
		"wallet_id": {"main", "other", "none"}, "wallets": {"main"}, "sha256": {draft.SHA256, submitted.SHA256, approved.SHA256},
		"action_id": {grant.Actions[0].ActionID, grant.Actions[1].ActionID, sent, "none"}, "action_ids": {grant.Actions[0].ActionID, grant.Actions[1].ActionID, "none"},
		"fence": {float64(grant.Fence), 1.0}, "day": {tuesday.String()}, "columns": {"f_a", "f_b", "f_c"}, "head": {"1:" + strings.Repeat("0", 64)},
		"event_id": {"e1", "e2", "e3"}, "customer_id": {"c0000007", "c9"}, "seconds": {60.0}, "max": {2.0},
		"regua": {text.ID, "none"}, "version": {0.0, 1.0}, "text": {reguaOf("b"), reguaOf(text.ID)},
	}
}

// hostile are values that programs have stumbled over.
var hostile = []any{
	nil, true, "", " ", "0", "null", "-1", -1.0, 0.0, 1e300, -1e300, 9223372036854775807.0, 1.5, "\x00", "\u202e\ufeff", "\xff\xfe", "é" + strings.Repeat("\u0301", 50),
	"' OR '1'='1", "../../etc/passwd", "%2e%2e%2f", "$1", "{{.}}", "<script>", strings.Repeat("a", 201), strings.Repeat("9", 400), "9999-12-31", "2026-02-30", "0000-00-00",
	[]any{}, []any{nil}, map[string]any{}, map[string]any{"": 1.0}, json.Number("1e999"), json.Number("123456789012345678901234567890"), "NaN",
}

func pick[T any](rng *rand.Rand, from []T) T { return from[rng.IntN(len(from))] }

// value makes a value for a schema: wrong with the given probability.
func (f *fuzzer) value(s *schema, name string, wrong float64, depth int) any {
	s = f.doc.resolved(s)
	if s == nil || depth > 6 || f.rng.Float64() < wrong {
		return pick(f.rng, hostile)
	}
	kind := ""
	for _, kind = range s.Type {
		if kind != "null" || f.rng.IntN(4) == 0 {
			break
		}
	}
	if known := f.known[name]; len(known) > 0 && kind != "array" && kind != "object" && f.rng.IntN(8) > 0 {
		return pick(f.rng, known)
	}
	if len(s.Enum) > 0 {
		return pick(f.rng, s.Enum)
	}
	switch kind {
	case "object":
		return f.object(s, name, wrong, depth)
	case "array":
		list := []any{}
		for range f.rng.IntN(4) {
			list = append(list, f.value(s.Items, name, wrong, depth+1))
		}
		return list
	case "integer", "number":
		low, high := 0.0, 1000.0
		if s.Minimum != nil {
			low = *s.Minimum
		}
		if s.Maximum != nil {
			high = *s.Maximum
		}
		return pick(f.rng, []float64{low, high, low + float64(f.rng.IntN(10)), 1})
	case "boolean":
		return f.rng.IntN(2) == 0
	}
	return f.text(s)
}

func (f *fuzzer) text(s *schema) string {
	switch s.Format {
	case "date":
		return tuesday.String()
	case "date-time":
		return f.clock.now().Format("2006-01-02T15:04:05Z")
	}
	n := 1 + f.rng.IntN(12)
	if s.MinLength != nil {
		n = max(n, *s.MinLength)
	}
	return strings.Repeat(pick(f.rng, []string{"a", "b", "0", "é"}), n)
}

func (f *fuzzer) object(s *schema, name string, wrong float64, depth int) any {
	out := map[string]any{}
	for _, key := range slices.Sorted(maps.Keys(s.Properties)) { // in a fixed order, so that a seed makes the same request
		if (slices.Contains(s.Required, key) || f.rng.IntN(2) == 0) && f.rng.Float64() >= wrong/2 {
			out[key] = f.value(s.Properties[key], key, wrong, depth+1)
		}
	}
	if len(s.Additional) > 0 && s.Additional[0] == '{' {
		out[pick(f.rng, []string{"sms", "email", "fax"})] = f.value(&schema{Type: words{"string"}}, name, wrong, depth+1)
	}
	if f.rng.Float64() < wrong/2 {
		out["surplus"] = pick(f.rng, hostile)
	}
	return out
}

// request makes a request of an operation. raw, if given, is its body.
func (f *fuzzer) request(op *operation, raw []byte) (*http.Request, error) {
	wrong := pick(f.rng, []float64{0, 0, 0.1, 0.5})
	path, query, header := op.Path, url.Values{}, http.Header{}
	for _, p := range op.Parameters {
		if !p.Required && f.rng.IntN(2) == 0 || f.rng.Float64() < wrong/4 {
			continue
		}
		text := fmt.Sprint(f.value(p.Schema, p.Name, wrong, 0))
		switch p.In {
		case "path":
			path = strings.Replace(path, "{"+p.Name+"}", url.PathEscape(text), 1)
		case "query":
			query.Add(p.Name, text)
			if f.rng.IntN(10) == 0 {
				query.Add(p.Name, text)
			}
		case "header":
			if p.Name == "Idempotency-Key" && f.rng.IntN(4) > 0 {
				text = "key " + strconv.FormatUint(f.rng.Uint64N(1e6), 10)
			}
			header.Set(p.Name, printable(text))
		}
	}
	if f.rng.Float64() < wrong/4 {
		query.Add(pick(f.rng, []string{"surplus", "", "limit", "cursor"}), fmt.Sprint(pick(f.rng, hostile)))
	}
	if len(query) > 0 {
		path += "?" + query.Encode()
	}
	body := string(raw)
	if schema := op.body(); schema != nil && raw == nil {
		body = f.body(schema, wrong)
		header.Set("Content-Type", "application/json")
		if f.rng.Float64() < wrong/4 {
			header.Set("Content-Type", pick(f.rng, []string{"text/plain", "application/xml", "application/cbor", "multipart/form-data", "x", ";", "application/json; charset=utf-16"}))
		}
	}
	req, err := http.NewRequest(op.Method, f.url+path, strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header = header
	req.Header.Set("Authorization", "Bearer "+f.roles[pick(f.rng, append(serve.Roles, serve.Admin, serve.Admin, serve.Admin, serve.Manager))])
	if f.rng.IntN(20) == 0 {
		req.Header.Set(pick(f.rng, []string{"Accept", "X-Request-Id", "Accept-Encoding", "Authorization", "If-Match"}), printable(fmt.Sprint(pick(f.rng, hostile))))
	}
	return req, nil
}

// printable is a text as a header can have it.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return -1
		}
		return r
	}, text)
}

// body is JSON, or nearly.
func (f *fuzzer) body(s *schema, wrong float64) string {
	b, err := json.Marshal(f.value(s, "", wrong, 0))
	if err != nil { // json.Number of a form that encoding refuses
		return "1e999"
	}
	text := string(b)
	if f.rng.Float64() >= wrong {
		return text
	}
	switch f.rng.IntN(8) {
	case 0:
		return text[:f.rng.IntN(len(text)+1)]
	case 1:
		return text + text
	case 2:
		return strings.Repeat("[", 20_000)
	case 3:
		return strings.Repeat(`{"a":`, 5_000)
	case 4:
		return "\ufeff" + text
	case 5:
		i := f.rng.IntN(len(text) + 1)
		return text[:i] + pick(f.rng, []string{"\x00", "\xff", `"`, "}", ",", "\\u0000", "1e999"}) + text[i:]
	case 6:
		return strings.Replace(text, "{", `{"reason":"twice",`, 1)
	}
	return `{"reason":"` + strings.Repeat("a", 3_000_000) + `"}`
}

// try sends one request and says what is wrong with the answer.
func (f *fuzzer) try(seed uint64, raw []byte) (answer, string) {
	f.rng = rand.New(rand.NewPCG(seed, 1))
	op := pick(f.rng, f.ops)
	req, err := f.request(op, raw)
	if err != nil { // it cannot be sent
		return answer{}, ""
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return answer{}, fmt.Sprintf("%s: no answer: %v", op.OperationID, err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		return answer{}, fmt.Sprintf("%s: half an answer: %v", op.OperationID, err)
	}
	a := answer{res.StatusCode, res.Header, string(b)}
	place := fmt.Sprintf("seed %d: %s %s: %d %.300s", seed, op.OperationID, req.URL, a.status, a.body)
	if a.status >= 500 {
		return a, place
	}
	if a.status == 404 && strings.Contains(a.body, "no such path") || a.status == 405 || a.status == 307 {
		return a, "" // a parameter of the path that is empty or has a slash leads elsewhere
	}
	if fault := f.doc.fault(op, a); fault != "" {
		return a, place + ": " + fault
	}
	return a, ""
}

// After some thousand requests of every kind: no answer of the 5xx, none that
// the document does not describe, no panic, and a whole ledger.
// DUNNING_FUZZ_REQUESTS makes more.
func TestHostileRequests(t *testing.T) {
	t.Parallel()
	n, err := strconv.Atoi(os.Getenv("DUNNING_FUZZ_REQUESTS"))
	if err != nil || n <= 0 {
		n = 2000
		if testing.Short() { // under the race detector
			n = 500
		}
	}
	f := newFuzzer(t)
	count, faults := map[int]int{}, 0
	for seed := range uint64(n) {
		if seed%500 == 499 {
			f.refill()
		}
		a, fault := f.try(seed, nil)
		count[a.status]++
		if fault != "" {
			if faults++; faults <= 20 {
				t.Error(fault)
			}
		}
	}
	t.Logf("%d requests over %d operations; answers by status: %v", n, len(f.ops), count)
	if count[200] < n/10 || count[400] < n/10 {
		t.Errorf("it hardly came anywhere: %v", count)
	}
	f.intact()
}

// intact looks at the ledger and the log.
func (f *fuzzer) intact() {
	f.t.Helper()
	report, err := f.ledger.Verify(f.t.Context())
	if err != nil || len(report.Faults) > 0 {
		f.t.Errorf("the ledger: %+v, %v", report.Faults, err)
	}
	for line := range strings.Lines(f.log.String()) {
		if strings.Contains(line, "panic") || strings.Contains(line, "request failed") {
			f.t.Fatalf("%.2000s", line)
		}
	}
}

// FuzzRoutes lets the fuzzing engine choose the request, or its body.
func FuzzRoutes(f *testing.F) {
	for seed := range uint64(8) {
		f.Add(seed, []byte(nil))
		f.Add(seed, []byte(`{"amount":5,"reason":"x"}`))
	}
	fuzz := newFuzzer(f)
	f.Fuzz(func(t *testing.T, seed uint64, raw []byte) {
		if len(raw) == 0 {
			raw = nil
		}
		if _, fault := fuzz.try(seed, raw); fault != "" {
			t.Error(fault)
		}
	})
}
