package latency

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/cniproof/cniproof/internal/flow"
)

const ms = time.Millisecond

var start = time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)

// drawn is a timeline of one word per flow, one letter every 10 ms from the change on:
// C connected, T timed out, F failed, - no sample. The last flow is the control.
func drawn(words ...string) *flow.Timeline {
	outcomes := map[rune]flow.Outcome{'C': flow.Connected, 'T': flow.TimedOut, 'F': flow.Failed}
	line := &flow.Timeline{}
	for i, w := range words {
		line.Flows = append(line.Flows, flow.Flow{Port: uint16(i + 1)})
		var r flow.Round
		for n, c := range w {
			if c != '-' {
				r.Only = append(r.Only, i)
				r.Samples = append(r.Samples, flow.Sample{Begin: start.Add(time.Duration(n) * 10 * ms), Outcome: outcomes[c]})
			}
		}
		line.Rounds = append(line.Rounds, r)
	}
	return line
}

// step turns all flows but the last one way.
func step(way Way, flows int) Step {
	to, from := flow.Deny, flow.Allow
	if way == Revoked {
		to, from = from, to
	}
	s := Step{Change: Change{PolicyCreated, way}, Since: start, Within: 200 * ms, Calm: 40 * ms, Controls: []int{flows}}
	for range flows {
		s.Before, s.Expected = append(s.Before, from), append(s.Expected, to)
	}
	s.Before, s.Expected = append(s.Before, flow.Allow), append(s.Expected, flow.Allow)
	return s
}

func TestMeasure(t *testing.T) {
	const open = "CCCCCCCCCCCCCCCCCCCCCC"
	for _, c := range []struct {
		name                              string
		way                               Way
		words                             []string
		result                            Result
		first, settled, wrong, resolution time.Duration
		reason                            string
	}{
		{"at once", Enforced, []string{"TTTTTTTT", open}, Measured, 0, 0, 0, 0, ""},
		{"after 20 ms", Enforced, []string{"CCTTTTTT", open}, Measured, 20 * ms, 20 * ms, 10 * ms, 10 * ms, ""},
		{"opened after 30 ms", Revoked, []string{"TTTCCCCCCC", open}, Measured, 30 * ms, 30 * ms, 20 * ms, 10 * ms, ""},
		{"two flows", Enforced, []string{"CTTTTTTT", "CCCTTTTTT", open}, Measured, 10 * ms, 30 * ms, 20 * ms, 10 * ms, ""},
		{"a hole", Enforced, []string{"C---TTTTTT", open}, Measured, 40 * ms, 40 * ms, 0, 40 * ms, ""},
		{"doubt is a hole", Enforced, []string{"CFFFTTTTTT", open}, Measured, 40 * ms, 40 * ms, 0, 40 * ms, ""},
		{"no sample at first", Revoked, []string{"-----CCCCCC", open}, Measured, 50 * ms, 50 * ms, 0, 50 * ms, ""},
		{"back and forth", Enforced, []string{"CTCCTTTTTT", open}, Measured, 10 * ms, 10 * ms, 30 * ms, 10 * ms, ""},
		{"never", Enforced, []string{open, open}, Never, 0, 0, 0, 0, "not enforced within 200ms"},
		{"one of two never", Revoked, []string{"TTTCCCCCCC", "TTTTTTTTTTTTTTTTTTTTTT", open}, Never, 0, 0, 0, 0, "not revoked within"},
		{"not for good", Enforced, []string{"CTCTCTCTCTCTCTCTCTCTCTC", open}, Never, 0, 0, 0, 0, "for good"},
		{"nothing but doubt", Enforced, []string{"FFFFFFFFFFFFFFFFFFFFFF", open}, Untold, 0, 0, 0, 0, "could not be told"},
		{"doubt at the end", Enforced, []string{"CCFFFFFFFFFFFFFFFFFFFFFF", open}, Untold, 0, 0, 0, 0, "could not be told"},
		{"everything closes", Enforced, []string{"CCTTTTTT", "CCTTTTTT"}, Untold, 0, 0, 0, 0, "control flow"},
		{"the control is not told", Enforced, []string{"CCTTTTTT", "FFFFFFFF"}, Untold, 0, 0, 0, 0, "control flow"},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := step(c.way, len(c.words)-1).Measure(drawn(c.words...))
			if m.Result != c.result || !strings.Contains(m.Reason, c.reason) {
				t.Fatalf("%s (%s), want %s (%s)", m.Result, m.Reason, c.result, c.reason)
			}
			if m.First != c.first || m.Settled != c.settled || m.LastWrong != c.wrong || m.Resolution != c.resolution {
				t.Errorf("first %s, settled %s, last wrong %s, resolution %s; want %s, %s, %s, %s",
					m.First, m.Settled, m.LastWrong, m.Resolution, c.first, c.settled, c.wrong, c.resolution)
			}
		})
	}
}

func TestEnough(t *testing.T) {
	s := step(Enforced, 1)
	for words, want := range map[string]bool{
		"CCTTTT CCCCCC":     false, // not calm for long enough
		"CCTTTTT CCCCCCC":   true,
		"CCTTTTT CCC":       false, // the control is behind
		"CCTTTTTC CCCCCCCC": false,
		"CCCCCCCCCCCCCCCCCCCC CCCCCCCCCCCCCCCCCCCC":       false,
		"CCCCCCCCCCCCCCCCCCCCC CCCCCCCCCCCCCCCCCCCCC":     true, // time is up
		"FFFFFFFFFFFFFFFFFFFFFF CCCCCCCCCCCCCCCCCCCCCC":   true,
		"---------------------- CCCCCCCCCCCCCCCCCCCCCCCC": false, // nothing came yet
	} {
		if got := s.Enough(drawn(strings.Fields(words)...)); got != want {
			t.Errorf("%s: %t, want %t", words, got, want)
		}
	}
}

// Whatever the times at which flows really turn, and whenever they are tried, every
// measured time is off by no more than the resolution says.
func TestMeasuredTimesAreTrueToTheResolution(t *testing.T) {
	for seed := range uint64(500) {
		random := rand.New(rand.NewPCG(seed, 1))
		way := []Way{Enforced, Revoked}[random.IntN(2)]
		flows := 1 + random.IntN(4)
		s := step(way, flows)
		s.Within = 2 * time.Second
		line, turns := madeUp(random, s)
		m := s.Measure(line)
		if m.Result != Measured {
			t.Fatalf("seed %d: %s: %s", seed, m.Result, m.Reason)
		}
		first, last := turns[0], turns[0]
		for _, d := range turns {
			first, last = min(first, d), max(last, d)
		}
		if m.Settled < last || m.Settled > last+m.Resolution {
			t.Errorf("seed %d: settled after %s, really after %s; resolution %s", seed, m.Settled, last, m.Resolution)
		}
		if m.First < first || m.First > m.Settled {
			t.Errorf("seed %d: first after %s, really %s", seed, m.First, first)
		}
		if m.LastWrong > last {
			t.Errorf("seed %d: wrong until %s, really until %s", seed, m.LastWrong, last)
		}
		if !s.Enough(line) {
			t.Errorf("seed %d: measured, but not enough", seed)
		}
	}
}

// madeUp is a timeline of flows that turn at these times after the change, tried at
// random times, with samples missing, telling nothing and out of order.
func madeUp(random *rand.Rand, s Step) (*flow.Timeline, []time.Duration) {
	line := &flow.Timeline{Flows: make([]flow.Flow, len(s.Expected))}
	var turns []time.Duration
	for i := range s.Expected {
		turn := time.Duration(random.IntN(500)) * ms
		if s.Before[i] != s.Expected[i] {
			turns = append(turns, turn)
		}
		var r flow.Round
		for at := -100 * ms; at < time.Second; at += time.Duration(5+random.IntN(10)) * ms {
			v := s.Before[i]
			if at >= turn {
				v = s.Expected[i]
			}
			outcome := flow.Connected
			if v == flow.Deny {
				outcome = []flow.Outcome{flow.TimedOut, flow.Refused, flow.Reset}[random.IntN(3)]
			}
			if random.IntN(5) == 0 {
				outcome = flow.Failed
			}
			r.Only, r.Samples = append(r.Only, i), append(r.Samples, flow.Sample{Begin: start.Add(at), Outcome: outcome})
		}
		random.Shuffle(len(r.Samples), func(a, b int) { r.Samples[a], r.Samples[b] = r.Samples[b], r.Samples[a] })
		line.Rounds = append(line.Rounds, r)
	}
	random.Shuffle(len(line.Rounds), func(a, b int) { line.Rounds[a], line.Rounds[b] = line.Rounds[b], line.Rounds[a] })
	return line, turns
}

func TestBracketCountsNoDenialThatNothingFollows(t *testing.T) {
	enforced := func(r Result) Measurement { return Measurement{Change: Change{PolicyCreated, Enforced}, Result: r} }
	revoked := func(r Result) Measurement { return Measurement{Change: Change{PolicyCreated, Revoked}, Result: r} }
	list := []Measurement{enforced(Measured), revoked(Measured), enforced(Measured), revoked(Untold), enforced(Never)}
	want := []Result{Measured, Measured, Untold, Untold, Never}
	for i, m := range Bracket(list) {
		if m.Result != want[i] {
			t.Errorf("%d: %s, want %s", i, m.Result, want[i])
		}
	}
	if list[2].Result != Measured {
		t.Error("the list itself was changed")
	}
}
