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

// Lost returns the pods of the stage that are gone or about to go: deleted, evicted,
// ended, or replaced by somebody else. It waits until there is one.
func (s *Stage) Lost(ctx context.Context) ([]flow.Endpoint, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var mu sync.Mutex
	var lost []flow.Endpoint
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
		slices.SortFunc(lost, func(a, b flow.Endpoint) int {
			return flow.Compare(flow.Flow{Source: a}, flow.Flow{Source: b})
		})
		return lost, nil
	}
	return nil, err
}

func (s *Stage) missing(namespace string, now map[string]*corev1.Pod) []flow.Endpoint {
	var list []flow.Endpoint
	for e, p := range s.pods {
		if e.Namespace != namespace {
			continue
		}
		pod := now[e.Name]
		if pod == nil || string(pod.UID) != p.uid || pod.DeletionTimestamp != nil ||
			pod.Status.Phase == corev1.PodFailed || pod.Status.Phase == corev1.PodSucceeded {
			list = append(list, e)
		}
	}
	return list
}

// Replace starts a pod again that is lost, under the same name with the labels of now,
// and returns when it is ready.
func (s *Stage) Replace(ctx context.Context, pod flow.Endpoint) error { return s.recreate(ctx, pod) }
