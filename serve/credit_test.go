package serve_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"dunning/credit"
	"dunning/data"
	"dunning/models/xgb"
	"dunning/serve"
)

// creditPolicy fits the models of trainCredit.
const creditPolicy = `policy: teste
cutoffs: {accept_pd: 0.2, decline_pd: 0.5}
loss: {lgd: 0.6, ead_share: 0.8, margin: 0.5, most_loss_to_margin: 1}
limits: {min_cents: 10000, max_cents: 500000, step_cents: 1000, most_loss_cents: 100000}
income: {max_share: 0.3, monthly_rate: 0.03, term_months: 12}
knock_outs:
  - {id: negativado, when: negative_records > 2 || history_worst_days > 60, decision: decline, words: {pt: Anotações demais., en: Too many records.}}
bureau: {provider: b, price_cents: 1200, max_age_days: 30, signal: {mean_good: 600, mean_bad: 500, sd: 100}}
`

// trainCredit trains a model of x0, x1 … on made applications.
func trainCredit(t testing.TB, rows, columns, rounds int) *credit.Trained {
	t.Helper()
	rng := rand.New(rand.NewPCG(5, 5))
	table := credit.Table{Default: make([]float64, rows), SHA256: "made"}
	for j := range columns {
		table.Columns = append(table.Columns, credit.Column{Name: fmt.Sprintf("x%d", j), Numbers: make([]float64, rows)})
	}
	for i := range rows {
		margin := -1.5
		for j := range columns {
			v := rng.NormFloat64()
			table.Columns[j].Numbers[i] = v
			margin += v / float64(1+j)
		}
		if rng.Float64() < 1/(1+math.Exp(-margin)) {
			table.Default[i] = 1
		}
	}
	trained, err := credit.Train(t.Context(), table, credit.TrainConfig{Outcome: "default", Folds: 2, AsOf: dayOne, Learner: &xgb.Learner{Params: xgb.Params{Rounds: rounds, Seed: 1}}})
	if err != nil {
		t.Fatal(err)
	}
	return trained
}

// smallCredit is trained once: many homes have it.
var smallCredit struct {
	once  sync.Once
	model *credit.Trained
}

// publishCredit puts a credit model and policy into force.
func publishCredit(h *home) {
	h.t.Helper()
	smallCredit.once.Do(func() { smallCredit.model = trainCredit(h.t, 1500, 3, 10) })
	installCredit(h, smallCredit.model, creditPolicy)
}

func installCredit(h *home, m *credit.Trained, policy string) {
	h.t.Helper()
	s := credit.OpenStore(h.dir, time.Now)
	r, err := s.AddModel(m, "x", "x")
	h.must(err)
	h.must(s.PromoteModel(r.ID, "x", "x"))
	p, err := credit.ParsePolicy([]byte(policy))
	h.must(err)
	r, err = s.AddPolicy(p, "x", "x")
	h.must(err)
	h.must(s.PromotePolicy(r.ID, "x", "x"))
}

// application is a sound request of small models.
func application(id string, x0 float64) object {
	return object{"application_id": id, "income_cents": 500_000, "features": object{"x0": x0, "x1": 0.5, "x2": nil},
		"history": []object{{"due_on": "2026-01-10", "amount_cents": 100, "paid_on": "2026-01-12"}}}
}

func creditLines(m map[string]line) {
	const path = "/v1/credit/analyses"
	wrong := application("a2", 0)
	wrong["income_cents"], wrong["age"] = "much", 30
	review := application("a3", 0)
	review["stage"], review["existing"] = "after", object{"limit_cents": 1000, "used_cents": 10, "granted_on": "2025-01-01", "pd_at_grant": 0.1}
	report := application("a4", 0)
	report["bureau"] = object{"at": "2026-03-01", "score": 600}
	m["analyse-credit"] = line{"scientist manager admin", []kase{
		{"an application", func(*world, serve.Role) call { return call{path, application("a1", -1)} }, 200, "", `"as_of":"` + tuesday.String() + `"`},
		{"a review", func(*world, serve.Role) call { return call{path, review} }, 200, "", `"review":{"action":`},
		{"with a report", func(*world, serve.Role) call { return call{path, report} }, 200, "", `"used":true`},
		{"wrong fields", func(*world, serve.Role) call { return call{path, wrong} }, 400, "invalid", `"faults":["income_cents: `},
		post("no application", path, object{}, 400, "invalid")}}
}

func TestCreditAnswersNameEveryWrongField(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	publishCredit(h)
	r := start(t, h, nil)
	secret, _, err := r.keys.Create(t.Context(), serve.Manager, "x", 0)
	h.must(err)
	a := r.ask("POST", "/v1/credit/analyses", secret, `{"application_id": "", "term_months": 0, "features": {"x0": "a", "sexo": 1}, "bureau": {"at": "2026-03-01"}}`)
	p := decode[serve.Problem](t, a)
	if a.status != 400 || len(p.Faults) != 5 {
		t.Fatalf("%d %s", a.status, a.body)
	}
	for i, want := range []string{"application_id: ", "term_months: ", "features.x0: ", "features.sexo: ", "bureau.score: "} {
		if !strings.HasPrefix(p.Faults[i], want) {
			t.Errorf("fault %q, want %q", p.Faults[i], want)
		}
	}
	if a := r.ask("POST", "/v1/credit/analyses", secret, `{"application_id": "`+strings.Repeat("a", 300_000)+`"}`); a.status != 413 {
		t.Errorf("a large body: %d %s", a.status, a.body)
	}
}

// The same request gets the same answer; a policy that is put into force is
// picked up while the server runs, and one that is damaged is not.
func TestCreditFollowsWhatIsInForce(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	r := start(t, h, nil)
	secret, _, err := r.keys.Create(t.Context(), serve.Scientist, "x", 0)
	h.must(err)
	const body = `{"application_id": "a", "income_cents": 500000, "features": {"x0": 0.1, "x1": 0.2, "x2": -1}}`
	analyse := func() (int, credit.Analysis) {
		t.Helper()
		a := r.ask("POST", "/v1/credit/analyses", secret, body)
		if a.status != 200 {
			return a.status, credit.Analysis{}
		}
		return a.status, decode[credit.Analysis](t, a)
	}
	if status, _ := analyse(); status != 503 {
		t.Errorf("without a model: %d", status)
	}
	publishCredit(h)
	r.store.Refresh(t.Context())
	_, one := analyse()
	_, two := analyse()
	if one.AnalysisID == "" || one.AnalysisID != two.AnalysisID || one.PD != two.PD {
		t.Errorf("%+v, then %+v", one, two)
	}
	installCredit(h, smallCredit.model, strings.Replace(creditPolicy, "max_cents: 500000", "max_cents: 20000", 1))
	r.store.Refresh(t.Context())
	if _, v := analyse(); v.PolicyVersion == one.PolicyVersion || v.LimitCents > 20_000 || v.PD != one.PD {
		t.Errorf("the new policy is not followed: %+v", v)
	}
	_, before := analyse()
	installCredit(h, smallCredit.model, strings.Replace(creditPolicy, "max_cents: 500000", "max_cents: 30000", 1))
	current := filepath.Join(h.dir, filepath.FromSlash(credit.PoliciesFolder), "current", "policy.yaml")
	h.must(os.Chmod(current, 0o644))
	h.must(data.WriteFile(current, []byte("policy: damaged\n")))
	r.store.Refresh(t.Context())
	if _, v := analyse(); v.PolicyVersion != before.PolicyVersion {
		t.Errorf("a damaged policy is followed: %+v", v)
	}
	if log := r.log.String(); !strings.Contains(log, "refused a damaged version") {
		t.Error("nothing in the log")
	}
}
