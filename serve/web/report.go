package web

import "dunning/data"

// Report is what the pipeline's report.json says, as far as pages show it.
// Amounts are cents; a nil figure could not be measured. docs/INDICATORS.md
// defines the indicators.
type Report struct {
	AsOf       data.Date         `json:"as_of"`
	Simulated  bool              `json:"simulated"`
	Portfolio  *Indicators       `json:"portfolio"`
	Evaluation *ReportEvaluation `json:"evaluation"`
	Uplift     []ReportUplift    `json:"uplift"`
	Health     *ReportHealth     `json:"health"`
	Plan       *PlanFigures      `json:"plan"`
}

// Indicators are those of a portfolio on a day.
type Indicators struct {
	AsOf             data.Date  `json:"as_of"`
	From             data.Date  `json:"from"`
	Months           int        `json:"months"`
	Days             int        `json:"days"`
	Customers        int64      `json:"customers"`
	OpenCustomers    int64      `json:"open_customers"`
	OverdueCustomers int64      `json:"overdue_customers"`
	OpenInvoices     int64      `json:"open_invoices"`
	ReceivableCents  data.Cents `json:"receivable_cents"`
	OverdueCents     data.Cents `json:"overdue_cents"`
	Over90Cents      data.Cents `json:"over_90_cents"`
	ProvisionCents   data.Cents `json:"provision_cents"`
	BilledCents      data.Cents `json:"billed_cents"`
	CollectedCents   data.Cents `json:"collected_cents"`
	OverdueShare     *float64   `json:"overdue_share"`
	DSO              *float64   `json:"dso_days"`
	BestPossibleDSO  *float64   `json:"best_possible_dso_days"`
	ADD              *float64   `json:"add_days"`
	CEI              *float64   `json:"cei"`
	DefaultRate      *float64   `json:"default_rate"`
	Coverage         *float64   `json:"coverage"`
	CureRate         *float64   `json:"cure_rate"`
	Aging            []struct {
		FromDays       int        `json:"from_days"`
		ToDays         *int       `json:"to_days"`
		BalanceCents   data.Cents `json:"balance_cents"`
		Invoices       int64      `json:"invoices"`
		ProvisionCents data.Cents `json:"provision_cents"`
	} `json:"aging"`
	Roll []struct {
		FromBucket int      `json:"from_bucket"`
		Rate       *float64 `json:"rate"`
		Months     []struct {
			To   data.Date `json:"to"`
			Rate *float64  `json:"rate"`
		} `json:"months"`
	} `json:"roll"`
	Cure []struct {
		To         data.Date `json:"to"`
		Delinquent int64     `json:"delinquent"`
		Cured      int64     `json:"cured"`
		Rate       *float64  `json:"rate"`
	} `json:"cure"`
	Promises struct {
		Due           int64      `json:"due"`
		Kept          int64      `json:"kept"`
		DueCents      data.Cents `json:"due_cents"`
		KeptCents     data.Cents `json:"kept_cents"`
		KeptRate      *float64   `json:"kept_rate"`
		KeptValueRate *float64   `json:"kept_value_rate"`
	} `json:"promises"`
	Recovery struct {
		Liquidation *float64 `json:"liquidation"`
		Rate        *float64 `json:"recovery_rate"`
	} `json:"recovery"`
	Contacts struct {
		Touches        int64    `json:"touches"`
		RightPartyRate *float64 `json:"right_party_rate"`
		Coverage       *float64 `json:"contact_coverage"`
		ConsentShare   *float64 `json:"consent_coverage"`
		Channels       []struct {
			Channel   data.Channel `json:"channel"`
			Sent      int64        `json:"sent"`
			Delivered int64        `json:"delivered"`
			Opened    int64        `json:"opened"`
			Replied   int64        `json:"replied"`
			CostCents data.Cents   `json:"cost_cents"`
		} `json:"channels"`
	} `json:"contacts"`
	Cost struct {
		TouchCents     data.Cents `json:"touch_cents"`
		PerReal        *float64   `json:"per_real"`
		PerOverdueReal *float64   `json:"per_overdue_real"`
	} `json:"cost"`
	Incremental struct {
		TreatedCustomers int64      `json:"treated_customers"`
		HoldoutCustomers int64      `json:"holdout_customers"`
		SpendCents       data.Cents `json:"spend_cents"`
		IncrementCents   *float64   `json:"increment_cents"`
		IncrementLo      *float64   `json:"increment_lo_cents"`
		IncrementHi      *float64   `json:"increment_hi_cents"`
		PerReal          *float64   `json:"per_real"`
		PerRealLo        *float64   `json:"per_real_lo"`
		PerRealHi        *float64   `json:"per_real_hi"`
	} `json:"incremental"`
	Series []struct {
		From            data.Date  `json:"from"`
		To              data.Date  `json:"to"`
		BilledCents     data.Cents `json:"billed_cents"`
		CollectedCents  data.Cents `json:"collected_cents"`
		ReceivableCents data.Cents `json:"receivable_cents"`
		OverdueCents    data.Cents `json:"overdue_cents"`
		OverdueShare    *float64   `json:"overdue_share"`
	} `json:"series"`
}

// PlanFigures are those of a plan.
type PlanFigures struct {
	PlanID         string        `json:"plan_id"`
	From           data.Date     `json:"from"`
	To             data.Date     `json:"to"`
	BudgetCents    data.Cents    `json:"budget_cents"`
	SpentCents     data.Cents    `json:"spent_cents"`
	ValueCents     data.Cents    `json:"value_cents"`
	Customers      int64         `json:"customers"`
	Touched        int64         `json:"touched"`
	MaxTouches     int           `json:"max_touches"`
	GapDays        int           `json:"gap_days"`
	ObjectiveCents float64       `json:"objective_cents"`
	BoundCents     float64       `json:"bound_cents"`
	Days           []PlanCell    `json:"days"`
	Prices         []PlanPrice   `json:"prices"`
	Curve          []BudgetPoint `json:"curve"`
}

// PlanCell is a channel on a day of a plan.
type PlanCell struct {
	Channel  data.Channel `json:"channel"`
	Day      data.Date    `json:"day"`
	Actions  int64        `json:"actions"`
	Capacity *int64       `json:"capacity"`
}

// PlanPrice is what one more unit of a limit would bring.
type PlanPrice struct {
	Kind       string       `json:"kind"` // budget, capacity or segment
	Row        string       `json:"row"`
	Channel    data.Channel `json:"channel"`
	Day        data.Date    `json:"day"`
	Limit      float64      `json:"limit"`
	Used       float64      `json:"used"`
	PriceCents float64      `json:"price_cents"`
	LowCents   *float64     `json:"low_cents"`
	HighCents  *float64     `json:"high_cents"`
}

// BudgetPoint is what the best plan of one budget brings: surely from Low to
// High.
type BudgetPoint struct {
	BudgetCents data.Cents `json:"budget_cents"`
	LowCents    data.Cents `json:"low_cents"`
	HighCents   data.Cents `json:"high_cents"`
	Chosen      bool       `json:"chosen"`
	PriceCents  *float64   `json:"price_cents"`
}

// ReportEvaluation is how well payment is predicted on data held out in time.
type ReportEvaluation struct {
	HorizonDays int       `json:"horizon_days"`
	TestFrom    data.Date `json:"test_from"`
	TestTo      data.Date `json:"test_to"`
	TrainRows   int64     `json:"train_rows"`
	TestRows    int64     `json:"test_rows"`
	Models      []struct {
		Name     string   `json:"name"`
		Champion bool     `json:"champion"`
		AUC      *float64 `json:"auc"`
		KS       *float64 `json:"ks"`
		LogLoss  *float64 `json:"log_loss"`
		Brier    *float64 `json:"brier"`
		ECE      *float64 `json:"ece"`
	} `json:"models"`
	Reliability []struct {
		Model string `json:"model"`
		Bins  []struct {
			Predicted float64 `json:"predicted"`
			Observed  float64 `json:"observed"`
			Rows      int64   `json:"rows"`
		} `json:"bins"`
	} `json:"reliability"`
	Importance []struct {
		Feature     string  `json:"feature"`
		Description string  `json:"description"`
		MeanAbsSHAP float64 `json:"mean_abs_shap"`
	} `json:"importance"`
}

// ReportUplift is how well the effect of one channel is known.
type ReportUplift struct {
	Channel    data.Channel `json:"channel"`
	Learner    string       `json:"learner"`
	Rows       int64        `json:"rows"`
	ATE        *float64     `json:"ate"`
	ATELo      *float64     `json:"ate_lo"`
	ATEHi      *float64     `json:"ate_hi"`
	QiniArea   *float64     `json:"qini_area"`
	QiniAreaLo *float64     `json:"qini_area_lo"`
	QiniAreaHi *float64     `json:"qini_area_hi"`
	Curve      []struct {
		Share float64 `json:"share"`
		Gain  float64 `json:"gain"`
	} `json:"curve"`
}

// ReportHealth is what training looked for beside how good a version is.
type ReportHealth struct {
	Shifts []struct {
		Feature string  `json:"feature"`
		PSI     float64 `json:"psi"`
	} `json:"shifts"` // the largest first
	Alarms []struct {
		Kind    string   `json:"kind"`
		Subject string   `json:"subject"`
		Figure  *float64 `json:"figure"`
		Limit   *float64 `json:"limit"`
		Text    string   `json:"text"`
	} `json:"alarms"`
}
