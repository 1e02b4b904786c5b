package vigil

import (
	"encoding/json"
	"io"
	"time"

	"github.com/cniproof/cniproof/internal/flow"
)

// APIVersion and Kind are of the JSON report.
const (
	APIVersion = "cniproof.dev/v1alpha1"
	ReportKind = "WatchReport"
)

// Document is the JSON report. Times are in UTC, with nanoseconds.
type Document struct {
	APIVersion      string             `json:"apiVersion"`
	Kind            string             `json:"kind"`
	Tool            string             `json:"tool"`
	Scenario        string             `json:"scenario"`
	Step            string             `json:"step"`
	Cluster         string             `json:"cluster"`
	Result          string             `json:"result"` // quiet, seen, could-not-tell, interrupted
	ExitCode        int                `json:"exitCode"`
	Conclusion      string             `json:"conclusion"`
	Begin           time.Time          `json:"begin,omitzero"`
	End             time.Time          `json:"end,omitzero"`
	IntervalSeconds float64            `json:"intervalSeconds"`
	Flows           int                `json:"flows"`
	Allowed         int                `json:"allowed"`
	Denied          int                `json:"denied"`
	Samples         Counts             `json:"samples"`
	Leaks           []WindowDocument   `json:"leaks"`
	Disruptions     []WindowDocument   `json:"disruptions"`
	CouldNotTell    []WindowDocument   `json:"couldNotTell"`
	Incidents       []IncidentDocument `json:"incidents"`
	Losses          []LossDocument     `json:"losses"`
	Events          []EventDocument    `json:"events"`
	Command         *CommandDocument   `json:"command,omitempty"`
	Trouble         string             `json:"trouble,omitempty"`
}

// FlowDocument is a flow.
type FlowDocument struct {
	Source      string        `json:"source"`
	Destination string        `json:"destination"`
	Port        uint16        `json:"port"`
	Protocol    flow.Protocol `json:"protocol"`
	Via         flow.Via      `json:"via"`
	Family      flow.Family   `json:"family"`
}

// WindowDocument is a window of one flow.
type WindowDocument struct {
	Flow    FlowDocument `json:"flow"`
	Begin   time.Time    `json:"begin"`
	End     time.Time    `json:"end"`
	Last    time.Time    `json:"lastWrong"`
	Seconds float64      `json:"seconds"`
	Open    bool         `json:"open"`
	Samples int          `json:"samples"`
	Merged  int          `json:"merged,omitempty"`
	Outcome flow.Outcome `json:"outcome"`
	Detail  string       `json:"detail,omitempty"`
}

// IncidentDocument is windows of one kind that touch.
type IncidentDocument struct {
	Kind    Kind      `json:"kind"`
	Begin   time.Time `json:"begin"`
	End     time.Time `json:"end"`
	Last    time.Time `json:"lastWrong"`
	Seconds float64   `json:"seconds"`
	Open    bool      `json:"open"`
	Windows int       `json:"windows"`
	Flows   []string  `json:"flows"`
}

// LossDocument is a single lost probe.
type LossDocument struct {
	Flow    FlowDocument `json:"flow"`
	At      time.Time    `json:"at"`
	Outcome flow.Outcome `json:"outcome"`
}

// EventDocument is something that happened beside the flows.
type EventDocument struct {
	At   time.Time `json:"at"`
	Text string    `json:"text"`
}

// CommandDocument is the command that was watched.
type CommandDocument struct {
	Text    string  `json:"text"`
	Exit    int     `json:"exitCode"`
	Seconds float64 `json:"seconds"`
}

// About is what a report says beside what was seen.
type About struct{ Tool, Scenario, Cluster string }

// WriteJSON writes the report for a program.
func WriteJSON(w io.Writer, r *Report, about About) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(NewDocument(r, about))
}

// NewDocument is the JSON report as data.
func NewDocument(r *Report, about About) Document {
	d := Document{
		APIVersion: APIVersion, Kind: ReportKind,
		Tool: about.Tool, Scenario: about.Scenario, Step: r.Step, Cluster: about.Cluster,
		Result: result(r), ExitCode: r.ExitCode(), Conclusion: Conclusion(r),
		Begin: r.Begin.UTC(), End: r.End.UTC(), IntervalSeconds: r.Interval.Seconds(),
		Flows: r.Flows, Allowed: r.Allowed, Denied: r.Denied, Samples: r.Counts,
		Leaks: windowsOf(r, Leak), Disruptions: windowsOf(r, Disruption), CouldNotTell: windowsOf(r, Unclear),
		Incidents: []IncidentDocument{}, Losses: []LossDocument{}, Events: []EventDocument{}, Trouble: r.Trouble,
	}
	for _, i := range r.Incidents {
		d.Incidents = append(d.Incidents, IncidentDocument{
			i.Kind, i.Begin.UTC(), i.End.UTC(), i.Last.UTC(), i.End.Sub(i.Begin).Seconds(), i.Open, i.Windows, Condensed(i.Flows),
		})
	}
	for _, l := range r.Losses {
		d.Losses = append(d.Losses, LossDocument{document(l.Flow), l.At.UTC(), l.Outcome})
	}
	for _, e := range r.Events {
		d.Events = append(d.Events, EventDocument{e.At.UTC(), e.Text})
	}
	if c := r.Command; c != nil {
		d.Command = &CommandDocument{c.Text, c.Exit, c.Took.Seconds()}
	}
	return d
}

func result(r *Report) string {
	return map[int]string{ExitQuiet: "quiet", ExitSeen: "seen", ExitUntold: "could-not-tell", ExitInterrupted: "interrupted"}[r.ExitCode()]
}

func document(f flow.Flow) FlowDocument {
	return FlowDocument{f.Source.String(), f.Destination.String(), f.Port, f.Protocol, f.Via, f.Family}
}

func windowsOf(r *Report, k Kind) []WindowDocument {
	list := []WindowDocument{}
	for _, w := range r.Windows {
		if w.Kind == k {
			list = append(list, WindowDocument{
				document(w.Flow), w.Begin.UTC(), w.End.UTC(), w.Last.UTC(), w.End.Sub(w.Begin).Seconds(), w.Open, w.Samples, w.Merged, w.Outcome, w.Detail,
			})
		}
	}
	return list
}
