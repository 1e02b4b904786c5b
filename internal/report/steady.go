package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/cniproof/cniproof/internal/flow"
	"github.com/cniproof/cniproof/internal/judge"
	"github.com/cniproof/cniproof/internal/vigil"
)

// SteadyEntry is about the flows whose verdict a steady step did not change. Times count from its first action. Unit: milliseconds.
type SteadyEntry struct {
	// Allowed is how many of them had to connect all the time.
	Allowed int `json:"allowed"`
	// Denied is how many of them had to be closed all the time.
	Denied int `json:"denied"`
	// Samples of them that were taken.
	Samples int `json:"samples"`
	// Lost is how many probes of allowed flows failed alone; that is no disruption.
	Lost int `json:"lost"`
	// Lasted is how long they were watched.
	Lasted float64 `json:"lasted"`
	// Gap is the typical time from one probe of a flow to its next.
	Gap float64 `json:"gap"`
	// LongestGap is the longest such time.
	LongestGap float64 `json:"longestGap"`
	// Windows in which a flow was not as it had to be, or could not be told.
	Windows []WindowEntry `json:"windows"`
}

// WindowEntry is a stretch of time in which one flow was not as it had to be, or could not be told.
type WindowEntry struct {
	// Kind is leak, disruption or could-not-tell.
	Kind vigil.Kind `json:"kind"`
	// Flow is the flow's line, with path and family.
	Flow string `json:"flow"`
	// Begin of the first wrong probe.
	Begin float64 `json:"begin"`
	// End is the begin of the first right probe after the last wrong one.
	End float64 `json:"end"`
	// Open is true where there was none before the step ended.
	Open bool `json:"open"`
	// Samples that were wrong.
	Samples int `json:"samples"`
	// Outcome of the last of them.
	Outcome flow.Outcome `json:"outcome"`
	// Detail of the last of them.
	Detail string `json:"detail"`
}

func steadyEntry(v *judge.Vigil) *SteadyEntry {
	if v == nil {
		return nil
	}
	e := &SteadyEntry{
		Allowed: v.Allowed, Denied: v.Denied, Samples: v.Samples, Lost: v.Lost,
		Lasted: millis(v.Lasted), Gap: millis(v.Gap), LongestGap: millis(v.LongestGap), Windows: []WindowEntry{},
	}
	for _, w := range v.Windows {
		e.Windows = append(e.Windows, WindowEntry{
			Kind: w.Kind, Flow: w.Flow.String(), Begin: millis(w.Begin), End: millis(w.End), Open: w.Open,
			Samples: w.Samples, Outcome: w.Outcome, Detail: w.Detail,
		})
	}
	return e
}

// watched says in one sentence what was watched, and how closely.
func watched(v *judge.Vigil) string {
	text := fmt.Sprintf("Watched all through: %d allowed and %d denied flows for %s, each tried every %s, %s at the longest.",
		v.Allowed, v.Denied, short(v.Lasted), short(v.Gap), short(v.LongestGap))
	if v.Lost > 0 {
		text += fmt.Sprintf(" %s failed alone.", plural(v.Lost, "probe"))
	}
	return text
}

// stretch is the windows of one kind on the paths of one flow line.
type stretch struct {
	kind       vigil.Kind
	line       string
	paths      map[flow.Flow]bool
	windows    int
	begin, end time.Duration
	open       bool
	detail     string
}

// stretches puts windows together that differ in path and family only: those that are
// evidence first, then by begin.
func stretches(v *judge.Vigil) []*stretch {
	if v == nil {
		return nil
	}
	var list []*stretch
	for _, w := range v.Windows {
		i := slices.IndexFunc(list, func(s *stretch) bool { return s.kind == w.Kind && s.line == w.Flow.Line() })
		if i < 0 {
			i = len(list)
			list = append(list, &stretch{kind: w.Kind, line: w.Flow.Line(), paths: map[flow.Flow]bool{}, begin: w.Begin, detail: w.Detail})
		}
		list[i].take(w)
	}
	rank := []vigil.Kind{vigil.Leak, vigil.Disruption, vigil.Unclear}
	slices.SortStableFunc(list, func(a, b *stretch) int {
		return cmp.Or(slices.Index(rank, a.kind)-slices.Index(rank, b.kind), cmp.Compare(a.begin, b.begin))
	})
	return list
}

func (s *stretch) take(w judge.Window) {
	s.paths[w.Flow] = true
	s.windows++
	s.begin, s.end, s.open = min(s.begin, w.Begin), max(s.end, w.End), s.open || w.Open
}

// String is one stretch in one line.
func (s *stretch) String() string {
	text := fmt.Sprintf("%s: %s (%s) from %d ms", s.kind, plain(s.line), pathWords(s.paths), s.begin.Milliseconds())
	if s.open {
		text += " to the end of the step"
	} else {
		text += fmt.Sprintf(" to %d ms", s.end.Milliseconds())
	}
	if s.windows > len(s.paths) {
		text += fmt.Sprintf(", %d times in all", s.windows)
	}
	if s.kind == vigil.Unclear && s.detail != "" {
		text += ": " + strings.TrimPrefix(plain(s.detail), "could not tell: ")
	}
	return text
}

// pathWords are the paths and families of flows, apart where these are all combinations.
func pathWords(paths map[flow.Flow]bool) string {
	var vias, families, both []string
	for f := range paths {
		vias, families = append(vias, f.Via.String()), append(families, f.Family.String())
		both = append(both, f.Via.String()+" over "+f.Family.String())
	}
	for _, list := range []*[]string{&vias, &families, &both} {
		slices.Sort(*list)
		*list = slices.Compact(*list)
	}
	if len(both) == len(vias)*len(families) {
		return strings.Join(vias, ", ") + "; " + strings.Join(families, ", ")
	}
	return strings.Join(both, ", ")
}

// guarded is what a steady step must not have done, the first few of it.
func (s style) guarded(step *judge.Step) []string {
	if step.Vigil == nil {
		return nil
	}
	lines := wrap("  ", watched(step.Vigil), s.width)
	list := stretches(step.Vigil)
	for i, st := range list {
		if i >= fewClasses && !s.verbose {
			lines = append(lines, fmt.Sprintf("    and %d more, in full in the JSON report", len(list)-i))
			break
		}
		symbol, paint := "! ", s.bad
		if st.kind == vigil.Unclear {
			symbol, paint = "? ", s.warn
		}
		lines = append(lines, s.bullet(symbol, paint, st.String())...)
	}
	return lines
}
