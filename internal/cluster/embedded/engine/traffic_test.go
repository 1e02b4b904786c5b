package engine

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// serve answers TCP connections and UDP datagrams on a port of a host, by echo.
func (l *lab) serve(name string, number int) {
	l.t.Helper()
	for _, f := range families {
		at := netip.AddrPortFrom(l.hosts[name].addr(f), uint16(number)).String()
		l.must(l.hosts[name].do(func() error {
			tcp, err := net.Listen("tcp", at)
			if err != nil {
				return err
			}
			udp, err := net.ListenPacket("udp", at)
			if err != nil {
				return errors.Join(err, tcp.Close())
			}
			l.t.Cleanup(func() { _, _ = tcp.Close(), udp.Close() })
			go echoTCP(tcp)
			go echoUDP(udp)
			return nil
		}))
	}
}

func echoTCP(listener net.Listener) {
	for {
		c, err := listener.Accept()
		if err != nil {
			return
		}
		go func() {
			_, _ = io.Copy(c, c)
			_ = c.Close()
		}()
	}
}

func echoUDP(c net.PacketConn) {
	buffer := make([]byte, 2000)
	for {
		n, from, err := c.ReadFrom(buffer)
		if err != nil {
			return
		}
		_, _ = c.WriteTo(buffer[:n], from)
	}
}

// A connection that must come is waited for, however busy the machine is. One that
// must not come is waited for as long as it takes on a quiet machine, many times over.
const (
	patience   = 5 * time.Second
	impatience = 150 * time.Millisecond
)

func patienceFor(want bool) time.Duration {
	if want {
		return patience
	}
	return impatience
}

// dial connects, says something and hears it back.
func (l *lab) dial(from, protocol string, to netip.AddrPort, patience time.Duration) (net.Conn, error) {
	var c net.Conn
	err := l.hosts[from].do(func() (err error) {
		c, err = net.DialTimeout(protocol, to.String(), patience)
		return err
	})
	if err != nil {
		return nil, err
	}
	if err := echo(c, patience); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return c, nil
}

func echo(c net.Conn, patience time.Duration) error {
	if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
		return err
	}
	if _, err := c.Write([]byte("hello")); err != nil {
		return err
	}
	_, err := io.ReadFull(c, make([]byte, 5))
	return err
}

// reaches reports whether from gets through to a port of to.
func (l *lab) reaches(from, to, protocol string, f family, number int, patience time.Duration) bool {
	c, err := l.dial(from, protocol, netip.AddrPortFrom(l.hosts[to].addr(f), uint16(number)), patience)
	if err != nil {
		return false
	}
	return c.Close() == nil
}

// reachesFrom is reaches from a port of its own, which is free afterwards.
func (l *lab) reachesFrom(protocol string, port int, from, to string, f family, patience time.Duration) bool {
	var c net.Conn
	var local net.Addr = &net.TCPAddr{Port: port}
	if protocol == "udp" {
		local = &net.UDPAddr{Port: port}
	}
	dialer := net.Dialer{Timeout: patience, LocalAddr: local, Control: func(_, _ string, raw syscall.RawConn) error {
		return raw.Control(func(fd uintptr) {
			linger := &unix.Linger{Onoff: 1}
			l.must(errors.Join(unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEADDR, 1), unix.SetsockoptLinger(int(fd), unix.SOL_SOCKET, unix.SO_LINGER, linger)))
		})
	}}
	err := l.hosts[from].do(func() (err error) {
		c, err = dialer.DialContext(l.t.Context(), protocol, netip.AddrPortFrom(l.hosts[to].addr(f), 80).String())
		return err
	})
	if err != nil {
		return false
	}
	return errors.Join(echo(c, patience), c.Close()) == nil
}

// hears reports whether a datagram from from gets to to, answered or not.
func (l *lab) hears(from, to string, f family, patience time.Duration) bool {
	var server net.PacketConn
	l.must(l.hosts[to].do(func() (err error) {
		server, err = net.ListenPacket("udp", netip.AddrPortFrom(l.hosts[to].addr(f), 0).String())
		return err
	}))
	defer server.Close()
	var client net.Conn
	l.must(l.hosts[from].do(func() (err error) {
		client, err = net.Dial("udp", server.LocalAddr().String())
		return err
	}))
	defer client.Close()
	_, err := client.Write([]byte("hello"))
	l.must(errors.Join(err, server.SetReadDeadline(time.Now().Add(patience))))
	n, _, err := server.ReadFrom(make([]byte, 5))
	return err == nil && n == 5
}

// expect checks "from -> to:port/protocol" lines, over both families, all at once.
func (l *lab) expect(want bool, lines ...string) {
	l.t.Helper()
	var wait sync.WaitGroup
	for _, line := range lines {
		for _, f := range families {
			wait.Go(func() {
				if got := l.line(line, f, patienceFor(want)); got != want {
					l.t.Errorf("%s over family %d: got through: %t, want %t", line, f, got, want)
				}
			})
		}
	}
	wait.Wait()
}

func (l *lab) line(line string, f family, patience time.Duration) bool {
	from, rest, _ := strings.Cut(line, " -> ")
	to, service, _ := strings.Cut(rest, ":")
	number, protocol, _ := strings.Cut(service, "/")
	var n int
	_, _ = fmt.Sscan(number, &n)
	if protocol == "sctp" {
		return l.initiates(from, to, f, n, patience)
	}
	return l.reaches(from, to, protocol, f, n, patience)
}
