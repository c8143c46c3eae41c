package models_test

import (
	"bytes"
	"flag"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"dunning/data"
	"dunning/models"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// exampleCard fills every part of a card.
func exampleCard() models.Card {
	y, p := draw(1, 400)
	from, to := data.MakeDate(2024, 1, 1), data.MakeDate(2025, 6, 30)
	return models.Card{
		SchemaVersion: models.CardSchemaVersion, Version: "0123456789abcdef",
		Title: "Payment propensity", Target: "P(the balance open at AsOf is paid in full within 30 days | no touch).",
		AsOf: to, HorizonDays: 30, Seed: 7, CodeVersion: "v1|dirty",
		DataHashes: map[string]string{"training": "aa11", "payments": "bb22"},
		Train:      models.CardPart{Rows: 1600, From: from, To: data.MakeDate(2025, 3, 31)},
		Test:       models.CardPart{Rows: 400, From: data.MakeDate(2025, 5, 1), To: to},
		Features:   []models.CardFeature{{Name: "f_days_past_due", Family: "aging", Meaning: "days | since the oldest due date"}},
		Models: []models.CardModel{
			{Name: "xgboost", Champion: true, Metrics: models.Evaluate(y, p)},
			{Name: "base-rate", Metrics: models.Evaluate([]float64{0, 0}, []float64{0.1, 0.1})},
		},
		Segments:    []models.CardSegment{{Column: "kind", Value: "PF", Metrics: models.Evaluate(y[:200], p[:200])}},
		Calibration: models.CardCalibration{Method: models.Platt, Before: models.Evaluate(y, p), Reliability: models.Reliability(y, p, 4)},
		Lift:        models.LiftTable(y, p, 4),
		Importance:  []models.Importance{{Feature: "f_days_past_due", MeanAbsSHAP: 0.75}},
		Uplift:      []models.CardUplift{{Treatment: "sms", Learner: "s", Rows: 300, ATE: 0.031, Qini: math.NaN(), UpliftAt30: 0.05, MeanEstimate: 0.03}},
		Parameters:  []models.CardParameter{{Name: "rounds", Value: "300"}},
		Limitations: []string{"Only balances that were open for at least a day were seen."},
		Curves:      []models.CardROC{{Name: "xgboost", Points: models.ROC(y, p, 5)}},
	}
}

func TestCardRoundTrip(t *testing.T) {
	for _, c := range []struct {
		name string
		card models.Card
	}{{"full", exampleCard()}, {"empty", models.Card{SchemaVersion: models.CardSchemaVersion}}} {
		t.Run(c.name, func(t *testing.T) {
			b, err := c.card.JSON()
			if err != nil {
				t.Fatal(err)
			}
			back, err := models.DecodeCard(b)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.card, back, cmpopts.EquateNaNs()); diff != "" {
				t.Error(diff)
			}
			again, err := back.JSON()
			if err != nil || !bytes.Equal(again, b) {
				t.Errorf("the second encoding differs (error %v)", err)
			}
			if c.card.Markdown() != back.Markdown() {
				t.Error("the rendering differs")
			}
		})
	}
}

func TestDecodeCardRefuses(t *testing.T) {
	b, err := exampleCard().JSON()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ name, from, to, want string }{
		{"unknown field", `"title"`, `"titel"`, "titel"},
		{"unknown figure", `"ks"`, `"k-s"`, "k-s"},
		{"other schema version", `"schema_version": 1`, `"schema_version": 9`, "schema version 9"},
		{"bad day", `"as_of": "2025-06-30"`, `"as_of": "30/06/2025"`, "bad date"},
	} {
		t.Run(c.name, func(t *testing.T) {
			bad := strings.Replace(string(b), c.from, c.to, 1)
			if bad == string(b) {
				t.Fatal("the case changes nothing")
			}
			if _, err := models.DecodeCard([]byte(bad)); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v", err)
			}
		})
	}
	if _, err := models.DecodeCard(append(b, '{')); err == nil {
		t.Error("trailing bytes were taken")
	}
}

func TestCardMarkdownGolden(t *testing.T) {
	path := filepath.Join("testdata", "card.md")
	got := exampleCard().Markdown()
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("run go test -update if this is meant:\n%s", diff)
	}
}
