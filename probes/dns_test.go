//go:build linux

package probes

import (
	"encoding/binary"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"github.com/cniproof/cniproof/internal/flow"
)

// dnsReplies are a server's replies to one query, in order.
type dnsReplies func(m dnsmessage.Message) []dnsmessage.Message

// dnsServer runs the replies over UDP and TCP and returns both addresses.
func dnsServer(t *testing.T, replies dnsReplies) map[Kind]string {
	t.Helper()
	answer := func(packed []byte) [][]byte {
		var m dnsmessage.Message
		if err := m.Unpack(packed); err != nil {
			return nil
		}
		var all [][]byte
		for _, r := range replies(m) {
			b, err := r.Pack()
			if err != nil {
				t.Error(err)
			}
			all = append(all, b)
		}
		return all
	}
	udp, _ := listenUDP(t, func(b []byte, _ net.Addr) [][]byte { return answer(b) })
	tcp := listenTCP(t, func(c *net.TCPConn) {
		defer c.Close()
		for {
			var length [2]byte
			if _, err := io.ReadFull(c, length[:]); err != nil {
				return
			}
			b := make([]byte, binary.BigEndian.Uint16(length[:]))
			if _, err := io.ReadFull(c, b); err != nil {
				return
			}
			for _, a := range answer(b) {
				_, _ = c.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(a))), a...))
			}
		}
	})
	return map[Kind]string{KindDNSUDP: udp, KindDNSTCP: tcp}
}

func reply(m dnsmessage.Message) dnsmessage.Message {
	m.Response = true
	return m
}

func record(m dnsmessage.Message, kind dnsmessage.Type, body dnsmessage.ResourceBody) dnsmessage.Resource {
	return dnsmessage.Resource{
		Header: dnsmessage.ResourceHeader{Name: m.Questions[0].Name, Type: kind, Class: dnsmessage.ClassINET},
		Body:   body,
	}
}

func withA(m dnsmessage.Message, addresses ...[4]byte) dnsmessage.Message {
	for _, a := range addresses {
		m.Answers = append(m.Answers, record(m, dnsmessage.TypeA, &dnsmessage.AResource{A: a}))
	}
	return m
}

func coded(m dnsmessage.Message, c dnsmessage.RCode) dnsmessage.Message {
	m.RCode = c
	return m
}

func TestDNS(t *testing.T) {
	for name, row := range map[string]struct {
		replies dnsReplies
		outcome flow.Outcome
		peer    string
		detail  string
	}{
		"addresses": {
			func(m dnsmessage.Message) []dnsmessage.Message {
				return []dnsmessage.Message{withA(reply(m), [4]byte{10, 0, 0, 10}, [4]byte{10, 0, 0, 9})}
			}, flow.Connected, "10.0.0.9,10.0.0.10", "",
		},
		"alias": {
			func(m dnsmessage.Message) []dnsmessage.Message {
				r := reply(m)
				r.Answers = append(r.Answers, record(m, dnsmessage.TypeCNAME, &dnsmessage.CNAMEResource{CNAME: dnsmessage.MustNewName("other.org.")}))
				return []dnsmessage.Message{withA(r, [4]byte{10, 0, 0, 9})}
			}, flow.Connected, "10.0.0.9", "",
		},
		"IPv6 only": {
			func(m dnsmessage.Message) []dnsmessage.Message {
				r := reply(m)
				if m.Questions[0].Type == dnsmessage.TypeAAAA {
					r.Answers = append(r.Answers, record(m, dnsmessage.TypeAAAA, &dnsmessage.AAAAResource{AAAA: [16]byte{0: 0xfd, 15: 9}}))
				}
				return []dnsmessage.Message{r}
			}, flow.Connected, "fd00::9", "",
		},
		"no address": {
			func(m dnsmessage.Message) []dnsmessage.Message { return []dnsmessage.Message{reply(m)} },
			flow.Failed, "", "no address",
		},
		"NXDOMAIN": {
			func(m dnsmessage.Message) []dnsmessage.Message {
				return []dnsmessage.Message{coded(reply(m), dnsmessage.RCodeNameError)}
			}, flow.Failed, "", "NXDOMAIN",
		},
		"SERVFAIL": {
			func(m dnsmessage.Message) []dnsmessage.Message {
				return []dnsmessage.Message{coded(reply(m), dnsmessage.RCodeServerFailure)}
			}, flow.Failed, "", "SERVFAIL",
		},
		"REFUSED": {
			func(m dnsmessage.Message) []dnsmessage.Message {
				return []dnsmessage.Message{coded(reply(m), dnsmessage.RCodeRefused)}
			}, flow.Failed, "", "REFUSED",
		},
		"replies to others first": {
			func(m dnsmessage.Message) []dnsmessage.Message {
				query, id, name, kind, none := m, reply(m), reply(m), reply(m), reply(m)
				id.ID++
				name.Questions = []dnsmessage.Question{{Name: dnsmessage.MustNewName("liar.org."), Type: m.Questions[0].Type, Class: dnsmessage.ClassINET}}
				kind.Questions = []dnsmessage.Question{{Name: m.Questions[0].Name, Type: dnsmessage.TypeTXT, Class: dnsmessage.ClassINET}}
				none.Questions = nil
				all := []dnsmessage.Message{query}
				for _, wrong := range []dnsmessage.Message{id, name, kind, none} {
					all = append(all, coded(wrong, dnsmessage.RCodeNameError))
				}
				return append(all, withA(reply(m), [4]byte{10, 0, 0, 9}))
			}, flow.Connected, "10.0.0.9", "",
		},
		"silence": {
			func(dnsmessage.Message) []dnsmessage.Message { return nil }, flow.TimedOut, "", "timeout",
		},
	} {
		servers := dnsServer(t, row.replies)
		for _, kind := range []Kind{KindDNSUDP, KindDNSTCP} {
			timeout := time.Second
			if row.outcome == flow.TimedOut {
				timeout = short
			}
			for _, query := range []string{"Kubernetes.default.svc.", "Kubernetes.default.svc"} {
				r := probeName(t, c(t), kind, servers[kind], query, timeout)
				if r.Outcome != row.outcome || r.Peer != row.peer || !strings.Contains(r.Detail, row.detail) {
					t.Errorf("%s over %s: %+v", name, kind, r)
				}
			}
		}
	}
}

// c is an agent of the test's own.
func c(t *testing.T) *Client { return startAgent(t, "a") }

func TestDNSNobodyThere(t *testing.T) {
	for _, kind := range []Kind{KindDNSUDP, KindDNSTCP} {
		if r := probeName(t, c(t), kind, "127.0.0.1:7500", "example.org.", time.Second); r.Outcome != flow.Refused {
			t.Errorf("%s: %+v", kind, r)
		}
	}
}

func TestDNSGarbage(t *testing.T) {
	udp, _ := listenUDP(t, func(b []byte, _ net.Addr) [][]byte { return [][]byte{{}, []byte("garbage"), b[:12]} })
	if r := probeName(t, c(t), KindDNSUDP, udp, "example.org.", short); r.Outcome != flow.TimedOut {
		t.Errorf("UDP: %+v", r)
	}
	for garbage, want := range map[string]flow.Outcome{
		"HTTP/1.1 400 Bad Request\r\n\r\n": flow.Reset, // the claimed length never comes
		"\x00\x00\x00\x00":                 flow.Reset,
		"":                                 flow.Reset,
	} {
		tcp := listenTCP(t, func(s *net.TCPConn) {
			_, _ = s.Read(make([]byte, 512))
			_, _ = s.Write([]byte(garbage))
			_ = s.CloseWrite()
		})
		if r := probeName(t, c(t), KindDNSTCP, tcp, "example.org.", time.Second); r.Outcome != want {
			t.Errorf("TCP, %q: %+v", garbage, r)
		}
	}
}

// FuzzDNSReply feeds replies to the parser: whatever is no well-formed answer to
// the question yields no address.
func FuzzDNSReply(f *testing.F) {
	q, err := newQuery("example.org.", dnsmessage.TypeA)
	if err != nil {
		f.Fatal(err)
	}
	var m dnsmessage.Message
	if err := m.Unpack(q.packed); err != nil {
		f.Fatal(err)
	}
	for _, r := range []dnsmessage.Message{m, reply(m), withA(reply(m), [4]byte{10, 0, 0, 9}), coded(reply(m), dnsmessage.RCodeNameError)} {
		b, err := r.Pack()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b[2:])
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		b = append(binary.BigEndian.AppendUint16(nil, q.id), b...)
		addresses, err := q.parse(b)
		if err != nil && addresses != "" {
			t.Errorf("%q with error %v", addresses, err)
		}
		if err == nil && b[2]&0x80 == 0 {
			t.Error("a query was taken for an answer")
		}
		if errors.Is(err, errNoAgent) {
			return
		}
		if outcome := outcomeOf(err); err != nil && outcome != flow.Failed {
			t.Errorf("%v is %s", err, outcome)
		}
	})
}
