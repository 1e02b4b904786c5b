package embedded

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/apimachinery/pkg/watch"
)

// frontend is one port of a ClusterIP.
type frontend struct {
	addr     netip.Addr
	protocol uint8
	port     uint16
}

// backends are the ready pods' ports behind a frontend, sorted; never none.
type backends []netip.AddrPort

// translations are what the nodes must translate.
type translations map[frontend]backends

// serviceProxy keeps the ClusterIPs of every node up to date.
type serviceProxy struct {
	api      *api
	nodes    []*translator
	services map[types.NamespacedName]*corev1.Service
	pods     map[types.NamespacedName]*corev1.Pod
	now      translations // that the nodes have
	logf     func(string, ...any)

	forgetting sync.WaitGroup
	one        sync.Mutex // held by the one that forgets
}

func newServiceProxy(a *api, nodes []*machine, logf func(string, ...any)) (_ *serviceProxy, err error) {
	p := &serviceProxy{
		api: a, logf: logf, now: translations{},
		services: map[types.NamespacedName]*corev1.Service{},
		pods:     map[types.NamespacedName]*corev1.Pod{},
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, p.close())
		}
	}()
	for _, m := range nodes {
		t, err := newTranslator(m)
		if err != nil {
			return nil, fmt.Errorf("programming services on %q: %w", m.Name, err)
		}
		p.nodes = append(p.nodes, t)
	}
	return p, nil
}

// retryTranslating is how long the proxy rests when the kernel refuses a change.
const retryTranslating = 100 * time.Millisecond

// run follows Services and pods until ctx ends.
func (p *serviceProxy) run(ctx context.Context) error {
	defer p.forgetting.Wait()
	services, err := p.api.watch(servicesResource, filter{}, "")
	if err != nil {
		return fmt.Errorf("watching services: %w", err)
	}
	defer services.Stop()
	pods, err := p.api.watch(podsResource, filter{}, "")
	if err != nil {
		return fmt.Errorf("watching pods: %w", err)
	}
	defer pods.Stop()
	retry := time.NewTimer(0)
	defer retry.Stop()
	for {
		var changed bool
		select {
		case <-ctx.Done():
			return nil
		case e := <-services.ResultChan():
			changed = p.note(e)
		case e := <-pods.ResultChan():
			changed = p.note(e)
		case <-retry.C:
			changed = true
		}
		more, evenMore := p.drain(services), p.drain(pods)
		if !changed && !more && !evenMore {
			continue
		}
		if err := p.program(); err != nil && ctx.Err() == nil {
			p.logf("services: %v", err)
			retry.Reset(retryTranslating)
		}
	}
}

// drain notes what is in the channel already, so that a burst is programmed at once.
func (p *serviceProxy) drain(w *watcher) (changed bool) {
	for {
		select {
		case e := <-w.ResultChan():
			changed = p.note(e) || changed
			if e.Object == nil {
				return changed // the watch has ended
			}
		default:
			return changed
		}
	}
}

// note takes an event in and reports whether it can change a translation.
func (p *serviceProxy) note(e watch.Event) bool {
	switch o := e.Object.(type) {
	case *corev1.Service:
		k := key(o)
		if e.Type == watch.Deleted {
			delete(p.services, k)
		} else {
			p.services[k] = o
		}
		return true
	case *corev1.Pod:
		k := key(o)
		before := p.pods[k]
		if e.Type == watch.Deleted || !serves(o) {
			delete(p.pods, k)
			return before != nil
		}
		p.pods[k] = o
		return before == nil || before.UID != o.UID || !maps.Equal(before.Labels, o.Labels)
	}
	return false
}

// serves reports whether a pod takes part in Services: it is ready and stays.
func serves(pod *corev1.Pod) bool {
	if pod.DeletionTimestamp != nil {
		return false
	}
	for _, c := range pod.Status.Conditions {
		if c.Type == corev1.PodReady {
			return c.Status == corev1.ConditionTrue
		}
	}
	return false
}

func (p *serviceProxy) program() error {
	wanted := p.translations()
	var change change
	for f, b := range p.now {
		if !slices.Equal(b, wanted[f]) {
			change.gone = append(change.gone, element{f, b})
		}
	}
	for f, b := range wanted {
		if !slices.Equal(b, p.now[f]) {
			change.come = append(change.come, element{f, b})
		}
	}
	if len(change.gone)+len(change.come) == 0 {
		return nil
	}
	var errs []error
	old := p.staleAfter(change, wanted)
	for _, t := range p.nodes {
		errs = append(errs, t.apply(change, wanted))
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	p.now = wanted
	p.forgetting.Go(func() { p.forget(old) })
	return nil
}

// forget has every node forget the connections that a change leaves behind. That walks all
// connections of a node, and no translation waits for it.
func (p *serviceProxy) forget(old stale) {
	p.one.Lock()
	defer p.one.Unlock()
	for _, t := range p.nodes {
		if err := t.node.forget(old); err != nil {
			p.logf("services: %v", err)
		}
	}
}

func (p *serviceProxy) translations() translations {
	all := translations{}
	byNamespace := map[string][]*corev1.Pod{}
	for k, pod := range p.pods {
		byNamespace[k.Namespace] = append(byNamespace[k.Namespace], pod)
	}
	for k, service := range p.services {
		if len(service.Spec.Selector) == 0 {
			continue
		}
		pods := selected(byNamespace[k.Namespace], service.Spec.Selector)
		for i := range service.Spec.Ports {
			all.add(service, &service.Spec.Ports[i], pods)
			p.addNodePort(all, service, &service.Spec.Ports[i], pods)
		}
	}
	return all
}

func selected(pods []*corev1.Pod, selector map[string]string) []*corev1.Pod {
	s := labels.SelectorFromSet(selector)
	var list []*corev1.Pod
	for _, pod := range pods {
		if s.Matches(labels.Set(pod.Labels)) {
			list = append(list, pod)
		}
	}
	return list
}

// add adds one port of a Service, in each of its families.
func (t translations) add(service *corev1.Service, port *corev1.ServicePort, pods []*corev1.Pod) {
	for _, ip := range service.Spec.ClusterIPs {
		addr, err := netip.ParseAddr(ip)
		if err != nil {
			continue // "None"
		}
		t.lead(frontend{addr, protocolNumber(port.Protocol), uint16(port.Port)}, port, pods)
	}
}

// lead makes a frontend lead to the pods, where there are any.
func (t translations) lead(f frontend, port *corev1.ServicePort, pods []*corev1.Pod) {
	var list backends
	for _, pod := range pods {
		number, known := targetPort(pod, port)
		target, has := podAddr(pod, f.addr.Is4())
		if known && has {
			list = append(list, netip.AddrPortFrom(target, number))
		}
	}
	if len(list) == 0 {
		return
	}
	slices.SortFunc(list, func(a, b netip.AddrPort) int {
		return cmp.Or(a.Addr().Compare(b.Addr()), cmp.Compare(a.Port(), b.Port()))
	})
	t[f] = list
}

// targetPort is the number behind a Service's port on this pod: a name is looked up
// among the pod's own ports of the same protocol.
func targetPort(pod *corev1.Pod, port *corev1.ServicePort) (uint16, bool) {
	if port.TargetPort.Type == intstr.Int {
		return uint16(port.TargetPort.IntVal), true
	}
	for _, c := range pod.Spec.Containers {
		for _, p := range c.Ports {
			if p.Name == port.TargetPort.StrVal && p.Protocol == port.Protocol {
				return uint16(p.ContainerPort), true
			}
		}
	}
	return 0, false
}

func podAddr(pod *corev1.Pod, four bool) (netip.Addr, bool) {
	for _, ip := range pod.Status.PodIPs {
		if addr, err := netip.ParseAddr(ip.IP); err == nil && addr.Is4() == four {
			return addr, true
		}
	}
	return netip.Addr{}, false
}

func (p *serviceProxy) close() error {
	var errs []error
	for _, t := range p.nodes {
		errs = append(errs, t.close())
	}
	return errors.Join(errs...)
}
