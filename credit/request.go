package credit

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strings"

	"dunning/data"
)

// Stage is when credit is analysed.
type Stage string

// The stages.
const (
	Before Stage = "before" // a pre-approval
	At     Stage = "at"     // of a sale
	After  Stage = "after"  // a review of what was granted
)

// Application is one for credit, with what is known of the applicant.
type Application struct {
	ApplicationID  string          `json:"application_id" doc:"Chosen by the caller; returned with the answer." minLength:"1" maxLength:"200"`
	CustomerID     string          `json:"customer_id,omitempty" doc:"Pseudonym of the customer, where there is one." maxLength:"200"`
	AsOf           data.Date       `json:"as_of,omitempty" doc:"The day of the analysis; the server's day where it is left out. Nothing later counts." example:"2026-03-10"`
	Stage          Stage           `json:"stage,omitempty" enum:"before,at,after" doc:"Before, at or after the sale; at where it is left out. after needs existing."`
	RequestedCents data.Cents      `json:"requested_cents,omitempty" doc:"What is asked for; 0 for as much as the policy allows." minimum:"0"`
	TermMonths     int             `json:"term_months,omitempty" doc:"Of the instalments; the policy's where it is left out." minimum:"1" maximum:"480"`
	IncomeCents    *data.Cents     `json:"income_cents,omitempty" doc:"Monthly income; left out when unknown." minimum:"0"`
	CommittedCents data.Cents      `json:"committed_cents,omitempty" doc:"Instalments and rents that the income bears already, a month." minimum:"0"`
	Features       map[string]any  `json:"features" doc:"The model's features by name: numbers, texts of categories, null for unknown. A protected attribute is refused."`
	History        []PastInvoice   `json:"history,omitempty" doc:"Earlier invoices of the applicant." maxItems:"1000"`
	Bureau         *BureauReport   `json:"bureau,omitempty" doc:"The report of a credit bureau, where one was bought."`
	Existing       *ExistingCredit `json:"existing,omitempty" doc:"The credit that is reviewed."`
}

// PastInvoice is one invoice of the applicant's history.
type PastInvoice struct {
	DueOn       data.Date  `json:"due_on"`
	AmountCents data.Cents `json:"amount_cents" minimum:"0"`
	PaidOn      *data.Date `json:"paid_on,omitempty" doc:"Left out while it is unpaid."`
}

// BureauReport is what a credit bureau says.
type BureauReport struct {
	At              data.Date `json:"at" doc:"The day of the report."`
	Score           float64   `json:"score" doc:"Higher is better, on the scale of the policy."`
	NegativeRecords int       `json:"negative_records,omitempty" minimum:"0"`
}

// ExistingCredit is credit that was granted.
type ExistingCredit struct {
	LimitCents data.Cents `json:"limit_cents" minimum:"0"`
	UsedCents  data.Cents `json:"used_cents" minimum:"0"`
	GrantedOn  data.Date  `json:"granted_on"`
	PDAtGrant  float64    `json:"pd_at_grant" minimum:"0" maximum:"1"`
	PastPDs    []float64  `json:"past_pds,omitempty" doc:"The PD of each month before this one, oldest first." maxItems:"120"`
}

// Fault is one wrong field of a request.
type Fault struct {
	Field   string `json:"field"`
	Problem string `json:"problem"`
}

func (f Fault) String() string { return f.Field + ": " + f.Problem }

// Faults are all wrong fields of a request.
type Faults []Fault

// Error lists the faults; the class is [data.ErrBadInput].
func (f Faults) Error() string {
	parts := make([]string, len(f))
	for i, one := range f {
		parts[i] = one.String()
	}
	return "credit: " + data.ErrBadInput.Error() + ": " + strings.Join(parts, "; ")
}

// Unwrap returns the class.
func (f Faults) Unwrap() error { return data.ErrBadInput }

// reader takes a request apart field by field and notes every fault.
type reader struct{ faults Faults }

func (r *reader) fault(field, format string, args ...any) {
	r.faults = append(r.faults, Fault{field, fmt.Sprintf(format, args...)})
}

// ParseRequest reads a request for the analyst's model and policy. today is the
// day of analysis where the request has none. What is wrong is an error of type
// [Faults] with every wrong field; values are not repeated in it.
func (a *Analyst) ParseRequest(raw []byte, today data.Date) (*Application, error) {
	var r reader
	fields, ok := r.object("request", raw)
	if !ok {
		return nil, r.faults
	}
	q := &Application{AsOf: today, Stage: At}
	q.ApplicationID = r.text(fields, "application_id", true)
	q.CustomerID = r.text(fields, "customer_id", false)
	r.date(fields, "", "as_of", &q.AsOf)
	if stage := Stage(r.text(fields, "stage", false)); stage != "" {
		q.Stage = stage
		if !slices.Contains([]Stage{Before, At, After}, stage) {
			r.fault("stage", "is none of before, at, after")
		}
	}
	q.RequestedCents = r.cents(fields, "", "requested_cents", false)
	q.TermMonths = int(r.whole(fields, "", "term_months", 1, 480, 0, false))
	if present(fields, "income_cents") {
		income := r.cents(fields, "", "income_cents", false)
		q.IncomeCents = &income
	}
	delete(fields, "income_cents") // null is unknown
	q.CommittedCents = r.cents(fields, "", "committed_cents", false)
	q.Features = a.features(&r, fields)
	r.history(fields, q)
	a.report(&r, fields, q)
	r.existing(fields, q)
	r.rest("", fields)
	if len(r.faults) > 0 {
		return nil, r.faults
	}
	return q, nil
}

// object reads a JSON object without its values.
func (r *reader) object(field string, raw []byte) (map[string]json.RawMessage, bool) {
	var fields map[string]json.RawMessage
	dec := json.NewDecoder(bytes.NewReader(raw))
	if err := dec.Decode(&fields); err != nil || fields == nil {
		var syntax *json.SyntaxError
		if errors.As(err, &syntax) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			r.fault(field, "is not JSON")
		} else {
			r.fault(field, "is not an object")
		}
		return nil, false
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		r.fault(field, "goes on after its end")
		return nil, false
	}
	return fields, true
}

func present(fields map[string]json.RawMessage, name string) bool {
	raw, ok := fields[name]
	return ok && string(raw) != "null"
}

// take removes a field that must be read into v; false when it is absent or
// wrong, which is noted.
func (r *reader) take(fields map[string]json.RawMessage, at, name, kind string, required bool, v any) bool {
	raw, ok := fields[name]
	delete(fields, name)
	if !ok || string(raw) == "null" {
		if required {
			r.fault(at+name, "is missing")
		}
		return false
	}
	if err := json.Unmarshal(raw, v); err != nil {
		r.fault(at+name, "is not %s", kind)
		return false
	}
	return true
}

func (r *reader) text(fields map[string]json.RawMessage, name string, required bool) (s string) {
	if r.take(fields, "", name, "a text", required, &s) && (len(s) > 200 || required && s == "") {
		r.fault(name, "must have 1 to 200 characters")
	}
	return s
}

func (r *reader) date(fields map[string]json.RawMessage, at, name string, d *data.Date) bool {
	return r.take(fields, at, name, "a day like 2026-01-31", false, d)
}

func (r *reader) whole(fields map[string]json.RawMessage, at, name string, low, high, absent int64, required bool) int64 {
	var v int64
	if !r.take(fields, at, name, "a whole number", required, &v) {
		return absent
	}
	if v < low || v > high {
		r.fault(at+name, "must be %d to %d", low, high)
	}
	return v
}

func (r *reader) cents(fields map[string]json.RawMessage, at, name string, required bool) data.Cents {
	return data.Cents(r.whole(fields, at, name, 0, mostCents, 0, required))
}

func (r *reader) number(fields map[string]json.RawMessage, at, name string, low, high float64) float64 {
	var v float64
	if r.take(fields, at, name, "a number", true, &v) && !(v >= low && v <= high) {
		r.fault(at+name, "must be %g to %g", low, high)
	}
	return v
}

// rest notes the fields that nobody asked for.
func (r *reader) rest(at string, fields map[string]json.RawMessage) {
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		r.fault(at+short(name), "is no field")
	}
}

// short keeps a name that came from outside short.
func short(name string) string {
	if runes := []rune(name); len(runes) > 60 {
		return string(runes[:60]) + "…"
	}
	return name
}

// features reads the model's features; all others are faults.
func (a *Analyst) features(r *reader, fields map[string]json.RawMessage) map[string]any {
	raw, ok := fields["features"]
	delete(fields, "features")
	if !ok {
		r.fault("features", "is missing")
		return nil
	}
	given, ok := r.object("features", raw)
	if !ok {
		return nil
	}
	out := map[string]any{}
	for _, f := range a.model.Features {
		raw, ok := given[f.Name]
		delete(given, f.Name)
		switch {
		case !ok:
		case string(raw) == "null":
			out[f.Name] = nil
		default:
			out[f.Name] = f.read(r, raw)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(given)) {
		if Protected(name) {
			r.fault("features."+short(name), "is a protected attribute, which is not used; leave it out")
			continue
		}
		r.fault("features."+short(name), "is no feature of the model%s", a.near(name))
	}
	return out
}

// near suggests the feature whose name is nearest.
func (a *Analyst) near(name string) string {
	best, distance := "", max(2, len(name)/3)+1
	if len(name) > 60 {
		return ""
	}
	for _, f := range a.model.Features {
		if d := data.EditDistance(name, f.Name); d < distance {
			best, distance = f.Name, d
		}
	}
	if best == "" {
		return ""
	}
	return "; did you mean " + best + "?"
}

// read reads one feature's value.
func (f Feature) read(r *reader, raw json.RawMessage) any {
	at := "features." + f.Name
	if f.Levels == nil {
		var v float64
		if json.Unmarshal(raw, &v) != nil {
			r.fault(at, "is not a number")
		} else if math.Abs(v) > 1e30 {
			r.fault(at, "is out of range")
		}
		return v
	}
	var v string
	if json.Unmarshal(raw, &v) != nil {
		r.fault(at, "is not a text")
		return v
	}
	if _, found := slices.BinarySearch(f.Levels, v); !found {
		r.fault(at, "is none of %s; null for unknown", strings.Join(f.Levels[:min(len(f.Levels), 12)], ", "))
	}
	return v
}

// mostHistory bounds the invoices and the months of a request.
const (
	mostHistory = 1000
	mostMonths  = 120
)

func (r *reader) list(fields map[string]json.RawMessage, name string, most int) []json.RawMessage {
	var rows []json.RawMessage
	if !r.take(fields, "", name, "a list", false, &rows) {
		return nil
	}
	if len(rows) > most {
		r.fault(name, "has %d entries, at most %d", len(rows), most)
		return nil
	}
	return rows
}

func (r *reader) history(fields map[string]json.RawMessage, q *Application) {
	for i, raw := range r.list(fields, "history", mostHistory) {
		at := fmt.Sprintf("history[%d]", i)
		row, ok := r.object(at, raw)
		if !ok {
			continue
		}
		at += "."
		var v PastInvoice
		if !present(row, "due_on") {
			r.fault(at+"due_on", "is missing")
		}
		due := r.date(row, at, "due_on", &v.DueOn)
		v.AmountCents = r.cents(row, at, "amount_cents", true)
		var paid data.Date
		if r.date(row, at, "paid_on", &paid) {
			v.PaidOn = &paid
			if paid > q.AsOf {
				r.fault(at+"paid_on", "is after the day of the analysis")
			}
		}
		if due && v.DueOn < -365*100 {
			r.fault(at+"due_on", "is out of range")
		}
		r.rest(at, row)
		q.History = append(q.History, v)
	}
}

func (a *Analyst) report(r *reader, fields map[string]json.RawMessage, q *Application) {
	if !present(fields, "bureau") {
		delete(fields, "bureau")
		return
	}
	raw := fields["bureau"]
	delete(fields, "bureau")
	b, ok := r.object("bureau", raw)
	if !ok {
		return
	}
	q.Bureau = &BureauReport{}
	if !present(b, "at") {
		r.fault("bureau.at", "is missing")
	}
	if r.date(b, "bureau.", "at", &q.Bureau.At) && q.Bureau.At > q.AsOf {
		r.fault("bureau.at", "is after the day of the analysis")
	}
	low, high := math.Inf(-1), math.Inf(1)
	if a.policy.Bureau == nil {
		r.fault("bureau", "the policy uses no bureau")
	} else {
		low, high = a.policy.Bureau.scale()
	}
	q.Bureau.Score = r.number(b, "bureau.", "score", low, high)
	q.Bureau.NegativeRecords = int(r.whole(b, "bureau.", "negative_records", 0, 100_000, 0, false))
	r.rest("bureau.", b)
}

func (r *reader) existing(fields map[string]json.RawMessage, q *Application) {
	if !present(fields, "existing") {
		delete(fields, "existing")
		if q.Stage == After {
			r.fault("existing", "is missing: stage after reviews it")
		}
		return
	}
	raw := fields["existing"]
	delete(fields, "existing")
	if q.Stage != After {
		r.fault("existing", "goes with stage after")
	}
	e, ok := r.object("existing", raw)
	if !ok {
		return
	}
	q.Existing = &ExistingCredit{LimitCents: r.cents(e, "existing.", "limit_cents", true), UsedCents: r.cents(e, "existing.", "used_cents", true)}
	if !present(e, "granted_on") {
		r.fault("existing.granted_on", "is missing")
	}
	if r.date(e, "existing.", "granted_on", &q.Existing.GrantedOn) && q.Existing.GrantedOn > q.AsOf {
		r.fault("existing.granted_on", "is after the day of the analysis")
	}
	q.Existing.PDAtGrant = r.number(e, "existing.", "pd_at_grant", 0, 1)
	if r.take(e, "existing.", "past_pds", "a list of numbers", false, &q.Existing.PastPDs) {
		if len(q.Existing.PastPDs) > mostMonths {
			r.fault("existing.past_pds", "has %d entries, at most %d", len(q.Existing.PastPDs), mostMonths)
		}
		for i, pd := range q.Existing.PastPDs {
			if !(pd >= 0 && pd <= 1) {
				r.fault(fmt.Sprintf("existing.past_pds[%d]", i), "must be 0 to 1")
			}
		}
	}
	r.rest("existing.", e)
}
