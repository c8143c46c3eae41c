// Package trees predicts with forests of decision trees, without C: gradient
// boosted trees that were trained elsewhere (package xgb) are validated,
// flattened, kept as JSON and explained here, so that servers and distributed
// workers need no C code and a damaged file can do no harm.
//
// The governing invariant: an [Ensemble] that exists is sound. Every child
// index is in range, every node is reached exactly once from its root, every
// number is finite, every split names a feature that exists. [New] and
// [Decode] are the only ways to make one, and both check.
//
// The prediction of a row x is
//
//	margin(x) = base + Σ_t leaf_t(x)        in float32, in the order of the trees
//	p(x)      = link⁻¹(margin(x))           identity, logistic or exponential
//
// At a split a row goes left when x[feature] < threshold, right when it is
// not, and to the split's default side when x[feature] is NaN (unknown).
// Adding in float32 in the order of the trees is what XGBoost does too, so the
// margins agree to the last bit.
//
// Batches walk a tree with eight rows at a time, so that the loads of one row
// fill the waits of another; on amd64 that walk is written in assembly, elsewhere
// in Go, with the same result.
//
// Explanations are exact SHAP values by the path-dependent algorithm of
// Lundberg, Erion and Lee, "Consistent Individualized Feature Attribution for
// Tree Ensembles" (2018), and Lundberg et al., Nature Machine Intelligence 2
// (2020).
package trees
