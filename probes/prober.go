package probes

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
)

// Client is the prober's end of one agent's control stream. Its methods may be
// called at once from any number of goroutines; the calls share the stream.
type Client struct {
	stream io.ReadWriteCloser
	frames chan []byte
	cut    chan struct{} // closed once the stream is of no use any more

	mu      sync.Mutex
	why     error // set before cut is closed
	last    uint64
	waiting map[uint64]chan Response
}

// errClosed is why a client that was closed by its owner does not answer.
var errClosed = errors.New("the control stream was closed")

// NewClient takes over the stream: it is closed by Close, and when it breaks.
func NewClient(stream io.ReadWriteCloser) *Client {
	c := &Client{
		stream:  stream,
		frames:  make(chan []byte),
		cut:     make(chan struct{}),
		waiting: map[uint64]chan Response{},
	}
	go c.read()
	go c.write()
	return c
}

// Close ends the stream and every call that still waits.
func (c *Client) Close() error { return c.cutOff(errClosed) }

// Serve makes the agent serve ports in addition to those that it serves. On an
// error the other ports are served; Ping says which.
func (c *Client) Serve(ctx context.Context, ports []Port) error {
	_, err := c.call(ctx, Request{Serve: &Serve{Ports: ports}})
	return err
}

// Ping asks what the agent is and what it serves now.
func (c *Client) Ping(ctx context.Context) (Pong, error) { return c.PingPast(ctx, Ping{}) }

// PingPast asks as well how the agent was within a while before the request reaches it.
func (c *Client) PingPast(ctx context.Context, past Ping) (Pong, error) {
	answer, err := c.call(ctx, Request{Ping: &past})
	if err != nil {
		return Pong{}, err
	}
	if answer.Pong == nil {
		return Pong{}, errors.New("the agent answered a ping without a pong")
	}
	return *answer.Pong, nil
}

// End makes the agent's process end well. It returns when the agent has said that it
// will; the stream ends a moment later.
func (c *Client) End(ctx context.Context) error {
	_, err := c.call(ctx, Request{End: &End{}})
	return err
}

// Dial makes the agent try targets by itself from now on.
func (c *Client) Dial(ctx context.Context, d Dial) error {
	_, err := c.call(ctx, Request{Dial: &d})
	return err
}

// Dialled is what became of a Dial; it has a list for each of its targets.
func (c *Client) Dialled(ctx context.Context, d Dialled) (*DialRecord, error) {
	answer, err := c.call(ctx, Request{Dialled: &d})
	if err != nil {
		return nil, err
	}
	if answer.Dialled == nil {
		return nil, errors.New("the agent has no record of what it dialled")
	}
	return answer.Dialled, nil
}

// Probe makes the agent try every probe and returns one result for each, in
// their order. An error means that nothing is known of any of them.
func (c *Client) Probe(ctx context.Context, probes []Probe) ([]Result, error) {
	return c.Run(ctx, Batch{Probes: probes})
}

// Run makes the agent try every probe of the batch as often as it says. It returns the
// results of the first time in the order of the probes, then those of the second, and so on.
func (c *Client) Run(ctx context.Context, batch Batch) ([]Result, error) {
	if len(batch.Probes) == 0 {
		return nil, nil
	}
	answer, err := c.call(ctx, Request{Batch: &batch})
	if err != nil {
		return nil, err
	}
	if want := batch.Repeats() * len(batch.Probes); len(answer.Results) != want {
		return nil, fmt.Errorf("the agent answered %d probes with %d results", want, len(answer.Results))
	}
	return answer.Results, nil
}

// call sends the request under a new ID and waits for the response to it.
func (c *Client) call(ctx context.Context, request Request) (Response, error) {
	id, answer := c.expect()
	defer c.forget(id)
	request.ID = id
	frame, err := encodeFrame(request)
	if err != nil {
		return Response{}, err
	}
	select {
	case c.frames <- frame:
	case <-ctx.Done():
		return Response{}, ctx.Err()
	case <-c.cut:
		return Response{}, c.reason()
	}
	select {
	case response := <-answer:
		if response.Error != "" {
			return response, fmt.Errorf("the agent says: %s", response.Error)
		}
		return response, nil
	case <-ctx.Done():
		return Response{}, ctx.Err()
	case <-c.cut:
		return Response{}, c.reason()
	}
}

func (c *Client) expect() (uint64, chan Response) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.last++
	answer := make(chan Response, 1)
	c.waiting[c.last] = answer
	return c.last, answer
}

func (c *Client) forget(id uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.waiting, id)
}

func (c *Client) reason() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.why
}

// cutOff gives every call the reason and closes the stream, once.
func (c *Client) cutOff(why error) error {
	c.mu.Lock()
	first := c.why == nil
	if first {
		c.why = why
		close(c.cut)
	}
	c.mu.Unlock()
	if !first {
		return nil
	}
	if err := c.stream.Close(); err != nil {
		return fmt.Errorf("closing the control stream: %w", err)
	}
	return nil
}

// read hands responses to those who wait for them. One that nobody waits for any
// more is dropped.
func (c *Client) read() {
	for {
		var response Response
		if err := ReadFrame(c.stream, &response); err != nil {
			if errors.Is(err, io.EOF) {
				err = errors.New("the agent ended the control stream")
			}
			_ = c.cutOff(fmt.Errorf("the control stream is cut: %w", err))
			return
		}
		c.mu.Lock()
		answer := c.waiting[response.ID]
		delete(c.waiting, response.ID)
		c.mu.Unlock()
		if answer != nil {
			answer <- response
		}
	}
}

// write is the only writer, so that a call which gives up never leaves half a
// frame behind.
func (c *Client) write() {
	for {
		select {
		case frame := <-c.frames:
			if _, err := c.stream.Write(frame); err != nil {
				_ = c.cutOff(fmt.Errorf("the control stream is cut: %w", err))
				return
			}
		case <-c.cut:
			return
		}
	}
}
