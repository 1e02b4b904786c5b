// Package adopt turns objects that somebody has, namespaces, pods or workloads,
// Services and NetworkPolicies, into a scenario: the labels and the policies are
// theirs, the workloads are replaced by probes, and the verdicts are computed by
// the oracle.
//
// Goals: the same objects, the same file; what cannot be carried over is said in the
// file and to the caller, never dropped in silence.
// Non-goals: reading a cluster. Whoever does hands over what it found.
package adopt

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/cniproof/cniproof/internal/flow"
)

// Objects are what a scenario is made from. Policies must have been defaulted.
type Objects struct {
	Namespaces []corev1.Namespace
	Workloads  []Workload
	Services   []corev1.Service
	Policies   []*networkingv1.NetworkPolicy
	// Ranges hold what is inside the cluster, as far as it is known: of pods, of
	// Services and of nodes.
	Ranges []netip.Prefix
	// Notes are what had to be left out already.
	Notes []string
}

// Workload is pods that are alike.
type Workload struct {
	Kind, Namespace, Name string
	Labels                map[string]string
	Ports                 []flow.Port
	Addresses             []netip.Addr // of pods that run
	HostNetwork           bool
}

func (w Workload) String() string { return w.Kind + " " + w.Namespace + "/" + w.Name }

// Options say what to take and how to probe it.
type Options struct {
	// Name of the scenario; Source says in a few words what it was made from.
	Name, Source string
	// Namespaces whose policies are meant; none stands for all.
	Namespaces []string
	// Selector chooses among the pods of these; nil takes all.
	Selector labels.Selector
	// Replicas puts every probe on two nodes; OneNode uses one node only.
	Replicas, OneNode bool
	// MaxPods is how many probes there may be; 0 stands for DefaultMaxPods.
	MaxPods int
	// Hosts is how many hosts outside the cluster the scenario may use.
	Hosts int
	// IPv6 maps IPv6 blocks too, so that the scenario needs a cluster that has IPv6.
	IPv6 bool
	// DeclaredPorts leaves out the port that no rule opens, which is otherwise
	// served to show that rules with ports open no others.
	DeclaredPorts bool
}

// DefaultMaxPods keeps the matrix, which grows with the square of the pods, to what
// can be probed in a few seconds.
const DefaultMaxPods = 40

// Result is a scenario file.
type Result struct {
	Text []byte
	// Notes are what could not be carried over, and what was assumed; the file says
	// the same.
	Notes []string
	// Probes are the pods of the scenario, with the workloads that they stand for.
	Probes []Probe
	// Control is true where the policies deny nothing that is probed.
	Control bool
}

// Probe is a pod of the scenario.
type Probe struct {
	Pod flow.Endpoint
	For []Workload // none: added by this package

	labels map[string]string
	ports  []flow.Port
	node   int
}

// addresses are those of the pods that it stands for.
func (p *Probe) addresses() []netip.Addr {
	var list []netip.Addr
	for _, w := range p.For {
		list = append(list, w.Addresses...)
	}
	return list
}

// ErrNothing says that there is nothing to make a scenario from.
var ErrNothing = errors.New("there is nothing to prove")

// Import makes the scenario.
func Import(o Objects, options Options) (*Result, error) {
	if options.MaxPods == 0 {
		options.MaxPods = DefaultMaxPods
	}
	i := &importer{options: options, notes: slices.Clone(o.Notes)}
	if err := i.gather(o); err != nil {
		return nil, err
	}
	if err := i.place(); err != nil {
		return nil, err
	}
	i.survey()
	i.rewrite()
	text, control, err := i.compute()
	if err != nil {
		return nil, fmt.Errorf("making a scenario of %s: %w", options.Source, err)
	}
	return &Result{Text: text, Notes: i.notes, Probes: i.probes, Control: control}, nil
}

// importer goes from objects to a scenario.
type importer struct {
	options Options
	notes   []string

	namespaces []namespace
	workloads  []Workload
	services   []corev1.Service
	policies   []*networkingv1.NetworkPolicy // copies, from rewrite on with variables
	ranges     []netip.Prefix
	dns        bool

	probes []Probe
	names  map[string]string // of namespaces: theirs to the scenario's
	// hosts are the addresses that hosts outside stand for, at most one per family.
	hosts []map[flow.Family]netip.Addr
	// hostPorts are what they serve.
	hostPorts []flow.Port
}

// namespace is one of the scenario.
type namespace struct {
	real, name string
	labels     map[string]string
	comment    string
}

func (i *importer) note(format string, args ...any) {
	if text := fmt.Sprintf(format, args...); !slices.Contains(i.notes, text) {
		i.notes = append(i.notes, text)
	}
}
