package compare

import (
	"math"
	"slices"

	"github.com/cniproof/cniproof/internal/report"
)

// A latency counts as changed when the same steps, taken in pairs, moved the same
// way more often than chance does in one of a hundred comparisons (a sign test),
// and their median moved by half of its former value and by more than a prober can
// resolve. One slow step, or a machine that is a little busier, is noise.
const (
	fewestSteps = 20
	surprise    = 2.58 // standard deviations of a fair coin: 99 %
	factor      = 1.5
	resolution  = 20.0 // ms, of a run
)

// Latency is one kind of change that takes longer or shorter than before.
type Latency struct {
	Kind   string  `json:"kind"`   // enforce or revoke
	Steps  int     `json:"steps"`  // that both runs measured
	Slower int     `json:"slower"` // of these
	Before float64 `json:"before"` // median, ms
	After  float64 `json:"after"`  // median, ms
}

func latencies(before, after report.Document) []Latency {
	list := []Latency{}
	kinds := map[string]func(report.StepEntry) *report.StepLatency{
		"enforce": func(s report.StepEntry) *report.StepLatency { return s.Enforce },
		"revoke":  func(s report.StepEntry) *report.StepLatency { return s.Revoke },
	}
	for _, kind := range []string{"enforce", "revoke"} {
		if l := compared(kind, settled(before, kinds[kind]), settled(after, kinds[kind])); l.changed(resolution) {
			list = append(list, l)
		}
	}
	return list
}

type step struct{ scenario, name string }

func settled(d report.Document, of func(report.StepEntry) *report.StepLatency) map[step]float64 {
	found := map[step]float64{}
	for _, s := range d.Scenarios {
		for _, e := range s.Steps {
			if l := of(e); l != nil {
				found[step{s.Name, e.Name}] = l.Settled
			}
		}
	}
	return found
}

// compared takes what both have in pairs.
func compared[K comparable](kind string, before, after map[K]float64) Latency {
	l := Latency{Kind: kind}
	var was, is []float64
	for s, b := range before {
		a, ok := after[s]
		if !ok {
			continue
		}
		was, is = append(was, b), append(is, a)
		l.Steps++
		if a > b {
			l.Slower++
		}
	}
	l.Before, l.After = median(was), median(is)
	return l
}

// changed reports whether it changed beyond noise, where a prober resolves so much.
func (l Latency) changed(resolution float64) bool {
	if l.Steps < fewestSteps {
		return false
	}
	n := float64(l.Steps)
	odd := math.Abs(2*float64(l.Slower)-n) > surprise*math.Sqrt(n)
	low, high := min(l.Before, l.After), max(l.Before, l.After)
	return odd && high >= factor*low && high-low >= resolution
}

func median(list []float64) float64 {
	if len(list) == 0 {
		return 0
	}
	slices.Sort(list)
	return list[len(list)/2]
}
