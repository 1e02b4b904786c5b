package diagnose

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/cniproof/cniproof/internal/flow"
)

// What of a timeline is shown.
const (
	maxRows  = 60
	pictured = 64 // columns
	// fewSamples is how many of a flow's first and last samples the document has.
	fewSamples = 50
)

// track is one flow through the rounds.
type track struct {
	index    int
	flow     flow.Flow
	expected flow.Verdict
	samples  []flow.Sample // in order; those that the flow was tried in
	wrong    int           // samples that are evidence for the other verdict
}

// tracks are the flows worth a look: those that were ever seen wrong after the first
// half of the time, or at its end, the worst first. left says how many more there are.
func tracks(e *Evidence) (list []track, left int) {
	if e.last() == nil || e.Timeline == nil || len(e.Timeline.Rounds) == 0 {
		return nil, 0
	}
	all := make([]track, len(e.Timeline.Flows))
	for i, f := range e.Timeline.Flows {
		all[i] = track{index: i, flow: f, expected: e.Expected[i]}
	}
	for _, r := range e.Timeline.Rounds {
		for i, s := range r.All() {
			all[i].take(s)
		}
	}
	all = slices.DeleteFunc(all, func(t track) bool { return !t.suspect() })
	slices.SortStableFunc(all, func(a, b track) int { return b.weight() - a.weight() })
	if len(all) > maxRows {
		return all[:maxRows], len(all) - maxRows
	}
	return all, 0
}

func (t *track) take(s flow.Sample) {
	t.samples = append(t.samples, s)
	if v := s.Verdict(); v != flow.Unknown && v != t.expected {
		t.wrong++
	}
}

// suspect reports whether the flow did not simply change once, from wrong to right.
func (t *track) suspect() bool {
	if t.expected == flow.Undefined || len(t.samples) == 0 {
		return false
	}
	right := false
	for _, s := range t.samples {
		ok := s.Verdict() == t.expected
		if right && !ok {
			return true
		}
		right = ok
	}
	return !right
}

// weight puts the flows that ended wrong before those that only wavered.
func (t *track) weight() int {
	last := t.samples[len(t.samples)-1]
	if v := last.Verdict(); v != t.expected && v != flow.Unknown {
		return 1 << 20
	}
	return t.wrong
}

// mark is how an outcome is drawn.
func mark(o flow.Outcome) byte {
	switch o {
	case flow.Connected:
		return '#'
	case flow.TimedOut:
		return '.'
	case flow.Refused, flow.Reset, flow.Unreachable:
		return 'r'
	case flow.Unanswered:
		return '>'
	case flow.WrongPeer, flow.Failed, flow.OutcomeUnknown:
	}
	return '?'
}

// timelineText draws every suspect flow as a line, from left to right the time since
// the API had answered the step's last action.
func timelineText(e *Evidence) string {
	list, left := tracks(e)
	if len(list) == 0 {
		return ""
	}
	end := e.Timeline.Last().End.Sub(e.Since)
	var b strings.Builder
	fmt.Fprintf(&b, "Step %q: %d rounds in %s after the API's answer.\n", e.last().Name, len(e.Timeline.Rounds), end.Round(time.Millisecond))
	b.WriteString("# connected  . timed out  r refused, reset or unreachable  > came through without an answer  ? no evidence  * both  ' ' not tried\n\n")
	width := 0
	for _, t := range list {
		width = max(width, len(t.flow.String()))
	}
	for _, t := range list {
		fmt.Fprintf(&b, "%-*s  %-5s |%s|\n", width, t.flow, t.expected, t.picture(e.Since, end))
	}
	fmt.Fprintf(&b, "%-*s  %5s  %s\n", width, "", "", ruler(end))
	if left > 0 {
		fmt.Fprintf(&b, "\nand %d more flows\n", left)
	}
	return b.String()
}

// picture has one character for each slice of the time.
func (t *track) picture(since time.Time, end time.Duration) string {
	drawn := []byte(strings.Repeat(" ", pictured))
	for _, s := range t.samples {
		at := int(float64(s.Begin.Sub(since)) / float64(max(end, 1)) * pictured)
		at = min(max(at, 0), pictured-1)
		switch m := mark(s.Outcome); drawn[at] {
		case ' ', m:
			drawn[at] = m
		default:
			drawn[at] = '*'
		}
	}
	return string(drawn)
}

// ruler is the scale below the picture.
func ruler(end time.Duration) string {
	const parts = 4
	scale := []byte(strings.Repeat(" ", pictured+10))
	for n := range parts + 1 {
		copy(scale[n*pictured/parts:], (end * time.Duration(n) / parts).Round(10*time.Millisecond).String())
	}
	return strings.TrimRight(string(scale), " ")
}

// timelineDocument is timeline.json. Times are milliseconds since the API's answer.
type timelineDocument struct {
	Scenario string          `json:"scenario"`
	Step     string          `json:"step"`
	Since    time.Time       `json:"since"`
	Rounds   int             `json:"rounds"`
	Flows    []timelineEntry `json:"flows"`
	LeftOut  int             `json:"leftOut"`
}

type timelineEntry struct {
	Flow     string          `json:"flow"`
	Address  string          `json:"address"`
	Expected flow.Verdict    `json:"expected"`
	Samples  []timelineSight `json:"samples"`
	LeftOut  int             `json:"leftOut"` // samples between the first and the last of these
}

type timelineSight struct {
	At       float64      `json:"at"`
	Took     float64      `json:"took"`
	Outcome  flow.Outcome `json:"outcome"`
	Attempts int          `json:"attempts"`
	Detail   string       `json:"detail,omitempty"`
}

func timelineJSON(e *Evidence) string {
	list, left := tracks(e)
	if len(list) == 0 {
		return ""
	}
	d := timelineDocument{
		Scenario: e.Scenario.Name, Step: e.last().Name, Since: e.Since.UTC(), Rounds: len(e.Timeline.Rounds), LeftOut: left,
	}
	for _, t := range list {
		entry := timelineEntry{Flow: t.flow.String(), Address: e.Dialled[t.index].String(), Expected: t.expected}
		for i, s := range t.samples {
			if fewSamples <= i && i < len(t.samples)-fewSamples {
				entry.LeftOut++
				continue
			}
			entry.Samples = append(entry.Samples, timelineSight{millis(s.Begin.Sub(e.Since)), millis(s.Took), s.Outcome, s.Attempts, s.Detail})
		}
		d.Flows = append(d.Flows, entry)
	}
	var b strings.Builder
	out := json.NewEncoder(&b)
	out.SetEscapeHTML(false)
	out.SetIndent("", " ")
	if err := out.Encode(d); err != nil {
		return ""
	}
	return b.String()
}

func millis(d time.Duration) float64 { return math.Round(float64(d)/1e3) / 1e3 }
