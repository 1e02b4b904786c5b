package cni_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes/fake"

	"github.com/cniproof/cniproof/internal/cni"
)

func daemonSet(name, image string, wanted, running int32) *appsv1.DaemonSet {
	return &appsv1.DaemonSet{
		ObjectMeta: metav1.ObjectMeta{Namespace: "kube-system", Name: name, Generation: 2},
		Spec: appsv1.DaemonSetSpec{
			Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"app": name}},
			Template: corev1.PodTemplateSpec{Spec: corev1.PodSpec{Containers: []corev1.Container{{Image: image}}}},
		},
		Status: appsv1.DaemonSetStatus{ObservedGeneration: 2, DesiredNumberScheduled: wanted, UpdatedNumberScheduled: wanted, NumberAvailable: running},
	}
}

func node(name string, ready corev1.ConditionStatus) *corev1.Node {
	return &corev1.Node{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Status:     corev1.NodeStatus{Conditions: []corev1.NodeCondition{{Type: corev1.NodeReady, Status: ready, Message: "cni plugin not initialized"}}},
	}
}

// pod is a pod of a DaemonSet; waiting is why it is not ready.
func pod(app, name, uid, waiting string) *corev1.Pod {
	p := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "kube-system", Name: name, UID: types.UID(uid), Labels: map[string]string{"app": app}}}
	status, state := corev1.ConditionTrue, corev1.ContainerState{}
	if waiting != "" {
		status, state.Waiting = corev1.ConditionFalse, &corev1.ContainerStateWaiting{Reason: waiting}
	}
	p.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodReady, Status: status}}
	p.Status.ContainerStatuses = []corev1.ContainerStatus{{Name: "agent", Image: "example.com/agent:v1", State: state, Ready: waiting == "", RestartCount: 3}}
	return p
}

func ours(t *testing.T) cni.Entry {
	return entry(t, "  - objects: |\n      {apiVersion: v1, kind: Namespace, metadata: {name: a}}\n")
}

// What is not ready is named, with the reason that pods and nodes give.
func TestAwaitReadySaysWhatIsMissing(t *testing.T) {
	tests := map[string]struct {
		api  *fake.Clientset
		want string
	}{
		"nothing there": {fake.NewClientset(node("one", corev1.ConditionTrue)), "daemonset/kube-system/ours does not exist"},
		"image":         {fake.NewClientset(daemonSet("ours", "", 2, 1), pod("ours", "a", "1", "ImagePullBackOff")), "has 1 of 2 pods ready (agent: image example.com/agent:v1 cannot be pulled)"},
		"crash":         {fake.NewClientset(daemonSet("ours", "", 2, 0), pod("ours", "a", "1", "CrashLoopBackOff")), "has 0 of 2 pods ready (agent: crashed 3 times)"},
		"no node":       {fake.NewClientset(daemonSet("ours", "", 0, 0)), "has 0 of 0 pods ready"},
		"node": {
			fake.NewClientset(daemonSet("ours", "", 2, 2), node("one", corev1.ConditionTrue), node("two", corev1.ConditionFalse)),
			"node two is not ready (cni plugin not initialized)",
		},
	}
	for name, test := range tests {
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		var notes []string
		err := cni.AwaitReady(ctx, test.api, ours(t), func(line string) { notes = append(notes, line) })
		cancel()
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: error %v, want %q", name, err, test.want)
		}
		if len(notes) != 1 || !strings.Contains(notes[0], test.want) {
			t.Errorf("%s: progress %q", name, notes)
		}
	}
}

func TestAwaitReadyReturns(t *testing.T) {
	api := fake.NewClientset(daemonSet("ours", "", 2, 1), node("one", corev1.ConditionTrue))
	go func() {
		time.Sleep(300 * time.Millisecond)
		_, _ = api.AppsV1().DaemonSets("kube-system").Update(context.Background(), daemonSet("ours", "", 2, 2), metav1.UpdateOptions{}) //nolint:usetesting // it may outlive the test
	}()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if err := cni.AwaitReady(ctx, api, ours(t), quiet); err != nil {
		t.Error(err)
	}
}

// Restart comes back when as many other pods are ready, not before, and lets things be done
// when the old ones are gone.
func TestRestart(t *testing.T) {
	api := fake.NewClientset(daemonSet("ours", "", 2, 2), pod("ours", "a", "1", ""), pod("ours", "b", "2", ""), pod("other", "c", "3", ""))
	done := make(chan error, 1)
	pods := api.CoreV1().Pods("kube-system")
	calls, left := 0, -1
	go func() {
		done <- cni.Restart(t.Context(), api, ours(t), func(ctx context.Context) error {
			list, err := pods.List(ctx, metav1.ListOptions{LabelSelector: "app=ours"})
			calls, left = calls+1, len(list.Items)
			return err
		})
	}()
	for uid, name := range []string{"a2", "b2"} {
		for {
			list, err := pods.List(t.Context(), metav1.ListOptions{LabelSelector: "app=ours"})
			if err != nil {
				t.Fatal(err)
			}
			if len(list.Items) == uid {
				break
			}
			time.Sleep(5 * time.Millisecond)
		}
		select {
		case err := <-done:
			t.Fatalf("it returned while %d pods were ready, error %v", uid, err)
		case <-time.After(300 * time.Millisecond):
		}
		if _, err := pods.Create(t.Context(), pod("ours", name, fmt.Sprint(10+uid), ""), metav1.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
	if calls != 1 || left != 0 {
		t.Errorf("what is done meanwhile was done %d times, the last time beside %d pods", calls, left)
	}
	if list, err := pods.List(t.Context(), metav1.ListOptions{LabelSelector: "app=other"}); err != nil || len(list.Items) != 1 {
		t.Errorf("pods of others were deleted: %v, error %v", list, err)
	}
}

func TestDetect(t *testing.T) {
	c := catalog(t, fstest.MapFS{"variant.yaml": {Data: []byte(strings.NewReplacer("{name: calico}", "{name: variant}", "title: Ours", "title: Ours\n  variantOf: calico",
		"  - file: calico-objects.yaml\n", "  - objects: '{apiVersion: v1, kind: Namespace, metadata: {name: a}}'\n", "ours", "calico-node").Replace(small))}})
	api := fake.NewClientset(
		daemonSet("calico-node", "quay.io/calico/node:v3.28.5@sha256:"+strings.Repeat("0", 64), 2, 2),
		daemonSet("cilium", "quay.io/cilium/cilium:v1.20.2", 0, 0), // its node selector fits no node
		daemonSet("cniproof-none", "docker.io/kindest/kindnetd:v20230809-80a64d96", 1, 0),
	)
	found, err := cni.Detect(t.Context(), api, c)
	if err != nil {
		t.Fatal(err)
	}
	var have []string
	for _, e := range found {
		have = append(have, e.Name+" "+e.Version+" "+e.Agent.String())
	}
	want := "calico v3.28.5 daemonset/kube-system/calico-node, none v20230809-80a64d96 daemonset/kube-system/cniproof-none"
	if strings.Join(have, ", ") != want {
		t.Errorf("found %q, want %q", have, want)
	}
}

// A manifest that was written for kubectl is enough to try a CNI.
func TestFromFile(t *testing.T) {
	dir := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	plain := strings.Replace(manifest, "  template:\n    spec:\n", "  template:\n    spec:\n      hostNetwork: true\n", 1) +
		"---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {name: controller}\nspec: {template: {spec: {containers: [{name: a, image: example.com/controller:v3}]}}}\n"
	e, err := cni.FromFile(file("my-cni.yaml", plain))
	if err != nil {
		t.Fatal(err)
	}
	if e.Name != "my-cni" || e.Version != "latest" || e.Agent.String() != "daemonset/mine/ours" || fmt.Sprint(e.Ready) != "[daemonset/mine/ours deployment/default/controller]" || !e.Enforces {
		t.Errorf("%+v", e)
	}
	if fmt.Sprint(e.Images) != "[example.com/setup example.com/agent:latest example.com/other:v1 example.com/controller:v3]" {
		t.Errorf("images %q", e.Images)
	}
	api := newAPIServer(t)
	if err := cni.Install(t.Context(), api.config(), e, nil, quiet); err != nil || api.object("/apis/apps/v1/namespaces/default/deployments/controller") == nil {
		t.Errorf("the manifest was not applied: %v", err)
	}

	own := strings.NewReplacer("name: calico", "name: own", "calico-objects.yaml", "own-objects.yaml").Replace(small)
	file("own-objects.yaml", "{apiVersion: v1, kind: ConfigMap, metadata: {name: beside}}")
	if e, err = cni.FromFile(file("whatever.yaml", own)); err != nil || e.Name != "own" {
		t.Fatalf("%+v, error %v", e, err)
	}
	if err := cni.Install(t.Context(), api.config(), e, nil, quiet); err != nil || api.object("/api/v1/namespaces/default/configmaps/beside") == nil {
		t.Errorf("an entry's file was not applied: %v", err)
	}

	for text, want := range map[string]string{
		manifest:       "no DaemonSet with hostNetwork",
		"a: [":         "is not YAML",
		"":             "holds no document",
		own + "  x: 1": `unknown field "x"`,
		"kind: Pod":    "is no object",
	} {
		if _, err := cni.FromFile(file("bad.yaml", text)); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "bad.yaml") {
			t.Errorf("%.20q: error %v, want %q", text, err, want)
		}
	}
}
