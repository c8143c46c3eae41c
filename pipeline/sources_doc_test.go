package pipeline

import (
	"flag"
	"os"
	"reflect"
	"strings"
	"testing"

	"dunning/data"
)

var update = flag.Bool("update", false, "rewrite golden files")

func TestSourcesReferenceIsCurrent(t *testing.T) {
	const path = "../docs/SOURCES.md"
	if *update {
		must(t, os.WriteFile(path, []byte(SourcesMarkdown()), 0o644))
	}
	got, err := os.ReadFile(path)
	must(t, err)
	if string(got) != SourcesMarkdown() {
		t.Errorf("%s is not what the definitions say; run go test ./pipeline -run SourcesReference -update", path)
	}
}

// The lake has exactly the columns of the row types, in their order where the
// source has them, so that data.Read finds each.
func TestTablesHaveTheColumnsOfTheirRows(t *testing.T) {
	rows := map[string]reflect.Type{
		"customers": reflect.TypeFor[data.Customer](), "invoices": reflect.TypeFor[data.Invoice](), "payments": reflect.TypeFor[data.Payment](),
		"touches": reflect.TypeFor[data.Touch](), "touch_events": reflect.TypeFor[data.TouchEvent](),
		"promises": reflect.TypeFor[data.Promise](), "bureau_reports": reflect.TypeFor[data.BureauReport](),
		"disputes": reflect.TypeFor[data.Dispute](),
	}
	for _, table := range tables(1) {
		want := map[string]bool{}
		for i := range rows[table.name].NumField() {
			name, _, _ := strings.Cut(rows[table.name].Field(i).Tag.Get("parquet"), ",")
			if name != "-" { // in no file
				want[name] = true
			}
		}
		got := map[string]bool{}
		for _, c := range table.columns {
			got[c.output()] = true
		}
		for _, d := range table.derived {
			got[d[strings.LastIndex(d, " ")+1:]] = true
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s: columns %v, the row has %v", table.name, sortedKeys(got), sortedKeys(want))
		}
		for _, f := range append(table.ownFaults(nil), table.between...) {
			if data.Rules[f.rule] == nil {
				t.Errorf("%s: rule %q has no sentinel", table.name, f.rule)
			}
		}
	}
}
