package embedded

import (
	"sync"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/version"
	"k8s.io/client-go/discovery"
	fakediscovery "k8s.io/client-go/discovery/fake"
	"k8s.io/client-go/kubernetes/fake"
	"k8s.io/client-go/kubernetes/scheme"
	clienttesting "k8s.io/client-go/testing"
)

// kubernetesVersion is the minor version of the vendored k8s.io/api; a test holds
// it to go.mod.
const kubernetesVersion = "v1.36"

// The resources that the API knows more of than their metadata.
//
//nolint:gochecknoglobals // a constant table
var (
	namespacesResource = corev1.SchemeGroupVersion.WithResource("namespaces")
	nodesResource      = corev1.SchemeGroupVersion.WithResource("nodes")
	podsResource       = corev1.SchemeGroupVersion.WithResource("pods")
	servicesResource   = corev1.SchemeGroupVersion.WithResource("services")
)

// api is an API server without a wire: client-go's tracker holds the objects, and
// everything that changes one passes through here. It defaults and validates, and
// its watches miss nothing: an event is in the log before the change is answered.
type api struct {
	keepPolicyTypes bool // the fault that leaves policyTypes out of defaulting
	ipv6            bool

	mu      sync.Mutex
	tracker clienttesting.ObjectTracker
	kinds   map[schema.GroupVersionResource]schema.GroupVersionKind // of all that was ever stored
	logs    map[schema.GroupVersionResource]*eventLog
	version uint64
	ips     *ordinals // of Services
	ports   *ordinals // of Services on the nodes
	closed  bool
}

func newAPI(ipv6, keepPolicyTypes bool) *api {
	return &api{
		keepPolicyTypes: keepPolicyTypes,
		ipv6:            ipv6,
		tracker:         clienttesting.NewObjectTracker(scheme.Scheme, scheme.Codecs.UniversalDecoder()),
		kinds:           map[schema.GroupVersionResource]schema.GroupVersionKind{},
		logs:            map[schema.GroupVersionResource]*eventLog{},
		ips:             newOrdinals(1<<16 - 2),
		ports:           newOrdinals(lastNodePort - firstNodePort + 1),
	}
}

// client is the API as client-go sees it.
type client struct {
	*fake.Clientset
	discovery *fakediscovery.FakeDiscovery
}

// Discovery answers with the version of the vendored API.
func (c *client) Discovery() discovery.DiscoveryInterface { return c.discovery }

// client returns a client whose every request is answered by the API. Building the
// Clientset by hand spares the parsing of the whole OpenAPI schema, which field
// management would need, and lets the requests pass through here first.
func (a *api) client() *client {
	c := &client{Clientset: &fake.Clientset{}}
	c.discovery = &fakediscovery.FakeDiscovery{
		Fake:               &c.Fake,
		FakedServerVersion: &version.Info{Major: "1", Minor: kubernetesVersion[len("v1."):], GitVersion: kubernetesVersion + ".0+embedded"},
	}
	whole := clienttesting.ObjectReaction(&front{ObjectTracker: a.tracker, api: a})
	status := clienttesting.ObjectReaction(&front{ObjectTracker: a.tracker, api: a, status: true})
	forget := newForgetter(&c.Fake)
	c.AddReactor("*", "*", func(action clienttesting.Action) (bool, runtime.Object, error) {
		forget.count()
		switch act := action.(type) {
		case clienttesting.ListActionImpl:
			list, err := a.list(act)
			return true, list, err
		case clienttesting.DeleteCollectionActionImpl:
			return true, nil, a.deleteCollection(act)
		case clienttesting.PatchActionImpl:
			return a.patch(act, whole, status)
		}
		if action.GetSubresource() == "status" {
			return status(action)
		}
		return whole(action)
	})
	c.AddWatchReactor("*", a.watchReaction)
	return c
}

// forgetter keeps the client from remembering every request that was ever made.
type forgetter struct {
	mu   sync.Mutex
	n    int
	fake *clienttesting.Fake
}

const rememberedActions = 512

func newForgetter(f *clienttesting.Fake) *forgetter { return &forgetter{fake: f} }

// count is called with the client's lock held, so the clearing waits for it.
func (f *forgetter) count() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.n++; f.n%rememberedActions == 0 {
		go f.fake.ClearActions()
	}
}

// close ends every watch.
func (a *api) close() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.closed = true
	for _, log := range a.logs {
		log.close()
	}
}
