// Package response models when customers pay and how each answers to touches:
// a discrete-time hazard with latent response classes. What one customer did
// after earlier touches, against his own untouched days, says which class he
// is in; what all did says what the classes are like.
//
// Invoice j of customer i, open at the start of day d, is paid on with the
// expected number of payments of that day
//
//	λ = g_l · base_j(d) · exp( Σ_touches θ_kc · x_j(touch, d) + γ_k · 1{a promise runs} )
//
// where l is the customer's latent pace (one of [Model].Levels), k his latent
// response class, c a touch's channel and base a product of margins: days past
// due by the state of the invoice, day of the week, days to and from payday and
// about the thirteenth salary, day of the month, month and quarter of the month,
// amount (against the credit limit, where there is one), product, tenure, region.
// Margins of many cells are shrunk (see shrink.go). The states are: decided
// about, not decided about, perhaps held back, held back (see doubt.go), under an
// agreement. The strength of a touch,
//
//	x = stage[c][days past due when it is sent] · day[weekday] · near[payday] · exp(−φ · load) · decay[days since it arrived],
//
// is pooled: it is the same for all classes. The load counts earlier delivered
// touches, each exp(−days/τ): people tire of touches and recover. A touch that
// bounced has no strength. Besides payments, what a customer does with a touch
// (opens, replies or promises, complains) tells classes apart.
//
// [Fit] maximises the likelihood of whole logged histories, with weak priors, by
// a generalised EM algorithm: exact posterior weights over classes × paces,
// closed forms for margins, paces, shares and rates, damped Newton steps for θ, γ and
// the pooled shapes. Touches may depend in any way on what was logged before
// them (days past due, past payments): the likelihood of payments given touches
// stays right, as long as the choice used nothing that is neither logged here
// nor caught by the latent pace. That is why its level is checked, by the train
// stage, against logged probabilities.
//
// [Reader] gives the posterior of a customer at a day, from what was known
// before that day alone, and what a touch would change. Days are those of
// package data, money is cents, effects are expected cents within a window.
//
// The mixture is that of latent class analysis (Goodman 1974) with a discrete
// frailty (Heckman & Singer, "A method for minimizing the impact of
// distributional assumptions in econometric models for duration data",
// Econometrica 52, 1984); EM after Dempster, Laird & Rubin (1977).
package response
