package report

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"dunning/data"
)

var verbs = regexp.MustCompile(`%[a-z]`)

func TestBothLanguagesSayTheSame(t *testing.T) {
	for key, p := range phrases {
		if p.pt == "" || p.en == "" {
			t.Errorf("%s lacks a language", key)
		}
		if pt, en := verbs.FindAllString(p.pt, -1), verbs.FindAllString(p.en, -1); strings.Join(pt, "") != strings.Join(en, "") {
			t.Errorf("%s takes %v in Portuguese and %v in English", key, pt, en)
		}
	}
	for rule := range data.Rules {
		if _, ok := ruleWords[rule]; !ok {
			t.Errorf("quarantine rule %s has no words", rule)
		}
	}
	for _, ch := range data.Channels {
		if channelsEN[ch] == "" {
			t.Errorf("channel %s has no English name", ch)
		}
	}
}

// A text that nothing says any more is deleted.
func TestEveryPhraseIsUsed(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	var code strings.Builder
	for _, f := range files {
		if f == "phrases.go" || strings.HasSuffix(f, "_test.go") {
			continue
		}
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		code.Write(b)
	}
	for key := range phrases {
		// The table of indicators makes KEY_how from KEY.
		if !strings.Contains(code.String(), `"`+strings.TrimSuffix(key, "_how")+`"`) {
			t.Errorf("nothing says %q", key)
		}
	}
}
