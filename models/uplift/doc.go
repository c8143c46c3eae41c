// Package uplift estimates what a treatment changes: the conditional average
// effect τ_t(x) = E[Y(t) − Y(0) | x] of each option t over the control option
// 0, the quality of a ranking by such estimates, and the value of a policy
// from a log that another policy wrote.
//
// A positive effect helps. Effects are in units of the outcome: for a 0/1
// outcome they are differences of probabilities, in [−1, 1].
//
// Learners ([SLearner], [TLearner], [XLearner], [DRLearner]) are the
// meta-learners of Künzel, Sekhon, Bickel & Yu, "Metalearners for estimating
// heterogeneous treatment effects using machine learning", PNAS 116 (2019),
// and the doubly robust learner of Kennedy, "Towards optimal doubly robust
// estimation of heterogeneous causal effects", arXiv 2004.14497 (2020). Each
// builds on any [models.Learner].
//
// Rankings are judged by the Qini curve (Radcliffe, "Using control groups to
// target on predicted lift", Direct Marketing Analytics Journal 3, 2007),
// normalised as scikit-uplift does; see [Qini], [AUUC] and [AtK].
//
// Policies are judged off-policy ([Evaluator]) by inverse propensity scores
// (Horvitz & Thompson 1952), their self-normalised form (Swaminathan &
// Joachims, "The self-normalized estimator for counterfactual learning",
// NeurIPS 2015) and the doubly robust estimator with cross-fitted outcome
// models (Robins, Rotnitzky & Zhao 1994; Chernozhukov et al. 2018). Where the
// log cannot answer, the evaluator says so instead of giving a figure.
//
// Everything here is pure Go, deterministic for a given seed, and keeps no
// reference to what it is given.
package uplift
