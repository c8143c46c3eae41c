package credit_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"dunning/credit"
	"dunning/data"
)

func TestDecisionsAndTheirReasons(t *testing.T) {
	a := analyst(t)
	for _, c := range []struct {
		name, fields string
		decision     credit.Decision
		code         string // among the reasons
		bound        string
	}{
		{"a safe one gets what he asks for", safe + `, "requested_cents": 123456`, credit.Accept, "pd_low", "requested"},
		{"as much as there may be", safe, credit.Accept, "pd_low", "expected_loss"},
		{"more than there may be", safe + `, "requested_cents": 5000000`, credit.Accept, "limited_by_loss", "expected_loss"},
		{"a small income", safe + `, "income_cents": 150000, "requested_cents": 900000`, credit.Accept, "limited_by_income", "income"},
		{"an income that is spent", safe + `, "income_cents": 150000, "committed_cents": 44000`, credit.Decline, "no_room_income", ""},
		{"too little", safe + `, "requested_cents": 500`, credit.Decline, "no_room_requested", ""},
		{"in between", shaky + `, "requested_cents": 100000`, credit.Refer, "pd_between", "requested"},
		{"too risky", risky, credit.Decline, "pd_too_high", ""},
		{"knocked out", safe + `, "bureau": {"at": "2026-03-01", "score": 700, "negative_records": 3}`, credit.Decline, "knock_out", ""},
		{"a rule for a person", `"term_months": 36, "features": {"late_months": 0, "purpose": "travel"}`, credit.Refer, "knock_out", "expected_loss"},
		{"a field that is demanded", `"features": {"late_months": null, "other_debt": 1, "purpose": "car"}`, credit.Refer, "missing_data", "expected_loss"},
		{"too little known", `"features": {"late_months": 1}`, credit.Refer, "little_known", ""},
		{"far out of the ordinary", `"features": {"late_months": 0, "other_debt": 1e9, "purpose": "car"}`, credit.Refer, "unusual", ""},
		{"a bureau report that helps", shaky + `, "bureau": {"at": "2026-03-01", "score": 800}`, credit.Accept, "bureau_lowers", "maximum"},
		{"a bureau report that harms", shaky + `, "bureau": {"at": "2026-03-01", "score": 300}`, credit.Decline, "bureau_raises", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			fields := c.fields
			v := analysed(t, a, fields)
			codes := []string{}
			for _, r := range v.Reasons {
				codes = append(codes, r.Code)
				if r.PT == "" || r.EN == "" || credit.Protected(r.Feature) {
					t.Errorf("reason %+v", r)
				}
			}
			if v.Decision != c.decision || !strings.Contains(strings.Join(codes, " "), c.code) || c.bound != "" && v.LimitBoundBy != c.bound {
				t.Errorf("PD %.3f: %s %s bound by %s, reasons %v; want %s %s", v.PD, v.Decision, v.LimitCents.BRL(), v.LimitBoundBy, codes, c.decision, c.code)
			}
			if (v.Decision == credit.Decline) != (v.LimitCents == 0) {
				t.Errorf("%s with a limit of %s", v.Decision, v.LimitCents.BRL())
			}
			if v.LimitCents > 0 && v.ExpectedLossCents > 20000 {
				t.Errorf("expected loss %s", v.ExpectedLossCents.BRL())
			}
		})
	}
}

func TestReasonsAreInWords(t *testing.T) {
	a := analyst(t)
	v := analysed(t, a, risky)
	last := v.Reasons[1:]
	if len(last) != 3 || last[0].Effect < last[1].Effect || last[2].Effect <= 0 {
		t.Fatalf("%+v", last)
	}
	text := last[0].PT + last[1].PT + last[2].PT
	for _, want := range []string{"meses em atraso: 4 (aumenta o risco)", "finalidade: viagem (aumenta o risco)", "other_debt: 3000 (aumenta o risco)"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q lacks %q", text, want)
		}
	}
	if !strings.Contains(v.Rights.PT, "LGPD, art. 20") || !strings.Contains(v.Rights.PT, "CDC, art. 43") {
		t.Error(v.Rights.PT)
	}
}

// The effects of all features and what is expected without any add up to the
// log-odds of the PD, whoever applies: reasons are no story told afterwards.
func TestEffectsAddUpToThePD(t *testing.T) {
	a := analyst(t)
	var expected []float64
	for _, fields := range []string{safe, shaky, risky, `"features": {"late_months": 1}`} {
		q := asked(t, a, fields)
		v, err := a.Analyse(q)
		if err != nil {
			t.Fatal(err)
		}
		e, err := a.Explain(q, v)
		if err != nil || !e.Same {
			t.Fatalf("%+v, %v", e, err)
		}
		expected = append(expected, e.Expected)
	}
	for _, x := range expected {
		if math.Abs(x-expected[0]) > 1e-5 { // margins are added in float32
			t.Errorf("expected log-odds %v", expected)
		}
	}
}

func TestMoreRiskNeverBringsMore(t *testing.T) {
	a := analyst(t)
	rank := map[credit.Decision]int{credit.Decline: 0, credit.Refer: 1, credit.Accept: 2}
	best := analysed(t, a, safe)
	for score := 790.0; score > 120; score -= 10 {
		v := analysed(t, a, safe+fmt.Sprintf(`, "bureau": {"at": "2026-03-10", "score": %g}`, score))
		if score < 780 && (v.PD < best.PD || v.LimitCents > best.LimitCents || rank[v.Decision] > rank[best.Decision]) {
			t.Fatalf("score %g: PD %.4f %s %s after PD %.4f %s %s", score, v.PD, v.Decision, v.LimitCents.BRL(), best.PD, best.Decision, best.LimitCents.BRL())
		}
		best = v
	}
	if best.Decision != credit.Decline {
		t.Errorf("the worst score ends with %s", best.Decision)
	}
}

func TestOldBureauReportsDoNotCount(t *testing.T) {
	a := analyst(t)
	v := analysed(t, a, shaky+`, "bureau": {"at": "2026-01-01", "score": 300, "negative_records": 9}`)
	if v.Bureau.Used || v.PD != v.PDBefore || v.Decision == credit.Decline {
		t.Errorf("%+v", v)
	}
}

func TestEveryWrongFieldIsNamed(t *testing.T) {
	a := analyst(t)
	bad := `{"application_id": "", "as_of": "yesterday", "stage": "soon", "requested_cents": -1, "term_months": 1.5, "income_cents": "much", "committed_cents": true,
		"features": {"late_months": "two", "other_debt": 1e300, "purpose": "yacht", "applicant_sex": 2, "late_month": 1},
		"history": [{"due_on": "2026-01-01", "amount_cents": 5}, {"amount_cents": -2, "paid_on": 3, "x": 1}, 7],
		"bureau": {"at": "2027-01-01", "score": 1e6, "negative_records": -1},
		"existing": {"limit_cents": 1, "used_cents": 1, "granted_on": "2025-01-01", "pd_at_grant": 2, "past_pds": [0.1, 7]}, "nonsense": 1}`
	_, err := a.ParseRequest([]byte(bad), data.MakeDate(2026, 3, 10))
	var faults credit.Faults
	if !errors.As(err, &faults) || !errors.Is(err, data.ErrBadInput) {
		t.Fatal(err)
	}
	named := map[string]string{}
	for _, f := range faults {
		named[f.Field] += f.Problem
	}
	for _, field := range []string{"application_id", "as_of", "stage", "requested_cents", "term_months", "income_cents", "committed_cents",
		"features.late_months", "features.other_debt", "features.purpose", "features.applicant_sex", "features.late_month",
		"history[1].due_on", "history[1].amount_cents", "history[1].paid_on", "history[1].x", "history[2]",
		"bureau.at", "bureau.score", "bureau.negative_records", "existing", "existing.pd_at_grant", "existing.past_pds[1]", "nonsense"} {
		if named[field] == "" {
			t.Errorf("%s is not named in %v", field, faults)
		}
		delete(named, field)
	}
	if len(named) > 0 {
		t.Errorf("named without a fault: %v", named)
	}
	if text := err.Error(); !strings.Contains(text, "protected attribute") || !strings.Contains(text, "did you mean late_months?") || strings.Contains(text, "much") {
		t.Error(text)
	}
	for _, raw := range []string{``, `null`, `[]`, `{"application_id": "a"} {}`, `{"application_id": "a"`, `{"application_id": "a", "features": null}`, `{"application_id": "a", "features": {}, "stage": "after"}`} {
		if _, err := a.ParseRequest([]byte(raw), 0); !errors.Is(err, data.ErrBadInput) {
			t.Errorf("%s: %v", raw, err)
		}
	}
}

func TestHistoryCountsOnlyWhatWasKnown(t *testing.T) {
	text := strings.Replace(policyText, "negative_records > 2", "history_overdue_cents > 0 || history_worst_days > 60", 1)
	a, err := credit.NewAnalyst(train(t, 3000).Model, parsed(t, text))
	if err != nil {
		t.Fatal(err)
	}
	for history, declined := range map[string]bool{
		`[]`: false,
		`[{"due_on": "2026-01-10", "amount_cents": 100, "paid_on": "2026-01-12"}]`:                     false,
		`[{"due_on": "2026-04-10", "amount_cents": 100}]`:                                              false, // not yet due
		`[{"due_on": "2026-01-10", "amount_cents": 100}]`:                                              true,
		`[{"due_on": "2025-01-10", "amount_cents": 100, "paid_on": "2025-06-10"}]`:                     true,
		`[{"due_on": "2026-03-10", "amount_cents": 100}, {"due_on": "2026-03-09", "amount_cents": 0}]`: false,
	} {
		if v := analysed(t, a, safe+`, "history": `+history); (v.Decision == credit.Decline) != declined {
			t.Errorf("%s: %s", history, v.Decision)
		}
	}
}

func TestReviewOfLimits(t *testing.T) {
	a := analyst(t)
	existing := func(features, rest string) string {
		return features + `, "stage": "after", "existing": {"granted_on": "2025-01-10", ` + rest + `}`
	}
	pd := analysed(t, a, safe).PD
	for _, c := range []struct {
		name, fields string
		action       credit.ReviewAction
		limit        data.Cents
		alerts       string
	}{
		{"a good payer is worth more", existing(safe, fmt.Sprintf(`"limit_cents": 200000, "used_cents": 150000, "pd_at_grant": %g`, 2*pd)), credit.RaiseLimit, 260000, ""},
		{"unused limits stay", existing(safe, fmt.Sprintf(`"limit_cents": 200000, "used_cents": 1000, "pd_at_grant": %g`, 2*pd)), credit.KeepLimit, 200000, ""},
		{"no better than at the grant", existing(safe, fmt.Sprintf(`"limit_cents": 200000, "used_cents": 150000, "pd_at_grant": %g`, pd)), credit.KeepLimit, 200000, ""},
		{"without an alert no limit falls", existing(shaky, `"limit_cents": 990000, "used_cents": 1000, "pd_at_grant": 0.2`), credit.KeepLimit, 990000, ""},
		{"much riskier than at the grant", existing(shaky, `"limit_cents": 990000, "used_cents": 1000, "pd_at_grant": 0.02`), credit.LowerLimit, -1, "deterioration"},
		{"riskier month by month", existing(shaky, `"limit_cents": 990000, "used_cents": 800000, "pd_at_grant": 0.12, "past_pds": [0.3, 0.02, 0.04, 0.09]`), credit.LowerLimit, 800000, "rising"},
		{"two months in sequence are no trend", existing(shaky, `"limit_cents": 990000, "used_cents": 1000, "pd_at_grant": 0.12, "past_pds": [0.3, 0.04, 0.09]`), credit.KeepLimit, 990000, ""},
		{"beyond the policy", existing(risky, `"limit_cents": 500000, "used_cents": 123400, "pd_at_grant": 0.05`), credit.Freeze, 123400, "deterioration"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := analysed(t, a, c.fields).Review
			var alerts []string
			for _, alert := range r.Alerts {
				alerts = append(alerts, alert.Code)
			}
			if r.Action != c.action || c.limit >= 0 && r.LimitCents != c.limit || strings.Join(alerts, " ") != c.alerts || r.Why.PT == "" {
				t.Errorf("%+v", r)
			}
			if r.Action == credit.LowerLimit && (r.LimitCents >= r.OldLimitCents || r.LimitCents < 1000) {
				t.Errorf("%+v", r)
			}
		})
	}
}

// What was decided can be repeated to the last bit after other models and
// policies were put into force, and a record that was changed is noticed.
func TestKeptAnalysesAreReproducible(t *testing.T) {
	s := credit.OpenStore(t.TempDir(), func() time.Time { return time.Unix(1_770_000_000, 0) })
	install := func(rows int, policy string) {
		t.Helper()
		r, err := s.AddModel(train(t, rows), "ana", "test")
		if err == nil {
			err = s.PromoteModel(r.ID, "ana", "test")
		}
		if err != nil {
			t.Fatal(err)
		}
		if r, err = s.AddPolicy(parsed(t, policy), "ana", "test"); err == nil {
			err = s.PromotePolicy(r.ID, "ana", "test")
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	install(3000, policyText)
	first, err := s.Champion()
	if err != nil {
		t.Fatal(err)
	}
	q := asked(t, first, shaky+`, "requested_cents": 100000, "history": [{"due_on": "2026-01-10", "amount_cents": 100}], "bureau": {"at": "2026-03-01", "score": 612.5}`)
	v, err := first.Analyse(q)
	if err != nil {
		t.Fatal(err)
	}
	request, err := json.Marshal(q)
	if err != nil {
		t.Fatal(err)
	}
	install(4000, strings.Replace(policyText, "0.15", "0.05", 1))
	second, err := s.Champion()
	if err != nil {
		t.Fatal(err)
	}
	if second.Model().Version() == v.ModelVersion || second.Policy().Version() == v.PolicyVersion {
		t.Fatal("the second versions are the first")
	}
	e, err := credit.Explain(s, request, v)
	if err != nil || !e.Same {
		t.Fatalf("same is %v: %v", e != nil && e.Same, err)
	}
	changed := *v
	changed.PD = math.Nextafter(v.PD, 1)
	if e, err := credit.Explain(s, request, &changed); err != nil || e.Same {
		t.Errorf("a PD that is one bit off is taken for the same (%v)", err)
	}
	changed = *v
	changed.ModelVersion = "0123456789abcdef"
	if _, err := credit.Explain(s, request, &changed); !errors.Is(err, data.ErrUsage) {
		t.Errorf("an unknown model: %v", err)
	}
	bad := strings.Replace(policyText, "negative_records > 2", "late_months > 2", 1)
	r, err := s.AddPolicy(parsed(t, bad), "ana", "test")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.PromotePolicy(r.ID, "ana", "test"); !errors.Is(err, data.ErrUsage) {
		t.Errorf("a policy that does not fit the model is put into force: %v", err)
	}
}

// FuzzParseRequest: no body makes the reader panic, and what it accepts is
// answered and can be repeated.
func FuzzParseRequest(f *testing.F) {
	a := analyst(f)
	f.Add([]byte(`{"application_id": "a1", "income_cents": 500000, ` + safe + `}`))
	f.Add([]byte(`{"application_id": "a1", "stage": "after", "existing": {"limit_cents": 1, "used_cents": 9, "granted_on": "2025-01-01", "pd_at_grant": 0}, ` + risky + `}`))
	f.Add([]byte(`{"application_id": "a1", "history": [{"due_on": "0001-01-01", "amount_cents": 0}], ` + shaky + `}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		q, err := a.ParseRequest(raw, data.MakeDate(2026, 3, 10))
		if err != nil {
			if !errors.Is(err, data.ErrBadInput) {
				t.Fatal(err)
			}
			return
		}
		v, err := a.Analyse(q)
		if err != nil {
			t.Fatal(err)
		}
		if !(v.PD > 0 && v.PD < 1) || v.LimitCents < 0 {
			t.Fatalf("%+v", v)
		}
		text, err := json.Marshal(q)
		if err != nil {
			t.Fatal(err)
		}
		if q, err = a.ParseRequest(text, 0); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		if e, err := a.Explain(q, v); err != nil || !e.Same {
			t.Fatalf("cannot be repeated: %v", err)
		}
	})
}

func ExampleAnalyst_Analyse() {
	// An analyst is made of a stored model and a policy, see Store.Champion.
	var t testing.T
	a := analyst(&t)
	q, _ := a.ParseRequest([]byte(`{"application_id": "p-1", "requested_cents": 150000, "income_cents": 400000,
		"features": {"late_months": 0, "other_debt": 250, "purpose": "home"}}`), data.MakeDate(2026, time.March, 10))
	v, _ := a.Analyse(q)
	fmt.Println(v.Decision, v.LimitCents.BRL(), v.LimitBoundBy)
	fmt.Println(v.Reasons[0].EN)
	fmt.Println(v.Reasons[1].EN)
	// Output:
	// accept R$ 1.500,00 requested
	// The estimated risk is within what is accepted.
	// months late: 0 (lowers the risk)
}
