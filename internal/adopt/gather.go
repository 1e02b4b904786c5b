package adopt

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/labels"
)

// gather chooses what is meant: the namespaces that were asked for with their
// policies, and of others the pods that these policies name, with the policies that
// select those.
func (i *importer) gather(o Objects) error {
	i.services, i.ranges = o.Services, o.Ranges
	known := map[string]map[string]string{}
	for _, ns := range o.Namespaces {
		known[ns.Name] = ns.Labels
	}
	i.refuseSystem(o, known)
	for _, p := range o.Policies {
		if i.meant(p.Namespace) {
			i.policies = append(i.policies, p.DeepCopy())
		}
	}
	if len(i.policies) == 0 {
		return fmt.Errorf("%w: no NetworkPolicy in %s", ErrNothing, i.where())
	}
	i.pods(o.Workloads, known)
	if len(i.workloads) == 0 {
		return fmt.Errorf("%w: no pod in %s that a probe could stand for", ErrNothing, i.where())
	}
	i.neighboursPolicies(o.Policies)
	slices.SortFunc(i.policies, func(a, b *networkingv1.NetworkPolicy) int {
		return strings.Compare(a.Namespace+"/"+a.Name, b.Namespace+"/"+b.Name)
	})
	i.takeNamespaces(known)
	return nil
}

func (i *importer) where() string {
	if len(i.options.Namespaces) == 0 {
		return i.options.Source
	}
	return "namespace " + strings.Join(i.options.Namespaces, ", ") + " of " + i.options.Source
}

// meant reports whether a namespace was asked for. No scenario can have pods in
// kube-system.
func (i *importer) meant(name string) bool {
	return name != systemNamespace && (len(i.options.Namespaces) == 0 || slices.Contains(i.options.Namespaces, name))
}

// refuseSystem says what of kube-system is left out.
func (i *importer) refuseSystem(o Objects, known map[string]map[string]string) {
	if len(i.options.Namespaces) > 0 && !slices.Contains(i.options.Namespaces, systemNamespace) {
		return
	}
	pods, policies := 0, 0
	for _, w := range o.Workloads {
		if w.Namespace == systemNamespace {
			pods++
		}
	}
	for _, p := range o.Policies {
		if p.Namespace == systemNamespace {
			policies++
		}
	}
	if pods+policies > 0 || known[systemNamespace] != nil && slices.Contains(i.options.Namespaces, systemNamespace) {
		i.note("kube-system is left out (%d pods, %d policies): a scenario puts neither there; its DNS service takes part where a policy isolates egress", pods, policies)
	}
}

func (i *importer) pods(all []Workload, known map[string]map[string]string) {
	hostNetwork, unselected := 0, 0
	for _, w := range all {
		home := i.meant(w.Namespace)
		switch {
		case w.Namespace == systemNamespace:
		case !home && !i.named(w, known):
		case w.HostNetwork:
			hostNetwork++
		case home && i.options.Selector != nil && !i.options.Selector.Matches(labels.Set(w.Labels)):
			unselected++
		default:
			i.workloads = append(i.workloads, w)
		}
	}
	if hostNetwork > 0 {
		i.note("pods on the host's network are left out (%d): what a policy means for them is not settled", hostNetwork)
	}
	if unselected > 0 {
		i.note("pods that the selector %q does not take are left out (%d), also where a policy names them", i.options.Selector, unselected)
	}
}

// named reports whether a peer names the pod by more than "every namespace".
func (i *importer) named(w Workload, known map[string]map[string]string) bool {
	found := false
	for _, p := range i.policies {
		eachPeer(p, func(peer *networkingv1.NetworkPolicyPeer) {
			found = found || peer.NamespaceSelector != nil && !empty(peer.NamespaceSelector) &&
				admits(peer, p.Namespace, w.Labels, w.Namespace, known[w.Namespace])
		})
	}
	return found
}

// Neighbours are the other namespaces that the policies of the namespaces asked for
// name by a selector that is not empty: their pods take part.
func Neighbours(namespaces []corev1.Namespace, policies []*networkingv1.NetworkPolicy, asked []string) []string {
	found := map[string]bool{}
	for _, p := range policies {
		eachPeer(p, func(peer *networkingv1.NetworkPolicyPeer) {
			for _, ns := range namespaces {
				named := peer.NamespaceSelector != nil && !empty(peer.NamespaceSelector) &&
					matches(peer.NamespaceSelector, withName(ns.Labels, ns.Name))
				if named && ns.Name != systemNamespace && !slices.Contains(asked, ns.Name) {
					found[ns.Name] = true
				}
			}
		})
	}
	return slices.Sorted(maps.Keys(found))
}

// neighboursPolicies adds those that select pods of namespaces that were not asked for.
func (i *importer) neighboursPolicies(all []*networkingv1.NetworkPolicy) {
	for _, p := range all {
		if i.meant(p.Namespace) || p.Namespace == systemNamespace {
			continue
		}
		selects := slices.ContainsFunc(i.workloads, func(w Workload) bool {
			return w.Namespace == p.Namespace && matches(&p.Spec.PodSelector, w.Labels)
		})
		if selects {
			i.policies = append(i.policies, p.DeepCopy())
		}
	}
}

// takeNamespaces takes those that have pods or policies, and gives them names that a
// scenario can have.
func (i *importer) takeNamespaces(known map[string]map[string]string) {
	wanted := map[string]bool{}
	for _, w := range i.workloads {
		wanted[w.Namespace] = true
	}
	for _, p := range i.policies {
		wanted[p.Namespace] = true
	}
	i.names = map[string]string{systemNamespace: systemNamespace}
	taken := map[string]bool{}
	selected := selectedKeys(i.policies)
	for _, name := range slices.Sorted(maps.Keys(wanted)) {
		labels, ok := known[name]
		if !ok {
			i.note("namespace %s is not among the objects: it is taken to have no labels but its name", name)
		}
		ns := namespace{real: name, name: unique(namespaceName(name), taken)}
		ns.labels = i.keptLabels("namespace "+name, labels, selected)
		if ns.name != name {
			ns.comment = "namespace " + name
			i.note("namespace %s is called %s in the scenario", name, ns.name)
		}
		if !i.meant(name) {
			ns.comment = strings.TrimPrefix(ns.comment+"; named by a policy", "; ")
		}
		i.names[name] = ns.name
		i.namespaces = append(i.namespaces, ns)
	}
}
