package embedded

import (
	"net/netip"
	"slices"
	"testing"

	"github.com/miekg/dns"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// answers is a dns.ResponseWriter that keeps the answer.
type answers struct {
	dns.ResponseWriter
	msg *dns.Msg
}

func (a *answers) WriteMsg(m *dns.Msg) error {
	a.msg = m
	return nil
}

func TestNameServer(t *testing.T) {
	a, c := newTestAPI(t)
	dual := corev1.IPFamilyPolicyPreferDualStack
	web, err := c.CoreV1().Services("x").Create(t.Context(), &corev1.Service{ObjectMeta: metav1.ObjectMeta{Name: "web"},
		Spec: corev1.ServiceSpec{IPFamilyPolicy: &dual, Ports: []corev1.ServicePort{{Port: 80}}}}, createOptions())
	if err != nil {
		t.Fatal(err)
	}
	four, six := web.Spec.ClusterIPs[0], web.Spec.ClusterIPs[1]
	for _, test := range []struct {
		name  string
		kind  uint16
		rcode int
		want  []string
	}{
		{"web.x.svc.cluster.local.", dns.TypeA, dns.RcodeSuccess, []string{four}},
		{"WEB.x.svc.Cluster.local.", dns.TypeA, dns.RcodeSuccess, []string{four}},
		{"web.x.svc.cluster.local.", dns.TypeAAAA, dns.RcodeSuccess, []string{six}},
		{"web.x.svc.cluster.local.", dns.TypeMX, dns.RcodeSuccess, nil},
		{"web.y.svc.cluster.local.", dns.TypeA, dns.RcodeNameError, nil},
		{"x.svc.cluster.local.", dns.TypeA, dns.RcodeNameError, nil},
		{"example.org.", dns.TypeA, dns.RcodeNameError, nil},
	} {
		query := new(dns.Msg)
		query.SetQuestion(test.name, test.kind)
		w := &answers{}
		(&nameServer{a, true}).ServeDNS(w, query)
		var got []string
		for _, r := range w.msg.Answer {
			switch r := r.(type) {
			case *dns.A:
				got = append(got, netip.AddrFrom4([4]byte(r.A.To4())).String())
			case *dns.AAAA:
				got = append(got, netip.AddrFrom16([16]byte(r.AAAA)).String())
			}
		}
		if w.msg.Rcode != test.rcode || !slices.Equal(got, test.want) {
			t.Errorf("%s %s: %s %v, want %s %v", test.name, dns.TypeToString[test.kind],
				dns.RcodeToString[w.msg.Rcode], got, dns.RcodeToString[test.rcode], test.want)
		}
	}
}
