// Package collect asks a cluster for what a bundle about a failure holds.
//
// It knows nothing of verdicts: it is told namespaces and a time. It must not import
// internal/oracle or internal/report. What it cannot have is noted, and never an error:
// a look at a failure may not become one.
package collect

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/cniproof/cniproof/internal/cluster"
	"github.com/cniproof/cniproof/internal/diagnose"
	"github.com/cniproof/cniproof/internal/inspect"
)

// Limit is how long Take takes at most.
const Limit = 20 * time.Second

// logBytes is how much of one container's log is taken.
const logBytes = 128 << 10

// Take looks at these namespaces, and at the nodes of their pods, since a time.
func Take(ctx context.Context, c cluster.Cluster, namespaces []string, since time.Time) *diagnose.Snapshot {
	ctx, cancel := context.WithTimeout(ctx, Limit)
	defer cancel()
	t := &taker{cluster: c, api: c.Client(), since: since, snapshot: &diagnose.Snapshot{Taken: time.Now()}}
	for _, ns := range namespaces {
		t.namespace(ctx, ns)
	}
	var group sync.WaitGroup
	for _, node := range t.nodes() {
		group.Go(func() { t.dataplane(ctx, node) })
		group.Go(func() { t.logs(ctx, node) })
	}
	group.Wait()
	t.sort()
	return t.snapshot
}

type taker struct {
	cluster cluster.Cluster
	api     kubernetes.Interface
	since   time.Time

	mu       sync.Mutex // guards snapshot
	snapshot *diagnose.Snapshot
}

// problem notes an error, if it is one.
func (t *taker) problem(what string, err error) {
	if err == nil {
		return
	}
	if errors.Is(err, context.DeadlineExceeded) {
		err = fmt.Errorf("it took more than %s", Limit)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.snapshot.Problems = append(t.snapshot.Problems, fmt.Sprintf("%s: %v", what, err))
}

func (t *taker) namespace(ctx context.Context, name string) {
	s, all := t.snapshot, metav1.ListOptions{}
	ns, err := t.api.CoreV1().Namespaces().Get(ctx, name, metav1.GetOptions{})
	if err == nil {
		s.Namespaces = append(s.Namespaces, *ns)
	}
	t.problem("namespace "+name, err)
	pods, err := t.api.CoreV1().Pods(name).List(ctx, all)
	if err == nil {
		s.Pods = append(s.Pods, pods.Items...)
	}
	t.problem("the pods of "+name, err)
	services, err := t.api.CoreV1().Services(name).List(ctx, all)
	if err == nil {
		s.Services = append(s.Services, services.Items...)
	}
	t.problem("the services of "+name, err)
	policies, err := t.api.NetworkingV1().NetworkPolicies(name).List(ctx, all)
	if err == nil {
		s.Policies = append(s.Policies, policies.Items...)
	}
	t.problem("the policies of "+name, err)
	events, err := t.api.CoreV1().Events(name).List(ctx, all)
	if err == nil {
		s.Events = append(s.Events, events.Items...)
	}
	t.problem("the events of "+name, err)
}

// nodes are those that the pods are on.
func (t *taker) nodes() []string {
	var list []string
	for _, p := range t.snapshot.Pods {
		if n := p.Spec.NodeName; n != "" && !slices.Contains(list, n) {
			list = append(list, n)
		}
	}
	return list
}

func (t *taker) dataplane(ctx context.Context, node string) {
	what := "the rules on node " + node
	inside, ok := t.cluster.(inspect.Dataplane)
	if !ok {
		t.problem(what, errors.New("cniproof reaches the nodes of clusters only that it made itself"))
		return
	}
	texts, err := inside.Dataplane(ctx, node)
	t.problem(what, err)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.snapshot.Dataplane = append(t.snapshot.Dataplane, texts...)
}

// logs takes those of the pods on a node that are an agent of its network: a
// DaemonSet's, in the node's own network namespace.
func (t *taker) logs(ctx context.Context, node string) {
	pods, err := t.api.CoreV1().Pods("").List(ctx, metav1.ListOptions{FieldSelector: "spec.nodeName=" + node})
	if err != nil {
		t.problem("the logs of the CNI's agents on node "+node, err)
		return
	}
	for i := range pods.Items {
		if p := &pods.Items[i]; p.Spec.NodeName == node && networkAgent(p) {
			for _, c := range p.Spec.Containers {
				t.log(ctx, p, c.Name)
			}
		}
	}
}

func networkAgent(p *corev1.Pod) bool {
	return p.Spec.HostNetwork && p.Labels[cluster.LabelRun] == "" && slices.ContainsFunc(p.OwnerReferences, func(o metav1.OwnerReference) bool {
		return o.Kind == "DaemonSet"
	})
}

func (t *taker) log(ctx context.Context, p *corev1.Pod, container string) {
	// In seconds from now, by the cluster's own clock: ours may be another.
	seconds, limit := int64(math.Ceil(time.Since(t.since).Seconds()))+2, int64(logBytes)
	body, err := t.api.CoreV1().Pods(p.Namespace).GetLogs(p.Name, &corev1.PodLogOptions{
		Container: container, SinceSeconds: &seconds, LimitBytes: &limit, Timestamps: true,
	}).DoRaw(ctx)
	if err != nil {
		t.problem(fmt.Sprintf("the log of %s/%s, container %s", p.Namespace, p.Name, container), err)
		return
	}
	if len(body) == 0 {
		body = []byte("(nothing was logged)\n")
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	name := p.Spec.NodeName + "-" + p.Name + "-" + container
	t.snapshot.Logs = append(t.snapshot.Logs, inspect.Text{Name: name, Body: string(body)})
}

// sort makes the order no matter of who was first.
func (t *taker) sort() {
	byName := func(a, b inspect.Text) int { return strings.Compare(a.Name, b.Name) }
	slices.SortFunc(t.snapshot.Dataplane, byName)
	slices.SortFunc(t.snapshot.Logs, byName)
	slices.Sort(t.snapshot.Problems)
}
