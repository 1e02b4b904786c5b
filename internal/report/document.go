package report

import (
	"time"

	"github.com/cniproof/cniproof/internal/flow"
	"github.com/cniproof/cniproof/internal/judge"
	"github.com/cniproof/cniproof/internal/scenario"
)

// APIVersion and Kind mark a Document.
const (
	APIVersion = "cniproof.dev/report/v1alpha1"
	Kind       = "Report"
)

// Document is the JSON report of one run. Lists are never null; durations are
// in seconds, latencies in milliseconds.
type Document struct {
	// APIVersion is the version of this format.
	APIVersion string `json:"apiVersion" jsonschema:"enum=cniproof.dev/report/v1alpha1"`
	// Kind tells this document from others.
	Kind string `json:"kind" jsonschema:"enum=Report"`
	// Tool is the program that made the report.
	Tool Tool `json:"tool"`
	// Command is the command line, the program's name first.
	Command []string `json:"command"`
	// Cluster is where the scenarios ran.
	Cluster ClusterInfo `json:"cluster"`
	// Implementation is what was judged.
	Implementation Implementation `json:"implementation"`
	// Library is the scenarios among which those of the run were chosen.
	Library LibraryInfo `json:"library"`
	// Seed repeats the order of the scenarios.
	Seed uint64 `json:"seed"`
	// Parallel is how many scenarios ran at once.
	Parallel int `json:"parallel"`
	// Begin is when the run began.
	Begin time.Time `json:"begin"`
	// Seconds is how long the run took.
	Seconds float64 `json:"seconds"`
	// Interrupted is true where the run ended before every scenario had its turn.
	Interrupted bool `json:"interrupted"`
	// Error is the failure of the infrastructure that ended the run early, else "".
	Error string `json:"error"`
	// ExitCode is 0 for a pass or where known deviations are allowed and explain every failure, 1 for a wrong verdict, 2 for what could not be told, 130 for an interrupted run.
	ExitCode int `json:"exitCode"`
	// Preflight is what was seen before the first scenario.
	Preflight PreflightInfo `json:"preflight"`
	// Summary counts the scenarios.
	Summary Totals `json:"summary"`
	// Latency is how long the implementation took to follow changes.
	Latency Latencies `json:"latency"`
	// Spent is what the scenarios' time went into, summed over all that ran at once.
	Spent SpentInfo `json:"spent"`
	// Deviations are those that the implementation is known for.
	Deviations []DeviationEntry `json:"deviations"`
	// Profile is what was seen of behaviours that no specification settles.
	Profile []ProfileEntry `json:"profile"`
	// Axes are the values along which flows were tried.
	Axes []AxisEntry `json:"axes"`
	// Promises are what was tried of each behaviour that every implementation is held to; none where the scenarios are the user's own.
	Promises []PromiseEntry `json:"promises"`
	// Scenarios are in the order in which they ended.
	Scenarios []ScenarioEntry `json:"scenarios"`
}

// Tool is the program that made the report.
type Tool struct {
	// Name of the program.
	Name string `json:"name"`
	// Version of the program.
	Version string `json:"version"`
}

// ClusterInfo is where the scenarios ran.
type ClusterInfo struct {
	// Provider is embedded, kind or existing.
	Provider string `json:"provider"`
	// Kubernetes is the version of the API server.
	Kubernetes string `json:"kubernetes"`
	// Nodes is how many nodes probe pods ran on.
	Nodes int `json:"nodes"`
	// Families that pods have addresses of.
	Families []flow.Family `json:"families"`
	// Protocols that could be probed.
	Protocols []flow.Protocol `json:"protocols"`
}

// Implementation is what enforces the policies.
type Implementation struct {
	// Name of the CNI or of the reference engine.
	Name string `json:"name"`
	// Version of the implementation.
	Version string `json:"version"`
	// Reference is true for cniproof's own engine, which is not a CNI.
	Reference bool `json:"reference"`
	// Faults were planted on purpose.
	Faults []string `json:"faults"`
}

// LibraryInfo is the scenarios among which those of a run were chosen.
type LibraryInfo struct {
	// BuiltIn is true for cniproof's own library, false for scenarios of the user.
	BuiltIn bool `json:"builtIn"`
	// Digest is the SHA-256 of the files of the built-in library, "" for scenarios of the user.
	Digest string `json:"digest"`
	// Scenarios is how many there are, selected or not.
	Scenarios int `json:"scenarios"`
}

// PreflightInfo is what was seen before the first scenario.
type PreflightInfo struct {
	// Result is "" where the run ended before the preflight did.
	Result judge.Result `json:"result"`
	// Enforced is whether a default-deny policy was enforced at all.
	Enforced bool `json:"enforced"`
	// Message is for a person.
	Message string `json:"message"`
}

// Counts are numbers of scenarios by result.
type Counts struct {
	// Pass: every verdict was right and stayed right.
	Pass int `json:"pass"`
	// Fail: a verdict was wrong.
	Fail int `json:"fail"`
	// Inconclusive: it could not be told.
	Inconclusive int `json:"inconclusive"`
	// Skipped: the cluster lacks what the scenario needs.
	Skipped int `json:"skipped"`
	// Recorded: seen, and settled by no specification.
	Recorded int `json:"recorded"`
}

// Totals counts the scenarios, and again by level.
type Totals struct {
	Counts
	// Levels has every level, also those without a scenario.
	Levels map[scenario.Level]Counts `json:"levels"`
}

// Latencies are how long the implementation took to follow changes.
type Latencies struct {
	// Enforce is about steps that turned flows from allowed to denied.
	Enforce Percentiles `json:"enforce"`
	// Revoke is about steps that turned flows from denied to allowed.
	Revoke Percentiles `json:"revoke"`
	// Start is about steps that started pods which dialled and were dialled from their first instant: until every allowed flow had connected once.
	Start Percentiles `json:"start"`
}

// Percentiles summarise the steps' latencies, each from the API's last answer to
// the moment when every changed flow had shown its new verdict. Percentiles are
// nearest-rank: values that were measured, not interpolated. Unit: milliseconds.
type Percentiles struct {
	// Steps is how many steps were measured; where it is 0 the other numbers mean nothing.
	Steps int `json:"steps"`
	// P50 is the median.
	P50 float64 `json:"p50"`
	// P90 is what 90 % of the steps did not exceed.
	P90 float64 `json:"p90"`
	// P99 is what 99 % of the steps did not exceed.
	P99 float64 `json:"p99"`
	// Max is the slowest step's.
	Max float64 `json:"max"`
}

// ScenarioEntry is the result of one scenario.
type ScenarioEntry struct {
	// Name is the stem of the scenario's file.
	Name string `json:"name"`
	// Topic is the folder that holds the file, "" for a user's own.
	Topic string `json:"topic"`
	// Summary is the scenario's own sentence.
	Summary string `json:"summary"`
	// Level says how much the verdicts bind an implementation.
	Level scenario.Level `json:"level"`
	// Features are the words that the scenario is marked with.
	Features []string `json:"features"`
	// Refs are where the behaviour is laid down.
	Refs []string `json:"refs"`
	// Result of the scenario.
	Result judge.Result `json:"result"`
	// Reason why the result is not a pass, else "".
	Reason string `json:"reason"`
	// KnownDeviation is the link of the known deviation that explains the failure, else "".
	KnownDeviation string `json:"knownDeviation"`
	// Seconds is how long it took.
	Seconds float64 `json:"seconds"`
	// Spent is what the time went into.
	Spent SpentInfo `json:"spent"`
	// Stage is the number of the stage that ran it, 0 if none did.
	Stage int `json:"stage"`
	// FirstTry is why a first try was inconclusive, where a second one was made; else "".
	FirstTry string `json:"firstTry"`
	// Steps in order, controls included.
	Steps []StepEntry `json:"steps"`
	// Mismatches are the flows that are evidence against the implementation; none where the level is not scored.
	Mismatches []FlowEntry `json:"mismatches"`
	// Inconclusive are the flows that should have been judged and could not be.
	Inconclusive []FlowEntry `json:"inconclusive"`
	// Unsettled are the flows of a failed step that ended right and did not flap, but were seen wrong before: its table was never at rest.
	Unsettled []FlowEntry `json:"unsettled"`
	// Recorded are the flows that no specification settles, and at the levels contested and undefined those that differ from the scenario's reading.
	Recorded []FlowEntry `json:"recorded"`
}

// StepEntry is the result of one step of a scenario.
type StepEntry struct {
	// Name of the step.
	Name string `json:"name"`
	// Control is true for a check before or after the scenario's own steps.
	Control bool `json:"control"`
	// Deeds are the kinds of things that the step did before it expected.
	Deeds []scenario.Deed `json:"deeds"`
	// Source is the part of the scenario's file that says what the step did, as its author wrote it; "" where it did nothing.
	Source string `json:"source"`
	// Result of the step.
	Result judge.Result `json:"result"`
	// Reason why the result is not a pass, else "".
	Reason string `json:"reason"`
	// Seconds is how long it took.
	Seconds float64 `json:"seconds"`
	// Rounds of probing; a round tries every flow once.
	Rounds int `json:"rounds"`
	// Probes is how many probes were made.
	Probes int `json:"probes"`
	// Allowed is how many flows must connect.
	Allowed int `json:"allowed"`
	// Denied is how many flows must not connect.
	Denied int `json:"denied"`
	// Undefined is how many flows no specification settles.
	Undefined int `json:"undefined"`
	// Enforce is absent where the step turned no flow from allowed to denied, or one never showed it.
	Enforce *StepLatency `json:"enforce,omitempty"`
	// Revoke is absent where the step turned no flow from denied to allowed, or one never showed it.
	Revoke *StepLatency `json:"revoke,omitempty"`
	// Start is absent where the step started no pod that dialled and was dialled from its first instant, or an allowed flow never connected. It counts from that instant.
	Start *StepLatency `json:"start,omitempty"`
	// Debuts are the flows of such pods.
	Debuts []DebutEntry `json:"debuts"`
	// Readings are mistakes that would explain every flow of this step and of those before it, or of one that was not wrong all the time what was wrong. They are no verdict.
	Readings []ReadingEntry `json:"readings"`
	// Flaps are flows that were right, and were seen wrong while the table was held.
	Flaps []FlapEntry `json:"flaps"`
	// Steady is absent where the step is not steady.
	Steady *SteadyEntry `json:"steady,omitempty"`
	// Mismatches are the flow lines of the scenario's mismatches that belong to this step.
	Mismatches []string `json:"mismatches"`
}

// ReadingEntry is a mistake that is consistent with what was seen.
type ReadingEntry struct {
	// Name of the reading.
	Name string `json:"name"`
	// Says continues "consistent with".
	Says string `json:"says"`
}

// StepLatency is how long the flows that a step changed took, from the API's last answer. Unit: milliseconds.
type StepLatency struct {
	// Flows is how many changed.
	Flows int `json:"flows"`
	// FirstCorrect is when the first of them showed its new verdict.
	FirstCorrect float64 `json:"firstCorrect"`
	// LastWrong is when one of them was last seen with its old verdict; 0 if never.
	LastWrong float64 `json:"lastWrong"`
	// Settled is when every one of them had shown its new verdict.
	Settled float64 `json:"settled"`
}

// SpentInfo is what time went into. Unit: seconds.
type SpentInfo struct {
	// Deploying probe pods, until all of them are ready.
	Deploying float64 `json:"deploying"`
	// API requests that change objects, and recreating pods.
	API float64 `json:"api"`
	// Waiting for the tables of steps, from the API's answer to the first round that shows them.
	Waiting float64 `json:"waiting"`
	// Holding tables, from then on.
	Holding float64 `json:"holding"`
	// Silence is the part of waiting and holding in which only the time-outs of denied flows were left.
	Silence float64 `json:"silence"`
}

// DebutEntry is one flow from or to a new pod, tried every 10 ms from its first instant on.
type DebutEntry struct {
	// Flow is the flow's line, with path and family.
	Flow string `json:"flow"`
	// By says who dialled: the new pod's container or init container, or a peer, from when the API showed the pod's address.
	By string `json:"by" jsonschema:"enum=container,enum=init container,enum=peer"`
	// Expected verdict.
	Expected flow.Verdict `json:"expected"`
	// Result of the flow.
	Result judge.Result `json:"result"`
	// Reason why the result is not a pass, else "".
	Reason string `json:"reason"`
	// Connected is when it first had connected, in milliseconds; -1 if it never did.
	Connected float64 `json:"connected"`
	// Outcomes counts the attempts.
	Outcomes map[flow.Outcome]int `json:"outcomes"`
}

// FlapEntry is a flow that was right, and was seen wrong while the table was held.
type FlapEntry struct {
	// Flow is the flow's line, with path and family.
	Flow string `json:"flow"`
	// Expected verdict.
	Expected flow.Verdict `json:"expected"`
	// Outcome that was seen instead.
	Outcome flow.Outcome `json:"outcome"`
	// After is the time since the API's last answer, in milliseconds.
	After float64 `json:"after"`
}

// FlowEntry is one flow of one step, with what was expected and what was seen.
type FlowEntry struct {
	// Step is the name of the step.
	Step string `json:"step"`
	// Flow is the flow's line, with path and family.
	Flow string `json:"flow"`
	// Source is the endpoint that dials.
	Source string `json:"source"`
	// Destination is the endpoint that is dialled.
	Destination string `json:"destination"`
	// Port is the number on which the destination itself listens.
	Port uint16 `json:"port"`
	// Protocol of the flow.
	Protocol flow.Protocol `json:"protocol"`
	// Via is the kind of address that is dialled.
	Via flow.Via `json:"via"`
	// Family of that address.
	Family flow.Family `json:"family"`
	// Expected verdict.
	Expected flow.Verdict `json:"expected"`
	// Observed verdict; unknown where the samples are no evidence.
	Observed flow.Verdict `json:"observed"`
	// Outcome of the last sample.
	Outcome flow.Outcome `json:"outcome"`
	// Outcomes counts the samples of the step.
	Outcomes map[flow.Outcome]int `json:"outcomes"`
	// Detail of the last sample.
	Detail string `json:"detail"`
	// Explanation is one sentence on why the expected verdict is right, else "".
	Explanation string `json:"explanation"`
}
