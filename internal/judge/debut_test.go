package judge

import (
	"strings"
	"testing"
	"time"

	"github.com/cniproof/cniproof/internal/flow"
)

func stretch(o flow.Outcome, count int, first, last time.Duration) flow.Stretch {
	return flow.Stretch{Outcome: o, Count: count, First: first, Last: last, Took: time.Millisecond}
}

func TestDebut(t *testing.T) {
	const ms, within = time.Millisecond, 5 * time.Second
	shut := []flow.Stretch{stretch(flow.TimedOut, 150, 0, 1500*ms)}
	for _, row := range []struct {
		name     string
		expected flow.Verdict
		by       string
		list     []flow.Stretch
		took     time.Duration
		trouble  string
		want     Result
		says     string
	}{
		{"shut all the time", flow.Deny, ByContainer, shut, 1500 * ms, "", Pass, ""},
		{"one success among silence", flow.Deny, ByInitContainer, []flow.Stretch{stretch(flow.TimedOut, 3, 0, 20*ms), stretch(flow.Connected, 1, 30*ms, 30*ms), stretch(flow.TimedOut, 100, 40*ms, 1500*ms)}, 1500 * ms, "", Fail, "connected 31ms after the first instant of the new pod's init container"},
		{"somebody else answers", flow.Deny, ByContainer, append([]flow.Stretch{stretch(flow.WrongPeer, 4, 0, 30*ms)}, stretch(flow.TimedOut, 100, 40*ms, 1500*ms)), 1500 * ms, "", Pass, ""},
		{"nothing recorded", flow.Deny, ByContainer, nil, 1500 * ms, "", Inconclusive, "0 attempts"},
		{"nothing to be had", flow.Deny, ByContainer, nil, 0, "could not tell: no stream", Inconclusive, "no stream"},
		{"attempts that failed", flow.Deny, ByContainer, []flow.Stretch{stretch(flow.Failed, 150, 0, 1500*ms)}, 1500 * ms, "", Inconclusive, "0 attempts"},
		{"too late to be the first instant", flow.Deny, ByPeer, []flow.Stretch{stretch(flow.Failed, 60, 0, 600*ms), stretch(flow.TimedOut, 90, 610*ms, 1500*ms)}, 1500 * ms, "", Inconclusive, "came 610ms after the API showed"},
		{"a success is one, however late it began", flow.Deny, ByPeer, []flow.Stretch{stretch(flow.Connected, 1, 610*ms, 610*ms)}, 1500 * ms, "", Fail, "connected 611ms after the API showed the new pod's address"},
		{"open in time", flow.Allow, ByContainer, []flow.Stretch{stretch(flow.TimedOut, 20, 0, 200*ms), stretch(flow.Connected, 50, 210*ms, 700*ms)}, 1500 * ms, "", Pass, ""},
		{"open too late", flow.Allow, ByPeer, []flow.Stretch{stretch(flow.TimedOut, 600, 0, 6*time.Second), stretch(flow.Connected, 1, 6*time.Second, 6*time.Second)}, 7 * time.Second, "", Fail, "connected only 6.001s after"},
		{"never open", flow.Allow, ByContainer, []flow.Stretch{stretch(flow.TimedOut, 500, 0, 5*time.Second)}, 5 * time.Second, "", Fail, "did not connect within 5s"},
		{"not tried for long", flow.Allow, ByContainer, shut, 1500 * ms, "", Inconclusive, "for 1.5s only"},
		{"not open before the init container ends", flow.Allow, ByInitContainer, shut, 1500 * ms, "", Pass, ""},
		{"allowed, and nothing recorded", flow.Allow, ByContainer, nil, 5 * time.Second, "", Inconclusive, "0 attempts"},
		{"settled by nobody", flow.Undefined, ByContainer, nil, 0, "", Pass, ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			d := Debut{Expected: row.expected, By: row.by, Stretches: row.list, Took: row.took, Trouble: row.trouble}
			got, says := d.Judge(within)
			if got != row.want || !strings.Contains(says, row.says) {
				t.Errorf("got %s, %q", got, says)
			}
		})
	}
}

// TestDebutHasItsTimeFromWhenSomebodyListens: an init container that dials for a while
// takes nothing of the time that an allowed flow has.
func TestDebutHasItsTimeFromWhenSomebodyListens(t *testing.T) {
	const ms, within, unserved = time.Millisecond, time.Second, 1600 * time.Millisecond
	opens := func(after time.Duration) []flow.Stretch {
		return []flow.Stretch{stretch(flow.Refused, 100, 0, after-10*ms), stretch(flow.Connected, 9, after, after+90*ms)}
	}
	for _, row := range []struct {
		name     string
		expected flow.Verdict
		list     []flow.Stretch
		took     time.Duration
		want     Result
	}{
		{"open as soon as somebody listens", flow.Allow, opens(1610 * ms), 2 * time.Second, Pass},
		{"open too late after that", flow.Allow, opens(2700 * ms), 3 * time.Second, Fail},
		{"not tried for long after that", flow.Allow, []flow.Stretch{stretch(flow.Refused, 200, 0, 2*time.Second)}, 2 * time.Second, Inconclusive},
		{"never open", flow.Allow, []flow.Stretch{stretch(flow.Refused, 300, 0, 3*time.Second)}, 3 * time.Second, Fail},
		{"what is denied has no time", flow.Deny, opens(1610 * ms), 2 * time.Second, Fail},
	} {
		d := Debut{Expected: row.expected, By: ByPeer, Stretches: row.list, Took: row.took, Unserved: unserved}
		if got, says := d.Judge(within); got != row.want {
			t.Errorf("%s: got %s, %q", row.name, got, says)
		}
	}
}

// TestAddDebuts checks what outranks what, and what is measured.
func TestAddDebuts(t *testing.T) {
	const within = time.Second
	open := []flow.Stretch{stretch(flow.Connected, 50, 4*time.Millisecond, time.Second)}
	leak, fine, doubt := Debut{Expected: flow.Deny, Stretches: open}, Debut{Expected: flow.Allow, Stretches: open}, Debut{Expected: flow.Deny}
	for _, row := range []struct {
		table Result
		list  []Debut
		want  Result
		says  string
	}{
		{Pass, []Debut{fine}, Pass, ""},
		{Pass, []Debut{fine, doubt, leak, leak}, Fail, "and 1 more of 4 flows of new pods"},
		{Pass, []Debut{fine, doubt}, Inconclusive, "could not tell"},
		{Inconclusive, []Debut{leak}, Fail, "connected 5ms after"},
		{Inconclusive, []Debut{doubt}, Inconclusive, "the table"},
		{Fail, []Debut{leak}, Fail, "the table"},
	} {
		s := Step{Result: row.table}
		if row.table != Pass {
			s.Reason = "the table"
		}
		s.AddDebuts(row.list, within)
		if s.Result != row.want || !strings.Contains(s.Reason, row.says) {
			t.Errorf("%s and %d debuts: got %s, %q", row.table, len(row.list), s.Result, s.Reason)
		}
		if len(s.Debuts) != len(row.list) {
			t.Errorf("%d debuts were kept of %d", len(s.Debuts), len(row.list))
		}
	}
	var s Step
	s.AddDebuts([]Debut{fine, {Expected: flow.Allow, By: ByPeer, Stretches: []flow.Stretch{stretch(flow.Connected, 1, 9*time.Millisecond, 9*time.Millisecond)}}, leak}, within)
	if s.Start == nil || *s.Start != (Latency{Flows: 2, FirstCorrect: 5 * time.Millisecond, Settled: 10 * time.Millisecond}) {
		t.Errorf("start %+v", s.Start)
	}
	s.AddDebuts([]Debut{fine, {Expected: flow.Allow}}, within)
	if s.Start != nil {
		t.Errorf("start %+v, and one never connected", s.Start)
	}
}
