package serve

import (
	"fmt"
	"math"

	"dunning/data"
)

// Scores is one version of scores.parquet in memory, as columns sorted by
// customer: some 80 bytes and the id per customer. It is immutable.
type Scores struct {
	AsOf          data.Date
	SchemaVersion int
	Version       string // SHA-256 of the file

	idColumn
	payProb  []float64
	balance  []data.Cents
	late     []int32
	uplift   [len(data.Channels)][]float64 // NaN where there is none
	model    []uint16                      // index into models
	models   []string
	named    []uint16 // index into segments, 0 for none; see readNamed
	segments []string
}

// Find returns the score of a customer.
func (s *Scores) Find(customerID string) (data.Score, bool) {
	i, ok := s.find(customerID)
	if !ok {
		return data.Score{}, false
	}
	row := data.Score{
		CustomerID: customerID, AsOf: s.AsOf, PayProb: s.payProb[i], BalanceCents: s.balance[i],
		DaysPastDue: s.late[i], ModelVersion: s.models[s.model[i]],
	}
	for j, ch := range data.Channels {
		if u := s.uplift[j][i]; !math.IsNaN(u) {
			row.SetUplift(ch, u)
		}
	}
	return row, true
}

// NamedSegment returns the segment that the stage segments found for a customer, as
// the rules were asked about it when he was scored; "" for none.
func (s *Scores) NamedSegment(customerID string) string {
	if i, ok := s.find(customerID); ok && s.named != nil {
		return s.segments[s.named[i]]
	}
	return ""
}

// readNamed reads the named segments of the customers that are scored.
func (s *Scores) readNamed(path string) error {
	type member struct {
		CustomerID string `parquet:"customer_id"`
		Segment    string `parquet:"segment,dict"`
	}
	s.named, s.segments = make([]uint16, s.Len()), []string{""}
	known := map[string]uint16{"": 0}
	for batch, err := range data.Scan[member](path) {
		if err != nil {
			return err
		}
		for _, m := range batch {
			i, ok := s.find(m.CustomerID)
			if !ok {
				continue
			}
			if s.named[i], err = word(known, &s.segments, m.Segment); err != nil {
				return fmt.Errorf("%s: %w: %w", path, data.ErrDamagedFile, err)
			}
		}
	}
	return nil
}

// readScores reads a file of [data.Score] that its manifest describes; faults
// of a row are errors that wrap data.ErrDamagedFile: our own stage wrote it.
func readScores(path string, file data.File) (*Scores, error) {
	rows := file.Rows
	s := newScores(int(min(rows, file.Bytes))) // a distinct id takes a byte at least: a wrong count cannot ask for the moon
	sorted, n := true, 0
	known := map[string]uint16{}
	for batch, err := range data.Scan[data.Score](path) {
		if err != nil {
			return nil, err
		}
		for i := range batch {
			if err := s.add(&batch[i], known); err != nil {
				return nil, fmt.Errorf("%s row %d: %w: %w", path, n+1, data.ErrDamagedFile, err)
			}
			n++
			sorted = sorted && (n == 1 || string(s.id(n-2)) < string(s.id(n-1)))
		}
	}
	if int64(n) != rows {
		return nil, fmt.Errorf("%s: %w: %d rows, the manifest says %d", path, data.ErrDamagedFile, n, rows)
	}
	if !sorted {
		if err := s.sort(); err != nil {
			return nil, fmt.Errorf("%s: %w: %w", path, data.ErrDamagedFile, err)
		}
	}
	return s, nil
}

// newScores makes room for n rows, so that columns do not grow beyond them.
func newScores(n int) *Scores {
	n = max(n, 0)
	s := &Scores{
		idColumn: idColumn{ids: make([]byte, 0, 12*n), ends: make([]uint32, 0, n)}, payProb: make([]float64, 0, n),
		balance: make([]data.Cents, 0, n), late: make([]int32, 0, n), model: make([]uint16, 0, n),
	}
	for j := range s.uplift {
		s.uplift[j] = make([]float64, 0, n)
	}
	return s
}

func (s *Scores) add(row *data.Score, known map[string]uint16) error {
	if err := row.Validate(); err != nil {
		return err
	}
	if s.Len() == 0 {
		s.AsOf = row.AsOf
	}
	if row.AsOf != s.AsOf {
		return fmt.Errorf("%w: as_of %s among rows of %s", data.ErrBadDate, row.AsOf, s.AsOf)
	}
	model, err := word(known, &s.models, row.ModelVersion)
	if err != nil {
		return fmt.Errorf("model versions: %w", err)
	}
	if err := s.addID(row.CustomerID); err != nil {
		return err
	}
	s.payProb = append(s.payProb, row.PayProb)
	s.balance = append(s.balance, row.BalanceCents)
	s.late = append(s.late, row.DaysPastDue)
	s.model = append(s.model, model)
	for j, ch := range data.Channels {
		u := math.NaN()
		if p := row.Uplift(ch); p != nil {
			u = *p
		}
		s.uplift[j] = append(s.uplift[j], u)
	}
	return nil
}

// sort orders the rows by id; a customer that occurs twice is an error.
func (s *Scores) sort() error {
	order, err := s.sortIDs()
	if err != nil {
		return err
	}
	s.payProb, s.balance, s.late, s.model = take(s.payProb, order), take(s.balance, order), take(s.late, order), take(s.model, order)
	for j := range s.uplift {
		s.uplift[j] = take(s.uplift[j], order)
	}
	return nil
}
