package deploy

import (
	"context"
	"fmt"
	"net/netip"

	corev1 "k8s.io/api/core/v1"

	"github.com/cniproof/cniproof/internal/flow"
)

// Debut is how a pod is started whose agent dials from its first instant.
type Debut struct {
	// Serve and Dial are arguments of the agent.
	Serve, Dial []string
	// InitFor, if not "", is how long an init container dials; the container that
	// serves does not dial then.
	InitFor string
	// Shown is called once, as soon as the API shows the pod's addresses.
	Shown func(context.Context, []netip.Addr)
}

// initContainer is the name of the container that dials before the agent starts.
const initContainer = "first"

// prepare makes the pod one that dials from its first instant.
func (d *Debut) prepare(pod *corev1.Pod) {
	if d == nil {
		return
	}
	agent := &pod.Spec.Containers[0]
	agent.Args = append(agent.Args, d.Serve...)
	if d.InitFor == "" {
		agent.Args = append(agent.Args, d.Dial...)
		return
	}
	first := agent.DeepCopy()
	first.Name, first.Ports = initContainer, nil
	first.Args = append([]string{"dial", "--for", d.InitFor}, d.Dial...)
	pod.Spec.InitContainers = []corev1.Container{*first}
}

// Eager has the pod started so by the next step that says it is eager.
func (s *Stage) Eager(pod flow.Endpoint, d Debut) { s.pods[pod].debut = &d }

// LastWords are what the init container of an eager pod left behind.
func (s *Stage) LastWords(pod flow.Endpoint) string { return s.pods[pod].lastWords }

// debut replaces a pod, and says when the API shows the new one's addresses. It
// returns when the pod is ready.
func (s *Stage) debut(ctx context.Context, e flow.Endpoint) error {
	p := s.pods[e]
	if p.debut == nil {
		return fmt.Errorf("starting pod %q: nobody said what it has to dial", e)
	}
	old, shown, done := p.uid, p.debut.Shown, make(chan error, 1)
	watching, stop := context.WithCancel(ctx)
	defer stop()
	go func() { done <- s.awaitShown(watching, e, old, shown) }()
	err := s.recreate(ctx, e)
	p.debut = nil
	if err != nil {
		return err
	}
	return <-done
}

// awaitShown calls shown with the addresses of the pod that has the name and not the UID.
func (s *Stage) awaitShown(ctx context.Context, e flow.Endpoint, old string, shown func(context.Context, []netip.Addr)) error {
	var addrs []netip.Addr
	err := s.watch(ctx, e.Namespace, func(now map[string]*corev1.Pod) (string, error) {
		pod := now[e.Name]
		if pod == nil || string(pod.UID) == old || len(pod.Status.PodIPs) == 0 {
			return fmt.Sprintf("the address of pod %q", e), nil
		}
		for _, ip := range pod.Status.PodIPs {
			if a, err := netip.ParseAddr(ip.IP); err == nil {
				addrs = append(addrs, a)
			}
		}
		return "", nil
	})
	if err != nil {
		return err
	}
	shown(ctx, addrs)
	return nil
}

// lastWords are those of a pod's init container, if it has one that ended.
func lastWords(pod *corev1.Pod) string {
	for _, c := range pod.Status.InitContainerStatuses {
		if c.Name == initContainer && c.State.Terminated != nil {
			return c.State.Terminated.Message
		}
	}
	return ""
}
