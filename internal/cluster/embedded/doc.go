// Package embedded is a cluster on this Linux host that needs neither Docker nor
// Kubernetes: nodes, pods and hosts outside are network namespaces joined by veth
// pairs, API objects live in client-go's in-memory tracker, and the reference
// engine enforces the policies with nftables. Packets and verdicts are the
// kernel's.
//
// Goals: the code that talks to a real cluster talks to this one unchanged; both
// IP families at once; no trace on the host, also after kill -9.
// Non-goals: running containers, more than two nodes, Service types other than
// ClusterIP.
//
// It must not import internal/oracle, internal/judge or internal/scenario: the
// cluster must not know what is expected of it.
package embedded
