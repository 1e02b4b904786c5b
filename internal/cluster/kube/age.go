package kube

import "k8s.io/apimachinery/pkg/util/version"

// sidecarsSince is the version that has init containers with restartPolicy Always by default:
// one before it would wait for their end.
const sidecarsSince = "1.29"

// before reports whether a server's version is older than another one. One that cannot be
// read is taken for a new one.
func before(server, than string) bool {
	v, err := version.ParseGeneric(server)
	return err == nil && v.LessThan(version.MustParseGeneric(than))
}
