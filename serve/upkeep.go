package serve

import (
	"context"
	"time"
)

// upkeepEvery is how often the server ends what time has ended.
const upkeepEvery = time.Minute

// Upkeep sweeps the ledger once a minute until ctx ends: actions whose window
// closed, leases that lapsed, plans with nothing left to do. What fails is
// logged and tried again.
func (s *Server) Upkeep(ctx context.Context) {
	tick := time.NewTicker(upkeepEvery)
	defer tick.Stop()
	for {
		s.keepUp(ctx)
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// keepUp is one round of upkeep.
func (s *Server) keepUp(ctx context.Context) {
	swept, err := s.ledger.Sweep(ctx)
	switch {
	case ctx.Err() != nil:
	case err != nil:
		s.log.Error("sweep failed", "error", err)
	case swept.Actions+swept.Plans+swept.Answers > 0:
		s.log.Info("swept", "actions", swept.Actions, "plans", swept.Plans, "answers", swept.Answers)
	}
}
