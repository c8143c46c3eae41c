package serve_test

import (
	"encoding/json"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// The shipped dashboard asks for metrics and labels that the server has, and
// leaves none of its own out.
func TestDashboardAsksForWhatThereIs(t *testing.T) {
	b, err := os.ReadFile("../deploy/grafana/dunning.json")
	if err != nil {
		t.Fatal(err)
	}
	var board struct {
		Templating struct {
			List []struct {
				Query any `json:"query"`
			} `json:"list"`
		} `json:"templating"`
		Panels []struct {
			ID      int
			Type    string
			Title   string
			Targets []struct{ Expr string }
		} `json:"panels"`
	}
	if err := json.Unmarshal(b, &board); err != nil {
		t.Fatal(err)
	}
	labels := scraped(t)
	asked, ids := map[string]bool{}, map[int]bool{}
	metric := regexp.MustCompile(`\b((?:dunning|go|process)_[a-z_]+)(\{[^"}]*(?:"[^"]*"[^"}]*)*\})?`)
	for _, p := range board.Panels {
		if ids[p.ID] {
			t.Errorf("%s: the id %d occurs twice", p.Title, p.ID)
		}
		ids[p.ID] = true
		if p.Type != "row" && len(p.Targets) == 0 {
			t.Errorf("%s asks for nothing", p.Title)
		}
		for _, target := range p.Targets {
			found := metric.FindAllStringSubmatch(target.Expr, -1)
			if len(found) == 0 || strings.Count(target.Expr, "(") != strings.Count(target.Expr, ")") {
				t.Errorf("%s: %s", p.Title, target.Expr)
			}
			for _, m := range found {
				asked[m[1]] = true
				have, ok := labels[m[1]]
				if !ok {
					t.Errorf("%s: the server has no metric %s", p.Title, m[1])
				}
				for _, label := range labelsIn(target.Expr, m[2]) {
					if !slices.Contains(append(have, "job", "instance"), label) {
						t.Errorf("%s: %s has no label %s, only %v", p.Title, m[1], label, have)
					}
				}
			}
		}
	}
	for name := range labels {
		base := strings.TrimSuffix(strings.TrimSuffix(strings.TrimSuffix(name, "_bucket"), "_sum"), "_count")
		if strings.HasPrefix(name, "dunning_") && !asked[name] && !asked[base+"_bucket"] {
			t.Errorf("no panel shows %s", name)
		}
	}
}

// labelsIn are the labels that an expression groups by and selects by.
func labelsIn(expr, selector string) []string {
	var out []string
	for _, m := range regexp.MustCompile(`\bby \(([^)]*)\)`).FindAllStringSubmatch(expr, -1) {
		out = append(out, strings.Split(m[1], ", ")...)
	}
	for _, m := range regexp.MustCompile(`([a-z_]+)\s*(?:=~|!~|!=|=)\s*"`).FindAllStringSubmatch(selector, -1) {
		out = append(out, m[1])
	}
	return out
}

// scraped are the metrics of a server that has answered something of every
// kind, with their labels.
func scraped(t *testing.T) map[string][]string {
	t.Helper()
	w := newWorld(t)
	lines := matrix()
	for _, op := range w.ops {
		for _, c := range lines[op.OperationID].cases {
			w.n++
			w.send(op, c.ask(w, "admin"), w.roles["admin"], "scrape-"+strings.Repeat("x", w.n%100)+op.OperationID+c.name)
		}
	}
	out := map[string][]string{}
	for line := range strings.Lines(w.ask("GET", "/metrics", "", "").body) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		name, rest, _ := strings.Cut(line, " ")
		name, rest, labelled := strings.Cut(name+" "+rest, "{")
		if !labelled {
			name, _, _ = strings.Cut(name, " ")
			out[name] = []string{}
			continue
		}
		for _, m := range regexp.MustCompile(`([a-z_]+)="`).FindAllStringSubmatch(rest, -1) {
			if !slices.Contains(out[name], m[1]) {
				out[name] = append(out[name], m[1])
			}
		}
	}
	return out
}
