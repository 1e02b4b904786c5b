package cni

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/cniproof/cniproof/internal/strict"
)

// FromFile reads a CNI that is not in the catalog: an entry, or the plain manifest
// that would be given to kubectl. Of the latter, every DaemonSet and Deployment must
// become ready, the first DaemonSet whose pods use the node's network is taken for
// the agent, and it is assumed to enforce policies and to work with kind's usual
// subnets.
func FromFile(file string) (Entry, error) {
	text, err := os.ReadFile(file) //nolint:gosec // the user's own file
	if err != nil {
		return Entry{}, err
	}
	folder := os.DirFS(filepath.Dir(file))
	documents, problems := strict.Documents(file, text)
	if len(documents) > 0 && strict.KindOf(documents[0]) == Kind {
		e, wrong := parse(file, text, folder, true)
		if len(wrong) > 0 {
			return Entry{}, wrong.Sorted()
		}
		return e, nil
	}
	if len(problems) > 0 {
		return Entry{}, problems
	}
	objects, err := decode(text)
	if err != nil {
		return Entry{}, fmt.Errorf("%s: %w", file, err)
	}
	e, err := fromObjects(objects)
	if err != nil {
		return Entry{}, fmt.Errorf("%s: %w", file, err)
	}
	e.Name = strings.TrimSuffix(filepath.Base(file), filepath.Ext(file))
	e.Title, e.Install, e.folder = e.Name, []Step{{File: filepath.Base(file)}}, folder
	return e, nil
}

func fromObjects(objects []*unstructured.Unstructured) (Entry, error) {
	e := Entry{Spec: Spec{Enforces: true, PodSubnet: "10.244.0.0/16", PodSubnet6: "fd00:10:244::/56"}}
	for _, o := range objects {
		for _, image := range images(o) {
			if !slices.Contains(e.Images, image) {
				e.Images = append(e.Images, image)
			}
		}
		kind := strings.ToLower(o.GetKind())
		if kind != DaemonSet && kind != Deployment {
			continue
		}
		w := Workload{kind, o.GetNamespace(), o.GetName()}
		if w.Namespace == "" {
			w.Namespace = "default"
		}
		e.Ready = append(e.Ready, w)
		if e.Agent == (Workload{}) && kind == DaemonSet && onHostNetwork(o) {
			e.Agent, e.Version = w, firstTag(o)
		}
	}
	if e.Agent == (Workload{}) {
		return Entry{}, errors.New("it has no DaemonSet with hostNetwork, which the agent of a CNI is: write an entry (kind: CNI) that names the agent instead")
	}
	return e, nil
}

func onHostNetwork(o *unstructured.Unstructured) bool {
	on, _, err := unstructured.NestedBool(o.Object, append(templatePath(o), "hostNetwork")...)
	return on && err == nil
}

// firstTag is the tag of the first container's image.
func firstTag(o *unstructured.Unstructured) string {
	list, _, err := unstructured.NestedSlice(o.Object, append(templatePath(o), "containers")...)
	if err != nil || len(list) == 0 {
		return ""
	}
	container, _ := list[0].(map[string]any)
	image, _ := container["image"].(string)
	return tagOf(image)
}
