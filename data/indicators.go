package data

// Indicators is the state and the recent past of a portfolio. Amounts are
// cents of Currency; shares are fractions (0.12 is 12 %), CEI excepted, which
// by custom runs to 100. A nil figure is one that cannot be computed.
type Indicators struct {
	AsOf     Date   `json:"as_of"`
	From     Date   `json:"from"`   // start of the period, Months before AsOf
	Months   int    `json:"months"` // monthly windows in the period
	Days     int    `json:"days"`   // days in the period
	Currency string `json:"currency"`
	// OtherCurrencyInvoices were left out: they are in another currency.
	OtherCurrencyInvoices int64 `json:"other_currency_invoices"`

	Customers        int64 `json:"customers"`
	OpenCustomers    int64 `json:"open_customers"`    // with an open balance
	OverdueCustomers int64 `json:"overdue_customers"` // with an overdue balance
	OpenInvoices     int64 `json:"open_invoices"`

	Aging           []AgingBucket `json:"aging"` // always Buckets of them
	ReceivableCents Cents         `json:"receivable_cents"`
	CurrentCents    Cents         `json:"current_cents"`
	OverdueCents    Cents         `json:"overdue_cents"`
	Over90Cents     Cents         `json:"over_90_cents"`
	ProvisionCents  Cents         `json:"provision_cents"`

	BeginningReceivableCents Cents `json:"beginning_receivable_cents"` // at From
	BilledCents              Cents `json:"billed_cents"`               // issued in the period (credit sales)
	CollectedCents           Cents `json:"collected_cents"`            // paid in the period
	CollectedOverdueCents    Cents `json:"collected_overdue_cents"`    // of that, paid after the due date

	OverdueShare    *float64 `json:"overdue_share"`
	DSO             *float64 `json:"dso_days"`
	BestPossibleDSO *float64 `json:"best_possible_dso_days"`
	ADD             *float64 `json:"add_days"`
	CEI             *float64 `json:"cei"`
	DefaultRate     *float64 `json:"default_rate"` // taxa de inadimplência: over 90 days ÷ portfolio
	Coverage        *float64 `json:"coverage"`     // cobertura: provision ÷ over 90 days

	Roll []RollRate  `json:"roll"` // Buckets−1 of them: bucket i → i+1
	Cure []CureMonth `json:"cure"` // one per month
	// CureRate pools the months.
	CureRate *float64 `json:"cure_rate"`

	Promises    PromiseFigures     `json:"promises"`
	Recovery    RecoveryFigures    `json:"recovery"`
	Contacts    ContactFigures     `json:"contacts"`
	Cost        CostFigures        `json:"cost"`
	Incremental IncrementalFigures `json:"incremental"`

	// Segments are those of AsOf: a customer takes his past along. Empty where
	// segments were not given.
	Segments []SegmentIndicators `json:"segments"`

	Series []MonthFigures `json:"series"` // one per month, oldest first
	Timing []TimingBin    `json:"timing"` // payments of the period by days past due
}

// AgingBucket is one class of days past due (faixa de atraso).
type AgingBucket struct {
	FromDays       int   `json:"from_days"`
	ToDays         *int  `json:"to_days"` // nil in the last, open bucket
	BalanceCents   Cents `json:"balance_cents"`
	Invoices       int64 `json:"invoices"`
	ProvisionCents Cents `json:"provision_cents"`
}

// RollRate is how balance moves from one aging bucket to the next (rolagem).
type RollRate struct {
	FromBucket int         `json:"from_bucket"`
	Months     []RollMonth `json:"months"` // one per month, oldest first
	Rate       *float64    `json:"rate"`   // all months together
}

// RollMonth is one cell of the roll-rate matrix.
type RollMonth struct {
	To        Date     `json:"to"`         // end of the month
	FromCents Cents    `json:"from_cents"` // in the bucket a month before
	ToCents   Cents    `json:"to_cents"`   // in the next bucket at To
	Rate      *float64 `json:"rate"`
}

// CureMonth counts customers who were delinquent at a month's start and had
// nothing overdue at its end (cura).
type CureMonth struct {
	To         Date     `json:"to"`
	Delinquent int64    `json:"delinquent"`
	Cured      int64    `json:"cured"`
	Rate       *float64 `json:"rate"`
}

// PromiseFigures counts the promises whose due date plus grace fell in the period
// (promessas cumpridas).
type PromiseFigures struct {
	GraceDays     int      `json:"grace_days"`
	Due           int64    `json:"due"`
	Kept          int64    `json:"kept"`
	DueCents      Cents    `json:"due_cents"`
	KeptCents     Cents    `json:"kept_cents"`
	KeptRate      *float64 `json:"kept_rate"`
	KeptValueRate *float64 `json:"kept_value_rate"`
	Made          int64    `json:"made"`       // promise rows made in the period
	Agreements    int64    `json:"agreements"` // one per customer and moment, whatever its instalments
}

// RecoveryFigures is what came in of what was overdue.
type RecoveryFigures struct {
	// AssignedCents was overdue when the period began or became so in it.
	AssignedCents  Cents    `json:"assigned_cents"`
	CollectedCents Cents    `json:"collected_cents"` // paid on it in the period
	Liquidation    *float64 `json:"liquidation"`
	// OpeningCents was overdue when the period began.
	OpeningCents          Cents    `json:"opening_cents"`
	OpeningCollectedCents Cents    `json:"opening_collected_cents"`
	Rate                  *float64 `json:"recovery_rate"`
}

// ContactFigures is who was reached (contatos), in the period.
type ContactFigures struct {
	Channels           []ChannelContacts `json:"channels"` // in the order of Channels
	Touches            int64             `json:"touches"`
	CustomersContacted int64             `json:"customers_contacted"`
	// RightParty counts touches that the customer answered (a replied event):
	// the log's evidence of a right-party contact (CPC).
	RightParty     int64    `json:"right_party_contacts"`
	RightPartyRate *float64 `json:"right_party_rate"` // ÷ touches
	CallRate       *float64 `json:"call_rate"`        // voice only: answered ÷ calls
	PromiseRate    *float64 `json:"promise_rate"`     // agreements ÷ right-party contacts
	AgreementRate  *float64 `json:"agreement_rate"`   // taxa de acordos: agreements ÷ customers contacted
	Reachable      int64    `json:"reachable"`        // customers with a valid address on some channel
	Contactable    int64    `json:"contactable"`      // of those, with consent on that channel
	Coverage       *float64 `json:"contact_coverage"` // reachable ÷ customers
	ConsentShare   *float64 `json:"consent_coverage"` // contactable ÷ customers
}

// ChannelContacts is the funnel of one channel in the period, in touches.
type ChannelContacts struct {
	Channel   Channel `json:"channel"`
	Sent      int64   `json:"sent"`
	Delivered int64   `json:"delivered"`
	Opened    int64   `json:"opened"`
	Replied   int64   `json:"replied"`
	Bounced   int64   `json:"bounced"`
	CostCents Cents   `json:"cost_cents"`
	Reachable int64   `json:"reachable"` // customers
}

// CostFigures is what collecting cost in the period.
type CostFigures struct {
	TouchCents  Cents `json:"touch_cents"`
	BureauCents Cents `json:"bureau_cents"`
	// PerReal is touches ÷ all that was collected; PerOverdueReal ÷ what was
	// collected after its due date.
	PerReal        *float64 `json:"per_real"`
	PerOverdueReal *float64 `json:"per_overdue_real"`
}

// IncrementalFigures compares customers who could be touched with the randomised
// holdout: what the touches brought in, beyond what would have come anyway.
type IncrementalFigures struct {
	TreatedCustomers int64 `json:"treated_customers"`
	HoldoutCustomers int64 `json:"holdout_customers"`
	TreatedCents     Cents `json:"treated_cents"` // paid from the first decision on
	HoldoutCents     Cents `json:"holdout_cents"`
	TreatedOwedCents Cents `json:"treated_owed_cents"` // owed at the first decision or billed since
	HoldoutOwedCents Cents `json:"holdout_owed_cents"`
	SpendCents       Cents `json:"spend_cents"`
	// IncrementCents = treated − holdout × treated owed ÷ holdout owed, with its
	// 95 % interval; nil without two customers on either side.
	IncrementCents *float64 `json:"increment_cents"`
	IncrementLo    *float64 `json:"increment_lo_cents"`
	IncrementHi    *float64 `json:"increment_hi_cents"`
	// PerReal = spend ÷ increment. Its upper end is nil when the interval of
	// the increment reaches zero: the log cannot tell it from no effect.
	PerReal   *float64 `json:"per_real"`
	PerRealLo *float64 `json:"per_real_lo"`
	PerRealHi *float64 `json:"per_real_hi"`
}

// MonthFigures is one window of the series, [From, To).
type MonthFigures struct {
	From            Date             `json:"from"`
	To              Date             `json:"to"`
	BilledCents     Cents            `json:"billed_cents"`
	CollectedCents  Cents            `json:"collected_cents"`
	CancelledCents  Cents            `json:"cancelled_cents"`  // balance that stopped being owed unpaid
	ReceivableCents Cents            `json:"receivable_cents"` // at To
	OverdueCents    Cents            `json:"overdue_cents"`    // at To
	OverdueShare    *float64         `json:"overdue_share"`
	Channels        []ChannelTouches `json:"channels"` // in the order of Channels
}

// ChannelTouches is the contact activity of one channel in one month.
type ChannelTouches struct {
	Channel   Channel `json:"channel"`
	Touches   int64   `json:"touches"`
	CostCents Cents   `json:"cost_cents"`
}

// TimingBin counts payments by days past due of their invoice, both ends
// included; the first bin is open below and the last above.
type TimingBin struct {
	FromDays *int  `json:"from_days"`
	ToDays   *int  `json:"to_days"`
	Payments int64 `json:"payments"`
	Cents    Cents `json:"cents"`
}

// SegmentIndicators are the indicators of the customers of one segment, as those
// of the whole portfolio are.
type SegmentIndicators struct {
	Segment            string `json:"segment"` // its key
	Name               string `json:"name"`    // Portuguese
	EnglishName        string `json:"name_en"`
	Description        string `json:"description"`
	EnglishDescription string `json:"description_en"`

	Customers        int64 `json:"customers"`
	OpenCustomers    int64 `json:"open_customers"`
	OverdueCustomers int64 `json:"overdue_customers"`
	OpenInvoices     int64 `json:"open_invoices"`

	Aging           []AgingBucket `json:"aging"`
	ReceivableCents Cents         `json:"receivable_cents"`
	CurrentCents    Cents         `json:"current_cents"`
	OverdueCents    Cents         `json:"overdue_cents"`
	Over90Cents     Cents         `json:"over_90_cents"`
	ProvisionCents  Cents         `json:"provision_cents"`

	BeginningReceivableCents Cents `json:"beginning_receivable_cents"`
	BilledCents              Cents `json:"billed_cents"`
	CollectedCents           Cents `json:"collected_cents"`

	OverdueShare *float64 `json:"overdue_share"`
	DSO          *float64 `json:"dso_days"`
	CEI          *float64 `json:"cei"`
	DefaultRate  *float64 `json:"default_rate"`
	Coverage     *float64 `json:"coverage"`
	CureRate     *float64 `json:"cure_rate"`
}
