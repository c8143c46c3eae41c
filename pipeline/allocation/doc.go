// Package allocation stands between tables of candidates and the optimizer. It
// reads candidates, capacities and further rows from CSV or Parquet that
// anybody may have written, builds the optimizer's problem from them, and
// writes the chosen actions. The pipeline's optimize stage feeds it the same
// way through [Builder].
//
// Tables (further columns are ignored; CSV may be gzipped and may use
// semicolons):
//
//	candidates  customer_id, channel, day, value_cents, cost_cents
//	            optional: allowed (false: skipped and counted), segment
//	capacities  channel, day, capacity
//	rows        see [ReadRows]
//
// Faults are one line with file, row and remedy, and wrap the sentinels of
// package data. Rows are counted from 1 without the header; a CSV's line is
// given too.
package allocation
