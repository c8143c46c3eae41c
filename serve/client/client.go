// Package client is the reference client of the API that package serve answers.
//
// Every write carries an idempotency key and is sent again with the same key
// when its answer was lost or the server was busy: it has one effect. The
// caller may choose the key, so that a program that was started again goes on
// with the same one; "" makes a new one.
//
// Refusals of the server are [*Error]: they wrap the class of package data that
// the command line turns into its exit code.
package client

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"dunning/data"
	"dunning/serve"
)

// Config says where the server is and how patient the client is.
type Config struct {
	URL string // such as https://host:8443
	Key string // API key; "" sends none
	// Transport carries the requests; nil means http.DefaultTransport.
	Transport http.RoundTripper
	Attempts  int           // of one request, 1 to 20; 0 means 5
	Pause     time.Duration // before the second attempt, doubled for each further one; 0 means 200 ms
	Timeout   time.Duration // of one attempt; 0 means 60 s
}

// Client asks one server. It is safe for concurrent use.
type Client struct {
	config Config
	base   *url.URL
	http   *http.Client
}

// New makes a client. The error wraps data.ErrUsage.
func New(config Config) (*Client, error) {
	base, err := url.Parse(config.URL)
	if err != nil || base.Host == "" || base.Scheme != "http" && base.Scheme != "https" {
		return nil, fmt.Errorf("client: %w: the server %q is no URL like https://host:8443", data.ErrUsage, config.URL)
	}
	if config.Attempts < 0 || config.Attempts > 20 || config.Pause < 0 || config.Timeout < 0 {
		return nil, fmt.Errorf("client: %w: attempts must be 1 to 20, pause and timeout not negative", data.ErrUsage)
	}
	if config.Attempts == 0 {
		config.Attempts = 5
	}
	if config.Pause == 0 {
		config.Pause = 200 * time.Millisecond
	}
	if config.Timeout == 0 {
		config.Timeout = time.Minute
	}
	return &Client{config: config, base: base, http: &http.Client{Transport: config.Transport, Timeout: config.Timeout}}, nil
}

// Error is a refusal of the server.
type Error struct {
	serve.Problem
	class error
}

// Error returns the server's sentence, the faults and the request's id.
func (e *Error) Error() string {
	text := e.Detail
	if len(e.Faults) > 0 {
		text += ": " + strings.Join(e.Faults, "; ")
	}
	if e.class != nil {
		text = e.class.Error() + ": " + text
	}
	return text
}

// Unwrap returns the class of package data, nil for none.
func (e *Error) Unwrap() error { return e.class }

// classes are the classes of failure by code; those that are not listed say
// that the server could not.
var classes = map[serve.Code]error{
	serve.CodeInvalid: data.ErrUsage, serve.CodeNotFound: data.ErrUsage, serve.CodeUnauthorized: data.ErrUsage, serve.CodeMethod: data.ErrUsage, serve.CodeMediaType: data.ErrUsage,
	serve.CodeBadInput: data.ErrBadInput, serve.CodeTooLarge: data.ErrBadInput,
	serve.CodeForbidden: data.ErrRefused, serve.CodeApprover: data.ErrRefused, serve.CodeConflict: data.ErrRefused, serve.CodeState: data.ErrRefused,
	serve.CodeHash: data.ErrRefused, serve.CodeInsufficient: data.ErrRefused, serve.CodeRefused: data.ErrRefused,
}

// NewKey makes an idempotency key.
func NewKey() string { return rand.Text() }

// get asks for something that changes nothing.
func (c *Client) get(ctx context.Context, path string, query url.Values, out any) error {
	return c.ask(ctx, http.MethodGet, path, query, "", nil, out)
}

// post asks for a write under an idempotency key.
func (c *Client) post(ctx context.Context, path, key string, body, out any) error {
	if key == "" {
		key = NewKey()
	}
	return c.ask(ctx, http.MethodPost, path, nil, key, body, out)
}

// ask sends a request until it is answered or the attempts are used up.
func (c *Client) ask(ctx context.Context, method, path string, query url.Values, key string, body, out any) error {
	var text []byte
	if body != nil {
		var err error
		if text, err = json.Marshal(body); err != nil {
			return fmt.Errorf("client: %w", err)
		}
	}
	target := c.base.JoinPath(path)
	target.RawQuery = query.Encode()
	pause := c.config.Pause
	for attempt := 1; ; attempt++ {
		wait, err := c.try(ctx, method, target.String(), key, text, out)
		if err == nil || wait < 0 || attempt == c.config.Attempts {
			return err
		}
		timer := time.NewTimer(max(wait, pause))
		select {
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		case <-timer.C:
		}
		pause *= 2
	}
}

// try sends a request once. wait is how long to wait at least before another
// attempt, below zero where another one would not help.
func (c *Client) try(ctx context.Context, method, target, key string, body []byte, out any) (wait time.Duration, err error) {
	req, err := http.NewRequestWithContext(ctx, method, target, bytes.NewReader(body))
	if err != nil {
		return -1, fmt.Errorf("client: %w", err)
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if key != "" {
		req.Header.Set("Idempotency-Key", key)
	}
	if c.config.Key != "" {
		req.Header.Set("Authorization", "Bearer "+c.config.Key)
	}
	res, err := c.http.Do(req)
	if err != nil {
		if ctx.Err() != nil {
			return -1, ctx.Err()
		}
		return 0, fmt.Errorf("client: %w", err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		return 0, fmt.Errorf("client: the answer broke off: %w", err)
	}
	if res.StatusCode >= 300 {
		return retryAfter(res), refusalOf(res, text)
	}
	if err := json.Unmarshal(text, out); err != nil {
		return -1, fmt.Errorf("client: the answer is not what the API says: %w", err)
	}
	return 0, nil
}

// retryAfter says whether and when a refused request may be sent again.
func retryAfter(res *http.Response) time.Duration {
	switch res.StatusCode {
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		if seconds, err := strconv.Atoi(res.Header.Get("Retry-After")); err == nil && seconds >= 0 && seconds <= 60 {
			return time.Duration(seconds) * time.Second
		}
		return 0
	case http.StatusInternalServerError, http.StatusBadGateway, http.StatusGatewayTimeout, http.StatusRequestTimeout:
		return 0
	}
	return -1
}

// refusalOf reads a problem document; what is none comes from something between
// client and server.
func refusalOf(res *http.Response, text []byte) error {
	e := &Error{}
	if err := json.Unmarshal(text, &e.Problem); err != nil || e.Code == "" {
		return fmt.Errorf("client: %s from %s, which is no answer of dunning serve", res.Status, res.Request.URL.Host)
	}
	e.class = classes[e.Code]
	return e
}

// CodeOf returns the code of a refusal, "" for any other error.
func CodeOf(err error) serve.Code {
	var e *Error
	if errors.As(err, &e) {
		return e.Code
	}
	return ""
}
