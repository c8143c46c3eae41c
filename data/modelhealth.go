package data

// AlarmKind says what an alarm is about.
type AlarmKind string

// The kinds of alarms.
const (
	AlarmLeak     AlarmKind = "leak"     // a feature that seems to know the outcome
	AlarmDrift    AlarmKind = "drift"    // people or what is known of them changed
	AlarmLog      AlarmKind = "log"      // logged probabilities that do not fit what was done
	AlarmFairness AlarmKind = "fairness" // a group that is judged worse than it pays
)

// Alarm is something that a person must look at before a version is trusted.
type Alarm struct {
	Kind    AlarmKind `json:"kind"`
	Subject string    `json:"subject"` // feature, group or option
	Figure  *float64  `json:"figure"`
	Limit   *float64  `json:"limit"`
	Text    string    `json:"text"` // one English clause
}

// ModelHealth is what training looked for beside how good a version is.
type ModelHealth struct {
	Alarms []Alarm `json:"alarms"`
	// Recalibrated tells that predictions follow the calibration of the last
	// weeks, since that was better on the test period by RollingGain ± its
	// standard error, in nats.
	Recalibrated  bool     `json:"recalibrated"`
	RollingGain   *float64 `json:"rolling_gain"`
	RollingGainSE *float64 `json:"rolling_gain_se"`
	// Weeks is the CUSUM chart of the calibration intercept over the test period.
	Weeks []CalibrationWeek `json:"weeks"`
	// Shifts are the population stability indices of the ratios, largest first.
	Shifts   []Shift        `json:"shifts"`
	Options  []OptionShare  `json:"options"`
	Groups   []GroupFigures `json:"groups"`
	Vintages []Vintage      `json:"vintages"`
}

// CalibrationWeek is one week of the CUSUM chart.
type CalibrationWeek struct {
	From  Date    `json:"from"`
	Rows  int64   `json:"rows"`
	Z     float64 `json:"z"`
	Up    float64 `json:"up"`   // more is paid than predicted
	Down  float64 `json:"down"` // less
	Alarm bool    `json:"alarm"`
}

// Shift is how far a feature moved between training and the last weeks.
type Shift struct {
	Feature string  `json:"feature"`
	PSI     float64 `json:"psi"`
}

// OptionShare compares what was done with the probabilities that were logged.
type OptionShare struct {
	Option Channel `json:"option"`
	Rows   int64   `json:"rows"`
	Share  float64 `json:"share"` // of the decisions that were a draw
	// MeanWeight is Σ 1/p over the option's rows ÷ all rows on which it was
	// possible: 1 where logged probabilities are right. SE is its standard error.
	MeanWeight *float64 `json:"mean_weight"`
	SE         *float64 `json:"se"`
}

// GroupFigures is how one group of customers is judged.
type GroupFigures struct {
	Column    string   `json:"column"`
	Value     string   `json:"value"`
	Rows      int64    `json:"rows"`
	Predicted float64  `json:"predicted"`
	Observed  float64  `json:"observed"`
	AUC       *float64 `json:"auc"`
	// Large is the calibration in the large, in log-odds: above 0 the group
	// pays more than it is credited with.
	Large   *float64 `json:"calib_in_the_large"`
	LargeSE *float64 `json:"calib_in_the_large_se"`
}

// Vintage is how the model did on the decisions of one month.
type Vintage struct {
	Month       Date     `json:"month"` // its first day
	Rows        int64    `json:"rows"`
	Observed    float64  `json:"observed"`
	Predicted   float64  `json:"predicted"`
	AUC         *float64 `json:"auc"`
	LogLoss     *float64 `json:"log_loss"`
	BaseLogLoss *float64 `json:"base_log_loss"` // of the trailing base rate
}
