package kind

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os/exec"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
)

// router gives the hosts outside a route to every pod through the pod's own node.
// Which addresses a node's pods have is the plugin's business, so there is nothing
// wider to go by.
type router struct {
	api  kubernetes.Interface
	stop context.CancelFunc
	wg   sync.WaitGroup
	ips  []*exec.Cmd // of each host: an ip that reads commands
	in   []io.WriteCloser

	known map[netip.Addr]netip.Addr // pod to node
}

// startRouter runs until it is closed.
func startRouter(ctx context.Context, api kubernetes.Interface, hosts []outsideHost) (*router, error) {
	running, stop := context.WithCancel(context.WithoutCancel(ctx))
	r := &router{api: api, stop: stop, known: map[netip.Addr]netip.Addr{}}
	for _, h := range hosts {
		ip := h.docker.command(running, "exec", "--privileged", "-i", h.name, "ip", "-force", "-batch", "-")
		in, err := ip.StdinPipe()
		if err == nil {
			err = ip.Start()
		}
		if err != nil {
			r.close()
			return nil, fmt.Errorf("setting routes on outside host %q: %w", h.name, err)
		}
		r.ips, r.in = append(r.ips, ip), append(r.in, in)
	}
	r.wg.Go(func() { r.run(running) })
	return r, nil
}

func (r *router) close() {
	r.stop()
	r.wg.Wait()
	for i, ip := range r.ips {
		_ = r.in[i].Close()
		_ = ip.Wait() // it was killed
	}
}

// run begins again where the API server was away.
func (r *router) run(ctx context.Context) {
	for {
		_ = r.follow(ctx) // its end is all that matters
		select {
		case <-ctx.Done():
			return
		case <-time.After(200 * time.Millisecond):
		}
	}
}

func (r *router) follow(ctx context.Context) error {
	list, err := r.api.CoreV1().Pods("").List(ctx, metav1.ListOptions{})
	if err != nil {
		return err
	}
	for i := range list.Items {
		r.learn(&list.Items[i])
	}
	w, err := r.api.CoreV1().Pods("").Watch(ctx, metav1.ListOptions{ResourceVersion: list.ResourceVersion})
	if err != nil {
		return err
	}
	defer w.Stop()
	for event := range w.ResultChan() {
		pod, ok := event.Object.(*corev1.Pod)
		if !ok {
			return errors.New("the watch broke off")
		}
		r.learn(pod)
	}
	return nil
}

// learn sets the routes to a pod. Those to pods that are gone stay, until another pod
// has the address.
func (r *router) learn(pod *corev1.Pod) {
	if pod.DeletionTimestamp != nil {
		return
	}
	for _, command := range routesTo(pod, r.known) {
		for _, in := range r.in {
			_, _ = io.WriteString(in, command)
		}
	}
}

// routesTo are the commands for ip that are due, given the routes that are known; it
// adds to them.
func routesTo(pod *corev1.Pod, known map[netip.Addr]netip.Addr) []string {
	if pod.Spec.HostNetwork {
		return nil
	}
	var commands []string
	for _, p := range pod.Status.PodIPs {
		for _, h := range pod.Status.HostIPs {
			to, errTo := netip.ParseAddr(p.IP)
			via, errVia := netip.ParseAddr(h.IP)
			if errTo != nil || errVia != nil || to.Is4() != via.Is4() || known[to] == via {
				continue
			}
			known[to] = via
			commands = append(commands, fmt.Sprintf("route replace %s via %s\n", netip.PrefixFrom(to, to.BitLen()), via))
		}
	}
	return commands
}
