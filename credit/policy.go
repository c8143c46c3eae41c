package credit

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v3"

	"dunning/data"
)

// Policy is what people decide about credit, as they write it in YAML. Shares,
// rates and probabilities are of 1. Its version is the hash of the file.
type Policy struct {
	Name  string `yaml:"policy"`
	Title string `yaml:"title"`
	// Model, when given, is the beginning of the one model version that the
	// policy was made for.
	Model string `yaml:"model"`

	Cutoffs     Cutoffs       `yaml:"cutoffs"`
	Loss        Loss          `yaml:"loss"`
	Limits      Limits        `yaml:"limits"`
	Income      Income        `yaml:"income"`
	MinimumData MinimumData   `yaml:"minimum_data"`
	KnockOuts   []KnockOut    `yaml:"knock_outs"`
	Bureau      *BureauPolicy `yaml:"bureau"`
	Reasons     ReasonPolicy  `yaml:"reasons"`
	Review      ReviewPolicy  `yaml:"review"`

	version string
	raw     []byte
}

// Cutoffs part the applications by PD: up to AcceptPD accept, above DeclinePD
// decline, between them refer to a person.
type Cutoffs struct {
	AcceptPD  float64 `yaml:"accept_pd"`  // in (0, DeclinePD]
	DeclinePD float64 `yaml:"decline_pd"` // in [AcceptPD, 1)
}

// Loss holds the economics of one credit.
type Loss struct {
	LGD        float64    `yaml:"lgd"`         // loss given default, share of the exposure; in (0, 1]
	EADShare   float64    `yaml:"ead_share"`   // exposure at default, share of the limit; in (0, 1.5]
	Margin     float64    `yaml:"margin"`      // what a good payer brings, share of the exposure; in (0, 2]
	CostCents  data.Cents `yaml:"cost_cents"`  // of an accepted application; ≥ 0
	ReferCents data.Cents `yaml:"refer_cents"` // of a person's look at one; ≥ 0
	// MostLossToMargin is up to which expected loss over expected margin credit
	// is given; in (0, 1].
	MostLossToMargin float64 `yaml:"most_loss_to_margin"`
}

// Limits bound a limit.
type Limits struct {
	MinCents      data.Cents `yaml:"min_cents"`       // below it no credit is given; > 0
	MaxCents      data.Cents `yaml:"max_cents"`       // ≥ MinCents
	StepCents     data.Cents `yaml:"step_cents"`      // limits are multiples of it, unless as asked for; > 0
	MostLossCents data.Cents `yaml:"most_loss_cents"` // expected loss of one customer; > 0
}

// Income bounds the instalments by the income. The zero value does not ask for
// the income.
type Income struct {
	MaxShare    float64 `yaml:"max_share"`    // instalment and other commitments over income; in (0, 1], 0 for no bound
	MonthlyRate float64 `yaml:"monthly_rate"` // interest in the instalment; in [0, 1)
	TermMonths  int     `yaml:"term_months"`  // where the application has none; 1 to 480
}

// MinimumData is what must be known for a decision without a person.
type MinimumData struct {
	Fields     []string `yaml:"fields"`      // features that must be known
	KnownShare float64  `yaml:"known_share"` // of all features; in [0, 1]
	// ReferUnusual refers applications with numbers far outside of what the
	// model has learned from.
	ReferUnusual bool `yaml:"refer_unusual"`
}

// KnockOut is a rule that decides by itself, whatever the PD.
type KnockOut struct {
	ID       string   `yaml:"id"`
	When     string   `yaml:"when"`     // a condition in CEL over [Columns]
	Decision Decision `yaml:"decision"` // decline or refer
	Words    Words    `yaml:"words"`
}

// Words are one text in Portuguese and English.
type Words struct {
	PT string `yaml:"pt" json:"pt"`
	EN string `yaml:"en" json:"en"`
}

// ReasonPolicy says how reasons are worded.
type ReasonPolicy struct {
	Count    int                     `yaml:"count"` // features named at most; 1 to 10
	Features map[string]FeatureWords `yaml:"features"`
}

// FeatureWords are a feature's name and the names of its values.
type FeatureWords struct {
	Words  `yaml:",inline"`
	Values map[string]Words `yaml:"values"`
}

// policyName is what a policy may be called.
var policyName = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{0,63}$`)

// ParsePolicy reads a policy and reports all its faults that can be told without
// a model. Errors are of the class [data.ErrUsage].
func ParsePolicy(raw []byte) (*Policy, error) {
	p := &Policy{version: digest(raw)[:versionDigits], raw: bytes.Clone(raw)}
	dec := yaml.NewDecoder(bytes.NewReader(raw))
	dec.KnownFields(true)
	if err := dec.Decode(p); err != nil {
		return nil, fmt.Errorf("credit: %w: policy: %w", data.ErrUsage, err)
	}
	if err := dec.Decode(new(any)); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("credit: %w: policy: more than one document", data.ErrUsage)
	}
	if p.Reasons.Count == 0 {
		p.Reasons.Count = 4
	}
	if faults := p.faults(); len(faults) > 0 {
		return nil, fmt.Errorf("credit: %w: policy %s: %s", data.ErrUsage, p.Name, strings.Join(faults, "; "))
	}
	return p, nil
}

// LoadPolicy reads a policy's file.
func LoadPolicy(path string) (*Policy, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("credit: %w: policy: %w", data.ErrUsage, err)
	}
	return ParsePolicy(raw)
}

// Version returns the policy's id, a hash of its file.
func (p *Policy) Version() string { return p.version }

// Source returns the file. The caller must not change it.
func (p *Policy) Source() []byte { return p.raw }

// faults lists what is wrong.
func (p *Policy) faults() (out []string) {
	check := func(ok bool, format string, args ...any) {
		if !ok {
			out = append(out, fmt.Sprintf(format, args...))
		}
	}
	within := func(name string, v, low, high float64) {
		check(v >= low && v <= high, "%s %g is not between %g and %g", name, v, low, high)
	}
	check(policyName.MatchString(p.Name), "policy %q is no name of small letters, digits, - and _", p.Name)
	within("cutoffs.accept_pd", p.Cutoffs.AcceptPD, 1e-6, p.Cutoffs.DeclinePD)
	within("cutoffs.decline_pd", p.Cutoffs.DeclinePD, 1e-6, 0.999)
	within("loss.lgd", p.Loss.LGD, 1e-6, 1)
	within("loss.ead_share", p.Loss.EADShare, 1e-6, 1.5)
	within("loss.margin", p.Loss.Margin, 1e-6, 2)
	within("loss.most_loss_to_margin", p.Loss.MostLossToMargin, 1e-6, 1)
	check(p.Loss.CostCents >= 0 && p.Loss.ReferCents >= 0, "loss.cost_cents and loss.refer_cents must not be negative")
	check(p.Limits.MinCents > 0 && p.Limits.MaxCents >= p.Limits.MinCents && p.Limits.MaxCents <= mostCents, "limits.min_cents must be above 0 and limits.max_cents not below it")
	check(p.Limits.StepCents > 0 && p.Limits.StepCents <= mostCents, "limits.step_cents must be above 0")
	check(p.Limits.MostLossCents > 0 && p.Limits.MostLossCents <= mostCents, "limits.most_loss_cents must be above 0")
	within("income.max_share", p.Income.MaxShare, 0, 1)
	if p.Income.MaxShare > 0 {
		within("income.monthly_rate", p.Income.MonthlyRate, 0, 0.999)
		within("income.term_months", float64(p.Income.TermMonths), 1, 480)
	}
	within("minimum_data.known_share", p.MinimumData.KnownShare, 0, 1)
	within("reasons.count", float64(p.Reasons.Count), 1, 10)
	seen := map[string]bool{}
	for i, k := range p.KnockOuts {
		place := fmt.Sprintf("knock_outs[%d]", i)
		check(policyName.MatchString(k.ID) && !seen[k.ID], "%s: id %q is no name or occurs twice", place, k.ID)
		check(k.Decision == Decline || k.Decision == Refer, "%s: decision %q is neither decline nor refer", place, k.Decision)
		check(k.Words.PT != "" && k.Words.EN != "", "%s: its words need pt and en", place)
		seen[k.ID] = true
	}
	if p.Bureau != nil {
		out = append(out, p.Bureau.faults()...)
	}
	return append(out, p.Review.faults()...)
}

// mostCents bounds amounts of money in policies and requests: R$ 10 billion.
const mostCents = 1_000_000_000_000
