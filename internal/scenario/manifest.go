package scenario

import networkingv1 "k8s.io/api/networking/v1"

// Manifest is a NetworkPolicy as written, its variables not yet filled in.
type Manifest struct {
	policy *networkingv1.NetworkPolicy
}

// Key names the policy by the scenario's own name for its namespace.
func (m Manifest) Key() PolicyKey {
	return PolicyKey{Namespace: m.policy.Namespace, Name: m.policy.Name}
}

// String is "namespace/name".
func (k PolicyKey) String() string { return k.Namespace + "/" + k.Name }
