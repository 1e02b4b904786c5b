package embedded

import (
	"errors"
	"fmt"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
	clienttesting "k8s.io/client-go/testing"
)

// delete removes an object. A pod only begins to go: its kubelet removes the object
// once the process is gone, also where the grace period is 0. A namespace goes when the
// last object in it is gone.
func (a *api) delete(r schema.GroupVersionResource, namespace, name string, o metav1.DeleteOptions) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.deleteLocked(r, namespace, name, o)
}

func (a *api) deleteLocked(r schema.GroupVersionResource, namespace, name string, options metav1.DeleteOptions) error {
	object, err := a.tracker.Get(r, namespace, name)
	if err != nil {
		return err
	}
	m, err := meta.Accessor(object)
	if err != nil {
		return err
	}
	if err := checkPreconditions(r, m, options.Preconditions); err != nil {
		return err
	}
	switch o := object.(type) {
	case *corev1.Pod:
		return a.terminatePod(o, options.GracePeriodSeconds)
	case *corev1.Namespace:
		return a.terminateNamespace(o)
	case *corev1.Service:
		a.releaseIPs(o)
		a.releaseNodePorts(o)
	}
	return a.store(r, namespace, event{kind: watch.Deleted, object: object})
}

func checkPreconditions(r schema.GroupVersionResource, m metav1.Object, p *metav1.Preconditions) error {
	if p == nil {
		return nil
	}
	if p.UID != nil && *p.UID != m.GetUID() {
		return apierrors.NewConflict(r.GroupResource(), m.GetName(),
			fmt.Errorf("the UID in the precondition is %q, the object's is %q", *p.UID, m.GetUID()))
	}
	if p.ResourceVersion != nil && *p.ResourceVersion != m.GetResourceVersion() {
		return apierrors.NewConflict(r.GroupResource(), m.GetName(),
			fmt.Errorf("the resource version in the precondition is %q, the object's is %q", *p.ResourceVersion, m.GetResourceVersion()))
	}
	return nil
}

// terminating marks the object as going. It reports whether it was not yet.
func terminating(m metav1.Object) bool {
	if m.GetDeletionTimestamp() != nil {
		return false
	}
	now := metav1.Now().Rfc3339Copy()
	m.SetDeletionTimestamp(&now)
	return true
}

// terminatePod begins to delete a pod, or shortens the grace period of one that is being
// deleted. Its deletionTimestamp is when that is over. The pod's own is the default.
func (a *api) terminatePod(pod *corev1.Pod, asked *int64) error {
	before := pod.DeepCopy()
	grace := int64(corev1.DefaultTerminationGracePeriodSeconds)
	if own := pod.Spec.TerminationGracePeriodSeconds; own != nil {
		grace = *own
	}
	if asked != nil {
		grace = *asked
	}
	if now := pod.DeletionGracePeriodSeconds; pod.DeletionTimestamp != nil && now != nil && (asked == nil || *now <= grace) {
		return nil
	}
	end := metav1.NewTime(time.Now().Add(time.Duration(grace) * time.Second)).Rfc3339Copy()
	pod.DeletionTimestamp, pod.DeletionGracePeriodSeconds = &end, &grace
	return a.replace(podsResource, pod.Namespace, before, pod)
}

// removePod removes the object of a pod that does not run any more.
func (a *api) removePod(namespace, name string, uid types.UID) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	object, err := a.tracker.Get(podsResource, namespace, name)
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return err
	}
	pod, ok := object.(*corev1.Pod)
	if !ok || pod.UID != uid {
		return nil
	}
	if err := a.store(podsResource, namespace, event{kind: watch.Deleted, object: pod}); err != nil {
		return err
	}
	return a.finishNamespace(namespace)
}

// terminateNamespace empties the namespace and removes it when that is done.
func (a *api) terminateNamespace(ns *corev1.Namespace) error {
	if slices.Contains(ownNamespaces, ns.Name) {
		return apierrors.NewForbidden(namespacesResource.GroupResource(), ns.Name, errors.New("this namespace may not be deleted"))
	}
	before := ns.DeepCopy()
	if terminating(ns) {
		ns.Status.Phase = corev1.NamespaceTerminating
		if err := a.replace(namespacesResource, "", before, ns); err != nil {
			return err
		}
	}
	var errs []error
	for _, e := range a.contents(ns.Name) {
		errs = append(errs, a.deleteLocked(e.resource, e.Namespace, e.Name, metav1.DeleteOptions{}))
	}
	return errors.Join(append(errs, a.finishNamespace(ns.Name))...)
}

// finishNamespace removes a namespace that is going and empty.
func (a *api) finishNamespace(name string) error {
	object, err := a.tracker.Get(namespacesResource, "", name)
	if err != nil {
		return err
	}
	m, err := meta.Accessor(object)
	if err != nil || m.GetDeletionTimestamp() == nil || len(a.contents(name)) > 0 {
		return err
	}
	return a.store(namespacesResource, "", event{kind: watch.Deleted, object: object})
}

// entry is where an object is stored.
type entry struct {
	resource schema.GroupVersionResource
	types.NamespacedName
}

// contents lists all that is in a namespace.
func (a *api) contents(namespace string) []entry {
	var list []entry
	for r := range a.kinds {
		for _, object := range a.inNamespace(r, namespace) {
			if k := key(object); k.Namespace == namespace {
				list = append(list, entry{r, k})
			}
		}
	}
	return list
}

// deleteCollection deletes every object that the request selects.
func (a *api) deleteCollection(action clienttesting.DeleteCollectionActionImpl) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	restrictions := action.GetListRestrictions()
	f := filter{namespace: action.GetNamespace(), labels: restrictions.Labels, fields: restrictions.Fields}
	var errs []error
	for _, object := range a.all(action.GetResource()) {
		if k := key(object); f.matches(object) {
			errs = append(errs, a.deleteLocked(action.GetResource(), k.Namespace, k.Name, metav1.DeleteOptions{}))
		}
	}
	return errors.Join(errs...)
}

// errTerminating is the API server's answer to a create in a namespace that is going.
func errTerminating(r schema.GroupVersionResource, namespace, name string) error {
	err := apierrors.NewForbidden(r.GroupResource(), name,
		fmt.Errorf("unable to create new content in namespace %s because it is being terminated", namespace))
	err.ErrStatus.Details.Causes = append(err.ErrStatus.Details.Causes, metav1.StatusCause{
		Type: corev1.NamespaceTerminatingCause, Message: "namespace " + namespace + " is being terminated", Field: "metadata.namespace",
	})
	return err
}

// object returns a copy of what is stored, or nil.
func object[T runtime.Object](a *api, r schema.GroupVersionResource, namespace, name string) (T, bool) {
	var none T
	stored, err := a.tracker.Get(r, namespace, name)
	if err != nil {
		return none, false
	}
	typed, ok := stored.(T)
	return typed, ok
}

// changePod changes the pod of that UID on behalf of its node; one that is gone is
// left alone.
func (a *api) changePod(namespace, name string, uid types.UID, f func(*corev1.Pod)) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	before, ok := object[*corev1.Pod](a, podsResource, namespace, name)
	if !ok || before.UID != uid {
		return nil
	}
	after := before.DeepCopy()
	f(after)
	return a.replace(podsResource, namespace, before, after)
}
