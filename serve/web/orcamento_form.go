package web

import (
	"math"
	"net/url"
	"strconv"
	"strings"

	"dunning/data"
	"dunning/serve"
	"dunning/serve/whatif"
)

// Names of the fields of a simulation; those of a channel have its name after
// the dot, those of a segment stand in pairs.
const (
	budgetField   = "orcamento"
	offField      = "desligar"
	capacityField = "capacidade."
	dayChannel    = "dia.canal"
	dayField      = "dia.dia"
	dayCapacity   = "dia.capacidade"
	segmentField  = "segmento"
	coverageField = "cobertura"
)

// readWish reads a simulation from a form. What is empty changes nothing. The
// error names no field: the form's own checks come first.
func readWish(l Language, form url.Values) (whatif.Wish, error) {
	var w whatif.Wish
	if s := strings.TrimSpace(form.Get(budgetField)); s != "" {
		cents, ok := l.parseMoney(s)
		if !ok {
			return w, fail(serve.CodeInvalid)
		}
		w.BudgetCents = &cents
	}
	for _, ch := range data.Channels {
		touches, given, ok := parseCount(form.Get(capacityField + string(ch)))
		if !ok {
			return w, fail(serve.CodeInvalid)
		}
		if given {
			w.Capacities = append(w.Capacities, whatif.CapacityWish{Channel: ch, Touches: touches})
		}
	}
	if touches, given, ok := parseCount(form.Get(dayCapacity)); !ok {
		return w, fail(serve.CodeInvalid)
	} else if given {
		day, err := data.ParseDate(form.Get(dayField))
		if err != nil {
			return w, fail(serve.CodeInvalid)
		}
		w.Capacities = append(w.Capacities, whatif.CapacityWish{Channel: data.Channel(form.Get(dayChannel)), Day: day, Touches: touches})
	}
	for _, ch := range form[offField] {
		w.Off = append(w.Off, data.Channel(ch))
	}
	segments, shares := form[segmentField], form[coverageField]
	for i := range min(len(segments), len(shares)) {
		if strings.TrimSpace(shares[i]) == "" {
			continue
		}
		percent, ok := l.parseDecimal(shares[i])
		if !ok || percent < 0 || percent > 100 {
			return w, fail(serve.CodeInvalid)
		}
		w.Coverage = append(w.Coverage, whatif.CoverageWish{Segment: segments[i], Share: percent / 100})
	}
	return w, nil
}

// parseCount reads a whole number; given is false for nothing.
func parseCount(s string) (n int64, given, ok bool) {
	s = strings.TrimSpace(s)
	if s == "" {
		return 0, false, true
	}
	n, err := strconv.ParseInt(strings.NewReplacer(".", "", ",", "", "\u00a0", "").Replace(s), 10, 64)
	return n, true, err == nil && n >= 0
}

// parseDecimal reads a number as the language writes it: "1.234,5". A machine's
// form, "1234.5", is read, too, where it can mean nothing else.
func (l Language) parseDecimal(s string) (float64, bool) {
	thousands, decimal := l.separators()
	s = strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(s), "%"))
	// The other language's mark with other than three digits after it is no
	// separator of thousands.
	if i := strings.LastIndex(s, thousands); i >= 0 && !strings.Contains(s, decimal) && strings.Count(s, thousands) == 1 && len(s)-i-1 != 3 {
		s = s[:i] + decimal + s[i+1:]
	}
	s = strings.ReplaceAll(strings.ReplaceAll(s, thousands, ""), decimal, ".")
	f, err := strconv.ParseFloat(s, 64)
	return f, err == nil && !math.IsNaN(f) && !math.IsInf(f, 0)
}

// parseMoney reads an amount in reais: "R$ 1.500", "1.234,56".
func (l Language) parseMoney(s string) (data.Cents, bool) {
	s = strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(strings.ReplaceAll(s, "\u00a0", " ")), "R$"))
	f, ok := l.parseDecimal(s)
	if !ok || f < 0 || f > 1e9 {
		return 0, false
	}
	return data.RoundCents(100 * f), true
}
