package diagnose

import (
	"encoding/json"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"
)

// manifests is everything as it stood, for kubectl: what a server fills in by itself
// is left out.
func manifests(s *Snapshot) string {
	docs := []string{fmt.Sprintf("# As it stood at %s.\n", s.Taken.UTC().Format("2006-01-02T15:04:05Z"))}
	for i := range s.Namespaces {
		ns := &s.Namespaces[i]
		docs = append(docs, document("v1", "Namespace", namespaceObject(ns.Name, ns.Labels)))
	}
	for i := range s.Pods {
		docs = append(docs, document("v1", "Pod", podObject(&s.Pods[i])))
	}
	for i := range s.Services {
		docs = append(docs, document("v1", "Service", serviceObject(&s.Services[i])))
	}
	for i := range s.Policies {
		p := s.Policies[i].DeepCopy()
		p.ObjectMeta = named(p.ObjectMeta)
		docs = append(docs, document("networking.k8s.io/v1", "NetworkPolicy", p))
	}
	if len(docs) == 1 {
		return ""
	}
	return strings.Join(docs, "---\n")
}

// named is what of an object's metadata its author wrote.
func named(m metav1.ObjectMeta) metav1.ObjectMeta {
	return metav1.ObjectMeta{Name: m.Name, Namespace: m.Namespace, Labels: m.Labels}
}

func namespaceObject(name string, labels map[string]string) *corev1.Namespace {
	kept := map[string]string{}
	for k, v := range labels {
		if k != corev1.LabelMetadataName {
			kept[k] = v
		}
	}
	return &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: kept}}
}

func podObject(p *corev1.Pod) *corev1.Pod {
	p = p.DeepCopy()
	spec := p.Spec
	spec.NodeName, spec.ServiceAccountName, spec.DeprecatedServiceAccount, spec.SchedulerName = "", "", "", ""
	spec.Priority, spec.PreemptionPolicy = nil, nil
	for i := range spec.Containers {
		spec.Containers[i].TerminationMessagePath, spec.Containers[i].TerminationMessagePolicy = "", ""
		spec.Containers[i].ImagePullPolicy = ""
	}
	return &corev1.Pod{ObjectMeta: named(p.ObjectMeta), Spec: spec}
}

func serviceObject(s *corev1.Service) *corev1.Service {
	object := &corev1.Service{ObjectMeta: named(s.ObjectMeta), Spec: corev1.ServiceSpec{
		Selector: s.Spec.Selector, IPFamilyPolicy: s.Spec.IPFamilyPolicy,
	}}
	for _, p := range s.Spec.Ports {
		object.Spec.Ports = append(object.Spec.Ports, corev1.ServicePort{
			Name: p.Name, Protocol: p.Protocol, Port: p.Port, TargetPort: p.TargetPort,
		})
	}
	return object
}

// document is one object as YAML, without the fields that only a server has.
func document(version, kind string, object any) string {
	var fields map[string]any
	text, err := json.Marshal(object)
	if err == nil {
		err = json.Unmarshal(text, &fields)
	}
	if err != nil {
		return fmt.Sprintf("# %s cannot be written: %v\n", kind, err)
	}
	delete(fields, "status")
	if meta, ok := fields["metadata"].(map[string]any); ok {
		delete(meta, "creationTimestamp")
	}
	if spec, ok := fields["spec"].(map[string]any); ok {
		drop(spec, kind)
	}
	fields["apiVersion"], fields["kind"] = version, kind
	text, err = yaml.Marshal(fields)
	if err != nil {
		return fmt.Sprintf("# %s cannot be written: %v\n", kind, err)
	}
	return string(text)
}

// drop removes empty halves that would only be noise.
func drop(spec map[string]any, kind string) {
	if kind == "Namespace" || kind == "Service" {
		for k, v := range spec {
			if m, ok := v.(map[string]any); ok && len(m) == 0 {
				delete(spec, k)
			}
		}
	}
}
