package deploy

import (
	"context"
	"slices"
	"sync"

	corev1 "k8s.io/api/core/v1"

	"github.com/cniproof/cniproof/internal/cluster"
	"github.com/cniproof/cniproof/internal/flow"
	"github.com/cniproof/cniproof/internal/scenario"
)

// Loss is a pod of the stage that is not what it was.
type Loss struct {
	Pod flow.Endpoint
	Why string // as what follows the pod's name
}

// Lost returns the pods of the stage that are gone or about to go: deleted, evicted,
// ended, or replaced by somebody else; and those that began anew, as on a node that was
// started again, which may have another address. It waits until there is one.
func (s *Stage) Lost(ctx context.Context) ([]Loss, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var mu sync.Mutex
	var lost []Loss
	err := each(s.topology.Namespaces, func(ns scenario.Namespace) error {
		err := cluster.WatchPods(ctx, s.api, s.real(ns.Name), "", s.cluster.Description().Pace.Poll, func(now map[string]*corev1.Pod) (bool, error) {
			found := s.missing(ns.Name, now)
			mu.Lock()
			defer mu.Unlock()
			lost = append(lost, found...)
			return len(found) > 0, nil
		})
		cancel() // one namespace is enough
		return err
	})
	if len(lost) > 0 {
		slices.SortFunc(lost, func(a, b Loss) int {
			return flow.Compare(flow.Flow{Source: a.Pod}, flow.Flow{Source: b.Pod})
		})
		return lost, nil
	}
	return nil, err
}

func (s *Stage) missing(namespace string, now map[string]*corev1.Pod) []Loss {
	var list []Loss
	for e, p := range s.pods {
		if e.Namespace != namespace {
			continue
		}
		if why := p.lost(now[e.Name]); why != "" {
			list = append(list, Loss{e, why})
		}
	}
	return list
}

// lost says in which way a pod is not what it was, or "".
func (p *podState) lost(now *corev1.Pod) string {
	switch {
	case now == nil, string(now.UID) != p.uid, now.DeletionTimestamp != nil,
		now.Status.Phase == corev1.PodFailed, now.Status.Phase == corev1.PodSucceeded:
		return "is gone"
	case restarts(now) != p.restarts:
		return "began anew"
	}
	return ""
}

// restarts is how often the pod's containers were started again. The addresses of a pod
// can change with that, and with nothing else: https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/
func restarts(pod *corev1.Pod) int32 {
	var n int32
	for _, c := range pod.Status.ContainerStatuses {
		n += c.RestartCount
	}
	return n
}

// Replace starts a pod again that is lost, under the same name with the labels of now,
// and returns when it is ready.
func (s *Stage) Replace(ctx context.Context, pod flow.Endpoint) error { return s.recreate(ctx, pod) }
