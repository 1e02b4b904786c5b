package diagnose

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/cniproof/cniproof/internal/flow"
	"github.com/cniproof/cniproof/internal/judge"
	"github.com/cniproof/cniproof/internal/scenario"
)

// step is a step's actions as commands.
func (w *scriptWriter) step(i int, step scenario.Step) scriptStep {
	s := scriptStep{Number: i + 1, Title: quoted(fmt.Sprintf("step %d: %s", i+1, step.Name))}
	for _, act := range step.Acts {
		s.Lines = append(s.Lines, w.act(i, act)...)
	}
	switch {
	case len(s.Lines) == 0:
		s.Lines = []string{": # it does nothing but look"}
	case step.Times > 1:
		s.Lines = append([]string{fmt.Sprintf("for ((round = 0; round < %d; round++)); do", step.Times)}, append(s.Lines, "done")...)
	}
	return s
}

// act is one act of a step as commands.
func (w *scriptWriter) act(i int, act scenario.Act) []string {
	lines, after := w.lives(i, act)
	for _, m := range act.Apply {
		lines = append(lines, w.apply(m, w.evidence.Applied[i]))
	}
	for _, key := range act.Delete {
		lines = append(lines, fmt.Sprintf(`"$KUBECTL" delete networkpolicy -n "${PREFIX}%s" --ignore-not-found %s >/dev/null`, key.Namespace, key.Name))
	}
	for _, change := range act.Label {
		lines = append(lines, label(change))
	}
	lines = append(lines, after...)
	if !act.Restart {
		return lines
	}
	told := `[[ -n ${RESTART:-} ]] || give_up "this step restarts the network plugin: set RESTART to a command that does"`
	if !act.Away {
		return append(lines, told, `eval "$RESTART"`)
	}
	around := []string{told, `eval "$RESTART" &`, "restart=$!", "sleep 1 # until the old agents are gone"}
	return append(append(around, lines...), `wait "$restart"`)
}

func (w *scriptWriter) apply(m scenario.Manifest, b scenario.Binding) string {
	policy, err := m.Fill(b)
	if err != nil {
		return fmt.Sprintf("give_up %s", quoted(err.Error()))
	}
	policy.ObjectMeta = named(policy.ObjectMeta)
	text := w.addresses(document("networking.k8s.io/v1", "NetworkPolicy", policy), b)
	return "fill <<'END' | \"$KUBECTL\" apply -f - >/dev/null\n" + text + "END"
}

func label(change scenario.LabelChange) string {
	words := []string{`"$KUBECTL" label --overwrite`, fmt.Sprintf(`namespace "${PREFIX}%s"`, change.Namespace)}
	if change.Pod != "" {
		words[1] = fmt.Sprintf(`-n "${PREFIX}%s" pod %s`, change.Namespace, change.Pod)
	}
	for _, k := range slices.Sorted(maps.Keys(change.Labels)) {
		if v := change.Labels[k]; v == nil {
			words = append(words, quoted(k+"-"))
		} else {
			words = append(words, labelValue(k, *v))
		}
	}
	return strings.Join(append(words, ">/dev/null"), " ")
}

// labelValue is KEY=VALUE, where the value may be the name of a namespace.
func labelValue(key, value string) string {
	if namespace, is := strings.CutPrefix(value, "${ns."); is {
		return quoted(key+"=") + fmt.Sprintf(`"${PREFIX}%s"`, strings.TrimSuffix(namespace, "}"))
	}
	return quoted(key + "=" + value)
}

// recreate replaces a pod by one of the same name and the labels that it then had.
func (w *scriptWriter) recreate(before int, pod flow.Endpoint) []string {
	var lines []string
	for i, p := range w.stood() {
		if p.endpoint != pod {
			continue
		}
		own := w.evidence.Scenario.Topology.Pods[i]
		own.Labels = w.labels(before, own)
		lines = append(lines,
			fmt.Sprintf(`"$KUBECTL" delete pod -n "${PREFIX}%s" %s --timeout=90s >/dev/null`, pod.Namespace, pod.Name),
			w.put(w.pod(p, own.Labels)),
			"start "+start(own))
	}
	return lines
}

// labels are a pod's after the label changes of so many steps and one more.
func (w *scriptWriter) labels(steps int, p scenario.Pod) map[string]string {
	all := maps.Clone(p.Labels)
	if all == nil {
		all = map[string]string{}
	}
	for _, step := range w.evidence.Scenario.Steps[:steps+1] {
		for _, change := range labelled(step) {
			if flow.Pod(change.Namespace, change.Pod) != p.Endpoint() {
				continue
			}
			for k, v := range change.Labels {
				delete(all, k)
				if v != nil {
					all[k] = *v
				}
			}
		}
	}
	return all
}

// plan is what follows the control: every step, and after each what the flows are
// then expected to do.
func (w *scriptWriter) plan(flows []scriptFlow) []string {
	e := w.evidence
	var lines []string
	for i, step := range e.steps() {
		lines = append(lines, fmt.Sprintf("act step_%d", i+1))
		if i == len(e.Applied)-1 && !e.Closed {
			break
		}
		for _, f := range flows {
			if gone := e.gone(i); len(step.Acts) == 0 || slices.Contains(gone, f.flow.Source) || slices.Contains(gone, f.flow.Destination) {
				continue
			}
			if v := step.Expect.Verdict(f.flow); v == flow.Allow || v == flow.Deny {
				lines = append(lines, fmt.Sprintf(`await %s %s || say "meanwhile: $outcome:" %s`, v, f.Arguments, f.Line))
			}
		}
	}
	if e.Closed {
		lines = append(lines, `say "deleting every policy"`)
		for _, ns := range e.Scenario.Topology.Namespaces {
			lines = append(lines, fmt.Sprintf(`act "$KUBECTL" delete networkpolicy -n "${PREFIX}%s" --all`, ns.Name))
		}
	}
	for _, f := range flows {
		lines = append(lines, fmt.Sprintf("check %s %s %s", w.expected(f.flow), f.Line, f.Arguments))
	}
	return lines
}

func (w *scriptWriter) expected(f flow.Flow) flow.Verdict {
	for _, c := range w.evidence.last().Cells {
		if c.Flow == f {
			return c.Expected
		}
	}
	return flow.Allow
}

// flows are one for each way in which flows were wrong, those first that need least.
func (w *scriptWriter) flows() []scriptFlow {
	last := w.evidence.last()
	var chosen []flow.Flow
	ways := map[string]bool{}
	take := func(f flow.Flow, way string) {
		possible := f.Source.Kind == flow.KindPod && (f.Destination.Kind == flow.KindPod || f.Destination.Kind == flow.KindDNS)
		if possible && !ways[way] && len(chosen) < tried {
			ways[way] = true
			chosen = append(chosen, f)
		}
	}
	for _, c := range wrongCells(last) {
		if c.Observed == flow.OneWay { // a source sees no difference to a denial
			continue
		}
		take(c.Flow, fmt.Sprint(c.Expected, general(c)))
	}
	for _, f := range last.Flaps {
		take(f.Flow, fmt.Sprint(f.Expected, f.Flow.Destination))
	}
	for _, w := range last.Vigil.Wrong() {
		take(w.Flow, fmt.Sprint(w.Kind, w.Flow.Destination))
	}
	for _, c := range last.Cells {
		if len(chosen) == 0 && c.Observed != flow.OneWay && (c.Unclear() || contradicted(c)) {
			take(c.Flow, "")
		}
	}
	list := make([]scriptFlow, len(chosen))
	for i, f := range chosen {
		list[i] = scriptFlow{f, quoted(f.String()), arguments(f)}
	}
	return list
}

// wrongCells are the evidence against the implementation.
func wrongCells(s *judge.Step) []judge.Cell {
	return slices.DeleteFunc(slices.Clone(s.Cells), func(c judge.Cell) bool { return !c.Wrong() })
}

// contradicted reports whether a cell was ever seen with the other verdict.
func contradicted(c judge.Cell) bool {
	for o, n := range c.Outcomes {
		v := flow.Sample{Outcome: o}.Verdict()
		if c.Expected != flow.Undefined && n > 0 && v != flow.Unknown && v != c.Expected {
			return true
		}
	}
	return false
}

// general is a cell's explanation without the names of the flow's ends, which tells
// one way of being wrong from another.
func general(c judge.Cell) string {
	return strings.NewReplacer(c.Flow.Source.String(), "<source>", c.Flow.Destination.String(), "<destination>").Replace(c.Explanation)
}

// arguments are those of the script's see.
func arguments(f flow.Flow) string {
	kind, to := strings.ToLower(f.Protocol.String()), f.Destination
	if to.Kind == flow.KindDNS {
		kind, to = "dns-"+kind, flow.Pod(systemNamespace, "dns")
	}
	via := f.Via
	if via.Service() { // the script knows the address to which the name leads
		via = flow.ClusterIP
	}
	return fmt.Sprintf("%s %s %s %s %s %s %s %d", f.Source.Namespace, f.Source.Name, kind, via, f.Family, to.Namespace, to.Name, f.Port)
}

// quoted is a word in single quotes.
func quoted(word string) string { return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'" }
