//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/cniproof/cniproof/probes"
)

// What a person, or a script, asks of a running agent by one command: to serve
// ports, or to try one connection. The agent that runs does it, so that neither
// needs a privilege of its own.

// asking is how long the agent may take to answer anything but a probe.
const asking = 10 * time.Second

// ask calls the agent that listens on the socket.
func ask(socket string, do func(*probes.Client) error) error {
	stream, err := dialAgent(socket)
	if err != nil {
		return err
	}
	client := probes.NewClient(stream)
	return errors.Join(do(client), client.Close())
}

// listen has the agent serve ports such as "tcp/80".
func listen(ctx context.Context, socket string, words []string) error {
	var ports []probes.Port
	var problems []error
	for _, w := range words {
		p, err := parsePort(w)
		if err != nil {
			problems = append(problems, err)
		}
		ports = append(ports, p)
	}
	if len(words) == 0 {
		problems = append(problems, errors.New("listen: which ports? name them as KIND/NUMBER, such as tcp/80"))
	}
	if err := errors.Join(problems...); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, asking)
	defer cancel()
	return ask(socket, func(c *probes.Client) error { return c.Serve(ctx, ports) })
}

// parsePort reads a port such as "tcp/80".
func parsePort(word string) (probes.Port, error) {
	kind, number, _ := strings.Cut(word, "/")
	n, err := strconv.ParseUint(number, 10, 16)
	if err != nil {
		return probes.Port{}, fmt.Errorf("reading the port %q: it is not KIND/NUMBER, such as tcp/80", word)
	}
	return probes.Port{Kind: probes.Kind(kind), Number: uint16(n)}, nil
}

// probeFlags are how a connection is tried.
type probeFlags struct {
	attempts int
	timeout  time.Duration
	query    string
}

// probe has the agent try KIND://ADDRESS:PORT and prints the outcome's word, and
// behind a blank who answered or what went wrong. Every outcome is a success of the
// command: its exit code says only whether there is one.
func probe(ctx context.Context, out io.Writer, socket string, f probeFlags, targets []string) error {
	if len(targets) != 1 {
		return errors.New("probe: one target, please, as KIND://ADDRESS:PORT, such as tcp://10.1.2.3:80")
	}
	p, err := parseTarget(targets[0])
	if err != nil {
		return err
	}
	p.Query = f.query
	for range f.attempts {
		p.Timeouts = append(p.Timeouts, f.timeout)
	}
	ctx, cancel := context.WithTimeout(ctx, asking+2*time.Duration(f.attempts)*f.timeout)
	defer cancel()
	return ask(socket, func(c *probes.Client) error {
		results, err := c.Probe(ctx, []probes.Probe{p})
		if err != nil {
			return err
		}
		_, err = fmt.Fprintln(out, strings.TrimSpace(results[0].Outcome.String()+" "+results[0].Peer+results[0].Detail))
		return err
	})
}
