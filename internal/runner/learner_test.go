package runner

import (
	"testing"
	"time"

	"github.com/cniproof/cniproof/internal/judge"
	"github.com/cniproof/cniproof/internal/scenario"
)

// TestLearning follows what a run learns of how long changes take.
func TestLearning(t *testing.T) {
	const within = 10 * time.Second
	var l learner
	took := func(r judge.Result, settled, lastWrong time.Duration, acts ...scenario.Act) {
		l.learn(scenario.Step{Acts: acts}, &judge.Step{
			Result: r, Enforce: &judge.Latency{Settled: settled, LastWrong: lastWrong}, Revoke: &judge.Latency{Settled: settled / 2},
		})
	}
	expect := func(what string, want time.Duration) {
		t.Helper()
		if got := l.settle(within); got != want {
			t.Errorf("%s: %s, want %s", what, got, want)
		}
	}
	expect("nothing is known", 0)
	took(judge.Pass, time.Second, 0)
	expect("half as long again", 1500*time.Millisecond)
	took(judge.Pass, time.Second, 2*time.Second)
	expect("a flow was wrong after all had been right", 3*time.Second)
	took(judge.Fail, 3*time.Second, 0)
	took(judge.Inconclusive, 3*time.Second, 0)
	took(judge.Pass, 3*time.Second, 0, scenario.Act{Restart: true})
	expect("neither failures nor restarts count", 3*time.Second)
	l.learn(scenario.Step{}, &judge.Step{Result: judge.Pass})
	expect("a step that turned nothing", 3*time.Second)
	took(judge.Pass, 8*time.Second, 0)
	expect("no more than half of what a step may take", 5*time.Second)
	for range 100 {
		took(judge.Pass, time.Second, 0)
	}
	expect("one in a hundred and more is left out", 3*time.Second)
}
