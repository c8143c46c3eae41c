package synth

import (
	"time"

	"dunning/data"
)

// SourceCustomer is a row of the source table customers: the columns of
// [data.Customer], with the document as a source gives it instead of its keyed
// hash.
type SourceCustomer struct {
	CustomerID       string            `parquet:"customer_id"`
	Kind             data.CustomerKind `parquet:"kind,dict"`
	UF               string            `parquet:"uf,dict"`
	Timezone         string            `parquet:"timezone,dict"`
	Since            data.Date         `parquet:"since,date"`
	Segment          string            `parquet:"segment,dict"`
	ConsentEmail     bool              `parquet:"consent_email"`
	ConsentSMS       bool              `parquet:"consent_sms"`
	ConsentWhatsApp  bool              `parquet:"consent_whatsapp"`
	ConsentVoice     bool              `parquet:"consent_voice"`
	ConsentLetter    bool              `parquet:"consent_letter"`
	ReachEmail       bool              `parquet:"reach_email"`
	ReachSMS         bool              `parquet:"reach_sms"`
	ReachWhatsApp    bool              `parquet:"reach_whatsapp"`
	ReachVoice       bool              `parquet:"reach_voice"`
	ReachLetter      bool              `parquet:"reach_letter"`
	PreferredChannel data.Channel      `parquet:"preferred_channel,dict"`
	Dispute          bool              `parquet:"dispute"`
	Litigation       bool              `parquet:"litigation"`
	OverIndebted     bool              `parquet:"over_indebted"`
	Deceased         bool              `parquet:"deceased"`
	DoNotContact     bool              `parquet:"do_not_contact"`
	CreditLimitCents data.Cents        `parquet:"credit_limit_cents"`
	// Document is a synthetic CPF or CNPJ with valid check digits, plain or
	// punctuated; "" for a few. It belongs to nobody by design, but may by
	// chance.
	Document string `parquet:"document"`
}

// SourceTouchEvent is a row of the source table touch_events: a
// [data.TouchEvent] without its customer, which sources do not give.
type SourceTouchEvent struct {
	TouchID string              `parquet:"touch_id"`
	At      time.Time           `parquet:"at,timestamp(microsecond)"`
	Kind    data.TouchEventKind `parquet:"kind,dict"`
}

// Sources are the rows of the eight source tables, customers in order and
// each customer's rows together. Every event is before Config.End.
type Sources struct {
	Customers     []SourceCustomer
	Invoices      []data.Invoice
	Payments      []data.Payment
	Touches       []data.Touch
	TouchEvents   []SourceTouchEvent
	Promises      []data.Promise
	BureauReports []data.BureauReport
	Disputes      []data.Dispute
}

// CustomerTruth is what nobody knows about a customer in life.
type CustomerTruth struct {
	CustomerID     string  `parquet:"customer_id"`
	ResponseType   string  `parquet:"response_type,dict"`
	LiquidityLevel string  `parquet:"liquidity_level,dict"`
	Liquidity      float32 `parquet:"liquidity"` // hazard multiplier of the level
	HourProfile    string  `parquet:"hour_profile,dict"`
	Holdout        bool    `parquet:"holdout"`
	// DecisionWeekday is the day of the weekly decision, 1 for Monday.
	DecisionWeekday int32      `parquet:"decision_weekday"`
	CapacityCents   data.Cents `parquet:"capacity_cents"` // invoice amount the customer carries easily
}

// Expectation is what a day holds for the balance then open: truth given the
// customer's latent draws, and the ceiling given all that was observed before.
// Probabilities are in [0, 1]; effects are changes within [day, day+7) that a
// touch sent on the day causes against no touch, before its cost; they count
// that it may not be delivered.
type Expectation struct {
	// OrganicNN is P(the whole balance is paid within [day, day+NN)) when
	// nobody is touched from then on.
	Organic01 float32 `parquet:"organic_01"`
	Organic02 float32 `parquet:"organic_02"`
	Organic03 float32 `parquet:"organic_03"`
	Organic04 float32 `parquet:"organic_04"`
	Organic05 float32 `parquet:"organic_05"`
	Organic06 float32 `parquet:"organic_06"`
	Organic07 float32 `parquet:"organic_07"`
	Organic08 float32 `parquet:"organic_08"`
	Organic09 float32 `parquet:"organic_09"`
	Organic10 float32 `parquet:"organic_10"`
	Organic11 float32 `parquet:"organic_11"`
	Organic12 float32 `parquet:"organic_12"`
	Organic13 float32 `parquet:"organic_13"`
	Organic14 float32 `parquet:"organic_14"`
	// OrganicCents07 is the expected payment within [day, day+7).
	OrganicCents07 float32 `parquet:"organic_cents_07"`

	EffectProbEmail     float32 `parquet:"effect_prob_email"`
	EffectProbSMS       float32 `parquet:"effect_prob_sms"`
	EffectProbWhatsApp  float32 `parquet:"effect_prob_whatsapp"`
	EffectProbVoice     float32 `parquet:"effect_prob_voice"`
	EffectProbLetter    float32 `parquet:"effect_prob_letter"`
	EffectCentsEmail    float32 `parquet:"effect_cents_email"`
	EffectCentsSMS      float32 `parquet:"effect_cents_sms"`
	EffectCentsWhatsApp float32 `parquet:"effect_cents_whatsapp"`
	EffectCentsVoice    float32 `parquet:"effect_cents_voice"`
	EffectCentsLetter   float32 `parquet:"effect_cents_letter"`

	CeilingOrganic07           float32 `parquet:"ceiling_organic_07"`
	CeilingOrganicCents07      float32 `parquet:"ceiling_organic_cents_07"`
	CeilingEffectProbEmail     float32 `parquet:"ceiling_effect_prob_email"`
	CeilingEffectProbSMS       float32 `parquet:"ceiling_effect_prob_sms"`
	CeilingEffectProbWhatsApp  float32 `parquet:"ceiling_effect_prob_whatsapp"`
	CeilingEffectProbVoice     float32 `parquet:"ceiling_effect_prob_voice"`
	CeilingEffectProbLetter    float32 `parquet:"ceiling_effect_prob_letter"`
	CeilingEffectCentsEmail    float32 `parquet:"ceiling_effect_cents_email"`
	CeilingEffectCentsSMS      float32 `parquet:"ceiling_effect_cents_sms"`
	CeilingEffectCentsWhatsApp float32 `parquet:"ceiling_effect_cents_whatsapp"`
	CeilingEffectCentsVoice    float32 `parquet:"ceiling_effect_cents_voice"`
	CeilingEffectCentsLetter   float32 `parquet:"ceiling_effect_cents_letter"`
}

// Organic returns P(the whole balance is paid within the first d days), d in
// 1 … 14. It panics beyond them.
func (e *Expectation) Organic(d int) float64 {
	return float64(*e.organic()[d-1])
}

// EffectProb and its neighbours return the effect of a channel, which must be
// one of [data.Channels].
func (e *Expectation) EffectProb(ch data.Channel) float64 {
	return float64(*e.effects().prob[ch.Index()])
}

// EffectCents returns the true change of the expected payment, in cents.
func (e *Expectation) EffectCents(ch data.Channel) float64 {
	return float64(*e.effects().cents[ch.Index()])
}

// CeilingEffectProb returns the ceiling's change of P(paid in full).
func (e *Expectation) CeilingEffectProb(ch data.Channel) float64 {
	return float64(*e.ceilings().prob[ch.Index()])
}

// CeilingEffectCents returns the ceiling's change of the expected payment.
func (e *Expectation) CeilingEffectCents(ch data.Channel) float64 {
	return float64(*e.ceilings().cents[ch.Index()])
}

func (e *Expectation) organic() [organicDays]*float32 {
	return [...]*float32{
		&e.Organic01, &e.Organic02, &e.Organic03, &e.Organic04, &e.Organic05, &e.Organic06, &e.Organic07,
		&e.Organic08, &e.Organic09, &e.Organic10, &e.Organic11, &e.Organic12, &e.Organic13, &e.Organic14,
	}
}

// effectFields are the fields of one set of effects in the order of Channels.
type effectFields struct{ prob, cents [channels]*float32 }

func (e *Expectation) effects() effectFields {
	return effectFields{
		[...]*float32{&e.EffectProbEmail, &e.EffectProbSMS, &e.EffectProbWhatsApp, &e.EffectProbVoice, &e.EffectProbLetter},
		[...]*float32{&e.EffectCentsEmail, &e.EffectCentsSMS, &e.EffectCentsWhatsApp, &e.EffectCentsVoice, &e.EffectCentsLetter},
	}
}

func (e *Expectation) ceilings() effectFields {
	return effectFields{
		[...]*float32{&e.CeilingEffectProbEmail, &e.CeilingEffectProbSMS, &e.CeilingEffectProbWhatsApp, &e.CeilingEffectProbVoice, &e.CeilingEffectProbLetter},
		[...]*float32{&e.CeilingEffectCentsEmail, &e.CeilingEffectCentsSMS, &e.CeilingEffectCentsWhatsApp, &e.CeilingEffectCentsVoice, &e.CeilingEffectCentsLetter},
	}
}

// DecisionTruth is the truth of one logged decision, hold or touch.
type DecisionTruth struct {
	TouchID      string     `parquet:"touch_id"`
	CustomerID   string     `parquet:"customer_id,dict"`
	AsOf         data.Date  `parquet:"as_of,date"`
	BalanceCents data.Cents `parquet:"balance_cents"` // open at the start of the day
	DaysPastDue  int32      `parquet:"days_past_due"` // of the oldest open invoice
	Expectation
}

// AsOfTruth is the truth of a customer with an open balance at Config.End, for
// a touch on one of the next seven days, as seen from End: the balance is the
// one open at End, nobody is touched before Day, and OrganicNN counts from End
// to Day+NN. An effect is that on payments within [Day, Day+7), zero where the
// balance was paid before Day.
type AsOfTruth struct {
	CustomerID   string     `parquet:"customer_id,dict"`
	Day          data.Date  `parquet:"day,date"`
	BalanceCents data.Cents `parquet:"balance_cents"`
	DaysPastDue  int32      `parquet:"days_past_due"` // at Day
	Expectation
}

// Truth is what nobody has in life.
type Truth struct {
	Customers []CustomerTruth
	Decisions []DecisionTruth // in the order of Sources.Touches
	AsOf      []AsOfTruth
}
