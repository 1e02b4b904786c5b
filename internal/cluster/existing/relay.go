package existing

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os/exec"
	"sync"
	"syscall"
	"time"

	"github.com/cniproof/cniproof/internal/cluster/kube"
	"github.com/cniproof/cniproof/probes"
)

// relay lets many control streams share the one that a command has to its agent: it
// numbers their requests anew. A command that ended is started again by the next attach.
type relay struct {
	command string

	mu     sync.Mutex
	link   *link
	closed bool
}

func newRelay(command string) *relay { return &relay{command: command} }

// attach returns a stream on which the agent has answered.
func (r *relay) attach(ctx context.Context) (io.ReadWriteCloser, error) {
	l, fresh, err := r.current()
	if err != nil {
		return nil, fmt.Errorf("attaching through %q: %w", r.command, err)
	}
	stream, err := l.open(ctx)
	if err != nil && !fresh && !l.alive() {
		return r.attach(ctx) // it had ended before, and nobody had noticed
	}
	if err != nil {
		return nil, fmt.Errorf("attaching through %q: %w", r.command, err)
	}
	return stream, nil
}

// current is the link, and whether it was made just now.
func (r *relay) current() (l *link, fresh bool, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return nil, false, errors.New("the cluster is closed")
	}
	if r.link != nil && r.link.alive() {
		return r.link, false, nil
	}
	r.link, err = start(r.command)
	return r.link, true, err
}

func (r *relay) close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed = true
	if r.link != nil {
		r.link.end()
	}
}

// link is one running command.
type link struct {
	cmd    *exec.Cmd
	stdin  io.WriteCloser
	stderr kube.Notes
	ended  chan struct{}

	writing sync.Mutex // serialises frames to stdin

	mu      sync.Mutex
	next    uint64
	waiting map[uint64]caller
	streams map[net.Conn]bool
	err     error // once ended is closed
}

// caller is who asked, and by which number.
type caller struct {
	stream net.Conn
	id     uint64
}

func start(command string) (*link, error) {
	l := &link{
		cmd: exec.Command("sh", "-c", command), ended: make(chan struct{}), //nolint:gosec // the user's own command
		waiting: map[uint64]caller{}, streams: map[net.Conn]bool{},
	}
	// A group of its own: an interrupt from the terminal is for cniproof, which then
	// ends the agents in order.
	l.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	l.cmd.Stderr = &l.stderr
	var err error
	if l.stdin, err = l.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	stdout, err := l.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := l.cmd.Start(); err != nil {
		return nil, err
	}
	go l.receive(stdout)
	return l, nil
}

// open returns a stream on which the agent has answered.
func (l *link) open(ctx context.Context) (io.ReadWriteCloser, error) {
	near, far := net.Pipe()
	go l.serve(far)
	if err := kube.Greet(ctx, near); err != nil {
		l.await(ctx)
		return nil, errors.Join(l.failure(), err)
	}
	return near, nil
}

// await waits a moment for the end of a command whose agent does not answer: it may be the
// reason.
func (l *link) await(ctx context.Context) {
	timer := time.NewTimer(time.Second)
	defer timer.Stop()
	select {
	case <-l.ended:
	case <-ctx.Done():
	case <-timer.C:
	}
}

func (l *link) alive() bool {
	select {
	case <-l.ended:
		return false
	default:
		return true
	}
}

// failure is what the command said, if it has ended.
func (l *link) failure() error {
	if l.alive() {
		return nil
	}
	if text := l.stderr.String(); text != "" {
		return errors.New(text)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.err
}

// receive hands every answer to whoever asked, until the command ends.
func (l *link) receive(stdout io.Reader) {
	var err error
	for err == nil {
		var answer probes.Response
		if err = probes.ReadFrame(stdout, &answer); err == nil {
			l.answer(answer)
		}
	}
	_ = syscall.Kill(-l.cmd.Process.Pid, syscall.SIGTERM)
	exited := l.cmd.Wait()
	l.mu.Lock()
	l.err = fmt.Errorf("the command ended: %w", errors.Join(exited, err))
	for stream := range l.streams {
		_ = stream.Close()
	}
	l.mu.Unlock()
	close(l.ended)
}

func (l *link) answer(r probes.Response) {
	l.mu.Lock()
	to, ok := l.waiting[r.ID]
	delete(l.waiting, r.ID)
	l.mu.Unlock()
	if !ok {
		return
	}
	r.ID = to.id
	_ = to.stream.SetWriteDeadline(time.Now().Add(time.Second)) // nobody may hold up the others
	_ = probes.WriteFrame(to.stream, r)
}

// serve passes on the requests of one stream, until it is closed.
func (l *link) serve(stream net.Conn) {
	defer stream.Close()
	l.mu.Lock()
	l.streams[stream] = true
	l.mu.Unlock()
	defer l.forget(stream)
	for l.alive() {
		var request probes.Request
		if err := probes.ReadFrame(stream, &request); err != nil {
			return
		}
		if err := l.ask(stream, request); err != nil {
			return
		}
	}
}

func (l *link) ask(stream net.Conn, r probes.Request) error {
	l.mu.Lock()
	l.next++
	l.waiting[l.next] = caller{stream, r.ID}
	r.ID = l.next
	l.mu.Unlock()
	l.writing.Lock()
	defer l.writing.Unlock()
	return probes.WriteFrame(l.stdin, r)
}

func (l *link) forget(stream net.Conn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.streams, stream)
	for id, c := range l.waiting {
		if c.stream == stream {
			delete(l.waiting, id)
		}
	}
}

// end closes the agent's stream, which is its end, and does not wait long for it.
func (l *link) end() {
	_ = l.stdin.Close()
	select {
	case <-l.ended:
	case <-time.After(2 * time.Second):
		_ = syscall.Kill(-l.cmd.Process.Pid, syscall.SIGKILL)
		<-l.ended
	}
}
