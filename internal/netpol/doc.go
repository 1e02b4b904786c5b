// Package netpol does to a NetworkPolicy what an API server does before it stores
// one: Default fills in what was left out, Validate reports what is not allowed.
//
// Goals: the answers of a Kubernetes 1.36 API server with its default feature
// gates, whose own code cannot be imported, in a few hundred lines.
// Non-goals: deciding what a policy means; the laxer rules that apply to an update
// of an object that is invalid already. It must not import another package of
// cniproof, because the oracle's side and the reference engine's side both use it.
package netpol
