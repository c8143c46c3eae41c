package pipeline

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"
)

// Progress is told how a run goes. Its methods may be called from several
// goroutines.
type Progress interface {
	Begin(stage, title string)    // a stage starts to work; not called for one that is skipped
	Advance(done, total int64)    // within the stage that began last
	End(result StageResult)       // a stage was done, skipped or failed
	Note(format string, a ...any) // something worth a line
}

// NewProgress returns a Progress that writes to w: a bar while a stage works
// where w is a terminal, and one line per stage everywhere.
func NewProgress(w io.Writer) Progress {
	p := &lines{w: w}
	if f, ok := w.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		p.terminal = true
	}
	return p
}

// Silent is a Progress that shows nothing.
type Silent struct{}

// Begin shows nothing.
func (Silent) Begin(string, string) {}

// Advance shows nothing.
func (Silent) Advance(int64, int64) {}

// End shows nothing.
func (Silent) End(StageResult) {}

// Note shows nothing.
func (Silent) Note(string, ...any) {}

type lines struct {
	w        io.Writer
	terminal bool

	mu  sync.Mutex
	bar *progressbar.ProgressBar
}

func (p *lines) Begin(stage, title string) {
	if !p.terminal {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.bar = progressbar.NewOptions64(-1,
		progressbar.OptionSetWriter(p.w),
		progressbar.OptionSetDescription(fmt.Sprintf("%-9s %s", stage, title)),
		progressbar.OptionThrottle(100*time.Millisecond),
		progressbar.OptionClearOnFinish(),
		progressbar.OptionSpinnerType(14),
		progressbar.OptionSetRenderBlankState(true),
	)
}

func (p *lines) Advance(done, total int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.bar == nil {
		return
	}
	if total > 0 && p.bar.GetMax64() != total {
		p.bar.ChangeMax64(total)
	}
	_ = p.bar.Set64(done) // a bar that cannot be drawn is no reason to stop
}

func (p *lines) End(r StageResult) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.clear()
	line := fmt.Sprintf("%-9s %-9s", r.Stage, r.Status)
	if r.Status == StatusDone {
		line += fmt.Sprintf(" %7.1f s  %s rows", r.Seconds, thousands(r.Rows))
	}
	fmt.Fprintln(p.w, strings.TrimRight(line, " "))
}

func (p *lines) Note(format string, a ...any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.clear()
	fmt.Fprintf(p.w, format+"\n", a...)
}

func (p *lines) clear() {
	if p.bar != nil {
		_ = p.bar.Clear()
		p.bar = nil
	}
}

// thousands writes n with a comma every three digits.
func thousands(n int64) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
