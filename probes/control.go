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
	identity  string
	sources   *sourcePorts
	serving   *serving
	clients   *clients
	stalls    *stalls
	slots     chan struct{} // one for each probe under way
	raw       rawFamilies
	diallings diallings
	open      *openConnections
	heard     heard
	ended     chan struct{} // closed by end
	end       func()
}

// NewAgent returns an agent whose servers answer with the identity, 1 to 512
// bytes. It serves nothing yet. It opens what needs capabilities: those may be
// dropped afterwards.
func NewAgent(identity string) (*Agent, error) {
	if err := checkIdentity(identity); err != nil {
		return nil, err
	}
	a := &Agent{
		identity:  identity,
		serving:   newServing(),
		slots:     make(chan struct{}, fileShare(maxProbes)),
		clients:   newClients(fileShare(maxClients)),
		stalls:    newStalls(),
		ended:     make(chan struct{}),
		open:      newOpenConnections(),
		diallings: diallings{list: map[string]*dialling{}},
	}
	a.end = sync.OnceFunc(func() { close(a.ended) })
	a.sources = newSourcePorts(time.Now)
	a.raw = openRawFamilies()
	for _, raw := range a.raw.open() {
		go a.receiveSCTP(raw)
	}
	go a.stalls.watch()
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
	a.stalls.close()
	a.serving.close()
	a.clients.close()
	a.open.close()
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
	case r.kinds() != 1:
		response.Error = "a request holds exactly one of serve, batch, ping, end, dial and dialled"
	case r.Serve != nil:
		response.fail(a.Serve(r.Serve.Ports))
	case r.Batch != nil:
		if err := r.Batch.check(); err != nil {
			response.fail(err)
			break
		}
		response.Results = a.run(ctx, r.Batch)
	case r.Ping != nil:
		response.Pong = a.pong(r.Ping)
	case r.End != nil:
		time.AfterFunc(farewell, a.end)
	case r.Dial != nil:
		response.fail(a.Dial(*r.Dial))
	case r.Dialled != nil:
		record, err := a.Dialled(*r.Dialled)
		response.Dialled = record
		response.fail(err)
	}
	return response
}

func (a *Agent) pong(p *Ping) *Pong {
	now := time.Now()
	a.stalls.look(p.Beat)
	return &Pong{
		Identity: a.identity, Serving: a.serving.ports(),
		Age: now.Sub(a.stalls.begun), Stalled: a.stalls.longest(now, p.Within), Heard: a.heard.of(p.Heard),
	}
}

func (r *Response) fail(err error) {
	if err != nil {
		r.Error = err.Error()
	}
}

// Serve makes the agent answer on the ports, in addition to those that it serves.
func (a *Agent) Serve(ports []Port) error { return a.serving.start(a, ports) }

// farewell is how long the agent lives on after it was told to end, so that its answer
// comes through.
const farewell = 100 * time.Millisecond

// kinds is how many things the request asks for.
func (r *Request) kinds() int {
	n := 0
	for _, is := range []bool{r.Serve != nil, r.Batch != nil, r.Ping != nil, r.End != nil, r.Dial != nil, r.Dialled != nil} {
		if is {
			n++
		}
	}
	return n
}

// Ended is closed when the agent was told to end.
func (a *Agent) Ended() <-chan struct{} { return a.ended }

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
