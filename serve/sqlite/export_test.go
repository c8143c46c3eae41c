package sqlite

import "testing"

// FailForTest does what a failed sync does.
func (d *DB) FailForTest(err error) { d.file.fail(err) }

// SetLongLogForTest sets at how many pages of log writers wait.
func SetLongLogForTest(t *testing.T, pages int) {
	before := longLog
	longLog = pages
	t.Cleanup(func() { longLog = before })
}
