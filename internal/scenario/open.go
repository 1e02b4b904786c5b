package scenario

import (
	"slices"

	"github.com/cniproof/cniproof/internal/flow"
	"github.com/cniproof/cniproof/internal/strict"
)

// opens reads whether a step has connections opened, and checks what lines say of them.
func (b *builder) opens(s *Step, at string) {
	kept, open := b.s.Topology.Established, strict.Child(at, "open")
	if s.Open && !kept && b.named {
		b.Wrong(open, "has pods open the connections anew that they keep, and they keep none: write established: true in the topology")
	}
	if s.Open && len(s.Acts) > 0 {
		b.Wrong(open, "must be all that a step does: what is opened while something changes, may be opened by what held before")
	}
	b.opened = b.opened || s.Open
	s.Expect.opened = b.opened
	says := slices.ContainsFunc(s.Expect.Lines, func(l Line) bool { return l.via == flow.Established && l.Verdict != flow.Undefined })
	if says && !b.opened {
		b.Wrong(strict.Child(at, "expect"), "says something of flows via established, of which nothing is promised before a step has said open: true")
	}
	if kept && (s.Steady || len(s.Debuts()) > 0) {
		b.Wrong(at, "tries each flow before the last try has ended, which cannot be done over one connection: remove established from the topology")
	}
}
