package netpol

import (
	"net/netip"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/api/validation"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	metavalidation "k8s.io/apimachinery/pkg/apis/meta/v1/validation"
	"k8s.io/apimachinery/pkg/util/intstr"
	utilvalidation "k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// Validate reports everything for which the API server would refuse to create the
// policy, with the path of each field. The policy must have been through Default.
func Validate(p *networkingv1.NetworkPolicy) field.ErrorList {
	errs := validation.ValidateObjectMeta(&p.ObjectMeta, true, validation.NameIsDNSSubdomain, field.NewPath("metadata"))
	return steady(append(errs, validateSpec(&p.Spec, field.NewPath("spec"))...))
}

func validateSpec(spec *networkingv1.NetworkPolicySpec, at *field.Path) field.ErrorList {
	errs := validateSelector(&spec.PodSelector, at.Child("podSelector"))
	for i, rule := range spec.Ingress {
		path := at.Child("ingress").Index(i)
		errs = append(errs, validatePorts(rule.Ports, path.Child("ports"))...)
		errs = append(errs, validatePeers(rule.From, path.Child("from"))...)
	}
	for i, rule := range spec.Egress {
		path := at.Child("egress").Index(i)
		errs = append(errs, validatePorts(rule.Ports, path.Child("ports"))...)
		errs = append(errs, validatePeers(rule.To, path.Child("to"))...)
	}
	return append(errs, validatePolicyTypes(spec.PolicyTypes, at.Child("policyTypes"))...)
}

func validatePolicyTypes(types []networkingv1.PolicyType, at *field.Path) field.ErrorList {
	known := []networkingv1.PolicyType{networkingv1.PolicyTypeIngress, networkingv1.PolicyTypeEgress}
	if len(types) > len(known) {
		return field.ErrorList{field.Invalid(at, types, "may not specify more than two policyTypes")}
	}
	var errs field.ErrorList
	for i, t := range types {
		if !slices.Contains(known, t) {
			errs = append(errs, field.NotSupported(at.Index(i), t, known))
		}
	}
	return errs
}

func validateSelector(s *metav1.LabelSelector, at *field.Path) field.ErrorList {
	return metavalidation.ValidateLabelSelector(s, metavalidation.LabelSelectorValidationOptions{}, at)
}

func validatePorts(ports []networkingv1.NetworkPolicyPort, at *field.Path) field.ErrorList {
	var errs field.ErrorList
	for i := range ports {
		errs = append(errs, validateProtocol(ports[i].Protocol, at.Index(i).Child("protocol"))...)
		errs = append(errs, validatePort(&ports[i], at.Index(i))...)
	}
	return errs
}

func validateProtocol(protocol *corev1.Protocol, at *field.Path) field.ErrorList {
	known := []corev1.Protocol{corev1.ProtocolTCP, corev1.ProtocolUDP, corev1.ProtocolSCTP}
	if protocol == nil || slices.Contains(known, *protocol) {
		return nil
	}
	return field.ErrorList{field.NotSupported(at, *protocol, known)}
}

func validatePort(p *networkingv1.NetworkPolicyPort, at *field.Path) field.ErrorList {
	switch {
	case p.Port == nil:
		return withoutEndPort(p.EndPort, at, "may not be specified when `port` is not specified")
	case p.Port.Type == intstr.String:
		errs := withoutEndPort(p.EndPort, at, "may not be specified when `port` is non-numeric")
		return append(errs, invalid(at.Child("port"), p.Port.StrVal, utilvalidation.IsValidPortName(p.Port.StrVal))...)
	default:
		errs := invalid(at.Child("port"), p.Port.IntVal, utilvalidation.IsValidPortNum(int(p.Port.IntVal)))
		return append(errs, validateEndPort(p.Port.IntVal, p.EndPort, at.Child("endPort"))...)
	}
}

func withoutEndPort(endPort *int32, at *field.Path, rule string) field.ErrorList {
	if endPort == nil {
		return nil
	}
	return invalid(at.Child("endPort"), *endPort, []string{rule})
}

func validateEndPort(port int32, endPort *int32, at *field.Path) field.ErrorList {
	if endPort == nil {
		return nil
	}
	rules := utilvalidation.IsValidPortNum(int(*endPort))
	if *endPort < port {
		rules = append([]string{"must be greater than or equal to `port`"}, rules...)
	}
	return invalid(at, *endPort, rules)
}

func invalid(at *field.Path, value any, rules []string) field.ErrorList {
	var errs field.ErrorList
	for _, rule := range rules {
		errs = append(errs, field.Invalid(at, value, rule))
	}
	return errs
}

func validatePeers(peers []networkingv1.NetworkPolicyPeer, at *field.Path) field.ErrorList {
	var errs field.ErrorList
	for i := range peers {
		errs = append(errs, validatePeer(&peers[i], at.Index(i))...)
	}
	return errs
}

func validatePeer(peer *networkingv1.NetworkPolicyPeer, at *field.Path) field.ErrorList {
	errs := validateSelector(peer.PodSelector, at.Child("podSelector"))
	errs = append(errs, validateSelector(peer.NamespaceSelector, at.Child("namespaceSelector"))...)
	selects := peer.PodSelector != nil || peer.NamespaceSelector != nil
	if peer.IPBlock == nil {
		if !selects {
			errs = append(errs, field.Required(at, "must specify a peer"))
		}
		return errs
	}
	errs = append(errs, validateIPBlock(peer.IPBlock, at.Child("ipBlock"))...)
	if selects {
		errs = append(errs, field.Forbidden(at, "may not specify both ipBlock and another peer"))
	}
	return errs
}

func validateIPBlock(block *networkingv1.IPBlock, at *field.Path) field.ErrorList {
	if block.CIDR == "" {
		return field.ErrorList{field.Required(at.Child("cidr"), "")}
	}
	errs := validateCIDR(block.CIDR, at.Child("cidr"))
	outer, err := netip.ParsePrefix(block.CIDR)
	for i, except := range block.Except {
		path := at.Child("except").Index(i)
		errs = append(errs, validateCIDR(except, path)...)
		inner, innerErr := netip.ParsePrefix(except)
		if err == nil && innerErr == nil && !strictlyInside(inner, outer) {
			errs = append(errs, field.Invalid(path, except, "must be a strict subset of `cidr`"))
		}
	}
	return errs
}

// validateCIDR is strict, as servers are by default since Kubernetes 1.36: no
// leading zeros and no bits beyond the prefix.
func validateCIDR(cidr string, at *field.Path) field.ErrorList {
	return utilvalidation.IsValidCIDRForLegacyField(at, cidr, true, nil)
}

func strictlyInside(inner, outer netip.Prefix) bool {
	return outer.Contains(inner.Addr()) && inner.Bits() > outer.Bits()
}

// steady puts several errors of one field into an order that does not depend on
// the order in which Go walks a map of labels.
func steady(errs field.ErrorList) field.ErrorList {
	for begin := 0; begin < len(errs); {
		end := begin + 1
		for end < len(errs) && errs[end].Field == errs[begin].Field {
			end++
		}
		slices.SortStableFunc(errs[begin:end], func(a, b *field.Error) int {
			return strings.Compare(a.Error(), b.Error())
		})
		begin = end
	}
	return errs
}
