package synth

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"dunning/data"
)

// table is one output: blocks are appended in order, and the file appears
// under its name only when close succeeds. A table is written by one goroutine.
type table interface {
	append(b *written) error
	close() (data.File, error)
	abort()
}

// parquetTable writes the rows that pick takes from a block as Parquet.
type parquetTable[T any] struct {
	w    *data.Writer[T]
	pick func(*written) []T
}

func newParquetTable[T any](path string, pick func(*written) []T) (table, error) {
	w, err := data.Create[T](path)
	if err != nil {
		return nil, err
	}
	return &parquetTable[T]{w, pick}, nil
}

func (t *parquetTable[T]) append(b *written) error   { return t.w.Append(t.pick(b)...) }
func (t *parquetTable[T]) close() (data.File, error) { return t.w.Close() }
func (t *parquetTable[T]) abort()                    { t.w.Abort() }

// csvTable writes what workers have encoded.
type csvTable struct {
	path string
	file *os.File
	w    *bufio.Writer
	rows int64
	pick func(*written) encoded
}

// encoded is some rows of a table as CSV.
type encoded struct {
	text []byte
	rows int
}

func newCSVTable(path string, header []string, pick func(*written) encoded) (table, error) {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".tmp-*")
	if err != nil {
		return nil, fmt.Errorf("synth: create %s: %w", path, err)
	}
	t := &csvTable{path: path, file: f, w: bufio.NewWriterSize(f, 1<<20), pick: pick}
	r := record{spoil: -1}
	for _, h := range header {
		r.text(h)
	}
	r.end()
	t.w.Write(r.buf) // an error stays in the writer until Flush
	return t, nil
}

func (t *csvTable) append(b *written) error {
	e := t.pick(b)
	t.rows += int64(e.rows)
	if _, err := t.w.Write(e.text); err != nil {
		return fmt.Errorf("synth: write %s: %w", t.path, err)
	}
	return nil
}

func (t *csvTable) close() (data.File, error) {
	defer t.abort()
	err := t.w.Flush()
	if err == nil {
		err = t.file.Chmod(0o644)
	}
	if err == nil {
		err = t.file.Sync()
	}
	if err == nil {
		err = os.Rename(t.file.Name(), t.path)
	}
	if err != nil {
		return data.File{}, fmt.Errorf("synth: write %s: %w", t.path, err)
	}
	return data.Stat(t.path, t.rows)
}

func (t *csvTable) abort() {
	if t.file != nil {
		t.file.Close()
		os.Remove(t.file.Name()) // fails once renamed, as it should
		t.file = nil
	}
}

// The columns of the source tables, in the order of their row types.
var (
	customerColumns = []string{"customer_id", "kind", "uf", "timezone", "since", "segment",
		"consent_email", "consent_sms", "consent_whatsapp", "consent_voice", "consent_letter",
		"reach_email", "reach_sms", "reach_whatsapp", "reach_voice", "reach_letter", "preferred_channel",
		"dispute", "litigation", "over_indebted", "deceased", "do_not_contact", "credit_limit_cents", "document"}
	invoiceColumns    = []string{"invoice_id", "customer_id", "issued_on", "due_on", "amount_cents", "currency", "product", "cancelled_on"}
	paymentColumns    = []string{"payment_id", "invoice_id", "customer_id", "paid_at", "amount_cents", "method"}
	touchColumns      = []string{"touch_id", "customer_id", "channel", "sent_at", "cost_cents", "template", "plan_id", "treat_prob"}
	touchEventColumns = []string{"touch_id", "at", "kind"}
	promiseColumns    = []string{"promise_id", "customer_id", "made_at", "due_on", "amount_cents", "instalment_no"}
	disputeColumns    = []string{"customer_id", "invoice_id", "at", "kind"}
	bureauColumns     = []string{"customer_id", "at", "provider", "score", "negative_records", "cost_cents"}
)

// column returns the position of a column; a missing one is a programming
// error.
func column(columns []string, name string) int {
	i := slices.Index(columns, name)
	if i < 0 {
		panic("synth: no column " + name)
	}
	return i
}
