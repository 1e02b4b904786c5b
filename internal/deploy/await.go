package deploy

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/cniproof/cniproof/internal/cluster"
	"github.com/cniproof/cniproof/internal/flow"
	"github.com/cniproof/cniproof/internal/scenario"
)

// podTimeout is how long probe pods may take to be ready, or to be gone.
const podTimeout = 3 * time.Minute

// awaitPods returns when every pod is ready, and notes who they are.
func (s *Stage) awaitPods(ctx context.Context) error {
	return each(s.topology.Namespaces, func(ns scenario.Namespace) error {
		var own []*podState
		for _, p := range s.pods {
			if p.pod.Namespace == ns.Name {
				own = append(own, p)
			}
		}
		return s.awaitReady(ctx, ns.Name, own)
	})
}

func (s *Stage) awaitReady(ctx context.Context, namespace string, pods []*podState) error {
	if len(pods) == 0 {
		return nil
	}
	return s.watch(ctx, namespace, func(now map[string]*corev1.Pod) (string, error) {
		for _, p := range pods {
			pod := now[p.pod.Name]
			if pod == nil || pod.DeletionTimestamp != nil { // it was there when it was waited for, and never comes back
				return "", fmt.Errorf("pod %q was deleted, and not by cniproof", p.pod.Endpoint())
			}
			if !ready(pod) {
				return fmt.Sprintf("pod %q to be ready (%s)", p.pod.Endpoint(), cluster.PodState(pod)), cluster.PodTrouble(pod)
			}
			if err := s.note(p, pod); err != nil {
				return "", err
			}
		}
		return "", nil
	})
}

// note takes down who a ready pod is. Addresses of a family that the cluster as a
// whole does not have are of no use.
func (s *Stage) note(p *podState, pod *corev1.Pod) error {
	p.uid, p.restarts, p.addrs, p.lastWords = string(pod.UID), restarts(pod), nil, lastWords(pod)
	families, cidrs := s.cluster.Description().Families, s.cluster.Description().PodCIDRs
	for _, ip := range pod.Status.PodIPs {
		addr, err := netip.ParseAddr(ip.IP)
		if err != nil || !slices.Contains(families, flow.FamilyOf(addr)) {
			continue
		}
		if !p.pod.HostNetwork && !slices.ContainsFunc(cidrs, func(c netip.Prefix) bool { return c.Contains(addr) }) {
			return fmt.Errorf("pod %q has the address %s, which is in none of the ranges that were found for pods: %v",
				p.pod.Endpoint(), addr, cidrs)
		}
		p.addrs = append(p.addrs, addr)
	}
	return nil
}

func ready(pod *corev1.Pod) bool {
	return cluster.PodReady(pod) && len(pod.Status.PodIPs) > 0 && pod.DeletionTimestamp == nil
}

// watch follows the pods of a namespace until check awaits nothing more. check gets
// them by name; it returns what it waits for, or an error that ends the wait.
func (s *Stage) watch(ctx context.Context, namespace string, check func(map[string]*corev1.Pod) (string, error)) error {
	limited, cancel := context.WithTimeout(ctx, podTimeout)
	defer cancel()
	var awaited string
	noting := func(pods map[string]*corev1.Pod) (bool, error) {
		var err error
		awaited, err = check(pods)
		return awaited == "" && err == nil, err
	}
	err := cluster.WatchPods(limited, s.api, s.real(namespace), "", s.cluster.Description().Pace.Poll, noting)
	switch {
	case err == nil || awaited == "":
		return err
	case ctx.Err() == nil && errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("waiting %s for %s%s: %w", podTimeout, awaited, s.warnings(ctx, namespace), err)
	}
	return fmt.Errorf("waiting for %s: %w", awaited, err)
}

// warnings is what Kubernetes says of a namespace's pods that do not start, or "".
func (s *Stage) warnings(ctx context.Context, namespace string) string {
	said := cluster.PodWarnings(ctx, s.api, s.real(namespace))
	if len(said) == 0 {
		return ""
	}
	return "; Kubernetes says: " + strings.Join(said, "; ")
}

// recreate deletes a pod, waits until it is gone and starts another one of the same name.
func (s *Stage) recreate(ctx context.Context, e flow.Endpoint) error {
	p := s.pods[e]
	if err := s.deletePod(ctx, e); err != nil {
		return err
	}
	if err := s.awaitGone(ctx, e); err != nil {
		return err
	}
	if err := s.startPod(ctx, p); err != nil {
		return err
	}
	p.completed, p.terminating, p.had = false, false, nil
	return s.awaitReady(ctx, e.Namespace, []*podState{p})
}
