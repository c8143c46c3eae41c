package data

import "fmt"

// CustomerKind tells natural from legal persons.
type CustomerKind string

// PF is a natural person (pessoa física), PJ a company (pessoa jurídica).
const (
	PF CustomerKind = "PF"
	PJ CustomerKind = "PJ"
)

// Customer is who buys and may owe (cliente), one row per pseudonym. Consent
// and reachability are what is known today, not a history: features do not
// read them, policy does.
type Customer struct {
	CustomerID string       `parquet:"customer_id,dict" json:"customer_id"`
	Kind       CustomerKind `parquet:"kind,dict" json:"kind"`
	UF         string       `parquet:"uf,dict" json:"uf"`             // two letters, "" when unknown
	Timezone   string       `parquet:"timezone,dict" json:"timezone"` // IANA name; "" means the UF's own
	Since      Date         `parquet:"since,date" json:"since"`
	Segment    string       `parquet:"segment,dict" json:"segment"` // the company's own grouping
	// NamedSegment is the segment that the stage segments found, "" where nobody
	// looked it up. It is no column of the lake: it changes from month to month.
	NamedSegment string `parquet:"-" json:"-"`

	// Consent is whether the customer may be contacted on the channel
	// (LGPD opt-out is false); Reach is whether a valid address is on file.
	ConsentEmail    bool `parquet:"consent_email" json:"consent_email"`
	ConsentSMS      bool `parquet:"consent_sms" json:"consent_sms"`
	ConsentWhatsApp bool `parquet:"consent_whatsapp" json:"consent_whatsapp"`
	ConsentVoice    bool `parquet:"consent_voice" json:"consent_voice"`
	ConsentLetter   bool `parquet:"consent_letter" json:"consent_letter"`
	ReachEmail      bool `parquet:"reach_email" json:"reach_email"`
	ReachSMS        bool `parquet:"reach_sms" json:"reach_sms"`
	ReachWhatsApp   bool `parquet:"reach_whatsapp" json:"reach_whatsapp"`
	ReachVoice      bool `parquet:"reach_voice" json:"reach_voice"`
	ReachLetter     bool `parquet:"reach_letter" json:"reach_letter"`

	PreferredChannel Channel `parquet:"preferred_channel,dict" json:"preferred_channel"` // "" when none

	// Flags that stop or limit contact; policy reads them.
	Dispute      bool `parquet:"dispute" json:"dispute"`
	Litigation   bool `parquet:"litigation" json:"litigation"`
	OverIndebted bool `parquet:"over_indebted" json:"over_indebted"`
	Deceased     bool `parquet:"deceased" json:"deceased"`
	DoNotContact bool `parquet:"do_not_contact" json:"do_not_contact"`

	CreditLimitCents Cents `parquet:"credit_limit_cents" json:"credit_limit_cents"` // 0 when none is set

	// DocumentHMAC is the keyed hash of the CPF/CNPJ checked at the border,
	// "" when the source gave none. The document itself is never kept.
	DocumentHMAC string `parquet:"document_hmac" json:"-"`
}

// Validate reports the first fault that the row has by itself.
func (c Customer) Validate() error {
	switch {
	case c.CustomerID == "":
		return fmt.Errorf("%w: customer_id", ErrMissingValue)
	case c.Kind != PF && c.Kind != PJ:
		return fmt.Errorf("%w %q (have PF, PJ)", ErrUnknownKind, c.Kind)
	case c.CreditLimitCents < 0:
		return fmt.Errorf("%w: credit_limit_cents %d", ErrNegativeAmount, c.CreditLimitCents)
	case c.PreferredChannel != "" && c.PreferredChannel.Index() < 0:
		return fmt.Errorf("%w %q", ErrUnknownChannel, c.PreferredChannel)
	}
	return nil
}

// Consent reports whether the customer may be contacted on ch.
func (c Customer) Consent(ch Channel) bool {
	return pick(ch, c.ConsentEmail, c.ConsentSMS, c.ConsentWhatsApp, c.ConsentVoice, c.ConsentLetter)
}

// Reach reports whether a valid address for ch is on file.
func (c Customer) Reach(ch Channel) bool {
	return pick(ch, c.ReachEmail, c.ReachSMS, c.ReachWhatsApp, c.ReachVoice, c.ReachLetter)
}

// pick returns the value of ch among values in the order of Channels.
func pick(ch Channel, values ...bool) bool {
	i := ch.Index()
	return i >= 0 && values[i]
}
