package credit_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"dunning/credit"
	"dunning/data"
	"dunning/features"
	"dunning/models"
	"dunning/models/baseline"
	"dunning/models/trees"
)

// stumps boosts stumps at the quartiles of each column in turn, in pure Go: a
// small learner whose trees are like those of XGBoost, so that these tests run
// without C.
type stumps struct{ rounds int }

func (stumps) Name() string { return "stumps" }

func (s stumps) Fit(_ context.Context, X features.Matrix, y, _ []float64) (models.Model, error) {
	base := 0.0
	for _, v := range y {
		base += v / float64(len(y))
	}
	bias := float32(math.Log(base / (1 - base)))
	margin := make([]float64, len(y))
	for i := range margin {
		margin[i] = float64(bias)
	}
	quartiles := make([][]float32, len(X.Cols))
	for j, col := range X.Cols {
		known := slices.DeleteFunc(slices.Clone(col), func(v float32) bool { return v != v })
		slices.Sort(known)
		for q := 1; q <= 3; q++ {
			quartiles[j] = append(quartiles[j], known[q*len(known)/4])
		}
	}
	var forest []trees.Tree
	for r := range s.rounds {
		for j, col := range X.Cols {
			at := quartiles[j][r%3]
			var g, h [2]float64
			for i, v := range col {
				side := 0
				if !(v < at) {
					side = 1
				}
				p := 1 / (1 + math.Exp(-margin[i]))
				g[side] += y[i] - p
				h[side] += p * (1 - p)
			}
			leaf := func(k int) float32 { return float32(0.3 * g[k] / (h[k] + 1)) }
			forest = append(forest, trees.Tree{Feature: []int32{int32(j), -1, -1}, Threshold: []float32{at, 0, 0}, DefaultLeft: []bool{false, false, false},
				Left: []int32{1, -1, -1}, Right: []int32{2, -1, -1}, Value: []float32{0, leaf(0), leaf(1)}, Cover: []float32{float32(h[0] + h[1]), float32(h[0]), float32(h[1])}})
			for i, v := range col {
				if v < at {
					margin[i] += float64(leaf(0))
				} else {
					margin[i] += float64(leaf(1))
				}
			}
		}
	}
	return trees.New(slices.Clone(X.Names), trees.Logit, bias, forest)
}

// applicants is a table of n people: late months and a purpose tell the risk,
// and so does, by way of the months, the sex, which must not be used.
func applicants(n int, seed uint64) credit.Table {
	rng := rand.New(rand.NewPCG(seed, 5))
	late, debt, sex := make([]float64, n), make([]float64, n), make([]float64, n)
	purpose, present := make([]string, n), make([]bool, n)
	t := credit.Table{Default: make([]float64, n), SHA256: fmt.Sprintf("made-%d-%d", n, seed)}
	for i := range n {
		sex[i] = float64(1 + rng.IntN(2))
		late[i] = float64(rng.IntN(4)) + sex[i] - 1
		debt[i] = rng.ExpFloat64() * 1000
		if rng.IntN(20) == 0 {
			debt[i] = math.NaN()
		}
		purpose[i], present[i] = []string{"car", "home", "travel"}[rng.IntN(3)], true
		margin := -3 + 0.6*late[i]
		if purpose[i] == "travel" {
			margin += 0.7
		}
		if debt[i] > 1500 {
			margin += 0.8
		}
		if rng.Float64() < 1/(1+math.Exp(-margin)) {
			t.Default[i] = 1
		}
	}
	t.Columns = []credit.Column{{Name: "late_months", Numbers: late}, {Name: "other_debt", Numbers: debt},
		{Name: "purpose", Texts: purpose, Present: present}, {Name: "applicant_sex", Numbers: sex}}
	return t
}

func config() credit.TrainConfig {
	return credit.TrainConfig{Outcome: "default within a year", Learner: stumps{30}, Baselines: []models.Learner{baseline.BaseRate{}}, Seed: 3,
		AsOf: data.MakeDate(2026, 1, 31), HorizonDays: 365, CodeVersion: "test"}
}

func train(tb testing.TB, n int) *credit.Trained {
	tb.Helper()
	trained, err := credit.Train(context.Background(), applicants(n, 1), config())
	if err != nil {
		tb.Fatal(err)
	}
	return trained
}

// policyText is a policy for the model of applicants.
const policyText = `policy: teste
cutoffs: {accept_pd: 0.15, decline_pd: 0.4}
loss: {lgd: 0.6, ead_share: 0.8, margin: 0.4, cost_cents: 1500, refer_cents: 1000, most_loss_to_margin: 0.9}
limits: {min_cents: 20000, max_cents: 1000000, step_cents: 10000, most_loss_cents: 20000}
income: {max_share: 0.3, monthly_rate: 0.03, term_months: 12}
minimum_data: {fields: [late_months], known_share: 0.5, refer_unusual: true}
knock_outs:
  - {id: negativado, when: negative_records > 2, decision: decline, words: {pt: Anotações demais., en: Too many records.}}
  - {id: viagem-longa, when: 'purpose == "travel" && term_months > 24', decision: refer, words: {pt: Prazo longo., en: A long term.}}
bureau: {provider: birô, price_cents: 1200, max_age_days: 30, signal: {mean_good: 600, mean_bad: 480, sd: 120}}
reasons:
  count: 3
  features:
    late_months: {pt: meses em atraso, en: months late}
    purpose: {pt: finalidade, en: purpose, values: {travel: {pt: viagem, en: a journey}}}
review:
  raise: {least_months: 6, most_pd_ratio: 0.8, least_use: 0.5, most_step: 0.3}
  alert: {pd_ratio: 2, least_pd: 0.05, months_rising: 3, least_rise: 0.02}
`

func parsed(tb testing.TB, text string) *credit.Policy {
	tb.Helper()
	p, err := credit.ParsePolicy([]byte(text))
	if err != nil {
		tb.Fatal(err)
	}
	return p
}

func analyst(tb testing.TB) *credit.Analyst {
	tb.Helper()
	a, err := credit.NewAnalyst(train(tb, 6000).Model, parsed(tb, policyText))
	if err != nil {
		tb.Fatal(err)
	}
	return a
}

// asked is a request with fields beside application_id and income.
func asked(tb testing.TB, a *credit.Analyst, fields string) *credit.Application {
	tb.Helper()
	q, err := a.ParseRequest([]byte(`{"application_id": "a1", "income_cents": 500000, `+fields+`}`), data.MakeDate(2026, 3, 10))
	if err != nil {
		tb.Fatal(err)
	}
	return q
}

func analysed(tb testing.TB, a *credit.Analyst, fields string) *credit.Analysis {
	tb.Helper()
	v, err := a.Analyse(asked(tb, a, fields))
	if err != nil {
		tb.Fatal(err)
	}
	return v
}

const (
	safe  = `"features": {"late_months": 0, "other_debt": 100, "purpose": "car"}`
	shaky = `"features": {"late_months": 2, "other_debt": 100, "purpose": "home"}`
	risky = `"features": {"late_months": 4, "other_debt": 3000, "purpose": "travel"}`
)

func TestProtectedNames(t *testing.T) {
	for _, name := range []string{"sex", "SEX", "Age", "applicantAge", "PERSONAL_STATUS_AND_SEX", "FOREIGN", "estado_civil", "idade", "data-nascimento", "raça", "gênero", "marital_status"} {
		if !credit.Protected(name) {
			t.Errorf("%s is taken for harmless", name)
		}
	}
	for _, name := range []string{"average", "mortgage", "usage", "essex_branch", "pay_0", "PRESENT_RESIDENCE_SINCE", "stage", "package"} {
		if credit.Protected(name) {
			t.Errorf("%s is taken for protected", name)
		}
	}
}

func TestNoProtectedAttributeIsLearned(t *testing.T) {
	trained := train(t, 6000)
	for _, f := range trained.Model.Features {
		if f.Name == "applicant_sex" {
			t.Error("the sex is a feature")
		}
	}
	if !slices.Equal(trained.Model.HeldBack, []string{"applicant_sex"}) {
		t.Errorf("held back: %q", trained.Model.HeldBack)
	}
	if err := trained.Gate(nil); err != nil {
		t.Error(err)
	}
	c := config()
	c.Keep = []string{"applicant_sex"}
	kept, err := credit.Train(t.Context(), applicants(6000, 1), c)
	if err != nil {
		t.Fatal(err)
	}
	if err := kept.Gate(nil); !errors.Is(err, credit.ErrGate) || !strings.Contains(err.Error(), "applicant_sex") {
		t.Errorf("a model that uses the sex passes the gate: %v", err)
	}
}

func TestFairnessSeesTheGroups(t *testing.T) {
	f := train(t, 6000).Fairness
	if len(f.Groups) != 2 {
		t.Fatalf("%+v", f.Groups)
	}
	one, two := f.Groups[0], f.Groups[1]
	// Sex 2 is a month later on average and so defaults more often and is
	// approved less often; both are predicted about right.
	if !(two.DefaultRate > one.DefaultRate+0.03 && two.ApprovalRate < one.ApprovalRate-0.1 && two.TPR < one.TPR) {
		t.Errorf("%+v\n%+v", one, two)
	}
	for _, g := range f.Groups {
		if g.Rows < 2800 || math.Abs(g.Calibration-1) > 0.1 || g.ApprovedDefaultRate >= g.DefaultRate {
			t.Errorf("%+v", g)
		}
	}
	if r := f.ImpactRatio["applicant_sex"]; math.Abs(r-two.ApprovalRate/one.ApprovalRate) > 1e-12 {
		t.Errorf("impact ratio %g", r)
	}
}

func TestPDIsCalibratedOnRowsItNeverSaw(t *testing.T) {
	m := train(t, 6000).Model
	fresh := applicants(6000, 99)
	pd, err := m.PDs(fresh)
	if err != nil {
		t.Fatal(err)
	}
	e := models.Evaluate(fresh.Default, pd)
	if e.CalibSlope < 0.9 || e.CalibSlope > 1.1 || math.Abs(e.CalibInTheLarge) > 0.1 || e.AUC < 0.7 {
		t.Errorf("slope %.3f, in the large %.3f, AUC %.3f", e.CalibSlope, e.CalibInTheLarge, e.AUC)
	}
}

func TestTrainRefuses(t *testing.T) {
	leak := applicants(2000, 1)
	leak.Columns = append(leak.Columns, credit.Column{Name: "closed_as_loss", Numbers: leak.Default})
	few := applicants(60, 1)
	for name, c := range map[string]struct {
		table  credit.Table
		change func(*credit.TrainConfig)
		want   string
	}{
		"a leak":                  {leak, func(*credit.TrainConfig) {}, "closed_as_loss"},
		"too few defaults":        {few, func(*credit.TrainConfig) {}, "defaults among 60 rows"},
		"an unknown column":       {applicants(2000, 1), func(c *credit.TrainConfig) { c.Drop = []string{"nosuch"} }, "nosuch"},
		"nothing to learn":        {applicants(2000, 1), func(c *credit.TrainConfig) { c.Drop = []string{"late_months", "other_debt", "purpose"} }, "no column"},
		"a learner without trees": {applicants(2000, 1), func(c *credit.TrainConfig) { c.Learner = baseline.BaseRate{} }, "no trees"},
	} {
		t.Run(name, func(t *testing.T) {
			conf := config()
			c.change(&conf)
			if _, err := credit.Train(t.Context(), c.table, conf); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, want %q", err, c.want)
			}
		})
	}
}

func TestStoredModelPredictsTheSameBits(t *testing.T) {
	trained := train(t, 3000)
	raw, err := trained.Model.Encode()
	if err != nil {
		t.Fatal(err)
	}
	m, err := credit.DecodeModel(raw)
	if err != nil {
		t.Fatal(err)
	}
	if m.Version() != trained.Model.Version() {
		t.Errorf("version %s, then %s", trained.Model.Version(), m.Version())
	}
	fresh := applicants(500, 8)
	one, err := trained.Model.PDs(fresh)
	if err != nil {
		t.Fatal(err)
	}
	two, err := m.PDs(fresh)
	if err != nil || !slices.Equal(one, two) {
		t.Errorf("predictions differ (%v)", err)
	}
	again := train(t, 3000)
	if again.Model.Version() != m.Version() {
		t.Error("the same training gives another version")
	}
	for _, at := range []int{len(raw) / 3, len(raw) - 5} {
		bad := slices.Clone(raw)
		bad[at] ^= 1
		if _, err := credit.DecodeModel(bad); !errors.Is(err, data.ErrDamagedFile) {
			t.Errorf("byte %d changed: %v", at, err)
		}
	}
}

func TestPolicyFaultsAreNamedAllAtOnce(t *testing.T) {
	text := strings.NewReplacer("accept_pd: 0.15", "accept_pd: 0.5", "lgd: 0.6", "lgd: 6", "min_cents: 20000", "min_cents: 0", "decision: decline", "decision: accept", "sd: 120", "sd: 0", "months_rising: 3", "months_rising: 99").Replace(policyText)
	_, err := credit.ParsePolicy([]byte(text))
	if !errors.Is(err, data.ErrUsage) {
		t.Fatal(err)
	}
	for _, want := range []string{"accept_pd", "lgd", "min_cents", "knock_outs[0]", "signal.sd", "months_rising"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%s is not named in %v", want, err)
		}
	}
	if _, err := credit.ParsePolicy([]byte(policyText + "typo: 1\n")); err == nil || !strings.Contains(err.Error(), "typo") {
		t.Errorf("an unknown key: %v", err)
	}
}

func TestPolicyMustFitTheModel(t *testing.T) {
	m := train(t, 3000).Model
	for change, want := range map[string][2]string{
		"a rule over a protected attribute": {"negative_records > 2", "applicant_sex == 2.0"},
		"an unknown name":                   {"negative_records > 2", "nosuch > 2"},
		"no condition":                      {"negative_records > 2", "negative_records + 2"},
		"an unknown field":                  {"fields: [late_months]", "fields: [nosuch]"},
		"words of no feature":               {"    late_months: {pt", "    nosuch: {pt"},
		"another model":                     {"policy: teste", "policy: teste\nmodel: ffff"},
	} {
		text := strings.Replace(policyText, want[0], want[1], 1)
		if text == policyText {
			t.Fatal(change)
		}
		if _, err := credit.NewAnalyst(m, parsed(t, text)); !errors.Is(err, data.ErrUsage) {
			t.Errorf("%s: %v", change, err)
		}
	}
}

func TestExamplePolicyIsSound(t *testing.T) {
	raw, err := os.ReadFile("examples/cartao.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := credit.ParsePolicy(raw); err != nil {
		t.Error(err)
	}
}

func TestPageNamesEveryColumnOfRules(t *testing.T) {
	page, err := os.ReadFile("../docs/CREDIT.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range credit.Columns() {
		if !strings.Contains(string(page), fmt.Sprintf("| `%s` | %s | %s |\n", c.Name, c.Type, c.Doc)) {
			t.Errorf("docs/CREDIT.md lacks %+v", c)
		}
	}
}

// FuzzParsePolicy: no file makes the reader panic, and what it accepts is made
// ready for a model or refused.
func FuzzParsePolicy(f *testing.F) {
	m := train(f, 2000).Model
	example, err := os.ReadFile("examples/cartao.yaml")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(example)
	f.Add([]byte(policyText))
	f.Add([]byte("a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		p, err := credit.ParsePolicy(raw)
		if (p == nil) == (err == nil) || err != nil && !errors.Is(err, data.ErrUsage) {
			t.Fatalf("%v and %v", p, err)
		}
		if err != nil {
			return
		}
		a, err := credit.NewAnalyst(m, p)
		if err != nil {
			if !errors.Is(err, data.ErrUsage) {
				t.Fatal(err)
			}
			return
		}
		q, err := a.ParseRequest([]byte(`{"application_id": "a1", "income_cents": 500000, `+safe+`}`), 0)
		if err != nil {
			t.Fatal(err)
		}
		if v, err := a.Analyse(q); err == nil && v.LimitCents < 0 {
			t.Fatalf("%+v", v)
		}
	})
}
