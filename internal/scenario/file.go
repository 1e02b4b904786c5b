package scenario

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
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
	return l.problems.sorted()
}

// check reports the mistakes of one document of any kind. seen has the lines of the
// policies that the file has so far.
func (l *loader) check(file string, n *yaml.Node, seen map[PolicyKey]int) {
	d := newDecoder(file)
	switch kindOf(n) {
	case kindScenario:
		l.build(d, n)
	case kindTopology:
		d.topologyFile(n)
	default:
		d.kubectl = true
		d.object(n, "", seen)
	}
	l.problems = append(l.problems, d.problems...)
}

// object checks a NetworkPolicy or a list, which stands at a path of a document.
func (d *decoder) object(n *yaml.Node, at string, seen map[PolicyKey]int) {
	switch kind := kindOf(n); kind {
	case kindPolicy:
		var p networkingv1.NetworkPolicy
		d.document(n, at, &p)
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
	d.document(n, at, &list)
	d.header(list.APIVersion, list.Kind, at)
	for i, item := range list.Items {
		if item.node != nil {
			d.object(item.node, index(child(at, "items"), i), seen)
		}
	}
}

// unknownKind says why a document is none that could be checked.
func (d *decoder) unknownKind(n *yaml.Node, kind, at string) {
	known := "Scenario, Topology, NetworkPolicy or List"
	switch {
	case n.Kind != yaml.MappingNode:
		d.report(n.Line, at, "must be a map with apiVersion and kind, not %s", describe(n))
	case kind == "":
		d.report(n.Line, child(at, "kind"), "is missing: write kind: %s", known)
	default:
		d.report(n.Line, child(at, "kind"), "%q cannot be checked: a file holds %s", kind, known)
	}
}

// header checks apiVersion and kind of a document that has been decoded.
func (d *decoder) header(version, kind, at string) {
	at = child(at, "apiVersion")
	want := versionOf(kind)
	switch {
	case want == "" || version == want:
	case version == "":
		d.wrong(at, "is missing: write apiVersion: %s (an API server refuses a %s without it)", want, kind)
	case kind == kindPolicy && strings.HasPrefix(version, "extensions/"):
		d.wrong(at, "%q left Kubernetes in version 1.16: write apiVersion: %s", version, want)
	default:
		d.wrong(at, "%q is unknown for a %s: write apiVersion: %s", version, kind, want)
	}
}

// policyHeader checks apiVersion and kind where only a NetworkPolicy can stand.
func (d *decoder) policyHeader(have metav1.TypeMeta, at string) {
	if have.Kind != kindPolicy {
		d.wrong(child(at, "kind"), "must be NetworkPolicy, not %q", have.Kind)
	}
	d.header(have.APIVersion, kindPolicy, at)
}

// kindOf peeks at the kind of a document.
func kindOf(n *yaml.Node) string {
	if n.Kind != yaml.MappingNode {
		return ""
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == "kind" {
			return n.Content[i+1].Value
		}
	}
	return ""
}

// documents parses YAML; a document that holds nothing is left out.
func (l *loader) documents(file string, text []byte) []*yaml.Node {
	var list []*yaml.Node
	for decoder := yaml.NewDecoder(bytes.NewReader(text)); ; {
		var n yaml.Node
		err := decoder.Decode(&n)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			l.problems = append(l.problems, syntaxProblem(file, err))
			return list
		}
		if n.Kind == yaml.DocumentNode && len(n.Content) == 1 && !isNull(n.Content[0]) {
			list = append(list, n.Content[0])
		}
	}
	if len(list) == 0 {
		l.fail(file, "holds no document")
	}
	return list
}

var syntaxLine = regexp.MustCompile(`^yaml: (?:line (\d+): )?(.*)$`)

func syntaxProblem(file string, err error) Problem {
	p := Problem{File: file, Message: fmt.Sprintf("is not YAML: %v", err)}
	if parts := syntaxLine.FindStringSubmatch(err.Error()); parts != nil {
		p.Line, _ = strconv.Atoi(parts[1]) // "" is line 0, an unknown one
		p.Message = "is not YAML: " + parts[2]
	}
	return p
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
		l.problems = append(l.problems, Problem{File: file, Line: documents[1].Line, Message: "a second document begins here: one file holds one scenario"})
	}
	switch kind := kindOf(documents[0]); kind {
	case kindScenario:
		d := newDecoder(file)
		s := l.build(d, documents[0])
		l.problems = append(l.problems, d.problems...)
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
	l.problems = append(l.problems, d.problems...)
	return t, len(d.problems) == 0
}

// stem is the name that a file must hold.
func stem(file string) string {
	return strings.TrimSuffix(path.Base(file), path.Ext(file))
}
