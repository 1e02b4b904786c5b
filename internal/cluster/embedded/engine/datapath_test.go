package engine

import (
	"testing"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"
)

// parsePolicy reads a policy that says everything that the API would fill in.
func parsePolicy(t testing.TB, text string) *networkingv1.NetworkPolicy {
	t.Helper()
	p := &networkingv1.NetworkPolicy{}
	if err := yaml.UnmarshalStrict([]byte(text), p); err != nil {
		t.Fatal(err)
	}
	for i := range p.Spec.Ingress {
		defaultProtocol(p.Spec.Ingress[i].Ports)
	}
	for i := range p.Spec.Egress {
		defaultProtocol(p.Spec.Egress[i].Ports)
	}
	if p.Spec.PolicyTypes == nil {
		p.Spec.PolicyTypes = []networkingv1.PolicyType{networkingv1.PolicyTypeIngress}
		if p.Spec.Egress != nil {
			p.Spec.PolicyTypes = append(p.Spec.PolicyTypes, networkingv1.PolicyTypeEgress)
		}
	}
	return p
}

func defaultProtocol(list []networkingv1.NetworkPolicyPort) {
	for i := range list {
		if list[i].Protocol == nil {
			tcp := corev1.ProtocolTCP
			list[i].Protocol = &tcp
		}
	}
}

// apply creates or updates a policy, and waits until it holds; delete removes one.
func (l *lab) apply(text string) {
	l.t.Helper()
	l.write(text)
	l.sync()
}

// write does not wait: nobody may be there to take it in.
func (l *lab) write(text string) {
	l.t.Helper()
	p := parsePolicy(l.t, text)
	policies := l.client.NetworkingV1().NetworkPolicies(p.Namespace)
	if _, err := policies.Update(l.t.Context(), p, metav1.UpdateOptions{}); err != nil {
		_, err = policies.Create(l.t.Context(), p, metav1.CreateOptions{})
		l.must(err)
	}
}

func (l *lab) delete(namespace, name string) {
	l.t.Helper()
	l.must(l.client.NetworkingV1().NetworkPolicies(namespace).Delete(l.t.Context(), name, metav1.DeleteOptions{}))
	l.sync()
}

func TestDataPath(t *testing.T) {
	l := newLab(t, "x/a@n1", "x/b@n1", "x/c@n2", "y/d@n2")
	l.start()
	for _, name := range []string{"x/a", "x/c", "y/d", "out"} {
		l.serve(name, 80)
		l.serveSCTP(name, 80)
	}
	l.serve("x/a", 81)
	all := []string{
		"x/b -> x/a:80/tcp", "x/b -> x/a:80/udp", "x/b -> x/a:80/sctp", "x/c -> x/a:80/tcp", "x/c -> x/a:80/sctp",
		"y/d -> x/a:81/tcp", "out -> x/a:80/tcp", "x/a -> out:80/tcp", "x/a -> out:80/sctp", "x/a -> y/d:80/udp", "n1 -> x/a:80/tcp",
	}
	l.expect(true, all...)

	l.apply(`{metadata: {name: deny, namespace: x}, spec: {podSelector: {matchLabels: {pod: a}}, policyTypes: [Ingress, Egress]}}`)
	l.expect(false, all[:10]...)
	l.expect(true, "n1 -> x/a:80/tcp", "n1 -> x/a:80/udp", "x/b -> x/c:80/tcp")

	l.apply(`
metadata: {name: allow, namespace: x}
spec:
  podSelector: {matchLabels: {pod: a}}
  ingress:
  - from: [{podSelector: {matchLabels: {pod: b}}}, {namespaceSelector: {matchLabels: {ns: "y"}}}]
    ports: [{port: http}, {port: 80, endPort: 85, protocol: UDP}, {port: 80, protocol: SCTP}]
  - from: [{ipBlock: {cidr: 192.0.2.0/24}}, {ipBlock: {cidr: "2001:db8::/64", except: ["2001:db8::2/128"]}}]
  egress:
  - to: [{namespaceSelector: {}}]
    ports: [{port: http}]
  - to: [{ipBlock: {cidr: 0.0.0.0/0}}, {ipBlock: {cidr: "::/0"}}]
    ports: [{port: 80, protocol: SCTP}]
`)

	l.expect(true, "x/b -> x/a:80/tcp", "x/b -> x/a:80/udp", "x/b -> x/a:80/sctp", "y/d -> x/a:80/tcp", "y/d -> x/a:80/sctp",
		"out -> x/a:80/tcp", "out -> x/a:81/udp", "x/a -> y/d:80/tcp", "x/a -> y/d:80/sctp", "x/a -> out:80/sctp")
	l.expect(false, "x/c -> x/a:80/tcp", "x/b -> x/a:81/tcp", "x/a -> y/d:80/udp", "x/a -> out:80/tcp", "x/c -> x/a:80/sctp")

	l.delete("x", "allow")
	l.expect(false, all[:10]...)
	l.delete("x", "deny")
	l.expect(true, all...)

}
