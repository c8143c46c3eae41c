package serve

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
)

// Code says to a program what kind of error it met.
type Code string

// The codes of errors.
const (
	CodeInvalid      Code = "invalid"
	CodeUnauthorized Code = "unauthorized"
	CodeForbidden    Code = "forbidden"
	CodeNotFound     Code = "not_found"
	CodeMethod       Code = "method_not_allowed"
	CodeTimeout      Code = "timeout"
	CodeConflict     Code = "conflict"
	CodeTooLarge     Code = "too_large"
	CodeMediaType    Code = "unsupported_media_type"
	CodeRateLimited  Code = "rate_limited"
	CodeUnavailable  Code = "unavailable"
	CodeInternal     Code = "internal"

	// Of the ledger.
	CodeBadInput     Code = "bad_input"
	CodeApprover     Code = "approver_is_maker"
	CodeState        Code = "wrong_state"
	CodeHash         Code = "hash_mismatch"
	CodeInsufficient Code = "insufficient"
	CodeRefused      Code = "refused"
)

// statuses is the one map from code to HTTP status.
var statuses = map[Code]int{
	CodeInvalid:      http.StatusBadRequest,
	CodeUnauthorized: http.StatusUnauthorized,
	CodeForbidden:    http.StatusForbidden,
	CodeNotFound:     http.StatusNotFound,
	CodeMethod:       http.StatusMethodNotAllowed,
	CodeTimeout:      http.StatusRequestTimeout,
	CodeConflict:     http.StatusConflict,
	CodeTooLarge:     http.StatusRequestEntityTooLarge,
	CodeMediaType:    http.StatusUnsupportedMediaType,
	CodeRateLimited:  http.StatusTooManyRequests,
	CodeUnavailable:  http.StatusServiceUnavailable,
	CodeInternal:     http.StatusInternalServerError,

	CodeBadInput:     http.StatusBadRequest,
	CodeApprover:     http.StatusForbidden,
	CodeState:        http.StatusConflict,
	CodeHash:         http.StatusConflict,
	CodeInsufficient: http.StatusConflict,
	CodeRefused:      http.StatusConflict,
}

// general are the codes of the statuses that several codes share.
var general = map[int]Code{
	http.StatusBadRequest: CodeInvalid, http.StatusUnprocessableEntity: CodeInvalid,
	http.StatusForbidden: CodeForbidden, http.StatusConflict: CodeConflict,
}

// statusOf returns the HTTP status of a code; an unknown one is internal.
func statusOf(code Code) int {
	if status, ok := statuses[code]; ok {
		return status
	}
	return http.StatusInternalServerError
}

// codeOf returns the code of an HTTP status that huma chose.
func codeOf(status int) Code {
	if code, ok := general[status]; ok {
		return code
	}
	for code, s := range statuses {
		if s == status {
			return code
		}
	}
	return CodeInternal
}

// Error is an error that a client may see. Err, where set, is for the log only.
type Error struct {
	Code    Code
	Message string // a sentence for the client, without internals
	Err     error
}

// Error returns code and message, and the cause for the log.
func (e *Error) Error() string {
	if e.Err != nil {
		return fmt.Sprintf("serve: %s: %s: %v", e.Code, e.Message, e.Err)
	}
	return fmt.Sprintf("serve: %s: %s", e.Code, e.Message)
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// fail makes an error for the client.
func fail(code Code, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

// Problem is the body of every error (RFC 9457).
type Problem struct {
	Type      string   `json:"type" doc:"Always about:blank; code tells the kind." example:"about:blank"`
	Title     string   `json:"title" doc:"The HTTP status in words."`
	Status    int      `json:"status" doc:"The HTTP status."`
	Code      Code     `json:"code" doc:"The kind of error, for programs." example:"not_found"`
	Detail    string   `json:"detail" doc:"What is wrong and, where there is one, the remedy."`
	RequestID string   `json:"request_id,omitempty" doc:"The X-Request-Id of the request, as in the server's log."`
	Faults    []string `json:"faults,omitempty" doc:"Each fault of an invalid request."`
}

// problemType is the content type of a Problem.
const problemType = "application/problem+json"

// Error returns the detail.
func (p *Problem) Error() string { return p.Detail }

// GetStatus returns the HTTP status.
func (p *Problem) GetStatus() int { return p.Status }

// ContentType returns the content type of a problem document.
func (p *Problem) ContentType(string) string { return problemType }

func newProblem(code Code, detail, requestID string) *Problem {
	status := statusOf(code)
	return &Problem{Type: "about:blank", Title: http.StatusText(status), Status: status, Code: code, Detail: detail, RequestID: requestID}
}

// problemOf turns any error into what the client sees. internal tells that the
// error says more than that and belongs in the log.
func problemOf(err error, requestID string) (p *Problem, internal bool) {
	var stored *refusal
	if errors.As(err, &stored) {
		p := *stored.problem
		p.RequestID = requestID
		return &p, false
	}
	var known *Error
	if errors.As(err, &known) {
		return newProblem(known.Code, known.Message, requestID), known.Err != nil
	}
	return newProblem(CodeInternal, "something went wrong here; the log has the request id", requestID), true
}

// problemOfHuma turns an error that huma made (a parameter that does not fit
// the schema, a body that is too large) into our form. Values that the client
// sent are not echoed.
func problemOfHuma(m *huma.ErrorModel, requestID string) *Problem {
	p := newProblem(codeOf(m.Status), m.Detail, requestID)
	for _, d := range m.Errors {
		if d != nil {
			p.Faults = append(p.Faults, d.Location+": "+d.Message)
		}
	}
	if p.Code == CodeInternal {
		p.Detail, p.Faults = "something went wrong here; the log has the request id", nil
	}
	return p
}
