// Package ledger is the part that must never be wrong: the money or credits of
// the contact budget, the approval of plans, and the handing out of approved
// actions, in one database that refuses what is wrong, whoever asks.
//
// Governing invariants:
//
//   - What was funded is available, reserved or spent; none is ever below zero.
//     Every [Entry] carries the running balances of its wallet and proves it.
//   - Nothing is handed out that was not approved; an approval binds to the
//     SHA-256 of all the plan's actions, by somebody who did not make the plan.
//   - An action is held by one dispatcher at a time, known by a fencing token
//     that only grows, and is posted at most once.
//   - Entries, actions, approvals and audit rows never change. Each change of
//     state writes one row of a hash chain in the same transaction.
//   - What was acknowledged is on disk.
//
// They hold in the database itself (CHECK, UNIQUE, triggers; migration/*/*.sql)
// as well as in this code. [Store.Verify] recomputes all of them from the rows.
//
// Units: amounts are [Units], whole units of a wallet: cents in a wallet of
// money, touches in a wallet of credits. Instants are UTC, to the microsecond.
// Signs: no amount is negative; an entry says by its two accounts which way it
// goes.
//
// Ids are made by the caller, so that a request whose answer was lost can be
// sent again: the same id with the same input gives the first answer, with
// another input [ErrConflict].
//
// Writers take turns: one write transaction at a time on either database
// (SQLite allows no more; in PostgreSQL the row that holds the end of the
// audit chain is the lock). Transactions are kept short instead. A Store may
// be used by any number of goroutines.
//
// Sources: the pending, posted and voided transfers are those of TigerBeetle
// (docs/coding/two-phase-transfers); the fencing token is that of M. Kleppmann,
// Designing Data-Intensive Applications, chapter 8.
package ledger
