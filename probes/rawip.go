//go:build linux

package probes

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"sync"
	"unsafe"

	"golang.org/x/sys/unix"
)

// rawIP sends and receives whole SCTP packets over one IP family: the kernel's own
// SCTP may be missing.
//
// It has two sockets. The errors that the sending one reports are those of the
// packet at hand; ICMP errors about other packets go to the receiving one.
type rawIP struct {
	domain  int
	in, out *socket

	mu      sync.Mutex
	waiting map[rawFlow]chan rawEvent
}

// rawFlow names an attempt by what every packet and error about it carries.
type rawFlow struct {
	peer netip.AddrPort
	own  uint16
}

// rawEvent is a packet or an ICMP error that concerns an attempt.
type rawEvent struct {
	packet sctpPacket
	err    error
}

// openRawIP needs CAP_NET_RAW in the user namespace that owns the network namespace.
func openRawIP(domain int) (*rawIP, error) {
	out, err := openRawSocket(domain, roomyBuffer, deaf)
	if err != nil {
		return nil, err
	}
	in, err := openRawSocket(domain, roomyBuffer, tellDestination, allErrors)
	if err != nil {
		_ = out.Close()
		return nil, err
	}
	return &rawIP{domain: domain, in: in, out: out, waiting: map[rawFlow]chan rawEvent{}}, nil
}

func openRawSocket(domain int, options ...option) (*socket, error) {
	fd, err := unix.Socket(domain, unix.SOCK_RAW|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, unix.IPPROTO_SCTP)
	if errors.Is(err, unix.EPERM) {
		return nil, localf("opening a raw socket (the agent lacks CAP_NET_RAW): %w", err)
	}
	if err != nil {
		return nil, localf("opening a raw socket: %w", err)
	}
	for _, o := range options {
		if err := o(fd); err != nil {
			_ = unix.Close(fd)
			return nil, localf("setting up a raw socket: %w", err)
		}
	}
	return newSocket(fd)
}

// deaf makes a socket receive nothing.
func deaf(fd int) error {
	drop := unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K}
	return unix.SetsockoptSockFprog(fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, &unix.SockFprog{Len: 1, Filter: &drop})
}

func (r *rawIP) close() {
	_ = r.in.Close()
	_ = r.out.Close()
}

// send sends a packet; back is the control message that sets its source address,
// or empty.
func (r *rawIP) send(packet []byte, to netip.Addr, back []byte) error {
	var state error
	err := r.out.raw.Control(func(fd uintptr) {
		_, state = retry(func() (int, error) {
			return 0, unix.Sendmsg(int(fd), packet, back, sockaddrOf(netip.AddrPortFrom(to, 0)), 0)
		})
	})
	if err != nil {
		return localError{err}
	}
	return os.NewSyscallError("sendmsg", state)
}

// expect opens the mailbox of an attempt, until forget.
func (r *rawIP) expect(f rawFlow) chan rawEvent {
	r.mu.Lock()
	defer r.mu.Unlock()
	mailbox := make(chan rawEvent, 8)
	r.waiting[f] = mailbox
	return mailbox
}

func (r *rawIP) forget(f rawFlow) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.waiting, f)
}

// deliver puts an event into the mailbox of its attempt, if there is one and it has room.
func (r *rawIP) deliver(f rawFlow, e rawEvent) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if mailbox := r.waiting[f]; mailbox != nil {
		select {
		case mailbox <- e:
		default:
		}
	}
}

// receive hands every packet to handle and every ICMP error to the attempt that
// it concerns, until the sockets are closed.
func (r *rawIP) receive(handle func(data []byte, from netip.Addr, back []byte)) {
	var buffer [maxDatagram]byte
	var control [512]byte
	for {
		err := r.in.raw.Read(func(fd uintptr) bool {
			n, controls, _, from, err := unix.Recvmsg(int(fd), buffer[:], control[:], 0)
			if err == nil {
				if data := r.payload(buffer[:n]); data != nil {
					handle(data, addrOf(from), backFrom(control[:controls]))
				}
				return true
			}
			r.receiveErrors(int(fd), buffer[:], control[:])
			return !errors.Is(err, unix.EAGAIN)
		})
		// Only a closed socket ends this: the ports that are served must not go silent.
		if err != nil && r.in.raw.Control(func(uintptr) {}) != nil {
			return
		}
	}
}

// payload strips the IPv4 header, which raw sockets show for IPv4 only.
func (r *rawIP) payload(b []byte) []byte {
	if r.domain == unix.AF_INET6 {
		return b
	}
	if len(b) == 0 {
		return nil
	}
	header := int(b[0]&0x0f) * 4
	if header < 20 || header > len(b) {
		return nil
	}
	return b[header:]
}

// receiveErrors empties the socket's error queue.
func (r *rawIP) receiveErrors(fd int, buffer, control []byte) {
	for {
		n, controls, _, to, err := unix.Recvmsg(fd, buffer, control, unix.MSG_ERRQUEUE)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return
		}
		// What comes back is at least the first eight bytes of the packet: its ports.
		if errno := extendedError(control[:controls]); errno != 0 && n >= 8 {
			from, port := be16(buffer), be16(buffer[2:])
			f := rawFlow{netip.AddrPortFrom(addrOf(to), port), from}
			r.deliver(f, rawEvent{err: fmt.Errorf("an ICMP error came back: %w", errno)})
		}
	}
}

// extendedError is the errno of the ICMP error in control messages, or 0. Too large
// a packet is none of a probe's errors.
func extendedError(control []byte) unix.Errno {
	messages, err := unix.ParseSocketControlMessage(control)
	if err != nil {
		return 0
	}
	for _, m := range messages {
		v4 := m.Header.Level == unix.IPPROTO_IP && m.Header.Type == unix.IP_RECVERR
		v6 := m.Header.Level == unix.IPPROTO_IPV6 && m.Header.Type == unix.IPV6_RECVERR
		if (!v4 && !v6) || len(m.Data) < int(unsafe.Sizeof(unix.SockExtendedErr{})) {
			continue
		}
		e := (*unix.SockExtendedErr)(unsafe.Pointer(&m.Data[0]))
		icmp := e.Origin == unix.SO_EE_ORIGIN_ICMP || e.Origin == unix.SO_EE_ORIGIN_ICMP6
		if errno := unix.Errno(e.Errno); icmp && errno != unix.EMSGSIZE {
			return errno
		}
	}
	return 0
}

func be16(b []byte) uint16 { return uint16(b[0])<<8 | uint16(b[1]) }

func addrOf(s unix.Sockaddr) netip.Addr {
	switch s := s.(type) {
	case *unix.SockaddrInet4:
		return netip.AddrFrom4(s.Addr)
	case *unix.SockaddrInet6:
		return netip.AddrFrom16(s.Addr)
	}
	return netip.Addr{}
}
