// Package baseline holds the simple models that every report shows beside the
// champion: the base rate, a logistic regression (gonum) and a forest of
// golearn's decision trees. A champion that does not beat them is not one.
//
// All three implement models.Learner for labels in [0, 1], respect row weights
// and give the same model for the same data and seed.
package baseline
