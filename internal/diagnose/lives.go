package diagnose

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/cniproof/cniproof/internal/flow"
	"github.com/cniproof/cniproof/internal/scenario"
)

// unmade says which part of the scenario kubectl alone cannot do, and why; else "".
func unmade(e *Evidence) string {
	switch t := e.Scenario.Topology; {
	case t.SourcePort != scenario.FreshPort:
		return "the scenario dials from a certain source port, and a command in a pod draws one each time"
	case slices.ContainsFunc(t.Pods, func(p scenario.Pod) bool { return len(p.Sidecar)+len(p.InitSidecar) > 0 }):
		return "the scenario is about ports that a second container of a pod declares, and the script's pods have one"
	case t.Readiness:
		return "the scenario is about pods that kubelets probe, and commands that answer in a pod begin when it is ready"
	}
	for _, step := range e.steps() {
		for _, act := range step.Acts {
			for _, d := range act.Eager {
				return fmt.Sprintf("pod %s dials from its first instant: a command in a pod begins too late to see what it saw", d.Pod)
			}
		}
		for _, change := range labelled(step) {
			if _, own := e.Binding.Namespaces[change.Namespace]; !own || change.Namespace == systemNamespace {
				return "the scenario labels " + change.Namespace + ", which is not its own"
			}
		}
	}
	return ""
}

// removed are the pods whose objects the steps deleted for good.
func removed(e *Evidence) []flow.Endpoint {
	var list []flow.Endpoint
	for _, step := range e.steps() {
		for _, act := range step.Acts {
			list = append(list, act.Remove...)
		}
	}
	return list
}

// stood are the scenario's pods as places, those that the scenario itself has removed
// modelled on another pod of their node.
func (w *scriptWriter) stood() []place {
	e := w.evidence
	list := places(e, w.snapshot)
	for i, p := range e.Scenario.Topology.Pods {
		if list[i].pod != nil || !slices.Contains(removed(e), p.Endpoint()) {
			continue
		}
		for j, other := range e.Scenario.Topology.Pods {
			if list[j].pod != nil && other.Node == p.Node {
				list[i].pod = modelled(list[j].pod, p, e.Binding.Namespaces[p.Namespace])
				break
			}
		}
	}
	return list
}

// modelled is a pod of the scenario like another one of its node.
func modelled(on *corev1.Pod, p scenario.Pod, namespace string) *corev1.Pod {
	pod := on.DeepCopy()
	for k, v := range pod.Labels {
		if v == pod.Name {
			pod.Labels[k] = p.Name
		}
	}
	pod.Name, pod.Namespace = p.Name, namespace
	for i := range pod.Spec.Containers {
		pod.Spec.Containers[i].Ports = nil
		for _, port := range p.Ports {
			pod.Spec.Containers[i].Ports = append(pod.Spec.Containers[i].Ports, corev1.ContainerPort{
				Name: port.Name, ContainerPort: int32(port.Number), Protocol: corev1.Protocol(port.Protocol.String()),
			})
		}
	}
	return pod
}

// lives are the commands for what an act does to the lives of pods and namespaces,
// before and after what it does to labels and policies.
func (w *scriptWriter) lives(i int, act scenario.Act) (before, after []string) {
	for _, r := range act.Renew {
		before = append(before, w.renew(i, r)...)
	}
	for _, r := range act.Ready {
		status := corev1.ConditionFalse
		if r.Ready {
			status = corev1.ConditionTrue
		}
		before = append(before, fmt.Sprintf("ready %s %s %s", r.Pod.Namespace, r.Pod.Name, status))
	}
	for _, pod := range act.Complete {
		after = append(after, fmt.Sprintf("complete %s %s", pod.Namespace, pod.Name))
	}
	for _, pod := range act.Terminate {
		after = append(after, fmt.Sprintf(`"$KUBECTL" delete pod -n "${PREFIX}%s" %s --wait=false >/dev/null`, pod.Namespace, pod.Name))
	}
	for _, pod := range act.Remove {
		after = append(after, fmt.Sprintf(`"$KUBECTL" delete pod -n "${PREFIX}%s" %s --timeout=90s >/dev/null`, pod.Namespace, pod.Name))
	}
	for _, pod := range act.Recreate {
		after = append(after, w.recreate(i, pod)...)
	}
	for _, h := range act.Reuse {
		after = append(after, w.reuse(i, h)...)
	}
	return before, after
}

// reuse starts a pod over and over until it has an address of the other.
func (w *scriptWriter) reuse(i int, h scenario.Heir) []string {
	lines := []string{`heirs=$((SECONDS + REUSE))`, "while true; do"}
	lines = append(lines, w.recreate(i, h.Pod)...)
	return append(lines,
		fmt.Sprintf("! inherited %s %s || break", h.Pod, h.Of),
		fmt.Sprintf(`((SECONDS < heirs)) || give_up "pod %s was started over and over for $REUSE s and never got the address of pod %s: kubectl cannot choose it, `+
			`and this cluster gives out its other addresses first"`, h.Pod, h.Of),
		"done")
}

// renew replaces a namespace by a new one of its name, with the pods and Services that
// belong to it and without its policies.
func (w *scriptWriter) renew(i int, r scenario.Renewal) []string {
	e := w.evidence
	realName := e.Binding.Namespaces[r.Name]
	lines := []string{
		fmt.Sprintf(`"$KUBECTL" delete namespace "${PREFIX}%s" --timeout=180s >/dev/null`, r.Name),
		w.put(document("v1", "Namespace", namespaceObject(realName, w.secured(realName, r.Labels)))),
		"account " + r.Name,
	}
	var docs, starts []string
	for n, p := range w.stood() {
		own := e.Scenario.Topology.Pods[n]
		if slices.Contains(r.Pods, p.endpoint) {
			own.Labels = w.labels(i-1, own)
			docs, starts = append(docs, w.pod(p, own.Labels)), append(starts, "start "+start(own))
		}
	}
	for n := range w.snapshot.Services {
		if s := &w.snapshot.Services[n]; s.Namespace == realName {
			docs = append(docs, document("v1", "Service", serviceObject(s)))
		}
	}
	if len(docs) > 0 {
		lines = append(lines, w.put(strings.Join(docs, "---\n")))
	}
	return append(lines, starts...)
}

// put is the command that applies objects.
func (w *scriptWriter) put(text string) string {
	return "fill <<'END' | \"$KUBECTL\" apply -f - >/dev/null\n" + w.general(text) + "END"
}

// secured are labels of a namespace with the level of Pod Security that it has.
func (w *scriptWriter) secured(realName string, own map[string]string) map[string]string {
	labels := map[string]string{}
	for _, have := range w.snapshot.Namespaces {
		if level := have.Labels[securityLabel]; have.Name == realName && level != "" {
			labels[securityLabel] = level
		}
	}
	maps.Copy(labels, own)
	return labels
}

// gone are the pods that are not there after so many steps and one more: they have
// completed, and nothing has started them again.
func (e *Evidence) gone(step int) []flow.Endpoint {
	var list []flow.Endpoint
	for _, s := range e.steps()[:step+1] {
		for _, act := range s.Acts {
			list = append(list, act.Complete...)
		}
		list = slices.DeleteFunc(list, func(pod flow.Endpoint) bool { return slices.Contains(s.Recreated(), pod) })
	}
	return list
}
