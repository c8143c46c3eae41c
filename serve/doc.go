// Package serve answers over HTTP/JSON what the pipeline finished (scores of
// customers, actions of plans, the model in force; it reads and never trains),
// and opens the ledger of package [dunning/serve/ledger]: wallets, approval,
// dispatch, events, audit.
//
// The governing invariants:
//
//   - An answer comes from one whole version of one output, verified against
//     its manifest before its first use. A new version replaces the old one in
//     one step; a damaged one is refused, named in /readyz and in the logs,
//     and the old one goes on serving.
//   - Deny by default: a route that names no roles is not registered, and every
//     route but the public ones needs a key with one of its roles.
//   - A write has one effect under its idempotency key, and its first answer is
//     kept with the effect, in one transaction. Who acts is the name on his key.
//   - No action is handed out before it was asked about again ([Rechecker]).
//   - No secret and no internal error leaves the process: keys are kept as
//     SHA-256, and what is not meant for a client is logged, never sent.
//
// Errors are problem documents (RFC 9457) with a code; [Code] and its one
// function to HTTP status follow benbjohnson/wtf.
package serve
