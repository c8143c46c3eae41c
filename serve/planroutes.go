package serve

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"dunning/data"
	"dunning/serve/ledger"
)

func (s *Server) planRoutes() {
	readers := []Role{Manager, Approver, Dispatcher, Auditor}
	makers := []Role{Manager, Admin}
	approvers := []Role{Approver, Admin}
	tags := []string{"plans"}
	found := []Code{CodeInvalid, CodeNotFound}
	move := append([]Code{CodeNotFound, CodeState, CodeRefused}, writeErrors...)
	decide := append([]Code{CodeHash, CodeApprover, CodeInsufficient}, move...)
	const bigBody = 1 << 20
	register(s, route{roles: makers, errors: append([]Code{CodeNotFound, CodeBadInput, CodeUnavailable}, writeErrors...), Operation: huma.Operation{
		OperationID: "plan-import", Method: http.MethodPost, Path: "/v1/plans", Tags: tags,
		Summary: "Make a draft of a day's finished plan", Description: "Its maker is the holder of the key. The plan of a day that is a draft already is given again."}}, s.planImport)
	register(s, route{roles: readers, errors: []Code{CodeInvalid}, Operation: huma.Operation{
		OperationID: "plans", Method: http.MethodGet, Path: "/v1/plans", Tags: tags, Summary: "Plans in the ledger, newest first"}}, s.plans)
	register(s, route{roles: readers, errors: found, Operation: huma.Operation{
		OperationID: "plan", Method: http.MethodGet, Path: "/v1/plans/{plan}", Tags: tags,
		Summary: "A plan of the ledger: totals, approval, progress"}}, s.planShow)
	register(s, route{roles: readers, errors: found, Operation: huma.Operation{
		OperationID: "plan-diff", Method: http.MethodGet, Path: "/v1/plans/{plan}/diff", Tags: tags,
		Summary: "What a plan changes against another one", Description: "Actions are compared by customer, channel, day and step."}}, s.planDiff)
	s.actionRoutes(readers, tags)
	register(s, route{roles: makers, errors: move, Operation: huma.Operation{
		OperationID: "plan-submit", Method: http.MethodPost, Path: "/v1/plans/{plan}/submit", Tags: tags,
		Summary: "Hand a draft in for approval; only its maker may"}}, s.planSubmit)
	register(s, route{roles: approvers, errors: decide, Operation: huma.Operation{
		OperationID: "plan-approve", Method: http.MethodPost, Path: "/v1/plans/{plan}/approve", Tags: tags, MaxBodyBytes: bigBody,
		Summary:     "Approve a submitted plan, or a part of it, and reserve its amount",
		Description: "Never by the plan's maker. sha256 is the one of the plan that the approver has seen. A part (by channel, segment or amount) becomes a plan of its own and the whole is superseded."}}, s.planApprove)
	register(s, route{roles: approvers, errors: decide, Operation: huma.Operation{
		OperationID: "plan-reject", Method: http.MethodPost, Path: "/v1/plans/{plan}/reject", Tags: tags,
		Summary: "Turn a submitted plan down"}}, s.planReject)
	register(s, route{roles: []Role{Manager, Approver, Admin}, errors: move, Operation: huma.Operation{
		OperationID: "plan-close", Method: http.MethodPost, Path: "/v1/plans/{plan}/close", Tags: tags,
		Summary: "End a plan in force", Description: "What it has not handed out is released. What is leased stays so until its dispatcher has spoken or a day has passed."}}, s.planClose)
}

// NewPlan is the body that makes a draft.
type NewPlan struct {
	AsOf string `json:"as_of" pattern:"^(latest|[0-9]{4}-[0-9]{2}-[0-9]{2})$" patternDescription:"a day like 2026-01-31, or latest" doc:"Day of the plan, or latest." example:"latest"`
}

func (s *Server) planImport(ctx context.Context, in *Write[NewPlan]) (*written[ledger.Plan], error) {
	plan, err := s.plan(ctx, in.Body.AsOf)
	if err != nil {
		return nil, err
	}
	proposal := ProposalOf(plan, s.store.Portfolio(), actor(ctx))
	return once(ctx, s, in.IdempotencyKey, in.RawBody, func(ctx context.Context) (ledger.Plan, error) {
		if plan.Len() == 0 {
			return ledger.Plan{}, fail(CodeBadInput, "the plan of %s has no action", plan.AsOf)
		}
		return s.ledger.CreatePlan(ctx, proposal)
	})
}

type plansIn struct {
	State []string `query:"state,explode" maxItems:"8" enum:"draft,submitted,approved,rejected,dispatching,closed,superseded,expired" doc:"Only plans in this state; may be repeated."`
}

// Plans is the list of the plans in the ledger.
type Plans struct {
	Plans []ledger.Plan `json:"plans"`
}

func (s *Server) plans(ctx context.Context, in *plansIn) (*body[Plans], error) {
	states := make([]ledger.PlanState, len(in.State))
	for i, state := range in.State {
		states[i] = ledger.PlanState(state)
	}
	list, err := s.ledger.Plans(ctx, states...)
	return &body[Plans]{Plans{list}}, err
}

// PlanPath is the input that names a plan of the ledger.
type PlanPath struct {
	Plan string `path:"plan" maxLength:"200" doc:"plan_id" example:"2026-01-05-064ae631"`
}

// ShownPlan is a plan with what became of it.
type ShownPlan struct {
	ledger.Plan
	Approval *ledger.Approval `json:"approval,omitempty" doc:"Left out while the plan is not approved."`
	Progress []ledger.Tally   `json:"progress" doc:"Approved actions by state and channel."`
	Totals   []PlanTotal      `json:"totals" doc:"Proposed actions by day, channel and segment."`
}

func (s *Server) planShow(ctx context.Context, in *PlanPath) (*body[ShownPlan], error) {
	var (
		out ShownPlan
		err error
	)
	if out.Plan, err = s.ledger.Plan(ctx, in.Plan); err != nil {
		return nil, err
	}
	if approval, err := s.ledger.Approval(ctx, in.Plan); err == nil {
		out.Approval = &approval
	} else if codeOfError(err) != CodeNotFound {
		return nil, err
	}
	if out.Progress, err = s.ledger.Progress(ctx, in.Plan); err != nil {
		return nil, err
	}
	if out.Progress == nil {
		out.Progress = []ledger.Tally{}
	}
	out.Totals, err = s.planTotals(ctx, in.Plan)
	return &body[ShownPlan]{out}, err
}

// codeOfError returns the code that a client would see of an error.
func codeOfError(err error) Code {
	p, _ := problemOf(ofLedger(err), "")
	return p.Code
}

type planMoveIn struct {
	PlanPath
	Idempotent
}

func (s *Server) planSubmit(ctx context.Context, in *planMoveIn) (*written[ledger.Plan], error) {
	return once(ctx, s, in.IdempotencyKey, nil, func(ctx context.Context) (ledger.Plan, error) {
		return s.ledger.Submit(ctx, in.Plan, actor(ctx))
	})
}

// NewApproval is the body of an approval.
type NewApproval struct {
	SHA256     string                  `json:"sha256" minLength:"64" maxLength:"64" doc:"Of the plan that the approver has seen."`
	Reason     string                  `json:"reason" minLength:"1" maxLength:"2000"`
	WalletID   string                  `json:"wallet_id,omitempty" maxLength:"200" doc:"Pays for all channels that wallets does not name." example:"main"`
	Wallets    map[data.Channel]string `json:"wallets,omitempty" doc:"Who pays, by channel."`
	Supersedes []string                `json:"supersedes,omitempty" maxItems:"100" doc:"Plans in force that this one takes the place of: what they have not handed out is released first."`
	Part       *NewPart                `json:"part,omitempty" doc:"Approves only a part, as a plan of its own."`
}

// NewPart chooses the actions of a part.
type NewPart struct {
	PlanID   string         `json:"plan_id" minLength:"1" maxLength:"200" pattern:"^[^\\s/]+$" doc:"Of the new plan."`
	Channels []data.Channel `json:"channels,omitempty" enum:"email,sms,whatsapp,voice,letter" doc:"All where left out."`
	Segments []string       `json:"segments,omitempty" maxItems:"1000" doc:"All where left out."`
	MaxCents *data.Cents    `json:"max_cents,omitempty" minimum:"0" doc:"Of these, the actions with the most value per cost that cost so much together."`
}

type approveIn struct {
	PlanPath
	Write[NewApproval]
}

func (s *Server) planApprove(ctx context.Context, in *approveIn) (*written[ledger.Approval], error) {
	r := ledger.ApproveRequest{PlanID: in.Plan, SHA256: in.Body.SHA256, Approver: actor(ctx), Reason: in.Body.Reason,
		WalletID: in.Body.WalletID, Wallets: in.Body.Wallets, Supersedes: in.Body.Supersedes}
	if p := in.Body.Part; p != nil {
		r.Part = &ledger.Part{PlanID: p.PlanID, Channels: p.Channels, Segments: p.Segments, MaxCents: p.MaxCents}
	}
	out, err := once(ctx, s, in.IdempotencyKey, in.RawBody, func(ctx context.Context) (ledger.Approval, error) {
		return s.ledger.Approve(ctx, r)
	})
	if err == nil && out.Replayed != "" {
		// The first answer may have been lost because the chain's end could not
		// be exported after the commit; asking again writes it.
		_, err = s.ledger.Approve(ctx, r)
	}
	return out, err
}

// NewRejection is the body of a rejection.
type NewRejection struct {
	SHA256 string `json:"sha256" minLength:"64" maxLength:"64" doc:"Of the plan that was seen."`
	Reason string `json:"reason" minLength:"1" maxLength:"2000"`
}

type rejectIn struct {
	PlanPath
	Write[NewRejection]
}

func (s *Server) planReject(ctx context.Context, in *rejectIn) (*written[ledger.Plan], error) {
	return once(ctx, s, in.IdempotencyKey, in.RawBody, func(ctx context.Context) (ledger.Plan, error) {
		return s.ledger.Reject(ctx, ledger.RejectRequest{PlanID: in.Plan, SHA256: in.Body.SHA256, Actor: actor(ctx), Reason: in.Body.Reason})
	})
}

// NewClosing is the body that ends a plan.
type NewClosing struct {
	Reason string `json:"reason" minLength:"1" maxLength:"2000"`
}

type closeIn struct {
	PlanPath
	Write[NewClosing]
}

func (s *Server) planClose(ctx context.Context, in *closeIn) (*written[ledger.Plan], error) {
	return once(ctx, s, in.IdempotencyKey, in.RawBody, func(ctx context.Context) (ledger.Plan, error) {
		return s.ledger.ClosePlan(ctx, in.Plan, actor(ctx), in.Body.Reason)
	})
}
