package web

import "dunning/data"

// Report is what the pipeline's report.json says, as far as pages show it.
type Report struct {
	AsOf       data.Date            `json:"as_of"`
	Simulated  bool                 `json:"simulated"`
	Portfolio  *data.Indicators     `json:"portfolio"`
	Evaluation *data.Evaluation     `json:"evaluation"`
	Uplift     []data.UpliftFigures `json:"uplift"`
	Health     *data.ModelHealth    `json:"health"`
	Plan       *data.PlanFigures    `json:"plan"`
	Forecast   *data.Receipts       `json:"forecast"`
}
