package report

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/cniproof/cniproof/internal/flow"
	"github.com/cniproof/cniproof/internal/judge"
)

// ProfileEntry is what the implementation does where no specification settles it, in
// one step of a scenario.
type ProfileEntry struct {
	// Behaviour is the scenario's name.
	Behaviour string `json:"behaviour"`
	// Step is the name of the step.
	Step string `json:"step"`
	// Observed is allow, deny or "could not tell", by path or family where these differ.
	Observed string `json:"observed"`
	// Flows is how many were looked at.
	Flows int `json:"flows"`
}

// profile is by topic and name of scenarios, and in the order of their steps.
func profile(r *judge.Run) []ProfileEntry {
	entries := []ProfileEntry{}
	for _, sc := range sorted(r) {
		if sc.Result != judge.Recorded {
			continue
		}
		for i := range sc.Steps {
			cells := slices.DeleteFunc(cellsOf(sc, &sc.Steps[i], record), byName)
			if sc.Steps[i].Control || len(cells) == 0 {
				continue
			}
			entries = append(entries, ProfileEntry{sc.Name, sc.Steps[i].Name, seenAs(cells), len(cells)})
		}
	}
	return entries
}

// byName reports whether a flow is one by name, which may not be one that could be tried:
// what becomes of it is told by the flow to the Service's address.
func byName(c judge.Cell) bool { return c.Flow.Via == flow.ByName }

// seenAs says what was seen of the cells, as shortly as can be: in one word, else by
// path, family, source, destination or some of these together, else by the few pairs that
// are odd, else by how many.
func seenAs(cells []judge.Cell) string {
	splits := []func(flow.Flow) string{
		func(flow.Flow) string { return "" },
		func(f flow.Flow) string { return f.Via.String() },
		func(f flow.Flow) string { return f.Family.String() },
		func(f flow.Flow) string { return f.Via.String() + " over " + f.Family.String() },
		func(f flow.Flow) string { return "from " + f.Source.String() },
		func(f flow.Flow) string { return "to " + f.Destination.String() },
		func(f flow.Flow) string { return f.Via.String() + " from " + f.Source.String() },
		func(f flow.Flow) string {
			return f.Via.String() + " over " + f.Family.String() + " from " + f.Source.String()
		},
	}
	for _, split := range splits {
		if text, ok := seenBy(cells, split); ok {
			return text
		}
	}
	for _, split := range []func(flow.Flow) string{betweenEnds, betweenEndsOver} {
		if text, ok := seenBy(cells, split); ok && strings.Count(text, " and ") < fewParts {
			return text
		}
	}
	counts := map[string]int{}
	for _, c := range cells {
		counts[sightOf(c)]++
	}
	var parts []string
	for _, word := range slices.Sorted(maps.Keys(counts)) {
		parts = append(parts, fmt.Sprintf("%s %d", word, counts[word]))
	}
	return strings.Join(parts, ", ") + fmt.Sprintf(" of %d flows", len(cells))
}

func betweenEnds(f flow.Flow) string {
	return "from " + f.Source.String() + " to " + f.Destination.String()
}

func betweenEndsOver(f flow.Flow) string { return betweenEnds(f) + " over " + f.Family.String() }

// seenBy is false where cells of one part were seen differently.
func seenBy(cells []judge.Cell, part func(flow.Flow) string) (string, bool) {
	seen := map[string]string{}
	for _, c := range cells {
		name, word := part(c.Flow), sightOf(c)
		if before, ok := seen[name]; ok && before != word {
			return "", false
		}
		seen[name] = word
	}
	if len(seen) > fewParts {
		return exceptions(seen), true
	}
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(seen)) {
		parts = append(parts, strings.TrimSpace(name+" "+seen[name]))
	}
	return strings.Join(parts, ", "), true
}

// fewParts is how many parts are told one by one.
const fewParts = 4

// exceptions says what most parts show, and which show something else.
func exceptions(seen map[string]string) string {
	by := map[string][]string{}
	for _, name := range slices.Sorted(maps.Keys(seen)) {
		by[seen[name]] = append(by[seen[name]], name)
	}
	words := slices.SortedFunc(maps.Keys(by), func(a, b string) int {
		return cmp.Or(cmp.Compare(len(by[b]), len(by[a])), cmp.Compare(a, b))
	})
	text := words[0]
	for _, word := range words[1:] {
		text += ", but " + word + " " + strings.Join(by[word], " and ")
	}
	return text
}

func sightOf(c judge.Cell) string {
	word := c.Observed.String()
	if c.Observed == flow.Unknown {
		word = "could not tell"
	}
	if c.Expected != flow.Undefined {
		word += " (literally " + c.Expected.String() + ")"
	}
	return word
}

// leastColumn is how wide what was observed has to be for a column of its own.
const leastColumn = 30

// profileTable is a row for each entry: in two columns, where there is room for them.
func (s style) profileTable(r *judge.Run) []string {
	entries := profile(r)
	if len(entries) == 0 {
		return nil
	}
	head := "recorded behaviours"
	rows, width := make([]string, len(entries)), columns(head)
	for i, e := range entries {
		rows[i] = "  " + plain(e.Behaviour) + ": " + plain(e.Step)
		width = max(width, columns(rows[i]))
	}
	if s.width-width-2 < leastColumn {
		lines := []string{s.dim(head)}
		for i, e := range entries {
			lines = append(lines, wrap("  ", strings.TrimSpace(rows[i])+": "+e.Observed, s.width)...)
		}
		return lines
	}
	lines := []string{s.dim(pad(head, width+2) + "observed")}
	for i, e := range entries {
		lines = append(lines, wrap(pad(rows[i], width+2), e.Observed, s.width)...)
	}
	return lines
}

// markdownProfile is the same as a table of Markdown.
func markdownProfile(r *judge.Run) string {
	var rows [][]string
	for _, e := range profile(r) {
		rows = append(rows, []string{"`" + plain(e.Behaviour) + "`", plain(e.Step), e.Observed})
	}
	if len(rows) == 0 {
		return ""
	}
	return markdownTable("---", []string{"recorded behaviour", "step", "observed"}, rows)
}
