package web

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"

	"dunning/data"
	"dunning/policy/regua"
	"dunning/serve"
)

// libraryLine is a régua that comes with the program.
type libraryLine struct {
	*regua.Regua
	Tracks []track
}

// reguaNew offers what to start from.
func reguaNew(v *visit) error {
	var out []libraryLine
	for _, id := range regua.Library() {
		r, err := fromLibrary(id)
		if err != nil {
			return err
		}
		out = append(out, libraryLine{r, v.tracksOf(r)})
	}
	return v.show("regua-new", out)
}

func fromLibrary(id string) (*regua.Regua, error) {
	text, err := regua.FromLibrary(id)
	if err != nil {
		return nil, fail(serve.CodeNotFound)
	}
	return regua.Parse(text)
}

// editorPage is the editor with a régua in it.
type editorPage struct {
	Form   *reguaForm
	Tracks []track
	Faults []reguaFault
	// Stored is the latest version of the same id; nil where saving makes the first.
	Stored  *regua.Version
	Columns []regua.Column
	CanSave bool
	Trial   *trialPage // nil while nothing was tried
	Said    bool       // the faults are to be read at once
}

// FaultOf returns what is wrong with a field, "" for nothing, for templates.
func (p *editorPage) FaultOf(field string) string {
	for _, f := range p.Faults {
		if f.Field == field {
			return f.Text
		}
	}
	return ""
}

// Bad says that one of the step's fields has a fault, for templates.
func (p *editorPage) Bad(s stepForm) bool {
	return slices.ContainsFunc(p.Faults, func(f reguaFault) bool { return strings.HasPrefix(f.Field, s.field("")) })
}

// LabelOf says when a step of the form is, for templates.
func (p *editorPage) LabelOf(s stepForm) string {
	for _, t := range p.Tracks {
		for _, r := range t.Rungs {
			if r.Index == s.N {
				when, _, _ := strings.Cut(r.Words, ", ")
				return when
			}
		}
	}
	return s.Offset
}

// NextVersion is the number that saving would give, for templates.
func (p *editorPage) NextVersion() int { return p.Stored.Version + 1 }

// Channels lists the channels, for templates.
func (*editorPage) Channels() []data.Channel { return data.Channels[:] }

// Anchors lists the dates that steps may be counted from, for templates.
func (*editorPage) Anchors() []regua.Anchor { return anchors }

// reguaEdit opens the editor: empty, from the library, from a version, or from what
// was tried.
func reguaEdit(v *visit) error {
	q := v.r.URL.Query()
	switch {
	case q.Get("modelo") != "":
		r, err := fromLibrary(q.Get("modelo"))
		if err != nil {
			return err
		}
		return v.showEditor(formOf(r), nil, false)
	case q.Get("regua") != "":
		number, err := versionOf(q.Get("versao"))
		if err != nil {
			return err
		}
		_, r, _, err := v.site.Reguas.Load(q.Get("regua"), number)
		if err != nil {
			return err
		}
		return v.showEditor(formOf(r), nil, false)
	case q.Get("ensaio") != "":
		one, ok := v.site.trials.of(v.login(), q.Get("ensaio"))
		if !ok {
			return fail(serve.CodeNotFound)
		}
		return v.showEditor(formOf(one.Regua), v.trialPage(one), false)
	}
	return v.showEditor(newForm(), nil, false)
}

// reguaEdited does what a button of the form asks for, and shows the form again.
func reguaEdited(v *visit) error {
	f := readForm(v.r.PostForm)
	f.change(v.r.PostForm.Get("acao"))
	return v.showEditor(f, nil, false)
}

// showEditor shows the editor; said tells that the faults are what the person asked
// about.
func (v *visit) showEditor(f *reguaForm, trial *trialPage, said bool) error {
	r, faults, err := v.faultsOf(f)
	if err != nil {
		return err
	}
	p := &editorPage{Form: f, Faults: faults, Columns: regua.Columns(), CanSave: v.may(serve.Manager), Trial: trial, Said: said}
	if p.Stored, err = v.stored(f.ID); err != nil {
		return err
	}
	p.Tracks = v.tracksOf(r)
	// The axis of the form links to the form's own steps.
	_, at, _ := f.read()
	for i := range p.Tracks {
		for k := range p.Tracks[i].Rungs {
			p.Tracks[i].Rungs[k].Index = at[p.Tracks[i].Rungs[k].Index]
		}
	}
	if said && len(faults) > 0 {
		return v.write(http.StatusBadRequest, "regua-editor", p, v.page.title)
	}
	return v.show("regua-editor", p)
}

// stored returns the latest version of an id, nil for none.
func (v *visit) stored(id string) (*regua.Version, error) {
	all, err := v.versionsOf(id)
	if err != nil || len(all) == 0 {
		return nil, err
	}
	return &all[0], nil
}

// reguaCheck answers the editor while somebody writes.
func reguaCheck(v *visit) error {
	f := readForm(v.r.PostForm)
	_, faults, err := v.faultsOf(f)
	if err != nil {
		return err
	}
	stored, err := v.stored(f.ID)
	if err != nil {
		return err
	}
	out := struct {
		Faults []reguaFault `json:"faults"`
		Saves  string       `json:"saves"` // what saving would make
	}{append([]reguaFault{}, faults...), v.savesWhat(f.ID, stored)}
	text, err := json.Marshal(out)
	if err != nil {
		return err
	}
	v.w.Header().Set("Content-Type", "application/json")
	_, err = v.w.Write(text)
	return err
}

// savesWhat says which version saving would make.
func (v *visit) savesWhat(id string, stored *regua.Version) string {
	if stored == nil {
		return v.say("regua.saves_first", id)
	}
	return v.say("regua.saves_next", stored.Version+1, id)
}

// reguaSave saves the form as a draft.
func reguaSave(v *visit) error {
	f := readForm(v.r.PostForm)
	r, faults, err := v.faultsOf(f)
	if err != nil {
		return err
	}
	if len(faults) > 0 {
		return v.showEditor(f, nil, true)
	}
	text, err := r.Text()
	if err != nil {
		return err
	}
	made, err := v.site.Reguas.Save(v.r.Context(), v.login(), text)
	if err != nil {
		return err
	}
	return v.redirect(reguaPath(made.ID, made.Version) + "&feito=regua_salva")
}
