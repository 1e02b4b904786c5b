package cni

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/yaml"
	sigsyaml "sigs.k8s.io/yaml"
)

// decode reads YAML documents as they stand. Nothing is defaulted and no field is
// lost, which reading them into Go types would do. A document that holds nothing is
// left out; one that is no object is an error. Lists are taken apart.
func decode(text []byte) ([]*unstructured.Unstructured, error) {
	var list []*unstructured.Unstructured
	reader := yaml.NewYAMLReader(bufio.NewReader(bytes.NewReader(text)))
	for number := 1; ; number++ {
		document, err := reader.Read()
		if errors.Is(err, io.EOF) {
			return list, nil
		}
		if err != nil {
			return nil, fmt.Errorf("document %d: %w", number, err)
		}
		found, err := decodeOne(document)
		if err != nil {
			return nil, fmt.Errorf("document %d: %w", number, err)
		}
		list = append(list, found...)
	}
}

func decodeOne(document []byte) ([]*unstructured.Unstructured, error) {
	text, err := sigsyaml.YAMLToJSON(document)
	if err != nil {
		return nil, fmt.Errorf("is not YAML: %w", err)
	}
	if string(text) == "null" {
		return nil, nil
	}
	var header metav1.TypeMeta
	if json.Unmarshal(text, &header) != nil || header.APIVersion == "" || header.Kind == "" {
		return nil, errors.New("is no object, which is a map with apiVersion and kind")
	}
	decoded, err := runtime.Decode(unstructured.UnstructuredJSONScheme, text)
	if err != nil {
		return nil, err
	}
	switch o := decoded.(type) {
	case *unstructured.UnstructuredList:
		return items(o)
	case *unstructured.Unstructured:
		return named(o)
	}
	return nil, fmt.Errorf("is a %T", decoded)
}

func items(list *unstructured.UnstructuredList) ([]*unstructured.Unstructured, error) {
	var found []*unstructured.Unstructured
	for i := range list.Items {
		one, err := named(&list.Items[i])
		if err != nil {
			return nil, fmt.Errorf("item %d: %w", i+1, err)
		}
		found = append(found, one...)
	}
	return found, nil
}

func named(o *unstructured.Unstructured) ([]*unstructured.Unstructured, error) {
	if o.GetName() == "" {
		return nil, fmt.Errorf("a %s without metadata.name", o.GetKind())
	}
	return []*unstructured.Unstructured{o}, nil
}

// title names an object for people.
func title(o *unstructured.Unstructured) string {
	name := o.GetName()
	if ns := o.GetNamespace(); ns != "" {
		name = ns + "/" + name
	}
	return strings.ToLower(o.GetKind()) + " " + name
}

// templatePath is where a workload has the spec of its pods.
func templatePath(o *unstructured.Unstructured) []string {
	switch o.GetKind() {
	case "Pod":
		return []string{"spec"}
	case "CronJob":
		return []string{"spec", "jobTemplate", "spec", "template", "spec"}
	}
	return []string{"spec", "template", "spec"}
}

// eachContainer calls do for every container of an object and writes back what it changed.
func eachContainer(o *unstructured.Unstructured, do func(container map[string]any)) error {
	for _, field := range []string{"initContainers", "containers"} {
		at := append(templatePath(o), field)
		list, ok, err := unstructured.NestedSlice(o.Object, at...)
		if !ok || err != nil {
			continue
		}
		for _, item := range list {
			if container, ok := item.(map[string]any); ok {
				do(container)
			}
		}
		if err := unstructured.SetNestedSlice(o.Object, list, at...); err != nil {
			return fmt.Errorf("%s: %w", title(o), err)
		}
	}
	return nil
}

// images are the images that an object's containers name, in order.
func images(o *unstructured.Unstructured) []string {
	var list []string
	// Nothing is changed, so that nothing can fail.
	_ = eachContainer(o, func(c map[string]any) {
		if image, ok := c["image"].(string); ok && !slices.Contains(list, image) {
			list = append(list, image)
		}
	})
	return list
}

// setImages gives images the tags that the entry wants. A name that no container
// has is an error: the manifest is not what the entry was written for.
func setImages(objects []*unstructured.Unstructured, tags map[string]string) error {
	left := map[string]bool{}
	for image := range tags {
		left[image] = true
	}
	for _, o := range objects {
		err := eachContainer(o, func(c map[string]any) {
			image, _ := c["image"].(string)
			if tag, repository := tagFor(image, tags); tag != "" {
				c["image"] = repository + ":" + tag
				delete(left, repository)
			}
		})
		if err != nil {
			return err
		}
	}
	for image := range left {
		return fmt.Errorf("no container has the image %q, whose tag the entry sets: the manifest is not the one that it was written for", image)
	}
	return nil
}

// tagFor finds the tag for an image, and the name by which the entry calls it.
func tagFor(image string, tags map[string]string) (tag, repository string) {
	have, err := name.ParseReference(image)
	if err != nil {
		return "", ""
	}
	for wanted, tag := range tags {
		if r, err := name.NewRepository(wanted); err == nil && r.Name() == have.Context().Name() {
			return tag, wanted
		}
	}
	return "", ""
}
