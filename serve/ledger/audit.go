package ledger

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"dunning/data"
)

// Head is an end of the audit chain: the number of its last row and the hash
// that covers this row and all before it.
type Head struct {
	Seq    int64  `json:"seq"`
	SHA256 string `json:"sha256"`
}

// emptyChain is the hash before the first row.
const emptyChain = "0000000000000000000000000000000000000000000000000000000000000000"

// AuditRow is one change of state.
type AuditRow struct {
	Seq     int64     `json:"seq"`
	At      time.Time `json:"at"`
	Actor   string    `json:"actor"`
	Kind    string    `json:"kind"`    // such as plan.approve
	Subject string    `json:"subject"` // id of what changed
	Body    string    `json:"body"`    // canonical JSON
	Prev    string    `json:"prev"`    // hash of the row before
	SHA256  string    `json:"sha256"`
}

// hash returns the hash that the row should have: the SHA-256 of the hash
// before it, a line feed, and the canonical JSON of what the row says.
func (r AuditRow) hash() (string, error) {
	text, err := canonical(struct {
		Seq     int64  `json:"seq"`
		At      int64  `json:"at"`
		Actor   string `json:"actor"`
		Kind    string `json:"kind"`
		Subject string `json:"subject"`
		Body    string `json:"body"` // as a string: its very bytes count
	}{r.Seq, r.At.UnixMicro(), r.Actor, r.Kind, r.Subject, r.Body})
	if err != nil {
		return "", err
	}
	return hashText(r.Prev + "\n" + text), nil
}

// audit appends a row to the chain and returns its end. It comes before the
// rows that name it.
func (o *operation) audit(actor, kind, subject string, body any) (Head, error) {
	text, err := canonical(body)
	if err != nil {
		return Head{}, err
	}
	row := AuditRow{Seq: o.head.Seq + 1, At: o.at, Actor: actor, Kind: kind, Subject: subject, Body: text, Prev: o.head.SHA256}
	if row.SHA256, err = row.hash(); err != nil {
		return Head{}, err
	}
	_, err = o.exec(`INSERT INTO audit (seq, at, actor, kind, subject, body, prev, sha256) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
		row.Seq, row.At.UnixMicro(), row.Actor, row.Kind, row.Subject, row.Body, row.Prev, row.SHA256)
	if err != nil {
		return Head{}, fmt.Errorf("ledger: audit: %w", err)
	}
	o.head = Head{row.Seq, row.SHA256}
	return o.head, nil
}

// Note appends a row about something that is kept elsewhere, such as a version of a
// régua, so that it stands in the same chain. body is written as JSON.
func (s *Store) Note(ctx context.Context, actor, kind, subject string, body any) error {
	if err := errors.Join(checkActor("actor", actor), checkID("kind", kind), checkID("subject", subject)); err != nil {
		return err
	}
	return s.write(ctx, func(o *operation) error {
		_, err := o.audit(actor, kind, subject, body)
		return err
	})
}

const auditColumns = `seq, at, actor, kind, subject, body, prev, sha256`

func scanAudit(row scanner) (AuditRow, error) {
	var r AuditRow
	var at int64
	err := row.Scan(&r.Seq, &at, &r.Actor, &r.Kind, &r.Subject, &r.Body, &r.Prev, &r.SHA256)
	r.At = instant(at)
	return r, err
}

// Head returns the end of the audit chain. Kept elsewhere, it shows later
// whether anything up to it was changed ([Store.Verify]).
func (s *Store) Head(ctx context.Context) (Head, error) {
	var h Head
	err := s.read(ctx, func(t transaction) error { return one(t, `SELECT seq, sha256 FROM audit_head`, nil, &h.Seq, &h.SHA256) })
	return h, err
}

// Audit returns up to limit rows of the audit in order, after the given Seq (0
// for the first page).
func (s *Store) Audit(ctx context.Context, after int64, limit int) ([]AuditRow, error) {
	var rows []AuditRow
	err := s.read(ctx, func(t transaction) (err error) {
		rows, err = all(t, `SELECT `+auditColumns+` FROM audit WHERE seq > $1 ORDER BY seq LIMIT $2`, []any{after, limit}, scanAudit)
		return err
	})
	return rows, err
}

// exportHead appends a head to the file of heads, once. It cuts off a last line
// without its end, whose writer died.
func (s *Store) exportHead(h Head) error {
	path := s.config.HeadsFile
	if path == "" {
		return nil
	}
	s.headsFile.Lock()
	defer s.headsFile.Unlock()
	heads, err := ReadHeads(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if slices.Contains(heads, h) {
		return nil
	}
	line, err := canonical(h)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return fmt.Errorf("ledger: heads: %w", err)
	}
	text, err := io.ReadAll(f)
	whole := int64(bytes.LastIndexByte(text, '\n') + 1)
	if err == nil {
		err = f.Truncate(whole)
	}
	if err == nil {
		_, err = f.WriteAt([]byte(line+"\n"), whole)
	}
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("ledger: heads: %w", err)
	}
	return syncFolder(filepath.Dir(path))
}

// ReadHeads reads a file of heads. A last line without its end is left out: its
// writer died, and the approval will export it again when it is repeated.
func ReadHeads(path string) ([]Head, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("ledger: heads: %w", err)
	}
	defer f.Close()
	var heads []Head
	r := bufio.NewReader(f)
	for line := 1; ; line++ {
		text, err := r.ReadBytes('\n')
		if err != nil { // the end
			return heads, nil
		}
		var h Head
		if err := json.Unmarshal(text, &h); err != nil || h.Seq <= 0 || len(h.SHA256) != 64 {
			return nil, fmt.Errorf("ledger: %s line %d: %w: no head of an audit chain", path, line, data.ErrDamagedFile)
		}
		heads = append(heads, h)
	}
}

// syncFolder makes the names in a folder durable.
func syncFolder(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("ledger: %w", err)
	}
	if err := errors.Join(d.Sync(), d.Close()); err != nil {
		return fmt.Errorf("ledger: %s: %w", path, err)
	}
	return nil
}
