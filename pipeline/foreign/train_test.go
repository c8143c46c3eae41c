package foreign

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"dunning/data"
)

// campaign writes a table of n customers: a call raises the chance to pay by
// 0.2 where x is high and does nothing elsewhere; the busy (z high) pay more
// and, with confounded, are called more. p is the logged probability.
func campaign(dir string, n int, effect float64, confounded bool) (string, error) {
	rng := rand.New(rand.NewPCG(3, 1))
	var b strings.Builder
	b.WriteString("id,x,z,town,arm,p_call,later,paid\n")
	for i := range n {
		x, z := rng.Float64(), rng.Float64()
		p := 0.5
		if confounded {
			p = 0.2 + 0.6*z
		}
		arm, chance := "hold", 0.2+0.4*z
		if rng.Float64() < p {
			arm = "call"
			if x > 0.5 {
				chance += effect
			}
		}
		paid, later := 0, 0
		if rng.Float64() < chance {
			paid = 1
		}
		if arm == "call" && rng.IntN(2) == 0 {
			later = 1 // the call was answered: known only afterwards
		}
		fmt.Fprintf(&b, "c%d,%.4f,%.4f,%s,%s,%.4f,%d,%d\n", i, x, z, []string{"Rio", "Belém"}[rng.IntN(2)], arm, p, later, paid)
	}
	path := filepath.Join(dir, "campaign.csv")
	return path, os.WriteFile(path, []byte(b.String()), 0o600)
}

func campaignRoles(t *testing.T, n int, effect float64, confounded bool) Roles {
	t.Helper()
	path, err := campaign(t.TempDir(), n, effect, confounded)
	if err != nil {
		t.Fatal(err)
	}
	return Roles{
		Table: path, ID: "id", Outcome: "paid", Treatment: "arm", Control: "hold",
		Drop: List{"later", "p_call"}, Seed: 3, Params: Params{Rounds: 60, Eta: 0.1},
	}
}

func TestTrainShowsEveryModelAndLearner(t *testing.T) {
	rep, err := Train(context.Background(), campaignRoles(t, 6000, 0.4, false), nil)
	if err != nil {
		t.Fatal(err)
	}
	var names, learners []string
	for _, m := range rep.Models {
		names = append(names, m.Name)
	}
	for _, u := range rep.Uplift {
		learners = append(learners, u.Treatment+" "+u.Learner)
		// The average effect is 0.2; 6000 rows know it to ± 0.013.
		if math.Abs(*u.ATE-.2) > .04 || *u.ATESE > .02 {
			t.Errorf("%s: ATE %.3f ± %.3f", u.Learner, *u.ATE, *u.ATESE)
		}
		if u.Learner != responseLearner && (*u.Qini < .1 || math.Abs(*u.MeanUplift-.2) > .06) {
			t.Errorf("%s: Qini %.3f, mean uplift %.3f", u.Learner, *u.Qini, *u.MeanUplift)
		}
	}
	if got := strings.Join(names, ","); got != "base-rate,logistic,golearn-forest,xgboost" {
		t.Errorf("models: %s", got)
	}
	if got := strings.Join(learners, ","); got != "call s,call t,call x,call dr,call response" {
		t.Errorf("learners: %s", got)
	}
	if rep.TreatProb != probRandomised || rep.Refused != "" || rep.TrainRows != 3000 {
		t.Errorf("%+v", rep)
	}
	if want := 3000 * (4 + 4); len(rep.Predictions) != want || rep.Predictions[0].ID[0] != 'c' {
		t.Errorf("%d predictions, want %d: %+v", len(rep.Predictions), want, rep.Predictions[0])
	}
}

func TestTrainIsDeterministic(t *testing.T) {
	r := campaignRoles(t, 1500, 0.4, true)
	r.Bags = 2
	encode := func() string {
		rep, err := Train(context.Background(), r, nil)
		if err != nil {
			t.Fatal(err)
		}
		b, err := json.Marshal(rep)
		if err != nil {
			t.Fatal(err)
		}
		return string(b) + fmt.Sprint(rep.Predictions)
	}
	if a, b := encode(), encode(); a != b {
		t.Error("the same table and seed gave two reports")
	}
}

func TestTrainTellsConfoundingAndRefuses(t *testing.T) {
	r := campaignRoles(t, 3000, 0.4, true)
	r.Learners = List{"s"}
	rep, err := Train(context.Background(), r, nil)
	if err != nil {
		t.Fatal(err)
	}
	if rep.TreatProb != probEstimated || len(rep.Alarms) == 0 || !strings.Contains(rep.Alarms[0], "was not random") {
		t.Errorf("probabilities %q, alarms %q", rep.TreatProb, rep.Alarms)
	}
	r.Control = "nobody"
	if rep, err = Train(context.Background(), r, nil); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(rep.Refused, "no control arm") || len(rep.Uplift) > 0 || len(rep.Models) != 4 {
		t.Errorf("refused %q, %d uplift results, %d models", rep.Refused, len(rep.Uplift), len(rep.Models))
	}
}

func TestEvaluateNamesConsequencesOfTheTreatment(t *testing.T) {
	r := campaignRoles(t, 6000, 0.4, true)
	r.TreatProb, r.Drop = List{"call=p_call"}, nil
	e, err := Evaluate(context.Background(), r, nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(e.Alarms) != 1 || !strings.Contains(e.Alarms[0], "later differs between") {
		t.Errorf("alarms %q: want the one column that is a consequence", e.Alarms)
	}
	r.Drop = List{"later"}
	if e, err = Evaluate(context.Background(), r, nil); err != nil {
		t.Fatal(err)
	}
	f := e.Effects[0]
	if math.Abs(*f.DR-.2) > 2.5**f.DRSE || *f.Naive < .26 || len(e.Alarms) > 0 {
		t.Errorf("DR %.3f ± %.3f, naive %.3f, alarms %q", *f.DR, *f.DRSE, *f.Naive, e.Alarms)
	}
}

func TestEvaluateTakesAmounts(t *testing.T) {
	r := campaignRoles(t, 6000, 0.4, true)
	r.Query = "SELECT *, paid * 100 AS amount FROM read_csv({{table}})"
	r.Outcome, r.TreatProb, r.Drop = "amount", List{"call=p_call"}, List{"later", "paid"}
	e, err := Evaluate(context.Background(), r, nil)
	if err != nil {
		t.Fatal(err)
	}
	if f := e.Effects[0]; math.Abs(*f.DR-20) > 2.5**f.DRSE {
		t.Errorf("DR %.2f ± %.2f, truth 20", *f.DR, *f.DRSE)
	}
	if _, err := Train(context.Background(), r, nil); data.ExitCode(err) != 3 {
		t.Errorf("training on amounts: %v", err)
	}
}

func TestPolicyColumn(t *testing.T) {
	r := campaignRoles(t, 6000, 0.4, true)
	r.Query = "SELECT *, CASE WHEN x > 0.5 THEN 'call' ELSE 'hold' END AS rule, 'letter' AS strange FROM read_csv({{table}})"
	r.TreatProb, r.Drop, r.Policy = List{"call=p_call"}, List{"later", "strange"}, "rule"
	e, err := Evaluate(context.Background(), r, nil)
	if err != nil {
		t.Fatal(err)
	}
	if v := e.Policy; math.Abs(*v.DR-.6) > 2.5**v.DRSE { // 0.4 without any call, 0.2 by the calls
		t.Errorf("policy: DR %.3f ± %.3f, truth 0.6", *v.DR, *v.DRSE)
	}
	r.Policy, r.Drop = "strange", List{"later", "rule"}
	if _, err = Evaluate(context.Background(), r, nil); data.ExitCode(err) != 3 || !strings.Contains(err.Error(), `row 1: the policy strange chooses "letter"`) {
		t.Errorf("%v", err)
	}
}

func TestTrainStopsWhenAsked(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	_, err := Train(ctx, campaignRoles(t, 2000, 0.4, false), func(what string) {
		if strings.Contains(what, "xgboost") {
			cancel()
		}
	})
	if err == nil || ctx.Err() == nil {
		t.Errorf("%v", err)
	}
}

func ExampleTrain() {
	dir, _ := os.MkdirTemp("", "example")
	defer os.RemoveAll(dir)
	file, _ := campaign(dir, 4000, 0.4, false)
	rep, err := Train(context.Background(), Roles{
		Table: file, ID: "id", Outcome: "paid", Treatment: "arm", Control: "hold", Drop: List{"later", "p_call"},
		Learners: List{"s"},
	}, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	xgboost, u := rep.Models[3], rep.Uplift[0]
	fmt.Printf("%s: better than chance: %v\n", xgboost.Name, *xgboost.AUC > 0.55)
	fmt.Printf("a %s brings %.1f; ranked by learner %s, better than chance: %v\n", u.Treatment, *u.ATE, u.Learner, *u.Qini > 0.05)
	// Output:
	// xgboost: better than chance: true
	// a call brings 0.2; ranked by learner s, better than chance: true
}

func ExampleEvaluate() {
	dir, _ := os.MkdirTemp("", "example")
	defer os.RemoveAll(dir)
	file, _ := campaign(dir, 6000, 0.4, true) // the truth is 0.2
	e, err := Evaluate(context.Background(), Roles{
		Table: file, ID: "id", Outcome: "paid", Treatment: "arm", Control: "hold",
		TreatProb: List{"call=p_call"}, Drop: List{"later"},
	}, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	f := e.Effects[0]
	fmt.Printf("%s: naive %.1f, doubly robust %.1f, within 2 s.e. of the truth: %v\n", f.Treatment, *f.Naive, *f.DR, math.Abs(*f.DR-.2) < 2**f.DRSE)
	// Output: call: naive 0.3, doubly robust 0.2, within 2 s.e. of the truth: true
}
