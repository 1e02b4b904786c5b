package probes

import (
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"
)

// script is an agent's end of a stream that does as the test says.
func script(t *testing.T, play func(stream net.Conn)) *Client {
	t.Helper()
	ours, theirs := net.Pipe()
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer theirs.Close()
		play(theirs)
	}()
	c := NewClient(ours)
	t.Cleanup(func() {
		_ = c.Close()
		<-done
	})
	return c
}

func next(stream net.Conn) Request {
	var r Request
	_ = ReadFrame(stream, &r)
	return r
}

var anyProbe = Probe{Kind: KindTCP, Address: netip.MustParseAddrPort("10.0.0.1:80"), Timeouts: []time.Duration{1}}

// TestOutOfOrder checks that calls get their own answers, whatever the order.
func TestOutOfOrder(t *testing.T) {
	c := script(t, func(stream net.Conn) {
		a, b := next(stream), next(stream)
		_ = WriteFrame(stream, Response{ID: 99})
		for _, r := range []Request{b, a} {
			response := Response{ID: r.ID}
			if r.Ping != nil {
				response.Pong = &Pong{Identity: "me"}
			} else {
				response.Results = make([]Result, len(r.Batch.Probes))
			}
			_ = WriteFrame(stream, response)
			_ = WriteFrame(stream, response) // twice
		}
		next(stream)
	})
	var group sync.WaitGroup
	group.Go(func() {
		if pong, err := c.Ping(t.Context()); err != nil || pong.Identity != "me" {
			t.Errorf("ping: %+v, %v", pong, err)
		}
	})
	group.Go(func() {
		if results, err := c.Probe(t.Context(), []Probe{anyProbe, anyProbe}); err != nil || len(results) != 2 {
			t.Errorf("probe: %+v, %v", results, err)
		}
	})
	group.Wait()
}

func TestStreamCut(t *testing.T) {
	for name, play := range map[string]func(net.Conn){
		"at once":      func(net.Conn) {},
		"instead":      func(s net.Conn) { next(s) },
		"within frame": func(s net.Conn) { next(s); _, _ = s.Write([]byte{0, 0, 0, 9, '{'}) },
		"by garbage":   func(s net.Conn) { next(s); _, _ = s.Write([]byte("bash: not found\n")) },
	} {
		c := script(t, play)
		if _, err := c.Probe(t.Context(), []Probe{anyProbe}); err == nil || errors.Is(err, context.Canceled) {
			t.Errorf("%s: error %v", name, err)
		}
		if _, err := c.Ping(t.Context()); err == nil || !strings.Contains(err.Error(), "control stream") {
			t.Errorf("%s, then: error %v", name, err)
		}
		if err := c.Close(); err != nil {
			t.Errorf("%s: closing: %v", name, err)
		}
	}
}

// TestClose checks that a call which waits ends with the client.
func TestClose(t *testing.T) {
	asked := make(chan struct{})
	c := script(t, func(s net.Conn) { next(s); close(asked); next(s) })
	failed := make(chan error)
	go func() {
		_, err := c.Ping(t.Context())
		failed <- err
	}()
	<-asked
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	if err := <-failed; !errors.Is(err, errClosed) {
		t.Errorf("error %v, want %v", err, errClosed)
	}
	if err := c.Serve(t.Context(), nil); !errors.Is(err, errClosed) {
		t.Errorf("error %v, want %v", err, errClosed)
	}
}

// TestGivingUp checks that a call whose context ends leaves the stream usable.
func TestGivingUp(t *testing.T) {
	asked := make(chan struct{})
	c := script(t, func(s net.Conn) {
		first := next(s)
		close(asked)
		second := next(s)
		_ = WriteFrame(s, Response{ID: first.ID, Pong: &Pong{Identity: "first"}})
		_ = WriteFrame(s, Response{ID: second.ID, Pong: &Pong{Identity: "second"}})
		next(s)
	})
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-asked
		cancel()
	}()
	if _, err := c.Ping(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want %v", err, context.Canceled)
	}
	if pong, err := c.Ping(t.Context()); err != nil || pong.Identity != "second" {
		t.Errorf("ping: %+v, %v", pong, err)
	}
}

// TestStuckStream checks that a context ends a call which cannot even be sent.
func TestStuckStream(t *testing.T) {
	release := make(chan struct{})
	c := script(t, func(net.Conn) { <-release })
	defer close(release)
	for range 3 {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
		if _, err := c.Ping(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("error %v, want %v", err, context.DeadlineExceeded)
		}
		cancel()
	}
}

func TestBadAnswers(t *testing.T) {
	c := script(t, func(s net.Conn) {
		for {
			r := next(s)
			if r.ID == 0 {
				return
			}
			_ = WriteFrame(s, Response{ID: r.ID, Results: make([]Result, 1)})
		}
	})
	if _, err := c.Probe(t.Context(), []Probe{anyProbe, anyProbe}); err == nil {
		t.Error("one result for two probes was taken")
	}
	if _, err := c.Ping(t.Context()); err == nil {
		t.Error("a ping without a pong was taken")
	}
	if results, err := c.Probe(t.Context(), nil); err != nil || len(results) != 0 {
		t.Errorf("no probes: %v, %v", results, err)
	}
}

// TestTooLargeRequest checks that it fails alone.
func TestTooLargeRequest(t *testing.T) {
	c := script(t, func(s net.Conn) {
		r := next(s)
		_ = WriteFrame(s, Response{ID: r.ID, Pong: &Pong{Identity: "me"}})
		next(s)
	})
	huge := anyProbe
	huge.Query = strings.Repeat("x", MaxFrame)
	if _, err := c.Probe(t.Context(), []Probe{huge}); err == nil {
		t.Error("a request larger than a frame was sent")
	}
	if _, err := c.Ping(t.Context()); err != nil {
		t.Error(err)
	}
}

type brokenStream struct{ io.Reader }

func (brokenStream) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }
func (brokenStream) Close() error              { return errors.New("cannot close") }

func TestBrokenStream(t *testing.T) {
	r, w := io.Pipe()
	defer w.Close()
	c := NewClient(brokenStream{r})
	if _, err := c.Ping(t.Context()); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("error %v, want %v", err, io.ErrClosedPipe)
	}
}
