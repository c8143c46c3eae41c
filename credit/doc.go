// Package credit analyses applications for credit: before, at and after a sale.
//
// A [Model] gives the probability of default PD of an application from what is
// known of the applicant: boosted trees whose probability is calibrated on rows
// that the trees did not learn from. A [Policy], a file that people write, turns
// it into a decision (accept, refer to a person, decline), a limit and reasons in
// words. Money is in cents, time in days and months, effects of features in
// log-odds of default.
//
// For a limit L the exposure at default is EAD = ead_share · L, and
//
//	expected loss    PD · LGD · EAD
//	expected margin  (1 − PD) · margin · EAD
//	worth(L, PD)     expected margin − expected loss − cost
//
// A bureau report is a signal s with known densities given default and no
// default; Bayes' rule gives odds(PD | s) = odds(PD) · f(s | default) / f(s | no
// default). What the report is worth before it is bought is the expected value of
// information (Raiffa and Schlaifer, "Applied Statistical Decision Theory", 1961):
//
//	EVOI = E_s[ W(PD | s) ] − W(PD)
//
// with W the worth of what the policy then does. It is bought only where EVOI
// exceeds its price.
//
// The governing invariants: an [Analysis] is a pure function of the stored model,
// the stored policy and the request, to the last bit, so that it can be repeated
// years later; no protected attribute (sex, age, origin …) is ever a feature, a
// column of a rule or a reason; a request that is wrong is answered with every
// fault it has.
//
// Nothing here reads a clock, opens a network connection or needs C code.
package credit
