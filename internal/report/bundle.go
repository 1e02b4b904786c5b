package report

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/cniproof/cniproof/internal/flow"
	"github.com/cniproof/cniproof/internal/judge"
)

// The dimensions of a flow along which flows are bundled, in that order.
const (
	bySource = iota
	byDestination
	byPort
	byPath // kind of address and family together
	dimensions
)

// sight is one flow with what is said about it.
type sight struct {
	flow     flow.Flow
	class    string // flows of different classes are never bundled
	why      string // a sentence; it may differ within a class
	outcomes map[flow.Outcome]int
	after    time.Duration
}

// bundle is a set of flows of one class which is a full product: every source to
// every destination on every port over every path.
type bundle struct {
	first    sight
	words    [dimensions][]string
	flows    int
	outcomes map[flow.Outcome]int
	after    time.Duration // the smallest
}

// bundles puts flows that differ in one dimension only together, path first, as
// often as that is possible. Classes keep the order of their first flow.
func bundles(sights []sight) []bundle {
	all := make([]bundle, len(sights))
	rank := map[string]int{}
	for i, s := range sights {
		all[i] = single(s)
		if _, ok := rank[s.class]; !ok {
			rank[s.class] = len(rank)
		}
	}
	for _, dim := range []int{byPath, byPort, bySource, byDestination} {
		all = merge(all, dim)
	}
	slices.SortStableFunc(all, func(a, b bundle) int {
		return cmp.Compare(rank[a.first.class], rank[b.first.class])
	})
	return all
}

func single(s sight) bundle {
	f := s.flow
	b := bundle{first: s, flows: 1, outcomes: maps.Clone(s.outcomes), after: s.after}
	b.words = [dimensions][]string{
		bySource:      {f.Source.String()},
		byDestination: {f.Destination.String()},
		byPort:        {fmt.Sprintf("%d/%s", f.Port, f.Protocol)},
		byPath:        {fmt.Sprintf("%s/%s", f.Via, f.Family)},
	}
	return b
}

// merge joins bundles that are alike in every dimension but dim.
func merge(all []bundle, dim int) []bundle {
	var merged []bundle
	index := map[string]int{}
	for _, b := range all {
		key := b.key(dim)
		i, ok := index[key]
		if !ok {
			index[key] = len(merged)
			merged = append(merged, b)
			continue
		}
		m := &merged[i]
		m.words[dim] = append(m.words[dim], b.words[dim]...)
		m.flows += b.flows
		m.after = min(m.after, b.after)
		for o, n := range b.outcomes {
			m.outcomes[o] += n
		}
	}
	return merged
}

func (b bundle) key(except int) string {
	parts := []string{b.first.class}
	for d, words := range b.words {
		if d != except {
			parts = append(parts, strings.Join(words, ","))
		}
	}
	return strings.Join(parts, "|")
}

// line is a flow line which stands for all flows of the bundle.
func (b bundle) line(limit int) string {
	return fmt.Sprintf("%s -> %s:%s (%s)", some(b.words[bySource], limit), some(b.words[byDestination], limit),
		factor(b.words[byPort], "/", ","), factor(b.words[byPath], "; ", ", "))
}

// factor writes a list of "left/right" words shorter where it is a full product:
// all lefts, then all rights.
func factor(words []string, between, comma string) string {
	var lefts, rights []string
	for _, w := range words {
		left, right, _ := strings.Cut(w, "/")
		if !slices.Contains(lefts, left) {
			lefts = append(lefts, left)
		}
		if !slices.Contains(rights, right) {
			rights = append(rights, right)
		}
	}
	if len(lefts)*len(rights) != len(words) {
		return strings.Join(words, comma)
	}
	return strings.Join(lefts, comma) + between + strings.Join(rights, comma)
}

// tally counts the samples of a cell; a cell that came without counts has its last one.
func tally(c judge.Cell) map[flow.Outcome]int {
	if len(c.Outcomes) > 0 {
		return c.Outcomes
	}
	return map[flow.Outcome]int{c.Outcome: 1}
}

// outcomes is "connected 4/4" or "timed-out 3/4, connected 1/4".
func outcomes(counts map[flow.Outcome]int) string {
	seen := slices.Collect(maps.Keys(counts))
	slices.SortFunc(seen, func(a, b flow.Outcome) int {
		return cmp.Or(cmp.Compare(counts[b], counts[a]), cmp.Compare(a, b))
	})
	total := 0
	for _, n := range counts {
		total += n
	}
	words := make([]string, len(seen))
	for i, o := range seen {
		words[i] = fmt.Sprintf("%s %d/%d", o, counts[o], total)
	}
	return strings.Join(words, ", ")
}

// skeleton is a sentence without what names the flow itself, so that sentences
// which say the same of similar flows are alike.
func skeleton(sentence string, f flow.Flow) string {
	return strings.NewReplacer(
		f.Source.String(), "<source>",
		f.Destination.String(), "<destination>",
		fmt.Sprintf("%d/%s", f.Port, f.Protocol), "<port>",
		f.Via.String(), "<via>",
		f.Family.String(), "<family>",
	).Replace(sentence)
}

// versus is what was expected and what was seen instead.
func versus(c judge.Cell) string { return fmt.Sprintf("expected %s, %s", c.Expected, instead(c)) }

// instead is what was seen, whatever was expected.
func instead(c judge.Cell) string {
	switch {
	case c.Unclear():
		return fmt.Sprintf("could not be told, last %s", c.Outcome)
	case c.Observed == flow.OneWay:
		return fmt.Sprintf("observed %s: what was sent came through, its answer did not", c.Observed)
	}
	return fmt.Sprintf("observed %s", c.Observed)
}

// sights turns cells into sights; cells are of a class when verdicts and sentence are alike.
func sights(cells []judge.Cell, sentence func(judge.Cell) string) []sight {
	all := make([]sight, len(cells))
	for i, c := range cells {
		why := plain(sentence(c))
		all[i] = sight{
			flow:     c.Flow,
			class:    fmt.Sprintf("%s|%s", versus(c), skeleton(why, c.Flow)),
			why:      why,
			outcomes: tally(c),
		}
	}
	return all
}
