package scenario

import (
	"net/netip"

	"github.com/cniproof/cniproof/internal/flow"
)

// Binding ties the names of a scenario to one cluster: what only a cluster knows.
type Binding struct {
	// Namespaces maps the scenario's name of a namespace to its real name.
	Namespaces map[string]string
	// Addresses are the own addresses of pods, external hosts and nodes, at most one per family.
	Addresses map[flow.Endpoint][]netip.Addr
	// PodCIDRs cover every pod of the cluster, at most one per family.
	PodCIDRs []netip.Prefix
	// ExternalCIDRs cover every external host and no pod or node, at most one per family.
	ExternalCIDRs []netip.Prefix
}
