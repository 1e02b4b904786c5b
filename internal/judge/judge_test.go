package judge_test

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cniproof/cniproof/internal/flow"
	"github.com/cniproof/cniproof/internal/judge"
)

var start = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

const (
	ms     = time.Millisecond
	within = 300 * ms
)

// drawn makes a timeline of rounds 100 ms apart, one word per round, one letter
// per flow: C connected, T timed out, R refused, F failed, W wrong peer, O unanswered,
// . not tried.
// Those that begin when the time of a goal is up are patient, as they are asked to be.
func drawn(words ...string) *flow.Timeline {
	outcomes := map[rune]flow.Outcome{
		'C': flow.Connected, 'T': flow.TimedOut, 'R': flow.Refused, 'F': flow.Failed, 'W': flow.WrongPeer, 'O': flow.Unanswered,
	}
	line := &flow.Timeline{Flows: make([]flow.Flow, len(words[0]))}
	for i := range line.Flows {
		line.Flows[i].Port = uint16(i + 1)
	}
	for n, w := range words {
		begin := start.Add(time.Duration(n) * 100 * ms)
		r := flow.Round{Begin: begin, End: begin.Add(50 * ms), Patient: !begin.Before(start.Add(within))}
		for i, letter := range w {
			if letter != '.' {
				r.Samples = append(r.Samples, flow.Sample{Begin: begin, Outcome: outcomes[letter]})
				r.Only = append(r.Only, i)
			}
		}
		if len(r.Only) == len(w) {
			r.Only = nil
		}
		line.Rounds = append(line.Rounds, r)
	}
	return line
}

// verdicts reads A, D and U.
func verdicts(word string) []flow.Verdict {
	var list []flow.Verdict
	for _, letter := range word {
		list = append(list, map[rune]flow.Verdict{'A': flow.Allow, 'D': flow.Deny, 'U': flow.Undefined}[letter])
	}
	return list
}

func goal(expected string) judge.Goal {
	return judge.Goal{Expected: verdicts(expected), Since: start, Within: within, Rounds: 2, Hold: 250 * ms}
}

// after is the goal of a step before which other verdicts were expected.
func after(before, expected string) judge.Goal {
	g := goal(expected)
	g.Before = verdicts(before)
	return g
}

func TestResult(t *testing.T) {
	for name, c := range map[string]struct {
		expected string
		rounds   []string
		want     judge.Result
	}{
		"right from the first round, and held":                {"AD", []string{"CT", "CT", "CT"}, judge.Pass},
		"refused and reset are denials":                       {"AD", []string{"CR", "CT", "CR"}, judge.Pass},
		"converges late":                                      {"AD", []string{"CC", "CC", "CT", "CT", "CT"}, judge.Pass},
		"an undefined flow may do anything":                   {"AU", []string{"CC", "CT", "CF"}, judge.Pass},
		"never denied":                                        {"AD", []string{"CC", "CC", "CC", "CC"}, judge.Fail},
		"never allowed":                                       {"AD", []string{"TT", "TT", "TT", "TT"}, judge.Fail},
		"flips after it was reached":                          {"AD", []string{"CT", "CT", "CC"}, judge.Fail},
		"alternates and never settles":                        {"AD", []string{"CT", "CC", "CT", "CC", "CT"}, judge.Fail},
		"an allowed flow closes after it was reached":         {"AD", []string{"CC", "CT", "TT"}, judge.Fail},
		"a failed probe is no denial":                         {"AD", []string{"CF", "CF", "CF", "CF"}, judge.Inconclusive},
		"a failed probe is no pass":                           {"AD", []string{"FT", "FT", "FT", "FT"}, judge.Inconclusive},
		"a wrong peer is neither":                             {"AD", []string{"CW", "WT", "CW", "WT"}, judge.Inconclusive},
		"evidence outranks doubt":                             {"AD", []string{"FC", "FC", "FC", "FC"}, judge.Fail},
		"doubt in between does not break a streak":            {"AD", []string{"CT", "CF", "CT", "CT"}, judge.Pass},
		"doubt at the end leaves the hold unproven":           {"AD", []string{"CT", "CT", "CF", "CF"}, judge.Inconclusive},
		"a single right round is not enough":                  {"AD", []string{"CF", "CF", "CF", "CT"}, judge.Inconclusive},
		"what was wrong long ago and is doubtful now":         {"AD", []string{"CC", "CF", "CF", "CF", "CF"}, judge.Inconclusive},
		"wrong just before the end, doubtful at the end":      {"AD", []string{"CC", "CC", "CC", "CF"}, judge.Inconclusive},
		"scouts alone never make a table right":               {"AD", []string{".T", ".T", ".T", ".T", ".T"}, judge.Inconclusive},
		"scouts were wrong before it was reached":             {"AD", []string{".C", ".C", ".T", "CT", "CT", "CT"}, judge.Pass},
		"scouts were right, and the table is not":             {"ADD", []string{".T.", "CTC", "CTC", "CTC", "CTC"}, judge.Fail},
		"wrong when time is up, then doubtful":                {"AD", []string{"CC", ".C", ".C", "CC", "CF", "CF"}, judge.Fail},
		"what comes through without an answer is no denial":   {"AD", []string{"CO", "CO", "CO", "CO"}, judge.Fail},
		"what comes through without an answer is not allowed": {"AD", []string{"OT", "OT", "OT", "OT"}, judge.Fail},
		"it came through before, and does not any more":       {"AD", []string{"CC", "CO", "CT", "CT", "CT"}, judge.Pass},
		"it comes through after it was denied":                {"AD", []string{"CT", "CT", "CO"}, judge.Fail},
		"one of several denied flows leaks in the middle":     {"ADDD", []string{"CTTT", "CTTT", "CTCT"}, judge.Fail},
	} {
		t.Run(name, func(t *testing.T) {
			got := judge.Judge(goal(c.expected), drawn(c.rounds...))
			if got.Result != c.want {
				t.Errorf("got %s (%s), want %s", got.Result, got.Reason, c.want)
			}
			if (got.Reason == "") != (got.Result == judge.Pass) {
				t.Errorf("a %s has the reason %q", got.Result, got.Reason)
			}
		})
	}
}

// TestSettling is about steps whose change may take 150 ms, for which the rounds at 0 and
// at 100 ms say nothing of how it ends.
func TestSettling(t *testing.T) {
	for name, c := range map[string]struct {
		before, expected string
		rounds           []string
		want             judge.Result
	}{
		"right and then wrong, while a change is on its way":  {"AA", "AD", []string{"CT", "CC", "CT", "CT", "CT", "CT"}, judge.Pass},
		"right and then wrong, when it should have come":      {"AA", "AD", []string{"CC", "CT", "CC"}, judge.Fail},
		"a change that shows is reached as soon as it does":   {"AA", "AD", []string{"CT", "CT", "CT"}, judge.Pass},
		"nothing turns, and it stays":                         {"AD", "AD", []string{"CT", "CT", "CT", "CT", "CT"}, judge.Pass},
		"nothing turns: what was right before proves nothing": {"AD", "AD", []string{"CT", "CT"}, judge.Inconclusive},
		"nothing turns, and the change turns out wrong":       {"AD", "AD", []string{"CT", "CT", "CC", "CC", "CC"}, judge.Fail},
		"what turns was undefined, and proves nothing":        {"UD", "AD", []string{"CT", "CT"}, judge.Inconclusive},
		"nothing turns, and it is wrong in between":           {"AD", "AD", []string{"CT", "CC", "CT", "CT", "CT"}, judge.Pass},
		"nothing turns, and it does not stay":                 {"AD", "AD", []string{"CT", "CT", "CT", "CC"}, judge.Fail},
	} {
		t.Run(name, func(t *testing.T) {
			g := after(c.before, c.expected)
			g.Settle = 150 * ms
			if got := judge.Judge(g, drawn(c.rounds...)); got.Result != c.want {
				t.Errorf("got %s (%s), want %s", got.Result, got.Reason, c.want)
			}
		})
	}
}

// A table in which nothing turns is not looked at before the change has had its time.
func TestWhatDoesNotShowIsWaitedFor(t *testing.T) {
	for before, want := range map[string]time.Duration{"AD": 150 * ms, "AA": 0} {
		g := after(before, "AD")
		g.Settle = 150 * ms
		if look := g.Next(&flow.Timeline{Flows: make([]flow.Flow, 2)}); !look.Again || look.Pause != want {
			t.Errorf("after %s: %+v, want a pause of %s", before, look, want)
		}
	}
}

// Where one round takes longer than a step may, a table that was reached has a few more
// in which to show that it stays.
func TestLongRoundsHaveTimeToHold(t *testing.T) {
	words := []string{"CT", "CF", "CF", "CF", "CF", "CF"}
	for n := range words {
		line := drawn(words[:n+1]...)
		for i := range line.Rounds {
			line.Rounds[i].Begin = start.Add(time.Duration(i) * 10 * within)
			line.Rounds[i].End = line.Rounds[i].Begin.Add(10 * within)
		}
		if look, last := goal("AD").Next(line), n == len(words)-1; look.Again == last {
			t.Errorf("after %d rounds: again = %v", n+1, look.Again)
		}
	}
}

func TestNothingObservedIsInconclusive(t *testing.T) {
	got := judge.Judge(goal("AD"), &flow.Timeline{Flows: make([]flow.Flow, 2)})
	if got.Result != judge.Inconclusive {
		t.Errorf("got %s, want inconclusive", got.Result)
	}
}

// Waiting ends with the first round that shows the table; silence is what is left of
// a round after its last answer.
func TestSpent(t *testing.T) {
	line := drawn("CC", "CT", "CT", "CT")
	for i := range line.Rounds {
		line.Rounds[i].Samples[0].Took = 20 * ms
	}
	got := judge.Judge(goal("AD"), line).Spent
	want := judge.Spent{Waiting: 100 * ms, Holding: 250 * ms, Silence: 90 * ms}
	if got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

// While a table is held, what a round takes is part of the time to the next one.
func TestRest(t *testing.T) {
	for took, want := range map[time.Duration]time.Duration{0: 250 * ms, 50 * ms: 200 * ms, time.Second: 0} {
		line := drawn("CT")
		line.Rounds[0].End = line.Rounds[0].Begin.Add(took)
		if look := goal("AD").Next(line); !look.Again || !look.Steady || look.Pause != want {
			t.Errorf("after a round of %s: %+v, want a pause of %s", took, look, want)
		}
	}
}

// A hold that is looked at often is as long as any other, and no shorter.
func TestALongHoldIsLookedAtOften(t *testing.T) {
	g := goal("AD")
	g.Every = 60 * ms
	line := drawn("CT")
	for range 5 { // rounds of the drawing begin 100 ms apart, and the hold is 250 ms
		look := g.Next(line)
		if held := line.Last().End.Sub(line.Rounds[0].Begin) >= g.Hold; look.Again == held {
			t.Fatalf("after %d rounds: again = %v", len(line.Rounds), look.Again)
		}
		if !look.Again {
			return
		}
		if took := line.Last().End.Sub(line.Last().Begin); look.Pause != max(0, 60*ms-took) {
			t.Errorf("a pause of %s after a round of %s", look.Pause, took)
		}
		rounds := slices.Repeat([]string{"CT"}, len(line.Rounds)+1)
		line = drawn(rounds...)
	}
	t.Error("it is never over")
}

// A round that began when time was up, but before that was noticed, may only have been
// too hasty: it is asked for again.
func TestOnlyAPatientRoundConvicts(t *testing.T) {
	g := goal("AD")
	line := drawn("TT", "TT", "TT", "TT", "TT", "TT", "TT")
	for i := range line.Rounds {
		line.Rounds[i].Patient = false
	}
	if look := g.Next(line); !look.Again || !look.Patient {
		t.Errorf("after hasty rounds: %+v", look)
	}
	few := &flow.Timeline{Flows: line.Flows, Rounds: line.Rounds[3:5]}
	if look := g.Next(few); !look.Again || look.Patient {
		t.Errorf("after a few hasty rounds, with more to come: %+v", look)
	}
	if step := judge.Judge(g, line); step.Result != judge.Inconclusive {
		t.Errorf("hasty rounds make it %s (%s)", step.Result, step.Reason)
	}
	line.Rounds[6].Patient = true
	if look := g.Next(line); look.Again {
		t.Errorf("after a patient round: %+v", look)
	}
	if step := judge.Judge(g, line); step.Result != judge.Fail {
		t.Errorf("a patient round makes it %s (%s)", step.Result, step.Reason)
	}
}

func TestNext(t *testing.T) {
	for name, c := range map[string]struct {
		rounds []string
		again  bool
	}{
		"not reached yet":            {[]string{"CC"}, true},
		"reached, not held":          {[]string{"CT", "CT"}, true},
		"held":                       {[]string{"CT", "CT", "CT"}, false},
		"flipped":                    {[]string{"CT", "CT", "CC"}, false},
		"out of time":                {[]string{"CC", "CC", "CC", "CC", "CC", "CC"}, false},
		"few rounds in all the time": {[]string{"CC", "CC", "CC", "CC", "CC"}, true},
		"right as time runs out":     {[]string{"CC", "CC", "CC", "CC", "CC", "CC", "CT"}, true},
		"right once, then only doubt, for long": {
			[]string{"CC", "CT", "CF", "CF", "CF", "CF", "CF", "CF", "CF", "CF", "CF", "CF"}, false,
		},
		"reached late, may still hold": {[]string{"CC", "CC", "CT", "CT"}, true},
		"doubt while holding, a while": {[]string{"CT", "CT", "CF"}, true},
		"doubt while holding, too long": {
			[]string{"CT", "CT", "CF", "CF", "CF", "CF", "CF", "CF", "CF", "CF", "CF", "CF"}, false,
		},
	} {
		t.Run(name, func(t *testing.T) {
			if look := goal("AD").Next(drawn(c.rounds...)); look.Again != c.again {
				t.Errorf("again = %v, want %v", look.Again, c.again)
			}
		})
	}
}

func TestLatency(t *testing.T) {
	for name, c := range map[string]struct {
		before, expected string
		rounds           []string
		enforce, revoke  *judge.Latency
	}{
		"enforced in the third round": {
			"AA", "AD", []string{"CC", "CC", "CT", "CT", "CT"},
			&judge.Latency{Flows: 1, FirstCorrect: 200 * ms, LastWrong: 100 * ms, Settled: 200 * ms}, nil,
		},
		"one at once, one later": {
			"AA", "DD", []string{"TC", "TC", "TT", "TT"},
			&judge.Latency{Flows: 2, FirstCorrect: 0, LastWrong: 100 * ms, Settled: 200 * ms}, nil,
		},
		"revoked": {
			"DD", "AD", []string{"TT", "CT", "CT"},
			nil, &judge.Latency{Flows: 1, FirstCorrect: 100 * ms, LastWrong: 0, Settled: 100 * ms},
		},
		"both directions": {
			"AD", "DA", []string{"TC", "TC"},
			&judge.Latency{Flows: 1}, &judge.Latency{Flows: 1},
		},
		"scouts count": {
			"AA", "AD", []string{".C", ".T", "CT", "CT"},
			&judge.Latency{Flows: 1, FirstCorrect: 100 * ms, LastWrong: 0, Settled: 100 * ms}, nil,
		},
		"leaks again after it was right": {
			"A", "D", []string{"T", "C", "T"},
			&judge.Latency{Flows: 1, FirstCorrect: 0, LastWrong: 100 * ms, Settled: 0}, nil,
		},
		"never enforced has no latency": {"A", "D", []string{"C", "C"}, nil, nil},
		"nothing changed":               {"AD", "AD", []string{"CT", "CT"}, nil, nil},
		"undefined before says nothing": {"U", "D", []string{"T", "T"}, nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			got := judge.Judge(after(c.before, c.expected), drawn(c.rounds...))
			if diff := cmp.Diff(c.enforce, got.Enforce); diff != "" {
				t.Errorf("enforce (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(c.revoke, got.Revoke); diff != "" {
				t.Errorf("revoke (-want +got):\n%s", diff)
			}
		})
	}
}

func TestNilBeforeMeansAllAllowed(t *testing.T) {
	got := judge.Judge(goal("D"), drawn("C", "T", "T"))
	if got.Enforce == nil || got.Revoke != nil {
		t.Errorf("enforce %v, revoke %v; want an enforcement only", got.Enforce, got.Revoke)
	}
}

func TestCells(t *testing.T) {
	got := judge.Judge(goal("ADUDU"), drawn("CCCOO", "CCCOO", "CCTOO", "FCTOO"))
	var words []string
	for _, c := range got.Cells {
		words = append(words, c.Expected.String()+" "+c.Observed.String()+" "+c.Outcome.String())
	}
	want := []string{"allow unknown failed", "deny allow connected", "undefined deny timed-out", "deny one-way unanswered", "undefined one-way unanswered"}
	if diff := cmp.Diff(want, words); diff != "" {
		t.Errorf("cells (-want +got):\n%s", diff)
	}
	if n := got.Cells[1].Outcomes[flow.Connected]; n != 4 {
		t.Errorf("counted %d connections, want 4", n)
	}
	for i, c := range got.Cells {
		if c.Wrong() != (i == 1 || i == 3) {
			t.Errorf("cell %d is wrong: %t", i, c.Wrong())
		}
	}
}

func TestAPassKeepsOnlyWhatNobodySettles(t *testing.T) {
	got := judge.Judge(goal("ADU"), drawn("CTC", "CTC", "CTC"))
	if len(got.Cells) != 1 || got.Cells[0].Expected != flow.Undefined {
		t.Errorf("kept %v, want the undefined flow only", got.Cells)
	}
}

func TestFlapNamesTheFlowAndTheMoment(t *testing.T) {
	got := judge.Judge(goal("ADD"), drawn("CTT", "CTT", "CTC"))
	want := []judge.Flap{{Flow: flow.Flow{Port: 3}, Expected: flow.Deny, Outcome: flow.Connected, After: 200 * ms}}
	if diff := cmp.Diff(want, got.Flaps); diff != "" {
		t.Errorf("flaps (-want +got):\n%s", diff)
	}
}
