package web

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"dunning/data"
	"dunning/policy"
	"dunning/policy/regua"
)

// reguaForm is a régua as the fields of the editor have it: texts, right or wrong.
type reguaForm struct {
	ID, Title, Priority string
	Mode                regua.Mode
	Audience            string
	Stop                []string
	CatchUp, MinGap     string
	Partial             regua.AfterPartialPayment
	Steps               []stepForm
}

// stepForm is one step of the form. Its fields are called p<N>.…
type stepForm struct {
	N            int // number of the step's fields
	ID           string
	Anchor       regua.Anchor
	Offset       string
	BusinessDays bool
	Channels     []data.Channel // in the order in which they are tried; "" for no more
	Hours        string         // one of hourChoices
	From, To     string         // of a window: 09:00
	Template     string
	When         string
}

// The choices of hours.
const (
	hoursLaw    = ""
	hoursBest   = "melhor"
	hoursWindow = "janela"
)

// Names of the fields of the editor.
const (
	idField       = "codigo"
	titleField    = "titulo"
	priorityField = "prioridade"
	modeField     = "modo"
	audienceField = "publico"
	stopField     = "parar"
	catchUpField  = "atraso"
	minGapField   = "intervalo"
	partialField  = "parcial"
	stepField     = "passo" // the number of each step
)

// mostFormSteps bounds what a form may bring, a little above what a régua may have.
const mostFormSteps = 64

// formOf fills the form with a régua.
func formOf(r *regua.Regua) *reguaForm {
	f := &reguaForm{ID: r.ID, Title: r.Title, Priority: strconv.Itoa(r.Priority), Mode: r.Mode, Audience: r.Audience.Text,
		MinGap: strconv.Itoa(r.MinGapDays), Partial: r.AfterPartialPayment}
	if r.CatchUpDays != nil {
		f.CatchUp = strconv.Itoa(*r.CatchUpDays)
	}
	for _, x := range r.Stop {
		f.Stop = append(f.Stop, x.Text)
	}
	for i, s := range r.Steps {
		one := stepForm{N: i, ID: s.ID, Anchor: s.Anchor, Offset: strconv.Itoa(s.Offset), BusinessDays: s.BusinessDays,
			Channels: slices.Clone(s.Channels), Template: s.Template, When: s.When.Text}
		if s.Hours.Best {
			one.Hours = hoursBest
		} else if w := s.Hours.Window; w != nil {
			one.Hours = hoursWindow
			one.From, one.To, _ = strings.Cut(w.String(), "-")
		}
		f.Steps = append(f.Steps, one)
	}
	return f
}

// newForm is a form that says as little as it can.
func newForm() *reguaForm {
	return &reguaForm{Priority: "10", Mode: regua.Compete, CatchUp: "3", MinGap: "1", Partial: regua.Continue,
		Steps: []stepForm{{ID: "d5", Anchor: regua.DueDate, Offset: "5", Channels: []data.Channel{data.Email}}}}
}

// lines gives texts of browsers one kind of line.
func lines(s string) string { return strings.ReplaceAll(s, "\r\n", "\n") }

// readForm reads the fields of the editor.
func readForm(form url.Values) *reguaForm {
	f := &reguaForm{ID: strings.TrimSpace(form.Get(idField)), Title: strings.TrimSpace(form.Get(titleField)), Priority: strings.TrimSpace(form.Get(priorityField)),
		Mode: regua.Mode(form.Get(modeField)), Audience: strings.TrimSpace(lines(form.Get(audienceField))), CatchUp: strings.TrimSpace(form.Get(catchUpField)),
		MinGap: strings.TrimSpace(form.Get(minGapField)), Partial: regua.AfterPartialPayment(form.Get(partialField))}
	for _, s := range form[stopField] {
		if s = strings.TrimSpace(lines(s)); s != "" {
			f.Stop = append(f.Stop, s)
		}
	}
	for i, n := range form[stepField] {
		if i >= mostFormSteps {
			break
		}
		get := func(name string) string { return strings.TrimSpace(lines(form.Get("p" + n + "." + name))) }
		s := stepForm{N: i, ID: get("id"), Anchor: regua.Anchor(get("ancora")), Offset: get("dias"), BusinessDays: get("uteis") != "",
			Hours: get("horas"), From: get("de"), To: get("ate"), Template: get("modelo"), When: get("se")}
		for _, c := range form["p"+n+".canal"] {
			if c != "" && !slices.Contains(s.Channels, data.Channel(c)) {
				s.Channels = append(s.Channels, data.Channel(c))
			}
		}
		f.Steps = append(f.Steps, s)
	}
	return f
}

// add puts a step after the last one of the due date.
func (f *reguaForm) add() {
	last, channel := axisFrom-5, data.Email
	for _, s := range f.Steps {
		if n, err := strconv.Atoi(s.Offset); err == nil && s.Anchor == regua.DueDate {
			last = max(last, n)
			if len(s.Channels) > 0 {
				channel = s.Channels[0]
			}
		}
	}
	offset := min(last+5, axisTo)
	id := fmt.Sprintf("d%d", offset)
	for k := 2; slices.ContainsFunc(f.Steps, func(s stepForm) bool { return s.ID == id }); k++ {
		id = fmt.Sprintf("d%d-%d", offset, k)
	}
	f.Steps = append(f.Steps, stepForm{N: len(f.Steps), ID: id, Anchor: regua.DueDate, Offset: strconv.Itoa(offset), Channels: []data.Channel{channel}})
}

// change does what a button of the editor asks for: "mais", or "tirar.N".
func (f *reguaForm) change(action string) {
	switch which, n, _ := strings.Cut(action, "."); which {
	case "mais":
		if len(f.Steps) < mostFormSteps {
			f.add()
		}
	case "tirar":
		f.Steps = slices.DeleteFunc(f.Steps, func(s stepForm) bool { return strconv.Itoa(s.N) == n })
		for i := range f.Steps {
			f.Steps[i].N = i
		}
	}
}

// read makes the régua of a form, with the faults of what is no number or hour. Its
// steps are in the order of their days; at says which of the form each was.
func (f *reguaForm) read() (r *regua.Regua, at []int, faults []reguaFault) {
	number := func(field, text string) int {
		n, err := strconv.Atoi(text)
		if err != nil {
			faults = append(faults, reguaFault{Field: field, key: "regua.f_number"})
		}
		return n
	}
	r = &regua.Regua{ID: f.ID, Title: f.Title, Priority: number(priorityField, f.Priority), Mode: f.Mode, Audience: regua.Expression{Text: f.Audience}, AfterPartialPayment: f.Partial}
	catchUp := number(catchUpField, f.CatchUp)
	r.CatchUpDays, r.MinGapDays = &catchUp, number(minGapField, f.MinGap)
	if r.MinGapDays == 0 {
		r.MinGapDays = -1 // 0 stands for what is left out
	}
	for _, s := range f.Stop {
		r.Stop = append(r.Stop, regua.Expression{Text: s})
	}
	type placed struct {
		regua.Step
		n int
	}
	var steps []placed
	for _, s := range f.Steps {
		one := placed{regua.Step{ID: s.ID, Anchor: s.Anchor, Offset: number(s.field("dias"), s.Offset), BusinessDays: s.BusinessDays, Channels: s.Channels,
			Template: s.Template, When: regua.Expression{Text: s.When}}, s.N}
		switch s.Hours {
		case hoursBest:
			one.Hours.Best = true
		case hoursWindow:
			var w policy.Hours
			if err := w.UnmarshalText([]byte(s.From + "-" + s.To)); err != nil {
				faults = append(faults, reguaFault{Field: s.field("de"), key: "regua.f_hours"})
			}
			one.Hours.Window = &w
		}
		steps = append(steps, one)
	}
	slices.SortStableFunc(steps, func(a, b placed) int { return a.Offset - b.Offset })
	for _, s := range steps {
		r.Steps, at = append(r.Steps, s.Step), append(at, s.n)
	}
	return r, at, faults
}

// field is the name of one of the step's fields.
func (s stepForm) field(name string) string { return fmt.Sprintf("p%d.%s", s.N, name) }

// Choices are the places of the step's channels, each with its number, for
// templates: those that are taken and one more.
func (s stepForm) Choices() []data.Channel {
	out := append(slices.Clone(s.Channels), "")
	return out[:min(len(out), len(data.Channels))]
}

// Stops are the stop conditions and one more, for templates.
func (f *reguaForm) Stops() []string { return append(slices.Clone(f.Stop), "") }
