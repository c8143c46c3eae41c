package serve

import (
	"context"
	"time"
)

// upkeepEvery is how often the server ends what time has ended.
const upkeepEvery = time.Minute

// Upkeep keeps the ledger and the home up to date, at once and then each minute
// until ctx ends: it ends actions whose window closed, leases that lapsed and
// plans with nothing left to do, and writes what was sent and reported into the
// home ([WriteFeedback]; not where home is empty). What fails is logged and
// tried again.
func (s *Server) Upkeep(ctx context.Context, home string) {
	tick := time.NewTicker(upkeepEvery)
	defer tick.Stop()
	written := int64(-1)
	for {
		s.keepUp(ctx, home, &written)
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// keepUp is one round of upkeep. written is the end of the audit chain when the
// feedback was last written: nothing happened since while it is the same.
func (s *Server) keepUp(ctx context.Context, home string, written *int64) {
	swept, err := s.ledger.Sweep(ctx)
	switch {
	case ctx.Err() != nil:
		return
	case err != nil:
		s.log.Error("sweep failed", "error", err)
	case swept.Actions+swept.Plans+swept.Answers > 0:
		s.log.Info("swept", "actions", swept.Actions, "plans", swept.Plans, "answers", swept.Answers)
	}
	head, err := s.ledger.Head(ctx)
	if err == nil && home != "" && head.Seq != *written {
		err = WriteFeedback(ctx, s.ledger, home, false, s.config.Now())
	}
	if err != nil && ctx.Err() == nil {
		s.log.Error("what was sent and reported could not be written", "error", err)
		return
	}
	*written = head.Seq
}
