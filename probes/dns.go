//go:build linux

package probes

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

// A DNS probe asks a DNS server, over UDP or TCP. It has no server half.
// dnsUDPProtocol asks over UDP.
func dnsUDPProtocol() protocol {
	return protocol{kind: KindDNSUDP, transport: KindUDP, dial: dialDNSUDP}
}

// dnsTCPProtocol asks over TCP.
func dnsTCPProtocol() protocol {
	return protocol{kind: KindDNSTCP, transport: KindTCP, dial: dialDNSTCP}
}

// dnsTypes are asked for in turn, until one is answered with addresses.
func dnsTypes() []dnsmessage.Type { return []dnsmessage.Type{dnsmessage.TypeA, dnsmessage.TypeAAAA} }

func dialDNSUDP(try attempt) (string, error) {
	return resolve(try.query, func(q query) (string, error) {
		return exchange(try, q.packed, q.parse)
	})
}

// dialDNSTCP gives the server the time-out again once the connection stands, as
// dialTCP does.
func dialDNSTCP(try attempt) (string, error) {
	s, err := connectTCP(try)
	if err != nil {
		return "", err
	}
	defer s.Close()
	deadline := try.begin.Add(2 * try.timeout)
	return resolve(try.query, func(q query) (string, error) {
		framed := binary.BigEndian.AppendUint16(nil, uint16(len(q.packed)))
		if err := s.write(append(framed, q.packed...)); err != nil {
			return "", err
		}
		for {
			reply, err := readDNS(s, deadline)
			if err != nil {
				return "", fmt.Errorf("connected, but no answer came: %w", err)
			}
			addresses, err := q.parse(reply)
			if !errors.Is(err, errNoAgent) {
				return addresses, err
			}
		}
	})
}

// resolve asks for each type until there are addresses.
func resolve(name string, ask func(query) (string, error)) (string, error) {
	for _, kind := range dnsTypes() {
		q, err := newQuery(name, kind)
		if err != nil {
			return "", err
		}
		addresses, err := ask(q)
		if err != nil || addresses != "" {
			return addresses, err
		}
	}
	return "", fmt.Errorf("the DNS server knows %q, but no address of it", name)
}

// readDNS reads one message behind its length.
func readDNS(s *socket, deadline time.Time) ([]byte, error) {
	var length [2]byte
	if err := readWhole(s, length[:], deadline); err != nil {
		return nil, err
	}
	message := make([]byte, binary.BigEndian.Uint16(length[:]))
	return message, readWhole(s, message, deadline)
}

func readWhole(s *socket, b []byte, deadline time.Time) error {
	for have := 0; have < len(b); {
		n, err := s.read(b[have:], deadline)
		if err != nil {
			return err
		}
		if n == 0 {
			return io.EOF
		}
		have += n
	}
	return nil
}

// query is one question to a DNS server.
type query struct {
	id       uint16
	question dnsmessage.Question
	packed   []byte
}

func newQuery(name string, kind dnsmessage.Type) (query, error) {
	n, err := dnsmessage.NewName(strings.TrimSuffix(name, ".") + ".")
	if err != nil || name == "" {
		return query{}, localf("asking for %q: not a name", name)
	}
	q := query{
		id:       uint16(rand.Uint32()),
		question: dnsmessage.Question{Name: n, Type: kind, Class: dnsmessage.ClassINET},
	}
	message := dnsmessage.Message{
		Header:    dnsmessage.Header{ID: q.id, RecursionDesired: true},
		Questions: []dnsmessage.Question{q.question},
	}
	if q.packed, err = message.Pack(); err != nil {
		return query{}, localf("asking for %q: %w", name, err)
	}
	return q, nil
}

// parse returns the addresses that b answers with, sorted and joined by commas.
// What is no answer to this question is errNoAgent.
func (q query) parse(b []byte) (string, error) {
	var p dnsmessage.Parser
	header, err := p.Start(b)
	if err != nil || !header.Response || header.ID != q.id {
		return "", errNoAgent
	}
	asked, err := p.AllQuestions()
	if err != nil || len(asked) != 1 || !q.same(asked[0]) {
		return "", errNoAgent
	}
	if header.RCode != dnsmessage.RCodeSuccess {
		return "", fmt.Errorf("the DNS server answers %s to %s %s", rcode(header.RCode), typeOf(q.question), q.question.Name)
	}
	addresses, err := readAddresses(&p)
	if err != nil {
		return "", fmt.Errorf("the DNS server answers with what cannot be read: %w", err)
	}
	slices.SortFunc(addresses, netip.Addr.Compare)
	words := make([]string, len(addresses))
	for i, a := range addresses {
		words[i] = a.String()
	}
	return strings.Join(words, ","), nil
}

func (q query) same(asked dnsmessage.Question) bool {
	return asked.Type == q.question.Type && asked.Class == q.question.Class &&
		strings.EqualFold(asked.Name.String(), q.question.Name.String())
}

func readAddresses(p *dnsmessage.Parser) ([]netip.Addr, error) {
	var addresses []netip.Addr
	for {
		header, err := p.AnswerHeader()
		if errors.Is(err, dnsmessage.ErrSectionDone) {
			return addresses, nil
		}
		if err != nil {
			return nil, err
		}
		switch header.Type {
		case dnsmessage.TypeA:
			r, err := p.AResource()
			if err != nil {
				return nil, err
			}
			addresses = append(addresses, netip.AddrFrom4(r.A))
		case dnsmessage.TypeAAAA:
			r, err := p.AAAAResource()
			if err != nil {
				return nil, err
			}
			addresses = append(addresses, netip.AddrFrom16(r.AAAA))
		default:
			if err := p.SkipAnswer(); err != nil {
				return nil, err
			}
		}
	}
}

// rcode is the usual word for a response code.
func rcode(c dnsmessage.RCode) string {
	switch c {
	case dnsmessage.RCodeNameError:
		return "NXDOMAIN"
	case dnsmessage.RCodeServerFailure:
		return "SERVFAIL"
	case dnsmessage.RCodeRefused:
		return "REFUSED"
	case dnsmessage.RCodeFormatError:
		return "FORMERR"
	case dnsmessage.RCodeNotImplemented:
		return "NOTIMP"
	case dnsmessage.RCodeSuccess:
		return "NOERROR"
	}
	return fmt.Sprintf("code %d", c)
}

func typeOf(q dnsmessage.Question) string { return strings.TrimPrefix(q.Type.String(), "Type") }
