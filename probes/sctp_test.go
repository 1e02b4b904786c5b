//go:build linux

package probes

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"net/netip"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/cniproof/cniproof/internal/flow"
)

// TestChecksum holds the checksum against the check value of CRC-32/ISCSI, and
// against the packet as RFC 9260 wants it.
func TestChecksum(t *testing.T) {
	if got := crc32.Checksum([]byte("123456789"), crc32.MakeTable(crc32.Castagnoli)); got != 0xe3069283 {
		t.Errorf("CRC32c %#x", got)
	}
	b := newInit(1, 2, newGreeting(1))
	want := binary.LittleEndian.Uint32(b[8:])
	copy(b[8:], []byte{0, 0, 0, 0})
	if got := crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli)); got != want {
		t.Errorf("checksum %#x, want %#x", want, got)
	}
}

func TestSCTPPackets(t *testing.T) {
	greeting := newGreeting(1)
	request, ok := parseSCTP(newInit(40000, 80, greeting))
	if !ok || request.chunk != chunkInit || request.from != 40000 || request.to != 80 || request.tag != 0 ||
		request.initTag != tagOf(greeting) || !bytes.Equal(request.payload, greeting) {
		t.Errorf("INIT %+v", request)
	}
	for _, identity := range []string{"a", "ab", "abc", "abcd", "ns/pod"} {
		answer, ok := parseSCTP(initAckTo(request, identity))
		if !ok || answer.chunk != chunkInitAck || answer.from != 80 || answer.to != 40000 || answer.tag != request.initTag || answer.initTag == 0 {
			t.Errorf("INIT ACK %+v", answer)
		}
		if got, err := identityIn(answer.payload, greeting); err != nil || got != identity {
			t.Errorf("identity %q, %v", got, err)
		}
	}
	abort, ok := parseSCTP(abortTo(request))
	if !ok || abort.chunk != chunkAbort || abort.tag != request.initTag || abort.to != 40000 {
		t.Errorf("ABORT %+v", abort)
	}
}

// TestDamagedSCTP flips every bit in turn.
func TestDamagedSCTP(t *testing.T) {
	good := newInit(40000, 80, newGreeting(1))
	for i := range len(good) * 8 {
		bad := bytes.Clone(good)
		bad[i/8] ^= 1 << (i % 8)
		if _, ok := parseSCTP(bad); ok {
			t.Errorf("a packet with bit %d flipped was taken", i)
		}
	}
	for n := range good {
		if _, ok := parseSCTP(good[:n]); ok {
			t.Errorf("the first %d bytes were taken", n)
		}
	}
}

// rawPeer is somebody else on loopback who speaks raw SCTP.
func rawPeer(t *testing.T, to string) (send func([]byte), receive func() (sctpPacket, bool)) {
	t.Helper()
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.IPPROTO_SCTP)
	if err != nil {
		t.Skipf("no raw socket: %v", err)
	}
	t.Cleanup(func() { _ = unix.Close(fd) })
	if err := unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Usec: 200000}); err != nil {
		t.Fatal(err)
	}
	address := sockaddrOf(netip.AddrPortFrom(netip.MustParseAddr(to), 0))
	send = func(b []byte) {
		if err := unix.Sendto(fd, b, 0, address); err != nil {
			t.Fatal(err)
		}
	}
	receive = func() (sctpPacket, bool) {
		b := make([]byte, 4096)
		n, _, err := unix.Recvfrom(fd, b, 0)
		if err != nil || n < 20 {
			return sctpPacket{}, false
		}
		return parseSCTP(b[20:n])
	}
	return send, receive
}

// TestForeignSCTP checks that the agent leaves SCTP alone that is not a probe's.
func TestForeignSCTP(t *testing.T) {
	c := startAgent(t, "a")
	serve(t, c, Port{KindSCTP, 7400})
	send, receive := rawPeer(t, "127.0.0.1")
	for _, port := range []uint16{7400, 7401} {
		send(sctpPacket{from: 5000, to: port, chunk: chunkInit, initTag: 7}.encode())
		send(sctpPacket{from: 5000, to: port, chunk: chunkInit, initTag: 7, payload: []byte("other")}.encode())
		send(sctpPacket{from: 5000, to: port, chunk: chunkAbort, tag: 7}.encode())
	}
	for {
		p, ok := receive()
		if !ok {
			break
		}
		if p.to == 5000 {
			t.Errorf("the agent answered %+v", p)
		}
	}
}

// TestKernelAbortsFirst checks that an ABORT, such as a kernel's own SCTP sends for
// a port that it does not know, does not hide the INIT ACK behind it.
func TestKernelAbortsFirst(t *testing.T) {
	c := startAgent(t, "a")
	send, receive := rawPeer(t, "127.0.0.1")
	played := make(chan struct{})
	defer func() { <-played }()
	go func() {
		defer close(played)
		for {
			p, ok := receive()
			if !ok {
				return
			}
			if p.chunk == chunkInit && p.to == 7402 {
				answer := bytes.Clone(p.payload)
				send(abortTo(p))
				wrong := p
				wrong.initTag++
				send(initAckTo(wrong, "wrong tag"))
				liar := p
				liar.payload = newGreeting(1)
				send(initAckTo(liar, "wrong greeting"))
				p.payload = answer
				send(initAckTo(p, "truth"))
			}
		}
	}()
	if r := probe(t, c, KindSCTP, "127.0.0.1:7402"); r.Outcome != flow.Connected || r.Peer != "truth" {
		t.Errorf("%+v", r)
	}
}

// TestAbortAfterwards checks that the client ends what it began.
func TestAbortAfterwards(t *testing.T) {
	c := startAgent(t, "a")
	serve(t, c, Port{KindSCTP, 7403})
	_, receive := rawPeer(t, "127.0.0.1")
	if r := probe(t, c, KindSCTP, "127.0.0.1:7403"); r.Outcome != flow.Connected {
		t.Fatalf("%+v", r)
	}
	var tag uint32
	for {
		p, ok := receive()
		if !ok {
			break
		}
		if p.chunk == chunkInitAck {
			tag = p.initTag
		}
		if p.chunk == chunkAbort && p.to == 7403 && p.tag == tag && tag != 0 {
			return
		}
	}
	t.Error("no ABORT with the server's tag was seen")
}

// TestNoRawSocket checks that without the capability SCTP is never a verdict.
func TestNoRawSocket(t *testing.T) {
	bare := &Agent{identity: "a", serving: newServing(), clients: newClients(1), sources: newSourcePorts(time.Now)}
	bare.raw.noV4 = localf("opening a raw socket (the agent lacks CAP_NET_RAW): %w", unix.EPERM)
	bare.raw.noV6 = bare.raw.noV4
	for _, to := range []string{"127.0.0.1:80", "[::1]:80"} {
		r := bare.probe(t.Context(), &Probe{Kind: KindSCTP, Address: netip.MustParseAddrPort(to), Timeouts: []time.Duration{time.Second}}, time.Now())
		if r.Outcome != flow.Failed || !strings.Contains(r.Detail, "CAP_NET_RAW") {
			t.Errorf("%+v", r)
		}
	}
	if err := bare.serving.start(bare, []Port{{KindSCTP, 80}}); err == nil || !strings.Contains(err.Error(), "CAP_NET_RAW") {
		t.Errorf("error %v", err)
	}
}
