package adopt_test

import (
	"bytes"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/cniproof/cniproof/internal/adopt"
	"github.com/cniproof/cniproof/internal/goldentest"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func manifests(t *testing.T, files ...string) []adopt.Manifest {
	t.Helper()
	var list []adopt.Manifest
	for _, f := range files {
		text, err := os.ReadFile(filepath.Join("testdata", f))
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, adopt.Manifest{File: f, Text: text})
	}
	return list
}

func shop(t *testing.T) adopt.Objects {
	t.Helper()
	o, err := adopt.Read(manifests(t, "shop/policies.yaml", "shop/workloads.yaml"), "default")
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func TestAShopBecomesAScenario(t *testing.T) {
	result, err := adopt.Import(shop(t), adopt.Options{Name: "shop", Source: "testdata/shop", Hosts: 2})
	if err != nil {
		t.Fatal(err)
	}
	goldentest.File(t, *update, filepath.Join("testdata", "shop.golden.yaml"), string(result.Text))
	again, err := adopt.Import(shop(t), adopt.Options{Name: "shop", Source: "testdata/shop", Hosts: 2})
	if err != nil || !bytes.Equal(again.Text, result.Text) {
		t.Errorf("the same objects made another file (%v)", err)
	}
}

func TestOptions(t *testing.T) {
	selector, err := labels.Parse("app in (frontend, cart)")
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		options     adopt.Options
		want, never []string // what the file must and must not have
	}{
		"no hosts outside": {
			adopt.Options{},
			[]string{"shop/payment:", "the block 203.0.113.0/24 except [203.0.113.128/25] is left out"}, []string{"external:", "${external"},
		},
		"replicas": {
			adopt.Options{Hosts: 1, Replicas: true},
			[]string{"shop/cart-2: {labels: {app: cart}, node: 1", "external: {hosts: 1"}, nil,
		},
		"one node":       {adopt.Options{OneNode: true}, []string{"node: 1"}, []string{"node: 2"}},
		"declared ports": {adopt.Options{DeclaredPorts: true}, []string{"7070/TCP"}, []string{"9999"}},
		"a selector":     {adopt.Options{Selector: selector}, []string{"shop/cart:", "pods that the selector"}, []string{"shop/payment:"}},
		"a namespace with its neighbour": {
			adopt.Options{Namespaces: []string{"shop"}}, []string{"monitoring/prometheus:", "named by a policy"}, nil,
		},
	} {
		t.Run(name, func(t *testing.T) {
			c.options.Name, c.options.Source = "shop", "testdata"
			result, err := adopt.Import(shop(t), c.options)
			if err != nil {
				t.Fatal(err)
			}
			for _, text := range c.want {
				if !strings.Contains(strings.Join(strings.Fields(strings.ReplaceAll(string(result.Text), "#", "")), " "), text) {
					t.Errorf("the file lacks %q", text)
				}
			}
			for _, text := range c.never {
				if strings.Contains(string(result.Text), text) {
					t.Errorf("the file has %q", text)
				}
			}
		})
	}
}

func TestTooMuchOrTooLittleIsSaid(t *testing.T) {
	_, err := adopt.Import(shop(t), adopt.Options{Name: "shop", Source: "x", MaxPods: 5})
	if err == nil || !strings.Contains(err.Error(), "7 probe pods (monitoring 1, shop 6), more than 5") {
		t.Errorf("too many pods: %v", err)
	}
	o := shop(t)
	o.Policies = nil
	if _, err := adopt.Import(o, adopt.Options{Name: "shop", Source: "x"}); !errors.Is(err, adopt.ErrNothing) {
		t.Errorf("no policies: %v", err)
	}
	o = shop(t)
	o.Workloads = nil
	if _, err := adopt.Import(o, adopt.Options{Name: "shop", Source: "x"}); !errors.Is(err, adopt.ErrNothing) {
		t.Errorf("no pods: %v", err)
	}
}

func TestEveryMistakeOfManifestsIsReportedAtOnce(t *testing.T) {
	_, err := adopt.Read(manifests(t, "broken/all.yaml"), "default")
	if err == nil {
		t.Fatal("nothing was found wrong")
	}
	goldentest.File(t, *update, filepath.Join("testdata", "broken/all.golden"), err.Error()+"\n")
}

func TestPoliciesThatDenyNothingMakeAControl(t *testing.T) {
	o, err := adopt.Read([]adopt.Manifest{{File: "x", Text: []byte(`
apiVersion: v1
kind: Pod
metadata: {name: a, labels: {app: a}}
spec: {containers: [{name: a, ports: [{containerPort: 80}]}]}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: all}
spec: {podSelector: {}, ingress: [{}]}
`)}}, "default")
	if err != nil {
		t.Fatal(err)
	}
	result, err := adopt.Import(o, adopt.Options{Name: "x", Source: "x"})
	if err != nil {
		t.Fatal(err)
	}
	if !result.Control || !slices.ContainsFunc(result.Notes, func(n string) bool { return strings.Contains(n, "deny no flow") }) {
		t.Errorf("control %v, notes %q", result.Control, result.Notes)
	}
}

func TestPodsAreKnownByTheirWorkload(t *testing.T) {
	yes := true
	pod := func(name, kind, owner string, labels map[string]string) corev1.Pod {
		return corev1.Pod{ObjectMeta: metav1.ObjectMeta{
			Name: name, Namespace: "x", Labels: labels,
			OwnerReferences: []metav1.OwnerReference{{Kind: kind, Name: owner, Controller: &yes}},
		}}
	}
	ended := pod("done", "Job", "done", nil)
	ended.Status.Phase = corev1.PodSucceeded
	var got []string
	for _, w := range adopt.FromPods([]corev1.Pod{
		pod("web-5d8f-abcde", "ReplicaSet", "web-5d8f", map[string]string{"pod-template-hash": "5d8f"}),
		pod("db-0", "StatefulSet", "db", nil),
		pod("nightly-28391040-x", "Job", "nightly-28391040", nil),
		ended,
		{ObjectMeta: metav1.ObjectMeta{Name: "bare", Namespace: "x"}},
	}) {
		got = append(got, w.String())
	}
	want := []string{"Pod x/bare", "StatefulSet x/db", "CronJob x/nightly", "Deployment x/web"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("workloads (-want +got):\n%s", diff)
	}
}
