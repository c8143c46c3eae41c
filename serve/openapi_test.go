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
	}
	doc := decode[struct {
		Paths map[string]map[string]operation `json:"paths"`
	}](t, a)
	want := map[string]string{ // path: method and whether it is public
		"/livez": "get public", "/readyz": "get public", "/metrics": "get public", "/openapi.json": "get public",
		"/v1/customers/{id}/score": "get", "/v1/score": "post", "/v1/plans/{as_of}/actions": "get", "/v1/models/current": "get",
	}
	for path, how := range want {
		method, public, _ := strings.Cut(how, " ")
		op, ok := doc.Paths[path][method]
		if !ok || op.Security == nil || op.Summary == "" || op.OperationID == "" {
			t.Errorf("%s %s is not in the document, or lacks security or summary", method, path)
			continue
		}
		if isPublic := len(*op.Security) == 0; isPublic != (public != "") {
			t.Errorf("%s: public is %v", path, isPublic)
		}
		if public == "" {
			for _, status := range []string{"401", "403", "429", "500"} {
				if op.Responses[status] == nil {
					t.Errorf("%s does not document %s", path, status)
				}
			}
			if roles := (*op.Security)[0]["bearer"]; !slices.Contains(roles, "admin") {
				t.Errorf("%s: roles are %v", path, roles)
			}
			url := strings.NewReplacer("{id}", "c1", "{as_of}", "latest").Replace(path)
			if a := r.ask(strings.ToUpper(method), url, "", ""); a.status != 401 {
				t.Errorf("%s without a key: %d", path, a.status)
			}
		}
	}
	if len(doc.Paths) != len(want) {
		t.Errorf("%d paths in the document, want %d", len(doc.Paths), len(want))
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
	for _, code := range regexp.MustCompile(`: code ([a-z_]+)"`).FindAllStringSubmatch(string(r.doc), -1) {
		if !strings.Contains(string(page), "\n| "+code[1]+" | ") {
			t.Errorf("docs/API.md lacks the code %s", code[1])
		}
	}
}
