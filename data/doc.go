// Package data is the vocabulary of Dunning: the rows that cross from one
// stage to the next, the units they are measured in, and the files they are
// kept in. It imports nothing of ours, so every other package may import it.
//
// Units and conventions, the same everywhere:
//
//   - money is [Cents], an int64 of Brazilian centavos unless the row names
//     another currency;
//   - a day is a [Date], days since 1970-01-01, without a time zone;
//   - an instant is a time.Time in UTC, kept in Parquet as microseconds;
//   - ids are opaque strings, unique within their table;
//   - a customer is known by a pseudonym only. No name, document number,
//     address, phone or e-mail is a column of any table.
//
// The source tables are [Customer], [Invoice], [Payment], [Touch],
// [TouchEvent], [Promise], [BureauReport] and [Dispute]; the tables between optimizer and
// dispatcher are [Candidate] and [Action]. The tables of features (training
// and scoring) have columns that depend on the feature dictionary and live in
// package features.
//
// Errors that a row can cause are sentinels ([ErrNegativeAmount] and its
// neighbours), so that a reader can wrap them with the place and a caller can
// still ask errors.Is.
package data
