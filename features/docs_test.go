package features_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"dunning/data"
	"dunning/features"
)

var update = flag.Bool("update", false, "rewrite generated files")

// docs/FEATURES.md is the dictionary itself, so it cannot drift from the code.
func TestDocumentedDictionaryIsTheDictionary(t *testing.T) {
	path := filepath.Join("..", "docs", "FEATURES.md")
	want := dictionaryMarkdown()
	if *update {
		if err := data.WriteFile(path, []byte(want)); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v (write it with: go test ./features -run %s -update)", err, t.Name())
	}
	if string(got) != want {
		t.Errorf("%s is not what the code says; rewrite it with: go test ./features -run %s -update", path, t.Name())
	}
}

// familyText introduces each family, and names where it comes from.
var familyText = map[string]string{
	"aging":      "What is open at AsOf, aged at the day of the action. From invoices and payments.",
	"payhist":    "How the customer paid so far. Lateness is the day on which an invoice was paid in full less its due date, negative when early. From invoices and payments.",
	"mix":        "Who the customer is and what he buys, and how the oldest open invoice compares. From customers and invoices.",
	"touchhist":  "What was sent, how tired of it the customer may be, and how he answered: a decision is answered when a payment came within 7 days, on an invoice issued before it. Shares are partially pooled, since each rests on few trials. From touches (logged holds included) and payments.",
	"engagement": "What the channels reported. From touch_events.",
	"promises":   "What was promised and kept. From promises and payments.",
	"bureau":     "What credit bureaus reported. From bureau_reports.",
	"disputes":   "What he contests. From disputes and invoices.",
	"calendar":   "The day of the action. No table.",
	"cohort":     "How the part of the portfolio to which the customer belongs paid lately, as known at the start of AsOf's month. From the cohort table, which SQL computes over all customers.",
}

func dictionaryMarkdown() string {
	all := features.Dictionary()
	var b strings.Builder
	fmt.Fprintf(&b, `# Feature dictionary

Generated from the code by `+"`go test ./features -update`"+`; do not edit. %d features in %d families.

**The cut.** A feature of (customer, AsOf) sees only what happened before midnight UTC at the start of AsOf.
A fact that is a day (issued_on, cancelled_on) is known when it is before AsOf. The due date and the amount of
an invoice are known once it is issued, even if it is due later. A payment of an invoice that is not known is
not known; nor is an event of a touch that is not. A test rewrites everything else at random and sees no
feature change.

**The day of the action.** A plan made at AsOf proposes touches on later days. Features marked *day* count
elapsed time, or read the calendar, at that day, still with the knowledge of AsOf; the others are those of AsOf.
In training the two days are the same.

**Missing** values are NULL in Parquet and NaN in memory. A lake without touches, promises or bureau reports is
no error: counts are 0 and the rest is missing.

**Names** are f_family_what_unit. Money is in cents, days are calendar days, bdays are business days, shares and
flags lie in [0, 1], a code is the position of a category (kept with the model for UF, segment and product).

**Not features**, because the lake holds only their last value, which may tell of what came after AsOf: the flags
(dispute, litigation, over_indebted, deceased, do_not_contact), consent and reachability per channel,
preferred_channel, credit_limit_cents and anything divided by it, timezone. Policy reads them when it acts.
**The baseline.** Some features compare the customer with what was to be expected of anybody: payments per open
invoice and day, by days past due, kind of customer and class of day (payday, month end, day after a day off …),
and the share of touches opened per channel. These few numbers are learned from the portfolio as it was known at
the AsOf of learning, like the codes of categories, and are kept with the model.

Kind, UF and segment are features: they are taken to be known since the customer's first day. A source whose
segment is revised with hindsight (say, "bad payers") must not map it to segment.
`, len(all), len(familyText))
	family := ""
	for _, f := range all {
		if f.Family != family {
			family = f.Family
			fmt.Fprintf(&b, "\n## %s\n\n%s\n\n| feature | unit | range | at | missing when | meaning |\n|---|---|---|---|---|---|\n", family, familyText[family])
		}
		at, missing := "AsOf", f.Missing
		if f.AtDay {
			at = "day"
		}
		if missing == "" {
			missing = "never"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s | %s | %s |\n", f.Name, f.Unit, f.Range(), at, missing, f.Doc)
	}
	return b.String()
}

func TestEveryFamilyIsIntroduced(t *testing.T) {
	for _, f := range features.Dictionary() {
		if familyText[f.Family] == "" {
			t.Errorf("family %s of %s has no text", f.Family, f.Name)
		}
	}
}
