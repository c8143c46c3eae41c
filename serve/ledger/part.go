package ledger

import (
	"cmp"
	"fmt"
	"math/bits"
	"slices"
	"strings"

	"dunning/data"
)

// takePart makes the plan of the approved part and supersedes the whole. The
// part's maker is the whole's: the approver chose among his actions and made
// none.
func (o *operation) takePart(whole Plan, r ApproveRequest) (Plan, error) {
	var actions []Action
	err := eachAction(o, whole.ID, func(a *Action) error {
		if r.Part.admits(a) {
			actions = append(actions, *a)
		}
		return nil
	})
	if err != nil {
		return Plan{}, err
	}
	if actions = r.Part.cheapest(actions); len(actions) == 0 {
		return Plan{}, fmt.Errorf("%w: no action of plan %s is in this part", ErrInvalid, whole.ID)
	}
	for i := range actions {
		actions[i].PlanID = r.Part.PlanID
	}
	proposal, err := Proposal{PlanID: r.Part.PlanID, Maker: whole.Maker, AsOf: whole.AsOf, FileSHA256: whole.FileSHA256, Actions: actions}.checked()
	if err != nil {
		return Plan{}, err
	}
	sum, err := proposal.SHA256()
	if err != nil {
		return Plan{}, err
	}
	which, err := canonical(r.Part)
	if err != nil {
		return Plan{}, err
	}
	part, err := o.insertPlan(proposal, sum, whole.ID, which)
	if err != nil {
		return Plan{}, err
	}
	if err := o.movePlan(&part, Submitted, r.Approver, "part of "+whole.ID, "plan.submit", nil); err != nil {
		return Plan{}, err
	}
	return part, o.movePlan(&whole, Superseded, r.Approver, "approved in part: "+part.ID, "plan.supersede", nil)
}

func (p *Part) admits(a *Action) bool {
	return (len(p.Channels) == 0 || slices.Contains(p.Channels, a.Channel)) && (len(p.Segments) == 0 || slices.Contains(p.Segments, a.Segment))
}

// cheapest keeps the actions with the most value per cost that fit MaxCents
// together; an action that does not fit makes room for smaller ones.
func (p *Part) cheapest(actions []Action) []Action {
	if p.MaxCents == nil {
		return actions
	}
	slices.SortFunc(actions, func(a, b Action) int {
		return cmp.Or(-compareRatio(a.ValueCents, a.CostCents, b.ValueCents, b.CostCents), strings.Compare(a.ActionID, b.ActionID))
	})
	kept, left := actions[:0], *p.MaxCents
	for _, a := range actions {
		if a.CostCents <= left {
			left -= a.CostCents
			kept = append(kept, a)
		}
	}
	return kept
}

// compareRatio compares v/c with w/d exactly; c and d are not negative, and a
// cost of zero is more than any ratio of the value's sign.
func compareRatio(v, c, w, d data.Cents) int {
	if s := cmp.Compare(cmp.Compare(v, 0), cmp.Compare(w, 0)); s != 0 || v == 0 {
		return s
	}
	sign := 1
	if v < 0 {
		sign, v, w = -1, -v, -w
	}
	hi1, lo1 := bits.Mul64(uint64(v), uint64(d))
	hi2, lo2 := bits.Mul64(uint64(w), uint64(c))
	return sign * cmp.Or(cmp.Compare(hi1, hi2), cmp.Compare(lo1, lo2))
}
