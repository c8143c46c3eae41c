package optimizer

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// ScanSpeed compares a full scan with a plain read of the same values, both on
// all cores.
type ScanSpeed struct {
	Bytes       int64   // of the values
	ScanSeconds float64 // the fastest of the repetitions
	ReadSeconds float64
}

// Ratio returns the scan's bytes per second over the plain read's.
func (s ScanSpeed) Ratio() float64 { return s.ReadSeconds / s.ScanSeconds }

// Turns of MeasureScan.
const (
	leastTurns = 3
	mostTurns  = 100
	turnsTime  = 2 * time.Second
)

// MeasureScan times full scans of g at a box of no width around prices (as an
// Allocation holds them) and plain reads of its values, by turns, and keeps the
// fastest of each: other work on the machine only ever slows one down.
func MeasureScan(ctx context.Context, g *Grid, prices []float64) (ScanSpeed, error) {
	m, err := newMarket(ctx, g)
	if err != nil {
		return ScanSpeed{}, err
	}
	centre := make([]float64, m.rows())
	for r := range centre {
		centre[r] = m.t.sign[r] * prices[r]
	}
	b := m.boxOf(centre)
	size := 4
	if !m.narrow {
		size = 8
	}
	speed := ScanSpeed{Bytes: int64(size) * int64(m.values.Customers()) * int64(m.t.slots)}
	for k, start := 0, time.Now(); k < leastTurns || k < mostTurns && time.Since(start) < turnsTime; k++ {
		began := time.Now()
		if _, err := m.scan(ctx, []request{{box: b, limit: keepLimit}}); err != nil {
			return ScanSpeed{}, err
		}
		scan := time.Since(began).Seconds()
		began = time.Now()
		if err := plainRead(ctx, m.values); err != nil {
			return ScanSpeed{}, err
		}
		plain := time.Since(began).Seconds()
		if k == 0 || scan < speed.ScanSeconds {
			speed.ScanSeconds = scan
		}
		if k == 0 || plain < speed.ReadSeconds {
			speed.ReadSeconds = plain
		}
	}
	return speed, nil
}

// plainRead sums all values, shared out over the cores.
func plainRead(ctx context.Context, values Values) error {
	workers := runtime.GOMAXPROCS(0)
	errs := make(chan error, workers)
	var next atomic.Int64
	for range workers {
		go func() {
			var total float64
			var err error
			for err == nil {
				k := int(next.Add(1)) - 1
				if k >= values.Blocks() {
					break
				}
				err = values.Read(ctx, k, func(b Block) error {
					total += readNarrow(b.Narrow) + readGo(b.Wide)
					return nil
				})
			}
			runtime.KeepAlive(total)
			errs <- err
		}()
	}
	for range workers {
		if err := <-errs; err != nil {
			return err
		}
	}
	return nil
}

// readGo adds with four accumulators, so that the additions do not wait for one
// another.
func readGo[T float32 | float64](s []T) float64 {
	var a, b, c, d T
	for ; len(s) >= 4; s = s[4:] {
		a += s[0]
		b += s[1]
		c += s[2]
		d += s[3]
	}
	for _, x := range s {
		a += x
	}
	return float64(a + b + c + d)
}

// Constants of DiskRate.
const (
	diskSample  = 4 << 30 // bytes read at most
	diskReaders = 8
)

// DiskRate reads the first blocks of the file as fast as the disk gives them, several
// at once, and returns the bytes per second; past the system's cache where there is a
// way.
func (v *FileValues) DiskRate(ctx context.Context) (float64, error) {
	all := v.layout.all()
	direct, err := openDirect(v.file, all.bytes(all.perBlock))
	if err != nil {
		direct = &copiedFile{file: v.file}
	}
	errs := make([]error, diskReaders)
	var next, total atomic.Int64
	var wg sync.WaitGroup
	began := time.Now()
	for k := range diskReaders {
		wg.Go(func() {
			for errs[k] == nil && total.Load() < diskSample {
				block := next.Add(1) - 1
				if block >= all.blocks() {
					return
				}
				offset, customers := all.place(block)
				length := all.bytes(customers)
				errs[k] = errors.Join(ctx.Err(), direct.read(offset, length, [2]int64{}, func([]byte) error { return nil }))
				total.Add(length)
			}
		})
	}
	wg.Wait()
	rate := float64(total.Load()) / time.Since(began).Seconds()
	if err := errors.Join(append(errs, direct.close())...); err != nil {
		return 0, fmt.Errorf("optimizer: %s: %w", v.path, err)
	}
	return rate, nil
}
