package embedded

import (
	"errors"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/validation"
	metavalidation "k8s.io/apimachinery/pkg/apis/meta/v1/validation"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/apimachinery/pkg/util/sets"
	utilvalidation "k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

var errNoServiceIP = errors.New("no service address is free")

func validateNamespace(ns *corev1.Namespace) field.ErrorList {
	return validation.ValidateObjectMeta(&ns.ObjectMeta, false, validation.ValidateNamespaceName, field.NewPath("metadata"))
}

// validatePod checks what a pod of this cluster depends on. Of a stored pod's spec
// only the image may change.
func validatePod(pod, old *corev1.Pod) field.ErrorList {
	errs := validation.ValidateObjectMeta(&pod.ObjectMeta, true, validation.NameIsDNSSubdomain, field.NewPath("metadata"))
	spec := field.NewPath("spec")
	if len(pod.Spec.Containers) == 0 {
		errs = append(errs, field.Required(spec.Child("containers"), ""))
	}
	names := sets.New[string]()
	for i := range pod.Spec.Containers {
		c, path := &pod.Spec.Containers[i], spec.Child("containers").Index(i)
		for _, msg := range utilvalidation.IsDNS1123Label(c.Name) {
			errs = append(errs, field.Invalid(path.Child("name"), c.Name, msg))
		}
		if names.Has(c.Name) {
			errs = append(errs, field.Duplicate(path.Child("name"), c.Name))
		}
		names.Insert(c.Name)
		if c.Image == "" {
			errs = append(errs, field.Required(path.Child("image"), ""))
		}
		errs = append(errs, validateContainerPorts(c.Ports, path.Child("ports"))...)
	}
	for i, g := range pod.Spec.ReadinessGates {
		for _, msg := range utilvalidation.IsQualifiedName(string(g.ConditionType)) {
			errs = append(errs, field.Invalid(spec.Child("readinessGates").Index(i).Child("conditionType"), g.ConditionType, msg))
		}
	}
	errs = append(errs, validateRestartPolicy(pod.Spec.RestartPolicy, spec.Child("restartPolicy"))...)
	errs = append(errs, metavalidation.ValidateLabels(pod.Spec.NodeSelector, spec.Child("nodeSelector"))...)
	if old != nil && !samePodSpec(pod, old) {
		errs = append(errs, field.Forbidden(spec, "pod updates may not change fields other than `spec.containers[*].image`"))
	}
	return errs
}

func validateRestartPolicy(p corev1.RestartPolicy, path *field.Path) field.ErrorList {
	all := []corev1.RestartPolicy{corev1.RestartPolicyAlways, corev1.RestartPolicyOnFailure, corev1.RestartPolicyNever}
	if sets.New(all...).Has(p) {
		return nil
	}
	return field.ErrorList{field.NotSupported(path, p, all)}
}

func validateContainerPorts(list []corev1.ContainerPort, path *field.Path) (errs field.ErrorList) {
	names := sets.New[string]()
	for i, p := range list {
		path := path.Index(i)
		if p.Name != "" {
			for _, msg := range utilvalidation.IsValidPortName(p.Name) {
				errs = append(errs, field.Invalid(path.Child("name"), p.Name, msg))
			}
			if names.Has(p.Name) {
				errs = append(errs, field.Duplicate(path.Child("name"), p.Name))
			}
			names.Insert(p.Name)
		}
		errs = append(errs, validatePort(p.ContainerPort, path.Child("containerPort"))...)
		errs = append(errs, validateProtocol(p.Protocol, path.Child("protocol"))...)
	}
	return errs
}

func validatePort(number int32, path *field.Path) (errs field.ErrorList) {
	for _, msg := range utilvalidation.IsValidPortNum(int(number)) {
		errs = append(errs, field.Invalid(path, number, msg))
	}
	return errs
}

func validateProtocol(p corev1.Protocol, path *field.Path) field.ErrorList {
	all := []corev1.Protocol{corev1.ProtocolTCP, corev1.ProtocolUDP, corev1.ProtocolSCTP}
	if sets.New(all...).Has(p) {
		return nil
	}
	return field.ErrorList{field.NotSupported(path, p, all)}
}

// samePodSpec ignores images, and the node that the scheduler fills in.
func samePodSpec(pod, old *corev1.Pod) bool {
	if len(pod.Spec.Containers) != len(old.Spec.Containers) {
		return false
	}
	spec := pod.Spec.DeepCopy()
	for i := range spec.Containers {
		spec.Containers[i].Image = old.Spec.Containers[i].Image
	}
	if old.Spec.NodeName == "" {
		spec.NodeName = ""
	}
	return equality.Semantic.DeepEqual(*spec, old.Spec)
}

func validateService(service, old *corev1.Service) field.ErrorList {
	errs := validation.ValidateObjectMeta(&service.ObjectMeta, true, validation.NameIsDNS1035Label, field.NewPath("metadata"))
	spec, s := field.NewPath("spec"), &service.Spec
	if known := []corev1.ServiceType{corev1.ServiceTypeClusterIP, corev1.ServiceTypeNodePort}; !slices.Contains(known, s.Type) {
		errs = append(errs, field.NotSupported(spec.Child("type"), s.Type, known))
	}
	errs = append(errs, metavalidation.ValidateLabels(s.Selector, spec.Child("selector"))...)
	errs = append(errs, validateServicePorts(s, spec.Child("ports"))...)
	if old == nil && s.ClusterIP != "" && s.ClusterIP != corev1.ClusterIPNone {
		errs = append(errs, field.Invalid(spec.Child("clusterIP"), s.ClusterIP, "the embedded cluster chooses addresses itself"))
	}
	if old != nil && (s.ClusterIP != old.Spec.ClusterIP || !equality.Semantic.DeepEqual(s.ClusterIPs, old.Spec.ClusterIPs)) {
		errs = append(errs, field.Invalid(spec.Child("clusterIPs"), s.ClusterIPs, "field is immutable"))
	}
	return errs
}

func validateServicePorts(s *corev1.ServiceSpec, path *field.Path) (errs field.ErrorList) {
	if len(s.Ports) == 0 && s.ClusterIP != corev1.ClusterIPNone {
		errs = append(errs, field.Required(path, ""))
	}
	names, numbers := sets.New[string](), sets.New[string]()
	for i, p := range s.Ports {
		path := path.Index(i)
		if p.Name == "" && len(s.Ports) > 1 {
			errs = append(errs, field.Required(path.Child("name"), ""))
		}
		if p.Name != "" {
			for _, msg := range utilvalidation.IsDNS1123Label(p.Name) {
				errs = append(errs, field.Invalid(path.Child("name"), p.Name, msg))
			}
		}
		number := fmt.Sprintf("%d/%s", p.Port, p.Protocol)
		if names.Has(p.Name) {
			errs = append(errs, field.Duplicate(path.Child("name"), p.Name))
		}
		if numbers.Has(number) {
			errs = append(errs, field.Duplicate(path, number))
		}
		names.Insert(p.Name)
		numbers.Insert(number)
		errs = append(errs, validatePort(p.Port, path.Child("port"))...)
		errs = append(errs, validateProtocol(p.Protocol, path.Child("protocol"))...)
		errs = append(errs, validateTargetPort(p.TargetPort, path.Child("targetPort"))...)
	}
	return errs
}

func validateTargetPort(p intstr.IntOrString, path *field.Path) (errs field.ErrorList) {
	if p.Type == intstr.Int {
		return validatePort(p.IntVal, path)
	}
	for _, msg := range utilvalidation.IsValidPortName(p.StrVal) {
		errs = append(errs, field.Invalid(path, p.StrVal, msg))
	}
	return errs
}
