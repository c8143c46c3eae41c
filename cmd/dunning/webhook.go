package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"dunning/data"
	"dunning/serve"
	"dunning/serve/ledger"
)

// webhook posts actions to a URL.
type webhook struct {
	url  string
	http *http.Client
}

func newWebhook(url string, timeout time.Duration) *webhook {
	return &webhook{url, &http.Client{Timeout: timeout, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
}

// hookAnswer is what a webhook may say of an action that it sent.
type hookAnswer struct {
	ProviderID    string      `json:"provider_id"`
	RealCostCents *data.Cents `json:"real_cost_cents"`
}

// send posts an action once. The error says that it is not known whether the
// action was sent.
func (h *webhook) send(ctx context.Context, action ledger.LeasedAction) (serve.NewOutcome, error) {
	out := serve.NewOutcome{ActionID: action.ActionID, State: ledger.Sent}
	body, err := json.Marshal(action)
	if err != nil {
		return out, fmt.Errorf("action %s: %w", action.ActionID, err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, h.url, bytes.NewReader(body))
	if err != nil {
		return out, fmt.Errorf("action %s: %w", action.ActionID, err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Idempotency-Key", action.ActionID)
	res, err := h.http.Do(req)
	if err != nil {
		return out, fmt.Errorf("action %s: %w", action.ActionID, err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(io.LimitReader(res.Body, 64<<10))
	switch status := res.StatusCode; {
	case err != nil:
		return out, fmt.Errorf("action %s: %w", action.ActionID, err)
	case status >= 200 && status < 300:
		var said hookAnswer
		if json.Unmarshal(text, &said) == nil { // an answer in words is fine too
			out.ProviderID, out.RealCostCents = said.ProviderID, said.RealCostCents
		}
		return out, nil
	case status == http.StatusRequestTimeout || status == http.StatusConflict || status == http.StatusTooManyRequests || status < 400 || status >= 500:
		return out, fmt.Errorf("action %s: the webhook answered %s", action.ActionID, res.Status)
	}
	out.State, out.Detail = ledger.Failed, strings.TrimSpace(res.Status+" "+string(text[:min(len(text), 500)]))
	out.Detail = strings.ToValidUTF8(strings.ReplaceAll(out.Detail, "\x00", ""), "")
	return out, nil
}

// told is one line of a journal: what became of an action of a lease.
type told struct {
	Fence int64 `json:"fence"`
	serve.NewOutcome
}

// journal keeps what is known of actions until it is acknowledged, on disk. One
// process holds it.
type journal struct {
	file  *os.File
	lines []told
}

// openJournal opens the journal, making it where needed. A last line without its
// end was never relied on.
func openJournal(path string) (*journal, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, fmt.Errorf("%w: journal: %w", data.ErrUsage, err)
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("%w: journal: %w", data.ErrUsage, err)
	}
	j := &journal{file: f}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		f.Close()
		return nil, fmt.Errorf("%w: another dispatch works with the journal %s; name another with --journal", data.ErrRefused, path)
	}
	text, err := io.ReadAll(f)
	if err == nil {
		whole := text[:bytes.LastIndexByte(text, '\n')+1]
		if j.lines, err = readOutcomes(bytes.NewReader(whole), path); err == nil {
			_, err = f.Seek(int64(len(whole)), io.SeekStart)
		}
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return j, nil
}

func (j *journal) close() { j.file.Close() }

// add keeps a line; it is on disk when add returns.
func (j *journal) add(fence int64, outcome serve.NewOutcome) error {
	line := told{fence, outcome}
	b, err := json.Marshal(line)
	if err == nil {
		_, err = j.file.Write(append(b, '\n'))
	}
	if err = errors.Join(err, j.file.Sync()); err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	j.lines = append(j.lines, line)
	return nil
}

// clear forgets all lines: they are acknowledged.
func (j *journal) clear() error {
	err := j.file.Truncate(0)
	if err == nil {
		_, err = j.file.Seek(0, io.SeekStart)
	}
	if err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	j.lines = nil
	return nil
}

func (j *journal) acks() []serve.NewAck { return acksOf(j.lines) }

// maxOutcomes is how many outcomes one ack takes.
const maxOutcomes = 1000

// acksOf puts lines into acks, those of one lease together.
func acksOf(lines []told) []serve.NewAck {
	lines = slices.Clone(lines)
	slices.SortStableFunc(lines, func(a, b told) int { return int(a.Fence - b.Fence) })
	var acks []serve.NewAck
	for _, line := range lines {
		if n := len(acks); n == 0 || acks[n-1].Fence != line.Fence || len(acks[n-1].Outcomes) == maxOutcomes {
			acks = append(acks, serve.NewAck{Fence: line.Fence})
		}
		last := &acks[len(acks)-1]
		last.Outcomes = append(last.Outcomes, line.NewOutcome)
	}
	return acks
}

// readOutcomes reads lines of JSON. A line that is none is bad input.
func readOutcomes(r io.Reader, place string) ([]told, error) {
	lines := []told{}
	in := bufio.NewScanner(r)
	in.Buffer(nil, 1<<20)
	for n := 1; in.Scan(); n++ {
		if len(bytes.TrimSpace(in.Bytes())) == 0 {
			continue
		}
		var line told
		if err := json.Unmarshal(in.Bytes(), &line); err != nil || line.Fence < 1 || line.ActionID == "" {
			return nil, fmt.Errorf("%w: %s line %d: want JSON with fence, action_id and state", data.ErrBadInput, place, n)
		}
		lines = append(lines, line)
	}
	if err := in.Err(); err != nil && !errors.Is(err, fs.ErrClosed) {
		return nil, fmt.Errorf("%w: %s: %w", data.ErrBadInput, place, err)
	}
	return lines, nil
}
