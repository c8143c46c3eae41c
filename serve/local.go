package serve

import (
	"bytes"
	"context"
	"io"
	"net/http"
)

// localPrefix stands for a key's prefix where somebody works on the home itself.
const localPrefix = "local"

type localKey struct{}

// Local returns a way to ask the server within its own process, with no key, as
// the named person with all roles: for commands that work on the home, whose
// owner may read and write its files anyway. What binds persons, such as that
// nobody approves the plan that he made, binds him too.
func (s *Server) Local(name string) http.RoundTripper {
	return localTrip{s, Key{Prefix: localPrefix, Role: Admin, Name: name}}
}

type localTrip struct {
	server *Server
	key    Key
}

// RoundTrip answers a request by the server's own handler.
func (l localTrip) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(context.WithValue(r.Context(), localKey{}, l.key))
	if r.Body == nil {
		r.Body = http.NoBody
	}
	defer r.Body.Close()
	r.RemoteAddr = localPrefix
	out := &localAnswer{header: http.Header{}, status: http.StatusOK}
	l.server.handler.ServeHTTP(out, r)
	return &http.Response{StatusCode: out.status, Status: http.StatusText(out.status), Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: out.header, Body: io.NopCloser(&out.body), ContentLength: int64(out.body.Len()), Request: r}, nil
}

// localAnswer is an answer in memory.
type localAnswer struct {
	header http.Header
	status int
	body   bytes.Buffer
}

// Header returns the headers.
func (a *localAnswer) Header() http.Header { return a.header }

// WriteHeader sets the status.
func (a *localAnswer) WriteHeader(status int) { a.status = status }

// Write adds to the body.
func (a *localAnswer) Write(b []byte) (int, error) { return a.body.Write(b) }
