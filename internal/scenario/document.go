package scenario

import (
	"go.yaml.in/yaml/v3"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/cniproof/cniproof/internal/strict"
)

// Problem is one mistake in a file.
type Problem = strict.Problem

// Problems are all the mistakes of all the files that were read, sorted by file
// and line.
type Problems = strict.Problems

// decoder reads the documents of one file.
type decoder struct{ *strict.Decoder }

func newDecoder(file string) *decoder { return &decoder{strict.NewDecoder(file)} }

// The shapes of the files, field by field. What a field means is said in docs and
// checked where it is turned into a Scenario.

type scenarioDoc struct {
	APIVersion string       `json:"apiVersion"`
	Kind       string       `json:"kind"`
	Metadata   nameDoc      `json:"metadata"`
	Spec       scenarioSpec `json:"spec"`
}

type nameDoc struct {
	Name string `json:"name"`
}

type scenarioSpec struct {
	Summary  string       `json:"summary"`
	Level    string       `json:"level"`
	Features []string     `json:"features"`
	Refs     []string     `json:"refs"`
	Control  bool         `json:"control"`
	Canary   bool         `json:"canary"`
	Topology topologyElse `json:"topology"`
	Steps    []stepDoc    `json:"steps"`
}

type topologyFile struct {
	APIVersion string      `json:"apiVersion"`
	Kind       string      `json:"kind"`
	Metadata   nameDoc     `json:"metadata"`
	Spec       topologyDoc `json:"spec"`
}

// topologyElse is a topology or the name of a shared one.
type topologyElse struct {
	shared string
	own    topologyDoc
}

func (t *topologyElse) DecodeYAML(d *strict.Decoder, n *yaml.Node, path string) {
	if n.Kind == yaml.ScalarNode {
		t.shared, _ = d.Text(n, path)
		return
	}
	d.Document(n, path, &t.own)
}

type topologyDoc struct {
	Namespaces  map[string]namespaceDoc `json:"namespaces"`
	Pods        map[string]podDoc       `json:"pods"`
	External    externalDoc             `json:"external"`
	Nodes       nodesDoc                `json:"nodes"`
	DNS         bool                    `json:"dns"`
	Itself      bool                    `json:"itself"`
	Echo        bool                    `json:"echo"`
	Direct      bool                    `json:"direct"`
	Datagram    int                     `json:"datagram"`
	Stream      int                     `json:"stream"`
	Established bool                    `json:"established"`
	Readiness   bool                    `json:"readiness"`
	NodePort    bool                    `json:"nodePort"`
	SourcePort  intstr.IntOrString      `json:"sourcePort"`
}

type namespaceDoc struct {
	Labels map[string]string `json:"labels"`
}

type podDoc struct {
	Labels      map[string]string `json:"labels"`
	Node        int               `json:"node"`
	Ports       []string          `json:"ports"`
	Sidecar     []string          `json:"sidecar"`
	InitSidecar []string          `json:"initSidecar"`
	HostNetwork bool              `json:"hostNetwork"`
}

type externalDoc struct {
	Hosts int      `json:"hosts"`
	Ports []string `json:"ports"`
}

type nodesDoc struct {
	Ports []string `json:"ports"`
}

type stepDoc struct {
	Name      string                        `json:"name"`
	Ready     map[string]bool               `json:"ready"`
	Apply     []networkingv1.NetworkPolicy  `json:"apply"`
	Delete    []string                      `json:"delete"`
	Label     map[string]map[string]*string `json:"label"`
	Recreate  []string                      `json:"recreate"`
	Renew     map[string]namespaceDoc       `json:"renew"`
	Complete  []string                      `json:"complete"`
	Terminate []string                      `json:"terminate"`
	Reuse     map[string]string             `json:"reuse"`
	Eager     map[string]string             `json:"eager"`
	Restart   restartDoc                    `json:"restart"`
	Acts      []actDoc                      `json:"acts"`
	Times     *int                          `json:"times"`
	Steady    bool                          `json:"steady"`
	Open      bool                          `json:"open"`
	Within    string                        `json:"within"`
	Hold      string                        `json:"hold"`
	Expect    expectDoc                     `json:"expect"`
}

// actDoc is an act of several; stepDoc has the same fields for a step of one.
type actDoc struct {
	Ready    map[string]bool               `json:"ready"`
	Apply    []networkingv1.NetworkPolicy  `json:"apply"`
	Delete   []string                      `json:"delete"`
	Label    map[string]map[string]*string `json:"label"`
	Recreate []string                      `json:"recreate"`
	Restart  restartDoc                    `json:"restart"`
}

type expectDoc struct {
	Default string    `json:"default"`
	Flows   []lineDoc `json:"flows"`
}

type lineDoc struct {
	Allow     string `json:"allow"`
	Deny      string `json:"deny"`
	Undefined string `json:"undefined"`
}

// listDoc is a v1 List or a NetworkPolicyList; its items are read one by one.
type listDoc struct {
	APIVersion string                `json:"apiVersion"`
	Kind       string                `json:"kind"`
	Metadata   map[string]yamlAnyhow `json:"metadata"`
	Items      []undecoded           `json:"items"`
}

// undecoded keeps a node for later.
type undecoded struct{ node *yaml.Node }

func (u *undecoded) DecodeYAML(_ *strict.Decoder, n *yaml.Node, _ string) { u.node = n }

// yamlAnyhow is a value that nobody looks at.
type yamlAnyhow struct{}

func (*yamlAnyhow) DecodeYAML(*strict.Decoder, *yaml.Node, string) {}
