package embedded

import (
	"slices"
	"strconv"
	"sync"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/watch"
	clienttesting "k8s.io/client-go/testing"
)

// rememberedEvents is how far back a watch of one resource can start.
const rememberedEvents = 4096

// event is a change of one object. Its objects are never changed afterwards.
type event struct {
	version uint64
	kind    watch.EventType
	object  runtime.Object
	before  runtime.Object // of a change, else nil
}

// eventLog is the recent changes of one resource and who is told of the next one.
type eventLog struct {
	events   []event
	dropped  uint64 // the version of the last event that was dropped
	watchers []*watcher
}

// log returns the log of a resource. The lock must be held.
func (a *api) log(r schema.GroupVersionResource) *eventLog {
	l := a.logs[r]
	if l == nil {
		l = &eventLog{}
		a.logs[r] = l
	}
	return l
}

func (l *eventLog) add(e event) {
	if len(l.events) >= 2*rememberedEvents {
		l.dropped = l.events[rememberedEvents-1].version
		l.events = slices.Clone(l.events[rememberedEvents:])
	}
	l.events = append(l.events, e)
	l.watchers = slices.DeleteFunc(l.watchers, (*watcher).stopped)
	for _, w := range l.watchers {
		w.tell(e)
	}
}

func (l *eventLog) close() {
	for _, w := range l.watchers {
		w.Stop()
	}
}

// filter is what a list or a watch asks for.
type filter struct {
	namespace string
	labels    labels.Selector
	fields    fields.Selector
}

// matches reports whether the object is asked for. A field that is not known here
// matches nothing but its absence.
func (f filter) matches(object runtime.Object) bool {
	m, err := meta.Accessor(object)
	if err != nil || f.namespace != "" && m.GetNamespace() != f.namespace {
		return false
	}
	if f.labels != nil && !f.labels.Matches(labels.Set(m.GetLabels())) {
		return false
	}
	return f.fields == nil || f.fields.Empty() || f.fields.Matches(fieldsOf(object, m))
}

// watcher hands the events of one watch to its reader. An event is in the channel
// when the write that caused it returns, as long as the reader keeps up; the queue
// behind the channel has no bound, so that a slow reader delays nobody and misses
// nothing.
type watcher struct {
	filter filter
	out    chan watch.Event
	done   chan struct{}
	stop   sync.Once
	wake   chan struct{}

	mu    sync.Mutex
	queue []watch.Event // that the channel has no room for
	ended bool          // the channel is closed
}

// channelSize is how far a reader may lag and still find every event in the channel.
const channelSize = 2048

// watch starts a watch: of all objects and what follows where since is "" or "0",
// else of the changes after that version.
func (a *api) watch(r schema.GroupVersionResource, f filter, since string) (*watcher, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	w := &watcher{filter: f, out: make(chan watch.Event, channelSize), done: make(chan struct{}), wake: make(chan struct{}, 1)}
	log := a.log(r)
	if since == "" || since == "0" {
		for _, object := range a.all(r) {
			w.tell(event{kind: watch.Added, object: object})
		}
	} else {
		version, err := strconv.ParseUint(since, 10, 64)
		if err != nil {
			return nil, apierrors.NewBadRequest("invalid resource version " + strconv.Quote(since))
		}
		if version < log.dropped {
			return nil, apierrors.NewResourceExpired("the resource version " + since + " is too old")
		}
		for _, e := range log.events {
			if e.version > version {
				w.tell(e)
			}
		}
	}
	if a.closed {
		w.Stop()
	}
	log.watchers = append(log.watchers, w)
	go w.run()
	return w, nil
}

func (a *api) watchReaction(action clienttesting.Action) (bool, watch.Interface, error) {
	var f filter
	var since string
	if act, ok := action.(clienttesting.WatchActionImpl); ok {
		f.labels, f.fields, since = act.WatchRestrictions.Labels, act.WatchRestrictions.Fields, act.ListOptions.ResourceVersion
	}
	f.namespace = action.GetNamespace()
	w, err := a.watch(action.GetResource(), f, since)
	if err != nil {
		return true, nil, err
	}
	return true, w, nil
}

// tell queues the event as the reader must see it: an object that begins or ceases
// to match appears or disappears.
func (w *watcher) tell(e event) {
	kind := e.kind
	now := w.filter.matches(e.object)
	if kind == watch.Modified {
		switch before := w.filter.matches(e.before); {
		case now && !before:
			kind = watch.Added
		case before && !now:
			kind, now = watch.Deleted, true
		}
	}
	if !now {
		return
	}
	w.put(watch.Event{Type: kind, Object: e.object.DeepCopyObject()})
}

func (w *watcher) put(e watch.Event) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.ended {
		return
	}
	if len(w.queue) == 0 {
		select {
		case w.out <- e:
			return
		default:
		}
	}
	w.queue = append(w.queue, e)
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// run moves what is in the queue to the channel.
func (w *watcher) run() {
	defer w.end()
	for {
		select {
		case <-w.done:
			return
		case <-w.wake:
		}
		for e, more := w.head(); more; e, more = w.pop() {
			select {
			case w.out <- e:
			case <-w.done:
				return
			}
		}
	}
}

// head is the first event of the queue, which stays there until it is delivered:
// until then later events must line up behind it.
func (w *watcher) head() (watch.Event, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.queue) == 0 {
		return watch.Event{}, false
	}
	return w.queue[0], true
}

// pop drops the first event and returns the next.
func (w *watcher) pop() (watch.Event, bool) {
	w.mu.Lock()
	w.queue = w.queue[1:]
	w.mu.Unlock()
	return w.head()
}

func (w *watcher) end() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ended = true
	close(w.out)
}

// ResultChan is the channel of the events; it is closed after Stop.
func (w *watcher) ResultChan() <-chan watch.Event { return w.out }

// Stop ends the watch.
func (w *watcher) Stop() { w.stop.Do(func() { close(w.done) }) }

func (w *watcher) stopped() bool {
	select {
	case <-w.done:
		return true
	default:
		return false
	}
}

// list answers a list request, with the version from which a watch goes on.
func (a *api) list(action clienttesting.ListActionImpl) (runtime.Object, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	list, err := a.tracker.List(action.GetResource(), action.GetKind(), action.GetNamespace(), metav1.ListOptions{})
	if err != nil {
		return nil, err
	}
	objects, err := meta.ExtractList(list)
	if err != nil {
		return nil, err
	}
	restrictions := action.GetListRestrictions()
	f := filter{labels: restrictions.Labels, fields: restrictions.Fields}
	objects = slices.DeleteFunc(objects, func(o runtime.Object) bool { return !f.matches(o) })
	if err := meta.SetList(list, objects); err != nil {
		return nil, err
	}
	m, err := meta.ListAccessor(list)
	if err != nil {
		return nil, err
	}
	m.SetResourceVersion(strconv.FormatUint(a.version, 10))
	return list, nil
}
