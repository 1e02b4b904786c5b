//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"github.com/cniproof/cniproof/probes"
)

// An abstract unix socket belongs to the network namespace and needs no file
// system. Only processes of the agent's own user, and root, may use it.

func abstract(name string) unix.Sockaddr { return &unix.SockaddrUnix{Name: "@" + name} }

// serveSocket serves every control stream that comes, until ctx ends.
func serveSocket(ctx context.Context, agent *probes.Agent, name string) error {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("opening the control socket: %w", err)
	}
	if err := unix.Bind(fd, abstract(name)); err != nil {
		return fmt.Errorf("binding the control socket %q: %w", "@"+name, err)
	}
	if err := unix.Listen(fd, 16); err != nil {
		return fmt.Errorf("listening on the control socket %q: %w", "@"+name, err)
	}
	failed := make(chan error, 1)
	go func() { failed <- accept(ctx, agent, fd) }()
	select {
	case err := <-failed:
		return err
	case <-agent.Ended():
		return nil
	case <-ctx.Done():
		return nil
	}
}

func accept(ctx context.Context, agent *probes.Agent, listening int) error {
	for {
		fd, _, err := unix.Accept4(listening, unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK)
		if errors.Is(err, unix.EINTR) || errors.Is(err, unix.ECONNABORTED) {
			continue
		}
		if err != nil {
			return fmt.Errorf("accepting a control stream: %w", err)
		}
		stream := os.NewFile(uintptr(fd), "control")
		if !ownUser(fd) {
			_ = stream.Close()
			continue
		}
		go func() {
			defer stream.Close()
			if err := agent.Control(ctx, stream); err != nil {
				fmt.Fprintln(os.Stderr, "agent:", err)
			}
		}()
	}
}

func ownUser(fd int) bool {
	peer, err := unix.GetsockoptUcred(fd, unix.SOL_SOCKET, unix.SO_PEERCRED)
	return err == nil && (int(peer.Uid) == os.Geteuid() || peer.Uid == 0)
}

func dialAgent(name string) (*os.File, error) {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("opening a control stream: %w", err)
	}
	if err := unix.Connect(fd, abstract(name)); err != nil {
		_ = unix.Close(fd)
		return nil, fmt.Errorf("connecting to the agent on %q: %w", "@"+name, err)
	}
	if err := unix.SetNonblock(fd, true); err != nil {
		_ = unix.Close(fd)
		return nil, fmt.Errorf("opening a control stream: %w", err)
	}
	return os.NewFile(uintptr(fd), "control"), nil
}
