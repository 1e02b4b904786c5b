//go:build linux

package probes

import (
	"bytes"
	"errors"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// icmpProtocol sends echo requests from a socket that needs no privilege, where the
// kernel allows it (net.ipv4.ping_group_range). The kernel of whoever has the address
// answers, so that there is nothing to serve, and nobody's identity to be had.
func icmpProtocol() protocol { return protocol{kind: KindICMP, transport: KindICMP, dial: dialICMP} }

// Types of messages. The kernel fills in identifier and checksum.
const (
	icmpEcho, icmpEchoReply      = 8, 0
	icmp6Echo, icmp6EchoReply    = 128, 129
	icmpHeader                   = 8
	icmpProtocol4, icmpProtocol6 = unix.IPPROTO_ICMP, unix.IPPROTO_ICMPV6
)

func dialICMP(try attempt) (string, error) {
	request, answer, number := byte(icmpEcho), byte(icmpEchoReply), icmpProtocol4
	if try.to.Addr().Is6() {
		request, answer, number = icmp6Echo, icmp6EchoReply, icmpProtocol6
	}
	fd, err := unix.Socket(domainOf(try.to.Addr()), unix.SOCK_DGRAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, number)
	if err != nil {
		return "", localf("opening a socket for ICMP: %w", err)
	}
	if err := unix.Connect(fd, sockaddrOf(try.to)); err != nil {
		_ = unix.Close(fd)
		return "", os.NewSyscallError("connect", err)
	}
	s, err := newSocket(fd)
	if err != nil {
		return "", err
	}
	defer s.Close()
	return "", echo(s, try, request, answer)
}

// echo sends the request as often as a UDP probe sends its datagram, until its nonce
// comes back.
func echo(s *socket, try attempt, request, answer byte) error {
	nonce := newGreeting(try.mark)
	message := append(append([]byte{request}, make([]byte, icmpHeader-1)...), nonce...)
	buffer := make([]byte, maxDatagram)
	for i := range datagrams {
		if err := s.write(message); err != nil {
			return err
		}
		deadline := try.begin.Add(try.timeout * time.Duration(i+1) / datagrams)
		_, err := awaitDatagram(s, buffer, deadline, func(b []byte) (string, error) {
			if len(b) < icmpHeader || b[0] != answer || !bytes.Equal(b[icmpHeader:], nonce) {
				return "", errNoAgent
			}
			return "", nil
		})
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			return err
		}
	}
	return os.ErrDeadlineExceeded
}
