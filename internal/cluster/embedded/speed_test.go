package embedded_test

import (
	"fmt"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/cniproof/cniproof/internal/cluster"
	"github.com/cniproof/cniproof/internal/cluster/embedded"
)

// BenchmarkOpen is an empty cluster, from nothing to nothing.
func BenchmarkOpen(b *testing.B) {
	for b.Loop() {
		c := openCluster(b)
		closeCluster(b, c)
	}
}

// BenchmarkPods is pods from their creation until all are ready, and from their
// deletion until none is left.
func BenchmarkPods(b *testing.B) {
	for _, n := range []int{9, 200} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			c := openCluster(b)
			defer closeCluster(b, c)
			var up, down time.Duration
			for b.Loop() {
				begin := time.Now()
				createPods(b, c, n)
				up += time.Since(begin)
				begin = time.Now()
				deletePods(b, c)
				down += time.Since(begin)
			}
			b.ReportMetric(up.Seconds()*1000/float64(b.N), "ms-up/op")
			b.ReportMetric(down.Seconds()*1000/float64(b.N), "ms-down/op")
		})
	}
}

func openCluster(tb testing.TB) cluster.Cluster {
	tb.Helper()
	c, err := embedded.New(embedded.Options{}).Open(tb.Context(), func(string) {})
	if err != nil {
		tb.Fatal(err)
	}
	return c
}

func closeCluster(tb testing.TB, c cluster.Cluster) {
	tb.Helper()
	if err := c.Close(tb.Context()); err != nil {
		tb.Error(err)
	}
}

// createPods returns when n new pods are ready.
func createPods(tb testing.TB, c cluster.Cluster, n int) {
	tb.Helper()
	pods := c.Client().CoreV1().Pods(metav1.NamespaceDefault)
	w, err := pods.Watch(tb.Context(), metav1.ListOptions{FieldSelector: "status.phase=Running"})
	if err != nil {
		tb.Fatal(err)
	}
	defer w.Stop()
	for i := range n {
		pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{GenerateName: "pod-", Labels: map[string]string{"number": fmt.Sprint(i)}}}
		pod.Spec.Containers = []corev1.Container{{Name: "agent", Image: "agent"}}
		if _, err := pods.Create(tb.Context(), pod, metav1.CreateOptions{}); err != nil {
			tb.Fatal(err)
		}
	}
	for range n {
		<-w.ResultChan()
	}
}

// deletePods returns when no pod is left.
func deletePods(tb testing.TB, c cluster.Cluster) {
	tb.Helper()
	pods := c.Client().CoreV1().Pods(metav1.NamespaceDefault)
	list, err := pods.List(tb.Context(), metav1.ListOptions{})
	if err != nil {
		tb.Fatal(err)
	}
	w, err := pods.Watch(tb.Context(), metav1.ListOptions{ResourceVersion: list.ResourceVersion})
	if err != nil {
		tb.Fatal(err)
	}
	defer w.Stop()
	if err := pods.DeleteCollection(tb.Context(), metav1.DeleteOptions{}, metav1.ListOptions{}); err != nil {
		tb.Fatal(err)
	}
	for left := len(list.Items); left > 0; {
		if e := <-w.ResultChan(); e.Type == "DELETED" {
			left--
		}
	}
}
