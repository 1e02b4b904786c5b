//go:build linux

package probes

import (
	"encoding/binary"
	"slices"
	"sync"
)

// heardAtMost is how many marks one generation has.
const heardAtMost = 1 << 15

// heard remembers the marks of greetings that have come to the agent's servers, the last
// 32,768 of them at least: what comes without being answered has come all the same.
type heard struct {
	mu         sync.Mutex
	young, old map[uint64]struct{}
}

// note remembers a greeting.
func (h *heard) note(greeting []byte) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.young == nil || len(h.young) == heardAtMost {
		h.young, h.old = map[uint64]struct{}{}, h.young
	}
	h.young[markIn(greeting)] = struct{}{}
}

// of is those of the marks that have been heard.
func (h *heard) of(marks []uint64) []uint64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(marks), func(mark uint64) bool {
		_, young := h.young[mark]
		_, old := h.old[mark]
		return !young && !old
	})
}

func markIn(greeting []byte) uint64 { return binary.BigEndian.Uint64(greeting[len(magic):]) }
