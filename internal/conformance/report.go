// Package conformance makes a report of conformance out of JSON reports of runs: what
// an implementation publishes, and what others can check.
//
// Goals: a report says no more than its runs show; whoever has the runs can compute it
// again, and every way in which the two differ is named at once.
// Non-goals: judging. It reads what runs came to, and asks no cluster.
package conformance

import "github.com/cniproof/cniproof/internal/scenario"

// APIVersion and Kind mark a Report.
const (
	APIVersion = "cniproof.dev/conformance/v1alpha1"
	Kind       = "ConformanceReport"
)

// Report is what an implementation publishes, as YAML. Lists are sorted and never null.
type Report struct {
	// APIVersion is the version of this format.
	APIVersion string `json:"apiVersion" jsonschema:"enum=cniproof.dev/conformance/v1alpha1"`
	// Kind tells this document from others.
	Kind string `json:"kind" jsonschema:"enum=ConformanceReport"`
	// Implementation is who publishes the report, and about what.
	Implementation Implementation `json:"implementation"`
	// Judged is what the runs found on the cluster.
	Judged Judged `json:"judged"`
	// KubernetesVersion is that of the API server.
	KubernetesVersion string `json:"kubernetesVersion" jsonschema:"minLength=1"`
	// Date is the day on which the last run began, in UTC.
	Date string `json:"date" jsonschema:"format=date"`
	// Tool is the program that made the runs, and this report.
	Tool Tool `json:"tool"`
	// Cluster is where the scenarios ran.
	Cluster Cluster `json:"cluster"`
	// Library is all the scenarios that there are.
	Library Library `json:"library"`
	// Runs are what the report was made from.
	Runs []Run `json:"runs" jsonschema:"minItems=1"`
	// Profiles are core and extended.
	Profiles []Profile `json:"profiles" jsonschema:"minItems=2,maxItems=2"`
	// KnownDeviations explain failures; a failure is one all the same.
	KnownDeviations []Deviation `json:"knownDeviations"`
	// Disqualified says why this is no report of conformance; empty where it is one.
	Disqualified []string `json:"disqualified"`
}

// Implementation is who publishes the report, and about what.
type Implementation struct {
	// Organization that maintains the project.
	Organization string `json:"organization" jsonschema:"minLength=1"`
	// Project is the name of the implementation.
	Project string `json:"project" jsonschema:"minLength=1"`
	// Version of the implementation.
	Version string `json:"version" jsonschema:"minLength=1"`
	// URL leads to the project.
	URL string `json:"url" jsonschema:"format=uri"`
	// Contact is whom to ask: addresses of mail or of pages, or @names.
	Contact []string `json:"contact" jsonschema:"minItems=1"`
}

// Judged is what the runs found on the cluster.
type Judged struct {
	// Name of the implementation, as the runs recognised it.
	Name string `json:"name"`
	// Version that the runs recognised, "" where they could not.
	Version string `json:"version"`
}

// Tool is the program that made the runs.
type Tool struct {
	// Name of the program.
	Name string `json:"name"`
	// Version of the program.
	Version string `json:"version" jsonschema:"minLength=1"`
}

// Cluster is where the scenarios ran.
type Cluster struct {
	// Provider is kind or existing; embedded clusters have no implementation of their own.
	Provider string `json:"provider" jsonschema:"minLength=1"`
	// Families that pods had addresses of, in any run.
	Families []string `json:"families"`
	// Protocols that could be probed, in any run.
	Protocols []string `json:"protocols"`
}

// Library is all the scenarios that there are.
type Library struct {
	// Digest is the SHA-256 of the library's files.
	Digest string `json:"digest" jsonschema:"pattern=^sha256:[0-9a-f]{64}$"`
	// Scenarios is how many it has, of all levels.
	Scenarios int `json:"scenarios" jsonschema:"minimum=1"`
}

// Run is one run that the report was made from.
type Run struct {
	// Digest is the SHA-256 of the run's JSON report.
	Digest string `json:"digest" jsonschema:"pattern=^sha256:[0-9a-f]{64}$"`
	// Begin is when the run began, in UTC.
	Begin string `json:"begin" jsonschema:"format=date-time"`
	// Scenarios is how many it was told to judge.
	Scenarios int `json:"scenarios"`
}

// Profile is the scenarios of one level.
type Profile struct {
	// Name is core, for what every implementation must do, or extended, for what is optional.
	Name string `json:"name" jsonschema:"enum=core,enum=extended"`
	// Result is failure where a scenario failed, partial where one was left out or could not be told, else success.
	Result Result `json:"result" jsonschema:"enum=success,enum=partial,enum=failure"`
	// Statistics counts the scenarios of the profile; together they are all that the library has.
	Statistics Statistics `json:"statistics"`
	// SupportedFeatures are those of scenarios that passed where none with the same feature failed.
	SupportedFeatures []string `json:"supportedFeatures"`
	// UnsupportedFeatures are those without any scenario that passed, where one failed or was skipped. A feature in neither list could not be told.
	UnsupportedFeatures []string `json:"unsupportedFeatures"`
	// FailedScenarios had a wrong verdict.
	FailedScenarios []string `json:"failedScenarios"`
	// FlakyScenarios are those of the failed ones that passed in another run.
	FlakyScenarios []string `json:"flakyScenarios"`
	// InconclusiveScenarios could not be told.
	InconclusiveScenarios []string `json:"inconclusiveScenarios"`
	// SkippedScenarios need what the cluster or the implementation does not have.
	SkippedScenarios []Skipped `json:"skippedScenarios"`
	// NotRunScenarios are in the library, and had no turn in any run.
	NotRunScenarios []string `json:"notRunScenarios"`
}

// Result is what a profile came to.
type Result string

// The results. Partial is neither success nor failure.
const (
	Success Result = "success"
	Partial Result = "partial"
	Failure Result = "failure"
)

// The profiles.
const (
	Core     = "core"
	Extended = "extended"
)

// Statistics counts the scenarios of a profile.
type Statistics struct {
	// Passed scenarios had every verdict right.
	Passed int `json:"passed"`
	// Failed scenarios had a wrong verdict.
	Failed int `json:"failed"`
	// Skipped scenarios need what was not there.
	Skipped int `json:"skipped"`
	// Inconclusive scenarios could not be told.
	Inconclusive int `json:"inconclusive"`
	// NotRun scenarios had no turn.
	NotRun int `json:"notRun"`
}

// Skipped is a scenario that needs what was not there.
type Skipped struct {
	// Name of the scenario.
	Name string `json:"name"`
	// Reason in a sentence.
	Reason string `json:"reason"`
}

// Deviation is a known way in which the implementation differs.
type Deviation struct {
	// Summary is one sentence on what it does.
	Summary string `json:"summary"`
	// Link leads to where its own project says so.
	Link string `json:"link"`
	// Scenarios are the failed ones that it explains.
	Scenarios []string `json:"scenarios"`
}

// Catalog is the library against which reports are held.
type Catalog struct {
	Digest    string
	Scenarios []*scenario.Scenario
}

// profiles are the names of the profiles with their levels, in order.
func profiles() []struct {
	name  string
	level scenario.Level
} {
	return []struct {
		name  string
		level scenario.Level
	}{{Core, scenario.LevelMust}, {Extended, scenario.LevelOptional}}
}
