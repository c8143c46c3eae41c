package data

import "fmt"

// Score is what the models say of one open customer at AsOf: the row of
// scores.parquet, which the score stage writes and the server reads. Rows are
// sorted by CustomerID; each customer occurs once.
type Score struct {
	CustomerID string `parquet:"customer_id" json:"customer_id"`
	AsOf       Date   `parquet:"as_of,date" json:"as_of"`
	// PayProb is the calibrated probability that the balance open at AsOf is
	// paid within the horizon if nobody touches the customer.
	PayProb      float64 `parquet:"pay_prob" json:"pay_prob"`
	BalanceCents Cents   `parquet:"balance_cents" json:"balance_cents"`
	DaysPastDue  int32   `parquet:"days_past_due" json:"days_past_due"` // of the oldest open invoice; negative before it is due
	ModelVersion string  `parquet:"model_version,dict" json:"model_version"`

	// UpliftEmail and its neighbours are the uplift in payment probability of
	// one touch on the channel on its best day of the planning window, nil
	// where no model covers the channel.
	UpliftEmail    *float64 `parquet:"uplift_email,optional" json:"uplift_email"`
	UpliftSMS      *float64 `parquet:"uplift_sms,optional" json:"uplift_sms"`
	UpliftWhatsApp *float64 `parquet:"uplift_whatsapp,optional" json:"uplift_whatsapp"`
	UpliftVoice    *float64 `parquet:"uplift_voice,optional" json:"uplift_voice"`
	UpliftLetter   *float64 `parquet:"uplift_letter,optional" json:"uplift_letter"`
}

// Validate reports the first fault that the row has by itself.
func (s Score) Validate() error {
	switch {
	case s.CustomerID == "":
		return fmt.Errorf("%w: customer_id", ErrMissingValue)
	case !(s.PayProb >= 0 && s.PayProb <= 1):
		return fmt.Errorf("%w: pay_prob %g", ErrBadNumber, s.PayProb)
	case s.BalanceCents < 0:
		return fmt.Errorf("%w: balance_cents %d", ErrNegativeAmount, s.BalanceCents)
	}
	for _, ch := range Channels {
		if u := s.Uplift(ch); u != nil && !(*u >= -1 && *u <= 1) {
			return fmt.Errorf("%w: uplift_%s %g", ErrBadNumber, ch, *u)
		}
	}
	return nil
}

// Uplift returns the uplift of a channel, nil when there is none. The pointer
// is the row's own.
func (s *Score) Uplift(ch Channel) *float64 {
	if p := s.uplift(ch); p != nil {
		return *p
	}
	return nil
}

// SetUplift sets the uplift of a channel; it does nothing for Hold.
func (s *Score) SetUplift(ch Channel, uplift float64) {
	if p := s.uplift(ch); p != nil {
		*p = &uplift
	}
}

func (s *Score) uplift(ch Channel) **float64 {
	switch ch {
	case Email:
		return &s.UpliftEmail
	case SMS:
		return &s.UpliftSMS
	case WhatsApp:
		return &s.UpliftWhatsApp
	case Voice:
		return &s.UpliftVoice
	case Letter:
		return &s.UpliftLetter
	}
	return nil
}
