package cni

import (
	"context"
	"errors"
	"fmt"
	"time"

	"helm.sh/helm/v4/pkg/chart/common"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/net"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/restmapper"
	"sigs.k8s.io/e2e-framework/klient/wait"
)

// manager owns the fields that cniproof applies.
const manager = "cniproof"

// crdTimeout is how long an API server may take to serve a new kind.
const crdTimeout = time.Minute

// transientLimit is how long an API server may be unable to answer.
const transientLimit = 30 * time.Second

// forever leaves it to the context when waiting ends.
const forever = 24 * time.Hour

// poll is the time between two looks at the API server.
const poll = 200 * time.Millisecond

// applier applies objects of any kind to one cluster.
type applier struct {
	kube    kubernetes.Interface
	dynamic dynamic.Interface
	mapper  meta.ResettableRESTMapper
	// namespace is for namespaced objects that name none.
	namespace string
}

func newApplier(cfg *rest.Config) (*applier, error) {
	cfg = rest.CopyConfig(cfg)
	cfg.QPS, cfg.Burst = 100, 200 // a manifest is a hundred requests at once, once
	kube, err := kubernetes.NewForConfig(cfg)
	if err != nil {
		return nil, err
	}
	dyn, err := dynamic.NewForConfig(cfg)
	if err != nil {
		return nil, err
	}
	cached := memory.NewMemCacheClient(kube.Discovery())
	return &applier{kube: kube, dynamic: dyn, mapper: restmapper.NewDeferredDiscoveryRESTMapper(cached), namespace: metav1.NamespaceDefault}, nil
}

// capabilities are what a chart may ask of this cluster.
func (a *applier) capabilities() (*common.Capabilities, error) {
	version, err := a.kube.Discovery().ServerVersion()
	if err != nil {
		return nil, fmt.Errorf("asking for the API server's version: %w", err)
	}
	groups, resources, err := a.kube.Discovery().ServerGroupsAndResources()
	if err != nil && !discovery.IsGroupDiscoveryFailedError(err) {
		return nil, fmt.Errorf("asking what the API server serves: %w", err)
	}
	var apis []string
	for _, g := range groups {
		for _, v := range g.Versions {
			apis = append(apis, v.GroupVersion)
		}
	}
	for _, list := range resources {
		for _, r := range list.APIResources {
			apis = append(apis, list.GroupVersion+"/"+r.Kind)
		}
	}
	return capabilities(version.GitVersion, apis)
}

// apply applies objects: namespaces first, then definitions of kinds, which it waits
// for, then the rest in the order given.
func (a *applier) apply(ctx context.Context, objects []*unstructured.Unstructured) error {
	if err := a.ownNamespace(ctx); err != nil {
		return err
	}
	var definitions []string
	for _, phase := range []func(*unstructured.Unstructured) bool{isNamespace, isDefinition, isOther} {
		for _, o := range objects {
			if !phase(o) {
				continue
			}
			if err := a.one(ctx, o); err != nil {
				return err
			}
			if isDefinition(o) {
				definitions = append(definitions, o.GetName())
			}
		}
		if err := a.awaitDefinitions(ctx, definitions); err != nil {
			return err
		}
		definitions = nil
	}
	return nil
}

func isNamespace(o *unstructured.Unstructured) bool {
	return o.GetKind() == "Namespace" && o.GetAPIVersion() == "v1"
}

func isDefinition(o *unstructured.Unstructured) bool {
	return o.GetKind() == "CustomResourceDefinition" && o.GroupVersionKind().Group == definitionKind.Group
}

func isOther(o *unstructured.Unstructured) bool { return !isNamespace(o) && !isDefinition(o) }

// ownNamespace makes sure that the namespace of a chart exists.
func (a *applier) ownNamespace(ctx context.Context) error {
	if a.namespace == metav1.NamespaceDefault {
		return nil
	}
	ns := &unstructured.Unstructured{}
	ns.SetAPIVersion("v1")
	ns.SetKind("Namespace")
	ns.SetName(a.namespace)
	return a.one(ctx, ns)
}

// one applies one object.
func (a *applier) one(ctx context.Context, o *unstructured.Unstructured) error {
	mapping, err := a.mapping(ctx, o.GroupVersionKind())
	if err != nil {
		return fmt.Errorf("applying %s: %w", title(o), err)
	}
	var resource dynamic.ResourceInterface = a.dynamic.Resource(mapping.Resource)
	if mapping.Scope.Name() == meta.RESTScopeNameNamespace {
		if o.GetNamespace() == "" {
			o.SetNamespace(a.namespace)
		}
		resource = a.dynamic.Resource(mapping.Resource).Namespace(o.GetNamespace())
	}
	var last error
	err = until(ctx, transientLimit, func(ctx context.Context) (bool, error) {
		_, last = resource.Apply(ctx, o.GetName(), o, metav1.ApplyOptions{FieldManager: manager, Force: true})
		return !transient(last), nil
	})
	if last != nil {
		err = last
	}
	if err != nil {
		return fmt.Errorf("applying %s: %w", title(o), err)
	}
	return nil
}

// transient reports whether an API server that was made a moment ago may answer
// otherwise soon.
func transient(err error) bool {
	return apierrors.IsServiceUnavailable(err) || apierrors.IsTooManyRequests(err) || apierrors.IsServerTimeout(err) || apierrors.IsTimeout(err) ||
		net.IsConnectionRefused(err) || net.IsConnectionReset(err) || net.IsProbableEOF(err)
}

// mapping finds the resource of a kind. A kind that was defined a moment ago may
// take the API server another one to serve.
func (a *applier) mapping(ctx context.Context, kind schema.GroupVersionKind) (*meta.RESTMapping, error) {
	var mapping *meta.RESTMapping
	var last error
	err := until(ctx, crdTimeout, func(context.Context) (bool, error) {
		mapping, last = a.mapper.RESTMapping(kind.GroupKind(), kind.Version)
		if !meta.IsNoMatchError(last) {
			return true, last
		}
		if !a.definedLately(ctx, kind) {
			return true, last
		}
		a.mapper.Reset()
		return false, nil
	})
	if err == nil {
		err = last
	}
	return mapping, err
}

// definedLately reports whether a definition of the kind exists, so that it is worth
// asking again.
func (a *applier) definedLately(ctx context.Context, kind schema.GroupVersionKind) bool {
	list, err := a.dynamic.Resource(definitionResource).List(ctx, metav1.ListOptions{})
	if err != nil {
		return false
	}
	for i := range list.Items {
		group, _, _ := unstructured.NestedString(list.Items[i].Object, "spec", "group")
		name, _, _ := unstructured.NestedString(list.Items[i].Object, "spec", "names", "kind")
		if group == kind.Group && name == kind.Kind {
			return true
		}
	}
	return false
}

var (
	definitionKind     = schema.GroupVersionKind{Group: "apiextensions.k8s.io", Version: "v1", Kind: "CustomResourceDefinition"}          //nolint:gochecknoglobals // a constant
	definitionResource = schema.GroupVersionResource{Group: "apiextensions.k8s.io", Version: "v1", Resource: "customresourcedefinitions"} //nolint:gochecknoglobals // a constant
)

// awaitDefinitions waits until the API server serves what was defined.
func (a *applier) awaitDefinitions(ctx context.Context, names []string) error {
	for _, name := range names {
		err := until(ctx, crdTimeout, func(ctx context.Context) (bool, error) {
			o, err := a.dynamic.Resource(definitionResource).Get(ctx, name, metav1.GetOptions{})
			return err == nil && established(o), err
		})
		if err != nil {
			return fmt.Errorf("waiting for the API server to serve %s: %w", name, err)
		}
	}
	if len(names) > 0 {
		a.mapper.Reset()
	}
	return nil
}

func established(o *unstructured.Unstructured) bool {
	list, _, err := unstructured.NestedSlice(o.Object, "status", "conditions")
	if err != nil {
		return false
	}
	for _, item := range list {
		c, ok := item.(map[string]any)
		if ok && c["type"] == "Established" && c["status"] == "True" {
			return true
		}
	}
	return false
}

// until asks again and again until the condition holds or fails.
func until(ctx context.Context, limit time.Duration, condition func(context.Context) (bool, error)) error {
	err := wait.For(condition, wait.WithContext(ctx), wait.WithImmediate(), wait.WithInterval(poll), wait.WithTimeout(limit))
	if err != nil && ctx.Err() != nil {
		return errors.Join(context.Cause(ctx), err)
	}
	return err
}
