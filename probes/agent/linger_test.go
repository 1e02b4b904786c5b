//go:build linux

package main

import (
	"os"
	"syscall"
	"testing"
)

// TestLinger sends a signal that an agent which lingers does not obey, and one that it does.
func TestLinger(t *testing.T) {
	const socket = "cniproof-test-linger"
	agent := start(t, nil, "--identity", "a", "--control", "socket", "--socket", socket, "--linger")
	awaitReady(t, agent, "socket", socket)
	stream := start(t, nil, "connect", "--socket", socket)
	stream.identity(t)
	for _, s := range []os.Signal{syscall.SIGTERM, syscall.SIGTERM, syscall.SIGINT} {
		if _, err := stream.Ping(t.Context()); err != nil {
			t.Errorf("before %v: %v; stderr: %s", s, err, agent.stderr)
		}
		if err := agent.cmd.Process.Signal(s); err != nil {
			t.Fatal(err)
		}
	}
	if err := agent.end(t); err != nil {
		t.Errorf("it ended with %v", err)
	}
}
