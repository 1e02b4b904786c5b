package vigil

import (
	"testing"
	"time"

	"github.com/cniproof/cniproof/internal/flow"
)

const ms = time.Millisecond

// closely feeds samples, one every 10 ms, to a recorder that must be told of everything.
func closely(expected flow.Verdict, line string) *Report {
	r := NewRecorder([]flow.Flow{{Port: 80}}, []flow.Verdict{expected}, 10*ms, start, nil)
	r.Sharpen(50 * ms)
	outcomes := map[rune]flow.Outcome{'C': flow.Connected, 'T': flow.TimedOut, 'F': flow.Failed}
	for n, c := range line {
		if c != '-' {
			r.Add(0, flow.Sample{Begin: start.Add(time.Duration(n) * 10 * ms), Outcome: outcomes[c]})
		}
	}
	return r.Report(start.Add(time.Duration(len(line))*10*ms), 10*ms)
}

func TestASharpRecorderForgivesNoStretch(t *testing.T) {
	for line, want := range map[string]Kind{
		"CCCCCCCC":        "",
		"CCFFFFCC":        "",
		"CCFFFFFCC":       Unclear,
		"CCFFFFF":         Unclear,
		"CC---CC":         "",
		"CC----CC":        Unclear, // 50 ms from the begin of one to that of the next
		"CC----------":    Unclear,
		"-----CC":         Unclear,
		"CCTTCC":          Disruption,
		"CCTCCTCC":        "",
		"CCTFTCCCCCCCCCC": "",
	} {
		var got Kind
		for _, w := range closely(flow.Allow, line).Windows {
			got = w.Kind
		}
		if got != want {
			t.Errorf("%s: %q, want %q", line, got, want)
		}
	}
	if w := closely(flow.Deny, "TTTCTTT").Windows; len(w) != 1 || w[0].Kind != Leak || w[0].Begin.Sub(start) != 30*ms || w[0].End.Sub(start) != 40*ms {
		t.Errorf("one connection that was denied came to %+v", w)
	}
}

func TestGaps(t *testing.T) {
	if got, want := closely(flow.Allow, "CCCC--C").Gaps, (Gaps{10 * ms, 30 * ms}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if got := closely(flow.Allow, "C").Gaps; got != (Gaps{}) {
		t.Errorf("one sample has gaps %+v", got)
	}
}
