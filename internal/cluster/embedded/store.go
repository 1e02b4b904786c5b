package embedded

import (
	"cmp"
	"errors"
	"reflect"
	"slices"
	"strconv"

	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/rand"
	"k8s.io/apimachinery/pkg/util/uuid"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/kubernetes/scheme"
	clienttesting "k8s.io/client-go/testing"
)

// front is the tracker as the client's requests see it: reads go to the tracker,
// changes through the API.
type front struct {
	clienttesting.ObjectTracker
	api    *api
	status bool // changes concern the object's status only
}

// Create stores a new object.
func (f *front) Create(r schema.GroupVersionResource, object runtime.Object, namespace string, opts ...metav1.CreateOptions) error {
	for _, o := range opts {
		if len(o.DryRun) > 0 {
			return errDryRun()
		}
	}
	return f.api.create(r, object, namespace)
}

// Update replaces an object, or its status.
func (f *front) Update(r schema.GroupVersionResource, object runtime.Object, namespace string, opts ...metav1.UpdateOptions) error {
	for _, o := range opts {
		if len(o.DryRun) > 0 {
			return errDryRun()
		}
	}
	return f.api.update(r, object, namespace, f.status)
}

// Patch stores an object that was patched, or its status.
func (f *front) Patch(r schema.GroupVersionResource, object runtime.Object, namespace string, opts ...metav1.PatchOptions) error {
	for _, o := range opts {
		if len(o.DryRun) > 0 {
			return errDryRun()
		}
	}
	return f.api.update(r, object, namespace, f.status)
}

// Apply is refused: server-side apply needs the fields' owners, which are not kept.
func (f *front) Apply(schema.GroupVersionResource, runtime.Object, string, ...metav1.PatchOptions) error {
	return apierrors.NewBadRequest("the embedded API has no server-side apply")
}

// Delete removes an object, or begins to.
func (f *front) Delete(r schema.GroupVersionResource, namespace, name string, opts ...metav1.DeleteOptions) error {
	var o metav1.DeleteOptions
	if len(opts) > 0 {
		o = opts[0]
	}
	if len(o.DryRun) > 0 {
		return errDryRun()
	}
	return f.api.delete(r, namespace, name, o)
}

func errDryRun() error {
	return apierrors.NewBadRequest("the embedded API has no dry run")
}

// create stores the object, which is completed in place.
func (a *api) create(r schema.GroupVersionResource, object runtime.Object, namespace string) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	m, err := meta.Accessor(object)
	if err != nil {
		return err
	}
	if err := a.checkNamespace(r, namespace, m); err != nil {
		return err
	}
	if m.GetName() == "" && m.GetGenerateName() != "" {
		m.SetName(m.GetGenerateName() + rand.String(5))
	}
	m.SetUID(uuid.NewUUID())
	m.SetCreationTimestamp(metav1.Now().Rfc3339Copy())
	m.SetGeneration(1)
	m.SetDeletionTimestamp(nil)
	copyField(reflect.New(reflect.TypeOf(object).Elem()).Interface(), object, "Status", r != nodesResource)
	a.complete(object)
	if err := a.validate(object, nil); err != nil {
		return err
	}
	if _, err := a.tracker.Get(r, namespace, m.GetName()); err == nil {
		return apierrors.NewAlreadyExists(r.GroupResource(), m.GetName())
	}
	if err := a.allocate(object); err != nil {
		return err
	}
	return a.store(r, namespace, event{kind: watch.Added, object: object})
}

// checkNamespace refuses objects for a namespace that is not there, or going.
func (a *api) checkNamespace(r schema.GroupVersionResource, namespace string, m metav1.Object) error {
	if m.GetNamespace() == "" {
		m.SetNamespace(namespace)
	}
	if m.GetNamespace() != namespace {
		return apierrors.NewBadRequest("the namespace of the object does not match the namespace of the request")
	}
	if namespace == "" {
		return nil
	}
	ns, err := a.tracker.Get(namespacesResource, "", namespace)
	if err != nil {
		return err
	}
	if nm, err := meta.Accessor(ns); err != nil || nm.GetDeletionTimestamp() != nil {
		return errTerminating(r, namespace, m.GetName())
	}
	return nil
}

// update replaces an object by a later state of it, or only its status.
func (a *api) update(r schema.GroupVersionResource, object runtime.Object, namespace string, status bool) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	m, err := meta.Accessor(object)
	if err != nil {
		return err
	}
	before, err := a.tracker.Get(r, namespace, m.GetName())
	if err != nil {
		return err
	}
	old, err := meta.Accessor(before)
	if err != nil {
		return err
	}
	if v := m.GetResourceVersion(); v != "" && v != old.GetResourceVersion() {
		return apierrors.NewConflict(r.GroupResource(), m.GetName(), errors.New("the object has been modified"))
	}
	if m.GetUID() != "" && m.GetUID() != old.GetUID() {
		return apierrors.NewConflict(r.GroupResource(), m.GetName(), errors.New("the UID does not match"))
	}
	if status {
		after := before.DeepCopyObject()
		copyField(object, after, "Status", true)
		return a.replace(r, namespace, before, after)
	}
	keepMeta(m, old)
	copyField(before, object, "Status", true)
	a.complete(object)
	if err := a.validate(object, before); err != nil {
		return err
	}
	if !equality.Semantic.DeepEqual(fieldOf(before, "Spec"), fieldOf(object, "Spec")) {
		m.SetGeneration(old.GetGeneration() + 1)
	}
	return a.replace(r, namespace, before, object)
}

// keepMeta keeps what a client cannot change.
func keepMeta(m, old metav1.Object) {
	m.SetNamespace(old.GetNamespace())
	m.SetUID(old.GetUID())
	m.SetResourceVersion(old.GetResourceVersion())
	m.SetGeneration(old.GetGeneration())
	m.SetGenerateName(old.GetGenerateName())
	m.SetCreationTimestamp(old.GetCreationTimestamp())
	m.SetDeletionTimestamp(old.GetDeletionTimestamp())
	m.SetDeletionGracePeriodSeconds(old.GetDeletionGracePeriodSeconds())
}

// replace stores a changed object; one that did not change is no event.
func (a *api) replace(r schema.GroupVersionResource, namespace string, before, after runtime.Object) error {
	if equality.Semantic.DeepEqual(before, after) {
		return nil
	}
	return a.store(r, namespace, event{kind: watch.Modified, object: after, before: before})
}

// store gives the object the next version, puts it into the tracker, or takes it
// out, and tells the watchers.
func (a *api) store(r schema.GroupVersionResource, namespace string, e event) error {
	m, err := meta.Accessor(e.object)
	if err != nil {
		return err
	}
	m.SetResourceVersion(strconv.FormatUint(a.version+1, 10))
	switch e.kind {
	case watch.Added:
		err = a.tracker.Create(r, e.object, namespace)
	case watch.Modified:
		err = a.tracker.Update(r, e.object, namespace)
	case watch.Deleted:
		err = a.tracker.Delete(r, namespace, m.GetName())
	case watch.Bookmark, watch.Error:
	}
	if err != nil {
		return err
	}
	if _, known := a.kinds[r]; !known {
		kinds, _, err := scheme.Scheme.ObjectKinds(e.object)
		if err != nil {
			return err
		}
		a.kinds[r] = kinds[0]
	}
	a.version++
	e.version, e.object = a.version, e.object.DeepCopyObject()
	a.log(r).add(e)
	return nil
}

// all returns the objects of a resource, by namespace and name. The lock must be held.
func (a *api) all(r schema.GroupVersionResource) []runtime.Object {
	return a.inNamespace(r, "")
}

func (a *api) inNamespace(r schema.GroupVersionResource, namespace string) []runtime.Object {
	kind, known := a.kinds[r]
	if !known {
		return nil
	}
	list, err := a.tracker.List(r, kind, namespace)
	if err != nil {
		return nil
	}
	objects, err := meta.ExtractList(list)
	if err != nil {
		return nil
	}
	slices.SortFunc(objects, func(x, y runtime.Object) int { return cmp.Compare(key(x).String(), key(y).String()) })
	return objects
}

// key is the namespace and the name of an object.
func key(object runtime.Object) types.NamespacedName {
	m, err := meta.Accessor(object)
	if err != nil {
		return types.NamespacedName{}
	}
	return types.NamespacedName{Namespace: m.GetNamespace(), Name: m.GetName()}
}

// patch applies a patch, again where the object changed meanwhile.
func (a *api) patch(action clienttesting.PatchActionImpl, whole, status clienttesting.ReactionFunc) (bool, runtime.Object, error) {
	react := whole
	if action.GetSubresource() == "status" {
		react = status
	}
	const tries = 10
	for try := 1; ; try++ {
		handled, object, err := react(action)
		if !apierrors.IsConflict(err) || try == tries {
			return handled, object, err
		}
	}
}

// fieldOf is the value of a field of the struct that the object points to, or nil.
func fieldOf(object any, name string) any {
	if f := reflect.ValueOf(object).Elem().FieldByName(name); f.IsValid() {
		return f.Interface()
	}
	return nil
}

// copyField copies a field of the structs that both point to, where they have it.
func copyField(from, to any, name string, really bool) {
	target := reflect.ValueOf(to).Elem().FieldByName(name)
	if really && target.IsValid() {
		target.Set(reflect.ValueOf(from).Elem().FieldByName(name))
	}
}
