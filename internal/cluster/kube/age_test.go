package kube

import "testing"

func TestBefore(t *testing.T) {
	for server, want := range map[string]bool{
		"v1.28.15": true, "v1.28.15-eks-7f9249a": true, "v1.9.0": true,
		"v1.29.0": false, "v1.36.3": false, "v1.29.0-alpha.1": false, "": false, "unknown": false,
	} {
		if got := before(server, sidecarsSince); got != want {
			t.Errorf("%q is older than %s: %v", server, sidecarsSince, got)
		}
	}
}
