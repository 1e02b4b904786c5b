// Package benchreport says what a benchmark of latencies came to, in the formats that
// people and machines read. Same measurements in, same bytes out.
package benchreport

import (
	"fmt"
	"time"

	"github.com/cniproof/cniproof/internal/judge"
	"github.com/cniproof/cniproof/internal/latency"
	"github.com/cniproof/cniproof/internal/report"
)

// Report is everything that is said.
type Report struct {
	*latency.Run
	Tool    string // version of cniproof
	Cluster report.Cluster
	Profile string
}

// lag is how long control streams took to answer.
func (r *Report) lag() judge.Distribution {
	var list []time.Duration
	for _, m := range r.All() {
		list = append(list, m.Lag)
	}
	return judge.NewDistribution(list)
}

// untold says what keeps the report from being complete, or "".
func (r *Report) untold() string {
	if r.Trouble != "" {
		return r.Trouble
	}
	for _, s := range r.Series {
		if s.Trouble != "" {
			return fmt.Sprintf("with %s: %s", s.Name(), s.Trouble)
		}
		for _, row := range s.Rows() {
			if row.Thin() {
				return fmt.Sprintf("with %s: %s: most tries could not be told", s.Name(), row.Change)
			}
		}
	}
	if r.Count(latency.Measured) == 0 {
		return "nothing was measured"
	}
	return ""
}

// ExitCode is what a process that made the report should end with, as that of a run.
func (r *Report) ExitCode() int {
	switch {
	case r.Interrupted:
		return report.ExitInterrupted
	case r.Count(latency.Never) > 0:
		return report.ExitFail
	case r.untold() != "":
		return report.ExitInconclusive
	}
	return report.ExitPass
}

// Conclusion is the report in one line.
func (r *Report) Conclusion() string {
	counts := fmt.Sprintf("%d changes measured", r.Count(latency.Measured))
	if n := r.Count(latency.Never); n > 0 {
		counts += fmt.Sprintf(", %d not followed in time", n)
	}
	if n := r.Count(latency.Untold); n > 0 {
		counts += fmt.Sprintf(", %d that could not be told and do not count", n)
	}
	switch r.ExitCode() {
	case report.ExitFail:
		return "NOT FOLLOWED: " + counts
	case report.ExitInterrupted:
		return "INTERRUPTED: " + counts
	case report.ExitInconclusive:
		return "COULD NOT TELL: " + r.untold() + "; " + counts
	}
	return "MEASURED: " + counts
}
