// Package accounts knows the people who may open the pages: who they are, what
// they may do, and that it is they who ask.
//
// The governing invariants:
//
//   - No secret is kept: passwords as argon2id, the tokens of sessions and of
//     one-time links as SHA-256.
//   - A login never changes and is never given to somebody else, so the ledger
//     may know a person by it: a maker or approver of years ago is still who he
//     was. Who leaves is disabled, not deleted.
//   - What a person may do is read anew for each request: a role that is taken
//     away, and a person who is disabled, is so at once.
//   - Whether a person exists cannot be told from an answer or from the time
//     that it takes.
//
// Passwords follow OWASP's Password Storage Cheat Sheet (argon2id, 19 MiB, two
// passes, one lane) and NIST SP 800-63B (length, no rules of composition).
package accounts
