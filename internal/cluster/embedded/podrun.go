package embedded

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// podRun is the life of one pod: its network, its addresses in the API, the
// policies in force, and only then its first process.
type podRun struct {
	kubelet *kubelet
	pod     *corev1.Pod // as it was created
	stop    func()

	placed chan struct{} // closed when keeper is settled
	keeper *keeper       // nil for a pod without an agent
	end    *time.Timer   // of the grace period, once the pod terminates
}

func (r *podRun) name() string { return r.pod.Namespace + "/" + r.pod.Name }

// run returns when the pod's object is gone. The addresses are free again then, and
// not sooner: whoever goes by the object never meets another pod behind them.
func (r *podRun) run(ctx context.Context) {
	net, err := r.start(ctx)
	if err != nil {
		if ctx.Err() == nil {
			r.kubelet.logf("starting pod %s: %v", r.name(), err)
			r.update(func(pod *corev1.Pod) { pod.Status.Message = err.Error() })
		}
		r.settle(nil)
	} else {
		r.serve(ctx, net)
		if r.keeper != nil && r.keeper.told() {
			r.stop()
		}
		if err := net.remove(); err != nil {
			r.kubelet.logf("stopping pod %s: %v", r.name(), err)
		}
		if ctx.Err() == nil { // it has completed, and its addresses are free
			net.release()
			net = nil
		}
	}
	select {
	case <-ctx.Done():
	case <-r.told():
	}
	if err := r.kubelet.api.removePod(r.pod.Namespace, r.pod.Name, r.pod.UID); err != nil {
		r.kubelet.logf("removing pod %s: %v", r.name(), err)
	}
	if net != nil {
		net.release()
	}
}

// start makes the pod's network and returns when the policies hold for it.
func (r *podRun) start(ctx context.Context) (*podNet, error) {
	node := r.kubelet.place(r.pod)
	if node == nil {
		r.update(func(pod *corev1.Pod) {
			setCondition(&pod.Status, corev1.PodScheduled, false, corev1.PodReasonUnschedulable, "no node is the one that the pod wants")
		})
		return nil, fmt.Errorf("no node is called %q", r.pod.Spec.NodeName+r.pod.Spec.NodeSelector[corev1.LabelHostname])
	}
	net, err := r.build(ctx, node)
	if err != nil {
		return nil, err
	}
	r.update(func(pod *corev1.Pod) { announce(pod, net) })
	if err := r.kubelet.enforce(ctx); err != nil {
		if removal := net.remove(); removal != nil {
			r.kubelet.logf("stopping pod %s: %v", r.name(), removal)
		}
		net.release()
		return nil, fmt.Errorf("waiting for the policies: %w", err)
	}
	return net, nil
}

// build makes the pod's network. Where no address is free it waits for one, as a
// kubelet does that tries again.
func (r *podRun) build(ctx context.Context, node *machine) (*podNet, error) {
	for {
		net, err := r.buildOnce(ctx, node)
		if !errors.Is(err, errNoAddress) {
			return net, err
		}
		r.update(func(pod *corev1.Pod) { pod.Status.Message = err.Error() })
		timer := time.NewTimer(lastBackoff / 100)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return nil, err
		}
	}
}

func (r *podRun) buildOnce(ctx context.Context, node *machine) (*podNet, error) {
	if r.pod.Spec.HostNetwork {
		return node.hostNet(), nil
	}
	select {
	case r.kubelet.busy <- struct{}{}:
		defer func() { <-r.kubelet.busy }()
		return node.addPod()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// announce writes the pod's place and addresses.
func announce(pod *corev1.Pod, net *podNet) {
	pod.Spec.NodeName = net.node.Name
	s := &pod.Status
	s.HostIP, s.HostIPs = net.node.Addrs[0].String(), nil
	for _, a := range net.node.Addrs {
		s.HostIPs = append(s.HostIPs, corev1.HostIP{IP: a.String()})
	}
	s.PodIP, s.PodIPs = net.addrs[0].String(), nil
	for _, a := range net.addrs {
		s.PodIPs = append(s.PodIPs, corev1.PodIP{IP: a.String()})
	}
	now := metav1.Now().Rfc3339Copy()
	s.StartTime = &now
	setCondition(s, corev1.PodScheduled, true, "", "")
	setCondition(s, corev1.PodReadyToStartContainers, true, "", "")
	setCondition(s, corev1.PodInitialized, len(pod.Spec.InitContainers) == 0, "", "")
}

// serve runs what the pod runs until ctx ends or the pod has completed.
func (r *podRun) serve(ctx context.Context, net *podNet) {
	if server, ok := r.kubelet.servers[types.NamespacedName{Namespace: r.pod.Namespace, Name: r.pod.Name}]; ok {
		r.settle(nil)
		r.serveHere(ctx, net, server)
		return
	}
	if !r.initialise(ctx, net) {
		r.settle(nil)
		return
	}
	k := newKeeper(r.kubelet.launcher, net.namespace, r.name()+"/"+string(r.pod.UID))
	if args := r.pod.Spec.Containers[0].Args; len(args) > 0 {
		k.args = args
	}
	k.listen(r.pod)
	k.once = r.pod.Spec.RestartPolicy == corev1.RestartPolicyNever
	r.settle(k)
	ready := newReadiness(r)
	probing, stop := context.WithCancel(ctx)
	var prober sync.WaitGroup
	prober.Go(func() { ready.follow(probing, net) })
	k.run(ctx, func(s agentState) {
		if s.problem != nil && !s.completed() && ctx.Err() == nil && !k.told() {
			r.kubelet.logf("pod %s: %v", r.name(), s.problem)
		}
		ready.note(s)
	})
	stop()
	prober.Wait()
}

// serveHere lets this process serve the pod.
func (r *podRun) serveHere(ctx context.Context, net *podNet, server server) {
	stop, err := server.serve(net.namespace)
	if err != nil {
		r.kubelet.logf("serving pod %s: %v", r.name(), err)
		r.update(func(pod *corev1.Pod) { pod.Status.Message = err.Error() })
		return
	}
	defer stop()
	state := agentState{process: &process{}, since: metav1.Now().Time}
	r.update(func(pod *corev1.Pod) { describe(pod, state, true) })
	<-ctx.Done()
}

// settle tells those who wait to attach what there is to attach to.
func (r *podRun) settle(k *keeper) {
	r.keeper = k
	close(r.placed)
}

func (r *podRun) update(f func(*corev1.Pod)) {
	if err := r.kubelet.api.changePod(r.pod.Namespace, r.pod.Name, r.pod.UID, f); err != nil {
		r.kubelet.logf("writing the status of pod %s: %v", r.name(), err)
	}
}

// describe writes what has become of the pod's agent, and whether the pod is ready.
func describe(pod *corev1.Pod, state agentState, ready bool) {
	running := state.process != nil
	s := &pod.Status
	s.ContainerStatuses = nil
	for _, c := range pod.Spec.Containers {
		s.ContainerStatuses = append(s.ContainerStatuses, corev1.ContainerStatus{
			Name: c.Name, Image: c.Image, ImageID: c.Image, RestartCount: state.restarts,
			Ready: ready, Started: &running, State: containerState(state), LastTerminationState: lastTermination(state),
		})
	}
	switch {
	case running:
		s.Phase = corev1.PodRunning
	case state.finished && state.exit != nil && pod.Spec.RestartPolicy == corev1.RestartPolicyNever:
		s.Phase = corev1.PodFailed
		if state.exit.Success() {
			s.Phase = corev1.PodSucceeded
		}
	}
	setCondition(s, corev1.ContainersReady, ready, "", "")
	decideReady(pod)
}

func containerState(s agentState) corev1.ContainerState {
	switch {
	case s.process != nil:
		return corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: metav1.NewTime(s.since).Rfc3339Copy()}}
	case s.finished && s.exit != nil:
		return corev1.ContainerState{Terminated: termination(s)}
	}
	waiting := &corev1.ContainerStateWaiting{Reason: "CrashLoopBackOff"}
	if s.problem != nil {
		waiting.Message = s.problem.Error()
	}
	return corev1.ContainerState{Waiting: waiting}
}

func lastTermination(s agentState) corev1.ContainerState {
	if s.exit == nil || s.finished {
		return corev1.ContainerState{}
	}
	return corev1.ContainerState{Terminated: termination(s)}
}

func termination(s agentState) *corev1.ContainerStateTerminated {
	t := &corev1.ContainerStateTerminated{ExitCode: int32(s.exit.ExitCode()), Reason: "Error"}
	if s.exit.Success() {
		t.Reason = "Completed"
	}
	if s.problem != nil {
		t.Message = s.problem.Error()
	}
	return t
}

// setCondition writes a condition; its time is that of its last change.
func setCondition(s *corev1.PodStatus, kind corev1.PodConditionType, is bool, reason, message string) {
	status := corev1.ConditionFalse
	if is {
		status = corev1.ConditionTrue
	}
	i := slices.IndexFunc(s.Conditions, func(c corev1.PodCondition) bool { return c.Type == kind })
	if i < 0 {
		i = len(s.Conditions)
		s.Conditions = append(s.Conditions, corev1.PodCondition{Type: kind})
	}
	c := &s.Conditions[i]
	if c.Status != status {
		c.LastTransitionTime = metav1.Now().Rfc3339Copy()
	}
	c.Status, c.Reason, c.Message = status, reason, message
}
