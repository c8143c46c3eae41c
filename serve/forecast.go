package serve

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"dunning/data"
)

// The output of the forecast stage within a home.
const (
	forecastsFolder = "forecasts" // forecasts/<as_of>/receipts.json
	receiptsFile    = "receipts.json"
)

// receipts is a forecast and the hash of its file.
type receipts struct {
	data.Receipts
	sha256 string
}

// forecastSource is a store that has forecasts. The error is as of [Store.Plan];
// a day of 0 means the latest, nil where there is none.
type forecastSource interface {
	forecast(asOf data.Date) (*receipts, error)
}

// forecast returns the forecast of a day. The latest stays in memory; an earlier
// one is read again each time: it is small.
func (s *FileStore) forecast(asOf data.Date) (*receipts, error) {
	latest := s.receipts.value.Load()
	switch {
	case latest == nil && s.receipts.damaged.Load():
		return nil, fail(CodeUnavailable, "the forecast is damaged; the log says where")
	case asOf == 0 || latest != nil && latest.AsOf == asOf:
		return latest, nil
	}
	v, err := probe(s.folder(forecastsFolder, asOf))
	var out *receipts
	if err == nil {
		out, err = s.loadReceipts(v)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fail(CodeNotFound, "there is no forecast of %s", asOf)
	}
	if err != nil {
		s.log.Error("refused a damaged version", "part", "forecast", "folder", s.folder(forecastsFolder, asOf), "error", err)
		return nil, fail(CodeUnavailable, "the forecast of %s is damaged; the log says where", asOf)
	}
	return out, nil
}

func (s *FileStore) loadReceipts(v version) (*receipts, error) {
	m, f, err := verified(v.dir, receiptsFile)
	if err != nil {
		return nil, err
	}
	b, err := os.ReadFile(filepath.Join(v.dir, receiptsFile))
	if err != nil {
		return nil, err
	}
	out := &receipts{sha256: f.SHA256}
	if err := json.Unmarshal(b, &out.Receipts); err != nil {
		return nil, fmt.Errorf("%s: %w: %w", v.dir, data.ErrDamagedFile, err)
	}
	if m.AsOf == nil || out.AsOf != *m.AsOf {
		return nil, fmt.Errorf("%s: %w: as_of %s is not the manifest's", v.dir, data.ErrDamagedFile, out.AsOf)
	}
	return out, nil
}

type forecastIn struct {
	AsOf    string `query:"as_of" format:"date" doc:"Day of the run that made the forecast; the latest without it."`
	Grain   string `query:"grain" enum:"day,week" default:"week"`
	Segment string `query:"segment" default:"all" maxLength:"100" doc:"A named segment, all for the whole portfolio, or * for every one."`
}

// Forecast is the answer of /v1/forecast.
type Forecast struct {
	AsOf         data.Date           `json:"as_of" doc:"What happened before this day was known."`
	Version      string              `json:"version" doc:"SHA-256 of the forecast."`
	ModelVersion string              `json:"model_version" doc:"The models that the plan's contacts are valued by; empty where no version was in force. The timing of payments is learned anew in each run."`
	PlanID       string              `json:"plan_id" doc:"The plan whose contacts are in plan_cents."`
	Nominal      float64             `json:"nominal" doc:"How often an interval is to hold what comes."`
	Rows         []data.ReceiptsRow  `json:"rows" doc:"Days or weeks in order, segment by segment. Amounts in cents: what comes if contact goes on as it used to, with its interval; what the plan's contacts and usual contact add; what comes with the plan."`
	Past         []data.ReceiptsPast `json:"past" doc:"Earlier forecasts of the whole portfolio against what came, by week."`
	Backcast     *data.ReceiptsTrial `json:"backcast,omitempty" doc:"Left out where the history is too short. How forecasts of past days would have done, each knowing what was known then."`
}

// forecastRoutes adds the forecast of receipts.
func (s *Server) forecastRoutes() {
	register(s, route{roles: []Role{Scientist, Manager, Approver, Auditor}, errors: []Code{CodeInvalid, CodeNotFound, CodeUnavailable}, Operation: huma.Operation{
		OperationID: "forecast", Method: http.MethodGet, Path: "/v1/forecast", Tags: []string{"forecast"},
		Summary: "Expected receipts by day or week and segment, with intervals, and how earlier forecasts did"}}, s.receiptsForecast)
}

func (s *Server) receiptsForecast(_ context.Context, in *forecastIn) (*body[Forecast], error) {
	day := data.Date(0)
	if in.AsOf != "" {
		var err error
		if day, err = data.ParseDate(in.AsOf); err != nil {
			return nil, fail(CodeInvalid, "as_of is no day like 2026-01-31")
		}
	}
	var f *receipts
	if source, ok := s.store.(forecastSource); ok {
		var err error
		if f, err = source.forecast(day); err != nil {
			return nil, err
		}
	}
	if f == nil {
		return nil, fail(CodeUnavailable, "there is no forecast yet; run the pipeline")
	}
	out := Forecast{AsOf: f.AsOf, Version: f.sha256, ModelVersion: f.ModelVersion, PlanID: f.PlanID, Nominal: f.Nominal,
		Rows: []data.ReceiptsRow{}, Past: f.Past, Backcast: f.Backcast}
	var known []string
	for _, r := range f.Rows {
		if r.Grain == in.Grain && (in.Segment == everySegment || r.Segment == in.Segment) {
			out.Rows = append(out.Rows, r)
		}
		if !slices.Contains(known, r.Segment) {
			known = append(known, r.Segment)
		}
	}
	if in.Segment != everySegment && !slices.Contains(known, in.Segment) {
		return nil, fail(CodeInvalid, "segment %q is none of %s", in.Segment, strings.Join(known, ", "))
	}
	if out.Past == nil {
		out.Past = []data.ReceiptsPast{}
	}
	return &body[Forecast]{out}, nil
}

// everySegment asks for the rows of all segments.
const everySegment = "*"
