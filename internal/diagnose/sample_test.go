package diagnose_test

import (
	"net/netip"
	"testing"
	"testing/fstest"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/cniproof/cniproof/internal/cluster"
	"github.com/cniproof/cniproof/internal/diagnose"
	"github.com/cniproof/cniproof/internal/flow"
	"github.com/cniproof/cniproof/internal/inspect"
	"github.com/cniproof/cniproof/internal/judge"
	"github.com/cniproof/cniproof/internal/scenario"
)

const sample = `
apiVersion: cniproof.dev/v1alpha1
kind: Scenario
metadata: {name: sample}
spec:
  summary: Everything that a script has to repeat.
  level: must
  features: [dns, external-host, ingress, ip-block, namespace-selector, pod-selector]
  refs: [https://kubernetes.io/docs/concepts/services-networking/network-policies/]
  topology:
    namespaces:
      prod: {labels: {env: prod}}
    pods:
      prod/db:  {labels: {role: db}, node: 1, ports: [80/TCP, 53/UDP]}
      prod/web: {labels: {role: web, extra: really}, node: 2}
    external: {hosts: 1, ports: [80/TCP]}
    dns: true
  steps:
  - name: deny "it's all"
    apply:
    - apiVersion: networking.k8s.io/v1
      kind: NetworkPolicy
      metadata: {name: db, namespace: prod}
      spec:
        podSelector: {matchLabels: {role: db}}
        policyTypes: [Ingress]
        ingress:
        - from:
          - ipBlock: {cidr: "${pod.prod/web.ip4}/32"}
          - namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: "${ns.prod}"}}
            podSelector: {matchLabels: {role: nobody}}
    expect:
      default: allow
      flows:
      - deny: '* -> prod/db'
  - name: relabel and recreate
    label:
      prod/web: {role: nobody, extra: null, of: "${ns.prod}"}
      prod: {env: test}
    recreate: [prod/web]
    expect:
      default: allow
`

func at(d time.Duration) time.Time {
	return time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC).Add(d)
}

func loaded(t *testing.T) *scenario.Scenario {
	t.Helper()
	list, err := scenario.Load(fstest.MapFS{"sample.yaml": {Data: []byte(sample)}}, "sample.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return list[0]
}

// evidence is a scenario whose second step did not open what it should.
func evidence(t *testing.T) *diagnose.Evidence {
	t.Helper()
	s := loaded(t)
	addrs := func(list ...string) (all []netip.Addr) {
		for _, a := range list {
			all = append(all, netip.MustParseAddr(a))
		}
		return all
	}
	b := scenario.Binding{
		Namespaces: map[string]string{"prod": "cniproof-abc123-1001-prod", "kube-system": "kube-system"},
		Addresses: map[flow.Endpoint][]netip.Addr{
			flow.Pod("prod", "db"): addrs("10.1.1.1", "fd00::1"), flow.Pod("prod", "web"): addrs("10.1.1.12", "fd00::12"),
		},
	}
	e := &diagnose.Evidence{
		Scenario: s, Applied: []scenario.Binding{b, b}, Binding: b, Image: "example.org/agent:1", Since: at(0),
		Timeline: &flow.Timeline{},
	}
	step := judge.Step{Name: s.Steps[1].Name, Result: judge.Fail, Reason: "2 of 3 flows wrong after 1s"}
	for _, to := range []flow.Endpoint{flow.Pod("prod", "db"), flow.DNS(), flow.External(1)} {
		f := flow.Flow{Source: flow.Pod("prod", "web"), Destination: to, Protocol: flow.TCP, Port: 80, Via: flow.PodIP, Family: flow.IPv4}
		cell := judge.Cell{Flow: f, Expected: flow.Allow, Observed: flow.Deny, Explanation: "must be allowed: a rule admits " + to.String()}
		if to.Kind == flow.KindDNS {
			cell.Observed = flow.Allow
		}
		step.Cells = append(step.Cells, cell)
		e.Timeline.Flows = append(e.Timeline.Flows, f)
		e.Expected = append(e.Expected, flow.Allow)
		e.Dialled = append(e.Dialled, netip.MustParseAddrPort("10.1.1.1:80"))
	}
	e.Result = judge.Scenario{Name: s.Name, Level: s.Level, Result: judge.Fail, Reason: step.Reason, Steps: []judge.Step{step}}
	for n := range 10 {
		r := flow.Round{Begin: at(time.Duration(n) * 100 * time.Millisecond), End: at(time.Duration(n)*100*time.Millisecond + 50*time.Millisecond)}
		for i := range e.Timeline.Flows {
			s := flow.Sample{Begin: r.Begin, Took: 3 * time.Millisecond, Outcome: flow.Connected, Attempts: 1}
			if i == 0 || i == 2 && n > 4 {
				s.Outcome, s.Detail = flow.TimedOut, "i/o timeout"
			}
			r.Samples = append(r.Samples, s)
		}
		e.Timeline.Rounds = append(e.Timeline.Rounds, r)
	}
	return e
}

func snapshot() *diagnose.Snapshot {
	ns := "cniproof-abc123-1001-prod"
	pod := func(name, node, ip4, ip6 string, labels map[string]string) corev1.Pod {
		p := cluster.AgentPod(name, node, "example.org/agent:1")
		p.Namespace, p.UID, p.Labels = ns, types.UID("uid-of-"+name), labels
		p.Spec.NodeName, p.Spec.ServiceAccountName = node, "default"
		p.Status = corev1.PodStatus{Phase: corev1.PodRunning, PodIPs: []corev1.PodIP{{IP: ip4}, {IP: ip6}}}
		return *p
	}
	return &diagnose.Snapshot{
		Taken: at(2 * time.Second),
		Namespaces: []corev1.Namespace{{ObjectMeta: metav1.ObjectMeta{Name: ns, Labels: map[string]string{
			"env": "prod", "kubernetes.io/metadata.name": ns, "cniproof.dev/run": "abc123", "pod-security.kubernetes.io/enforce": "restricted",
		}}}},
		Pods: []corev1.Pod{
			pod("db", "worker", "10.1.1.1", "fd00::1", map[string]string{"role": "db", "cniproof.dev/pod": "db"}),
			pod("web", "worker2", "10.1.1.12", "fd00::12", map[string]string{"role": "nobody", "cniproof.dev/pod": "web"}),
		},
		Services: []corev1.Service{{
			ObjectMeta: metav1.ObjectMeta{Name: "db", Namespace: ns, UID: "gone"},
			Spec: corev1.ServiceSpec{ClusterIP: "10.96.0.7", Selector: map[string]string{"cniproof.dev/pod": "db"}, Ports: []corev1.ServicePort{
				{Name: "tcp-80", Protocol: corev1.ProtocolTCP, Port: 20080, TargetPort: intstr.FromInt32(80)},
			}},
		}},
		Events: []corev1.Event{
			{Type: "Warning", Reason: "Late", Message: "the second\nevent", LastTimestamp: metav1.NewTime(at(time.Second))},
			{Type: "Normal", Reason: "Early", Message: "the first event", EventTime: metav1.NewMicroTime(at(0))},
		},
		Dataplane: []inspect.Text{{Name: "worker-nft", Body: "table inet filter\n"}},
		Problems:  []string{"the logs of the CNI's agents on node worker: pods is forbidden"},
	}
}
