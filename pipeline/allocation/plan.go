package allocation

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"

	"dunning/data"
)

// PlannedAction is one touch of the plan that [WritePlan] writes. Amounts keep
// the fractions of the candidates they come from; the value is the discounted
// one where ladders are.
type PlannedAction struct {
	CustomerID       string       `parquet:"customer_id" json:"customer_id"`
	Channel          data.Channel `parquet:"channel,dict" json:"channel"`
	Day              data.Date    `parquet:"day,date" json:"day"`
	ValueCents       float64      `parquet:"value_cents" json:"value_cents"`
	CostCents        float64      `parquet:"cost_cents" json:"cost_cents"`
	ReducedCostCents float64      `parquet:"reduced_cost_cents" json:"reduced_cost_cents"`
	Step             int32        `parquet:"step" json:"step"` // 1 for the first touch of the ladder
}

// CheckPlanPath returns an error that wraps [data.ErrUsage] unless WritePlan
// knows the path's extension: .csv or .parquet.
func CheckPlanPath(path string) error {
	switch strings.ToLower(filepath.Ext(path)) {
	case ".csv", ".parquet":
		return nil
	}
	return fmt.Errorf("%w: %s: a plan is written as .csv or .parquet", data.ErrUsage, path)
}

// WritePlan writes the actions, as CSV or Parquet by the path's extension; a
// reader sees the old file or the new one.
func WritePlan(path string, actions []PlannedAction) error {
	if err := CheckPlanPath(path); err != nil {
		return err
	}
	if strings.EqualFold(filepath.Ext(path), ".parquet") {
		_, err := data.Write(path, actions)
		return err
	}
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	w.Write([]string{"customer_id", "channel", "day", "value_cents", "cost_cents", "reduced_cost_cents", "step"})
	number := func(x float64) string { return strconv.FormatFloat(x, 'f', -1, 64) }
	for _, a := range actions {
		w.Write([]string{a.CustomerID, string(a.Channel), a.Day.String(), number(a.ValueCents), number(a.CostCents), number(a.ReducedCostCents), strconv.Itoa(int(a.Step))})
	}
	w.Flush()
	if err := w.Error(); err != nil {
		return fmt.Errorf("allocation: %w", err)
	}
	return data.WriteFile(path, b.Bytes())
}
