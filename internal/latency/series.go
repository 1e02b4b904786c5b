package latency

import (
	"fmt"
	"slices"
	"time"

	"github.com/cniproof/cniproof/internal/judge"
)

// Series is the same changes, again and again, in a cluster with so much beside them.
type Series struct {
	Policies int // other policies in the cluster
	Peers    int // pods that the measured policies select as peers; 0: only those that dial
	// Measurements are in the order in which they were made.
	Measurements []Measurement
	// Trouble is why it ended early, or never began; "" otherwise.
	Trouble string
}

// Name tells the series of a report apart.
func (s Series) Name() string {
	switch {
	case s.Policies > 0 && s.Peers > 0:
		return fmt.Sprintf("%d other policies, %d peers", s.Policies, s.Peers)
	case s.Policies > 0:
		return fmt.Sprintf("%d other policies", s.Policies)
	case s.Peers > 0:
		return fmt.Sprintf("%d peers", s.Peers)
	}
	return "nothing else"
}

// Run is what a benchmark came to.
type Run struct {
	Repeat   int
	Interval time.Duration // between two probes of one flow, as intended
	Begin    time.Time
	Took     time.Duration
	Series   []Series
	// Trouble is why nothing could be measured at all; "" otherwise.
	Trouble     string
	Interrupted bool
}

// All are the measurements of all series.
func (r *Run) All() []Measurement {
	var list []Measurement
	for _, s := range r.Series {
		list = append(list, s.Measurements...)
	}
	return list
}

// Count counts the measurements with a result.
func (r *Run) Count(result Result) int {
	n := 0
	for _, m := range r.All() {
		if m.Result == result {
			n++
		}
	}
	return n
}

// Row is one change in one series.
type Row struct {
	Change
	Never, Untold int
	// Of those that were measured.
	First, Settled, LastWrong, Resolution judge.Distribution
}

// Rows are those of the changes that were made, in the order of reports.
func (s Series) Rows() []Row {
	var rows []Row
	for _, c := range s.changes() {
		row := Row{Change: c}
		var first, settled, last, resolution []time.Duration
		for _, m := range s.Measurements {
			if m.Change != c {
				continue
			}
			switch m.Result {
			case Measured:
				first, settled = append(first, m.First), append(settled, m.Settled)
				last, resolution = append(last, m.LastWrong), append(resolution, m.Resolution)
			case Never:
				row.Never++
			case Untold:
				row.Untold++
			}
		}
		row.First, row.Settled = judge.NewDistribution(first), judge.NewDistribution(settled)
		row.LastWrong, row.Resolution = judge.NewDistribution(last), judge.NewDistribution(resolution)
		rows = append(rows, row)
	}
	return rows
}

func (s Series) changes() []Change {
	var list []Change
	for _, m := range s.Measurements {
		if !slices.Contains(list, m.Change) {
			list = append(list, m.Change)
		}
	}
	slices.SortFunc(list, compareChanges)
	return list
}

// Thin reports whether fewer than half of the tries could be told: too little to go by.
func (r Row) Thin() bool { return r.Untold > len(r.Settled)+r.Never }
