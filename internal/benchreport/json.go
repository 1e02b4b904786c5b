package benchreport

import (
	"encoding/json"
	"io"
	"math"
	"time"

	"github.com/cniproof/cniproof/internal/judge"
	"github.com/cniproof/cniproof/internal/latency"
	"github.com/cniproof/cniproof/internal/report"
)

// APIVersion and DocumentKind mark a Document.
const (
	APIVersion   = "cniproof.dev/latency/v1alpha1"
	DocumentKind = "LatencyReport"
)

// Document is the JSON report of one benchmark of latencies. Lists are never null;
// latencies are in milliseconds from the API's answer.
type Document struct {
	// APIVersion is the version of this format.
	APIVersion string `json:"apiVersion" jsonschema:"enum=cniproof.dev/latency/v1alpha1"`
	// Kind tells this document from others.
	Kind string `json:"kind" jsonschema:"enum=LatencyReport"`
	// Tool is the program that made the report.
	Tool report.Tool `json:"tool"`
	// Cluster is where the changes were made.
	Cluster report.ClusterInfo `json:"cluster"`
	// Implementation is what was measured.
	Implementation report.Implementation `json:"implementation"`
	// Profile is which series were asked for.
	Profile string `json:"profile"`
	// Repeat is how often each change was to be made.
	Repeat int `json:"repeat"`
	// IntervalMilliseconds is how often every flow was to be tried.
	IntervalMilliseconds float64 `json:"intervalMilliseconds"`
	// Resolution is the time between the sample that showed the new verdict and the one before it: so much earlier it may have been.
	Resolution Percentiles `json:"resolution"`
	// Lag is how long agents took to answer their control streams: by at most that much samples are dated too early.
	Lag Percentiles `json:"lag"`
	// Begin is when the benchmark began.
	Begin time.Time `json:"begin"`
	// Seconds is how long the benchmark took.
	Seconds float64 `json:"seconds"`
	// Interrupted is true where the user ended it early.
	Interrupted bool `json:"interrupted"`
	// Error is why nothing could be measured at all, else "".
	Error string `json:"error"`
	// ExitCode is 0 where all is measured, 1 where a change was not followed, 2 where too much could not be told, 130 where it was interrupted.
	ExitCode int `json:"exitCode"`
	// Conclusion is the report in one line.
	Conclusion string `json:"conclusion"`
	// Series are the same changes beside more and more else.
	Series []SeriesEntry `json:"series"`
}

// SeriesEntry is all changes, made again and again in a cluster with so much else in it.
type SeriesEntry struct {
	// Name tells the series of a report apart.
	Name string `json:"name"`
	// Policies is how many other policies were in the cluster.
	Policies int `json:"policies"`
	// Peers is how many pods the measured policies selected as peers; 0 stands for those alone that dial.
	Peers int `json:"peers"`
	// Error is why the series ended early, else "".
	Error string `json:"error"`
	// Changes summarises the measurements by kind of change.
	Changes []ChangeEntry `json:"changes"`
	// Measurements are all of them, in the order in which they were made.
	Measurements []MeasurementEntry `json:"measurements"`
}

// ChangeEntry is one kind of change, in one way.
type ChangeEntry struct {
	// Change is what was done to the cluster.
	Change latency.Kind `json:"change"`
	// Way is whether it closed or opened flows.
	Way latency.Way `json:"way"`
	// Never is how often it was not followed in time.
	Never int `json:"never"`
	// CouldNotTell is how often nothing can be said; these do not count.
	CouldNotTell int `json:"couldNotTell"`
	// FirstCorrect is when the first flow showed its new verdict.
	FirstCorrect Percentiles `json:"firstCorrect"`
	// Settled is when every flow had shown its new verdict.
	Settled Percentiles `json:"settled"`
	// LastWrong is when a flow was last seen with its old verdict; 0 if never.
	LastWrong Percentiles `json:"lastWrong"`
	// Resolution is how much earlier the verdicts may have changed.
	Resolution Percentiles `json:"resolution"`
}

// Percentiles summarise durations by nearest rank: values that were measured, not
// interpolated. Unit: milliseconds.
type Percentiles struct {
	// Count is how many there are; where it is 0 the other numbers mean nothing.
	Count int `json:"count"`
	// P50 is the median.
	P50 float64 `json:"p50"`
	// P90 is what 90 % of them do not exceed.
	P90 float64 `json:"p90"`
	// P99 is what 99 % of them do not exceed.
	P99 float64 `json:"p99"`
	// Max is the longest.
	Max float64 `json:"max"`
}

// MeasurementEntry is one change, measured once.
type MeasurementEntry struct {
	// Change is what was done to the cluster.
	Change latency.Kind `json:"change"`
	// Way is whether it closed or opened flows.
	Way latency.Way `json:"way"`
	// Repeat counts the rounds of changes, from 1.
	Repeat int `json:"repeat"`
	// At is when the API answered.
	At time.Time `json:"at"`
	// Result is measured, never or could-not-tell. Only measured ones have latencies.
	Result latency.Result `json:"result"`
	// Reason is why it was not measured, else "".
	Reason string `json:"reason"`
	// Flows is how many flows the change turned.
	Flows int `json:"flows"`
	// FirstCorrect is when the first flow showed its new verdict.
	FirstCorrect float64 `json:"firstCorrect"`
	// Settled is when every flow had shown its new verdict.
	Settled float64 `json:"settled"`
	// LastWrong is when a flow was last seen with its old verdict; 0 if never.
	LastWrong float64 `json:"lastWrong"`
	// Resolution is how much earlier the verdicts may have changed.
	Resolution float64 `json:"resolution"`
	// Lag is how long the slowest agent took to answer its control stream meanwhile.
	Lag float64 `json:"lag"`
}

func writeJSON(w io.Writer, r *Report) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(NewDocument(r))
}

// NewDocument is the JSON report as data.
func NewDocument(r *Report) *Document {
	about := report.NewDocument(report.Input{Tool: r.Tool, Cluster: r.Cluster})
	d := &Document{
		APIVersion: APIVersion, Kind: DocumentKind,
		Tool: about.Tool, Cluster: about.Cluster, Implementation: about.Implementation,
		Profile: r.Profile, Repeat: r.Repeat, IntervalMilliseconds: millis(r.Interval),
		Resolution: summary(r.resolutions()), Lag: summary(r.lag()),
		Begin: r.Begin.UTC(), Seconds: math.Round(r.Took.Seconds()*1e3) / 1e3, Interrupted: r.Interrupted, Error: r.Trouble,
		ExitCode: r.ExitCode(), Conclusion: r.Conclusion(), Series: []SeriesEntry{},
	}
	for _, s := range r.Series {
		d.Series = append(d.Series, entry(s))
	}
	return d
}

func entry(s latency.Series) SeriesEntry {
	e := SeriesEntry{
		Name: s.Name(), Policies: s.Policies, Peers: s.Peers, Error: s.Trouble,
		Changes: []ChangeEntry{}, Measurements: []MeasurementEntry{},
	}
	for _, r := range s.Rows() {
		e.Changes = append(e.Changes, ChangeEntry{
			Change: r.Kind, Way: r.Way, Never: r.Never, CouldNotTell: r.Untold,
			FirstCorrect: summary(r.First), Settled: summary(r.Settled), LastWrong: summary(r.LastWrong), Resolution: summary(r.Resolution),
		})
	}
	for _, m := range s.Measurements {
		e.Measurements = append(e.Measurements, MeasurementEntry{
			Change: m.Kind, Way: m.Way, Repeat: m.Repeat, At: m.At.UTC(), Result: m.Result, Reason: m.Reason, Flows: m.Flows,
			FirstCorrect: millis(m.First), Settled: millis(m.Settled), LastWrong: millis(m.LastWrong),
			Resolution: millis(m.Resolution), Lag: millis(m.Lag),
		})
	}
	return e
}

func summary(d judge.Distribution) Percentiles {
	return Percentiles{
		Count: len(d), P50: millis(d.Percentile(50)), P90: millis(d.Percentile(90)), P99: millis(d.Percentile(99)), Max: millis(d.Percentile(100)),
	}
}

func millis(d time.Duration) float64 { return math.Round(float64(d)/1e3) / 1e3 }
