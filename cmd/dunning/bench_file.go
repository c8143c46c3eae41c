package main

import (
	"context"
	"encoding/csv"
	"errors"
	"os"
	"strconv"
	"strings"
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
	r.File.Bytes = values.Bytes()
	dropCache(c.file)
	r.File.DiskBytesPerSecond, err = values.DiskRate(ctx)
	dropCache(c.file)
	if err != nil {
		return nil, errors.Join(err, values.Close())
	}
	return values, nil
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
