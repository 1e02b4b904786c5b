package observe

import (
	"slices"
	"testing"
	"time"

	"github.com/cniproof/cniproof/internal/flow"
)

func TestAFlowThatKeepsConnectingIsGivenLongerBeforeItCountsAsClosed(t *testing.T) {
	last := time.Duration(0)
	for n := range 3 {
		got := total(attempts(time.Second, n, flow.Look{}))
		if got <= last {
			t.Errorf("after %d rounds a probe waits %s, not longer than the %s of one round less", n, got, last)
		}
		last = got
	}
	if got := total(attempts(time.Second, 20, flow.Look{})); got != last {
		t.Errorf("a probe waits %s after 20 rounds and %s after 2", got, last)
	}
	if got := total(attempts(time.Second, 1, flow.Look{Steady: true})); got != last {
		t.Errorf("in a steady state a probe waits %s, want %s at once", got, last)
	}
	if got := len(attempts(time.Second, 0, flow.Look{Steady: true})); got != 1 {
		t.Errorf("a closed flow is tried %d times a round, want once", got)
	}
}

func answersOf(n int, took time.Duration) []time.Duration {
	list := make([]time.Duration, n)
	for i := range list {
		list[i] = took
	}
	return list
}

func TestPaceRisesAtOnceAndFallsSlowly(t *testing.T) {
	var p pace
	p.learn(answersOf(10, time.Millisecond), nil, false)
	if got := p.attempt(); got != shortest {
		t.Errorf("after quick answers an attempt waits %s, want %s", got, shortest)
	}
	p.learn(answersOf(10, 100*time.Millisecond), nil, false)
	if got := p.attempt(); got != margin*100*time.Millisecond {
		t.Errorf("after slow answers an attempt waits %s", got)
	}
	p.learn(answersOf(10, time.Millisecond), nil, false)
	if got := p.attempt(); got < 200*time.Millisecond {
		t.Errorf("one quick round made an attempt wait only %s", got)
	}
	for range 100 {
		p.learn(answersOf(10, time.Millisecond), nil, false)
	}
	if got := p.attempt(); got != shortest {
		t.Errorf("after many quick rounds an attempt waits %s, want %s", got, shortest)
	}
	p.learn(answersOf(10, time.Hour), nil, false)
	if got := p.attempt(); got != longest {
		t.Errorf("an attempt waits %s, want at most %s", got, longest)
	}
}

// Silence counts only where it lasted for twice as long as any agent stood still.
func TestPaceMakesRoomForStalls(t *testing.T) {
	var p pace
	p.learn(answersOf(10, time.Millisecond), []time.Duration{10 * time.Millisecond, 100 * time.Millisecond}, false)
	if got := p.attempt(); got <= 200*time.Millisecond {
		t.Errorf("agents stood still for 100 ms, and an attempt waits %s", got)
	}
	for range 20 {
		p.learn(answersOf(10, time.Millisecond), []time.Duration{10 * time.Millisecond}, false)
	}
	if got := p.attempt(); got != shortest {
		t.Errorf("after many rounds without, an attempt waits %s, want %s", got, shortest)
	}
}

func TestOneOddAnswerDoesNotSetThePace(t *testing.T) {
	var p pace
	p.learn(append(answersOf(99, time.Millisecond), time.Second), nil, false)
	if got := p.attempt(); got != shortest {
		t.Errorf("one retransmission made an attempt wait %s", got)
	}
	p.learn(nil, nil, false)
	if got := p.attempt(); got != shortest {
		t.Errorf("a round without answers made an attempt wait %s", got)
	}
}

func TestAFewFlowsOnlyRaiseThePace(t *testing.T) {
	var p pace
	p.learn(answersOf(300, 100*time.Millisecond), nil, false)
	before := p.attempt()
	p.learn(answersOf(8, time.Millisecond), nil, true)
	if got := p.attempt(); got != before {
		t.Errorf("quick answers of a few flows changed an attempt from %s to %s", before, got)
	}
	p.learn(answersOf(8, 200*time.Millisecond), nil, true)
	if got := p.attempt(); got <= before {
		t.Errorf("slow answers of a few flows left an attempt at %s", got)
	}
}

func TestAFewFlowsWaitHalfAsLong(t *testing.T) {
	var p pace
	p.learn(answersOf(300, 100*time.Millisecond), nil, false)
	all, few := p.series([]int{0}, flow.Look{}, false, 0), p.series([]int{0}, flow.Look{}, true, 0)
	if all[0][0] != 2*few[0][0] {
		t.Errorf("tried alone a flow waits %s, in the whole table %s", few[0][0], all[0][0])
	}
}

// What convicts somebody has waited for longer than the kernel does to repeat a SYN.
func TestAPatientRoundGivesEveryFlowMoreThanASecond(t *testing.T) {
	var p pace
	p.learn(answersOf(10, time.Millisecond), nil, false)
	for n := range 3 {
		if got := total(p.series([]int{n}, flow.Look{Patient: true}, false, 0)[0]); got <= longest {
			t.Errorf("a flow that connected %d times is given %s", n, got)
		}
	}
}

func TestSilenceInACrowdIsNoDenial(t *testing.T) {
	const granted = 100 * time.Millisecond
	silent, refused := flow.Sample{Outcome: flow.TimedOut}, flow.Sample{Outcome: flow.Refused}
	if reason := crowded(silent, 60*time.Millisecond, granted); reason == "" {
		t.Error("others took 60 ms of 100 ms, and silence counts as a denial")
	}
	if reason := crowded(silent, 40*time.Millisecond, granted); reason != "" {
		t.Errorf("others took 40 ms of 100 ms: %s", reason)
	}
	if reason := crowded(refused, 90*time.Millisecond, granted); reason != "" {
		t.Errorf("a refusal is doubted: %s", reason)
	}
}

// TestWaitsCountFailedAttempts: a flow that needed three attempts waited for all of them.
func TestWaitsCountFailedAttempts(t *testing.T) {
	got := waits([]flow.Sample{
		{Outcome: flow.Connected, Attempts: 1, Took: 1},
		{Outcome: flow.Connected, Attempts: 3, Took: 1},
		{Outcome: flow.TimedOut, Attempts: 3, Took: 1},
	}, [][]time.Duration{{10}, {10, 20, 40}, {10, 20, 40}})
	if !slices.Equal(got, []time.Duration{1, 31}) {
		t.Errorf("waits %v, want 1 and 31", got)
	}
}
