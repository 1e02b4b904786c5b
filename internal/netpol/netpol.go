// Package netpol does to a NetworkPolicy what an API server does before it stores
// one: Default fills in what was left out, Validate reports what is not allowed.
//
// Goals: the same answers as k8s.io/kubernetes/pkg/apis/networking, which cannot be
// imported, in a few hundred lines.
// Non-goal: deciding what a policy means. It must not import another package of
// cniproof, because both the oracle's and the reference engine's side use it.
package netpol
