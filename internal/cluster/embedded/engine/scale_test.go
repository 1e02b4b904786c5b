package engine

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// TestThousandBlocks checks blocks at both ends and in the middle of a large set.
func TestThousandBlocks(t *testing.T) {
	l := newLab(t, "x/a@n1", "x/b@n1")
	l.start()
	l.serve("x/a", 80)
	var peers []string
	for i := range 1000 {
		peers = append(peers,
			fmt.Sprintf(`{ipBlock: {cidr: "172.%d.%d.0/25"}}`, 16+i/256, i%256),
			fmt.Sprintf(`{ipBlock: {cidr: "fd80:0:%x::/48"}}`, 2*i))
	}
	policy := func(extra ...string) string {
		return `{metadata: {name: p, namespace: x}, spec: {podSelector: {matchLabels: {pod: a}}, ingress: [{from: [` +
			strings.Join(append(extra, peers...), ", ") + `]}]}}`
	}
	l.apply(policy())
	l.expect(false, "out -> x/a:80/tcp", "x/b -> x/a:80/tcp")
	l.apply(policy(`{ipBlock: {cidr: 192.0.2.3/32}}`, `{ipBlock: {cidr: "2001:db8::3/128"}}`))
	l.expect(true, "out -> x/a:80/tcp")
	l.expect(false, "x/b -> x/a:80/tcp")
	// x/b is 10.0.0.4 and fd00::4: before the first block of each family
	l.apply(policy(`{ipBlock: {cidr: 0.0.0.0/5}}`, `{ipBlock: {cidr: "::/3"}}`, `{ipBlock: {cidr: 10.0.0.4/32}}`, `{ipBlock: {cidr: "fd00::4/127"}}`))
	l.expect(true, "x/b -> x/a:80/tcp")
	l.expect(false, "out -> x/a:80/tcp")
}

// TestThousandPorts checks that every second port of a thousand is open, no other.
func TestThousandPorts(t *testing.T) {
	l := newLab(t, "x/a@n1", "x/b@n2")
	l.start()
	var ports []string
	for i := range 1000 {
		ports = append(ports, fmt.Sprintf("{port: %d}, {port: %d, protocol: UDP}", 2000+2*i, 2000+2*i))
	}
	l.apply(`{metadata: {name: p, namespace: x}, spec: {podSelector: {matchLabels: {pod: a}}, ingress: [{ports: [` + strings.Join(ports, ", ") + `]}]}}`)
	for _, number := range []int{2000, 2001, 2500, 2501, 3998, 3999, 4000} {
		l.serve("x/a", number)
		l.expect(number%2 == 0 && number < 4000, fmt.Sprintf("x/b -> x/a:%d/tcp", number), fmt.Sprintf("x/b -> x/a:%d/udp", number))
	}
}

// scaled adds pods without namespaces and policies that select all of them.
func (l *lab) scaled(pods, policies int) {
	for i := range pods {
		name := fmt.Sprintf("p%d", i)
		_, err := l.client.CoreV1().Pods("x").Create(l.t.Context(), &corev1.Pod{
			ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: "x", Labels: map[string]string{"pod": name}},
			Spec:       corev1.PodSpec{NodeName: fmt.Sprintf("n%d", 1+i%2)},
			Status: corev1.PodStatus{PodIPs: []corev1.PodIP{
				{IP: fmt.Sprintf("10.1.%d.%d", i/256, i%256)}, {IP: fmt.Sprintf("fd01::%x", i+1)},
			}},
		}, metav1.CreateOptions{})
		l.must(err)
	}
	for i := range policies {
		_, err := l.client.NetworkingV1().NetworkPolicies("x").Create(l.t.Context(), l.numbered(i, 0), metav1.CreateOptions{})
		l.must(err)
	}
}

// numbered is a policy unlike any of another number, in one of several versions.
func (l *lab) numbered(i, version int) *networkingv1.NetworkPolicy {
	return parsePolicy(l.t, fmt.Sprintf(`{metadata: {name: p%d, namespace: x}, spec: {podSelector: {}, ingress: [{
		from: [{podSelector: {matchLabels: {pod: p%d}}}, {ipBlock: {cidr: 172.%d.%d.0/25}}], ports: [{port: %d, endPort: %d}]}]}}`,
		i, i, 16+i/256, i%256, 1000+10*(i%500), 1001+10*(i%500)+version))
}

// cpu is the processor time that the process has used, in the kernel too.
func cpu(t testing.TB) time.Duration {
	var usage unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &usage); err != nil {
		t.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// reportCPU reports the processor time since before, per operation: what the
// operation would take at least on an idle machine with one processor.
func reportCPU(b *testing.B, before time.Duration) {
	b.ReportMetric(float64(cpu(b)-before)/float64(b.N), "cpu-ns/op")
}

// BenchmarkChange measures the time from the change of one policy to the kernel, in
// a cluster of 200 pods that every policy selects.
func BenchmarkChange(b *testing.B) {
	for _, policies := range []int{10, 100, 1000} {
		b.Run(fmt.Sprintf("policies=%d", policies), func(b *testing.B) {
			l := newLab(b, "x/a@n1")
			l.scaled(200, policies)
			l.start()
			client := l.client.NetworkingV1().NetworkPolicies("x")
			defer reportCPU(b, cpu(b))
			for i := 0; b.Loop(); i++ {
				if _, err := client.Update(b.Context(), l.numbered(0, 1+i%7), metav1.UpdateOptions{}); err != nil {
					b.Fatal(err)
				}
				l.sync()
			}
		})
	}
}

// BenchmarkStart measures how long a new table takes.
func BenchmarkStart(b *testing.B) {
	for _, policies := range []int{10, 100, 1000} {
		b.Run(fmt.Sprintf("policies=%d", policies), func(b *testing.B) {
			l := newLab(b, "x/a@n1")
			l.scaled(200, policies)
			l.start()
			defer reportCPU(b, cpu(b))
			for b.Loop() {
				l.must(l.engine.Restart(b.Context(), nil))
			}
		})
	}
}

// BenchmarkPod measures the time from the address of a new pod to the kernel.
func BenchmarkPod(b *testing.B) {
	for _, policies := range []int{10, 1000} {
		b.Run(fmt.Sprintf("policies=%d", policies), func(b *testing.B) {
			l := newLab(b, "x/a@n1")
			l.scaled(200, policies)
			l.start()
			pod, err := l.client.CoreV1().Pods("x").Get(b.Context(), "p0", metav1.GetOptions{})
			l.must(err)
			defer reportCPU(b, cpu(b))
			for i := 0; b.Loop(); i++ {
				pod.Status.PodIPs = []corev1.PodIP{{IP: fmt.Sprintf("10.2.0.%d", 1+i%200)}}
				if _, err := l.client.CoreV1().Pods("x").UpdateStatus(b.Context(), pod, metav1.UpdateOptions{}); err != nil {
					b.Fatal(err)
				}
				l.sync()
			}
		})
	}
}

// TestBurst makes a thousand policies at once: the kernel has them soon after.
func TestBurst(t *testing.T) {
	l := newLab(t, "x/a@n1", "x/b@n1")
	l.scaled(200, 0)
	l.start()
	l.serve("x/a", 80)
	started := time.Now()
	for i := range 1000 {
		_, err := l.client.NetworkingV1().NetworkPolicies("x").Create(t.Context(), l.numbered(i, 0), metav1.CreateOptions{})
		l.must(err)
	}
	created := time.Since(started)
	l.sync()
	t.Logf("created in %v, programmed in %v", created, time.Since(started))
	l.expect(false, "x/b -> x/a:80/tcp")
}
