package embedded

import (
	"maps"
	"net/netip"
	"slices"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/client-go/kubernetes/scheme"

	"github.com/cniproof/cniproof/internal/netpol"
)

// ownNamespaces exist from the beginning and cannot be deleted.
//
//nolint:gochecknoglobals // a constant table
var ownNamespaces = []string{metav1.NamespaceDefault, metav1.NamespaceSystem, metav1.NamespacePublic, corev1.NamespaceNodeLease}

// complete fills in what the API server would.
func (a *api) complete(object runtime.Object) {
	switch o := object.(type) {
	case *corev1.Namespace:
		completeNamespace(o)
	case *corev1.Pod:
		completePod(o)
	case *corev1.Service:
		a.completeService(o)
	case *networkingv1.NetworkPolicy:
		a.completePolicy(o)
	}
}

func completeNamespace(ns *corev1.Namespace) {
	ns.Labels = maps.Clone(ns.Labels)
	if ns.Labels == nil {
		ns.Labels = map[string]string{}
	}
	ns.Labels[corev1.LabelMetadataName] = ns.Name
	if len(ns.Spec.Finalizers) == 0 {
		ns.Spec.Finalizers = []corev1.FinalizerName{corev1.FinalizerKubernetes}
	}
	if ns.Status.Phase == "" {
		ns.Status.Phase = corev1.NamespaceActive
	}
}

func completePod(pod *corev1.Pod) {
	s := &pod.Spec
	setDefault(&s.RestartPolicy, corev1.RestartPolicyAlways)
	setDefault(&s.DNSPolicy, corev1.DNSClusterFirst)
	setDefault(&s.SchedulerName, corev1.DefaultSchedulerName)
	setDefault(&s.ServiceAccountName, "default")
	if s.TerminationGracePeriodSeconds == nil {
		grace := int64(corev1.DefaultTerminationGracePeriodSeconds)
		s.TerminationGracePeriodSeconds = &grace
	}
	for i := range s.Containers {
		for j := range s.Containers[i].Ports {
			setDefault(&s.Containers[i].Ports[j].Protocol, corev1.ProtocolTCP)
		}
	}
	setDefault(&pod.Status.Phase, corev1.PodPending)
}

func (a *api) completePolicy(policy *networkingv1.NetworkPolicy) {
	types := policy.Spec.PolicyTypes
	netpol.Default(policy)
	if a.keepPolicyTypes {
		policy.Spec.PolicyTypes = types
	}
}

// completeService chooses families as the API server of a dual-stack cluster does:
// the first alone, unless the Service asks for more.
func (a *api) completeService(service *corev1.Service) {
	s := &service.Spec
	setDefault(&s.Type, corev1.ServiceTypeClusterIP)
	setDefault(&s.SessionAffinity, corev1.ServiceAffinityNone)
	for i := range s.Ports {
		p := &s.Ports[i]
		setDefault(&p.Protocol, corev1.ProtocolTCP)
		if p.TargetPort == (intstr.IntOrString{}) {
			p.TargetPort = intstr.FromInt32(p.Port)
		}
	}
	if s.IPFamilyPolicy == nil {
		policy := corev1.IPFamilyPolicySingleStack
		if len(s.IPFamilies) > 1 || len(s.ClusterIPs) > 1 {
			policy = corev1.IPFamilyPolicyRequireDualStack
		}
		s.IPFamilyPolicy = &policy
	}
	all := families([]corev1.IPFamily{corev1.IPv4Protocol, corev1.IPv6Protocol}, a.ipv6)
	if len(s.IPFamilies) == 0 {
		s.IPFamilies = all[:1:1]
	}
	if *s.IPFamilyPolicy == corev1.IPFamilyPolicySingleStack {
		return
	}
	for _, f := range all {
		if !slices.Contains(s.IPFamilies, f) {
			s.IPFamilies = append(s.IPFamilies, f)
		}
	}
}

func setDefault[T ~string](into *T, value T) {
	if *into == "" {
		*into = value
	}
}

// allocate gives a Service its addresses. The same number is taken in each range.
func (a *api) allocate(object runtime.Object) error {
	service, ok := object.(*corev1.Service)
	if !ok || service.Spec.ClusterIP == corev1.ClusterIPNone {
		return nil
	}
	n, ok := a.ips.take()
	if !ok {
		return apierrors.NewInternalError(errNoServiceIP)
	}
	s := &service.Spec
	s.ClusterIPs = nil
	for _, f := range s.IPFamilies {
		cidr := serviceCIDRs[0]
		if f == corev1.IPv6Protocol {
			cidr = serviceCIDRs[1]
		}
		s.ClusterIPs = append(s.ClusterIPs, nth(cidr, n).String())
	}
	s.ClusterIP = s.ClusterIPs[0]
	return a.allocateNodePorts(service)
}

// releaseIPs gives a Service's addresses back.
func (a *api) releaseIPs(service *corev1.Service) {
	addr, err := netip.ParseAddr(service.Spec.ClusterIP)
	if err != nil {
		return
	}
	raw := addr.AsSlice()
	a.ips.give(int(raw[len(raw)-2])<<8 + int(raw[len(raw)-1]))
}

// validate answers as the API server does to an object that is not allowed.
// before is the stored object that it replaces, or nil.
func (a *api) validate(object, before runtime.Object) error {
	var errs field.ErrorList
	switch o := object.(type) {
	case *corev1.Namespace:
		errs = validateNamespace(o)
	case *corev1.Pod:
		old, _ := before.(*corev1.Pod)
		errs = validatePod(o, old)
	case *corev1.Service:
		old, _ := before.(*corev1.Service)
		errs = validateService(o, old)
	case *networkingv1.NetworkPolicy:
		errs = netpol.Validate(o)
	}
	if len(errs) == 0 {
		return nil
	}
	m, err := meta.Accessor(object)
	if err != nil {
		return err
	}
	var kind schema.GroupKind
	if kinds, _, err := scheme.Scheme.ObjectKinds(object); err == nil {
		kind = kinds[0].GroupKind()
	}
	return apierrors.NewInvalid(kind, m.GetName(), errs)
}

// fieldsOf are the fields by which lists and watches can be narrowed.
func fieldsOf(object runtime.Object, m metav1.Object) fields.Set {
	set := fields.Set{"metadata.name": m.GetName(), "metadata.namespace": m.GetNamespace()}
	switch o := object.(type) {
	case *corev1.Pod:
		set["spec.nodeName"] = o.Spec.NodeName
		set["spec.restartPolicy"] = string(o.Spec.RestartPolicy)
		set["status.phase"] = string(o.Status.Phase)
		set["status.podIP"] = o.Status.PodIP
	case *corev1.Namespace:
		set["status.phase"] = string(o.Status.Phase)
	}
	return set
}
