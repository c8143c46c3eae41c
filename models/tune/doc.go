// Package tune searches the parameters of boosted trees.
//
// A trial is one point of a [Space], judged by its mean loss over folds. Trial
// 0 is what is in force now. The next ones are points of a Halton sequence,
// shifted by the seed (Cranley and Patterson 1976), which fill the space
// evenly; the rest are where a Gaussian process over the trials so far expects
// the largest improvement (Jones, Schonlau and Welch 1998). A trial that after
// its first fold is not among the better half of the trials seen there is
// dropped (asynchronous successive halving, Li et al. 2020). The number of
// rounds costs no trials: one training is scored at several lengths.
//
// Trials are proposed in batches of a fixed size, from what all earlier batches
// found. So trial i depends on the problem, the seed and i alone: neither on
// how many run at a time, nor on the clock, nor on where a search was
// interrupted. A time limit decides only how many trials there are.
//
// The winner is compared with what is in force on rows of its own, the
// [Confirmation], later than all folds where these are cut in time. Its
// interval is fair because nothing was chosen there. No fold and no
// confirmation holds a row of a test period.
package tune
