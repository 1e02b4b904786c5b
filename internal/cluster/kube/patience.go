package kube

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"syscall"
	"time"
)

// An API server may be restarted in the middle of a run. Requests then wait for it,
// as long as that is safe: they were never sent, or sending them twice does no harm.
const (
	apiAway  = time.Minute            // how long a request waits for an API server
	apiRetry = 250 * time.Millisecond // between two tries
)

type patient struct{ next http.RoundTripper }

func patiently(next http.RoundTripper) http.RoundTripper { return patient{next} }

// RoundTrip tries again while the API server is away.
func (p patient) RoundTrip(r *http.Request) (*http.Response, error) {
	deadline := time.Now().Add(apiAway)
	for {
		response, err := p.next.RoundTrip(r)
		if err == nil || !repeatable(r, err) || time.Now().After(deadline) || !pause(r.Context(), apiRetry) {
			return response, err
		}
		if r, err = again(r); err != nil {
			return nil, err
		}
	}
}

// again is the request once more, with its body.
func again(r *http.Request) (*http.Request, error) {
	next := r.Clone(r.Context())
	if r.GetBody == nil {
		return next, nil
	}
	body, err := r.GetBody()
	next.Body = body
	return next, err
}

// repeatable reports whether the request may be sent once more after this error. One
// that creates something must not have reached the server.
func repeatable(r *http.Request, err error) bool {
	if r.Body != nil && r.Body != http.NoBody && r.GetBody == nil {
		return false
	}
	return neverSent(err) || away(err) && r.Method != http.MethodPost
}

// neverSent reports whether there was no connection to send anything over.
func neverSent(err error) bool {
	var op *net.OpError
	return errors.Is(err, syscall.ECONNREFUSED) || errors.As(err, &op) && op.Op == "dial"
}

// away reports whether the connection broke rather than the request was answered.
func away(err error) bool {
	var timeout net.Error
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		err = wrapped.Err
	}
	return neverSent(err) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) ||
		errors.As(err, &timeout) && timeout.Timeout() && !errors.Is(err, context.DeadlineExceeded)
}

// pause returns false when the context ended first.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
