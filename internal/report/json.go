package report

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"strings"
	"time"

	"github.com/cniproof/cniproof/internal/judge"
	"github.com/cniproof/cniproof/internal/scenario"
)

// writeJSON writes the Document scenario by scenario: where nothing is enforced
// there are hundreds of thousands of mismatches, and they need not be in memory at once.
func writeJSON(w io.Writer, in Input, _ Options) error {
	frame, err := indented(document(in), "")
	if err != nil {
		return err
	}
	const end = "[]\n}" // scenarios are the last field
	separator, last := strings.TrimSuffix(frame, end)+"[", end[1:]
	for i := range in.run().Scenarios {
		text, err := indented(scenarioEntry(in, &in.run().Scenarios[i]), "    ")
		if err != nil {
			return err
		}
		if _, err := io.WriteString(w, separator+"\n    "+text); err != nil {
			return err
		}
		separator, last = ",", "\n  "+end[1:]
	}
	if separator != "," {
		last = separator + last
	}
	_, err = io.WriteString(w, last+"\n")
	return err
}

// indented is JSON whose lines but the first begin with a prefix.
func indented(v any, prefix string) (string, error) {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetIndent(prefix, "  ")
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return "", err
	}
	return strings.TrimSuffix(b.String(), "\n"), nil
}

// Read reads a JSON report. Fields that it does not know are ignored; another
// version or kind is an error.
func Read(r io.Reader) (*Document, error) {
	var d Document
	if err := json.NewDecoder(r).Decode(&d); err != nil {
		return nil, fmt.Errorf("reading a report: %w", err)
	}
	if d.APIVersion != APIVersion || d.Kind != Kind {
		return nil, fmt.Errorf("reading a report: it is %q %q, not %q %q", d.APIVersion, d.Kind, APIVersion, Kind)
	}
	return &d, nil
}

// NewDocument is the JSON report as data.
func NewDocument(in Input) *Document {
	d := document(in)
	for i := range in.run().Scenarios {
		d.Scenarios = append(d.Scenarios, scenarioEntry(in, &in.run().Scenarios[i]))
	}
	return d
}

// document is the report without its scenarios.
func document(in Input) *Document {
	run := in.run()
	return &Document{
		APIVersion:     APIVersion,
		Kind:           Kind,
		Tool:           Tool{Name: "cniproof", Version: in.Tool},
		Command:        list(in.Command),
		Cluster:        clusterInfo(in.Cluster),
		Implementation: implementation(in.Cluster),
		Library:        LibraryInfo(in.Library),
		Seed:           run.Seed,
		Parallel:       run.Parallel,
		Begin:          run.Begin,
		Seconds:        seconds(run.Took),
		Interrupted:    run.Interrupted,
		Error:          run.Err,
		ExitCode:       in.ExitCode(),
		Preflight:      PreflightInfo(run.Preflight),
		Summary:        totals(run),
		Latency:        Latencies{Enforce: percentiles(enforcement(run)), Revoke: percentiles(revocation(run)), Start: percentiles(starting(run))},
		Spent:          spentInfo(run.Spent()),
		Deviations:     deviationEntries(in),
		Profile:        profile(run),
		Axes:           axisEntries(run),
		Promises:       promiseEntries(run),
		Scenarios:      []ScenarioEntry{},
	}
}

// run is never nil.
func (in Input) run() *judge.Run {
	if in.Run == nil {
		return &judge.Run{}
	}
	return in.Run
}

func clusterInfo(c Cluster) ClusterInfo {
	return ClusterInfo{
		Provider:   c.Provider,
		Kubernetes: c.Kubernetes,
		Nodes:      c.Nodes,
		Families:   list(c.Families),
		Protocols:  list(c.Protocols),
	}
}

func spentInfo(s judge.Spent) SpentInfo {
	return SpentInfo{
		Deploying: seconds(s.Deploying), API: seconds(s.API),
		Waiting: seconds(s.Waiting), Holding: seconds(s.Holding), Silence: seconds(s.Silence),
	}
}

func implementation(c Cluster) Implementation {
	return Implementation{Name: c.Implementation, Version: c.Version, Reference: c.Reference, Faults: list(c.Faults)}
}

func totals(r *judge.Run) Totals {
	s := Totals{Levels: map[scenario.Level]Counts{}}
	for _, l := range levels() {
		s.Levels[l] = Counts{}
	}
	for _, sc := range r.Scenarios {
		s.Add(sc.Result)
		c := s.Levels[sc.Level]
		c.Add(sc.Result)
		s.Levels[sc.Level] = c
	}
	return s
}

func levels() []scenario.Level {
	return []scenario.Level{scenario.LevelMust, scenario.LevelOptional, scenario.LevelContested, scenario.LevelUndefined}
}

// Add counts a result; what is no result at all counts as inconclusive.
func (c *Counts) Add(r judge.Result) {
	switch r {
	case judge.Pass:
		c.Pass++
	case judge.Fail:
		c.Fail++
	case judge.Skipped:
		c.Skipped++
	case judge.Recorded:
		c.Recorded++
	case judge.Inconclusive:
		c.Inconclusive++
	default:
		c.Inconclusive++
	}
}

func percentiles(d judge.Distribution) Percentiles {
	return Percentiles{
		Steps: len(d),
		P50:   millis(d.Percentile(50)),
		P90:   millis(d.Percentile(90)),
		P99:   millis(d.Percentile(99)),
		Max:   millis(d.Percentile(100)),
	}
}

func scenarioEntry(in Input, s *judge.Scenario) ScenarioEntry {
	e := ScenarioEntry{
		Name:         s.Name,
		Topic:        s.Topic,
		Summary:      s.Summary,
		Level:        s.Level,
		Features:     list(s.Features),
		Refs:         list(s.Refs),
		Result:       known(s.Result),
		Reason:       s.Reason,
		Seconds:      seconds(s.Took),
		Spent:        spentInfo(s.Spent),
		Stage:        s.Stage,
		FirstTry:     s.FirstTry,
		Steps:        []StepEntry{},
		Mismatches:   []FlowEntry{},
		Inconclusive: []FlowEntry{},
		Unsettled:    []FlowEntry{},
		Recorded:     []FlowEntry{},
	}
	if d := in.deviation(s); d != nil {
		e.KnownDeviation = d.Link
	}
	for i := range s.Steps {
		step := &s.Steps[i]
		e.Steps = append(e.Steps, stepEntry(s, step))
		e.Mismatches = append(e.Mismatches, flowEntries(step, cellsOf(s, step, mismatch))...)
		e.Inconclusive = append(e.Inconclusive, flowEntries(step, cellsOf(s, step, doubtful))...)
		e.Unsettled = append(e.Unsettled, flowEntries(step, unsettled(s, step))...)
		e.Recorded = append(e.Recorded, flowEntries(step, cellsOf(s, step, record))...)
	}
	return e
}

// known keeps a result that nobody set from looking like one that somebody did.
func known(r judge.Result) judge.Result {
	if r == "" {
		return judge.Inconclusive
	}
	return r
}

func stepEntry(s *judge.Scenario, step *judge.Step) StepEntry {
	e := StepEntry{
		Name:       step.Name,
		Control:    step.Control,
		Deeds:      list(step.Deeds),
		Source:     step.Source,
		Result:     known(step.Result),
		Reason:     step.Reason,
		Seconds:    seconds(step.Took),
		Rounds:     step.Rounds,
		Probes:     step.Probes,
		Allowed:    step.Allowed,
		Denied:     step.Denied,
		Undefined:  step.Undefined,
		Enforce:    stepLatency(step.Enforce),
		Revoke:     stepLatency(step.Revoke),
		Start:      stepLatency(step.Start),
		Debuts:     debutEntries(step),
		Readings:   []ReadingEntry{},
		Flaps:      []FlapEntry{},
		Steady:     steadyEntry(step.Vigil),
		Mismatches: []string{},
	}
	for _, r := range step.Readings {
		e.Readings = append(e.Readings, ReadingEntry(r))
	}
	for _, f := range step.Flaps {
		e.Flaps = append(e.Flaps, FlapEntry{f.Flow.String(), f.Expected, f.Outcome, millis(f.After)})
	}
	for _, c := range cellsOf(s, step, mismatch) {
		e.Mismatches = append(e.Mismatches, c.Flow.String())
	}
	return e
}

func stepLatency(l *judge.Latency) *StepLatency {
	if l == nil {
		return nil
	}
	return &StepLatency{l.Flows, millis(l.FirstCorrect), millis(l.LastWrong), millis(l.Settled)}
}

func flowEntries(step *judge.Step, cells []judge.Cell) []FlowEntry {
	entries := make([]FlowEntry, len(cells))
	for i, c := range cells {
		entries[i] = FlowEntry{
			Step:        step.Name,
			Flow:        c.Flow.String(),
			Source:      c.Flow.Source.String(),
			Destination: c.Flow.Destination.String(),
			Port:        c.Flow.Port,
			Protocol:    c.Flow.Protocol,
			Via:         c.Flow.Via,
			Family:      c.Flow.Family,
			Expected:    c.Expected,
			Observed:    c.Observed,
			Outcome:     c.Outcome,
			Outcomes:    tally(c),
			Detail:      c.Detail,
			Explanation: c.Explanation,
		}
	}
	return entries
}

// list is the same list, but never nil.
func list[T any](l []T) []T {
	if l == nil {
		return []T{}
	}
	return l
}

// seconds has three digits after the point, which is what the clocks are good for.
func seconds(d time.Duration) float64 { return math.Round(d.Seconds()*1e3) / 1e3 }

func millis(d time.Duration) float64 { return math.Round(float64(d)/1e3) / 1e3 }
