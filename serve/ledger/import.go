package ledger

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"dunning/data"
)

// Import fills an empty ledger with an export, in one transaction. Every row
// passes the same constraints as when it was first written, in the same order
// of states; then all is verified, before anything remains. Errors:
// data.ErrDamagedFile for an export that is not whole or not right, [ErrState]
// for a ledger that is not empty.
//
// The approved actions are held in memory meanwhile, some hundred bytes each.
func (s *Store) Import(ctx context.Context, r io.Reader) error {
	return s.write(ctx, func(o *operation) error {
		if o.head.Seq != 0 {
			return fmt.Errorf("ledger: import: %w: the ledger is not empty", ErrState)
		}
		m := &importer{o: o, columns: map[string]table{}, queue: map[string][]dispatchRow{}}
		for _, t := range tables {
			m.columns[t.name] = t
		}
		err := m.lines(r)
		if err == nil {
			err = m.finish()
		}
		if errors.Is(err, ErrConstraint) {
			err = fmt.Errorf("%w: %w", data.ErrDamagedFile, err)
		}
		if err != nil {
			return fmt.Errorf("ledger: import: %w", err)
		}
		v := verifier{digests: map[int64]string{}, kept: map[int64]string{}}
		if err := v.all(o); err != nil {
			return err
		}
		return v.Err()
	})
}

type importer struct {
	o       *operation
	columns map[string]table
	batch   []exportRow // rows of one table, to be written together
	plans   []planEnd
	queue   map[string][]dispatchRow // approved actions of a reserve
	ended   [][]any
}

type exportRow struct {
	table  string
	values []any
}

// planEnd is the state that a plan is to have in the end.
type planEnd struct {
	id       string
	state    string
	by       any
	reason   any
	at       any
	approved bool
}

type dispatchRow []any

// lines reads the export and writes its rows.
func (m *importer) lines(r io.Reader) error {
	in, sum := bufio.NewReaderSize(r, 1<<16), sha256.New()
	rows := int64(0)
	for n := 1; ; n++ {
		text, err := in.ReadBytes('\n')
		if err != nil {
			return fmt.Errorf("%w: it ends at line %d without its last line", data.ErrDamagedFile, n)
		}
		if n == 1 {
			if string(text) != fmt.Sprintf("{\"format\":%q}\n", exportFormat) {
				return fmt.Errorf("%w: line 1 is not that of %s", data.ErrDamagedFile, exportFormat)
			}
			sum.Write(text)
			continue
		}
		var line exportLine
		if err := json.Unmarshal(text, &line); err != nil {
			return fmt.Errorf("%w: line %d: %w", data.ErrDamagedFile, n, err)
		}
		if line.Rows != nil {
			if *line.Rows != rows || line.SHA256 != hex.EncodeToString(sum.Sum(nil)) {
				return fmt.Errorf("%w: its lines are not those that were written", data.ErrDamagedFile)
			}
			return m.flush()
		}
		sum.Write(text)
		rows++
		values, err := m.values(line)
		if err != nil {
			return fmt.Errorf("%w: line %d: %w", data.ErrDamagedFile, n, err)
		}
		if err := m.row(line.Table, values); err != nil {
			return fmt.Errorf("line %d: %w", n, err)
		}
	}
}

// values turns a row of JSON into what the database takes.
func (m *importer) values(line exportLine) ([]any, error) {
	t, ok := m.columns[line.Table]
	if !ok || len(line.Row) != len(t.columns) {
		return nil, fmt.Errorf("no such table or another number of columns: %q, %d", line.Table, len(line.Row))
	}
	out := make([]any, len(line.Row))
	for i, raw := range line.Row {
		var err error
		switch {
		case bytes.Equal(raw, []byte("null")):
		case t.columns[i] == t.blob:
			var v []byte
			err = json.Unmarshal(raw, &v)
			out[i] = v
		case t.columns[i] == t.real:
			var v float64
			err = json.Unmarshal(raw, &v)
			out[i] = v
		case len(raw) > 0 && raw[0] == '"':
			var v string
			err = json.Unmarshal(raw, &v)
			out[i] = v
		default:
			var v int64
			err = json.Unmarshal(raw, &v)
			out[i] = v
		}
		if err != nil {
			return nil, fmt.Errorf("%s.%s: %w", line.Table, t.columns[i], err)
		}
	}
	return out, nil
}

// importBatch is how many rows of a table are written together.
const importBatch = 1000

// row writes a row, or keeps it until it may be written: a plan begins as a
// draft, an action in the queue after its reserve.
func (m *importer) row(name string, values []any) error {
	if len(m.batch) > 0 && (m.batch[0].table != name || len(m.batch) == importBatch) {
		if err := m.flush(); err != nil {
			return err
		}
	}
	t := m.columns[name]
	at := func(column string) *any { return &values[slices.Index(t.columns, column)] }
	switch name {
	case "plans":
		state := at("state")
		m.plans = append(m.plans, planEnd{id: fmt.Sprint(*at("plan_id")), state: fmt.Sprint(*state), by: *at("state_by"), reason: *at("state_reason"), at: *at("state_at")})
		*state = string(Draft)
	case "approvals":
		if err := m.submit(fmt.Sprint(*at("plan_id"))); err != nil {
			return err
		}
	case "dispatches":
		id := fmt.Sprint(*at("reserve_id"))
		m.queue[id] = append(m.queue[id], values)
		return nil
	case "entries":
		if *at("kind") == string(KindReserve) {
			m.batch = append(m.batch, exportRow{name, values})
			if err := m.flush(); err != nil {
				return err
			}
			return m.enqueue(fmt.Sprint(*at("entry_id")))
		}
	}
	m.batch = append(m.batch, exportRow{name, values})
	return nil
}

func (m *importer) flush() error {
	if len(m.batch) == 0 {
		return nil
	}
	t := m.columns[m.batch[0].table]
	rows := make([][]any, len(m.batch))
	for i, r := range m.batch {
		rows[i] = r.values
	}
	m.batch = m.batch[:0]
	_, err := m.o.each(insertInto(t.name, t.columns), rows)
	return err
}

func insertInto(name string, columns []string) string {
	places := make([]string, len(columns))
	for i := range places {
		places[i] = fmt.Sprint("$", i+1)
	}
	return "INSERT INTO " + name + " (" + strings.Join(columns, ", ") + ") VALUES (" + strings.Join(places, ", ") + ")"
}

// submit brings a plan to where it can be approved. All actions come before
// the first approval.
func (m *importer) submit(id string) error {
	if err := m.flush(); err != nil {
		return err
	}
	for i := range m.plans {
		if m.plans[i].id == id {
			m.plans[i].approved = true
			return m.move(m.plans[i], string(Submitted))
		}
	}
	return fmt.Errorf("%w: an approval of no plan: %s", data.ErrDamagedFile, id)
}

func (m *importer) move(p planEnd, state string) error {
	_, err := m.o.exec(`UPDATE plans SET state = $2, state_by = $3, state_reason = $4, state_at = $5 WHERE plan_id = $1`, p.id, state, p.by, p.reason, p.at)
	return err
}

// enqueue writes the approved actions of a reserve, as they were at first, and
// keeps how they are to be in the end.
func (m *importer) enqueue(reserve string) error {
	const first = 12 // columns that never change
	columns := m.columns["dispatches"].columns
	var rows [][]any
	for _, values := range m.queue[reserve] {
		rows = append(rows, append(slices.Clone([]any(values[:first])), string(Waiting)))
		m.ended = append(m.ended, append([]any{values[0]}, values[first:]...))
	}
	delete(m.queue, reserve)
	_, err := m.o.each(insertInto("dispatches", columns[:first+1]), rows)
	return err
}

// finish brings plans and approved actions into their last states.
func (m *importer) finish() error {
	if len(m.queue) > 0 {
		return fmt.Errorf("%w: approved actions without a reserve", data.ErrDamagedFile)
	}
	for _, p := range m.plans {
		var way []PlanState
		switch {
		case p.approved && p.state != string(Approved):
			way = []PlanState{Approved, PlanState(p.state)}
		case p.approved:
			way = []PlanState{Approved}
		case p.state == string(Rejected):
			way = []PlanState{Submitted, Rejected}
		case p.state != string(Draft):
			way = []PlanState{PlanState(p.state)}
		}
		for _, state := range way {
			if err := m.move(p, string(state)); err != nil {
				return err
			}
		}
	}
	const last = `UPDATE dispatches SET state = $2, fence = $3, lease_until = $4, attempts = $5, ended_at = $6, ended_by = $7, provider_id = $8, real_cost_cents = $9, detail = $10, request_sha256 = $11,
		unsent = CASE WHEN $2 IN ('failed', 'withheld', 'expired') THEN 1 ELSE 0 END WHERE number = $1`
	open := slices.DeleteFunc(m.ended, func(v []any) bool { return v[1] == string(Waiting) && v[2] == int64(0) })
	_, err := m.o.each(last, open)
	return err
}
