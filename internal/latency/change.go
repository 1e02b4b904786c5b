// Package latency says how long an implementation takes to follow changes: one change
// at a time, many times, by kind of change. It turns samples into measurements and
// measurements into reports: same samples in, same bytes out. It never touches a cluster.
package latency

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/cniproof/cniproof/internal/flow"
)

// Kind is what was done to the cluster. Its text is the word in a report.
type Kind string

// The kinds of changes.
const (
	PolicyCreated     Kind = "policy created"
	PolicyUpdated     Kind = "policy updated"
	PolicyDeleted     Kind = "policy deleted"
	PodRelabelled     Kind = "pod relabelled"
	NamespaceLabelled Kind = "namespace relabelled"
	PeerRecreated     Kind = "peer pod recreated"
)

// Kinds are all kinds, in the order of reports.
func Kinds() []Kind {
	return []Kind{PolicyCreated, PolicyUpdated, PolicyDeleted, PodRelabelled, NamespaceLabelled, PeerRecreated}
}

// Way is what a change does to flows.
type Way string

// The ways.
const (
	Enforced Way = "enforced" // allowed flows had to be denied
	Revoked  Way = "revoked"  // denied flows had to be allowed
)

// Change is one kind of change in one way.
type Change struct {
	Kind Kind
	Way  Way
}

func (c Change) String() string { return fmt.Sprintf("%s, %s", c.Kind, c.Way) }

// compareChanges orders changes as reports do.
func compareChanges(a, b Change) int {
	return cmp.Or(
		cmp.Compare(slices.Index(Kinds(), a.Kind), slices.Index(Kinds(), b.Kind)),
		cmp.Compare(a.Way, b.Way),
	)
}

// Result is what became of one measurement.
type Result string

// The results.
const (
	Measured Result = "measured"
	// Never is for a change that was not followed in time, or not for good.
	Never Result = "never"
	// Untold is for a change of which nothing can be said: it does not count.
	Untold Result = "could-not-tell"
)

// Measurement is one change, measured once. Durations count from the API's answer.
type Measurement struct {
	Change
	Repeat int // counted from 1
	At     time.Time
	Result Result
	Reason string // why it was not measured
	Flows  int    // that the change turned

	// First is when the first of them showed its new verdict.
	First time.Duration
	// Settled is when every one of them had shown its new verdict.
	Settled time.Duration
	// LastWrong is when one of them was last seen with its old verdict; 0 if never.
	LastWrong time.Duration
	// Resolution is the time between the sample that showed the new verdict and the one
	// before it, of the flow where it was longest: that much earlier it may have been.
	Resolution time.Duration
	// Lag is how long the slowest agent took to answer its control stream meanwhile: by
	// at most that much the samples are dated too early.
	Lag time.Duration
}

// Step is one change as it was watched.
type Step struct {
	Change Change
	// Before and Expected have one verdict per flow.
	Before, Expected []flow.Verdict
	// Controls are flows that no change concerns, by their index: they show that the
	// network works meanwhile.
	Controls []int
	// Since is when the API answered.
	Since time.Time
	// Within is how long the change may take, and Calm how long nothing wrong must then
	// be seen.
	Within, Calm time.Duration
}
