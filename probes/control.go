//go:build linux

package probes

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// maxRequests is how many requests of one control stream are under way at once.
	maxRequests = 64
	// maxProbes is how many probes of all control streams are under way at once.
	maxProbes = 1024
	// maxClients is how many connections the agent's servers hold at most.
	maxClients = 4096
)

// Agent serves ports and makes probes in the network namespace of its process.
type Agent struct {
	identity string
	sources  *sourcePorts
	serving  *serving
	clients  *clients
	slots    chan struct{} // one for each probe under way
	raw      rawFamilies
}

// NewAgent returns an agent whose servers answer with the identity, 1 to 512
// bytes. It serves nothing yet. It opens what needs capabilities: those may be
// dropped afterwards.
func NewAgent(identity string) (*Agent, error) {
	if err := checkIdentity(identity); err != nil {
		return nil, err
	}
	a := &Agent{
		identity: identity,
		serving:  newServing(),
		slots:    make(chan struct{}, fileShare(maxProbes)),
		clients:  newClients(fileShare(maxClients)),
	}
	a.sources = newSourcePorts(time.Now)
	a.raw = openRawFamilies()
	for _, raw := range a.raw.open() {
		go a.receiveSCTP(raw)
	}
	return a, nil
}

// fileShare is a third of the file descriptors that the process may open, but at
// most most: probes, their servers' connections and everything else each have
// theirs, so that none of them fails for want of one.
func fileShare(most int) int {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return most
	}
	return int(max(1, min(limit.Cur/3, uint64(most))))
}

// Close ends every server.
func (a *Agent) Close() {
	a.serving.close()
	a.clients.close()
	for _, raw := range a.raw.open() {
		raw.close()
	}
}

// Control answers the requests of one control stream, each on its own, until the
// stream ends; a clean end is no error. What the agent serves stays. Attempts that
// are under way at the end run out by themselves.
func (a *Agent) Control(ctx context.Context, stream io.ReadWriter) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	answers := &answers{stream: stream}
	room := make(chan struct{}, maxRequests)
	for {
		var request Request
		if err := ReadFrame(stream, &request); err != nil {
			if errors.Is(err, io.EOF) {
				return nil
			}
			return fmt.Errorf("serving a control stream: %w", err)
		}
		select {
		case room <- struct{}{}:
			go func() {
				defer func() { <-room }()
				answers.send(a.answer(ctx, request))
			}()
		default:
			answers.send(Response{ID: request.ID, Error: fmt.Sprintf("more than %d requests at once", maxRequests)})
		}
	}
}

// answer does what the request asks for.
func (a *Agent) answer(ctx context.Context, r Request) Response {
	response := Response{ID: r.ID}
	switch {
	case r.Serve != nil && r.Batch == nil && r.Ping == nil:
		if err := a.serving.start(a, r.Serve.Ports); err != nil {
			response.Error = err.Error()
		}
	case r.Batch != nil && r.Serve == nil && r.Ping == nil:
		response.Results = a.run(ctx, r.Batch)
	case r.Ping != nil && r.Serve == nil && r.Batch == nil:
		response.Pong = &Pong{Identity: a.identity, Serving: a.serving.ports()}
	default:
		response.Error = "a request holds exactly one of serve, batch and ping"
	}
	return response
}

// answers is the writing half of a control stream.
type answers struct {
	mu     sync.Mutex
	stream io.Writer
}

// send writes the response. A stream that is cut ends the reading half, so there
// is nobody to tell here.
func (a *answers) send(r Response) {
	frame, err := encodeFrame(r)
	if err != nil {
		frame, _ = encodeFrame(Response{ID: r.ID, Error: err.Error()})
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	_, _ = a.stream.Write(frame)
}
