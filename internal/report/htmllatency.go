package report

import (
	"math"
	"slices"
	"time"

	"github.com/cniproof/cniproof/internal/judge"
	"github.com/cniproof/cniproof/internal/scenario"
)

// timelineWidth is the width of a step's timeline, in the units of its picture.
const timelineWidth = 600

// timelineView is a step from the API's answer to its end. Places are in units of
// timelineWidth.
type timelineView struct {
	End   string
	Held  *spanView
	Lanes []laneView
	Flaps []int
}

type spanView struct {
	X, Width int
	From, To string
}

// laneView is what became of the flows that a step closed, or opened.
type laneView struct {
	Name                     string
	Y                        int
	First, LastWrong         int // -1: never seen wrong
	Settled                  int
	FirstText, LastText, End string
}

// Width is how far apart the first and the last flow changed, at least visible.
func (l laneView) Width() int { return max(3, l.Settled-l.First) }

// newTimeline is nil for a step that changed nothing.
func newTimeline(step *judge.Step) *timelineView {
	if step.Enforce == nil && step.Revoke == nil && len(step.Flaps) == 0 || step.Took <= 0 {
		return nil
	}
	at := func(d time.Duration) int {
		return int(math.Round(float64(timelineWidth) * float64(min(max(d, 0), step.Took)) / float64(step.Took)))
	}
	v := &timelineView{End: short(step.Took)}
	if from, to := step.Spent.Waiting, step.Spent.Waiting+step.Spent.Holding; step.Spent.Holding > 0 {
		v.Held = &spanView{at(from), max(1, at(to)-at(from)), short(from), short(to)}
	}
	for _, l := range []struct {
		name string
		of   *judge.Latency
	}{{"enforced", step.Enforce}, {"revoked", step.Revoke}} {
		if l.of == nil {
			continue
		}
		lane := laneView{
			Name: l.name, Y: 5 + 7*len(v.Lanes), First: at(l.of.FirstCorrect), LastWrong: -1, Settled: at(l.of.Settled),
			FirstText: short(l.of.FirstCorrect), End: short(l.of.Settled),
		}
		if l.of.LastWrong > 0 {
			lane.LastWrong, lane.LastText = at(l.of.LastWrong), short(l.of.LastWrong)
		}
		v.Lanes = append(v.Lanes, lane)
	}
	for _, f := range step.Flaps {
		if x := at(f.After); !slices.Contains(v.Flaps, x) {
			v.Flaps = append(v.Flaps, x)
		}
	}
	return v
}

// latencyView is the distribution of one kind of change over the run.
type latencyView struct {
	Name, Means string
	Steps       int
	Marks       []markView
	Bars        []barView
	Ticks       []tickView
}

// markView is a percentile.
type markView struct {
	Name, Text string
	X, Y       int
	Left       bool // its label stands to the left
}

// LabelX is where the mark's label begins, or ends.
func (m markView) LabelX() int {
	if m.Left {
		return m.X - 4
	}
	return m.X + 4
}

type barView struct {
	X, Y, Width, Height int
	Label               string
}

type tickView struct {
	X    int
	Text string
}

func latencyViews(r *judge.Run) []latencyView {
	enforce, revoke, start := enforcement(r), revocation(r), starting(r)
	scale := newScale(slices.Concat(enforce, revoke, start))
	var list []latencyView
	for _, l := range []struct {
		name, means string
		d           judge.Distribution
	}{
		{"enforced", "until the last flow that a step closes is closed", enforce},
		{"revoked", "until the last flow that a step opens is open", revoke},
		{"new pods", "from a pod's first instant until every allowed flow has connected once", start},
	} {
		if len(l.d) > 0 {
			list = append(list, view(l.d, l.name, l.means, scale))
		}
	}
	return list
}

// The picture of a distribution, in its own units.
const (
	plotWidth  = 560
	plotHeight = 110
	plotTop    = 46 // room for the percentiles' labels
	binsPer2   = 4  // bins for every doubling
)

// scale is logarithmic: latencies differ by orders of magnitude.
type scale struct{ low, high float64 } // log2 of milliseconds, on the bins' edges

func newScale(all []time.Duration) scale {
	if len(all) == 0 {
		return scale{0, 1}
	}
	edge := func(d time.Duration, round func(float64) float64) float64 {
		return round(log2ms(d)*binsPer2) / binsPer2
	}
	s := scale{edge(slices.Min(all), math.Floor), edge(slices.Max(all), math.Ceil)}
	if s.high-s.low < 2 { // a single value still has a place between two ticks
		s.low, s.high = s.low-1, s.high+1
	}
	return s
}

func log2ms(d time.Duration) float64 {
	return math.Log2(max(0.1, float64(d)/float64(time.Millisecond)))
}

func (s scale) x(log float64) int {
	return int(math.Round((log - s.low) / (s.high - s.low) * plotWidth))
}

func view(d judge.Distribution, name, means string, s scale) latencyView {
	v := latencyView{Name: name, Means: means, Steps: len(d), Bars: bars(d, s), Ticks: s.ticks()}
	for i, p := range []struct {
		name string
		rank int
	}{{"p50", 50}, {"p90", 90}, {"p99", 99}, {"max", 100}} {
		value := d.Percentile(p.rank)
		if last := len(v.Marks) - 1; last >= 0 && v.Marks[last].Text == short(value) {
			v.Marks[last].Name += ", " + p.name
			continue
		}
		x := s.x(log2ms(value))
		v.Marks = append(v.Marks, markView{p.name, short(value), x, 10 + 11*i, x > plotWidth*3/4})
	}
	return v
}

// bars has one bar for each bin that is not empty.
func bars(d judge.Distribution, s scale) []barView {
	bins := int(math.Round((s.high - s.low) * binsPer2))
	counts := make([]int, bins)
	for _, v := range d {
		counts[min(bins-1, max(0, int((log2ms(v)-s.low)*binsPer2)))]++
	}
	most := slices.Max(counts)
	var list []barView
	for i, n := range counts {
		if n == 0 {
			continue
		}
		from, to := s.low+float64(i)/binsPer2, s.low+float64(i+1)/binsPer2
		height := max(2, n*plotHeight/most)
		list = append(list, barView{
			X: s.x(from) + 1, Y: plotTop + plotHeight - height, Width: max(1, s.x(to)-s.x(from)-1), Height: height,
			Label: short(fromLog(from)) + " to " + short(fromLog(to)) + ": " + plural(n, "step"),
		})
	}
	return list
}

func fromLog(log float64) time.Duration {
	return time.Duration(math.Exp2(log) * float64(time.Millisecond))
}

// ticks are at 1, 2 and 5 of every power of ten.
func (s scale) ticks() []tickView {
	var list []tickView
	for power := time.Microsecond * 100; power < time.Hour; power *= 10 {
		for _, digit := range []int{1, 2, 5} {
			value := time.Duration(digit) * power
			if at := log2ms(value); at >= s.low && at <= s.high {
				list = append(list, tickView{s.x(at), tidy(value)})
			}
		}
	}
	return list
}

// tidy is a round duration without digits that say nothing.
func tidy(d time.Duration) string {
	if d >= time.Second && d < time.Minute {
		return d.String()
	}
	return short(d)
}

// deedView is how long one kind of deed took to be followed.
type deedView struct {
	Name, Kind, P50, P90, Max string
	Steps                     int
}

// deedViews are about steps that did one kind of thing only; a closing control deletes
// every policy that is left.
func deedViews(r *judge.Run) []deedView {
	var list []deedView
	for _, deed := range scenario.Deeds() {
		list = append(list, deedRows(r, deedName(deed), func(s judge.Step) bool { return len(s.Deeds) == 1 && s.Deeds[0] == deed })...)
	}
	return append(list, deedRows(r, "control after, policies deleted", func(s judge.Step) bool { return s.Control })...)
}

func deedRows(r *judge.Run, name string, counts func(judge.Step) bool) []deedView {
	var list []deedView
	for _, kind := range []struct {
		name string
		of   func(judge.Step) *judge.Latency
	}{
		{"enforced", func(s judge.Step) *judge.Latency { return s.Enforce }},
		{"revoked", func(s judge.Step) *judge.Latency { return s.Revoke }},
	} {
		d := settled(r, func(s judge.Step) *judge.Latency {
			if !counts(s) {
				return nil
			}
			return kind.of(s)
		})
		if len(d) > 0 {
			list = append(list, deedView{name, kind.name, short(d.Percentile(50)), short(d.Percentile(90)), short(d.Percentile(100)), len(d)})
		}
	}
	return list
}

func deedName(d scenario.Deed) string {
	switch d {
	case scenario.Create:
		return "policy created"
	case scenario.Update:
		return "policy changed"
	case scenario.Delete:
		return "policy deleted"
	case scenario.Label:
		return "labels changed"
	case scenario.Renew:
		return "namespace replaced"
	case scenario.Ready:
		return "pod ready or unready"
	case scenario.Complete:
		return "pod completed"
	case scenario.Terminate:
		return "pod terminating"
	case scenario.Remove:
		return "completed pod deleted"
	case scenario.Eager:
		return "pod replaced, dialling"
	case scenario.Reuse:
		return "address reused"
	case scenario.Recreate:
		return "pod replaced"
	case scenario.Restart:
		return "agent restarted"
	}
	return string(d)
}
