package embedded

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync"

	"github.com/miekg/dns"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

const (
	dnsName       = "kube-dns"
	dnsPort       = 53
	clusterDomain = "cluster.local."
	dnsTTL        = 5 // seconds
)

// nameServer answers for the cluster's domain, as the pod kube-system/kube-dns. It
// looks into the API at every query, so its answers are never stale.
type nameServer struct {
	api  *api
	ipv6 bool
}

// dnsPod is the pod of the cluster's DNS, on the first node.
func dnsPod(node string) *corev1.Pod {
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: dnsName, Namespace: metav1.NamespaceSystem, Labels: map[string]string{"k8s-app": dnsName}},
		Spec: corev1.PodSpec{
			NodeName: node,
			Containers: []corev1.Container{{
				Name: "dns", Image: "cniproof.dev/dns:embedded",
				Ports: []corev1.ContainerPort{
					{Name: "dns", ContainerPort: dnsPort, Protocol: corev1.ProtocolUDP},
					{Name: "dns-tcp", ContainerPort: dnsPort, Protocol: corev1.ProtocolTCP},
				},
			}},
		},
	}
}

func dnsService() *corev1.Service {
	dual := corev1.IPFamilyPolicyPreferDualStack
	return &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Name: dnsName, Namespace: metav1.NamespaceSystem, Labels: map[string]string{"k8s-app": dnsName}},
		Spec: corev1.ServiceSpec{
			Selector:       map[string]string{"k8s-app": dnsName},
			IPFamilyPolicy: &dual,
			Ports: []corev1.ServicePort{
				{Name: "dns", Port: dnsPort, Protocol: corev1.ProtocolUDP, TargetPort: intstr.FromString("dns")},
				{Name: "dns-tcp", Port: dnsPort, Protocol: corev1.ProtocolTCP, TargetPort: intstr.FromString("dns-tcp")},
			},
		},
	}
}

// apiService is default/kubernetes, the Service of the API server. Nothing answers
// behind it: this API has no wire.
func apiService() *corev1.Service {
	dual := corev1.IPFamilyPolicyPreferDualStack
	return &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Name: "kubernetes", Namespace: metav1.NamespaceDefault},
		Spec: corev1.ServiceSpec{
			IPFamilyPolicy: &dual,
			Ports:          []corev1.ServicePort{{Name: "https", Port: 443, TargetPort: intstr.FromInt32(6443)}},
		},
	}
}

// serve opens the server's sockets inside the namespace of its pod.
func (s *nameServer) serve(ns *namespace) (stop func(), err error) {
	var servers []*dns.Server
	err = ns.do(func() error {
		for _, network := range families([]string{"4", "6"}, s.ipv6) {
			packets, err := net.ListenPacket("udp"+network, fmt.Sprintf(":%d", dnsPort))
			if err != nil {
				return fmt.Errorf("serving DNS over UDP: %w", err)
			}
			servers = append(servers, &dns.Server{PacketConn: packets, Handler: s})
			listener, err := net.Listen("tcp"+network, fmt.Sprintf(":%d", dnsPort))
			if err != nil {
				return fmt.Errorf("serving DNS over TCP: %w", err)
			}
			servers = append(servers, &dns.Server{Listener: listener, Handler: s})
		}
		return nil
	})
	if err != nil {
		return nil, errors.Join(err, closeSockets(servers))
	}
	return runServers(servers), nil
}

func closeSockets(servers []*dns.Server) error {
	var errs []error
	for _, server := range servers {
		if server.PacketConn != nil {
			errs = append(errs, server.PacketConn.Close())
		}
		if server.Listener != nil {
			errs = append(errs, server.Listener.Close())
		}
	}
	return errors.Join(errs...)
}

// runServers returns when every server runs; stop returns when none does.
func runServers(servers []*dns.Server) (stop func()) {
	var started, running sync.WaitGroup
	for _, server := range servers {
		started.Add(1)
		server.NotifyStartedFunc = started.Done
		running.Go(func() { _ = server.ActivateAndServe() }) // it ends when it is shut down
	}
	started.Wait()
	return func() {
		for _, server := range servers {
			_ = server.Shutdown() // at worst it did not run
		}
		running.Wait()
	}
}

// ServeDNS answers one query.
func (s *nameServer) ServeDNS(w dns.ResponseWriter, query *dns.Msg) {
	answer := new(dns.Msg)
	answer.SetReply(query)
	answer.Authoritative = true
	switch {
	case query.Opcode != dns.OpcodeQuery || len(query.Question) != 1:
		answer.Rcode = dns.RcodeNotImplemented
	default:
		question := query.Question[0]
		addrs, known := s.resolve(question.Name)
		if !known {
			answer.Rcode = dns.RcodeNameError
		}
		answer.Answer = records(question, addrs)
	}
	_ = w.WriteMsg(answer) // a client that is gone asks nobody
}

// resolve returns the addresses of a name and whether there is one. The name of a
// Service that ends in the cluster's domain is; nothing else.
func (s *nameServer) resolve(name string) ([]netip.Addr, bool) {
	rest, inside := strings.CutSuffix(strings.ToLower(dns.Fqdn(name)), ".svc."+clusterDomain)
	service, namespace, two := strings.Cut(rest, ".")
	if !inside || !two {
		return nil, false
	}
	found, ok := object[*corev1.Service](s.api, servicesResource, namespace, service)
	if !ok {
		return nil, false
	}
	var addrs []netip.Addr
	for _, ip := range found.Spec.ClusterIPs {
		if addr, err := netip.ParseAddr(ip); err == nil {
			addrs = append(addrs, addr)
		}
	}
	return addrs, true
}

// records are those of the addresses that the question asks for.
func records(q dns.Question, addrs []netip.Addr) []dns.RR {
	var list []dns.RR
	for _, a := range addrs {
		switch {
		case a.Is4() && (q.Qtype == dns.TypeA || q.Qtype == dns.TypeANY):
			list = append(list, &dns.A{Hdr: header(q, dns.TypeA), A: a.AsSlice()})
		case a.Is6() && (q.Qtype == dns.TypeAAAA || q.Qtype == dns.TypeANY):
			list = append(list, &dns.AAAA{Hdr: header(q, dns.TypeAAAA), AAAA: a.AsSlice()})
		}
	}
	return list
}

func header(q dns.Question, kind uint16) dns.RR_Header {
	return dns.RR_Header{Name: q.Name, Rrtype: kind, Class: dns.ClassINET, Ttl: dnsTTL}
}
