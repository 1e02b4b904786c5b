package engine

import (
	"context"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/kubernetes"
)

// resources is the kinds of objects that decide what pods may do.
func resources(client kubernetes.Interface) []resource {
	namespaces := client.CoreV1().Namespaces()
	pods := client.CoreV1().Pods(metav1.NamespaceAll)
	policies := client.NetworkingV1().NetworkPolicies(metav1.NamespaceAll)
	return []resource{
		{"namespaces", func(ctx context.Context, o metav1.ListOptions) ([]metav1.Object, string, error) {
			list, err := namespaces.List(ctx, o)
			if err != nil {
				return nil, "", err
			}
			return objects(list.Items), list.ResourceVersion, nil
		}, namespaces.Watch},
		{"pods", func(ctx context.Context, o metav1.ListOptions) ([]metav1.Object, string, error) {
			list, err := pods.List(ctx, o)
			if err != nil {
				return nil, "", err
			}
			return objects(list.Items), list.ResourceVersion, nil
		}, pods.Watch},
		{"networkpolicies", func(ctx context.Context, o metav1.ListOptions) ([]metav1.Object, string, error) {
			list, err := policies.List(ctx, o)
			if err != nil {
				return nil, "", err
			}
			return objects(list.Items), list.ResourceVersion, nil
		}, policies.Watch},
	}
}

// resource is a kind of objects in the API.
type resource struct {
	name  string
	list  func(context.Context, metav1.ListOptions) ([]metav1.Object, string, error)
	watch func(context.Context, metav1.ListOptions) (watch.Interface, error)
}

// objects is pointers to the items, as objects.
func objects[T any, P interface {
	*T
	metav1.Object
}](items []T) []metav1.Object {
	out := make([]metav1.Object, len(items))
	for i := range items {
		out[i] = P(&items[i])
	}
	return out
}
