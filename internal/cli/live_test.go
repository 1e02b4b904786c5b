package cli

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/hinshun/vt10x"

	"github.com/cniproof/cniproof/internal/judge"
	"github.com/cniproof/cniproof/internal/runner"
	"github.com/cniproof/cniproof/internal/scenario"
)

// shown is what a person sees on an emulated terminal: its lines without the empty
// ones at its end.
func shown(term vt10x.Terminal) string {
	lines := strings.Split(term.String(), "\n")
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " ")
	}
	return strings.TrimRight(strings.Join(lines, "\n"), "\n")
}

// emulated is a live view on an emulated terminal.
func emulated(columns, rows int) (*live, vt10x.Terminal) {
	term := vt10x.New(vt10x.WithSize(columns, rows))
	tty := crlf{term}
	return &live{out: tty, size: func() (int, int) { return term.Size() }}, term
}

// crlf is the kernel's half of a terminal.
type crlf struct{ term vt10x.Terminal }

func (c crlf) Write(b []byte) (int, error) {
	_, err := c.term.Write([]byte(strings.ReplaceAll(string(b), "\n", "\r\n")))
	return len(b), err
}

func TestLiveIsDrawnInPlace(t *testing.T) {
	l, term := emulated(40, 10)
	_, _ = l.out.Write([]byte("before\n"))
	l.draw([]string{"one", "two, which is longer", "three"})
	l.draw([]string{"ONE", "TWO"})
	if got, want := shown(term), "before\nONE\nTWO"; got != want {
		t.Errorf("the screen shows\n%s\nwant\n%s", got, want)
	}
	l.clear()
	_, _ = l.out.Write([]byte("after\n"))
	l.draw([]string{"again"})
	l.clear()
	if got, want := shown(term), "before\nafter"; got != want {
		t.Errorf("at the end the screen shows\n%s\nwant\n%s", got, want)
	}
}

func TestLiveKeepsToTheTerminal(t *testing.T) {
	l, term := emulated(20, 4)
	var lines []string
	for n := range 9 {
		lines = append(lines, fmt.Sprintf("line %d, %s", n, strings.Repeat("x", 40)))
	}
	for range 3 {
		l.draw(lines)
	}
	got := strings.Split(shown(term), "\n")
	if len(got) != 3 || !strings.HasPrefix(got[0], "line 0") || !strings.HasSuffix(got[2], "…") {
		t.Errorf("the screen shows\n%s", strings.Join(got, "\n"))
	}
}

// TestLiveSurvivesResize makes the terminal narrower, as xterm does it: lines are cut.
func TestLiveSurvivesResize(t *testing.T) {
	l, term := emulated(60, 12)
	_, _ = l.out.Write([]byte("before\n"))
	l.draw([]string{strings.Repeat("a", 20), "b"})
	term.Resize(30, 12)
	l.draw([]string{strings.Repeat("c", 50), "d"})
	term.Resize(80, 12)
	l.draw([]string{strings.Repeat("e", 50), "f"})
	if got, want := shown(term), "before\n"+strings.Repeat("e", 50)+"\nf"; got != want {
		t.Errorf("the screen shows\n%s\nwant\n%s", got, want)
	}
}

func TestProgress(t *testing.T) {
	at := func(s int) time.Time { return time.Unix(int64(1000+s), 0) }
	p := progress{total: 20, work: map[int]*work{}, status: "making nodes"}
	if got := p.heartbeat(at(0), at(15)); got != "15s: waiting for the cluster; last: making nodes" {
		t.Error(got)
	}
	start := func(stage int, name string, s int) {
		p.take(runner.Event{Started: &scenario.Scenario{Name: name}, Stage: stage}, at(s))
	}
	end := func(name string, done int, r judge.Result, s int) {
		p.take(runner.Event{Ended: &judge.Scenario{Name: name, Result: r}, Done: done}, at(s))
	}
	p.take(runner.Event{Step: &runner.StepEvent{Scenario: "preflight", Name: "deny", Number: 1, Of: 1}}, at(16))
	if got := p.heartbeat(at(0), at(17)); got != `17s: 0 of 20 done; waiting for: preflight, step 1/1 "deny" (1s)` {
		t.Error(got)
	}
	p.take(runner.Event{Preflight: &judge.Preflight{}}, at(20))
	for n, name := range []string{"a", "b", "c", "d", "e"} {
		start(n+1, name, 20+n)
	}
	end("a", 1, judge.Fail, 30)
	end("b", 2, judge.Inconclusive, 30)
	end("c", 3, judge.Pass, 30)
	p.take(runner.Event{Step: &runner.StepEvent{Scenario: "d", Name: "two", Number: 2, Of: 3}, Stage: 4}, at(30))
	start(1, "f", 31)
	start(2, "g", 31)
	want := `50s: 3 of 20 done, 1 failed, 1 could not be told, about 2m50s left; waiting for: d, step 2/3 "two" (27s); e, pods (26s); f, pods (19s); 1 more`
	if got := p.heartbeat(at(0), at(50)); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	view := p.view(at(0), at(50), 6)
	if len(view) != 5 || !strings.HasPrefix(view[0], " 50.0s  ███░░░") || !strings.Contains(view[4], "and 1 more") {
		t.Errorf("the view is\n%s", strings.Join(view, "\n"))
	}
}
