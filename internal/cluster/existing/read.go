package existing

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
)

// Reader reads objects of a cluster, and changes nothing there.
type Reader struct {
	api kubernetes.Interface
	// Host is the API server's address.
	Host string
}

// Connect follows kubectl's rules.
func Connect(kubeconfig, kubecontext string) (*Reader, error) {
	p := provider{Options{Kubeconfig: kubeconfig, Context: kubecontext}}
	config, api, err := p.connect()
	if err != nil {
		return nil, err
	}
	return &Reader{api: api, Host: config.Host}, nil
}

// NewReader reads through a client that there is already.
func NewReader(api kubernetes.Interface) *Reader { return &Reader{api: api} }

// pageSize is how many objects are asked for at once.
const pageSize = 500

// Found is what a namespace holds, or a cluster.
type Found struct {
	Pods     []corev1.Pod
	Services []corev1.Service
	Policies []networkingv1.NetworkPolicy
}

// Namespaces are all that there are.
func (r *Reader) Namespaces(ctx context.Context) ([]corev1.Namespace, error) {
	var all []corev1.Namespace
	err := pages(func(o metav1.ListOptions) (string, error) {
		list, err := r.api.CoreV1().Namespaces().List(ctx, o)
		if err != nil {
			return "", err
		}
		all = append(all, list.Items...)
		return list.Continue, nil
	})
	if err != nil {
		return nil, fmt.Errorf("listing the namespaces: %w", err)
	}
	return all, nil
}

// Namespace reads one.
func (r *Reader) Namespace(ctx context.Context, name string) (*corev1.Namespace, error) {
	ns, err := r.api.CoreV1().Namespaces().Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return nil, fmt.Errorf("reading namespace %q: %w", name, err)
	}
	return ns, nil
}

// Forbidden reports whether the API server refused what was asked.
func Forbidden(err error) bool { return apierrors.IsForbidden(err) || apierrors.IsUnauthorized(err) }

// Objects reads what a namespace holds; "" stands for all.
func (r *Reader) Objects(ctx context.Context, namespace string) (Found, error) {
	var f Found
	errPods := pages(func(o metav1.ListOptions) (string, error) {
		list, err := r.api.CoreV1().Pods(namespace).List(ctx, o)
		if err != nil {
			return "", err
		}
		f.Pods = append(f.Pods, list.Items...)
		return list.Continue, nil
	})
	errServices := pages(func(o metav1.ListOptions) (string, error) {
		list, err := r.api.CoreV1().Services(namespace).List(ctx, o)
		if err != nil {
			return "", err
		}
		f.Services = append(f.Services, list.Items...)
		return list.Continue, nil
	})
	errPolicies := pages(func(o metav1.ListOptions) (string, error) {
		list, err := r.api.NetworkingV1().NetworkPolicies(namespace).List(ctx, o)
		if err != nil {
			return "", err
		}
		f.Policies = append(f.Policies, list.Items...)
		return list.Continue, nil
	})
	if err := errors.Join(errPods, errServices, errPolicies); err != nil {
		return f, fmt.Errorf("reading the objects of %s: %w", whereIn(namespace), err)
	}
	return f, nil
}

func whereIn(namespace string) string {
	if namespace == "" {
		return "all namespaces"
	}
	return fmt.Sprintf("namespace %q", namespace)
}

// pages asks for page after page.
func pages(ask func(metav1.ListOptions) (string, error)) error {
	options := metav1.ListOptions{Limit: pageSize}
	for {
		next, err := ask(options)
		if err != nil || next == "" {
			return err
		}
		options.Continue = next
	}
}

// Ranges are the addresses of the nodes and the ranges of their pods. Who may not read
// nodes gets none.
func (r *Reader) Ranges(ctx context.Context) ([]netip.Prefix, error) {
	list, err := r.api.CoreV1().Nodes().List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, fmt.Errorf("listing the nodes: %w", err)
	}
	var ranges []netip.Prefix
	for _, n := range list.Items {
		for _, text := range n.Spec.PodCIDRs {
			if p, err := netip.ParsePrefix(text); err == nil {
				ranges = append(ranges, p.Masked())
			}
		}
		for _, a := range n.Status.Addresses {
			if addr, err := netip.ParseAddr(a.Address); err == nil {
				ranges = append(ranges, netip.PrefixFrom(addr, addr.BitLen()))
			}
		}
	}
	slices.SortFunc(ranges, func(a, b netip.Prefix) int { return a.Addr().Compare(b.Addr()) })
	return slices.Compact(ranges), nil
}
