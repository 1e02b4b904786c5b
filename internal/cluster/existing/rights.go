package existing

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	authorizationv1 "k8s.io/api/authorization/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
)

// right is what a run may have to do, in any namespace.
type right struct {
	group, resource, subresource string
	verbs                        []string
}

// rights are what every run needs. docs/clusters.md has them as a ClusterRole.
func rights() []right {
	return []right{
		{"", "namespaces", "", []string{"create", "delete", "get", "list", "patch"}},
		{"", "nodes", "", []string{"get", "list"}},
		{"", "pods", "", []string{"create", "delete", "get", "list", "patch", "watch"}},
		{"", "pods", "exec", []string{"create", "get"}},
		{"", "services", "", []string{"create", "get"}},
		{"networking.k8s.io", "networkpolicies", "", []string{"create", "delete", "get", "update"}},
	}
}

// optional are the rights that scenarios with a feature need, and no other.
func optional() map[string]right {
	return map[string]right{
		"pod-readiness": {"", "pods", "status", []string{"patch"}},
	}
}

// lacking are the features that this user has no right to, with the reason.
func lacking(ctx context.Context, api kubernetes.Interface) (map[string]string, error) {
	lacks := map[string]string{}
	for feature, r := range optional() {
		missing, err := missing(ctx, api, []right{r})
		if err != nil {
			return nil, err
		}
		if len(missing) > 0 {
			lacks[feature] = "this user may not " + strings.Join(missing, ", ")
		}
	}
	return lacks, nil
}

// checkRights asks the API server for every one of them, and names all that are missing.
func checkRights(ctx context.Context, api kubernetes.Interface) error {
	missing, err := missing(ctx, api, rights())
	if err != nil || len(missing) == 0 {
		return err
	}
	return fmt.Errorf("this user may not %s (docs/clusters.md has a ClusterRole with all that a run needs)", strings.Join(missing, ", "))
}

// missing are those of the rights that this user has not, sorted.
func missing(ctx context.Context, api kubernetes.Interface, rights []right) ([]string, error) {
	var mu sync.Mutex
	var missing []string
	var failure error
	var group sync.WaitGroup
	for _, r := range rights {
		for _, verb := range r.verbs {
			group.Go(func() {
				allowed, err := mayI(ctx, api, r, verb)
				mu.Lock()
				defer mu.Unlock()
				switch {
				case err != nil:
					failure = err
				case !allowed:
					missing = append(missing, verb+" "+r.name())
				}
			})
		}
	}
	group.Wait()
	if failure != nil {
		return nil, fmt.Errorf("asking what this user may do: %w", failure)
	}
	slices.Sort(missing)
	return missing, nil
}

func (r right) name() string {
	name := r.resource
	if r.subresource != "" {
		name += "/" + r.subresource
	}
	if r.group != "" {
		name += "." + r.group
	}
	return name
}

func mayI(ctx context.Context, api kubernetes.Interface, r right, verb string) (bool, error) {
	review := &authorizationv1.SelfSubjectAccessReview{Spec: authorizationv1.SelfSubjectAccessReviewSpec{
		ResourceAttributes: &authorizationv1.ResourceAttributes{Verb: verb, Group: r.group, Resource: r.resource, Subresource: r.subresource},
	}}
	answer, err := api.AuthorizationV1().SelfSubjectAccessReviews().Create(ctx, review, metav1.CreateOptions{})
	if err != nil {
		return false, err
	}
	return answer.Status.Allowed, nil
}
