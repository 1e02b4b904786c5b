package collect_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"

	"github.com/cniproof/cniproof/internal/cluster"
	"github.com/cniproof/cniproof/internal/diagnose"
	"github.com/cniproof/cniproof/internal/diagnose/collect"
	"github.com/cniproof/cniproof/internal/inspect"
)

// apiOnly is a cluster of which nothing but the API can be reached.
type apiOnly struct {
	cluster.Cluster
	api *fake.Clientset
}

func (c apiOnly) Client() kubernetes.Interface { return c.api }

// slow is one whose nodes never answer.
type slow struct{ apiOnly }

func (slow) Dataplane(ctx context.Context, _ string) ([]inspect.Text, error) {
	<-ctx.Done()
	return []inspect.Text{{Name: "half", Body: "a half\n"}}, ctx.Err()
}

func pod(namespace, name, owner string, host bool) *corev1.Pod {
	p := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}}
	p.Spec = corev1.PodSpec{NodeName: "worker", HostNetwork: host, Containers: []corev1.Container{{Name: "main"}}}
	if owner != "" {
		p.OwnerReferences = []metav1.OwnerReference{{Kind: owner}}
	}
	return p
}

func objects() *fake.Clientset {
	return fake.NewClientset(
		&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "own"}},
		pod("own", "db", "", false),
		pod("calico-system", "calico-node-x", "DaemonSet", true),
		pod("kube-system", "coredns-x", "ReplicaSet", false),
		pod("elsewhere", "log-shipper", "DaemonSet", false),
	)
}

func names(texts []inspect.Text) (list []string) {
	for _, t := range texts {
		list = append(list, t.Name)
	}
	return list
}

func TestTakesTheLogsOfNetworkAgents(t *testing.T) {
	s := collect.Take(t.Context(), apiOnly{api: objects()}, []string{"own"}, time.Now())
	if len(s.Namespaces) != 1 || len(s.Pods) != 1 {
		t.Errorf("%d namespaces and %d pods", len(s.Namespaces), len(s.Pods))
	}
	if got := names(s.Logs); !slices.Equal(got, []string{"worker-calico-node-x-main"}) {
		t.Errorf("the logs are %q", got)
	}
	expectProblem(t, s, "the rules on node worker: cniproof reaches the nodes of clusters only that it made itself")
}

func TestSaysWhatIsNotPermitted(t *testing.T) {
	c := apiOnly{api: objects()}
	c.api.PrependReactor("list", "*", func(a clienttesting.Action) (bool, runtime.Object, error) {
		if a.GetNamespace() == "" || a.GetResource().Resource == "events" {
			return true, nil, apierrors.NewForbidden(schema.GroupResource{Resource: a.GetResource().Resource}, "", errors.New("no such right"))
		}
		return false, nil, nil
	})
	s := collect.Take(t.Context(), c, []string{"own", "gone"}, time.Now())
	expectProblem(t, s, "the logs of the CNI's agents on node worker: pods is forbidden")
	expectProblem(t, s, "the events of own: events is forbidden")
	expectProblem(t, s, "namespace gone: ")
	if len(s.Pods) != 1 {
		t.Errorf("what is permitted was not taken: %d pods", len(s.Pods))
	}
}

// TestEndsInTime checks that a node that does not answer holds nothing up for longer
// than it may, and that what it gave is kept.
func TestEndsInTime(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	s := collect.Take(ctx, slow{apiOnly{api: objects()}}, []string{"own"}, time.Now())
	expectProblem(t, s, "the rules on node worker: it took more than 20s")
	if got := names(s.Dataplane); !slices.Equal(got, []string{"half"}) {
		t.Errorf("of the data path there is %q", got)
	}
}

func expectProblem(t *testing.T, s *diagnose.Snapshot, want string) {
	t.Helper()
	if !slices.ContainsFunc(s.Problems, func(p string) bool { return strings.HasPrefix(p, want) }) {
		t.Errorf("there is no problem %q among %q", want, s.Problems)
	}
}
