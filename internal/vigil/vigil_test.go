package vigil

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cniproof/cniproof/internal/flow"
)

var start = time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)

// parse turns a string of samples, one every 100 ms, into a record: C connected, T
// timed out, R refused, F failed, W wrong peer, - no sample.
func parse(expected flow.Verdict, line string) *Report {
	f := flow.Flow{Source: flow.Pod("x", "a"), Destination: flow.Pod("x", "b"), Protocol: flow.TCP, Port: 80, Via: flow.PodIP, Family: flow.IPv4}
	r := NewRecorder([]flow.Flow{f}, []flow.Verdict{expected}, 100*time.Millisecond, start, nil)
	feed(r, 0, line)
	return r.Report(start.Add(time.Duration(len(line))*100*time.Millisecond), 100*time.Millisecond)
}

func feed(r *Recorder, i int, line string) {
	outcomes := map[rune]flow.Outcome{'C': flow.Connected, 'T': flow.TimedOut, 'R': flow.Refused, 'F': flow.Failed, 'W': flow.WrongPeer, 'O': flow.Unanswered}
	for n, c := range line {
		if c != '-' {
			r.Add(i, flow.Sample{Begin: start.Add(time.Duration(n) * 100 * time.Millisecond), Outcome: outcomes[c]})
		}
	}
}

func windows(r *Report) string {
	var parts []string
	for _, w := range r.Windows {
		text := fmt.Sprintf("%s %d-%d", w.Kind, w.Begin.Sub(start).Milliseconds()/100, w.End.Sub(start).Milliseconds()/100)
		if w.Open {
			text += " open"
		}
		parts = append(parts, text)
	}
	return strings.Join(parts, "; ")
}

func TestWindows(t *testing.T) {
	for _, c := range []struct {
		name     string
		expected flow.Verdict
		samples  string
		want     string
		lost     int
		exit     int
	}{
		{"all right", flow.Allow, "CCCCCC", "", 0, ExitQuiet},
		{"one loss is none", flow.Allow, "CCTCCC", "", 1, ExitQuiet},
		{"two losses apart are none", flow.Allow, "CTCTCC", "", 2, ExitQuiet},
		{"two in a row are a disruption", flow.Allow, "CCTTCC", "disruption 2-4", 0, ExitSeen},
		{"refusals as well", flow.Allow, "CCRTTC", "disruption 2-5", 0, ExitSeen},
		{"one that never ends", flow.Allow, "CCTTTT", "disruption 2-6 open", 0, ExitSeen},
		{"a last single loss", flow.Allow, "CCCCCT", "", 1, ExitQuiet},
		{"doubt ends a disruption", flow.Allow, "CTTFCC", "disruption 1-3", 0, ExitSeen},
		{"doubt between losses parts them", flow.Allow, "CTFTCC", "", 2, ExitQuiet},
		{"denied and right", flow.Deny, "TTRTTT", "", 0, ExitQuiet},
		{"one connection is a leak", flow.Deny, "TTCTTT", "leak 2-3", 0, ExitSeen},
		{"two leaks", flow.Deny, "TCTCCT", "leak 1-2; leak 3-5", 0, ExitSeen},
		{"a leak that never ends", flow.Deny, "TTTCCC", "leak 3-6 open", 0, ExitSeen},
		{"somebody else's identity is no leak", flow.Deny, "TTWTTT", "", 0, ExitQuiet},
		{"what comes through has leaked", flow.Deny, "TTOTTT", "leak 2-3", 0, ExitSeen},
		{"without an answer it is not open", flow.Allow, "CCOOCC", "disruption 2-4", 0, ExitSeen},
		{"doubt is neither", flow.Deny, "TFFFFT", "", 0, ExitQuiet},
		{"doubt for a second is said", flow.Allow, "CFFFFFFFFFFFFC", "could-not-tell 1-13", 0, ExitUntold},
		{"doubt to the end", flow.Deny, "TFFFFFFFFFFFF", "could-not-tell 1-13 open", 0, ExitUntold},
		{"not tried for long", flow.Allow, "CC----------------------CC", "could-not-tell 1-24", 0, ExitUntold},
		{"not tried for a little", flow.Allow, "CC----CCCC", "", 0, ExitQuiet},
		{"not tried to the end", flow.Allow, "CC-----------------------", "could-not-tell 1-25", 0, ExitUntold},
		{"not tried during a leak", flow.Deny, "TCC----------------------T", "leak 1-2; could-not-tell 2-25", 0, ExitSeen},
		{"never tried", flow.Allow, "-------------------------", "could-not-tell 0-25", 0, ExitUntold},
		{"nothing settles it", flow.Undefined, "CTCTCT", "", 0, ExitUntold},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := parse(c.expected, c.samples)
			if got := windows(r); got != c.want {
				t.Errorf("windows %q, want %q", got, c.want)
			}
			if r.Counts.Lost != c.lost || len(r.Losses) != c.lost {
				t.Errorf("%d lost (%d listed), want %d", r.Counts.Lost, len(r.Losses), c.lost)
			}
			if got := r.ExitCode(); got != c.exit {
				t.Errorf("exit code %d, want %d", got, c.exit)
			}
		})
	}
}

func TestIncidentsJoinFlowsNotTimes(t *testing.T) {
	flows := []flow.Flow{{Port: 1, Protocol: flow.TCP}, {Port: 2, Protocol: flow.TCP}, {Port: 3, Protocol: flow.TCP}}
	expected := []flow.Verdict{flow.Deny, flow.Deny, flow.Allow}
	r := NewRecorder(flows, expected, 100*time.Millisecond, start, nil)
	feed(r, 0, "TCCTTTTTTCT")
	feed(r, 1, "TTTCTTTTTTT")
	feed(r, 2, "CTTTCCCCCCC")
	report := r.Report(start.Add(1100*time.Millisecond), 100*time.Millisecond)
	var got []string
	for _, i := range report.Incidents {
		got = append(got, fmt.Sprintf("%s %d-%d %d", i.Kind, i.Begin.Sub(start).Milliseconds()/100, i.End.Sub(start).Milliseconds()/100, len(i.Flows)))
	}
	want := []string{"leak 1-4 2", "leak 9-10 1", "disruption 1-4 1"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("incidents (-want +got):\n%s", diff)
	}
}

// Hours of flapping must not fill the memory, and nothing that happened is lost.
func TestMemoryIsBounded(t *testing.T) {
	r := NewRecorder([]flow.Flow{{}}, []flow.Verdict{flow.Deny}, 100*time.Millisecond, start, nil)
	const flaps = 3 * mostWindows
	for n := range flaps {
		at := start.Add(time.Duration(n) * 400 * time.Millisecond)
		r.Add(0, flow.Sample{Begin: at, Outcome: flow.Connected})
		r.Add(0, flow.Sample{Begin: at.Add(100 * time.Millisecond), Outcome: flow.TimedOut})
	}
	report := r.Report(start.Add(flaps*400*time.Millisecond), 100*time.Millisecond)
	merged := 0
	for _, w := range report.Windows {
		merged += w.Merged
	}
	if len(report.Windows) != mostWindows || len(report.Windows)+merged != flaps || report.Counts.Leaks != flaps {
		t.Errorf("%d windows, %d merged, %d leaks; want %d flaps", len(report.Windows), merged, report.Counts.Leaks, flaps)
	}
}

func TestANewPodMayBeClosedButNeverOpenAtFirst(t *testing.T) {
	flows := []flow.Flow{{Port: 1}, {Port: 2}}
	r := NewRecorder(flows, []flow.Verdict{flow.Allow, flow.Deny}, 100*time.Millisecond, start, nil)
	r.Rise([]int{0, 1})
	feed(r, 0, "TTTTCCTTC")
	feed(r, 1, "CCTTTTTTT")
	if got, want := windows(r.Report(start.Add(900*time.Millisecond), 100*time.Millisecond)), "leak 0-2; disruption 6-8"; got != want {
		t.Errorf("windows %q, want %q", got, want)
	}
}

func TestTheTimelineShowsTheWorstOfEachSecond(t *testing.T) {
	pod := func(name string) flow.Endpoint { return flow.Pod("x", name) }
	flows := []flow.Flow{
		{Source: pod("a"), Destination: pod("b"), Via: flow.PodIP}, {Source: pod("a"), Destination: pod("c"), Via: flow.PodIP},
	}
	expected := []flow.Verdict{flow.Allow, flow.Deny}
	l := NewLines(flows, expected, map[flow.Endpoint]int{pod("a"): 1, pod("b"): 1, pod("c"): 2}, start)
	r := NewRecorder(flows, expected, 100*time.Millisecond, start, l)
	feed(r, 0, "CCCCCCCCCC"+"CTCCCCCCCC"+"CTTCCCCCCC"+"CCCCCCCCCC")
	feed(r, 1, "TTTTTTTTTT"+"TTTTTTTTTT"+"TTTFTTTTTT"+"TTTTCTTTTT")
	var got []string
	for _, row := range l.Rows(start.Add(3900*time.Millisecond), 10) {
		got = append(got, row.Name+" "+strings.Join(row.Cells, ""))
	}
	want := []string{"allowed, same node, podIP ·,X·", "denied, cross node, podIP ···!"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("timeline (-want +got):\n%s", diff)
	}
}

func TestExitCodes(t *testing.T) {
	right := Counts{Right: 1}
	for name, c := range map[string]struct {
		report Report
		want   int
	}{
		"quiet":                           {Report{Began: true, Counts: right}, ExitQuiet},
		"interrupted while it watched":    {Report{Began: true, Counts: right, Interrupted: true}, ExitQuiet},
		"interrupted before":              {Report{Interrupted: true}, ExitInterrupted},
		"never began":                     {Report{Trouble: "x"}, ExitUntold},
		"wrong before":                    {Report{Wrong: true, Trouble: "x"}, ExitSeen},
		"the command failed":              {Report{Began: true, Counts: right, Command: &Command{Exit: 3}}, ExitUntold},
		"a leak and the command failed":   {Report{Began: true, Counts: right, Command: &Command{Exit: 3}, Windows: []Window{{Kind: Leak}}}, ExitSeen},
		"a leak and something untold":     {Report{Began: true, Counts: right, Windows: []Window{{Kind: Unclear}, {Kind: Leak}}}, ExitSeen},
		"not even one right sample":       {Report{Began: true}, ExitUntold},
		"the closing control was no good": {Report{Began: true, Counts: right, Trouble: "x"}, ExitUntold},
	} {
		if got := c.report.ExitCode(); got != c.want {
			t.Errorf("%s: %d, want %d", name, got, c.want)
		}
	}
}
