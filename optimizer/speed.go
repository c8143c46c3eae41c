package optimizer

import (
	"context"
	"runtime"
	"sync"
	"time"
)

// ScanSpeed compares a full scan with a plain read of the same values, both on
// all cores.
type ScanSpeed struct {
	Bytes       int64   // of the values that a scan reads
	ScanSeconds float64 // the fastest of the repetitions
	ReadSeconds float64
}

// Ratio returns the scan's bytes per second over the plain read's.
func (s ScanSpeed) Ratio() float64 { return s.ReadSeconds / s.ScanSeconds }

// MeasureScan times full scans of p at a box of no width around prices (as a
// Solution holds them) and plain reads of the slices that the scan reads, each
// several times, and keeps the fastest.
func MeasureScan(ctx context.Context, p *Problem, prices []float64) (ScanSpeed, error) {
	c := newChoices(p)
	centre := make([]float64, c.rows())
	for r := range centre {
		centre[r] = c.sign[r] * prices[r]
	}
	b := c.boxAround(centre, make([]float64, c.rows()))
	speed := ScanSpeed{Bytes: 8*int64(len(c.value)+len(c.amount)) + 4*int64(len(c.first)+len(c.use)+len(c.row))}
	var read float64
	for k := range 5 {
		began := time.Now()
		if _, err := c.scan(ctx, b, nil); err != nil {
			return ScanSpeed{}, err
		}
		scan := time.Since(began).Seconds()
		began = time.Now()
		read += c.plainRead()
		plain := time.Since(began).Seconds()
		if k == 0 || scan < speed.ScanSeconds {
			speed.ScanSeconds = scan
		}
		if k == 0 || plain < speed.ReadSeconds {
			speed.ReadSeconds = plain
		}
	}
	runtime.KeepAlive(read)
	return speed, nil
}

// plainRead sums the slices that a scan reads, shared out over the cores, and
// returns the total so that the reading cannot be left out.
func (c *choices) plainRead() float64 {
	workers := runtime.GOMAXPROCS(0)
	totals := make([]float64, workers)
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			totals[w] = sumFloats(part(c.value, w, workers)) + sumFloats(part(c.amount, w, workers)) +
				float64(sumInts(part(c.first, w, workers))+sumInts(part(c.use, w, workers))+sumInts(part(c.row, w, workers)))
		})
	}
	wg.Wait()
	return sumFloats(totals)
}

func part[T any](s []T, k, n int) []T { return s[len(s)*k/n : len(s)*(k+1)/n] }

// sumFloats adds with four accumulators, so that the additions do not wait for
// one another.
func sumFloats(s []float64) float64 {
	var a, b, c, d float64
	for ; len(s) >= 4; s = s[4:] {
		a += s[0]
		b += s[1]
		c += s[2]
		d += s[3]
	}
	for _, x := range s {
		a += x
	}
	return a + b + c + d
}

func sumInts(s []int32) int64 {
	var a, b, c, d int64
	for ; len(s) >= 4; s = s[4:] {
		a += int64(s[0])
		b += int64(s[1])
		c += int64(s[2])
		d += int64(s[3])
	}
	for _, x := range s {
		a += int64(x)
	}
	return a + b + c + d
}
