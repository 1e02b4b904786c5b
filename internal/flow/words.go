package flow

import (
	"fmt"
	"net/netip"
	"slices"
)

// Protocol is a transport protocol that NetworkPolicy can name.
type Protocol uint8

// The protocols of networking.k8s.io/v1, and ICMP.
const (
	ProtocolUnknown Protocol = iota
	TCP
	UDP
	SCTP
	// ICMP is an echo request. It has no ports, and NetworkPolicy cannot name it.
	ICMP
)

// Family is an IP family.
type Family uint8

// The families.
const (
	FamilyUnknown Family = iota
	IPv4
	IPv6
)

// FamilyOf is the family of an address; an IPv4 address in IPv6 clothing is IPv6.
func FamilyOf(a netip.Addr) Family {
	switch {
	case a.Is4():
		return IPv4
	case a.Is6():
		return IPv6
	}
	return FamilyUnknown
}

// Via is the address that a source dials to reach a destination.
type Via uint8

// The paths. PodIP is also the word for the own address of a host or a node. ByName is
// ClusterIP, with the source asking the cluster's DNS for the address each time. NodePort
// is the address of the node that a pod is on, FarNodePort that of another, and in both
// the port that a Service has there. Established is PodIP, over a TCP connection that was
// opened once and stays open.
const (
	ViaUnknown Via = iota
	PodIP
	ClusterIP
	ByName
	NodePort
	FarNodePort
	Established
)

// Service reports whether the path leads through a Service.
func (v Via) Service() bool { return v == ClusterIP || v == ByName }

// Node reports whether the path leads over a port of a node.
func (v Via) Node() bool { return v == NodePort || v == FarNodePort }

// Verdict is what is expected of a flow.
type Verdict uint8

// The verdicts. Undefined means that no specification settles the flow: it is
// observed, never judged. OneWay is never expected: what was sent came through, and its
// answer did not, which is neither allowed nor denied.
const (
	Unknown Verdict = iota
	Allow
	Deny
	Undefined
	OneWay
)

// Expectable reports whether a scenario may expect the verdict.
func (v Verdict) Expectable() bool { return v == Allow || v == Deny || v == Undefined }

// Outcome is what a probe saw. It is not a verdict: TimedOut, Refused, Reset and
// Unreachable mean a denial only when the flow's positive control holds; Unanswered,
// Failed and WrongPeer never mean one.
type Outcome uint8

// The outcomes. Connected: the server's identity came back. WrongPeer: some other
// identity came back. Failed: the probe itself could not be made. Unanswered: none came
// back, and yet the right server has got the question.
const (
	OutcomeUnknown Outcome = iota
	Connected
	TimedOut
	Refused
	Reset
	Unreachable
	WrongPeer
	Failed
	Unanswered
)

// Blocked reports whether the outcome is one that a denied flow may show.
func (o Outcome) Blocked() bool {
	return o == TimedOut || o == Refused || o == Reset || o == Unreachable
}

//nolint:gochecknoglobals // constant tables
var (
	protocolWords = []string{"unknown", "TCP", "UDP", "SCTP", "ICMP"}
	familyWords   = []string{"unknown", "ipv4", "ipv6"}
	viaWords      = []string{"unknown", "podIP", "clusterIP", "dns", "nodePort", "farNodePort", "established"}
	verdictWords  = []string{"unknown", "allow", "deny", "undefined", "one-way"}
	outcomeWords  = []string{"unknown", "connected", "timed-out", "refused", "reset", "unreachable", "wrong-peer", "failed", "unanswered"}
)

func (p Protocol) String() string { return word(protocolWords, p) }
func (f Family) String() string   { return word(familyWords, f) }
func (v Via) String() string      { return word(viaWords, v) }
func (v Verdict) String() string  { return word(verdictWords, v) }
func (o Outcome) String() string  { return word(outcomeWords, o) }

// MarshalText writes the word of String.
func (p Protocol) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// MarshalText writes the word of String.
func (f Family) MarshalText() ([]byte, error) { return []byte(f.String()), nil }

// MarshalText writes the word of String.
func (v Via) MarshalText() ([]byte, error) { return []byte(v.String()), nil }

// MarshalText writes the word of String.
func (v Verdict) MarshalText() ([]byte, error) { return []byte(v.String()), nil }

// MarshalText writes the word of String.
func (o Outcome) MarshalText() ([]byte, error) { return []byte(o.String()), nil }

// UnmarshalText reads what MarshalText wrote; any other word is an error.
func (p *Protocol) UnmarshalText(b []byte) error { return parse(protocolWords, b, p) }

// UnmarshalText reads what MarshalText wrote; any other word is an error.
func (f *Family) UnmarshalText(b []byte) error { return parse(familyWords, b, f) }

// UnmarshalText reads what MarshalText wrote; any other word is an error.
func (v *Via) UnmarshalText(b []byte) error { return parse(viaWords, b, v) }

// UnmarshalText reads what MarshalText wrote; any other word is an error.
func (v *Verdict) UnmarshalText(b []byte) error { return parse(verdictWords, b, v) }

// UnmarshalText reads what MarshalText wrote; any other word is an error.
func (o *Outcome) UnmarshalText(b []byte) error { return parse(outcomeWords, b, o) }

func word[T ~uint8](words []string, v T) string {
	if int(v) < len(words) {
		return words[v]
	}
	return words[0]
}

func parse[T ~uint8](words []string, text []byte, into *T) error {
	i := slices.Index(words, string(text))
	if i < 0 {
		return fmt.Errorf("%q is none of %q", text, words[1:])
	}
	*into = T(i)
	return nil
}
