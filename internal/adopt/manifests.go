package adopt

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/cniproof/cniproof/internal/scenario"
	"github.com/cniproof/cniproof/internal/strict"
)

// Manifest is the text of one file.
type Manifest struct {
	File string
	Text []byte
}

// Read reads manifests. Objects without a namespace get the one given, as kubectl
// does it. The error is strict.Problems: every mistake of every file.
func Read(files []Manifest, namespace string) (Objects, error) {
	r := &reader{namespace: namespace, others: map[string]int{}, first: map[string]string{}}
	for _, f := range files {
		r.file = f.File
		nodes, problems := strict.Documents(f.File, f.Text)
		r.problems = append(r.problems, problems...)
		for _, n := range nodes {
			r.object(n, "")
		}
	}
	if len(r.problems) > 0 {
		return Objects{}, r.problems.Sorted()
	}
	r.objects.Workloads = append(r.objects.Workloads, FromPods(r.pods)...)
	r.leftOut()
	return r.objects, nil
}

// reader gathers the objects of manifests.
type reader struct {
	file, namespace string
	objects         Objects
	pods            []corev1.Pod
	problems        strict.Problems
	others          map[string]int    // kinds that say nothing here
	first           map[string]string // where an object stood first
}

func (r *reader) report(n *yaml.Node, at, format string, args ...any) {
	r.problems = append(r.problems, strict.Problem{File: r.file, Line: n.Line, Field: at, Message: fmt.Sprintf(format, args...)})
}

// object reads one object, which stands at a path of a document.
func (r *reader) object(n *yaml.Node, at string) {
	kind := strict.KindOf(n)
	switch {
	case n.Kind != yaml.MappingNode:
		r.report(n, at, "must be a map with apiVersion and kind, not %s", strict.Describe(n))
	case kind == "":
		r.report(n, strict.Child(at, "kind"), "is missing")
	case strings.HasSuffix(kind, "List") && child(n, "items") != nil:
		for i, item := range child(n, "items").Content {
			r.object(item, strict.Index(strict.Child(at, "items"), i))
		}
	case kind == "NetworkPolicy" && !strings.Contains(text(child(n, "apiVersion")), "projectcalico.org/"):
		r.policy(n, at)
	default:
		r.known(kind, n, at)
	}
}

func (r *reader) known(kind string, n *yaml.Node, at string) {
	switch kind {
	case "Namespace":
		read(r, n, at, func(ns *corev1.Namespace) { r.objects.Namespaces = append(r.objects.Namespaces, *ns) })
	case "Service":
		read(r, n, at, func(s *corev1.Service) { r.objects.Services = append(r.objects.Services, *s) })
	case "Pod":
		read(r, n, at, func(p *corev1.Pod) {
			r.checkPod(n, strict.Child(at, "spec"), p.Spec, "spec")
			r.pods = append(r.pods, *p)
		})
	case "Deployment":
		read(r, n, at, func(d *appsv1.Deployment) { r.template(n, at, kind, d.ObjectMeta, d.Spec.Template) })
	case "ReplicaSet":
		read(r, n, at, func(s *appsv1.ReplicaSet) { r.template(n, at, kind, s.ObjectMeta, s.Spec.Template) })
	case "StatefulSet":
		read(r, n, at, func(s *appsv1.StatefulSet) { r.template(n, at, kind, s.ObjectMeta, s.Spec.Template) })
	case "DaemonSet":
		read(r, n, at, func(d *appsv1.DaemonSet) { r.template(n, at, kind, d.ObjectMeta, d.Spec.Template) })
	case "Job":
		read(r, n, at, func(j *batchv1.Job) { r.template(n, at, kind, j.ObjectMeta, j.Spec.Template) })
	case "CronJob":
		read(r, n, at, func(c *batchv1.CronJob) {
			r.template(n, at, kind, c.ObjectMeta, c.Spec.JobTemplate.Spec.Template, "jobTemplate", "spec")
		})
	default:
		r.others[kind]++
	}
}

// read decodes an object as an API server would that does not look for unknown
// fields: what else stands in it is not this package's affair.
func read[T any, P interface {
	*T
	metav1.Object
}](r *reader, n *yaml.Node, at string, take func(P),
) {
	var value any
	object := P(new(T))
	err := n.Decode(&value)
	if err == nil {
		var text []byte
		if text, err = json.Marshal(value); err == nil {
			err = json.Unmarshal(text, object)
		}
	}
	if err != nil {
		r.report(n, at, "cannot be read as a %s: %s", strict.KindOf(n), plainError(err))
		return
	}
	if _, cluster := any(object).(*corev1.Namespace); !cluster && object.GetNamespace() == "" {
		object.SetNamespace(r.namespace)
	}
	if object.GetName() == "" && object.GetGenerateName() == "" {
		r.report(n, strict.Child(at, "metadata.name"), "is missing")
	}
	r.labels(n, strict.Child(at, "metadata.labels"), object.GetLabels(), "metadata", "labels")
	if r.again(n, strict.KindOf(n), object.GetNamespace(), object.GetName()) {
		return
	}
	take(object)
}

func plainError(err error) string {
	text := strings.TrimPrefix(err.Error(), "json: ")
	return strings.TrimPrefix(text, "yaml: ")
}

// again reports an object that stands in the files already.
func (r *reader) again(n *yaml.Node, kind, namespace, name string) bool {
	key := strings.Join([]string{kind, namespace, name}, " ")
	if name == "" {
		return false
	}
	if first, ok := r.first[key]; ok {
		r.report(n, "metadata", "%s %s stands in %s already: kubectl would keep the last one only", kind, strings.Trim(namespace+"/"+name, "/"), first)
		return true
	}
	r.first[key] = fmt.Sprintf("%s:%d", r.file, n.Line)
	return false
}

// template takes the pods that a workload makes.
func (r *reader) template(n *yaml.Node, at, kind string, meta metav1.ObjectMeta, t corev1.PodTemplateSpec, way ...string) {
	path := append(append([]string{"spec"}, way...), "template")
	field := strict.Child(at, strings.Join(path, "."))
	r.labels(n, strict.Child(field, "metadata.labels"), t.Labels, append(slices.Clone(path), "metadata", "labels")...)
	r.checkPod(n, strict.Child(field, "spec"), t.Spec, append(slices.Clone(path), "spec")...)
	w := fromPod(metav1.ObjectMeta{Namespace: meta.Namespace, Name: meta.Name, Labels: t.Labels}, t.Spec, kind)
	r.objects.Workloads = append(r.objects.Workloads, w)
}

func (r *reader) labels(n *yaml.Node, field string, labels map[string]string, path ...string) {
	where := find(n, path...)
	for _, key := range slices.Sorted(maps.Keys(labels)) {
		rules := append(validation.IsQualifiedName(key), validation.IsValidLabelValue(labels[key])...)
		for _, rule := range rules {
			r.report(find(where, key), strict.Entry(field, key), "%s", rule)
		}
	}
}

func (r *reader) checkPod(n *yaml.Node, field string, spec corev1.PodSpec, path ...string) {
	where := find(n, append(slices.Clone(path), "containers")...)
	for i, c := range spec.Containers {
		for k, p := range c.Ports {
			at := strict.Index(strict.Child(strict.Index(strict.Child(field, "containers"), i), "ports"), k)
			if p.ContainerPort < 1 || p.ContainerPort > 65535 {
				r.report(where, at, "containerPort %d must be from 1 to 65535", p.ContainerPort)
			}
			if _, ok := protocolOf(p.Protocol); !ok {
				r.report(where, at, "protocol %q must be TCP, UDP or SCTP", p.Protocol)
			}
		}
	}
}

// policy reads a NetworkPolicy strictly: a field that nobody knows may be a rule that
// somebody believes in. The status that old servers wrote is none.
func (r *reader) policy(n *yaml.Node, at string) {
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == "status" {
			n.Content = slices.Delete(n.Content, i, i+2)
			break
		}
	}
	p, problems := scenario.ReadPolicy(r.file, n, at, r.namespace)
	r.problems = append(r.problems, problems...)
	if len(problems) == 0 && !r.again(n, "NetworkPolicy", p.Namespace, p.Name) {
		r.objects.Policies = append(r.objects.Policies, p)
	}
}

// leftOut says which kinds of objects were passed over. Those that are policies of
// another API decide about traffic, too.
func (r *reader) leftOut() {
	var plain, policies []string
	for _, kind := range slices.Sorted(maps.Keys(r.others)) {
		text := fmt.Sprintf("%s (%d)", kind, r.others[kind])
		if strings.HasSuffix(kind, "Policy") || strings.HasPrefix(kind, "Cilium") {
			policies = append(policies, text)
		} else {
			plain = append(plain, text)
		}
	}
	if len(policies) > 0 {
		r.objects.Notes = append(r.objects.Notes, "policies of other APIs are left out, though they may decide about the same traffic: "+strings.Join(policies, ", "))
	}
	if len(plain) > 0 {
		r.objects.Notes = append(r.objects.Notes, "objects that say nothing about who may talk to whom are left out: "+strings.Join(plain, ", "))
	}
}

// child is the value of a key, or nil.
func child(n *yaml.Node, key string) *yaml.Node {
	if n == nil || n.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return n.Content[i+1]
		}
	}
	return nil
}

// find follows keys as far as they lead.
func find(n *yaml.Node, keys ...string) *yaml.Node {
	for _, key := range keys {
		next := child(n, key)
		if next == nil {
			return n
		}
		n = next
	}
	return n
}

func text(n *yaml.Node) string {
	if n == nil {
		return ""
	}
	return n.Value
}
