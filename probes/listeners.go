//go:build linux

package probes

import (
	"errors"
	"fmt"
	"os"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// backlog is how many connections the kernel may hold ready for accept.
const backlog = 4096

// listener is a socket that hears on every address: of both families, or of IPv4
// alone where the kernel has no IPv6.
type listener struct {
	*socket
	domain int
}

// listen opens a listener of the kind of socket on the port.
func listen(kind int, port uint16, options ...option) (*listener, error) {
	l, err := listenOn(unix.AF_INET6, &unix.SockaddrInet6{Port: int(port)}, kind, append(options, bothFamilies))
	if errors.Is(err, unix.EAFNOSUPPORT) {
		l, err = listenOn(unix.AF_INET, &unix.SockaddrInet4{Port: int(port)}, kind, options)
	}
	return l, err
}

func listenOn(domain int, on unix.Sockaddr, kind int, options []option) (*listener, error) {
	fd, err := unix.Socket(domain, kind|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("opening a socket: %w", err)
	}
	if err := bindAndListen(fd, on, kind, options); err != nil {
		_ = unix.Close(fd)
		return nil, err
	}
	s, err := newSocket(fd)
	if err != nil {
		return nil, err
	}
	return &listener{s, domain}, nil
}

func bindAndListen(fd int, on unix.Sockaddr, kind int, options []option) error {
	for _, o := range options {
		if err := o(fd); err != nil {
			return fmt.Errorf("setting up a socket: %w", err)
		}
	}
	if err := unix.Bind(fd, on); err != nil {
		return fmt.Errorf("binding: %w", err)
	}
	if kind != unix.SOCK_STREAM {
		return nil
	}
	if err := unix.Listen(fd, backlog); err != nil {
		return fmt.Errorf("listening: %w", err)
	}
	return nil
}

func bothFamilies(fd int) error {
	return unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, 0)
}

// roomyBuffer lets as many datagrams wait as the kernel permits: several agents may
// send a batch at once, and a datagram dropped here costs the flow a third of its
// time-out.
func roomyBuffer(fd int) error {
	return unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, 4<<20)
}

// tellDestination makes receive tell the address to which a datagram was sent.
func tellDestination(fd int) error {
	domain, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_DOMAIN)
	if err != nil {
		return err
	}
	if domain == unix.AF_INET6 {
		return unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_RECVPKTINFO, 1)
	}
	return unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_PKTINFO, 1)
}

// accept waits for a connection. An error that errors.As a localError ends the listener.
func (l *listener) accept() (int, error) {
	var fd int
	var state error
	err := l.raw.Read(func(listening uintptr) bool {
		fd, state = retry(func() (int, error) {
			fd, _, err := unix.Accept4(int(listening), unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC)
			return fd, err
		})
		return !errors.Is(state, unix.EAGAIN)
	})
	if err != nil {
		return 0, localError{err}
	}
	return fd, os.NewSyscallError("accept", state)
}

// message is a received datagram: its bytes, who sent it and the control message
// that makes a reply leave from the address to which it was sent.
type message struct {
	data []byte
	from unix.Sockaddr
	back []byte
}

// receive waits for a datagram. An error that errors.As a localError ends the listener.
func (l *listener) receive(buffer []byte) (message, error) {
	var control [128]byte
	var m message
	var state error
	err := l.raw.Read(func(fd uintptr) bool {
		var n, controls int
		n, state = retry(func() (n int, err error) {
			n, controls, _, m.from, err = unix.Recvmsg(int(fd), buffer, control[:], 0)
			return n, err
		})
		if state == nil {
			m.data, m.back = buffer[:n], backFrom(control[:controls])
		}
		return !errors.Is(state, unix.EAGAIN)
	})
	if err != nil {
		return message{}, localError{err}
	}
	return m, os.NewSyscallError("recvmsg", state)
}

// backFrom makes the control message of a reply from those of the request. Without
// one the kernel chooses the source address.
func backFrom(control []byte) []byte {
	messages, err := unix.ParseSocketControlMessage(control)
	if err != nil {
		return nil
	}
	for _, m := range messages {
		switch {
		case m.Header.Type == unix.IPV6_PKTINFO && m.Header.Level == unix.IPPROTO_IPV6 && len(m.Data) >= unix.SizeofInet6Pktinfo:
			info := *(*unix.Inet6Pktinfo)(unsafe.Pointer(&m.Data[0]))
			return unix.PktInfo6(&unix.Inet6Pktinfo{Addr: info.Addr})
		case m.Header.Type == unix.IP_PKTINFO && m.Header.Level == unix.IPPROTO_IP && len(m.Data) >= unix.SizeofInet4Pktinfo:
			info := *(*unix.Inet4Pktinfo)(unsafe.Pointer(&m.Data[0]))
			return unix.PktInfo4(&unix.Inet4Pktinfo{Spec_dst: info.Spec_dst})
		}
	}
	return nil
}

// reply sends a datagram back. One that cannot be sent is a lost one.
func (l *listener) reply(to message, data []byte) {
	_ = l.raw.Control(func(fd uintptr) {
		_ = unix.Sendmsg(int(fd), data, to.back, to.from, unix.MSG_DONTWAIT)
	})
}

// ended reports whether the listener is of no use after err. After any other
// error it waits a moment, so that a lasting shortage does not burn the CPU.
func ended(err error) bool {
	var local localError
	if errors.As(err, &local) {
		return true
	}
	<-time.After(10 * time.Millisecond)
	return false
}
