//go:build linux

package probes

import (
	"errors"
	"net/netip"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// socket is a non-blocking socket that the runtime's poller watches. Package net
// is not used: probes need source ports, socket options and errors that it hides,
// and the agent is smaller without it.
type socket struct {
	file *os.File
	raw  syscall.RawConn
}

// newSocket takes over fd, also when it fails.
func newSocket(fd int) (*socket, error) {
	file := os.NewFile(uintptr(fd), "socket")
	raw, err := file.SyscallConn()
	if err != nil {
		_ = file.Close()
		return nil, localf("watching a socket: %w", err)
	}
	return &socket{file, raw}, nil
}

func (s *socket) Close() error { return s.file.Close() }

// dial opens a socket, binds it to the source port and connects it; a TCP
// connection is then under way.
func dial(kind int, from uint16, to netip.AddrPort, options ...option) (*socket, error) {
	fd, err := unix.Socket(domainOf(to.Addr()), kind|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, localf("opening a socket: %w", err)
	}
	if err := bindAndConnect(fd, from, to, options); err != nil {
		_ = unix.Close(fd)
		return nil, err
	}
	return newSocket(fd)
}

func bindAndConnect(fd int, from uint16, to netip.AddrPort, options []option) error {
	for _, o := range options {
		if err := o(fd); err != nil {
			return localf("setting up a socket: %w", err)
		}
	}
	if err := unix.Bind(fd, wildcard(to.Addr(), from)); err != nil {
		return localf("binding source port %d: %w", from, err)
	}
	err := unix.Connect(fd, sockaddrOf(to))
	switch {
	case err == nil, errors.Is(err, unix.EINPROGRESS):
		return nil
	case isBusy(err):
		return localf("connecting from port %d: %w", from, err)
	default:
		return os.NewSyscallError("connect", err)
	}
}

// option sets an option of a socket.
type option func(fd int) error

func reuseAddress(fd int) error { return unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1) }

// closeHard makes a close send a RST, so that no TIME_WAIT stays.
func closeHard(fd int) error {
	return unix.SetsockoptLinger(fd, unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1})
}

// allErrors reports ICMP errors that Linux takes for passing ones, too.
func allErrors(fd int) error {
	domain, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_DOMAIN)
	if err != nil {
		return err
	}
	if domain == unix.AF_INET6 {
		return unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_RECVERR, 1)
	}
	return unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_RECVERR, 1)
}

// awaitConnect waits until the connection stands. A connection that came in time
// counts even if this process slept through the deadline.
func (s *socket) awaitConnect(deadline time.Time) error {
	if err := s.file.SetDeadline(deadline); err != nil {
		return localf("setting a deadline: %w", err)
	}
	var state error
	err := s.raw.Write(func(fd uintptr) bool {
		state = connectState(int(fd))
		return !errors.Is(state, unix.EINPROGRESS)
	})
	if err == nil {
		return os.NewSyscallError("connect", state)
	}
	return s.late(err, connectState, unix.EINPROGRESS)
}

// connectState is nil once fd is connected and EINPROGRESS before.
func connectState(fd int) error {
	errno, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_ERROR)
	if err != nil {
		return err
	}
	if errno != 0 {
		return unix.Errno(errno)
	}
	if _, err := unix.Getpeername(fd); err != nil {
		return unix.EINPROGRESS
	}
	return nil
}

// late tries once more without waiting after the wait ended with err. If there is
// still nothing (errno notYet), err stands.
func (s *socket) late(err error, try func(fd int) error, notYet unix.Errno) error {
	if !errors.Is(err, os.ErrDeadlineExceeded) {
		return localError{err}
	}
	var state error
	if controlErr := s.raw.Control(func(fd uintptr) { state = try(int(fd)) }); controlErr != nil {
		return localError{controlErr}
	}
	if errors.Is(state, notYet) {
		return err
	}
	return state
}

// read reads once, waiting until the deadline. No bytes and no error: the end of
// a stream, or an empty datagram.
func (s *socket) read(b []byte, deadline time.Time) (int, error) {
	var n int
	once := func(fd int) (err error) {
		n, err = retry(func() (int, error) { return unix.Read(fd, b) })
		return err
	}
	if err := s.file.SetReadDeadline(deadline); err != nil {
		return 0, localf("setting a deadline: %w", err)
	}
	var state error
	err := s.raw.Read(func(fd uintptr) bool {
		state = once(int(fd))
		return !errors.Is(state, unix.EAGAIN)
	})
	if err != nil {
		state = s.late(err, once, unix.EAGAIN)
	}
	return max(n, 0), os.NewSyscallError("read", state)
}

// fill reads until b is full, and reports whether it is by the deadline.
func (s *socket) fill(b []byte, deadline time.Time) bool {
	for have := 0; have < len(b); {
		n, err := s.read(b[have:], deadline)
		if err != nil || n == 0 {
			return false
		}
		have += n
	}
	return true
}

// writeAll writes what need not fit into the send buffer, until the deadline.
func (s *socket) writeAll(b []byte, deadline time.Time) error {
	if err := s.file.SetWriteDeadline(deadline); err != nil {
		return localf("setting a deadline: %w", err)
	}
	_, err := s.file.Write(b)
	return err
}

// write writes a message that fits into an empty send buffer.
func (s *socket) write(b []byte) error {
	var state error
	err := s.raw.Control(func(fd uintptr) {
		_, state = retry(func() (int, error) { return unix.Write(int(fd), b) })
	})
	if err != nil {
		return localError{err}
	}
	return os.NewSyscallError("write", state)
}

// retry repeats a system call that a signal interrupted.
func retry[T any](call func() (T, error)) (T, error) {
	for {
		v, err := call()
		if !errors.Is(err, unix.EINTR) {
			return v, err
		}
	}
}

func domainOf(a netip.Addr) int {
	if a.Is4() {
		return unix.AF_INET
	}
	return unix.AF_INET6
}

func wildcard(like netip.Addr, port uint16) unix.Sockaddr {
	if like.Is4() {
		return &unix.SockaddrInet4{Port: int(port)}
	}
	return &unix.SockaddrInet6{Port: int(port)}
}

func sockaddrOf(a netip.AddrPort) unix.Sockaddr {
	if a.Addr().Is4() {
		return &unix.SockaddrInet4{Addr: a.Addr().As4(), Port: int(a.Port())}
	}
	return &unix.SockaddrInet6{Addr: a.Addr().As16(), Port: int(a.Port())}
}
