package serve_test

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"dunning/data"
	"dunning/serve"
)

const goodBatch = `{"columns":["f_a","f_b"],"rows":[[1,1],[0.5,null]],"ids":["x","y"]}`

// TestRoutesAdmitRoles asks every route with every role, without a key and with
// keys that are none.
func TestRoutesAdmitRoles(t *testing.T) {
	r := start(t, furnished(t), nil)
	public := []serve.Role{"", "scientist", "manager", "approver", "dispatcher", "auditor", "admin"}
	routes := []struct {
		method, path, body string
		status             int
		roles              []serve.Role
	}{
		{"GET", "/livez", "", 200, public},
		{"GET", "/readyz", "", 200, public},
		{"GET", "/metrics", "", 200, public},
		{"GET", "/openapi.json", "", 200, public},
		{"GET", "/v1/customers/c0000001/score", "", 200, []serve.Role{serve.Scientist, serve.Manager, serve.Auditor, serve.Admin}},
		{"GET", "/v1/customers/nobody/score", "", 404, []serve.Role{serve.Scientist, serve.Manager, serve.Auditor, serve.Admin}},
		{"POST", "/v1/score", goodBatch, 200, []serve.Role{serve.Scientist, serve.Admin}},
		{"GET", "/v1/plans/latest/actions", "", 200, []serve.Role{serve.Manager, serve.Approver, serve.Dispatcher, serve.Auditor, serve.Admin}},
		{"GET", "/v1/plans/2020-01-01/actions", "", 404, []serve.Role{serve.Manager, serve.Approver, serve.Dispatcher, serve.Auditor, serve.Admin}},
		{"GET", "/v1/models/current", "", 200, []serve.Role{serve.Scientist, serve.Manager, serve.Auditor, serve.Admin}},
	}
	for _, route := range routes {
		for _, role := range public {
			want := http.StatusForbidden
			switch {
			case slices.Contains(route.roles, role):
				want = route.status
			case role == "":
				want = http.StatusUnauthorized
			}
			a := r.ask(route.method, route.path, r.roles[role], route.body)
			if a.status != want {
				t.Errorf("%s %s as %q: got %d, want %d: %s", route.method, route.path, role, a.status, want, a.body)
			}
			checkAnswer(t, a)
		}
		if slices.Contains(route.roles, "") {
			continue
		}
		secret := r.roles[serve.Admin]
		for name, key := range map[string]string{
			"garbage":             "garbage",
			"a key of another":    "dun_000000000000_" + strings.Repeat("A", 43),
			"one character wrong": flip(secret),
			"the prefix only":     secret[:16],
		} {
			if a := r.ask(route.method, route.path, key, route.body); a.status != http.StatusUnauthorized {
				t.Errorf("%s %s with %s: got %d, want 401", route.method, route.path, name, a.status)
			}
		}
		if a := r.ask(route.method, route.path, "", route.body, "Authorization", "Basic "+secret); a.status != http.StatusUnauthorized {
			t.Errorf("%s %s by Basic: got %d, want 401", route.method, route.path, a.status)
		}
	}
}

// flip changes one character of the secret part of a key.
func flip(secret string) string {
	c := byte('A')
	if secret[20] == 'A' {
		c = 'B'
	}
	return secret[:20] + string(c) + secret[21:]
}

// checkAnswer holds what is true of every answer.
func checkAnswer(t *testing.T, a answer) {
	t.Helper()
	for name, want := range map[string]string{"X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Cache-Control": "no-store",
		"Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'", "Referrer-Policy": "no-referrer"} {
		if got := a.header.Get(name); got != want {
			t.Errorf("header %s is %q", name, got)
		}
	}
	if a.header.Get("X-Request-Id") == "" {
		t.Error("no request id")
	}
	if a.status < 400 {
		return
	}
	p := decode[serve.Problem](t, a)
	if a.header.Get("Content-Type") != "application/problem+json" || p.Status != a.status || p.Code == "" || p.Detail == "" ||
		p.Title != http.StatusText(a.status) || p.RequestID != a.header.Get("X-Request-Id") {
		t.Errorf("%d is no problem document: %s %s", a.status, a.header.Get("Content-Type"), a.body)
	}
	if a.status == http.StatusUnauthorized && a.header.Get("WWW-Authenticate") == "" {
		t.Error("401 without WWW-Authenticate")
	}
}

func TestRequestsThatAreWrong(t *testing.T) {
	r := start(t, furnished(t), func(c *serve.Config) { c.MaxRows, c.MaxBodyBytes = 3, 2048 })
	rows := func(n int) string {
		return `{"columns":["f_a","f_b"],"rows":[` + strings.TrimSuffix(strings.Repeat("[1,2],", n), ",") + `]}`
	}
	cases := []struct {
		name, method, path, body string
		status                   int
		code                     serve.Code
		says                     string
	}{
		{"no such path", "GET", "/v2/score", "", 404, serve.CodeNotFound, "openapi"},
		{"wrong method", "DELETE", "/v1/score", "", 405, serve.CodeMethod, ""},
		{"score by GET", "GET", "/v1/score", "", 405, serve.CodeMethod, ""},
		{"customer unknown", "GET", "/v1/customers/zzz/score", "", 404, serve.CodeNotFound, "2026-03-09"},
		{"customer id too long", "GET", "/v1/customers/" + strings.Repeat("x", 201) + "/score", "", 400, serve.CodeInvalid, ""},
		{"plan of no day", "GET", "/v1/plans/tomorrow/actions", "", 404, serve.CodeNotFound, ""},
		{"plan of a day that is none", "GET", "/v1/plans/2026-02-30/actions", "", 404, serve.CodeNotFound, ""},
		{"plan that is not there", "GET", "/v1/plans/2026-03-08/actions", "", 404, serve.CodeNotFound, "2026-03-08"},
		{"day that is none", "GET", "/v1/plans/latest/actions?day=2026-02-30", "", 400, serve.CodeInvalid, ""},
		{"channel that is none", "GET", "/v1/plans/latest/actions?channel=fax", "", 400, serve.CodeInvalid, ""},
		{"limit of zero", "GET", "/v1/plans/latest/actions?limit=0", "", 400, serve.CodeInvalid, ""},
		{"limit too large", "GET", "/v1/plans/latest/actions?limit=1001", "", 400, serve.CodeInvalid, ""},
		{"limit that is no number", "GET", "/v1/plans/latest/actions?limit=all", "", 400, serve.CodeInvalid, ""},
		{"parameter unknown", "GET", "/v1/plans/latest/actions?chanel=sms", "", 400, serve.CodeInvalid, ""},
		{"cursor of our making", "GET", "/v1/plans/latest/actions?cursor=abc", "", 400, serve.CodeInvalid, "cursor"},
		{"cursor of another plan", "GET", "/v1/plans/latest/actions?cursor=eyJ2IjoieCIsImQiOiIyMDI2LTAzLTA5IiwiYyI6MSwiYSI6ImEifQ", "", 409, serve.CodeConflict, "again"},
		{"no body", "POST", "/v1/score", "", 400, serve.CodeInvalid, ""},
		{"not JSON", "POST", "/v1/score", "hello", 400, serve.CodeInvalid, "not JSON"},
		{"JSON cut off", "POST", "/v1/score", goodBatch[:20], 400, serve.CodeInvalid, "not JSON"},
		{"an array", "POST", "/v1/score", "[]", 400, serve.CodeInvalid, "object"},
		{"two documents", "POST", "/v1/score", goodBatch + goodBatch, 400, serve.CodeInvalid, "goes on"},
		{"field unknown", "POST", "/v1/score", `{"colums":[]}`, 400, serve.CodeInvalid, "other than"},
		{"no rows", "POST", "/v1/score", `{"columns":["f_a"],"rows":[]}`, 400, serve.CodeInvalid, "at least one"},
		{"column missing", "POST", "/v1/score", `{"columns":["f_a"],"rows":[[1]]}`, 400, serve.CodeInvalid, `"f_b"`},
		{"column twice", "POST", "/v1/score", `{"columns":["f_a","f_a"],"rows":[[1,2]]}`, 400, serve.CodeInvalid, "twice"},
		{"row too short", "POST", "/v1/score", `{"columns":["f_a","f_b"],"rows":[[1,2],[1]]}`, 400, serve.CodeInvalid, "rows[1]"},
		{"value a word", "POST", "/v1/score", `{"columns":["f_a","f_b"],"rows":[[1,"x"]]}`, 400, serve.CodeInvalid, "rows"},
		{"value NaN", "POST", "/v1/score", `{"columns":["f_a","f_b"],"rows":[[1,NaN]]}`, 400, serve.CodeInvalid, "not JSON"},
		{"value beyond float64", "POST", "/v1/score", `{"columns":["f_a","f_b"],"rows":[[1,1e999]]}`, 400, serve.CodeInvalid, "out of range"},
		{"value beyond float32", "POST", "/v1/score", `{"columns":["f_a","f_b"],"rows":[[1,1e300]]}`, 400, serve.CodeInvalid, "out of range"},
		{"ids too few", "POST", "/v1/score", `{"columns":["f_a","f_b"],"rows":[[1,2],[3,4]],"ids":["x"]}`, 400, serve.CodeInvalid, "1 ids"},
		{"rows at the limit", "POST", "/v1/score", rows(3), 200, "", ""},
		{"one row too many", "POST", "/v1/score", rows(4), 413, serve.CodeTooLarge, "at most 3"},
		{"body at the limit", "POST", "/v1/score", rows(3) + strings.Repeat(" ", 2048-len(rows(3))), 200, "", ""},
		{"body one byte too large", "POST", "/v1/score", rows(3) + strings.Repeat(" ", 2049-len(rows(3))), 413, serve.CodeTooLarge, ""},
		{"body far too large", "POST", "/v1/score", rows(3) + strings.Repeat(" ", 1<<20), 413, serve.CodeTooLarge, ""},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			a := r.ask(tc.method, tc.path, r.roles[serve.Admin], tc.body)
			if a.status != tc.status {
				t.Fatalf("got %d, want %d: %s", a.status, tc.status, a.body)
			}
			checkAnswer(t, a)
			if tc.code == "" {
				return
			}
			if p := decode[serve.Problem](t, a); p.Code != tc.code || !strings.Contains(p.Detail, tc.says) {
				t.Errorf("got %s, want code %s and %q", a.body, tc.code, tc.says)
			}
		})
	}
	if a := r.ask("POST", "/v1/score", r.roles[serve.Admin], goodBatch, "Content-Type", "text/csv"); a.status != http.StatusUnsupportedMediaType {
		t.Errorf("CSV: got %d, want 415", a.status)
	}
	if a := r.ask("DELETE", "/v1/score", "", ""); a.header.Get("Allow") != "POST" {
		t.Errorf("Allow is %q", a.header.Get("Allow"))
	}
}

func TestAnswers(t *testing.T) {
	r := start(t, furnished(t), nil)
	admin := r.roles[serve.Admin]

	score := decode[serve.CustomerScore](t, r.ask("GET", "/v1/customers/c0000042/score", admin, ""))
	if score.CustomerID != "c0000042" || score.AsOf != dayOne || score.PayProb != 0.42 || score.BalanceCents != 4200 || score.DaysPastDue != 42 ||
		score.ModelVersion != "m1" || score.FeaturesSchemaVersion != data.SchemaVersion || score.UpliftEmail != nil ||
		score.UpliftSMS == nil || *score.UpliftSMS != 0.25 || score.UpliftVoice == nil || *score.UpliftVoice != -0.125 {
		t.Errorf("got %+v", score)
	}

	batch := decode[serve.BatchScores](t, r.ask("POST", "/v1/score", admin, goodBatch))
	if batch.ModelVersion != "m1" || batch.FeaturesSchemaVersion != data.SchemaVersion || len(batch.Scores) != 2 {
		t.Fatalf("got %+v", batch)
	}
	if a, b := batch.Scores[0], batch.Scores[1]; a.ID != "x" || *a.PayProb != 0.75 || b.ID != "y" || *b.PayProb != 0.25 || a.UpliftSMS == nil || a.UpliftVoice != nil {
		t.Errorf("got %+v", batch.Scores)
	}
	reordered := decode[serve.BatchScores](t, r.ask("POST", "/v1/score", admin, `{"columns":["other","f_b","f_a"],"rows":[[9,1,1],[9,null,0.5]]}`))
	if *reordered.Scores[0].PayProb != 0.75 || *reordered.Scores[1].PayProb != 0.25 {
		t.Errorf("the order of the columns matters: %+v", reordered.Scores)
	}

	model := decode[serve.ModelInfo](t, r.ask("GET", "/v1/models/current", admin, ""))
	if model.Version != "m1" || !slices.Equal(model.Features, []string{"f_a", "f_b"}) {
		t.Errorf("got %+v", model)
	}

	ready := decode[serve.Ready](t, r.ask("GET", "/readyz", "", ""))
	if ready.Status != "ready" || *ready.Scores.AsOf != dayOne || ready.Scores.Rows != 100 || ready.Plan.PlanID != "plan-1" || ready.Plan.Rows != 60 || ready.Model.Version != "m1" {
		t.Errorf("got %+v", ready)
	}

	if a := r.ask("GET", "/livez", "", "", "X-Request-Id", "mine-1"); a.header.Get("X-Request-Id") != "mine-1" {
		t.Errorf("a harmless request id is not kept: %q", a.header.Get("X-Request-Id"))
	}
	if a := r.ask("GET", "/livez", "", "", "X-Request-Id", "evil id=1"); a.header.Get("X-Request-Id") == "evil id=1" {
		t.Error("a request id with a blank is kept: it could forge a log line")
	}

	text := r.ask("GET", "/metrics", "", "").body
	for _, want := range []string{
		`dunning_http_requests_total{method="GET",route="/v1/customers/{id}/score",status="200"} 1`,
		`dunning_loaded_rows{part="scores"} 100`, `dunning_loaded_info{as_of="2026-03-09",part="plan"`, `dunning_rows_scored_total 4`, "go_goroutines",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("metrics lack %s", want)
		}
	}
}

// TestPagesAddUp walks the plan by pages, with and without filters, and finds
// each action once, in order.
func TestPagesAddUp(t *testing.T) {
	r := start(t, furnished(t), nil)
	for _, query := range []string{"", "day=2026-03-11&", "channel=voice&", "day=2026-03-12&channel=email&", "day=2027-01-01&"} {
		var all, paged []serve.PlannedAction
		all = decode[serve.PlanActions](t, r.ask("GET", "/v1/plans/2026-03-09/actions?"+query+"limit=1000", r.roles[serve.Dispatcher], "")).Actions
		want := 0
		for _, a := range actionRows(60, "plan-1", dayOne) {
			if strings.Contains("?"+query, "day=") && !strings.Contains(query, "day="+a.Day.String()) {
				continue
			}
			if strings.Contains(query, "channel=") && !strings.Contains(query, "channel="+string(a.Channel)) {
				continue
			}
			want++
		}
		if len(all) != want {
			t.Errorf("%q: %d actions, want %d", query, len(all), want)
		}
		cursor := ""
		for range 100 {
			page := decode[serve.PlanActions](t, r.ask("GET", "/v1/plans/latest/actions?"+query+"limit=7"+cursor, r.roles[serve.Dispatcher], ""))
			paged = append(paged, page.Actions...)
			if page.PlanID != "plan-1" || page.AsOf != dayOne || len(page.SHA256) != 64 {
				t.Fatalf("got %+v", page)
			}
			if page.NextCursor == nil {
				break
			}
			cursor = "&cursor=" + *page.NextCursor
		}
		if !slices.Equal(all, paged) {
			t.Errorf("%q: the pages do not add up: %d and %d", query, len(all), len(paged))
		}
		if !slices.IsSortedFunc(all, func(a, b serve.PlannedAction) int { return int(a.Day) - int(b.Day) }) {
			t.Errorf("%q: not by day", query)
		}
	}
}

func TestKeysEnd(t *testing.T) {
	r := start(t, furnished(t), nil)
	ctx := context.Background()
	short, _, err := r.keys.Create(ctx, serve.Admin, "short", time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	forever, key, err := r.keys.Create(ctx, serve.Admin, "for ever", 0)
	if err != nil {
		t.Fatal(err)
	}
	ask := func(secret string) int { return r.ask("GET", "/v1/models/current", secret, "").status }
	if ask(short) != 200 || ask(forever) != 200 {
		t.Fatal("new keys do not work")
	}
	r.clock.move(time.Minute - time.Microsecond)
	if got := ask(short); got != 200 {
		t.Errorf("a microsecond before its end: %d", got)
	}
	r.clock.move(time.Microsecond)
	if got := ask(short); got != 401 {
		t.Errorf("at its end: %d", got)
	}
	r.clock.move(100 * 365 * 24 * time.Hour)
	if got := ask(forever); got != 200 {
		t.Errorf("a key without end, a century later: %d", got)
	}
	if _, err := r.keys.Revoke(ctx, key.Prefix); err != nil {
		t.Fatal(err)
	}
	if got := ask(forever); got != 401 {
		t.Errorf("revoked: %d", got)
	}
}

func TestRateLimitIsPerKey(t *testing.T) {
	r := start(t, furnished(t), func(c *serve.Config) { c.RatePerSecond, c.Burst = 1, 3 })
	count := func(role serve.Role, n int) (limited int) {
		for range n {
			a := r.ask("GET", "/v1/models/current", r.roles[role], "")
			if a.status == http.StatusTooManyRequests {
				limited++
				checkAnswer(t, a)
				if a.header.Get("Retry-After") == "" {
					t.Error("429 without Retry-After")
				}
			}
		}
		return limited
	}
	if got := count(serve.Manager, 5); got != 2 {
		t.Errorf("%d of 5 limited, want 2", got)
	}
	if got := count(serve.Auditor, 3); got != 0 {
		t.Errorf("another key: %d of 3 limited", got)
	}
	if got := count(serve.Dispatcher, 4); got != 1 {
		t.Errorf("a role that is not admitted: %d of 4 limited, want 1", got)
	}
	r.clock.move(2 * time.Second)
	if got := count(serve.Manager, 3); got != 1 {
		t.Errorf("after two seconds %d of 3 limited, want 1", got)
	}
}

// TestLogsHoldNoSecret looks for every key, every hash and every customer in
// the log and in the database's bytes.
func TestLogsHoldNoSecret(t *testing.T) {
	h := furnished(t)
	r := start(t, h, nil)
	for _, secret := range r.roles {
		r.ask("GET", "/v1/customers/c0000042/score", secret, "")
		r.ask("GET", "/v1/customers/c0000042/score", flip(secret), "")
		r.ask("POST", "/v1/score", secret, `{"columns":["f_a"],"rows":[[123.456]]}`)
		r.ask("GET", "/v1/plans/latest/actions?cursor="+secret, secret, "")
		r.ask("GET", "/v1/customers/"+secret+"/score", secret, "")
	}
	log := r.log.String()
	var disk bytes.Buffer
	for _, name := range []string{"", "-wal"} {
		b, err := os.ReadFile(h.dir + "/" + serve.DatabaseName + name)
		if err != nil {
			t.Fatal(err)
		}
		disk.Write(b)
	}
	for role, secret := range r.roles {
		for _, part := range []string{secret, flip(secret), secret[17:], secret[17:30]} {
			if strings.Contains(log, part) {
				t.Errorf("the log holds a part of the key of %s", role)
			}
			if bytes.Contains(disk.Bytes(), []byte(part)) {
				t.Errorf("the database holds a part of the key of %s", role)
			}
		}
	}
	for _, secret := range []string{"c0000042", "123.456", "Authorization", "Bearer"} {
		if strings.Contains(log, secret) {
			t.Errorf("the log holds %q", secret)
		}
	}
	if !strings.Contains(log, "route=/v1/customers/{id}/score status=200") || !strings.Contains(log, "role=manager") {
		t.Errorf("the log lacks the requests:\n%s", log)
	}
	if info, err := os.Stat(h.dir + "/" + serve.DatabaseName); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the database is readable by others: %v %v", info.Mode(), err)
	}
}

// TestMetricsCanBePrivate: the one route whose openness is a setting.
func TestMetricsCanBePrivate(t *testing.T) {
	r := start(t, furnished(t), func(c *serve.Config) { c.PrivateMetrics = true })
	for role, want := range map[serve.Role]int{"": 401, serve.Manager: 403, serve.Auditor: 200, serve.Admin: 200} {
		if a := r.ask("GET", "/metrics", r.roles[role], ""); a.status != want {
			t.Errorf("as %q: %d, want %d", role, a.status, want)
		}
	}
}

func TestEmptyHomeIsNotReady(t *testing.T) {
	r := start(t, newHome(t), nil)
	if a := r.ask("GET", "/readyz", "", ""); a.status != 503 || decode[serve.Ready](t, a).Status != "not_ready" {
		t.Errorf("got %d %s", a.status, a.body)
	}
	for path, want := range map[string]int{"/v1/customers/c1/score": 503, "/v1/models/current": 503, "/v1/plans/latest/actions": 404, "/livez": 200} {
		if a := r.ask("GET", path, r.roles[serve.Admin], ""); a.status != want {
			t.Errorf("%s: %d, want %d", path, a.status, want)
		}
	}
	if a := r.ask("POST", "/v1/score", r.roles[serve.Admin], goodBatch); a.status != 503 {
		t.Errorf("scoring without a model: %d", a.status)
	}
}

func TestConfigFaultsAreReportedTogether(t *testing.T) {
	config := serve.DefaultConfig()
	config.Addr, config.TLSCert, config.MaxRows, config.RatePerSecond, config.Burst = "nowhere", "cert.pem", 0, 0, 0
	err := config.Validate()
	for _, want := range []string{"addr", "certificate", "max rows", "rate", "burst"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not in: %v", want, err)
		}
	}
	if data.ExitCode(err) != 2 {
		t.Errorf("exit code %d, want 2", data.ExitCode(err))
	}
	config = serve.DefaultConfig()
	config.TLSCert, config.TLSKey = "no.pem", "no.pem"
	if _, err := serve.New(config, nil, nil, nil, nil); data.ExitCode(err) != 2 {
		t.Errorf("a certificate that is not there: %v", err)
	}
}

func ExampleKeys() {
	home, err := os.MkdirTemp("", "dunning")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(home)
	ctx := context.Background()
	keys, err := serve.OpenKeys(ctx, home, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer keys.Close()
	secret, made, err := keys.Create(ctx, serve.Manager, "Ana", 720*time.Hour)
	if err != nil {
		fmt.Println(err)
		return
	}
	key, err := keys.Authenticate(ctx, secret)
	fmt.Println(key.Role, key.Prefix == made.Prefix, err)
	if _, err := keys.Revoke(ctx, made.Prefix); err != nil {
		fmt.Println(err)
		return
	}
	_, err = keys.Authenticate(ctx, secret)
	fmt.Println(err)
	// Output:
	// manager true <nil>
	// serve: no usable key
}
