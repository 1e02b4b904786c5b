package scenario

import (
	"errors"
	"io/fs"

	networkingv1 "k8s.io/api/networking/v1"

	"github.com/cniproof/cniproof/internal/flow"
)

var errNotYet = errors.New("not written yet")

// ErrNoAddress says that the cluster has no address of the kind that a variable asks for.
var ErrNoAddress = errors.New("no such address in this cluster")

// Load reads scenario files; a directory stands for all scenarios below it.
func Load(fsys fs.FS, paths ...string) ([]*Scenario, error) { return nil, errNotYet }

// CheckFile reports every mistake of one file: scenarios, topologies, NetworkPolicies and lists.
func CheckFile(fsys fs.FS, path string) Problems { return nil }

// ParseFlowLine reads "SOURCE -> DESTINATION[:PORT/PROTOCOL] [over FAMILY] [via PATH]".
func ParseFlowLine(text string) (func(flow.Flow) bool, error) { return nil, errNotYet }

// Render fills in the variables and gives the policy as the API server would store it.
func (m Manifest) Render(b Binding) (*networkingv1.NetworkPolicy, error) { return nil, errNotYet }

// Symbolic invents a binding, with documentation addresses.
func Symbolic(t Topology) Binding { return Binding{} }

// Needs are the features of a cluster that the scenario asks for, sorted.
func Needs(s *Scenario) []string { return nil }

// Feature is a word of `spec.features`.
type Feature struct{ Name, Meaning string }

// Features are all the words that `spec.features` may hold, sorted.
func Features() []Feature { return nil }
