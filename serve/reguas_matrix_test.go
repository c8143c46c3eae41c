package serve_test

import (
	"fmt"
	"strings"

	"dunning/policy/regua"
	"dunning/serve"
)

// reguaOf is the text of a régua.
func reguaOf(id string) string {
	return "regua: " + id + "\ntitle: Teste\naudience: kind == \"PF\"\nsteps:\n  - {id: d5, offset: 5, channels: [sms]}\n"
}

// draftRegua saves a régua of its own.
func (w *world) draftRegua(author string) regua.Version {
	w.t.Helper()
	w.n++
	v, err := w.reguas.Save([]byte(reguaOf(fmt.Sprint("r", w.n))), author, w.clock.now())
	if err != nil {
		w.t.Fatal(err)
	}
	return v
}

func reguaLines(m map[string]line) {
	const readers, deciders = "scientist manager approver auditor admin", "manager approver admin"
	// on is a case of a decision about a régua that is made for it.
	on := func(name, verb string, make func(w *world, role serve.Role) regua.Version, status int, code string) kase {
		return kase{name, func(w *world, role serve.Role) call {
			v := make(w, role)
			return call{"/v1/reguas/" + v.ID + "/" + verb, object{"version": v.Version, "sha256": v.SHA256}}
		}, status, code, ""}
	}
	own := func(w *world, role serve.Role) regua.Version { return w.draftRegua(name(role)) }
	other := func(w *world, _ serve.Role) regua.Version { return w.draftRegua("somebody else") }
	none := func(*world, serve.Role) regua.Version {
		return regua.Version{ID: "none", Version: 1, SHA256: strings.Repeat("0", 64)}
	}
	unseen := func(w *world, role serve.Role) regua.Version {
		v := w.draftRegua("somebody else")
		v.SHA256 = strings.Repeat("0", 64)
		return v
	}
	retired := func(w *world, role serve.Role) regua.Version {
		v, err := w.reguas.Retire(w.draftRegua("x").ID, 1, "y", w.clock.now())
		if err != nil {
			w.t.Fatal(err)
		}
		return v
	}
	m["reguas"] = line{readers, []kase{get("all", "/v1/reguas", 200, "")}}
	m["regua"] = line{readers, []kase{
		{"somebody else's", func(w *world, _ serve.Role) call {
			return call{path: "/v1/reguas/" + w.draftRegua("x").ID + "?version=1"}
		}, 200, "", `"status":"draft"`},
		get("none", "/v1/reguas/none", 404, "not_found"), get("no id", "/v1/reguas/x..y", 400, "invalid")}}
	m["regua-try"] = line{"scientist manager approver admin", []kase{
		post("one", "/v1/reguas/try", object{"text": reguaOf("b")}, 200, ""), post("of a day without scores", "/v1/reguas/try", object{"text": reguaOf("b"), "as_of": "1999-01-01"}, 404, "not_found"),
		post("no régua", "/v1/reguas/try", object{"text": "x"}, 400, "invalid")}}
	m["regua-trial-start"] = line{"scientist manager approver admin", []kase{
		post("one", "/v1/reguas/trials", object{"text": reguaOf("b")}, 200, ""), post("no régua", "/v1/reguas/trials", object{"text": "x"}, 400, "invalid")}}
	m["regua-trial"] = line{"scientist manager approver admin", []kase{get("none", "/v1/reguas/trials/x", 404, "not_found")}}
	m["regua-save"] = line{"manager admin", []kase{
		post("a new one", "/v1/reguas", object{"text": reguaOf("b2c")}, 200, ""),
		{"with an unknown column", func(*world, serve.Role) call {
			return call{"/v1/reguas", object{"text": strings.Replace(reguaOf("b"), "kind", "knd", 1)}}
		}, 400, "invalid", "did you mean kind?"}}}
	m["regua-publish"] = line{deciders, []kase{on("somebody else's", "publish", other, 200, ""), on("an own one", "publish", own, 403, "approver_is_maker"),
		on("another text than was seen", "publish", unseen, 409, "hash_mismatch"), on("a retired one", "publish", retired, 409, "wrong_state"), on("none", "publish", none, 404, "not_found")}}
	m["regua-retire"] = line{deciders, []kase{on("an own one", "retire", own, 200, ""), on("another text than was seen", "retire", unseen, 409, "hash_mismatch"),
		on("a retired one", "retire", retired, 409, "wrong_state"), on("none", "retire", none, 404, "not_found")}}
}
