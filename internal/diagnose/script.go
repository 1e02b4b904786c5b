package diagnose

import (
	_ "embed"
	"fmt"
	"maps"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"text/template"

	corev1 "k8s.io/api/core/v1"

	"github.com/cniproof/cniproof/internal/flow"
	"github.com/cniproof/cniproof/internal/judge"
	"github.com/cniproof/cniproof/internal/scenario"
)

//go:embed reproduce.sh.tmpl
var reproduce string

// serviceOffset is what a Service's port has more than its pod's.
const serviceOffset = 20000

// tried is how many flows a script tries at most.
const tried = 5

// scriptData is what the template is filled with. All strings in it are quoted for
// the shell where they stand in a command.
type scriptData struct {
	Scenario   string
	About      []string
	Count      int
	Image      string
	Within     int
	Offset     int
	Hold       bool
	Restarts   bool
	Datagram   int             // bytes of a UDP probe; 0: few
	Stream     int             // bytes of a TCP probe; 0: few
	Completes  bool            // a pod
	Reuses     bool            // an address
	Renews     bool            // a namespace
	Lingering  []flow.Endpoint // pods that would use all of a long grace period
	Gated      []flow.Endpoint // pods that are ready only when they are said to be
	Condition  string          // that their readiness gates are for
	Nodes      []scriptNode
	Namespaces []string
	Topology   string
	Starts     []string
	Earlier    []string // commands that earlier scenarios make necessary
	Steps      []scriptStep
	Flows      []scriptFlow
	Plan       []string // what is done after the control, a command each
}

type scriptNode struct{ Variable, Name string }

type scriptStep struct {
	Number int
	Title  string
	Lines  []string
}

type scriptFlow struct {
	flow      flow.Flow
	Line      string
	Arguments string
}

// script is the reproducer, or why there is none.
func script(e *Evidence, s *Snapshot) (text, why string) {
	if why := unscriptable(e, s); why != "" {
		return "", why
	}
	w := &scriptWriter{evidence: e, snapshot: s}
	data := w.data()
	if len(data.Flows) == 0 {
		return "", "every flow in question has an end that kubectl cannot make, a host outside or a node, or is wrong where its source cannot see it"
	}
	var b strings.Builder
	if err := template.Must(template.New("reproduce.sh").Parse(reproduce)).Execute(&b, data); err != nil {
		return "", err.Error()
	}
	return b.String(), ""
}

// unscriptable says what kubectl alone cannot repeat, or "".
func unscriptable(e *Evidence, s *Snapshot) string {
	unmade := unmade(e)
	switch {
	case len(e.Applied) == 0:
		return "the trouble came before the first step"
	case unmade != "":
		return "kubectl alone cannot do the same: " + unmade
	case e.last() == nil || len(e.last().Cells)+len(e.last().Flaps) == 0:
		return "nothing was judged"
	}
	w := &scriptWriter{evidence: e, snapshot: s}
	for _, p := range w.stood() {
		if p.pod == nil {
			return fmt.Sprintf("pod %s was not there any more", p.endpoint)
		}
	}
	return ""
}

// labelled are all label changes of a step, in order.
func labelled(step scenario.Step) []scenario.LabelChange {
	var list []scenario.LabelChange
	for _, act := range step.Acts {
		list = append(list, act.Label...)
	}
	return list
}

const systemNamespace = "kube-system"

// steps are those that were begun.
func (e *Evidence) steps() []scenario.Step { return e.Scenario.Steps[:len(e.Applied)] }

type scriptWriter struct {
	evidence *Evidence
	snapshot *Snapshot
	nodes    []string
}

func (w *scriptWriter) data() scriptData {
	e := w.evidence
	d := scriptData{
		Scenario: e.Scenario.Name, Image: e.Image, Within: 30, Offset: serviceOffset,
		Hold:     len(e.last().Flaps) > 0 || e.last().Result == judge.Fail && len(wrongCells(e.last())) == 0,
		Topology: w.topology(),
		Flows:    w.flows(),
		Datagram: e.Scenario.Topology.Datagram, Stream: e.Scenario.Topology.Stream, Lingering: e.Scenario.Topology.Terminating,
		Gated: e.Scenario.Topology.Gated, Condition: scenario.ConditionReady,
	}
	d.Count = len(d.Flows)
	d.About = []string{fmt.Sprintf("%s: %s", stepName(e.last()), e.last().Reason)}
	for _, ns := range e.Scenario.Topology.Namespaces {
		d.Namespaces = append(d.Namespaces, ns.Name)
	}
	for _, p := range e.Scenario.Topology.Pods {
		d.Starts = append(d.Starts, start(p))
	}
	for i, p := range e.Scenario.Topology.Pods {
		if slices.Contains(e.Inherited, p.Endpoint()) && w.stood()[i].pod != nil {
			d.Earlier = append(d.Earlier, w.recreate(-1, p.Endpoint())...)
		}
	}
	for i, name := range w.nodes {
		d.Nodes = append(d.Nodes, scriptNode{nodeVariable(i), name})
	}
	for i, step := range e.steps() {
		d.Steps = append(d.Steps, w.step(i, step))
		d.Restarts = d.Restarts || step.Restarts()
		for _, act := range step.Acts {
			d.Completes = d.Completes || len(act.Complete) > 0
			d.Reuses = d.Reuses || len(act.Reuse) > 0
			d.Renews = d.Renews || len(act.Renew) > 0
		}
	}
	d.Plan = w.plan(d.Flows)
	return d
}

func stepName(s *judge.Step) string {
	if s.Control {
		return s.Name
	}
	return fmt.Sprintf("step %q", s.Name)
}

func nodeVariable(i int) string { return fmt.Sprintf("NODE_%d", i+1) }

// start is the arguments of the script's start.
func start(p scenario.Pod) string {
	words := []string{p.Namespace, p.Name}
	for _, port := range p.Ports {
		words = append(words, fmt.Sprintf("%s/%d", strings.ToLower(port.Protocol.String()), port.Number))
	}
	return strings.Join(words, " ")
}

// topology is what stood before the first step.
func (w *scriptWriter) topology() string {
	e := w.evidence
	var docs []string
	for _, ns := range e.Scenario.Topology.Namespaces {
		realName := e.Binding.Namespaces[ns.Name]
		docs = append(docs, document("v1", "Namespace", namespaceObject(realName, w.secured(realName, ns.Labels))))
	}
	for i, p := range w.stood() {
		docs = append(docs, w.pod(p, e.Scenario.Topology.Pods[i].Labels))
	}
	for i := range w.snapshot.Services {
		docs = append(docs, document("v1", "Service", serviceObject(&w.snapshot.Services[i])))
	}
	return w.general(strings.Join(docs, "---\n"))
}

const securityLabel = "pod-security.kubernetes.io/enforce"

// pod is a pod on the node where it was, with these labels besides cniproof's own.
func (w *scriptWriter) pod(p place, labels map[string]string) string {
	object := podObject(p.pod)
	object.Labels = map[string]string{}
	for k, v := range p.pod.Labels {
		if strings.HasPrefix(k, "cniproof.dev/") {
			object.Labels[k] = v
		}
	}
	maps.Copy(object.Labels, labels)
	if slices.Contains(w.evidence.Scenario.Topology.Completing, p.endpoint) {
		object.Spec.RestartPolicy = corev1.RestartPolicyNever
	}
	object.Spec.ReadinessGates = nil
	if slices.Contains(w.evidence.Scenario.Topology.Gated, p.endpoint) {
		object.Spec.ReadinessGates = []corev1.PodReadinessGate{{ConditionType: scenario.ConditionReady}}
	}
	i := slices.Index(w.nodes, p.pod.Spec.NodeName)
	if i < 0 {
		i = len(w.nodes)
		w.nodes = append(w.nodes, p.pod.Spec.NodeName)
	}
	object.Spec.NodeSelector = map[string]string{corev1.LabelHostname: "@" + nodeVariable(i) + "@"}
	for i := range object.Spec.Containers {
		object.Spec.Containers[i].Image = "@IMAGE@"
	}
	return document("v1", "Pod", object)
}

// general puts placeholders where names and addresses of the run stand.
func (w *scriptWriter) general(text string) string {
	e := w.evidence
	for name, realName := range e.Binding.Namespaces {
		if prefix, ok := strings.CutSuffix(realName, name); ok && prefix != "" {
			text = strings.ReplaceAll(text, prefix, "@PREFIX@")
		}
	}
	return text
}

// addresses is general for a policy, with the addresses of pods.
func (w *scriptWriter) addresses(text string, b scenario.Binding) string {
	for _, p := range w.evidence.Scenario.Topology.Pods {
		for _, a := range b.Addresses[p.Endpoint()] {
			word := fmt.Sprintf("@IP4:%s@", p.Endpoint())
			if a.Is6() {
				word = fmt.Sprintf("@IP6:%s@", p.Endpoint())
			}
			text = wholeAddress(a).ReplaceAllString(text, "${1}"+word+"${2}")
		}
	}
	return w.general(text)
}

// wholeAddress finds an address that is not part of a longer one.
func wholeAddress(a netip.Addr) *regexp.Regexp {
	return regexp.MustCompile(`(?m)(^|[^0-9a-fA-F.:])` + regexp.QuoteMeta(a.String()) + `($|[^0-9a-fA-F.:])`)
}
