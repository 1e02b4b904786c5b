package compare

import (
	"fmt"
	"io"

	"github.com/cniproof/cniproof/internal/benchreport"
	"github.com/cniproof/cniproof/internal/latency"
	"github.com/cniproof/cniproof/internal/report"
)

// finest is the least, in ms, by which a latency that was measured for its own sake has
// to move.
const finest = 10.0

// LatencyDiff is what changed between two reports of latencies, each list in their order.
type LatencyDiff struct {
	Before LatencySubject `json:"before"`
	After  LatencySubject `json:"after"`
	// Resolution is by how much, in ms, a median has to move: twice what the coarser of
	// the two resolved in half of all cases, and 10 at least.
	Resolution float64 `json:"resolution"`
	// Slower and Faster changed beyond noise.
	Slower []LatencyChange `json:"slower"`
	Faster []LatencyChange `json:"faster"`
	// Unfollowed were followed in time before, always, and are not now.
	Unfollowed []LatencyChange `json:"unfollowed"`
	// Unmeasured were measured before and are not now.
	Unmeasured []LatencyChange `json:"unmeasured"`
	// Same did not change, or only by what may be noise.
	Same []LatencyChange `json:"same"`
	// TooFew were measured too rarely to tell.
	TooFew []LatencyChange `json:"tooFew"`
}

// LatencySubject is what was measured.
type LatencySubject struct {
	Tool           string   `json:"tool"` // version of cniproof
	Implementation string   `json:"implementation"`
	Version        string   `json:"version"`
	Kubernetes     string   `json:"kubernetes"`
	Provider       string   `json:"provider"`
	Faults         []string `json:"faults"`   // planted on purpose
	Complete       bool     `json:"complete"` // neither interrupted nor ended early
	Began          string   `json:"began"`    // RFC 3339
}

// LatencyChange is one kind of change in one series of both reports.
type LatencyChange struct {
	Series string       `json:"series"`
	Change latency.Kind `json:"change"`
	Way    latency.Way  `json:"way"`
	Pairs  int          `json:"pairs"`  // that both measured
	Slower int          `json:"slower"` // of these
	Before float64      `json:"before"` // median, ms
	After  float64      `json:"after"`  // median, ms
}

// NewLatencyDiff compares measurement by measurement: the first of one report with the
// first of the other, and so on.
func NewLatencyDiff(before, after benchreport.Document) LatencyDiff {
	d := LatencyDiff{
		Before: latencySubject(before), After: latencySubject(after),
		Resolution: max(finest, 2*before.Resolution.P50, 2*after.Resolution.P50),
		Slower:     []LatencyChange{}, Faster: []LatencyChange{}, Unfollowed: []LatencyChange{},
		Unmeasured: []LatencyChange{}, Same: []LatencyChange{}, TooFew: []LatencyChange{},
	}
	for _, was := range before.Series {
		is := seriesNamed(after, was.Name)
		for _, c := range was.Changes {
			d.sort(was, is, c)
		}
	}
	return d
}

func latencySubject(d benchreport.Document) LatencySubject {
	return LatencySubject{
		Tool: d.Tool.Version, Implementation: d.Implementation.Name, Version: d.Implementation.Version,
		Kubernetes: d.Cluster.Kubernetes, Provider: d.Cluster.Provider, Faults: d.Implementation.Faults,
		Complete: d.ExitCode == report.ExitPass || d.ExitCode == report.ExitFail, Began: d.Begin.UTC().Format("2006-01-02T15:04:05Z"),
	}
}

func seriesNamed(d benchreport.Document, name string) benchreport.SeriesEntry {
	for _, s := range d.Series {
		if s.Name == name {
			return s
		}
	}
	return benchreport.SeriesEntry{}
}

func (d *LatencyDiff) sort(was, is benchreport.SeriesEntry, c benchreport.ChangeEntry) {
	neverBefore, before := measured(was, c)
	neverAfter, after := measured(is, c)
	l := compared("", before, after)
	into := &d.Same
	switch {
	case neverAfter > 0 && neverBefore == 0:
		into = &d.Unfollowed
	case len(before) > 0 && len(after) == 0:
		into = &d.Unmeasured
	case l.Steps < fewestSteps:
		into = &d.TooFew
	case l.changed(d.Resolution) && l.After > l.Before:
		into = &d.Slower
	case l.changed(d.Resolution):
		into = &d.Faster
	}
	*into = append(*into, LatencyChange{was.Name, c.Change, c.Way, l.Steps, l.Slower, l.Before, l.After})
}

// measured is how often a change was not followed, and what was measured of it, by its
// number.
func measured(s benchreport.SeriesEntry, c benchreport.ChangeEntry) (never int, found map[int]float64) {
	found = map[int]float64{}
	for _, m := range s.Measurements {
		if m.Change != c.Change || m.Way != c.Way {
			continue
		}
		switch m.Result {
		case latency.Measured:
			found[m.Repeat] = m.Settled
		case latency.Never:
			never++
		case latency.Untold:
		}
	}
	return never, found
}

// Regressed reports whether something is worse, or is not known any more.
func (d LatencyDiff) Regressed() bool {
	return !d.After.Complete || len(d.Slower)+len(d.Unfollowed)+len(d.Unmeasured) > 0
}

// Compared reports whether there was enough of anything to compare.
func (d LatencyDiff) Compared() bool { return len(d.Slower)+len(d.Faster)+len(d.Same) > 0 }

func (d LatencyDiff) verdict() string {
	switch {
	case !d.After.Complete:
		return "REGRESSED: the later report is not complete"
	case d.Regressed():
		return fmt.Sprintf("REGRESSED: %d slower, %d not followed any more, %d not measured any more", len(d.Slower), len(d.Unfollowed), len(d.Unmeasured))
	case !d.Compared():
		return fmt.Sprintf("NOTHING COMPARED: no change was measured %d times in both", fewestSteps)
	}
	return fmt.Sprintf("no change takes longer beyond noise; %d take less", len(d.Faster))
}

// WriteLatencyDiff writes it in one of Formats.
func WriteLatencyDiff(w io.Writer, d LatencyDiff, format string) error {
	return write(w, d, format, func(t table) {
		t.row("before", d.Before.String(), d.Before.Began)
		t.row("after", d.After.String(), d.After.Began)
		t.latencies("slower beyond noise", d.Slower)
		t.latencies("faster beyond noise", d.Faster)
		t.latencies("not followed any more", d.Unfollowed)
		t.latencies("not measured any more", d.Unmeasured)
		t.latencies("the same, or noise", d.Same)
		t.latencies(fmt.Sprintf("not compared: fewer than %d pairs", fewestSteps), d.TooFew)
		t.title(d.verdict())
	})
}

// String is the subject in a few words.
func (s LatencySubject) String() string {
	text := named(s.Implementation, s.Version, s.Faults)
	if !s.Complete {
		text += " (INCOMPLETE)"
	}
	return text + ", Kubernetes " + s.Kubernetes
}

func (t table) latencies(title string, list []LatencyChange) {
	if len(list) == 0 {
		return
	}
	t.title(title)
	t.row("beside it", "change", "way", "pairs", "of them slower", "median before", "median after")
	for _, c := range list {
		t.row(c.Series, string(c.Change), string(c.Way), fmt.Sprint(c.Pairs), fmt.Sprint(c.Slower),
			fmt.Sprintf("%.0f ms", c.Before), fmt.Sprintf("%.0f ms", c.After))
	}
}
