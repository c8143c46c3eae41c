package report

// Comparison holds two versions side by side.
type Comparison struct {
	Version string             `json:"version"`
	Other   string             `json:"other"`
	Figures []ComparisonFigure `json:"figures"`
	// CommonRows are the decisions that both predicted without having seen
	// them; LossDiff is the log loss of Version less that of Other on them.
	CommonRows int      `json:"common_rows"`
	LossDiff   *float64 `json:"log_loss_difference"`
	LossDiffSE *float64 `json:"log_loss_difference_se"`
}

// ComparisonFigure is one figure of two versions, each on its own test period,
// or, where the name says so, on the common decisions.
type ComparisonFigure struct {
	Name    string   `json:"name"`
	Version *float64 `json:"version"`
	Other   *float64 `json:"other"`
}
