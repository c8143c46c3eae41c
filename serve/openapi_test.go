package serve_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "rewrite testdata")

// TestOpenAPIListsEveryRoute walks the document: every operation states its
// security and its errors, and answers as the document says.
func TestOpenAPIListsEveryRoute(t *testing.T) {
	r := start(t, furnished(t), nil)
	a := r.ask("GET", "/openapi.json", "", "")
	if a.header.Get("Content-Type") != "application/openapi+json" || a.body != string(r.doc) {
		t.Fatal("the document served is not the server's")
	}
	type operation struct {
		OperationID string                     `json:"operationId"`
		Summary     string                     `json:"summary"`
		Security    *[]map[string][]string     `json:"security"`
		Responses   map[string]json.RawMessage `json:"responses"`
		RequestBody json.RawMessage            `json:"requestBody"`
		Parameters  json.RawMessage            `json:"parameters"`
	}
	doc := decode[struct {
		Paths map[string]map[string]operation `json:"paths"`
	}](t, a)
	public := []string{"GET /livez", "GET /readyz", "GET /metrics", "GET /openapi.json"}
	count := 0
	for path, methods := range doc.Paths {
		for method, op := range methods {
			method = strings.ToUpper(method)
			count++
			if op.Security == nil || op.Summary == "" || op.OperationID == "" {
				t.Errorf("%s %s lacks security or summary", method, path)
				continue
			}
			isPublic := slices.Contains(public, method+" "+path)
			if got := len(*op.Security) == 0; got != isPublic {
				t.Errorf("%s %s: public is %v", method, path, got)
			}
			if isPublic {
				continue
			}
			for _, status := range []string{"200", "401", "403", "429", "500"} {
				if op.Responses[status] == nil {
					t.Errorf("%s %s does not document %s", method, path, status)
				}
			}
			if roles := (*op.Security)[0]["bearer"]; !slices.Contains(roles, "admin") {
				t.Errorf("%s %s: roles are %v", method, path, roles)
			}
			if writes := path != "/v1/score" && path != "/v1/reguas/try" && path != "/v1/reguas/trials" && path != "/v1/credit/analyses"; method == "POST" && writes && !bytes.Contains(op.Parameters, []byte(`"Idempotency-Key"`)) {
				t.Errorf("%s %s takes no idempotency key", method, path)
			}
			if a := r.ask(method, regexp.MustCompile(`{[a-z_]+}`).ReplaceAllString(path, "x"), "", ""); a.status != 401 {
				t.Errorf("%s %s without a key: %d", method, path, a.status)
			}
		}
	}
	if count < 25 {
		t.Errorf("only %d operations in the document", count)
	}
	if !strings.Contains(string(doc.Paths["/v1/score"]["post"].RequestBody), "#/components/schemas/Batch") {
		t.Error("the body of /v1/score is not described")
	}
	if regexp.MustCompile(`https?://[^"]*(unpkg|jsdelivr|cdn)`).MatchString(a.body) {
		t.Error("the document points to a CDN")
	}
	golden(t, "testdata/openapi.json", r.doc)
}

// golden compares JSON with a file, which -update rewrites.
func golden(t *testing.T, path string, got []byte) {
	t.Helper()
	var pretty bytes.Buffer
	if err := json.Indent(&pretty, got, "", "  "); err != nil {
		t.Fatal(err)
	}
	pretty.WriteByte('\n')
	if *update {
		if err := os.WriteFile(path, pretty.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(pretty.Bytes(), want) {
		t.Errorf("%s changed; look at the difference after: go test ./serve -run %s -update", path, t.Name())
	}
}

// TestPageNamesEveryRoute: docs/API.md does not forget a route or a code.
func TestPageNamesEveryRoute(t *testing.T) {
	page, err := os.ReadFile("../docs/API.md")
	if err != nil {
		t.Fatal(err)
	}
	r := start(t, newHome(t), nil)
	doc := struct {
		Paths map[string]json.RawMessage `json:"paths"`
	}{}
	if err := json.Unmarshal(r.doc, &doc); err != nil {
		t.Fatal(err)
	}
	for path := range doc.Paths {
		if !strings.Contains(string(page), path+"`") {
			t.Errorf("docs/API.md lacks %s", path)
		}
	}
	for _, code := range regexp.MustCompile(`: code ([a-z_, ]+)"`).FindAllStringSubmatch(string(r.doc), -1) {
		for name := range strings.SplitSeq(code[1], ", ") {
			if !strings.Contains(string(page), "\n| "+name+" | ") {
				t.Errorf("docs/API.md lacks the code %s", name)
			}
		}
	}
}
