package cni

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
)

// Detect finds the CNIs of the catalog whose agents run on a cluster. Version and
// Agent of what it returns are those that were found. An agent that is to run on no
// node is not running. Variants are not told apart: their base is returned.
func Detect(ctx context.Context, api kubernetes.Interface, c Catalog) ([]Entry, error) {
	var found []Entry
	for _, e := range c {
		if e.VariantOf != "" {
			continue
		}
		for _, w := range append([]Workload{e.Agent}, e.AlsoAgent...) {
			version, ok, err := runs(ctx, api, w)
			if err != nil {
				return nil, fmt.Errorf("looking for %s: %w", e.Name, err)
			}
			if ok && !slices.ContainsFunc(found, func(other Entry) bool { return other.Agent == w }) {
				e.Agent, e.Version = w, version
				found = append(found, e)
				break
			}
		}
	}
	return found, nil
}

func runs(ctx context.Context, api kubernetes.Interface, w Workload) (version string, ok bool, err error) {
	d, err := api.AppsV1().DaemonSets(w.Namespace).Get(ctx, w.Name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return "", false, nil
	}
	if err != nil {
		return "", false, err
	}
	return versionOf(d.Spec.Template.Spec.Containers), d.Status.DesiredNumberScheduled > 0, nil
}

// versionOf is the tag, or else the digest, of the first container's image.
func versionOf(containers []corev1.Container) string {
	if len(containers) == 0 {
		return ""
	}
	return tagOf(containers[0].Image)
}

// tagOf is the tag, or else the digest, of an image's name.
func tagOf(image string) string {
	if tagged, _, both := strings.Cut(image, "@"); both {
		if t, err := name.NewTag(tagged, name.WithDefaultTag("")); err == nil && t.TagStr() != "" {
			return t.TagStr()
		}
	}
	ref, err := name.ParseReference(image, name.WithDefaultTag("unknown"))
	if err != nil {
		return image
	}
	return ref.Identifier()
}
