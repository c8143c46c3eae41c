package registry

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"dunning/data"
	"dunning/models"
	"dunning/models/trees"
	"dunning/models/uplift"
)

// SchemaVersion is the version of model.json. A change that an older reader
// would misread raises it.
const SchemaVersion = 1

// Artifact is one trained version.
type Artifact struct {
	// Features are the columns that scoring must compute, in their order in
	// the training table. Models read some or all of them.
	Features []string `json:"features"`
	// Vocabulary is the JSON of features.Vocabulary: the codes of categories.
	Vocabulary json.RawMessage `json:"vocabulary"`
	// HorizonDays is the length of the label window: a PayProb is P(pays in
	// full within HorizonDays | no touch).
	HorizonDays int       `json:"horizon_days"`
	AsOf        data.Date `json:"as_of"` // nothing later than this day was known
	Seed        uint64    `json:"seed"`
	CodeVersion string    `json:"code_version"`
	// DataHashes are the content hashes of what was learned from, by name.
	DataHashes map[string]string `json:"data_hashes"`

	PayProb *PayProb `json:"pay_prob,omitempty"` // nil when there is none
	Uplift  *Uplift  `json:"uplift,omitempty"`   // nil when there is none

	// Card is written to card.json; Save fills its Version.
	Card models.Card `json:"-"`
}

// PayProb is the payment propensity: the ensemble's probability, calibrated.
type PayProb struct {
	Ensemble    *trees.Ensemble    `json:"ensemble"`
	Calibration models.Calibration `json:"calibration"`
}

// Uplift is an S-learner (uplift.SModel): every bag predicts the outcome from
// the features and one indicator column "option_" + treatment per treatment;
// the uplift of a treatment is its indicator's prediction less that of no
// indicator, averaged over the bags.
type Uplift struct {
	Learner    string            `json:"learner"`    // short name for reports
	Treatments []string          `json:"treatments"` // channels, in the order of data.Channels for our own stages
	Bags       []*trees.Ensemble `json:"bags"`
}

// document is model.json. Version is the first 16 hexadecimal digits of the
// SHA-256 of Body's compact JSON.
type document struct {
	SchemaVersion int             `json:"schema_version"`
	Version       string          `json:"version"`
	Body          json.RawMessage `json:"body"`
}

// body is what the version's id is the hash of.
type body struct {
	CardSHA256 string `json:"card_sha256"` // of card.json with an empty version
	Artifact
}

// versionDigits is the length of a version's id: 64 bits, enough to tell
// versions apart; it is no defence against somebody who forges one.
const versionDigits = 16

// encode returns the version's id and the contents of model.json and card.json.
func (a Artifact) encode() (version string, model, card []byte, err error) {
	if err := a.Validate(); err != nil {
		return "", nil, nil, err
	}
	c := a.Card
	c.SchemaVersion, c.Version = models.CardSchemaVersion, ""
	blank, err := c.JSON()
	if err != nil {
		return "", nil, nil, err
	}
	inner, err := json.Marshal(body{CardSHA256: digest(blank), Artifact: a})
	if err != nil {
		return "", nil, nil, fmt.Errorf("registry: %w", err)
	}
	version = digest(inner)[:versionDigits]
	c.Version = version
	if card, err = c.JSON(); err != nil {
		return "", nil, nil, err
	}
	if model, err = (document{SchemaVersion: SchemaVersion, Version: version, Body: inner}).encode(); err != nil {
		return "", nil, nil, err
	}
	return version, model, card, nil
}

// encode returns the bytes of model.json.
func (d document) encode() ([]byte, error) {
	b, err := json.Marshal(d)
	if err != nil {
		return nil, fmt.Errorf("registry: %w", err)
	}
	return append(b, '\n'), nil
}

// Version returns the id that Save will give: a hash of all content except
// times, so that the same training gives the same id. The error is Validate's.
func (a Artifact) Version() (string, error) {
	version, _, _, err := a.encode()
	return version, err
}

// decodeModel reads model.json and verifies its hash.
func decodeModel(raw []byte) (version string, b body, err error) {
	var d document
	if err := models.DecodeStrict(raw, &d); err != nil {
		return "", body{}, err
	}
	if d.SchemaVersion != SchemaVersion {
		return "", body{}, fmt.Errorf("schema version %d, this program reads %d", d.SchemaVersion, SchemaVersion)
	}
	if got := digest(d.Body)[:versionDigits]; got != d.Version {
		return "", body{}, fmt.Errorf("its content has hash %s, its version is %s", got, d.Version)
	}
	if canonical, err := d.encode(); err != nil || !bytes.Equal(canonical, raw) {
		return "", body{}, errors.New("it was written by another hand")
	}
	if err := models.DecodeStrict(d.Body, &b); err != nil {
		return "", body{}, err
	}
	return d.Version, b, b.Validate()
}

// Validate reports every fault of the artefact's own making: parts that are
// missing, models that read columns which are not features, a wrong
// calibration, treatments without an indicator.
func (a Artifact) Validate() error {
	var faults []error
	fault := func(format string, args ...any) { faults = append(faults, fmt.Errorf("registry: "+format, args...)) }
	if len(a.Features) == 0 {
		fault("no features")
	}
	known := map[string]bool{}
	for j, name := range a.Features {
		if name == "" || known[name] {
			fault("feature %d: name %q is empty or repeated", j, name)
		}
		known[name] = true
	}
	if a.HorizonDays <= 0 {
		fault("horizon of %d days", a.HorizonDays)
	}
	if len(a.Vocabulary) > 0 && !json.Valid(a.Vocabulary) {
		fault("the vocabulary is not JSON")
	}
	if a.PayProb == nil && a.Uplift == nil {
		fault("neither a payment nor an uplift model")
	}
	if a.PayProb != nil {
		faults = append(faults, a.PayProb.validate(known)...)
	}
	if a.Uplift != nil {
		faults = append(faults, a.Uplift.validate(known)...)
	}
	return errors.Join(faults...)
}

func (p *PayProb) validate(known map[string]bool) (faults []error) {
	if p.Ensemble == nil {
		return []error{errors.New("registry: pay_prob: no ensemble")}
	}
	if p.Ensemble.Link() != trees.Logit {
		faults = append(faults, fmt.Errorf("registry: pay_prob: link %q does not give a probability", p.Ensemble.Link()))
	}
	for _, name := range p.Ensemble.Features() {
		if !known[name] {
			faults = append(faults, fmt.Errorf("registry: pay_prob: it reads %q, which is not a feature", name))
		}
	}
	if err := p.Calibration.Validate(); err != nil {
		faults = append(faults, fmt.Errorf("registry: pay_prob: %w", err))
	}
	return faults
}

func (u *Uplift) validate(known map[string]bool) (faults []error) {
	fault := func(format string, args ...any) {
		faults = append(faults, fmt.Errorf("registry: uplift: "+format, args...))
	}
	if len(u.Treatments) == 0 || len(u.Bags) == 0 {
		fault("%d treatments, %d bags", len(u.Treatments), len(u.Bags))
	}
	allowed := map[string]bool{}
	for t, name := range u.Treatments {
		if name == "" || allowed[uplift.OptionPrefix+name] {
			fault("treatment %d: name %q is empty or repeated", t, name)
		}
		allowed[uplift.OptionPrefix+name] = true
	}
	for i, bag := range u.Bags {
		if bag == nil {
			fault("bag %d is missing", i)
			continue
		}
		columns := bag.Features()
		for _, name := range columns {
			if !known[name] && !allowed[name] {
				fault("bag %d reads %q, which is neither a feature nor a treatment's indicator", i, name)
			}
		}
		for _, name := range u.Treatments {
			if !slices.Contains(columns, uplift.OptionPrefix+name) {
				fault("bag %d does not read the indicator of %q", i, name)
			}
		}
	}
	return faults
}

func digest(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}
