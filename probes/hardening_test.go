//go:build linux

package probes

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/cniproof/cniproof/internal/flow"
)

// hold opens connections that say nothing.
func hold(t *testing.T, to string, count int) {
	t.Helper()
	for range count {
		c, err := net.Dial("tcp", to)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
	}
}

// TestHalfOpenClients checks that clients which hang never keep a good one out,
// however many they are.
func TestHalfOpenClients(t *testing.T) {
	a, err := NewAgent("a")
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	a.clients.most = 50
	if err := a.serving.start(a, []Port{{KindTCP, 7600}}); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		hold(t, "127.0.0.1:7600", 100)
		p := Probe{Kind: KindTCP, Address: netip.MustParseAddrPort("127.0.0.1:7600"), Timeouts: []time.Duration{4 * time.Second}}
		if r := a.probe(t.Context(), &p, time.Now()); r.Outcome != flow.Connected {
			t.Errorf("%+v", r)
		}
	}
	a.clients.mu.Lock()
	held := len(a.clients.at)
	a.clients.mu.Unlock()
	if held > a.clients.most {
		t.Errorf("%d connections are held, at most %d may be", held, a.clients.most)
	}
}

// TestGarbage sends garbage to every server, all the time, while good probes go on.
func TestGarbage(t *testing.T) {
	c := startAgent(t, "a")
	serve(t, c, everyKind(7601)...)
	stop := make(chan struct{})
	var group sync.WaitGroup
	garbage := func() []byte {
		b := make([]byte, rand.IntN(3000))
		for i := range b {
			b[i] = byte(rand.Uint32())
		}
		if rand.IntN(2) == 0 {
			b = append(newGreeting(1)[:rand.IntN(greetSize+1)], b...)
		}
		return b
	}
	send, _ := rawPeer(t, "127.0.0.1")
	for _, throw := range []func(){
		func() {
			if s, err := net.Dial("tcp", "127.0.0.1:7601"); err == nil {
				_, _ = s.Write(garbage())
				_ = s.Close()
			}
		},
		func() {
			if s, err := net.Dial("udp", "[::1]:7601"); err == nil {
				_, _ = s.Write(garbage())
				_, _ = s.Write(nil)
				_ = s.Close()
			}
		},
		func() {
			good := newInit(1, 7601, newGreeting(1))
			good[rand.IntN(len(good))]++
			send(good[:1+rand.IntN(len(good))])
		},
	} {
		group.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					throw()
				}
			}
		})
	}
	for range 10 {
		for _, kind := range served() {
			if r := probe(t, c, kind, "127.0.0.1:7601", 2*time.Second); r.Outcome != flow.Connected {
				t.Errorf("%s: %+v", kind, r)
			}
		}
	}
	close(stop)
	group.Wait()
}

// TestNoTimeWait checks that neither side leaves connections in TIME_WAIT.
func TestNoTimeWait(t *testing.T) {
	c := startAgent(t, "a")
	serve(t, c, Port{KindTCP, 7602})
	for range 50 {
		if r := probe(t, c, KindTCP, "127.0.0.1:7602"); r.Outcome != flow.Connected {
			t.Fatalf("%+v", r)
		}
	}
	table, err := os.ReadFile("/proc/net/tcp")
	if err != nil {
		t.Skip(err)
	}
	const timeWait = " 06 "
	for line := range bytes.Lines(table) {
		if bytes.Contains(line, []byte(fmt.Sprintf(":%04X ", 7602))) && bytes.Contains(line, []byte(timeWait)) {
			t.Errorf("left behind: %s", line)
		}
	}
}

// FuzzTCPServer sends bytes to the server's half of one connection. Only a
// greeting is answered, and the server always ends.
func FuzzTCPServer(f *testing.F) {
	f.Add(newGreeting(1))
	f.Add(append(newGreeting(1), 0))
	f.Add([]byte("GET / HTTP/1.1\r\n\r\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) > 64<<10 {
			return // would fill the socket pair's buffer
		}
		a := &Agent{identity: "a", clients: newClients(1)}
		pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_NONBLOCK, 0)
		if err != nil {
			t.Fatal(err)
		}
		client := os.NewFile(uintptr(pair[0]), "client")
		defer client.Close()
		server, err := newSocket(pair[1])
		if err != nil {
			t.Fatal(err)
		}
		if _, err := client.Write(b); err != nil {
			t.Fatal(err)
		}
		if err := unix.Shutdown(pair[0], unix.SHUT_WR); err != nil {
			t.Fatal(err)
		}
		a.greetTCP(server)
		got := make([]byte, 2*answerSize)
		n, _ := client.Read(got)
		if len(b) >= greetSize && isGreeting(b[:greetSize]) {
			if !bytes.Equal(got[:n], answerTo(b[:greetSize], "a")) {
				t.Errorf("the answer is %q", got[:n])
			}
		} else if n > 0 {
			t.Errorf("%q was answered with %q", b, got[:n])
		}
	})
}

// FuzzUDPServer feeds datagrams to the server.
func FuzzUDPServer(f *testing.F) {
	f.Add(newGreeting(1))
	f.Add(padded(newGreeting(1), 100))
	f.Add(append(padded(newGreeting(1), 100), 0))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		a := &Agent{identity: "a"}
		answer := a.answerUDP(b)
		greets := len(b) >= greetSize && bytes.HasPrefix(b, []byte(magic))
		if answer != nil && !(greets && bytes.Equal(b, padded(b[:greetSize], len(b)))) || answer == nil && greets && len(b) == greetSize {
			t.Errorf("%q was answered with %q", b, answer)
		}
	})
}

// FuzzSCTPServer feeds packets to the server, with the right checksum put in.
// Whatever it answers must itself be a good packet that answers this one.
func FuzzSCTPServer(f *testing.F) {
	greeting := newGreeting(1)
	request := sctpPacket{from: 1, to: 80, chunk: chunkInit, initTag: tagOf(greeting), payload: greeting}
	f.Add(request.encode())
	f.Add(initAckTo(request, "b"))
	f.Add(abortTo(request))
	a := &Agent{identity: "a", serving: newServing()}
	a.serving.up[Port{KindSCTP, 80}] = servedSCTP{}
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) >= sctpHeader {
			sum := sctpChecksum(b)
			b = bytes.Clone(b)
			b[8], b[9], b[10], b[11] = byte(sum), byte(sum>>8), byte(sum>>16), byte(sum>>24)
		}
		p, ok := parseSCTP(b)
		if !ok {
			return
		}
		answer := a.answerSCTP(p)
		if answer == nil {
			return
		}
		back, ok := parseSCTP(answer)
		if !ok || back.tag != p.initTag || back.from != p.to || back.to != p.from || back.chunk == chunkInit {
			t.Errorf("%+v was answered with %+v", p, back)
		}
	})
}
