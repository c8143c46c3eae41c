package main

import (
	"fmt"
	"io"
	"syscall"

	"dunning/optimizer"
)

// benchResult is the JSON document of bench optimizer.
type benchResult struct {
	Customers int          `json:"customers"`
	Options   int          `json:"options"` // channels and days that customers may have, summed
	Rows      int          `json:"rows"`
	Touches   int          `json:"k"`
	Solver    string       `json:"solver"`
	Seed      uint64       `json:"seed"`
	Status    string       `json:"status"`
	Objective float64      `json:"objective"`
	Bound     float64      `json:"bound"`
	Gap       float64      `json:"gap"`
	Violation float64      `json:"largest_violation"` // of any share, customer, row or price
	FullReads int          `json:"full_reads"`        // passes over all values, the certificate's included
	PartReads int          `json:"part_reads"`        // passes over a sixteenth of them
	Programs  int          `json:"linear_programs"`
	Largest   int          `json:"largest_program"` // columns
	Binding   int          `json:"binding_rows"`    // rows with a price
	PlanValue float64      `json:"plan_value"`      // of the whole actions
	PlanLoss  float64      `json:"plan_loss"`       // bound less that
	Seconds   benchSeconds `json:"seconds"`
	CPU       float64      `json:"cpu_seconds"` // of the solve, user and system, all threads
	// CertificateCPU comes on top: the solver proves the optimum by itself.
	CertificateCPU float64 `json:"certificate_cpu_seconds"`
	// BandwidthRatio is the bytes per second of a full scan over those of a
	// plain read of the same values, both on all cores, measured in this run.
	// null where the values come from a file or no scan was made.
	BandwidthRatio *float64 `json:"bandwidth_ratio"`
	ValuesBytes    int64    `json:"values_bytes"`
	PeakRSSBytes   int64    `json:"peak_rss_bytes"` // of the process so far, the making of the instance included
	// ProgramRSSBytes is how much of that are pages of the program's own file
	// and of its libraries, which the system shares and may drop; null where it
	// does not tell.
	ProgramRSSBytes *int64     `json:"program_rss_bytes"`
	File            *benchFile `json:"file,omitempty"`
}

// benchFile is what is known of the scratch file.
type benchFile struct {
	Bytes              int64   `json:"bytes"`
	WriteSeconds       float64 `json:"write_seconds"` // drawing included
	DiskBytesPerSecond float64 `json:"disk_read_bytes_per_second"`
	TimesReading       float64 `json:"times_reading"` // seconds of the solve over those of reading all values once at that rate
}

// benchSeconds is wall time; total is that of the whole solve. The certificate
// and the whole actions come after it.
type benchSeconds struct {
	Total       float64 `json:"total"`
	Scan        float64 `json:"scan"`
	LP          float64 `json:"lp"`
	Finish      float64 `json:"finish"`
	Certificate float64 `json:"certificate"`
	Whole       float64 `json:"whole_actions"`
}

// certified takes down what the certificate says; the error is what it refuses.
func (r *benchResult) certified(c *optimizer.Certificate, prices []float64) error {
	r.Objective, r.Bound, r.Gap = c.ObjectiveCents, c.BoundCents, c.Gap
	r.Violation = max(c.ShareViolation, c.CustomerViolation, c.RowViolation, c.PriceViolation)
	for _, y := range prices {
		if y != 0 {
			r.Binding++
		}
	}
	return c.Err(optimizer.Tolerance{})
}

func (r *benchResult) print(w io.Writer) {
	const mib = 1 << 20
	fmt.Fprintf(w, "%d customers, %d options, %d rows (%d binding), at most %d touches\n", r.Customers, r.Options, r.Rows, r.Binding, r.Touches)
	fmt.Fprintf(w, "%s: objective %.2f, bound %.2f, gap %.1e; whole actions %.2f\n", r.Status, r.Objective, r.Bound, r.Gap, r.PlanValue)
	fmt.Fprintf(w, "%.2f s (scan %.2f, linear programs %.2f, finish %.2f), %.2f CPU s, %d full reads, %d linear programs of at most %d columns\n",
		r.Seconds.Total, r.Seconds.Scan, r.Seconds.LP, r.Seconds.Finish, r.CPU, r.FullReads, r.Programs, r.Largest)
	if r.BandwidthRatio != nil {
		fmt.Fprintf(w, "a scan reads at %.0f %% of the speed of a plain read\n", 100**r.BandwidthRatio)
	}
	if f := r.File; f != nil {
		fmt.Fprintf(w, "file of %d MiB, disk read at %.0f MiB/s; the solve took %.1f times as long as reading the values once\n",
			f.Bytes/mib, f.DiskBytesPerSecond/mib, f.TimesReading)
	}
	fmt.Fprintf(w, "peak memory %.0f MiB, values %.0f MiB", float64(r.PeakRSSBytes)/mib, float64(r.ValuesBytes)/mib)
	if p := r.ProgramRSSBytes; p != nil {
		fmt.Fprintf(w, ", the program itself %.0f MiB", float64(*p)/mib)
	}
	fmt.Fprintln(w)
}

// processCPU returns the seconds of CPU that the process has used.
func processCPU() float64 { return cpuOf(syscall.RUSAGE_SELF) }

func cpuOf(who int) float64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(who, &u); err != nil {
		return 0
	}
	seconds := func(t syscall.Timeval) float64 { return float64(t.Sec) + float64(t.Usec)/1e6 }
	return seconds(u.Utime) + seconds(u.Stime)
}

// peakRSS returns the largest resident size of the process so far, in bytes.
func peakRSS() int64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return u.Maxrss * 1024 // Linux counts in KiB
}
