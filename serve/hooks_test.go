package serve

import "testing"

// SetFeedbackBufferForTest sets how many bytes of rows wait before they are
// written.
func SetFeedbackBufferForTest(t *testing.T, bytes int) {
	before := feedbackBuffer
	feedbackBuffer = bytes
	t.Cleanup(func() { feedbackBuffer = before })
}
