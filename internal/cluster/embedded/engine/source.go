package engine

import (
	"context"
	"fmt"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/kubernetes"
)

// source turns the lists and watches of the API into one queue of events.
type source struct {
	resources []resource
	barriers  []chan chan struct{} // of each resource
	logf      func(string, ...any)
	ready     chan struct{} // holds an item when there may be events
	tasks     sync.WaitGroup

	mu     sync.Mutex
	events []event
}

// retryAfter is how long a broken list or watch rests.
const retryAfter = 50 * time.Millisecond

// openSource lists every resource and follows it from then on. The lists are in the
// queue when it returns.
func openSource(ctx context.Context, client kubernetes.Interface, logf func(string, ...any)) (*source, error) {
	s := &source{resources: resources(client), logf: logf, ready: make(chan struct{}, 1)}
	follows := make([]*follow, len(s.resources))
	for i := range s.resources {
		follows[i] = &follow{source: s, resource: &s.resources[i], barrier: make(chan chan struct{})}
		s.barriers = append(s.barriers, follows[i].barrier)
		if err := follows[i].open(ctx); err != nil {
			stop(follows[:i])
			return nil, err
		}
	}
	for _, f := range follows {
		s.tasks.Go(func() { f.run(ctx) })
	}
	return s, nil
}

func stop(follows []*follow) {
	for _, f := range follows {
		f.watch.Stop()
	}
}

// wait returns when the source has ended: after its context has.
func (s *source) wait() { s.tasks.Wait() }

func (s *source) push(e event) {
	s.mu.Lock()
	s.events = append(s.events, e)
	s.mu.Unlock()
	select {
	case s.ready <- struct{}{}:
	default:
	}
}

// take empties the queue.
func (s *source) take() []event {
	s.mu.Lock()
	defer s.mu.Unlock()
	events := s.events
	s.events = nil
	return events
}

// settle returns when everything that the watches have delivered is in the queue.
// The API has to deliver an event before the write returns that caused it, as
// client-go's tracker does: then nothing that was written before is missing.
func (s *source) settle(ctx context.Context) error {
	for i, barrier := range s.barriers {
		passed := make(chan struct{})
		select {
		case barrier <- passed:
		case <-ctx.Done():
			return s.unsettled(ctx, i)
		}
		select {
		case <-passed:
		case <-ctx.Done():
			return s.unsettled(ctx, i)
		}
	}
	return nil
}

func (s *source) unsettled(ctx context.Context, i int) error {
	return fmt.Errorf("waiting for the watch of %s: %w", s.resources[i].name, context.Cause(ctx))
}

// follow keeps the queue up to date with one resource.
type follow struct {
	source   *source
	resource *resource
	barrier  chan chan struct{}
	watch    watch.Interface
	objects  map[key]metav1.Object // that the queue has told of
}

// run passes events on until ctx ends. A watch that breaks is opened again.
func (f *follow) run(ctx context.Context) {
	defer func() { f.watch.Stop() }()
	for ctx.Err() == nil {
		select {
		case e, open := <-f.watch.ResultChan():
			if !open || !f.pass(e) {
				f.reopen(ctx)
			}
		case passed := <-f.barrier:
			f.drain(ctx)
			close(passed)
		case <-ctx.Done():
		}
	}
}

// drain passes on what the watch holds.
func (f *follow) drain(ctx context.Context) {
	for {
		select {
		case e, open := <-f.watch.ResultChan():
			if !open || !f.pass(e) {
				f.reopen(ctx)
				return
			}
		default:
			return
		}
	}
}

// pass reports false for an event that ends the watch.
func (f *follow) pass(e watch.Event) bool {
	object, ok := e.Object.(metav1.Object)
	if !ok || e.Type == watch.Error {
		f.source.logf("watch of %s ended: %v", f.resource.name, e.Object)
		return false
	}
	k := key{object.GetNamespace(), object.GetName()}
	switch e.Type {
	case watch.Deleted:
		delete(f.objects, k)
	case watch.Added, watch.Modified:
		f.objects[k] = object
	case watch.Bookmark, watch.Error:
		return true
	}
	f.source.push(event{e.Type, object})
	return true
}

func (f *follow) reopen(ctx context.Context) {
	for ctx.Err() == nil {
		f.watch.Stop()
		err := f.open(ctx)
		if err == nil {
			return
		}
		f.source.logf("%v", err)
		select {
		case <-time.After(retryAfter):
		case <-ctx.Done():
		}
	}
}

// open lists the resource, watches it from the list on, and tells the queue of the
// differences to what it knows. The tracker of client-go does not deliver what was
// deleted between the list and the watch; a second list finds that.
func (f *follow) open(ctx context.Context) error {
	first, version, err := f.resource.list(ctx, metav1.ListOptions{})
	if err != nil {
		return fmt.Errorf("listing %s: %w", f.resource.name, err)
	}
	f.watch, err = f.resource.watch(ctx, metav1.ListOptions{ResourceVersion: version})
	if err != nil {
		f.watch = watch.NewEmptyWatch()
		return fmt.Errorf("watching %s: %w", f.resource.name, err)
	}
	second, _, err := f.resource.list(ctx, metav1.ListOptions{})
	if err != nil {
		return fmt.Errorf("listing %s: %w", f.resource.name, err)
	}
	f.replace(first, byKey(second))
	return nil
}

// replace tells the queue of a list. An object that is not in still any more is gone.
func (f *follow) replace(list []metav1.Object, still map[key]metav1.Object) {
	now := map[key]metav1.Object{}
	for k, object := range byKey(list) {
		if still[k] != nil {
			now[k] = object
		}
	}
	for k, object := range f.objects {
		if now[k] == nil {
			f.source.push(event{watch.Deleted, object})
		}
	}
	for k, object := range now {
		kind := watch.Added
		if f.objects[k] != nil {
			kind = watch.Modified
		}
		f.source.push(event{kind, object})
	}
	f.objects = now
}

func byKey(list []metav1.Object) map[key]metav1.Object {
	out := make(map[key]metav1.Object, len(list))
	for _, object := range list {
		out[key{object.GetNamespace(), object.GetName()}] = object
	}
	return out
}
