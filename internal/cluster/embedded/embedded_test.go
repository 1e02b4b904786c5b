package embedded

import (
	"context"
	"os"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/cniproof/cniproof/internal/flow"
	"github.com/cniproof/cniproof/probes"
)

func TestTmp(t *testing.T) {
	_ = os.Stdout
	begin := time.Now()
	c, err := New(Options{Logf: t.Logf}).Open(t.Context(), func(s string) { t.Log(s) })
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("open %s", time.Since(begin))
	defer func() { b := time.Now(); c.Close(context.Background()); t.Logf("close %s", time.Since(b)) }()
	for _, n := range []int{9, 200} {
		begin = time.Now()
		for i := range n {
			p := testPod("")
			p.GenerateName = "p-"
			_ = i
			if _, err := c.Client().CoreV1().Pods("default").Create(t.Context(), p, metav1.CreateOptions{}); err != nil {
				t.Fatal(err)
			}
		}
		t.Logf("created %s", time.Since(begin))
		for {
			list, err := c.Client().CoreV1().Pods("default").List(t.Context(), metav1.ListOptions{FieldSelector: "status.phase=Running"})
			if err != nil {
				t.Fatal(err)
			}
			if len(list.Items) >= n {
				p := list.Items[0]
				s, err := c.Attach(t.Context(), flow.Pod("default", p.Name))
				if err != nil {
					t.Fatal(err)
				}
				cl := probes.NewClient(s)
				pong, err := cl.Ping(t.Context())
				t.Log(pong, err)
				cl.Close()
				break
			}
			time.Sleep(20 * time.Millisecond)
		}
		t.Logf("%d pods %s", n, time.Since(begin))
		begin = time.Now()
		c.Client().CoreV1().Pods("default").DeleteCollection(t.Context(), metav1.DeleteOptions{}, metav1.ListOptions{})
		for {
			list, _ := c.Client().CoreV1().Pods("default").List(t.Context(), metav1.ListOptions{})
			if len(list.Items) == 0 {
				break
			}
			time.Sleep(20 * time.Millisecond)
		}
		t.Logf("%d pods deleted %s", n, time.Since(begin))
	}
	_ = corev1.Pod{}
}
