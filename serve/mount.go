package serve

import (
	"net/http"
	"strings"

	"dunning/serve/ledger"
)

// Mount lets pages answer every path that is not the API's. It is called before
// the server starts.
func (s *Server) Mount(pages http.Handler) { s.pages = pages }

// ownsPath says whether a path is one of the API, right or wrong.
func (s *Server) ownsPath(path string) bool {
	return path == "/v1" || strings.HasPrefix(path, "/v1/") || s.api.OpenAPI().Paths[path] != nil
}

// RequestID returns the id of a request in the log, "" outside of any server.
func RequestID(r *http.Request) string { return requestOf(r.Context()).id }

// CodeOf returns the code that a client sees of an error, and its HTTP status.
// internal tells that the error says more than that and belongs in the log.
func CodeOf(err error) (code Code, status int, internal bool) {
	p, internal := problemOf(ofLedger(err), "")
	return p.Code, p.Status, internal
}

// ProposalOf returns a plan as its maker hands it in, each action with the
// segment that the lake knows of its customer; lake may be nil.
func ProposalOf(plan *Plan, lake *Portfolio, maker string) ledger.Proposal {
	proposal := ledger.Proposal{PlanID: plan.ID, Maker: maker, AsOf: plan.AsOf, FileSHA256: plan.SHA256, Actions: make([]ledger.Action, plan.Len())}
	for i, a := range plan.actions {
		proposal.Actions[i].Action = a
		if lake == nil {
			continue
		}
		if c, ok := lake.Customer(a.CustomerID); ok {
			proposal.Actions[i].Segment = c.Segment
		}
	}
	return proposal
}
