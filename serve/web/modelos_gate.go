package web

import "dunning/data"

// checkWords are a check of the gate as a page says it.
type checkWords struct {
	GateCheck
	Title  string
	Words  string // what it found; "" where the model's own text must do
	Detail bool   // the model's own text, in English, says more
}

// checks words the checks of a verdict. Those that the page has no words for keep
// their name and text.
func (v *visit) checks(g *GateVerdict) []checkWords {
	if g == nil {
		return nil
	}
	var out []checkWords
	for _, c := range g.Checks {
		w := checkWords{GateCheck: c, Title: c.Name}
		if v.site.book.has("gate." + c.Name) {
			w.Title = v.say("gate." + c.Name)
		}
		if key := "gate." + c.Name + "." + outcomeOf(&c); v.site.book.has(key) {
			w.Words = v.say(key)
			w.Detail = c.Text != ""
		}
		out = append(out, w)
	}
	return out
}

// outcomeOf tells the outcomes of a check apart: passed, refused, or passed
// though something was found or nothing could be compared.
func outcomeOf(c *GateCheck) string {
	found := c.Figure != nil && *c.Figure > 0
	switch {
	case !c.OK:
		return "no"
	case c.Figure == nil:
		return "none"
	case found && c.Limit != nil && *c.Limit == 0:
		return "warned"
	}
	return "ok"
}

// alarmWords say an alarm of a training; the model's own text where the page has
// none.
func (v *visit) alarmWords(h *data.ModelHealth) []string {
	if h == nil {
		return nil
	}
	var out []string
	for _, a := range h.Alarms {
		text := a.Text
		if key := "model.alarm." + string(a.Kind); v.site.book.has(key) {
			text = v.say(key, v.lang.known(a.Figure, 3), v.lang.known(a.Limit, 3))
		}
		out = append(out, a.Subject+": "+text)
	}
	return out
}
