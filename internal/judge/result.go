package judge

import (
	"time"

	"github.com/cniproof/cniproof/internal/flow"
	"github.com/cniproof/cniproof/internal/scenario"
)

// Result is what a scenario, or one step of it, came to.
type Result string

// The results. Recorded is for levels that no specification settles; Inconclusive
// means that the suite could not tell, which is neither a pass nor a failure.
const (
	Pass         Result = "pass"
	Fail         Result = "fail"
	Inconclusive Result = "inconclusive"
	Skipped      Result = "skipped"
	Recorded     Result = "recorded"
)

// Scenario is the result of one scenario.
type Scenario struct {
	Name, Topic, Summary string
	File                 string // that holds the scenario, as it was given to the loader
	Level                scenario.Level
	Features             []string
	Refs                 []string
	Result               Result
	// Reason says in one sentence why the result is not a pass; "" for a pass.
	Reason string
	Begin  time.Time
	Took   time.Duration
	// Stage is the number of the stage that ran it, counted from 1; 0 if none did.
	Stage int
	// FirstTry is why a first try was inconclusive, where a second one was made; else "".
	FirstTry string
	Spent    Spent
	// Flows are the scenario's matrix: what every step watched, in the order of Step.Expected.
	Flows []flow.Flow
	// Denied counts those that some step expected to be denied, by axis; of a scenario that
	// was judged.
	Denied []AxisCount
	Steps  []Step
}

// Step is the result of one step. The controls before and after a scenario are
// steps as well, with Control set.
type Step struct {
	Name    string
	Control bool
	// Deeds and Source say what the step did, the latter in its author's words.
	Deeds  []scenario.Deed
	Source string
	Result Result
	Reason string
	Begin  time.Time // when the last action was answered by the API
	Took   time.Duration
	Spent  Spent
	Rounds int // of probing the whole table
	Probes int
	// Allowed, Denied and Undefined count the flows by expected verdict.
	Allowed, Denied, Undefined int
	// Enforce is about flows that this step turned from allowed to denied, Revoke about the reverse.
	Enforce, Revoke *Latency
	// Start is about allowed flows of pods that the step started: how long they took to
	// connect first, from the pod's first instant, or from when the API showed its address.
	Start *Latency
	// Expected has one verdict for each of Scenario.Flows.
	Expected []flow.Verdict
	// Cells is the complete table at the end of the step; of a step that passed,
	// only the flows that no specification settles.
	Cells []Cell
	Flaps []Flap
	// Vigil is about the flows that the step must not disturb; nil of a step that is not steady.
	Vigil *Vigil
	// Debuts are the flows of pods that the step started, from their first instant on.
	Debuts []Debut
	// Readings are mistakes that would explain every flow of a step that failed, and of
	// those before it; of one that was not wrong all the time, what was wrong. They are no
	// verdict.
	Readings []Reading
}

// Reading is a mistake by an implementation, by its name and in words that continue
// "consistent with".
type Reading struct{ Name, Says string }

// Latency is how long a step's changed flows took, from the API's last answer.
type Latency struct {
	Flows int
	// FirstCorrect is when the first of them showed its new verdict.
	FirstCorrect time.Duration
	// LastWrong is when one of them was last seen with its old verdict; 0 if never.
	LastWrong time.Duration
	// Settled is when every one of them had shown its new verdict.
	Settled time.Duration
}

// Cell is one flow in the table of a step.
type Cell struct {
	Flow     flow.Flow
	Expected flow.Verdict
	// Observed is Allow, Deny, OneWay, or Unknown where the samples are no evidence.
	Observed flow.Verdict
	Outcome  flow.Outcome // of the last sample
	// Outcomes counts the samples of the step.
	Outcomes map[flow.Outcome]int
	Detail   string // of the last sample
	// Explanation is one sentence on why Expected is right; only where Observed is wrong.
	Explanation string
}

// Wrong reports whether the cell is evidence against the implementation.
func (c Cell) Wrong() bool {
	return c.Expected != flow.Undefined && c.Observed != flow.Unknown && c.Observed != c.Expected
}

// Unclear reports whether the cell should have been judged and could not be.
func (c Cell) Unclear() bool { return c.Expected != flow.Undefined && c.Observed == flow.Unknown }

// Flap is a flow that was right, and was seen wrong while the table was held.
type Flap struct {
	Flow     flow.Flow
	Expected flow.Verdict
	Outcome  flow.Outcome
	After    time.Duration // since Step.Begin
}

// Run is the result of a whole run.
type Run struct {
	Begin     time.Time
	Took      time.Duration
	Seed      uint64
	Parallel  int
	Preflight Preflight
	Scenarios []Scenario // in the order in which they ended
	// Axes are the values along which flows were tried.
	Axes []AxisCount
	// Promises are what the run tried of each; none where the scenarios are not the library's.
	Promises []Promise
	// Interrupted is true where the run ended before every scenario had its turn.
	Interrupted bool
	// Err is an infrastructure failure that ended the run early, as text; else "".
	Err string
}

// Preflight is what was seen before the first scenario.
type Preflight struct {
	Result Result
	// Enforced is whether the implementation enforced a default-deny policy at all.
	Enforced bool
	Message  string // one or two sentences for a person
}

// Spent is what the scenarios' time went into.
func (r *Run) Spent() Spent {
	var all Spent
	for i := range r.Scenarios {
		all.Add(r.Scenarios[i].Spent)
	}
	return all
}

// Count counts the scenarios with a result.
func (r *Run) Count(res Result) int {
	n := 0
	for i := range r.Scenarios {
		if r.Scenarios[i].Result == res {
			n++
		}
	}
	return n
}
