// Package xgb trains gradient boosted trees with the C library of XGBoost
// (Chen and Guestrin, KDD 2016; version 1.7, histogram method) through cgo and
// hands them over as a trees.Ensemble. XGBoost is used for training only: what
// predicts, is saved and is served is pure Go.
//
// This package imports its sibling models/trees, an exception to the rule that
// siblings do not know each other: a forest is what this training yields.
//
// A build without cgo compiles, and its [Learner.Fit] returns [ErrNoCgo].
package xgb
