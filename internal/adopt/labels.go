package adopt

import (
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
)

const (
	systemNamespace = "kube-system"
	ownPrefix       = "cniproof.dev/"
)

// instanceKeys are labels that controllers give to tell the pods of one workload
// apart. They matter only to a policy that names them.
func instanceKeys() []string {
	return []string{
		"pod-template-hash", "pod-template-generation", "controller-revision-hash", "controller-uid",
		"statefulset.kubernetes.io/pod-name", "apps.kubernetes.io/pod-index", "job-name",
		"batch.kubernetes.io/job-name", "batch.kubernetes.io/controller-uid", "batch.kubernetes.io/job-completion-index",
	}
}

// acts reports whether a label makes the cluster do something to a probe: inject a
// sidecar into it, or refuse it.
func acts(key string) bool {
	for _, prefix := range []string{"pod-security.kubernetes.io/", "istio.io/", "istio-injection", "sidecar.istio.io/", "linkerd.io/"} {
		if strings.HasPrefix(key, prefix) {
			return true
		}
	}
	return false
}

// selectedKeys are the label keys that the selectors of policies name.
func selectedKeys(policies []*networkingv1.NetworkPolicy) map[string]bool {
	keys := map[string]bool{}
	for _, p := range policies {
		eachSelector(p, func(s *metav1.LabelSelector) {
			for key := range s.MatchLabels {
				keys[key] = true
			}
			for _, e := range s.MatchExpressions {
				keys[e.Key] = true
			}
		})
	}
	return keys
}

func eachSelector(p *networkingv1.NetworkPolicy, do func(*metav1.LabelSelector)) {
	do(&p.Spec.PodSelector)
	eachPeer(p, func(peer *networkingv1.NetworkPolicyPeer) {
		for _, s := range []*metav1.LabelSelector{peer.PodSelector, peer.NamespaceSelector} {
			if s != nil {
				do(s)
			}
		}
	})
}

func eachPeer(p *networkingv1.NetworkPolicy, do func(*networkingv1.NetworkPolicyPeer)) {
	for r := range p.Spec.Ingress {
		for k := range p.Spec.Ingress[r].From {
			do(&p.Spec.Ingress[r].From[k])
		}
	}
	for r := range p.Spec.Egress {
		for k := range p.Spec.Egress[r].To {
			do(&p.Spec.Egress[r].To[k])
		}
	}
}

// keptLabels leaves out what a scenario cannot or should not have.
func (i *importer) keptLabels(of string, have map[string]string, selected map[string]bool) map[string]string {
	kept := map[string]string{}
	for _, key := range slices.Sorted(maps.Keys(have)) {
		switch {
		case key == corev1.LabelMetadataName:
		case strings.HasPrefix(key, ownPrefix):
			i.note("%s: the label %s is left out: such labels are cniproof's own", of, key)
		case selected[key]:
			kept[key] = have[key]
			if acts(key) {
				i.note("%s: the label %s is kept because a policy selects by it; it may make the cluster change or refuse the probes", of, key)
			}
		case slices.Contains(instanceKeys(), key):
		case acts(key):
			i.note("%s: the label %s is left out: it would make the cluster change or refuse the probes, and no policy selects by it", of, key)
		default:
			kept[key] = have[key]
		}
	}
	return kept
}

// matches reports whether a selector takes the labels; a bad selector takes none,
// and the API has refused it before.
func matches(s *metav1.LabelSelector, have map[string]string) bool {
	selector, err := metav1.LabelSelectorAsSelector(s)
	return err == nil && selector.Matches(labels.Set(have))
}

func withName(have map[string]string, name string) map[string]string {
	all := maps.Clone(have)
	if all == nil {
		all = map[string]string{}
	}
	all[corev1.LabelMetadataName] = name
	return all
}

// admits reports whether a peer of a policy takes pods with these labels, in a
// namespace with its labels.
func admits(peer *networkingv1.NetworkPolicyPeer, home string, pod map[string]string, namespace string, of map[string]string) bool {
	switch {
	case peer.IPBlock != nil:
		return false
	case peer.NamespaceSelector == nil && namespace != home:
		return false
	case peer.NamespaceSelector != nil && !matches(peer.NamespaceSelector, withName(of, namespace)):
		return false
	}
	return peer.PodSelector == nil || matches(peer.PodSelector, pod)
}

func empty(s *metav1.LabelSelector) bool { return len(s.MatchLabels)+len(s.MatchExpressions) == 0 }
