package diagnose

import (
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/cniproof/cniproof/internal/flow"
)

// place is a pod as the scenario calls it and as the cluster does.
type place struct {
	endpoint flow.Endpoint
	pod      *corev1.Pod // nil: it is not there
}

// places are the scenario's pods, in its order.
func places(e *Evidence, s *Snapshot) []place {
	var list []place
	for _, p := range e.Scenario.Topology.Pods {
		at := place{endpoint: p.Endpoint()}
		i := slices.IndexFunc(s.Pods, func(pod corev1.Pod) bool {
			return pod.Namespace == e.Binding.Namespaces[p.Namespace] && pod.Name == p.Name
		})
		if i >= 0 {
			at.pod = &s.Pods[i]
		}
		list = append(list, at)
	}
	return list
}

func (p place) addresses() string {
	var list []string
	for _, ip := range p.pod.Status.PodIPs {
		list = append(list, ip.IP)
	}
	return strings.Join(list, " ")
}

// pods is where every pod was and what it was called.
func pods(e *Evidence, s *Snapshot) string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	row(w, "POD", "NODE", "ADDRESSES", "PHASE", "UID", "NAMESPACE", "LABELS")
	for _, p := range places(e, s) {
		if p.pod == nil {
			row(w, p.endpoint.String(), "-", "-", "not there", "-", e.Binding.Namespaces[p.endpoint.Namespace], "-")
			continue
		}
		row(w, p.endpoint.String(), p.pod.Spec.NodeName, p.addresses(), string(p.pod.Status.Phase),
			string(p.pod.UID), p.pod.Namespace, labels.Set(p.pod.Labels).String())
	}
	_ = w.Flush() // to memory
	return b.String()
}

func row(w *tabwriter.Writer, cells ...string) {
	_, _ = fmt.Fprintln(w, strings.Join(cells, "\t"))
}

// events are what the cluster had to say, oldest first.
func events(s *Snapshot) string {
	list := slices.Clone(s.Events)
	slices.SortStableFunc(list, func(a, b corev1.Event) int { return when(a).Compare(when(b)) })
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	for _, ev := range list {
		row(w, when(ev).UTC().Format("15:04:05"), ev.Type, ev.Reason,
			ev.InvolvedObject.Kind+" "+ev.InvolvedObject.Namespace+"/"+ev.InvolvedObject.Name, strings.Join(strings.Fields(ev.Message), " "))
	}
	_ = w.Flush() // to memory
	return b.String()
}

// when is the latest time that an event is about: which field has it depends on who
// wrote it.
func when(e corev1.Event) time.Time {
	switch {
	case !e.LastTimestamp.IsZero():
		return e.LastTimestamp.Time
	case !e.EventTime.IsZero():
		return e.EventTime.Time
	}
	return e.CreationTimestamp.Time
}
