package deploy

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"time"

	networkingv1 "k8s.io/api/networking/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/retry"

	"github.com/cniproof/cniproof/internal/flow"
	"github.com/cniproof/cniproof/internal/scenario"
)

// breath is the pause before each act of every other repetition: what follows at once a
// plugin may take in together, what follows later it takes in by itself.
const breath = 50 * time.Millisecond

// Act carries out a step's acts in their order, as many times as it says. It returns when
// the API answered the last of them.
func (s *Stage) Act(ctx context.Context, step scenario.Step) (time.Time, error) {
	for n := range step.Times {
		for _, act := range step.Acts {
			if n%2 == 1 {
				if err := pause(ctx, breath); err != nil {
					return time.Now(), err
				}
			}
			if err := s.act(ctx, act); err != nil {
				return time.Now(), err
			}
		}
	}
	return time.Now(), nil
}

func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// act carries out an act: its changes, and then the restart, or around them.
func (s *Stage) act(ctx context.Context, act scenario.Act) error {
	switch {
	case act.Away:
		return s.cluster.RestartCNI(ctx, func(ctx context.Context) error { return s.change(ctx, act) })
	case act.Restart:
		if err := s.change(ctx, act); err != nil {
			return err
		}
		return s.cluster.RestartCNI(ctx, nil)
	}
	return s.change(ctx, act)
}

// change carries out actions in the order of the format: renew, ready, apply, delete, label,
// complete, terminate, recreate, reuse, eager.
func (s *Stage) change(ctx context.Context, act scenario.Act) error {
	var err error
	do := func(f func() error) {
		if err == nil {
			err = f()
		}
	}
	for _, r := range act.Renew {
		do(func() error { return s.renew(ctx, r) })
	}
	do(func() error {
		return each(act.Ready, func(r scenario.Readiness) error { return s.setReady(ctx, r.Pod, r.Ready) })
	})
	for _, m := range act.Apply {
		do(func() error { return s.apply(ctx, m) })
	}
	for _, key := range act.Delete {
		do(func() error { return s.delete(ctx, key) })
	}
	for _, change := range act.Label {
		do(func() error { return s.label(ctx, change) })
	}
	for _, pod := range act.Complete {
		do(func() error { return s.complete(ctx, pod) })
	}
	for _, pod := range act.Terminate {
		do(func() error { return s.terminate(ctx, pod) })
	}
	for _, pod := range act.Remove {
		do(func() error { return s.remove(ctx, pod) })
	}
	for _, pod := range act.Recreate {
		do(func() error { return s.recreate(ctx, pod) })
	}
	for _, h := range act.Reuse {
		do(func() error { return s.reuse(ctx, h) })
	}
	do(func() error { return each(act.Eager, func(d scenario.Debut) error { return s.debut(ctx, d.Pod) }) })
	return err
}

func (s *Stage) apply(ctx context.Context, m scenario.Manifest) error {
	policy, err := m.Fill(s.Binding())
	if err != nil {
		return fmt.Errorf("filling in policy %q: %w", m.Key(), err)
	}
	if err := s.put(ctx, policy); err != nil {
		return fmt.Errorf("applying policy %q: %w", m.Key(), err)
	}
	s.policies[m.Key()] = true
	return nil
}

func (s *Stage) put(ctx context.Context, policy *networkingv1.NetworkPolicy) error {
	policies := s.api.NetworkingV1().NetworkPolicies(policy.Namespace)
	_, err := policies.Create(ctx, policy, metav1.CreateOptions{})
	if !apierrors.IsAlreadyExists(err) {
		return err
	}
	return retry.RetryOnConflict(retry.DefaultRetry, func() error {
		old, err := policies.Get(ctx, policy.Name, metav1.GetOptions{})
		if err != nil {
			return err
		}
		old.Labels, old.Annotations, old.Spec = policy.Labels, policy.Annotations, policy.Spec
		_, err = policies.Update(ctx, old, metav1.UpdateOptions{})
		return err
	})
}

func (s *Stage) delete(ctx context.Context, key scenario.PolicyKey) error {
	err := s.api.NetworkingV1().NetworkPolicies(s.real(key.Namespace)).Delete(ctx, key.Name, metav1.DeleteOptions{})
	if err != nil && !apierrors.IsNotFound(err) {
		return fmt.Errorf("deleting policy %q: %w", key, err)
	}
	delete(s.policies, key)
	return nil
}

func (s *Stage) label(ctx context.Context, change scenario.LabelChange) error {
	change, err := change.Fill(s.Binding())
	if err != nil {
		return fmt.Errorf("labelling: %w", err)
	}
	if change.Pod != "" {
		p := s.pods[flow.Pod(change.Namespace, change.Pod)]
		return s.patchPod(ctx, p, changed(p.labels, change.Labels))
	}
	if change.Namespace == systemNamespace {
		return s.labelSystem(ctx, change.Labels)
	}
	return s.patchNamespace(ctx, change.Namespace, changed(s.labels[change.Namespace], change.Labels))
}

func changed(labels map[string]string, change map[string]*string) map[string]string {
	all := maps.Clone(labels)
	if all == nil {
		all = map[string]string{}
	}
	for k, v := range change {
		if v == nil {
			delete(all, k)
		} else {
			all[k] = *v
		}
	}
	return all
}

func (s *Stage) labelSystem(ctx context.Context, change map[string]*string) error {
	if err := s.patchLabels(ctx, systemNamespace, "", change); err != nil {
		return err
	}
	s.system = changed(s.system, change)
	return nil
}

func (s *Stage) resetSystem(ctx context.Context) error {
	if len(s.system) == 0 {
		return nil
	}
	change := map[string]*string{}
	for k := range s.system {
		change[k] = nil
	}
	return s.labelSystem(ctx, change)
}

func (s *Stage) patchPod(ctx context.Context, p *podState, labels map[string]string) error {
	if err := s.patchLabels(ctx, s.real(p.pod.Namespace), p.pod.Name, difference(p.labels, labels)); err != nil {
		return err
	}
	p.labels = labels
	return nil
}

func (s *Stage) patchNamespace(ctx context.Context, name string, labels map[string]string) error {
	if err := s.patchLabels(ctx, s.real(name), "", difference(s.labels[name], labels)); err != nil {
		return err
	}
	s.labels[name] = labels
	return nil
}

// difference is the change that turns one set of labels into the other.
func difference(from, to map[string]string) map[string]*string {
	change := map[string]*string{}
	for k := range from {
		if _, ok := to[k]; !ok {
			change[k] = nil
		}
	}
	for k, v := range to {
		if old, ok := from[k]; !ok || old != v {
			change[k] = &v
		}
	}
	return change
}

// patchLabels changes the labels of a namespace (pod == "") or of a pod, by real names.
func (s *Stage) patchLabels(ctx context.Context, namespace, pod string, change map[string]*string) error {
	if len(change) == 0 {
		return nil
	}
	patch, err := json.Marshal(map[string]any{"metadata": map[string]any{"labels": change}})
	if err != nil {
		return err
	}
	if pod == "" {
		_, err = s.api.CoreV1().Namespaces().Patch(ctx, namespace, types.MergePatchType, patch, metav1.PatchOptions{})
	} else {
		_, err = s.api.CoreV1().Pods(namespace).Patch(ctx, pod, types.MergePatchType, patch, metav1.PatchOptions{})
	}
	if err != nil {
		return fmt.Errorf("labelling %s/%s: %w", namespace, pod, err)
	}
	return nil
}

// Pristine reports whether Reset would have nothing to do: no policy is left, and
// every label is the topology's, and no pod is unready, has completed or terminates.
func (s *Stage) Pristine() bool {
	for _, ns := range s.topology.Namespaces {
		if len(difference(s.labels[ns.Name], ns.Labels)) > 0 {
			return false
		}
	}
	for _, p := range s.topology.Pods {
		if len(difference(s.pods[p.Endpoint()].labels, p.Labels)) > 0 {
			return false
		}
	}
	return len(s.policies)+len(s.system)+len(s.Unready())+len(s.Gone())+len(s.Terminating()) == 0
}

// Reset makes pods ready that are not, deletes every policy that steps left and gives all
// labels the values of the topology. The topology may differ from the deployed one in
// labels only (see Shape): the stage then becomes that topology. Pods that have completed
// or terminate stay so: see Revive.
func (s *Stage) Reset(ctx context.Context, t scenario.Topology) (time.Time, error) {
	errs := []error{
		s.resetSystem(ctx),
		each(s.Unready(), func(e flow.Endpoint) error { return s.setReady(ctx, e, true) }),
	}
	for key := range s.policies {
		errs = append(errs, s.delete(ctx, key))
	}
	for _, ns := range t.Namespaces {
		errs = append(errs, s.patchNamespace(ctx, ns.Name, maps.Clone(ns.Labels)))
	}
	errs = append(errs, each(t.Pods, func(p scenario.Pod) error {
		return s.patchPod(ctx, s.pods[p.Endpoint()], maps.Clone(p.Labels))
	}))
	s.topology = t
	return time.Now(), errors.Join(errs...)
}

// Shape tells the topologies that one stage can serve by turns: those that differ
// in nothing but labels.
func Shape(t scenario.Topology) string {
	type pod struct {
		Namespace, Name string
		Node            int
		Ports, Sidecar  []flow.Port
		InitSidecar     []flow.Port
		HostNetwork     bool
	}
	var shape struct {
		Namespaces  []string
		Pods        []pod
		Direct      bool
		NodePort    bool
		Readiness   bool
		Completing  []flow.Endpoint
		Terminating []flow.Endpoint
		Gated       []flow.Endpoint
	}
	shape.Direct, shape.NodePort, shape.Readiness = t.Direct, t.NodePort, t.Readiness
	shape.Completing, shape.Terminating, shape.Gated = t.Completing, t.Terminating, t.Gated
	for _, ns := range t.Namespaces {
		shape.Namespaces = append(shape.Namespaces, ns.Name)
	}
	for _, p := range t.Pods {
		shape.Pods = append(shape.Pods, pod{p.Namespace, p.Name, p.Node, p.Ports, p.Sidecar, p.InitSidecar, p.HostNetwork})
	}
	text, err := json.Marshal(shape)
	if err != nil {
		return "" // unreachable: these types always marshal
	}
	return string(text)
}
