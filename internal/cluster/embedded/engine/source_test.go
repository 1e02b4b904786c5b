package engine

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	clienttesting "k8s.io/client-go/testing"
)

// replayed is the names of the namespaces that the events lead to.
func replayed(events []event) map[string]bool {
	out := map[string]bool{}
	for _, e := range events {
		if e.kind == watch.Deleted {
			delete(out, e.object.GetName())
		} else {
			out[e.object.GetName()] = true
		}
	}
	return out
}

func newNamespace(name string) *corev1.Namespace {
	return &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}
}

// TestDeletedBetweenListAndWatch deletes an object in the gap in which the tracker
// tells nobody.
func TestDeletedBetweenListAndWatch(t *testing.T) {
	client := newClient()
	namespaces := client.CoreV1().Namespaces()
	for _, name := range []string{"gone", "stays"} {
		if _, err := namespaces.Create(t.Context(), newNamespace(name), metav1.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	tracker := client.ReactionChain
	client.PrependWatchReactor("namespaces", func(clienttesting.Action) (bool, watch.Interface, error) {
		for _, reactor := range tracker { // the client's own lock is held: ask the tracker
			_, _, err := reactor.React(clienttesting.NewDeleteAction(corev1.SchemeGroupVersion.WithResource("namespaces"), "", "gone"))
			if err != nil {
				return true, nil, err
			}
		}
		return false, nil, nil
	})
	ctx, cancel := context.WithCancel(t.Context())
	s, err := openSource(ctx, client, t.Logf)
	if err != nil {
		t.Fatal(err)
	}
	if got := replayed(s.take()); got["gone"] || !got["stays"] {
		t.Errorf("namespaces %v", got)
	}
	cancel()
	s.wait()
}

// TestSettle writes and settles over and over: no write may be missing.
func TestSettle(t *testing.T) {
	client := newClient()
	ctx, cancel := context.WithCancel(t.Context())
	s, err := openSource(ctx, client, t.Logf)
	if err != nil {
		t.Fatal(err)
	}
	var wait sync.WaitGroup
	for writer := range 4 {
		wait.Go(func() {
			for i := range 200 {
				name := fmt.Sprintf("n%d-%d", writer, i)
				_, err := client.CoreV1().Namespaces().Create(ctx, newNamespace(name), metav1.CreateOptions{})
				if err = errors.Join(err, s.settle(ctx)); err != nil {
					t.Error(err)
					return
				}
				s.mu.Lock()
				if !replayed(s.events)[name] {
					t.Errorf("%s is not in the queue", name)
				}
				s.mu.Unlock()
			}
		})
	}
	wait.Wait()
	cancel()
	s.wait()
}

// TestBrokenWatch ends a watch, lets lists fail for a while and changes things meanwhile.
func TestBrokenWatch(t *testing.T) {
	client := newClient()
	var mu sync.Mutex
	var last watch.Interface
	failing := false
	tracker := client.WatchReactionChain[0]
	client.PrependWatchReactor("namespaces", func(a clienttesting.Action) (bool, watch.Interface, error) {
		_, w, err := tracker.React(a)
		mu.Lock()
		defer mu.Unlock()
		last = w
		return true, w, err
	})
	client.PrependReactor("list", "namespaces", func(clienttesting.Action) (bool, runtime.Object, error) {
		mu.Lock()
		defer mu.Unlock()
		if failing {
			return true, nil, errors.New("no list now")
		}
		return false, nil, nil
	})
	namespaces := client.CoreV1().Namespaces()
	create := func(name string) {
		t.Helper()
		if _, err := namespaces.Create(t.Context(), newNamespace(name), metav1.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	create("gone")
	create("stays")
	ctx, cancel := context.WithCancel(t.Context())
	s, err := openSource(ctx, client, t.Logf)
	if err != nil {
		t.Fatal(err)
	}
	mu.Lock()
	failing = true
	last.Stop()
	mu.Unlock()
	create("late")
	if err := namespaces.Delete(ctx, "gone", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	time.Sleep(2 * retryAfter)
	mu.Lock()
	failing = false
	mu.Unlock()
	time.Sleep(4 * retryAfter)
	if err := s.settle(ctx); err != nil {
		t.Fatal(err)
	}
	if got := replayed(s.take()); got["gone"] || !got["stays"] || !got["late"] {
		t.Errorf("namespaces %v", got)
	}
	cancel()
	s.wait()
}

// TestWhatComesFirstWaits starts the loop with an event in the queue that nobody has
// announced yet. Only an engine that has to try again what failed takes it at once.
func TestWhatComesFirstWaits(t *testing.T) {
	for _, failed := range []bool{false, true} {
		t.Run(fmt.Sprintf("failed %t", failed), func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), patienceFor(failed))
			defer cancel()
			e, err := New(Config{Client: newClient(), Logf: func(string, ...any) { cancel() }}) // it logs what it programs
			if err != nil {
				t.Fatal(err)
			}
			l := newLoop(e, 0)
			l.failed = failed
			l.source = &source{ready: make(chan struct{}), events: []event{{watch.Added, newNamespace("x")}}}
			l.serve(ctx)
			if taken := len(l.source.events) == 0; taken != failed {
				t.Errorf("taken: %t", taken)
			}
		})
	}
}
