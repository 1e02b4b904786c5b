package report

import (
	"slices"
	"strings"
	"testing"

	"github.com/cniproof/cniproof/internal/flow"
	"github.com/cniproof/cniproof/internal/judge"
)

// TestCommonNamesEveryVerdict: flows that are wrong in two ways are not said to be so in one.
func TestCommonNamesEveryVerdict(t *testing.T) {
	cell := func(expected, observed flow.Verdict) *judge.Cell {
		return &judge.Cell{Expected: expected, Observed: observed}
	}
	deny, oneWay := cell(flow.Allow, flow.Deny), cell(flow.Allow, flow.OneWay)
	right := cell(flow.Deny, flow.Deny)
	for text, wrong := range map[string][]*judge.Cell{
		"All 2 wrong flows: expected allow, observed deny.":                              {deny, deny},
		"All 4 wrong flows: expected allow, observed deny or observed one-way: what was": {deny, oneWay, deny, oneWay},
	} {
		if got := common(slices.Values(wrong), slices.Values(append(wrong, right))); !strings.HasPrefix(got, text) || strings.Count(got, "deny") != 1 {
			t.Errorf("got %q, want %q", got, text)
		}
	}
}
