package scenario

import (
	"slices"
	"strings"
	"time"

	"github.com/cniproof/cniproof/internal/flow"
)

func (b *builder) steps(docs []stepDoc) {
	if len(docs) == 0 {
		b.wrong("spec.steps", "is missing: a scenario needs at least one step")
	}
	for i, doc := range docs {
		at := index("spec.steps", i)
		b.stepName(doc.Name, docs[:i], at)
		b.s.Steps = append(b.s.Steps, b.step(doc, at))
	}
}

func (b *builder) stepName(name string, before []stepDoc, at string) {
	if strings.TrimSpace(name) == "" {
		b.wrong(child(at, "name"), "is missing: every step needs a name")
		return
	}
	for i, other := range before {
		if other.Name == name {
			b.wrong(child(at, "name"), "%q is the name of step %d already", name, i+1)
		}
	}
}

func (b *builder) step(doc stepDoc, at string) Step {
	return Step{
		Name:     doc.Name,
		Apply:    b.apply(doc, at),
		Delete:   b.deletions(doc.Delete, child(at, "delete")),
		Label:    b.labelChanges(doc.Label, child(at, "label")),
		Recreate: b.recreations(doc.Recreate, child(at, "recreate")),
		Restart:  doc.Restart,
		Within:   b.duration(doc.Within, child(at, "within")),
		Hold:     b.duration(doc.Hold, child(at, "hold")),
		Expect:   b.expectation(doc.Expect, child(at, "expect")),
	}
}

func (b *builder) apply(doc stepDoc, at string) []Manifest {
	var list []Manifest
	now := map[PolicyKey]bool{}
	for i := range doc.Apply {
		m := Manifest{policy: &doc.Apply[i]}
		path := index(child(at, "apply"), i)
		b.policyHeader(m.policy.TypeMeta, path)
		b.scenarioPolicy(m, path)
		if now[m.Key()] {
			b.wrong(path, "%s is applied twice in one step: spread it over two steps", m.Key())
		}
		now[m.Key()], b.policies[m.Key()] = true, true
		list = append(list, m)
	}
	return list
}

func (b *builder) deletions(texts []string, at string) []PolicyKey {
	var list []PolicyKey
	for i, text := range texts {
		path := index(at, i)
		parts := strings.Split(text, "/")
		if len(parts) != 3 || parts[0] != "networkpolicy" || parts[1] == "" || parts[2] == "" {
			b.wrong(path, "%q must be networkpolicy/NAMESPACE/NAME", text)
			continue
		}
		key := PolicyKey{parts[1], parts[2]}
		if !b.policies[key] {
			b.wrong(path, "policy %q does not exist at this step: %s", key.String(), suggestion(key.String(), b.existing()))
		}
		delete(b.policies, key)
		list = append(list, key)
	}
	return list
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
	for _, target := range names(changes) {
		path := entry(at, target)
		namespace, pod, isPod := strings.Cut(target, "/")
		if isPod {
			b.podExists(flow.Pod(namespace, pod), path)
		} else if namespace != kubeSystem {
			b.namespaceExists(namespace, path)
		}
		if len(changes[target]) == 0 {
			b.wrong(path, "names no label: write KEY: VALUE, or KEY: null to remove one")
		}
		for _, key := range names(changes[target]) {
			b.label(key, changes[target][key], entry(path, key))
		}
		list = append(list, LabelChange{namespace, pod, changes[target]})
	}
	return list
}

func (b *builder) recreations(texts []string, at string) []flow.Endpoint {
	var list []flow.Endpoint
	for i, text := range texts {
		path := index(at, i)
		namespace, name, ok := strings.Cut(text, "/")
		if !ok {
			b.wrong(path, "%q must be NAMESPACE/POD", text)
			continue
		}
		pod := flow.Pod(namespace, name)
		b.podExists(pod, path)
		if slices.Contains(list, pod) {
			b.wrong(path, "%q is listed twice", text)
		}
		list = append(list, pod)
	}
	return list
}

func (b *builder) podExists(pod flow.Endpoint, path string) {
	if b.named && !b.s.Topology.hasNamespace(pod.Namespace) {
		b.namespaceExists(pod.Namespace, path)
	} else if b.named && !b.s.Topology.hasPod(pod) {
		b.wrong(path, "pod %q is not in the topology: %s", pod.String(), suggestion(pod.String(), b.s.Topology.podNames()))
	}
}

func (b *builder) namespaceExists(name, path string) {
	if b.named && !b.s.Topology.hasNamespace(name) {
		b.wrong(path, "namespace %q is not in the topology: %s", name, suggestion(name, b.s.Topology.namespaceNames()))
	}
}

func (b *builder) duration(text, path string) time.Duration {
	if text == "" {
		return 0
	}
	limit, err := time.ParseDuration(text)
	if err != nil || limit <= 0 {
		b.wrong(path, "%q must be a duration above zero, such as 30s or 2m", text)
		return 0
	}
	return limit
}
