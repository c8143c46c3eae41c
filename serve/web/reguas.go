package web

import (
	"context"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"dunning/policy/regua"
	"dunning/serve"
)

// Reguas are the company's own réguas and what may be done with them;
// [serve.ReguaDesk] has them.
type Reguas interface {
	// List returns all versions, by id, then number.
	List() ([]regua.Version, error)
	// Load returns a version with its text; version 0 is the latest.
	Load(id string, version int) (regua.Version, *regua.Regua, []byte, error)
	// Save saves a draft of a person's, the next version of its id.
	Save(ctx context.Context, by string, text []byte) (regua.Version, error)
	// Publish puts the draft that was seen into force; its author may not.
	Publish(ctx context.Context, by, id string, seen serve.ReguaDecision) (regua.Version, error)
	// Retire takes the version that was seen out of force, or off the table.
	Retire(ctx context.Context, by, id string, seen serve.ReguaDecision) (regua.Version, error)
	// Try says what a régua would do, alone beside the recommendation; it may take
	// as long as two plans. It tells its phases to whom [regua.WithPhases] names.
	Try(ctx context.Context, r *regua.Regua) (*regua.Trial, error)
}

// Where the room is. Versions have a folder of their own, so that no id of a régua
// is the name of another page.
const (
	reguasPath  = "/reguas"
	reguaFolder = reguasPath + "/ver/"
)

// reguasRoom is the company's own réguas: written, tried, published by somebody
// else, retired. The roles are those of the API.
func (s *Site) reguasRoom() {
	read := everybody
	write := []serve.Role{serve.Manager}
	try := []serve.Role{serve.Scientist, serve.Manager, serve.Approver}
	decide := []serve.Role{serve.Manager, serve.Approver}
	add := func(pattern string, roles []serve.Role, do func(*visit) error) {
		s.add(page{pattern: pattern, title: "regua.title", roles: roles, do: func(v *visit) error {
			if v.site.Reguas == nil {
				return fail(serve.CodeUnavailable)
			}
			return do(v)
		}})
	}
	s.add(page{pattern: "GET " + reguasPath, title: "regua.title", group: "group.analyse", icon: "ladder", roles: read, do: reguasShow})
	add("GET "+reguaFolder+"{id}", read, reguaShow)
	add("GET "+reguaFolder+"{id}/comparar", read, reguaCompare)
	add("POST "+reguaFolder+"{id}/publicar", decide, reguaPublish)
	add("POST "+reguaFolder+"{id}/retirar", decide, reguaRetire)
	add("GET "+reguasPath+"/nova", try, reguaNew)
	add("GET "+reguasPath+"/editor", try, reguaEdit)
	add("POST "+reguasPath+"/editor", try, reguaEdited)
	add("POST "+reguasPath+"/conferir", try, reguaCheck)
	add("POST "+reguasPath+"/salvar", write, reguaSave)
	add("POST "+reguasPath+"/ensaio", try, reguaTry)
	add("GET "+reguasPath+"/ensaio/{id}", try, reguaTrial)
	add("POST "+reguasPath+"/ensaio/{id}/parar", try, reguaTrialStop)
}

// reguaPath is the page of a version; 0 is the latest.
func reguaPath(id string, version int) string {
	path := reguaFolder + url.PathEscape(id)
	if version > 0 {
		path += "?versao=" + strconv.Itoa(version)
	}
	return path
}

// reguaLine is one régua in the list: its versions that matter.
type reguaLine struct {
	regua.Version        // the latest
	Force         int    // the version in force, 0 for none
	Draft         bool   // the latest is a draft
	Link          string // of what a person wants to see first
}

// reguasPage lists the réguas.
type reguasPage struct {
	Missing  bool
	InForce  []reguaLine // in the order in which they claim customers
	Drafts   []reguaLine
	Retired  []reguaLine
	Trials   []trying // of the person, the latest first
	CanWrite bool
	CanTry   bool
}

func reguasShow(v *visit) error {
	if v.site.Reguas == nil {
		return v.show("reguas", reguasPage{Missing: true})
	}
	all, err := v.site.Reguas.List()
	if err != nil {
		return err
	}
	p := reguasPage{CanWrite: v.may(serve.Manager), CanTry: v.mayTry(), Trials: v.site.trials.ofPerson(v.login(), v.now())}
	for _, versions := range byRegua(all) {
		line := reguaLine{Version: versions[len(versions)-1]}
		for _, one := range versions {
			if one.Status == regua.Published {
				line.Force = one.Version
				inForce := reguaLine{Version: one, Force: one.Version, Link: reguaPath(one.ID, one.Version)}
				p.InForce = append(p.InForce, inForce)
			}
		}
		line.Link = reguaPath(line.ID, line.Version.Version)
		switch line.Status {
		case regua.Draft:
			line.Draft = true
			p.Drafts = append(p.Drafts, line)
		case regua.Retired:
			if line.Force == 0 {
				p.Retired = append(p.Retired, line)
			}
		}
	}
	slices.SortStableFunc(p.InForce, func(a, b reguaLine) int {
		if a.Priority != b.Priority {
			return b.Priority - a.Priority
		}
		return strings.Compare(a.ID, b.ID)
	})
	return v.show("reguas", p)
}

// byRegua groups versions, which come by id.
func byRegua(all []regua.Version) (out [][]regua.Version) {
	for i, v := range all {
		if i == 0 || all[i-1].ID != v.ID {
			out = append(out, nil)
		}
		out[len(out)-1] = append(out[len(out)-1], v)
	}
	return out
}

// mayTry says whether the person may try réguas.
func (v *visit) mayTry() bool { return v.may(serve.Scientist, serve.Manager, serve.Approver) }

// reguaPage is one version.
type reguaPage struct {
	regua.Version
	Regua    *regua.Regua
	Text     string
	Tracks   []track
	Steps    []stepLine
	Versions []regua.Version // of the same régua, the latest first
	// What the person may do with it now; Own says that he wrote it.
	CanPublish, CanRetire, CanWrite, CanTry, Own bool
	Fault                                        string
}

func reguaShow(v *visit) error {
	p, err := v.reguaPage(v.r.PathValue("id"), v.r.URL.Query().Get("versao"))
	if err != nil {
		return err
	}
	return v.show("regua", p)
}

// reguaPage gathers one version; "" is the latest.
func (v *visit) reguaPage(id, version string) (*reguaPage, error) {
	number, err := versionOf(version)
	if err != nil {
		return nil, err
	}
	p := &reguaPage{}
	var text []byte
	if p.Version, p.Regua, text, err = v.site.Reguas.Load(id, number); err != nil {
		return nil, err
	}
	p.Text, p.Tracks, p.Steps = string(text), v.tracksOf(p.Regua), v.steps(p.Regua)
	if p.Versions, err = v.versionsOf(id); err != nil {
		return nil, err
	}
	decides := v.may(serve.Manager, serve.Approver)
	p.Own = strings.EqualFold(p.Author, v.login())
	p.CanPublish = decides && !p.Own && p.Status == regua.Draft
	p.CanRetire = decides && p.Status != regua.Retired
	p.CanWrite, p.CanTry = v.may(serve.Manager), v.mayTry()
	return p, nil
}

// versionsOf lists the versions of one régua, the latest first.
func (v *visit) versionsOf(id string) ([]regua.Version, error) {
	all, err := v.site.Reguas.List()
	if err != nil {
		return nil, err
	}
	all = slices.DeleteFunc(all, func(one regua.Version) bool { return one.ID != id })
	slices.Reverse(all)
	return all, nil
}

// versionOf reads the number of a version; "" is 0, the latest.
func versionOf(s string) (int, error) {
	if s == "" {
		return 0, nil
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 {
		return 0, fail(serve.CodeNotFound)
	}
	return n, nil
}

func reguaPublish(v *visit) error {
	return v.judgeRegua(v.site.Reguas.Publish, "regua_publicada")
}

func reguaRetire(v *visit) error {
	return v.judgeRegua(v.site.Reguas.Retire, "regua_retirada")
}

// judgeRegua decides about the version that the person saw.
func (v *visit) judgeRegua(decide func(context.Context, string, string, serve.ReguaDecision) (regua.Version, error), done string) error {
	number, err := strconv.Atoi(v.r.PostForm.Get("versao"))
	if err != nil {
		return fail(serve.CodeInvalid)
	}
	made, err := decide(v.r.Context(), v.login(), v.r.PathValue("id"), serve.ReguaDecision{Version: number, SHA256: v.r.PostForm.Get("sha256")})
	if code, _, _ := serve.CodeOf(err); err != nil && reguaRefusals[code] != "" {
		p, pageErr := v.reguaPage(v.r.PathValue("id"), v.r.PostForm.Get("versao"))
		if pageErr != nil {
			return pageErr
		}
		_, status, _ := serve.CodeOf(err)
		p.Fault = v.say(reguaRefusals[code])
		return v.write(status, "regua", p, v.page.title)
	}
	if err != nil {
		return err
	}
	return v.redirect(reguaPath(made.ID, made.Version) + "&feito=" + done)
}

// reguaRefusals are the words of what was refused, beside the version as it is now.
var reguaRefusals = map[serve.Code]string{serve.CodeApprover: "regua.refused_author", serve.CodeState: "regua.refused_state", serve.CodeHash: "regua.refused_hash"}

// onOf is when something was done; the zero instant for never.
func onOf(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return *t
}

// PublishedOn is when the version was published, for templates.
func (p *reguaPage) PublishedOn() time.Time { return onOf(p.PublishedAt) }

// RetiredOn is when the version was retired, for templates.
func (p *reguaPage) RetiredOn() time.Time { return onOf(p.RetiredAt) }

// CatchUp is for how many days a missed step is made up for, for templates.
func (p *reguaPage) CatchUp() int { return *p.Regua.CatchUpDays }

// Before is the number of the version before this one, 0 for the first.
func (p *reguaPage) Before() int { return p.Version.Version - 1 }
