// Package policy decides whether a customer may be contacted on a channel on
// a day, and within which hours: law, consent and the company's own caps. It
// is used twice, to filter candidates and again at the moment of dispatch.
//
// The governing invariant: every verdict that forbids names one rule, and
// every rule names the law, the article or the setting it comes from.
//
// Rules are data: packs are versioned YAML files embedded in the program
// (packs/*.yaml), validated when an [Engine] is made. A pack holds rules, holidays
// and time zones. Where several rules forbid, the verdict names the first in
// the order of the packs and, within a pack, of its lines.
//
// Units: days are calendar days where the customer lives; windows are half
// open, [WindowStart, WindowEnd), in UTC. The state laws on hours speak of
// telephone calls; we keep their hours on every channel, which is stricter and
// asks nobody to know when an e-mail rings a telephone.
//
// An Engine is immutable apart from its caches and safe for concurrent use.
package policy
