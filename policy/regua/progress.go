package regua

import "context"

// Phase is what a trial is doing.
type Phase string

// The phases of a trial, in order.
const (
	TrialWaits      Phase = "waiting"    // for another trial
	TrialReads      Phase = "reading"    // scores and customers
	TrialFollows    Phase = "following"  // the régua is asked about every customer
	TrialCandidates Phase = "candidates" // what each touch is worth
	TrialRecommends Phase = "optimizing" // the plan without the régua
	TrialReplaces   Phase = "replacing"  // the plan beside it
)

// TrialPhases are the phases in order.
var TrialPhases = [...]Phase{TrialWaits, TrialReads, TrialFollows, TrialCandidates, TrialRecommends, TrialReplaces}

type phaseKey struct{}

// WithPhases returns a context whose trials tell their phases to tell.
func WithPhases(ctx context.Context, tell func(Phase)) context.Context {
	return context.WithValue(ctx, phaseKey{}, tell)
}

// Report tells that a trial has come to a phase, to whoever asked with
// [WithPhases]; else to nobody.
func Report(ctx context.Context, phase Phase) {
	if tell, ok := ctx.Value(phaseKey{}).(func(Phase)); ok {
		tell(phase)
	}
}
