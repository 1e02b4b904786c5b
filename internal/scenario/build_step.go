package scenario

import (
	"maps"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/cniproof/cniproof/internal/flow"
	"github.com/cniproof/cniproof/internal/spelling"
	"github.com/cniproof/cniproof/internal/strict"
)

func (b *builder) steps(docs []stepDoc) {
	if len(docs) == 0 {
		b.Wrong("spec.steps", "is missing: a scenario needs at least one step")
	}
	for i, doc := range docs {
		at := strict.Index("spec.steps", i)
		b.stepName(doc.Name, docs[:i], at)
		b.s.Steps = append(b.s.Steps, b.step(doc, at))
	}
}

func (b *builder) stepName(name string, before []stepDoc, at string) {
	if strings.TrimSpace(name) == "" {
		b.Wrong(strict.Child(at, "name"), "is missing: every step needs a name")
		return
	}
	for i, other := range before {
		if other.Name == name {
			b.Wrong(strict.Child(at, "name"), "%q is the name of step %d already", name, i+1)
		}
	}
}

func (b *builder) step(doc stepDoc, at string) Step {
	s := Step{
		Name:   doc.Name,
		Acts:   b.acts(doc, at),
		Times:  1,
		Steady: doc.Steady,
		Open:   doc.Open,
		Within: b.duration(doc.Within, strict.Child(at, "within")),
		Hold:   b.duration(doc.Hold, strict.Child(at, "hold")),
		Expect: b.expectation(doc.Expect, strict.Child(at, "expect")),
	}
	s.Expect.gone, s.Expect.terminating = maps.Clone(b.gone), maps.Clone(b.terminating)
	s.Expect.onHost = b.s.Topology.onHost()
	b.opens(&s, at)
	b.sequence(&s, doc, at)
	return s
}

func (b *builder) apply(doc actDoc, at string) []Manifest {
	var list []Manifest
	now := map[PolicyKey]bool{}
	for i := range doc.Apply {
		m := Manifest{policy: &doc.Apply[i]}
		path := strict.Index(strict.Child(at, "apply"), i)
		b.policyHeader(m.policy.TypeMeta, path)
		b.scenarioPolicy(m, path)
		if now[m.Key()] {
			b.Wrong(path, "%s is applied twice in one step: spread it over two steps or acts", m.Key())
		}
		now[m.Key()], b.policies[m.Key()] = true, true
		list = append(list, m)
	}
	return list
}

func (b *builder) deletions(texts []string, at string) (list []PolicyKey, pods []flow.Endpoint) {
	for i, text := range texts {
		path := strict.Index(at, i)
		if strings.HasPrefix(text, "pod/") {
			if pod, ok := b.removal(text, path); ok {
				pods = append(pods, pod)
			}
			continue
		}
		parts := strings.Split(text, "/")
		if len(parts) != 3 || parts[0] != "networkpolicy" || parts[1] == "" || parts[2] == "" {
			b.Wrong(path, "%q must be networkpolicy/NAMESPACE/NAME, or pod/NAMESPACE/NAME of a completed pod", text)
			continue
		}
		key := PolicyKey{parts[1], parts[2]}
		if !b.policies[key] {
			b.Wrong(path, "policy %q does not exist at this step: %s", key.String(), spelling.Suggest(key.String(), b.existing()))
		}
		delete(b.policies, key)
		list = append(list, key)
	}
	return list, pods
}

func (b *builder) existing() []string {
	var list []string
	for key := range b.policies {
		list = append(list, key.String())
	}
	slices.Sort(list)
	return list
}

// labelChanges reads a map from NAMESPACE or NAMESPACE/POD to labels.
func (b *builder) labelChanges(changes map[string]map[string]*string, at string) []LabelChange {
	var list []LabelChange
	for _, target := range slices.Sorted(maps.Keys(changes)) {
		path := strict.Entry(at, target)
		namespace, pod, isPod := strings.Cut(target, "/")
		if isPod {
			b.podExists(flow.Pod(namespace, pod), path)
		} else if namespace != kubeSystem {
			b.namespaceExists(namespace, path)
		}
		if len(changes[target]) == 0 {
			b.Wrong(path, "names no label: write KEY: VALUE, or KEY: null to remove one")
		}
		for _, key := range slices.Sorted(maps.Keys(changes[target])) {
			b.newLabel(key, changes[target][key], isPod, strict.Entry(path, key))
		}
		list = append(list, LabelChange{namespace, pod, changes[target]})
	}
	return list
}

// newLabel checks a label that a step sets; its value may be ${ns.NAME}. A pod may have the
// label by which a namespace is known by its name, where it means nothing.
func (b *builder) newLabel(key string, value *string, ofPod bool, path string) {
	if !ofPod || key != nameLabel {
		b.label(key, nil, path)
	}
	if value == nil {
		return
	}
	whole := reference.FindString(*value)
	if whole == "" {
		b.Wrongs(path, validation.IsValidLabelValue(*value))
		return
	}
	v, err := parseVariable(whole[2 : len(whole)-1])
	if err != nil || v.namespace == "" || whole != *value {
		b.Wrong(path, "%q is no label value: of variables ${ns.NAME} alone may be one, with nothing beside it", *value)
		return
	}
	b.namespaceExists(v.namespace, path)
}

func (b *builder) recreations(texts []string, at string) []flow.Endpoint {
	var list []flow.Endpoint
	for i, text := range texts {
		path := strict.Index(at, i)
		namespace, name, ok := strings.Cut(text, "/")
		if !ok {
			b.Wrong(path, "%q must be NAMESPACE/POD", text)
			continue
		}
		pod := flow.Pod(namespace, name)
		b.podExists(pod, path)
		b.ownNetwork(pod, path)
		if slices.Contains(list, pod) {
			b.Wrong(path, "%q is listed twice", text)
		}
		list = append(list, pod)
	}
	return list
}

func (b *builder) podExists(pod flow.Endpoint, path string) {
	if b.named && !b.s.Topology.hasNamespace(pod.Namespace) {
		b.namespaceExists(pod.Namespace, path)
	} else if b.named && !b.s.Topology.hasPod(pod) {
		b.Wrong(path, "pod %q is not in the topology: %s", pod.String(), spelling.Suggest(pod.String(), b.s.Topology.podNames()))
	}
}

func (b *builder) namespaceExists(name, path string) {
	if b.named && !b.s.Topology.hasNamespace(name) {
		b.Wrong(path, "namespace %q is not in the topology: %s", name, spelling.Suggest(name, b.s.Topology.namespaceNames()))
	}
}

func (b *builder) duration(text, path string) time.Duration {
	if text == "" {
		return 0
	}
	limit, err := time.ParseDuration(text)
	if err != nil || limit <= 0 {
		b.Wrong(path, "%q must be a duration above zero, such as 30s or 2m", text)
		return 0
	}
	return limit
}
