package report

import "github.com/cniproof/cniproof/internal/judge"

// The exit codes of a run. Bad input (3) is found before there is a run.
const (
	ExitPass         = 0
	ExitFail         = 1
	ExitInconclusive = 2
	ExitInterrupted  = 130
)

// ExitCode is what a process that made the run should end with. An interrupted run
// wins over a wrong verdict, and that over what could not be told. A run that
// observed nothing at all, because every scenario was skipped or there was none, is
// not a pass.
func ExitCode(r *judge.Run) int {
	switch {
	case r == nil:
		return ExitInconclusive
	case r.Interrupted:
		return ExitInterrupted
	case r.Preflight.Result == judge.Fail || r.Count(judge.Fail) > 0:
		return ExitFail
	case r.Err != "" || r.Preflight.Result == judge.Inconclusive || !observed(r) || unjudged(r):
		return ExitInconclusive
	}
	return ExitPass
}

func observed(r *judge.Run) bool { return r.Count(judge.Pass)+r.Count(judge.Recorded) > 0 }

// unjudged reports whether a scenario has neither a verdict nor a reason to lack one.
func unjudged(r *judge.Run) bool {
	settled := r.Count(judge.Pass) + r.Count(judge.Recorded) + r.Count(judge.Skipped)
	return settled < len(r.Scenarios)
}
