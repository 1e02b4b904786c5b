// Package probes is what the prober and the in-pod agent say to each other, and
// the protocols that the agent speaks on the network: one file per protocol.
//
// It is linked into the agent, which has to stay small: it imports the standard
// library, golang.org/x and internal/flow, nothing else.
package probes

import (
	"net/netip"
	"time"

	"github.com/cniproof/cniproof/internal/flow"
)

// Kind is a way to probe an address. Its text is the word on the wire.
type Kind string

// The kinds of probes. The DNS kinds send a real query, the others exchange a
// nonce for the server's identity.
const (
	KindTCP    Kind = "tcp"
	KindUDP    Kind = "udp"
	KindSCTP   Kind = "sctp"
	KindDNSUDP Kind = "dns-udp"
	KindDNSTCP Kind = "dns-tcp"
	// KindICMP is an echo request; the port of its address means nothing, and the answer
	// names nobody.
	KindICMP Kind = "icmp"
	// KindOpen is TCP over one connection, which the first attempt under the probe's Keep
	// opens. When it has ended it is not opened again.
	KindOpen Kind = "tcp-open"
)

// Request is one frame from the prober to the agent. Exactly one of Serve, Batch,
// Ping, End, Dial and Dialled is set.
type Request struct {
	ID      uint64   `json:"id"`
	Serve   *Serve   `json:"serve,omitempty"`
	Batch   *Batch   `json:"batch,omitempty"`
	Ping    *Ping    `json:"ping,omitempty"`
	End     *End     `json:"end,omitempty"`
	Dial    *Dial    `json:"dial,omitempty"`
	Dialled *Dialled `json:"dialled,omitempty"`
}

// Serve asks the agent to answer on these ports, on every address of its network
// namespace and both families, in addition to those that it serves already.
type Serve struct {
	Ports []Port `json:"ports"`
}

// Port is a port to serve. Only TCP, UDP and SCTP kinds can be served.
type Port struct {
	Kind   Kind   `json:"kind"`
	Number uint16 `json:"number"`
}

// StallsKept is how far back an agent remembers when it was kept from running.
const StallsKept = time.Minute

// Ping asks whether the agent is alive, what it serves, and how it was for a while before.
type Ping struct {
	Within time.Duration `json:"within,omitempty"` // the while, at most StallsKept
	// Beat is how often the agent shall look from now on whether it can run, within bounds of
	// its own: what keeps it for less may go unseen, and counts as that long. 0: as before.
	Beat time.Duration `json:"beat,omitempty"`
	// Heard asks which of these marks have come over TCP or UDP, answered or not.
	Heard []uint64 `json:"heard,omitempty"`
}

// End asks the agent to end well, as a job does that has completed. It answers before.
type End struct{}

// Dial asks the agent to try targets by itself, each at once and then every so often,
// whether the attempt before has ended or not. A target that has connected often
// enough is let be. It goes on until it is stopped, or the agent ends.
type Dial struct {
	Name    string        `json:"name"`
	Targets []Probe       `json:"targets"` // without time-outs: an attempt lasts DialTimeout
	Every   time.Duration `json:"every"`
}

// Dialled asks what became of the Dial of that name.
type Dialled struct {
	Name string `json:"name"`
	Stop bool   `json:"stop,omitempty"` // end it, and forget it
}

// DialRecord is what became of a Dial. Its times count from the Dial's begin.
type DialRecord struct {
	Age     time.Duration `json:"age"`     // how long ago the Dial began
	Targets [][]Stretch   `json:"targets"` // in the order of Dial.Targets
}

// Stretch is attempts in a row, by the time of their begin, that ended alike.
type Stretch struct {
	Outcome flow.Outcome  `json:"outcome"` // never WrongPeer, as in Result
	Peer    string        `json:"peer,omitempty"`
	Count   int           `json:"count"`
	First   time.Duration `json:"first"` // when the first of them began
	Last    time.Duration `json:"last"`  // and the last
	Took    time.Duration `json:"took"`  // how long the first lasted
	Detail  string        `json:"detail,omitempty"`
}

// Batch asks for probes, all at once but for the agent's bound on concurrency.
type Batch struct {
	Probes []Probe `json:"probes"`
	// Times is how often all of them are made, 0 as 1, beginning once in every Every whether
	// earlier ones still wait or not.
	Times int           `json:"times,omitempty"`
	Every time.Duration `json:"every,omitempty"`
}

// Repeats is how often every probe of the batch is made.
func (b Batch) Repeats() int { return max(1, b.Times) }

// Probe is one flow to try.
type Probe struct {
	Kind    Kind           `json:"kind"`
	Address netip.AddrPort `json:"address"`
	// Server names whoever is behind Address. No source port is used twice within
	// three minutes towards one server, whatever addresses lead to it: a Service's
	// and the pod's own are the same flow to connection tracking on the pod's side.
	// Empty: Address stands for itself.
	Server string `json:"server,omitempty"`
	// Keep names a source port: every attempt under this name towards that server comes from
	// the port that the first one drew. Empty: each comes from a fresh one.
	Keep string `json:"keep,omitempty"`
	// Stands says that the connection of KindOpen was opened before: where the agent has none
	// it has begun anew since, and the outcome is Failed.
	Stands bool `json:"stands,omitempty"`
	// From is the source port of every attempt; 0: one that is drawn. It is for TCP, where a
	// connection that has ended is soon forgotten, and for UDP where nothing was answered yet
	// that may not be answered any more.
	From uint16 `json:"from,omitempty"`
	// Renew draws another port after an attempt that connected.
	Renew bool `json:"renew,omitempty"`
	// Timeouts has one entry per attempt. An attempt is a new connection; the next one
	// begins only after a time-out. Where the connection stands in time, the server gets
	// the same time again to answer on it.
	Timeouts []time.Duration `json:"timeouts"`
	// Size is how many bytes a UDP probe's datagrams have, or how many a TCP probe sends; 0: as
	// few as can be. The answer repeats them all.
	Size int `json:"size,omitempty"`
	// Name is asked for at Resolver before the first attempt, and the answer is dialled in
	// the place of Address, which says the port and the family. A name without an answer
	// makes the outcome Failed: it tells nothing of the flow.
	Name     string         `json:"name,omitempty"`
	Resolver netip.AddrPort `json:"resolver,omitzero"`
	// Query is the fully qualified name that a DNS probe asks for.
	Query string `json:"query,omitempty"`
}

// Response is one frame from the agent to the prober, with the ID of its request.
// A batch is answered by one response with all its results.
type Response struct {
	ID      uint64      `json:"id"`
	Error   string      `json:"error,omitempty"`
	Results []Result    `json:"results,omitempty"` // in the order of Batch.Probes, once for each repetition
	Pong    *Pong       `json:"pong,omitempty"`
	Dialled *DialRecord `json:"dialled,omitempty"`
}

// Pong describes the agent.
type Pong struct {
	Identity string `json:"identity"`
	Serving  []Port `json:"serving"` // every port whose listener is up now, sorted
	// Age is how long ago the agent began.
	Age time.Duration `json:"age"`
	// Stalled is at most for how long the agent was kept from running at one time in the
	// while that the Ping asks for.
	Stalled time.Duration `json:"stalled"`
	// Heard is those of the Ping's marks that have come, of the last 32,768 at least.
	Heard []uint64 `json:"heard,omitempty"`
}

// Result is what became of one probe.
type Result struct {
	// Outcome is never WrongPeer: who the peer should be is the prober's knowledge.
	Outcome flow.Outcome `json:"outcome"`
	// Peer is the identity that the server sent, or the addresses that a DNS
	// server answered with, sorted and joined by commas.
	Peer string `json:"peer,omitempty"`
	// Attempts is how many were made, the deciding one included.
	Attempts int `json:"attempts"`
	// Begin is when the deciding attempt began, counted from the arrival of the batch.
	Begin time.Duration `json:"begin"`
	// Took is how long the deciding attempt lasted.
	Took time.Duration `json:"took"`
	// Detail is the text of the error behind an outcome other than Connected.
	Detail string `json:"detail,omitempty"`
	// Mark is what the server has heard if a greeting of this probe has come through; 0
	// where the outcome is Connected.
	Mark uint64 `json:"mark,omitempty"`
}
