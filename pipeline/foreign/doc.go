// Package foreign takes tables that nobody here wrote: any CSV or Parquet
// file, or a DuckDB query over files, with the roles of its columns (outcome,
// treatment, logged probabilities, time, what to leave out) in flags or YAML.
// [Train] fits the usual models on it side by side, effects included;
// [Evaluate] judges treatments and policies from the log that the table is.
//
// What becomes a feature is decided by rule and reported column by column:
// numbers stay numbers, dates become days, texts become categories, and what
// cannot have been known in time is left out with the reason.
package foreign
