package report_test

import (
	"bytes"
	"os"
	"testing"

	"dunning/pipeline/report"
)

func TestLook(t *testing.T) {
	dir := os.Getenv("LOOK")
	if dir == "" {
		t.Skip()
	}
	for _, lang := range []string{"pt", "en"} {
		var b bytes.Buffer
		if err := report.HTML(&b, sample(), lang); err != nil {
			t.Fatal(err)
		}
		os.WriteFile(dir+"/"+lang+".html", b.Bytes(), 0o644)
		b.Reset()
		report.Text(&b, sample(), lang)
		os.WriteFile(dir+"/"+lang+".txt", b.Bytes(), 0o644)
	}
}
