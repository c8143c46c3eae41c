package serve

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"math"
	"strings"

	"dunning/data"
)

// ErrMissingColumn marks rows that lack a column which the model reads; the
// error that wraps it names the column.
var ErrMissingColumn = errors.New("serve: missing column")

// Batch is the body of a request for scores: a table of feature rows.
type Batch struct {
	Columns []string     `json:"columns" minItems:"1" doc:"Names of the features, in the order of the values of each row. Columns that the model does not read are ignored." example:"[\"f_days_past_due\",\"f_balance\"]"`
	Rows    [][]*float64 `json:"rows" minItems:"1" doc:"One array of values per row; null means unknown."`
	IDs     []string     `json:"ids,omitempty" doc:"One id per row, returned with its score."`
}

// parseBatch reads the body of a request. It errs with CodeInvalid, or with
// CodeTooLarge for more than maxRows rows, and never panics.
func parseBatch(body []byte, maxRows int) (*Batch, error) {
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.DisallowUnknownFields()
	var b Batch
	if err := dec.Decode(&b); err != nil {
		return nil, fail(CodeInvalid, "the body is not a batch of rows: %s", jsonFault(err))
	}
	if _, err := dec.Token(); err != io.EOF {
		return nil, fail(CodeInvalid, "the body goes on after the batch of rows")
	}
	switch {
	case len(b.Columns) == 0 || len(b.Rows) == 0:
		return nil, fail(CodeInvalid, "the batch needs at least one column and one row")
	case len(b.Rows) > maxRows:
		return nil, fail(CodeTooLarge, "%d rows, at most %d in one request", len(b.Rows), maxRows)
	case len(b.IDs) != 0 && len(b.IDs) != len(b.Rows):
		return nil, fail(CodeInvalid, "%d ids for %d rows", len(b.IDs), len(b.Rows))
	}
	seen := make(map[string]bool, len(b.Columns))
	for j, name := range b.Columns {
		if name == "" || seen[name] {
			return nil, fail(CodeInvalid, "columns[%d]: the name is empty or occurs twice", j)
		}
		seen[name] = true
	}
	for i, row := range b.Rows {
		if len(row) != len(b.Columns) {
			return nil, fail(CodeInvalid, "rows[%d]: %d values for %d columns", i, len(row), len(b.Columns))
		}
	}
	return &b, nil
}

// jsonFault says what is wrong with a document without quoting it.
func jsonFault(err error) string {
	var (
		syntax *json.SyntaxError
		kind   *json.UnmarshalTypeError
	)
	switch {
	case errors.As(err, &syntax), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return "it is not JSON"
	case errors.As(err, &kind):
		if kind.Field == "" {
			return "it must be an object with columns and rows"
		}
		return "a value of " + kind.Field + " has the wrong type or is out of range"
	case strings.HasPrefix(err.Error(), "json: unknown field"):
		return "it has a field other than columns, rows and ids"
	}
	return "it cannot be read"
}

// columns turns the rows into the columns that models take.
func (b *Batch) columns() ([][]float32, error) {
	cols := make([][]float32, len(b.Columns))
	for j := range cols {
		cols[j] = make([]float32, len(b.Rows))
		for i, row := range b.Rows {
			v := float32(math.NaN())
			if row[j] != nil {
				v = float32(*row[j])
				if math.IsInf(float64(v), 0) {
					return nil, fail(CodeInvalid, "rows[%d], column %s: the value is out of range", i, b.Columns[j])
				}
			}
			cols[j][i] = v
		}
	}
	return cols, nil
}

// BatchScore is the score of one row of a batch.
type BatchScore struct {
	ID             string   `json:"id,omitempty" doc:"The id that the request gave the row."`
	PayProb        *float64 `json:"pay_prob" doc:"Calibrated probability of payment within the horizon without a touch; null where the artefact has no such model."`
	UpliftEmail    *float64 `json:"uplift_email" doc:"Uplift in that probability by one touch; null where no model covers the channel."`
	UpliftSMS      *float64 `json:"uplift_sms"`
	UpliftWhatsApp *float64 `json:"uplift_whatsapp"`
	UpliftVoice    *float64 `json:"uplift_voice"`
	UpliftLetter   *float64 `json:"uplift_letter"`
}

// scoreBatch predicts every row.
func scoreBatch(m Model, b *Batch) ([]BatchScore, error) {
	cols, err := b.columns()
	if err != nil {
		return nil, err
	}
	p, err := m.Score(b.Columns, cols)
	if errors.Is(err, ErrMissingColumn) {
		e := fail(CodeInvalid, "%s; GET /v1/models/current lists the columns", strings.TrimPrefix(err.Error(), "serve: "))
		return nil, e
	}
	if err != nil {
		return nil, err
	}
	scores := make([]BatchScore, len(b.Rows))
	for i := range scores {
		var row data.Score
		for j, ch := range data.Channels {
			if p.Uplift[j] != nil {
				row.SetUplift(ch, p.Uplift[j][i])
			}
		}
		scores[i] = BatchScore{UpliftEmail: row.UpliftEmail, UpliftSMS: row.UpliftSMS,
			UpliftWhatsApp: row.UpliftWhatsApp, UpliftVoice: row.UpliftVoice, UpliftLetter: row.UpliftLetter}
		if p.PayProb != nil {
			scores[i].PayProb = &p.PayProb[i]
		}
		if b.IDs != nil {
			scores[i].ID = b.IDs[i]
		}
	}
	return scores, nil
}
