package runner_test

import (
	"slices"
	"testing"

	"github.com/cniproof/cniproof/internal/judge"
	"github.com/cniproof/cniproof/internal/promise"
	"github.com/cniproof/cniproof/internal/runner"
)

// TestEveryPromiseIsTriedAlongEveryAxis runs what the default run has for the promises,
// and demands that nothing is missing of what the embedded cluster has.
func TestEveryPromiseIsTriedAlongEveryAxis(t *testing.T) {
	rows := slices.DeleteFunc(promise.Rows(), func(r promise.Row) bool { return r.Level != promise.Must })
	all := library(t)
	list := slices.DeleteFunc(append(all, promise.Mirrors(rows, all)...), func(s *scenarioT) bool {
		return s.Dynamic() || !slices.ContainsFunc(rows, func(r promise.Row) bool { return r.Has(s.Name) })
	})
	result := runOn(t, open(t), runner.Config{Scenarios: list, Parallel: 8, Promises: rows})
	if n := result.Count(judge.Pass); n != len(list) {
		t.Errorf("%d of %d scenarios passed:\n%s", n, len(list), text(t, result))
	}
	if len(result.Promises) != len(rows) {
		t.Fatalf("%d promises of %d rows", len(result.Promises), len(rows))
	}
	for i, p := range result.Promises {
		if rows[i].Apart != "" {
			continue
		}
		if got, want := len(p.Along), len(promise.Values()); got != want {
			t.Errorf("%s: %d values of axes, and the embedded cluster has all %d", p.Behaviour, got, want)
		}
		for _, m := range p.Missing() {
			t.Errorf("%s: no scenario denies a flow of %s %s: %v", p.Behaviour, m.Axis, m.Value, p.Scenarios)
		}
	}
}

// TestWhatIsMissingIsSaid runs one scenario that goes by name, without its mirror.
func TestWhatIsMissingIsSaid(t *testing.T) {
	rows := promise.Rows()
	result := runOn(t, open(t), runner.Config{Scenarios: named(t, "replies-need-no-rule"), Parallel: 1, Promises: rows})
	i := slices.IndexFunc(result.Promises, func(p judge.Promise) bool { return p.Behaviour == "Replies of an allowed connection are allowed" })
	missing := result.Promises[i].Missing()
	if len(missing) != 1 || missing[0].Value != "mirrored" {
		t.Errorf("without its mirror the run misses %v", missing)
	}
	for k, p := range result.Promises {
		if k != i && len(p.Scenarios) > 0 {
			t.Errorf("%s: tried by %v", p.Behaviour, p.Scenarios)
		}
	}
}
