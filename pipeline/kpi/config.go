package kpi

import (
	"errors"
	"fmt"
	"os"
	"time"

	"dunning/data"
)

// Buckets is the number of aging buckets.
const Buckets = 6

// BucketFrom holds the first day past due of each aging bucket; a bucket ends
// where the next begins and the last is open. Bucket 0 is what is not yet
// overdue.
var BucketFrom = [Buckets]int{0, 1, 31, 61, 91, 121}

// Config says what to compute.
type Config struct {
	// Lake is the folder that holds a folder of Parquet files per source
	// table: LAKE/invoices/part-*.parquet and so on. Required.
	Lake string
	// AsOf is the day at whose start the portfolio is seen. Required.
	AsOf data.Date
	// Members is a Parquet file with customer_id and segment, the segments at
	// AsOf of every customer of the lake; "" gives no indicators by segment.
	Members string
	// Months is the number of monthly windows before AsOf that the period
	// figures cover, 1–60; 0 means 12. It is cut to the months for which the
	// lake holds invoices.
	Months int
	// Currency selects the invoices to add up; "" means the one most invoices
	// are in. Amounts in different currencies are never added.
	Currency string
	// GraceDays is how long after its due date a promise may still be paid and
	// count as kept, in days, 0–60.
	GraceDays int
	// ProvisionBasisPoints is the share of each aging bucket set aside for
	// losses, in 1/100 of a percent, 0–10,000; all zero means
	// [DefaultProvision].
	ProvisionBasisPoints [Buckets]int
	// MemoryMB bounds the memory of the query engine, in MiB; 0 means 512.
	MemoryMB int
	// Threads of the query engine; 0 means 2. No figure depends on it.
	Threads int
	// TempDir takes what does not fit in memory; "" means the system's.
	TempDir string
}

// DefaultProvision is the share set aside per aging bucket, in basis points:
// 0.5 %, 1 %, 3 %, 10 %, 30 % and 100 %. It follows the steps of the classes
// of Resolução CMN 2.682/1999, in force for banks until 2024, as a starting
// point: the accountant's own shares belong in the configuration.
var DefaultProvision = [Buckets]int{50, 100, 300, 1000, 3000, 10000}

// withDefaults returns c with its zero values replaced.
func (c Config) withDefaults() Config {
	if c.Months == 0 {
		c.Months = 12
	}
	if c.ProvisionBasisPoints == [Buckets]int{} {
		c.ProvisionBasisPoints = DefaultProvision
	}
	if c.MemoryMB == 0 {
		c.MemoryMB = 512
	}
	if c.Threads == 0 {
		c.Threads = 2
	}
	if c.TempDir == "" {
		c.TempDir = os.TempDir()
	}
	return c
}

// Validate reports every fault at once; the error wraps data.ErrUsage.
func (c Config) Validate() error {
	var faults []error
	add := func(bad bool, format string, args ...any) {
		if bad {
			faults = append(faults, fmt.Errorf(format, args...))
		}
	}
	add(c.Lake == "", "lake: no folder given")
	add(c.Months < 0 || c.Months > 60, "months %d: outside 1–60", c.Months)
	add(c.GraceDays < 0 || c.GraceDays > 60, "grace_days %d: outside 0–60", c.GraceDays)
	add(c.MemoryMB < 0, "memory_mb %d: negative", c.MemoryMB)
	add(c.Threads < 0, "threads %d: negative", c.Threads)
	for i, s := range c.ProvisionBasisPoints {
		add(s < 0 || s > 10000, "provision of bucket %d: %d basis points, outside 0–10000", i, s)
	}
	if err := errors.Join(faults...); err != nil {
		return fmt.Errorf("%w: kpi: %w", data.ErrUsage, err)
	}
	return nil
}

// monthsBefore returns the day n months before d; a day that the month lacks
// becomes its last one.
func monthsBefore(d data.Date, n int) data.Date {
	t := d.Time()
	first := time.Date(t.Year(), t.Month()-time.Month(n), 1, 0, 0, 0, 0, time.UTC)
	last := first.AddDate(0, 1, -1).Day()
	return data.MakeDate(first.Year(), first.Month(), min(t.Day(), last))
}
