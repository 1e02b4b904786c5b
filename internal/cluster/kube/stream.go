package kube

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/remotecommand"
	"k8s.io/streaming/pkg/httpstream"

	"github.com/cniproof/cniproof/internal/cluster"
	"github.com/cniproof/cniproof/probes"
)

const (
	// agentPath is where the agent's image has it.
	agentPath = "/agent"
	// greeting is how long a fresh stream may take until the agent answers on it.
	greeting = 10 * time.Second
)

// attach opens a stream to the agent of a pod and makes sure that it answers. While
// the API server is away, or the agent starts again, it waits. The options are those of connect:
// without any, the socket is the one of the container's agent.
func (c *Cluster) attach(ctx context.Context, whom, namespace, pod string, options ...string) (io.ReadWriteCloser, error) {
	deadline := time.Now().Add(apiAway)
	for {
		stream, err := c.tryAttach(ctx, namespace, pod, options)
		if err == nil {
			return stream, nil
		}
		final := c.gone(ctx, namespace, pod)
		if final != nil || time.Now().After(deadline) || !pause(ctx, apiRetry) {
			return nil, fmt.Errorf("attaching to the agent of %s: %w", whom, errors.Join(final, err))
		}
	}
}

// gone is why nobody need wait for the agent of a pod, or nil.
func (c *Cluster) gone(ctx context.Context, namespace, name string) error {
	pod, err := c.api.CoreV1().Pods(namespace).Get(ctx, name, metav1.GetOptions{})
	switch {
	case apierrors.IsNotFound(err):
		return errors.New("there is no such pod")
	case apierrors.IsForbidden(err) || apierrors.IsUnauthorized(err):
		return err
	case err == nil && pod.DeletionTimestamp != nil:
		return errors.New("the pod is being deleted")
	}
	return nil
}

func (c *Cluster) tryAttach(ctx context.Context, namespace, pod string, options []string) (io.ReadWriteCloser, error) {
	s, err := c.exec(ctx, namespace, pod, append([]string{agentPath, "connect"}, options...))
	if err != nil {
		return nil, err
	}
	if err := Greet(ctx, s); err != nil {
		return nil, errors.Join(s.failure(), err)
	}
	return s, nil
}

// Greet returns when an agent answers on a fresh control stream. Where none does, the
// stream is closed.
func Greet(ctx context.Context, stream io.ReadWriteCloser) error {
	ctx, cancel := context.WithTimeout(ctx, greeting)
	defer cancel()
	done := context.AfterFunc(ctx, func() { _ = stream.Close() })
	err := probes.WriteFrame(stream, probes.Request{Ping: &probes.Ping{}})
	if err == nil {
		var answer probes.Response
		err = probes.ReadFrame(stream, &answer)
	}
	if !done() { // the stream is closed, or about to be
		return fmt.Errorf("the agent does not answer: %w", context.Cause(ctx))
	}
	if err != nil {
		_ = stream.Close()
		return fmt.Errorf("the agent does not answer: %w", err)
	}
	return nil
}

// exec begins a command in a pod. It lives until its stream is closed, not until ctx ends.
func (c *Cluster) exec(ctx context.Context, namespace, pod string, command []string) (*stream, error) {
	executor, err := c.executor(namespace, pod, command)
	if err != nil {
		return nil, err
	}
	in, stdin := io.Pipe()
	out, stdout := io.Pipe()
	running, cancel := context.WithCancel(context.WithoutCancel(ctx))
	s := &stream{out: out, in: stdin, cancel: cancel, ended: make(chan struct{})}
	go func() {
		defer close(s.ended)
		err := executor.StreamWithContext(running, remotecommand.StreamOptions{Stdin: in, Stdout: stdout, Stderr: &s.stderr})
		s.err = err
		_ = in.CloseWithError(io.ErrClosedPipe)
		if err == nil {
			err = io.EOF
		}
		_ = stdout.CloseWithError(err)
	}()
	return s, nil
}

// executor speaks WebSocket, or SPDY where something on the way cannot do that.
func (c *Cluster) executor(namespace, pod string, command []string) (remotecommand.Executor, error) {
	request := c.api.CoreV1().RESTClient().Post().Resource("pods").Namespace(namespace).Name(pod).SubResource("exec").
		VersionedParams(&corev1.PodExecOptions{Container: cluster.AgentContainer, Command: command, Stdin: true, Stdout: true, Stderr: true}, scheme.ParameterCodec)
	// No patience below a stream: whoever attaches has it.
	config := rest.CopyConfig(c.config.REST)
	spdy, err := remotecommand.NewSPDYExecutor(config, "POST", request.URL())
	if err != nil {
		return nil, fmt.Errorf("preparing a stream: %w", err)
	}
	websocket, err := remotecommand.NewWebSocketExecutor(config, "GET", request.URL().String())
	if err != nil {
		return nil, fmt.Errorf("preparing a stream: %w", err)
	}
	return remotecommand.NewFallbackExecutor(websocket, spdy, func(err error) bool {
		return httpstream.IsUpgradeFailure(err) || httpstream.IsHTTPSProxyError(err)
	})
}

// stream is the stdin and stdout of a command in a pod.
type stream struct {
	out    *io.PipeReader
	in     *io.PipeWriter
	cancel context.CancelFunc
	ended  chan struct{}
	stderr Notes
	err    error // once ended is closed
}

func (s *stream) Read(b []byte) (int, error)  { return s.out.Read(b) }
func (s *stream) Write(b []byte) (int, error) { return s.in.Write(b) }

// Close ends the command; the agent that it led to stays.
func (s *stream) Close() error {
	_ = s.in.Close()
	_ = s.out.Close()
	s.cancel()
	return nil
}

// failure is what the command said at its end, if it has ended.
func (s *stream) failure() error {
	select {
	case <-s.ended:
	default:
		return nil
	}
	if text := strings.TrimSpace(s.stderr.String()); text != "" {
		return errors.New(text)
	}
	return s.err
}

// Notes keeps the beginning of what is written to it.
type Notes struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (n *Notes) Write(b []byte) (int, error) {
	const most = 4 << 10
	n.mu.Lock()
	defer n.mu.Unlock()
	n.b.Write(b[:min(len(b), max(0, most-n.b.Len()))])
	return len(b), nil
}

func (n *Notes) String() string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.b.String()
}
