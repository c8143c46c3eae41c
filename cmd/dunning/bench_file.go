package main

import (
	"context"
	"encoding/csv"
	"errors"
	"io"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"dunning/optimizer"
)

// openScratch draws the instance into a file, measures the disk's speed on it
// and opens it. The file loses its name as soon as it is open, so that nothing
// is left of it however the process ends.
func (r *benchResult) openScratch(ctx context.Context, c benchConfig) (*optimizer.FileValues, error) {
	began := time.Now()
	if err := c.in.WriteFile(ctx, c.file); err != nil {
		return nil, err
	}
	defer os.Remove(c.file)
	r.File = &benchFile{WriteSeconds: time.Since(began).Seconds()}
	values, err := optimizer.OpenValues(c.file)
	if err != nil {
		return nil, err
	}
	if r.File.Bytes, r.File.DiskBytesPerSecond, err = diskSpeed(ctx, c.file); err != nil {
		values.Close()
		return nil, err
	}
	return values, nil
}

// diskSpeed reads a file as fast as the disk gives it, several pieces at once,
// past the system's cache: the first diskSample bytes of it. The cache holds
// nothing of the file afterwards.
func diskSpeed(ctx context.Context, path string) (size int64, rate float64, err error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, 0, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return 0, 0, err
	}
	dropCache(f)
	const diskSample, piece, readers = 4 << 30, 4 << 20, 4
	total := min(info.Size(), diskSample)
	var next atomic.Int64
	errs := make([]error, readers)
	var wg sync.WaitGroup
	began := time.Now()
	for k := range readers {
		wg.Go(func() {
			buf := make([]byte, piece)
			for errs[k] == nil {
				at := next.Add(piece) - piece
				if at >= total {
					return
				}
				if _, errs[k] = f.ReadAt(buf[:min(piece, total-at)], at); errors.Is(errs[k], io.EOF) {
					errs[k] = nil
				}
				if err := ctx.Err(); err != nil {
					errs[k] = err
				}
			}
		})
	}
	wg.Wait()
	took := time.Since(began).Seconds()
	dropCache(f)
	return info.Size(), float64(total) / took, errors.Join(errs...)
}

// writeBenchCandidates writes the instance as tables that allocate reads.
func writeBenchCandidates(ctx context.Context, c benchConfig) error {
	if c.candidates == "" {
		return nil
	}
	if err := c.in.WriteCandidates(ctx, c.candidates); err != nil {
		return err
	}
	g, err := c.in.Grid()
	if err != nil {
		return err
	}
	f, err := os.Create(strings.TrimSuffix(c.candidates, ".parquet") + ".capacities.csv")
	if err != nil {
		return err
	}
	defer f.Close()
	w := csv.NewWriter(f)
	w.Write([]string{"channel", "day", "capacity"}) // Error reports it
	for s, slot := range g.Slots {
		w.Write([]string{string(slot.Channel), slot.Day.String(), strconv.FormatFloat(g.Rows[1+s].Limit, 'f', -1, 64)})
	}
	w.Flush()
	return errors.Join(w.Error(), f.Close())
}
