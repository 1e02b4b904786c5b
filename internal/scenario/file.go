package scenario

import (
	"io/fs"
	"path"
	"strings"

	"go.yaml.in/yaml/v3"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/cniproof/cniproof/internal/strict"
)

// The kinds of documents that CheckFile knows.
const (
	kindScenario   = "Scenario"
	kindTopology   = "Topology"
	kindPolicy     = "NetworkPolicy"
	kindPolicyList = "NetworkPolicyList"
	kindList       = "List"
)

// versionOf is the apiVersion that belongs to a kind, "" for an unknown kind.
func versionOf(kind string) string {
	switch kind {
	case kindScenario, kindTopology:
		return APIVersion
	case kindPolicy, kindPolicyList:
		return networkingv1.SchemeGroupVersion.String()
	case kindList:
		return "v1"
	}
	return ""
}

// CheckFile reports every mistake of a file, which may hold scenarios, topologies,
// NetworkPolicies and lists of these, in one document or several. NetworkPolicies
// are judged as an API server would; no variables are filled in.
func CheckFile(fsys fs.FS, file string) Problems {
	l := newLoader(fsys)
	text, err := fs.ReadFile(fsys, file)
	if err != nil {
		l.fail(file, "cannot be read: %v", plainCause(err))
		return l.problems
	}
	seen := map[PolicyKey]int{}
	for _, n := range l.documents(file, text) {
		l.check(file, n, seen)
	}
	return l.problems.Sorted()
}

// check reports the mistakes of one document of any kind. seen has the lines of the
// policies that the file has so far.
func (l *loader) check(file string, n *yaml.Node, seen map[PolicyKey]int) {
	d := newDecoder(file)
	switch strict.KindOf(n) {
	case kindScenario:
		l.build(d, n)
	case kindTopology:
		d.topologyFile(n)
	default:
		d.Kubectl = true
		d.object(n, "", seen)
	}
	l.problems = append(l.problems, d.Problems...)
}

// object checks a NetworkPolicy or a list, which stands at a path of a document.
func (d *decoder) object(n *yaml.Node, at string, seen map[PolicyKey]int) {
	switch kind := strict.KindOf(n); kind {
	case kindPolicy:
		var p networkingv1.NetworkPolicy
		d.Document(n, at, &p)
		d.policyHeader(p.TypeMeta, at)
		d.plainPolicy(&p, at, seen)
	case kindList, kindPolicyList:
		d.list(n, at, seen)
	default:
		d.unknownKind(n, kind, at)
	}
}

func (d *decoder) list(n *yaml.Node, at string, seen map[PolicyKey]int) {
	var list listDoc
	d.Document(n, at, &list)
	d.header(list.APIVersion, list.Kind, at)
	for i, item := range list.Items {
		if item.node != nil {
			d.object(item.node, strict.Index(strict.Child(at, "items"), i), seen)
		}
	}
}

// unknownKind says why a document is none that could be checked.
func (d *decoder) unknownKind(n *yaml.Node, kind, at string) {
	known := "Scenario, Topology, NetworkPolicy or List"
	switch {
	case n.Kind != yaml.MappingNode:
		d.Report(n.Line, at, "must be a map with apiVersion and kind, not %s", strict.Describe(n))
	case kind == "":
		d.Report(n.Line, strict.Child(at, "kind"), "is missing: write kind: %s", known)
	default:
		d.Report(n.Line, strict.Child(at, "kind"), "%q cannot be checked: a file holds %s", kind, known)
	}
}

// header checks apiVersion and kind of a document that has been decoded.
func (d *decoder) header(version, kind, at string) {
	at = strict.Child(at, "apiVersion")
	want := versionOf(kind)
	switch {
	case want == "" || version == want:
	case version == "":
		d.Wrong(at, "is missing: write apiVersion: %s (an API server refuses a %s without it)", want, kind)
	case kind == kindPolicy && strings.HasPrefix(version, "extensions/"):
		d.Wrong(at, "%q left Kubernetes in version 1.16: write apiVersion: %s", version, want)
	default:
		d.Wrong(at, "%q is unknown for a %s: write apiVersion: %s", version, kind, want)
	}
}

// policyHeader checks apiVersion and kind where only a NetworkPolicy can stand.
func (d *decoder) policyHeader(have metav1.TypeMeta, at string) {
	if have.Kind != kindPolicy {
		d.Wrong(strict.Child(at, "kind"), "must be NetworkPolicy, not %q", have.Kind)
	}
	d.header(have.APIVersion, kindPolicy, at)
}

// documents parses YAML; a document that holds nothing is left out.
func (l *loader) documents(file string, text []byte) []*yaml.Node {
	list, problems := strict.Documents(file, text)
	l.problems = append(l.problems, problems...)
	return list
}

// scenario reads a file that holds one scenario. It returns nil for a topology,
// which is only checked, and where the file cannot be read as a scenario.
func (l *loader) scenario(file string) *Scenario {
	text, err := fs.ReadFile(l.fsys, file)
	if err != nil {
		l.fail(file, "cannot be read: %v", plainCause(err))
		return nil
	}
	documents := l.documents(file, text)
	if len(documents) == 0 {
		return nil
	}
	if len(documents) > 1 {
		l.problems = append(l.problems, strict.Problem{File: file, Line: documents[1].Line, Message: "a second document begins here: one file holds one scenario"})
	}
	switch kind := strict.KindOf(documents[0]); kind {
	case kindScenario:
		d := newDecoder(file)
		s := l.build(d, documents[0])
		sources(s, documents[0], text)
		l.problems = append(l.problems, d.Problems...)
		return s
	case kindTopology:
		l.cached(file, text)
	case kindPolicy, kindList, kindPolicyList:
		l.fail(file, "holds a %s, not a Scenario: put policies under spec.steps[].apply", kind)
	default:
		l.check(file, documents[0], nil)
	}
	return nil
}

// topology reads a file that holds one topology.
func (l *loader) topology(file string, text []byte) (Topology, bool) {
	documents := l.documents(file, text)
	if len(documents) == 0 {
		return Topology{}, false
	}
	d := newDecoder(file)
	t := d.topologyFile(documents[0])
	l.problems = append(l.problems, d.Problems...)
	return t, len(d.Problems) == 0
}

// stem is the name that a file must hold.
func stem(file string) string {
	return strings.TrimSuffix(path.Base(file), path.Ext(file))
}
