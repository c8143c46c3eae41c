package data

// Receipts is the forecast of what will be paid.
type Receipts struct {
	AsOf Date `json:"as_of"`
	// PlanID is the plan whose contacts are in PlanCents; "" without one.
	PlanID string `json:"plan_id"`
	// ModelVersion is the version of the models that the plan's contacts are valued
	// by; "" where none was in force.
	ModelVersion string `json:"model_version"`
	// Nominal is the probability with which an interval is to hold what comes.
	Nominal float64        `json:"nominal"`
	Rows    []ReceiptsRow  `json:"rows"` // weeks, then days; the whole, then segments
	Past    []ReceiptsPast `json:"past"` // earlier forecasts against what came
	// Backcast is how the same method would have done at past days, each knowing
	// what was known then; nil where the history is too short.
	Backcast *ReceiptsTrial `json:"backcast"`
}

// ReceiptsAll is the segment of rows about the whole portfolio.
const ReceiptsAll = "all"

// ReceiptsRow is what is expected of one day or week.
type ReceiptsRow struct {
	AsOf    Date   `parquet:"as_of,date" json:"as_of"`
	Grain   string `parquet:"grain,dict" json:"grain"` // day, week
	Segment string `parquet:"segment,dict" json:"segment"`
	From    Date   `parquet:"from,date" json:"from"`
	Days    int32  `parquet:"days" json:"days"`
	// ExpectedCents comes if contact goes on as it used to; with probability
	// Nominal between LowCents and HighCents.
	ExpectedCents Cents `parquet:"expected_cents" json:"expected_cents"`
	LowCents      Cents `parquet:"low_cents" json:"low_cents"`
	HighCents     Cents `parquet:"high_cents" json:"high_cents"`
	// PlanCents is what the plan's contacts add to no contact at all, and
	// UsualCents what contacts as usual would add in the plan's days.
	PlanCents  Cents `parquet:"plan_cents" json:"plan_cents"`
	UsualCents Cents `parquet:"usual_cents" json:"usual_cents"`
	// WithPlanCents is expected if the plan takes the place of usual contact:
	// ExpectedCents + PlanCents − UsualCents.
	WithPlanCents Cents `parquet:"with_plan_cents" json:"with_plan_cents"`
}

// ReceiptsOutcome is a row of an earlier forecast and what came.
type ReceiptsOutcome struct {
	ReceiptsRow
	CameCents Cents `parquet:"came_cents" json:"came_cents"`
}

// ReceiptsPast sums up the outcomes of one earlier forecast, of the whole
// portfolio by week.
type ReceiptsPast struct {
	AsOf          Date  `json:"as_of"`
	Weeks         int   `json:"weeks"` // whose days are all known
	ExpectedCents Cents `json:"expected_cents"`
	CameCents     Cents `json:"came_cents"`
	Held          int   `json:"held"` // weeks within their interval
}

// ReceiptsTrial is how forecasts of past days did.
type ReceiptsTrial struct {
	Origins int  `json:"origins"`
	From    Date `json:"from"`
	To      Date `json:"to"`
	// HeldDays and HeldWeeks are the shares of outcomes within their interval.
	HeldDays  float64 `json:"held_days"`
	HeldWeeks float64 `json:"held_weeks"`
	// ErrorDays and ErrorWeeks are absolute errors over receipts.
	ErrorDays  float64 `json:"error_days"`
	ErrorWeeks float64 `json:"error_weeks"`
}
