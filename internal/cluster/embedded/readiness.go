package embedded

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// readiness is whether a pod is ready: when its agent runs, and, where the pod has a
// readiness probe over TCP, when its node gets through to it.
type readiness struct {
	run *podRun
	// probe is nil where the pod has none.
	probe *corev1.Probe

	mu       sync.Mutex
	state    agentState
	answers  bool
	failures int32 // in a row
}

func newReadiness(r *podRun) *readiness {
	d := &readiness{run: r}
	if p := r.pod.Spec.Containers[0].ReadinessProbe; p != nil && p.TCPSocket != nil {
		d.probe = p
	}
	return d
}

// note takes in what has become of the agent.
func (d *readiness) note(s agentState) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.state = s
	if s.process == nil {
		d.answers, d.failures = false, 0
	}
	d.write()
}

// heard takes in what has come of a probe.
func (d *readiness) heard(err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	before := d.answers
	if err == nil {
		d.answers, d.failures = d.state.process != nil, 0
	} else if d.failures++; d.failures >= max(1, d.probe.FailureThreshold) {
		d.answers = false
	}
	if d.answers != before {
		d.write()
	}
}

// write needs the lock.
func (d *readiness) write() {
	state, ready := d.state, d.state.process != nil && (d.probe == nil || d.answers)
	d.run.update(func(pod *corev1.Pod) { describe(pod, state, ready) })
}

// beforeReady is the time between two probes of a pod that was never ready.
const beforeReady = 50 * time.Millisecond

// follow probes the pod until ctx ends.
func (d *readiness) follow(ctx context.Context, p *podNet) {
	if d.probe == nil {
		return
	}
	to := netip.AddrPortFrom(p.addrs[0], uint16(d.probe.TCPSocket.Port.IntVal))
	period, patience := time.Duration(max(1, d.probe.PeriodSeconds))*time.Second, time.Duration(max(1, d.probe.TimeoutSeconds))*time.Second
	timer := time.NewTimer(0)
	defer timer.Stop()
	for pause := beforeReady; ; timer.Reset(pause) {
		select {
		case <-timer.C:
		case <-ctx.Done():
			return
		}
		err := p.node.do(func() error { return knock(to, patience) })
		if ctx.Err() != nil {
			return
		}
		d.heard(err)
		if err == nil {
			pause = period
		}
	}
}

// knock connects, and says nothing.
func knock(to netip.AddrPort, patience time.Duration) error {
	c, err := net.DialTimeout("tcp", to.String(), patience)
	if err != nil {
		return fmt.Errorf("probing %s: %w", to, err)
	}
	return c.Close()
}
