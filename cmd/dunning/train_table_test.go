package main

import (
	"encoding/csv"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"dunning/data"
	"dunning/pipeline/foreign"
)

// mailing is a table of 400 customers: half get a letter, which helps those
// with x = 1; p is the probability of each row's own arm.
func mailing() string {
	var b strings.Builder
	b.WriteString("id,x,arm,p,paid\n")
	for i := range 400 {
		x, letter := i%2, i/2%2
		paid := 0
		if (i/4)%5 == 0 || (x == 1 && letter == 1 && (i/4)%2 == 0) {
			paid = 1
		}
		fmt.Fprintf(&b, "c%d,%d,%s,0.5,%d\n", i, x, []string{"hold", "letter"}[letter], paid)
	}
	return b.String()
}

func TestTrainTableFormOfTheAnswer(t *testing.T) {
	table := writeTemp(t, "mail.csv", mailing())
	code, doc, _, errs := runAllocate(t, "train", "--table", table, "--id", "id", "--outcome", "paid", "--treatment", "arm", "--control", "hold",
		"--treat-prob", "p", "--drop", "p", "--split", "folds:2", "--seed", "3", "--json")
	if code != 0 {
		t.Fatalf("exit %d: %s", code, errs)
	}
	models, uplift := doc["models"].([]any), doc["uplift"].([]any)
	if len(models) != 4 || len(uplift) != 5 {
		t.Fatalf("%d models, %d uplift results", len(models), len(uplift))
	}
	for _, key := range []string{"name", "auc", "log_loss", "brier"} {
		if _, ok := models[3].(map[string]any)[key]; !ok {
			t.Errorf("models have no %s", key)
		}
	}
	for _, key := range []string{"treatment", "learner", "ate", "qini", "uplift_at_30"} {
		if _, ok := uplift[0].(map[string]any)[key]; !ok {
			t.Errorf("uplift has no %s", key)
		}
	}
}

func TestEvaluateTableFormOfTheAnswer(t *testing.T) {
	table := writeTemp(t, "mail.csv", mailing())
	args := []string{"evaluate", "--table", table, "--outcome", "paid", "--treatment", "arm", "--treat-prob", "p", "--drop", "id", "--json", "--control"}
	// 200 rows of one probability have an effective sample size of 200.
	code, doc, _, errs := runAllocate(t, append(args, "hold")...)
	if code != 0 {
		t.Fatalf("exit %d: %s", code, errs)
	}
	effect := doc["effects"].([]any)[0].(map[string]any)
	// By construction 40 of 200 pay without a letter, 80 with.
	if effect["treatment"] != "letter" || effect["naive"] != 0.2 || effect["ess"] != 200.0 {
		t.Errorf("%v", effect)
	}
	for _, key := range []string{"ips", "snips", "dr", "dr_se"} {
		if _, ok := effect[key].(float64); !ok {
			t.Errorf("effects have no figure %s: %v", key, effect)
		}
	}
	code, doc, _, errs = runAllocate(t, append(args, "nobody")...)
	if code != 4 || !strings.Contains(fmt.Sprint(doc["refused"]), "no control arm") || !strings.HasPrefix(errs[strings.LastIndex(errs, "dunning:"):], "dunning: refused: ") {
		t.Errorf("exit %d, refused %v, %s", code, doc["refused"], errs)
	}
}

func TestTableCommandsFailOnOneLine(t *testing.T) {
	table := writeTemp(t, "mail.csv", mailing())
	base := []string{"train", "--table", table, "--outcome", "paid"}
	for _, c := range []struct {
		name string
		args []string
		code int
		want string
	}{
		{"nothing to evaluate", []string{"evaluate"}, 2, "--table"},
		{"no outcome", []string{"train", "--table", table}, 2, "--outcome"},
		{"a treatment without its control", append(base[:5:5], "--treatment", "arm"), 2, "--control"},
		{"unknown split", append(base[:5:5], "--split", "often:2"), 2, "often:2"},
		{"unknown roles file", []string{"train", "--roles", "none.yaml"}, 2, "none.yaml"},
		{"output that is neither form", append(base[:5:5], "--out", "p.xlsx"), 2, ".parquet or .csv"},
		{"missing file", []string{"train", "--table", "none.csv", "--outcome", "y"}, 3, "none.csv"},
		{"wrong column", []string{"train", "--table", table, "--outcome", "payed"}, 3, "paid"},
		{"text outcome", []string{"train", "--table", table, "--outcome", "arm"}, 3, "--positive"},
		{"unwritable output", append(base[:5:5], "--drop", "id,arm,p", "--out", filepath.Join(t.TempDir(), "no", "p.csv")), 1, "p.csv"},
	} {
		t.Run(c.name, func(t *testing.T) {
			code, _, _, errs := runAllocate(t, c.args...)
			line := strings.TrimSpace(errs[max(0, strings.LastIndex(errs, "dunning: ")):])
			if code != c.code || !strings.Contains(line, c.want) || strings.Contains(line, "\n") {
				t.Errorf("exit %d, want %d: %s", code, c.code, line)
			}
		})
	}
}

func TestFlagsWinOverTheRolesFile(t *testing.T) {
	table := writeTemp(t, "mail.csv", mailing())
	roles := writeTemp(t, "r.yaml", "table: elsewhere.csv\noutcome: paid\ndrop: [id, p]\nsplit: folds:5\nseed: 9\n")
	out := filepath.Join(t.TempDir(), "p.parquet")
	code, doc, _, errs := runAllocate(t, "train", "--roles", roles, "--table", table, "--split", "folds:2", "--out", out, "--json")
	if code != 0 || doc["split"] != "folds:2" || doc["seed"] != 9.0 || doc["features"] != 2.0 {
		t.Fatalf("exit %d, split %v, seed %v, features %v: %s", code, doc["split"], doc["seed"], doc["features"], errs)
	}
	rows, err := data.Read[foreign.Prediction](out)
	if err != nil || len(rows) != 4*400 || rows[1599].Model != "xgboost" || rows[1599].ID != "400" {
		t.Fatalf("%d predictions, %v", len(rows), err)
	}
	csvOut := filepath.Join(t.TempDir(), "p.csv")
	code, _, text, errs := runAllocate(t, "train", "--roles", roles, "--table", table, "--split", "folds:2", "--out", csvOut)
	if code != 0 || !strings.Contains(text, "xgboost") {
		t.Fatalf("exit %d: %s", code, errs)
	}
	f, err := os.Open(csvOut)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if records, err := csv.NewReader(f).ReadAll(); err != nil || len(records) != 1601 {
		t.Errorf("%d records, %v", len(records), err)
	}
}
