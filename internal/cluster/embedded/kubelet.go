package embedded

import (
	"context"
	"fmt"
	"io"
	"sync"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
)

// kubelet runs the pods of every node. It is the scheduler, too.
type kubelet struct {
	api      *api
	network  *network
	launcher *launcher
	// enforce returns when the policies hold for every pod that the API knows now.
	enforce func(context.Context) error
	// servers are the pods that this process serves itself instead of an agent.
	servers map[types.NamespacedName]server
	logf    func(string, ...any)
	// busy bounds how many pods are built at once: the kernel does one after another anyway.
	busy chan struct{}

	mu   sync.Mutex
	pods map[types.UID]*podRun
	next int // the node of the next pod that does not care
	wg   sync.WaitGroup
}

// server serves a pod's network from this process.
type server interface {
	// serve returns when the server is up in the namespace; stop ends it.
	serve(ns *namespace) (stop func(), err error)
}

func newKubelet(a *api, n *network, l *launcher, enforce func(context.Context) error, logf func(string, ...any)) *kubelet {
	return &kubelet{
		api: a, network: n, launcher: l, enforce: enforce, logf: logf,
		servers: map[types.NamespacedName]server{},
		busy:    make(chan struct{}, 4),
		pods:    map[types.UID]*podRun{},
	}
}

// run starts and stops pods as the API says, until ctx ends. Every pod is gone
// when it returns.
func (k *kubelet) run(ctx context.Context) error {
	w, err := k.api.watch(podsResource, filter{}, "")
	if err != nil {
		return fmt.Errorf("watching pods: %w", err)
	}
	defer k.wg.Wait()
	defer w.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case e, open := <-w.ResultChan():
			if !open {
				return nil
			}
			if pod, ok := e.Object.(*corev1.Pod); ok {
				k.handle(ctx, e.Type, pod)
			}
		}
	}
}

func (k *kubelet) handle(ctx context.Context, kind watch.EventType, pod *corev1.Pod) {
	k.mu.Lock()
	defer k.mu.Unlock()
	run := k.pods[pod.UID]
	if kind == watch.Deleted || pod.DeletionTimestamp != nil {
		switch {
		case run != nil && kind == watch.Deleted:
			run.stop()
		case run != nil:
			run.terminate(grace(pod))
		case kind != watch.Deleted:
			k.removeLater(pod)
		}
		return
	}
	switch {
	case run == nil:
		k.launch(ctx, pod)
	case !readyDecided(pod):
		k.wg.Go(func() { run.update(decideReady) })
	}
}

// launch begins to run a pod. The lock must be held.
func (k *kubelet) launch(ctx context.Context, pod *corev1.Pod) {
	ctx, stop := context.WithCancel(ctx)
	run := &podRun{kubelet: k, pod: pod, stop: stop, placed: make(chan struct{})}
	k.pods[pod.UID] = run
	k.wg.Go(func() {
		defer stop()
		run.run(ctx)
		k.mu.Lock()
		delete(k.pods, pod.UID)
		k.mu.Unlock()
	})
}

func (k *kubelet) removeLater(pod *corev1.Pod) {
	k.wg.Go(func() {
		if err := k.api.removePod(pod.Namespace, pod.Name, pod.UID); err != nil {
			k.logf("removing pod %s/%s: %v", pod.Namespace, pod.Name, err)
		}
	})
}

// place chooses the node of a pod, or returns nil where no node is the one it wants.
func (k *kubelet) place(pod *corev1.Pod) *machine {
	want := pod.Spec.NodeName
	if want == "" {
		want = pod.Spec.NodeSelector[corev1.LabelHostname]
	}
	if want == "" {
		k.mu.Lock()
		defer k.mu.Unlock()
		k.next++
		return k.network.nodes[k.next%len(k.network.nodes)]
	}
	for _, node := range k.network.nodes {
		if node.Name == want {
			return node
		}
	}
	return nil
}

// attach opens a control stream to the agent of the pod that has the name now.
func (k *kubelet) attach(ctx context.Context, namespace, name string) (io.ReadWriteCloser, error) {
	pod, ok := object[*corev1.Pod](k.api, podsResource, namespace, name)
	if !ok {
		return nil, fmt.Errorf("attaching to pod %s/%s: there is no such pod", namespace, name)
	}
	k.mu.Lock()
	run := k.pods[pod.UID]
	k.mu.Unlock()
	if run == nil {
		return nil, fmt.Errorf("attaching to pod %s/%s: it does not run", namespace, name)
	}
	select {
	case <-run.placed:
	case <-ctx.Done():
		return nil, fmt.Errorf("attaching to pod %s/%s: %w", namespace, name, ctx.Err())
	}
	if run.keeper == nil {
		return nil, fmt.Errorf("attaching to pod %s/%s: it has no agent", namespace, name)
	}
	return run.keeper.attach(ctx)
}
