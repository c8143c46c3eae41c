package synth

import (
	"flag"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"dunning/data"
)

var update = flag.Bool("update", false, "rewrite the parameter tables of docs/SIMULATOR.md")

const (
	tablesBegin = "<!-- parameters: written by go test ./data/synth -run Simulator -update -->\n"
	tablesEnd   = "<!-- end of parameters -->\n"
)

// TestSimulatorDocument_ShowsTheParameters keeps the tables of the document
// equal to the parameters that the code uses.
func TestSimulatorDocument_ShowsTheParameters(t *testing.T) {
	path := filepath.Join("..", "..", "docs", "SIMULATOR.md")
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	head, rest, ok := strings.Cut(string(b), tablesBegin)
	got, tail, ok2 := strings.Cut(rest, tablesEnd)
	if !ok || !ok2 {
		t.Fatalf("%s has no parameter section", path)
	}
	want := parameterTables()
	if got == want {
		return
	}
	if !*update {
		t.Fatalf("the tables of %s are not the parameters; run go test ./data/synth -run Simulator -update", path)
	}
	if err := data.WriteFile(path, []byte(head+tablesBegin+want+tablesEnd+tail)); err != nil {
		t.Fatal(err)
	}
}

// markdown writes one table.
func markdown(b *strings.Builder, title string, header []string, rows [][]string) {
	fmt.Fprintf(b, "\n**%s**\n\n| %s |\n|%s\n", title, strings.Join(header, " | "), strings.Repeat("---|", len(header)))
	for _, r := range rows {
		fmt.Fprintf(b, "| %s |\n", strings.Join(r, " | "))
	}
}

func numbers[T any](values []T) (out []string) {
	for _, v := range values {
		out = append(out, fmt.Sprint(v))
	}
	return out
}

func parameterTables() string {
	var b strings.Builder
	names := numbers(data.Channels[:])
	var rows [][]string
	for _, r := range responseTypes {
		rows = append(rows, append(append([]string{r.name, fmt.Sprint(r.share)}, numbers(r.mult[:])...),
			fmt.Sprint(r.payday), fmt.Sprint(r.promise), fmt.Sprint(r.talk)))
	}
	markdown(&b, "Response types k: share, multipliers m[k][c], payday gain s[k], promise γ[k], talk τ[k]",
		append(append([]string{"type", "share"}, names...), "s", "γ", "τ"), rows)
	rows = nil
	for l, name := range levelNames {
		rows = append(rows, append([]string{name}, numbers([]float64{levelHazard[l], levelShare[l], levelTilt[l], levelTalk[l], levelScore[l], levelMarks[l]})...))
	}
	markdown(&b, "Liquidity levels l: hazard g[l], share, tilt by the observed score, talk τ'[l], bureau mean, negative records",
		[]string{"level", "g", "share", "tilt", "τ'", "score", "records"}, rows)
	opens := numbers(openLogit[:])
	for c, x := range openLogit {
		if math.IsInf(x, -1) {
			opens[c] = "never"
		}
	}
	rows = [][]string{
		append([]string{"effect b[c]"}, numbers(channelEffect[:])...),
		append([]string{"days until it works"}, numbers(channelLag[:])...),
		append([]string{"P(delivered), valid address"}, numbers(deliverProb[:])...),
		append([]string{"P(promise given delivered) p[c]"}, numbers(promiseProb[:])...),
		append([]string{"logit P(opened given delivered), m = 0"}, opens...),
		append([]string{"cost, cents"}, numbers(ChannelCostCents[:])...),
	}
	markdown(&b, "Channels c", append([]string{""}, names...), rows)
	rows = nil
	for s, name := range []string{"before -7", "-7 … -1", "0 … 5", "6 … 30", "over 30"} {
		row := []string{name}
		for c := range channels {
			row = append(row, fmt.Sprint(stageFactor[c][s]))
		}
		rows = append(rows, row)
	}
	markdown(&b, "Stage factor f[c][stage], by days past due of the invoice at the touch", append([]string{"days past due"}, names...), rows)
	markdown(&b, "Base hazard h(days past due), per day", []string{"days past due", "h"}, hazardRows())
	rows = nil
	for _, s := range segments {
		kind := data.PF
		if s.pj {
			kind = data.PJ
		}
		rows = append(rows, []string{s.name, string(kind), fmt.Sprint(s.share), data.Cents(s.median).BRL(), fmt.Sprint(s.spread),
			data.Cents(s.capacity).BRL(), fmt.Sprint(s.tilt), fmt.Sprint(s.digital)})
	}
	markdown(&b, "Segments: share within the kind, usual invoice (median, log spread), capacity without a limit, score, log odds of the digital type",
		[]string{"segment", "kind", "share", "median", "spread", "capacity", "score", "digital"}, rows)
	presetTable(&b)
	b.WriteString("\n")
	return b.String()
}

// presetTable shows what presets change.
func presetTable(b *strings.Builder) {
	header, rows := []string{""}, [][]string{{"half-life, days"}, {"fatigue, log"}}
	for _, r := range responseTypes {
		rows = append(rows, []string{"share of " + r.name})
	}
	for _, ch := range data.Channels {
		rows = append(rows, []string{"effect of " + string(ch)})
	}
	for _, p := range Presets {
		w, _ := newWorld(p)
		header = append(header, string(p))
		figures := []float64{w.halfLifeDays, w.fatigue}
		for _, r := range w.types {
			figures = append(figures, r.share)
		}
		for i, v := range append(figures, w.effect[:]...) {
			rows[i] = append(rows[i], fmt.Sprint(v))
		}
	}
	markdown(b, "Presets (`--preset`): what they change; everything else is the same", header, rows)
}

// hazardRows lists the steps of baseHazard.
func hazardRows() (rows [][]string) {
	for last, from, d := baseHazard(-40), -40, -39; d <= writeOffDays+1; d++ {
		if h := baseHazard(d); h != last || d == writeOffDays+1 {
			label := fmt.Sprintf("%d … %d", from, d-1)
			switch {
			case from == -40:
				label = fmt.Sprintf("up to %d", d-1)
			case from == d-1:
				label = fmt.Sprint(from)
			case d == writeOffDays+1:
				label = fmt.Sprintf("from %d", from)
			}
			rows = append(rows, []string{label, fmt.Sprint(last)})
			last, from = h, d
		}
	}
	return rows
}
