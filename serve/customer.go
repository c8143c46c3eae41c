package serve

import (
	"context"
	"fmt"
	"math"

	"dunning/data"
)

// CustomerScore is the body of a customer's score.
type CustomerScore struct {
	data.Score
	FeaturesSchemaVersion int `json:"features_schema_version" doc:"Version of the feature tables behind the score."`
	// ScoresVersion and PlanVersion say which files the answer comes from.
	ScoresVersion string `json:"scores_version" doc:"SHA-256 of scores.parquet."`
	PlanVersion   string `json:"plan_version,omitempty" doc:"SHA-256 of the plan.parquet of the same day; left out where there is none."`
	// PaymentCurve has a point for each day of the model's horizon.
	PaymentCurve []CurvePoint `json:"payment_curve" doc:"Empty while no model is loaded."`
	BestLadder   []LadderStep `json:"best_ladder" doc:"What the plan of the same day has for the customer; empty means no contact."`
	Why          string       `json:"why" doc:"One sentence in Portuguese: why this ladder, or why none."`
}

// CurvePoint is the probability that the balance is paid by the end of a day if
// nobody touches the customer.
type CurvePoint struct {
	Day      data.Date `json:"day"`
	PaidProb float64   `json:"paid_prob"`
}

// LadderStep is one touch of a ladder.
type LadderStep struct {
	ActionID   string       `json:"action_id"`
	Step       int32        `json:"step"`
	Day        data.Date    `json:"day"`
	Channel    data.Channel `json:"channel"`
	CostCents  data.Cents   `json:"cost_cents"`
	ValueCents data.Cents   `json:"value_cents" doc:"Expected additional recovery."`
	Source     string       `json:"source"`
	Reason     string       `json:"reason"`
}

func (s *Server) customerScore(_ context.Context, in *customerIn) (*body[CustomerScore], error) {
	scores := s.store.Scores()
	if scores == nil {
		return nil, fail(CodeUnavailable, "no scores are loaded yet; run the pipeline")
	}
	row, ok := scores.Find(in.ID)
	if !ok {
		return nil, fail(CodeNotFound, "no open balance of this customer was scored at %s", scores.AsOf)
	}
	out := CustomerScore{Score: row, FeaturesSchemaVersion: scores.SchemaVersion, ScoresVersion: scores.Version,
		PaymentCurve: []CurvePoint{}, BestLadder: []LadderStep{}}
	if m := s.store.Model(); m != nil {
		out.PaymentCurve = paymentCurve(row, m.Info().HorizonDays)
	}
	plan := s.store.LatestPlan()
	if plan == nil || plan.AsOf != scores.AsOf {
		out.Why = fmt.Sprintf("Não há plano de %s.", scores.AsOf)
		return &body[CustomerScore]{out}, nil
	}
	out.PlanVersion = plan.SHA256
	for _, a := range plan.Ladder(in.ID) {
		out.BestLadder = append(out.BestLadder, LadderStep{ActionID: a.ActionID, Step: a.Step, Day: a.Day, Channel: a.Channel,
			CostCents: a.CostCents, ValueCents: a.ValueCents, Source: string(a.Source), Reason: a.Reason})
	}
	if len(out.BestLadder) > 0 {
		out.Why = out.BestLadder[0].Reason
	} else {
		out.Why = fmt.Sprintf("O plano de %s não contata o cliente: nenhum contato permitido vale o que ocuparia do orçamento e dos canais, ou ele está no grupo de controle.", scores.AsOf)
	}
	return &body[CustomerScore]{out}, nil
}

// paymentCurve spreads a score over the days of the horizon at an even pace, as
// the planning does: who pays within H days with probability p has paid by the
// end of day d with probability 1 − (1−p)^(d/H).
func paymentCurve(row data.Score, horizonDays int) []CurvePoint {
	curve := make([]CurvePoint, horizonDays)
	for i := range curve {
		d := float64(i+1) / float64(horizonDays)
		curve[i] = CurvePoint{Day: row.AsOf + data.Date(i), PaidProb: 1 - math.Pow(1-row.PayProb, d)}
	}
	return curve
}
