package serve

import (
	"context"
	"net/http"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"dunning/serve/ledger"
)

func (s *Server) auditRoutes() {
	readers := []Role{Auditor}
	tags := []string{"audit"}
	register(s, route{roles: readers, errors: []Code{CodeInvalid}, Operation: huma.Operation{
		OperationID: "audit", Method: http.MethodGet, Path: "/v1/audit", Tags: tags,
		Summary: "Every change of state, in order", Description: "Each row holds the hash of the row before it."}}, s.auditRows)
	register(s, route{roles: readers, Operation: huma.Operation{
		OperationID: "audit-head", Method: http.MethodGet, Path: "/v1/audit/head", Tags: tags,
		Summary: "The end of the audit chain", Description: "Kept elsewhere, it shows later whether anything up to it was changed."}}, s.auditHead)
	register(s, route{roles: readers, errors: []Code{CodeInvalid}, Operation: huma.Operation{
		OperationID: "audit-verify", Method: http.MethodGet, Path: "/v1/audit/verify", Tags: tags,
		Summary:     "Compute everything anew from the rows",
		Description: "The chain, the heads that approvals and the caller kept, balances, hashes of plans and the state of each action. It reads the whole ledger. What is wrong stands in faults."}}, s.auditVerify)
}

type auditIn struct {
	After int64 `query:"after" minimum:"0" default:"0" doc:"seq of the last row of the page before."`
	Limit int   `query:"limit" minimum:"1" maximum:"1000" default:"100" doc:"Rows per page."`
}

// AuditRows is one page of the audit.
type AuditRows struct {
	Rows []ledger.AuditRow `json:"rows"`
	Next *int64            `json:"next_after" doc:"after of the next page; null on the last."`
}

func (s *Server) auditRows(ctx context.Context, in *auditIn) (*body[AuditRows], error) {
	rows, err := s.ledger.Audit(ctx, in.After, in.Limit)
	if err != nil {
		return nil, err
	}
	out := AuditRows{Rows: rows}
	if len(rows) == in.Limit {
		out.Next = &rows[len(rows)-1].Seq
	}
	return &body[AuditRows]{out}, nil
}

func (s *Server) auditHead(ctx context.Context, _ *none) (*body[ledger.Head], error) {
	h, err := s.ledger.Head(ctx)
	return &body[ledger.Head]{h}, err
}

type verifyIn struct {
	Heads []string `query:"head,explode" maxItems:"1000" doc:"A head that was kept, as SEQ:SHA256; may be repeated." example:"[\"12:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08\"]"`
}

func (s *Server) auditVerify(ctx context.Context, in *verifyIn) (*body[ledger.Report], error) {
	heads := make([]ledger.Head, len(in.Heads))
	for i, text := range in.Heads {
		seq, sum, _ := strings.Cut(text, ":")
		n, err := strconv.ParseInt(seq, 10, 64)
		if err != nil || n < 1 || len(sum) != 64 {
			return nil, fail(CodeInvalid, "head %d is not SEQ:SHA256", i+1)
		}
		heads[i] = ledger.Head{Seq: n, SHA256: sum}
	}
	report, err := s.ledger.Verify(ctx, heads...)
	if err != nil {
		return nil, err
	}
	if report.Faults == nil {
		report.Faults = []ledger.Fault{}
	}
	return &body[ledger.Report]{report}, nil
}
