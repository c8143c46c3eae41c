package data

// Evaluation is how well payment is predicted on data held out in time.
type Evaluation struct {
	HorizonDays int      `json:"horizon_days"`
	TestFrom    Date     `json:"test_from"`
	TestTo      Date     `json:"test_to"`
	TrainRows   int64    `json:"train_rows"`
	TestRows    int64    `json:"test_rows"`
	PaidShare   *float64 `json:"paid_share"` // base rate in the test rows
	// Models starts with the champion; the baselines follow.
	Models      []ModelScore  `json:"models"`
	Reliability []Reliability `json:"reliability"`
	Lift        []LiftDecile  `json:"lift"`       // of the champion, best tenth first
	Importance  []Importance  `json:"importance"` // of the champion, largest first
}

// ModelScore is one line of the table of models.
type ModelScore struct {
	Name     string   `json:"name"`
	Champion bool     `json:"champion"`
	AUC      *float64 `json:"auc"`
	Gini     *float64 `json:"gini"` // 2·AUC − 1
	KS       *float64 `json:"ks"`
	PRAUC    *float64 `json:"pr_auc"`
	LogLoss  *float64 `json:"log_loss"`
	Brier    *float64 `json:"brier"`
	// BrierSkill is 1 − Brier ÷ that of the test rows' own base rate.
	BrierSkill *float64 `json:"brier_skill"`
	ECE        *float64 `json:"ece"` // expected calibration error
	// Slope and Intercept are Cox's recalibration, 1 and 0 where calibrated;
	// Large is the intercept with the slope at 1.
	Slope     *float64 `json:"calib_slope"`
	Intercept *float64 `json:"calib_intercept"`
	Large     *float64 `json:"calib_in_the_large"`
}

// Reliability is the calibration curve of one model.
type Reliability struct {
	Model string           `json:"model"`
	Bins  []ReliabilityBin `json:"bins"`
}

// ReliabilityBin compares mean prediction with observed share.
type ReliabilityBin struct {
	Predicted float64 `json:"predicted"`
	Observed  float64 `json:"observed"`
	Rows      int64   `json:"rows"`
}

// LiftDecile is one tenth of the test rows by predicted probability.
type LiftDecile struct {
	Decile   int     `json:"decile"` // 1 is the highest predicted tenth
	Rows     int64   `json:"rows"`
	Observed float64 `json:"observed"` // share that paid
	Lift     float64 `json:"lift"`     // observed ÷ base rate
}

// Importance is the mean absolute SHAP value of one feature.
type Importance struct {
	Feature     string  `json:"feature"`
	Description string  `json:"description"` // a phrase for people, "" when none
	MeanAbsSHAP float64 `json:"mean_abs_shap"`
}

// UpliftFigures is how well the effect of one channel is known, on held-out
type UpliftFigures struct {
	Channel Channel `json:"channel"`
	Learner string  `json:"learner"`
	Rows    int64   `json:"rows"`
	Treated int64   `json:"treated"`
	// ATE is the mean effect of a touch on the probability of payment, with
	// its 95 % interval.
	ATE        *float64    `json:"ate"`
	ATELo      *float64    `json:"ate_lo"`
	ATEHi      *float64    `json:"ate_hi"`
	Qini       *float64    `json:"qini"`
	UpliftAt30 *float64    `json:"uplift_at_30"`
	Curve      []QiniPoint `json:"curve"` // from (0, 0) to (1, total)
	// QiniArea lies between the curve of doubly robust scores, by falling
	// estimate, and the straight line to its end, in share of the balance per
	// decision; with its 90 % interval. Deciles compare tenth by tenth.
	QiniArea   *float64       `json:"qini_area"`
	QiniAreaLo *float64       `json:"qini_area_lo"`
	QiniAreaHi *float64       `json:"qini_area_hi"`
	Deciles    []EffectDecile `json:"deciles"`
}

// EffectDecile is one tenth of the decisions by estimated effect, in shares of
// the balance.
type EffectDecile struct {
	Decile    int     `json:"decile"` // 1 has the largest estimates
	Rows      int64   `json:"rows"`
	Estimated float64 `json:"estimated"`
	Robust    float64 `json:"robust"` // mean doubly robust score: what the log says
	SE        float64 `json:"se"`
}

// QiniPoint is the gain of touching the best Share first: additional payments
// per customer of the whole.
type QiniPoint struct {
	Share float64 `json:"share"`
	Gain  float64 `json:"gain"`
}
