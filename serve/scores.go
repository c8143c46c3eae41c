package serve

import (
	"fmt"
	"math"
	"slices"
	"sort"

	"dunning/data"
)

// Scores is one version of scores.parquet in memory, as columns sorted by
// customer: some 80 bytes and the id per customer. It is immutable.
type Scores struct {
	AsOf          data.Date
	SchemaVersion int
	Version       string // SHA-256 of the file

	ids     []byte   // all ids, one after the other
	ends    []uint32 // ids[ends[i-1]:ends[i]] is the id of row i
	payProb []float64
	balance []data.Cents
	late    []int32
	uplift  [len(data.Channels)][]float64 // NaN where there is none
	model   []uint16                      // index into models
	models  []string
	named   []uint8 // 1 + index into segments, 0 for none; see readNamed
	segment []string
}

// Len returns the number of customers.
func (s *Scores) Len() int { return len(s.ends) }

func (s *Scores) id(i int) []byte {
	start := uint32(0)
	if i > 0 {
		start = s.ends[i-1]
	}
	return s.ids[start:s.ends[i]]
}

func (s *Scores) find(customerID string) (int, bool) {
	i := sort.Search(s.Len(), func(i int) bool { return string(s.id(i)) >= customerID })
	return i, i < s.Len() && string(s.id(i)) == customerID
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
	if i, ok := s.find(customerID); ok && s.named != nil && s.named[i] > 0 {
		return s.segment[s.named[i]-1]
	}
	return ""
}

// readNamed reads the named segments of the customers that are scored.
func (s *Scores) readNamed(path string) error {
	type member struct {
		CustomerID string `parquet:"customer_id"`
		Segment    string `parquet:"segment,dict"`
	}
	s.named = make([]uint8, s.Len())
	known := map[string]uint8{}
	for batch, err := range data.Scan[member](path) {
		if err != nil {
			return err
		}
		for _, m := range batch {
			i, ok := s.find(m.CustomerID)
			if !ok || m.Segment == "" {
				continue
			}
			if known[m.Segment] == 0 {
				if len(s.segment) == math.MaxUint8 {
					return fmt.Errorf("%s: %w: more than %d segments", path, data.ErrDamagedFile, math.MaxUint8)
				}
				s.segment = append(s.segment, m.Segment)
				known[m.Segment] = uint8(len(s.segment))
			}
			s.named[i] = known[m.Segment]
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
		ids: make([]byte, 0, 12*n), ends: make([]uint32, 0, n), payProb: make([]float64, 0, n),
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
	model, ok := known[row.ModelVersion]
	if !ok {
		if len(s.models) > math.MaxUint16 {
			return fmt.Errorf("%w: too many model versions", data.ErrBadNumber)
		}
		model = uint16(len(s.models))
		known[row.ModelVersion] = model
		s.models = append(s.models, row.ModelVersion)
	}
	if len(s.ids)+len(row.CustomerID) > math.MaxUint32 {
		return fmt.Errorf("%w: the ids exceed 4 GiB", data.ErrBadNumber)
	}
	s.ids = append(s.ids, row.CustomerID...)
	s.ends = append(s.ends, uint32(len(s.ids)))
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
	order := make([]int, s.Len())
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return slices.Compare(s.id(a), s.id(b)) })
	ids, ends := make([]byte, 0, len(s.ids)), make([]uint32, 0, len(s.ends))
	for k, i := range order {
		if k > 0 && slices.Equal(s.id(order[k-1]), s.id(i)) {
			return fmt.Errorf("%w: customer %q", data.ErrDuplicateID, s.id(i))
		}
		ids = append(ids, s.id(i)...)
		ends = append(ends, uint32(len(ids)))
	}
	s.ids, s.ends = ids, ends
	s.payProb, s.balance, s.late, s.model = take(s.payProb, order), take(s.balance, order), take(s.late, order), take(s.model, order)
	for j := range s.uplift {
		s.uplift[j] = take(s.uplift[j], order)
	}
	return nil
}

func take[T any](col []T, order []int) []T {
	out := make([]T, len(order))
	for k, i := range order {
		out[k] = col[i]
	}
	return out
}
