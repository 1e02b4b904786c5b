package adopt

import (
	"bytes"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"

	networkingv1 "k8s.io/api/networking/v1"
	"sigs.k8s.io/yaml"

	"github.com/cniproof/cniproof/internal/flow"
	"github.com/cniproof/cniproof/internal/scenario"
)

// page is what of the file is computed.
type page struct {
	otherwise             line
	lines                 []line
	control               bool
	reasons               reasons
	allowed, denied, open int // flows
}

func (p *page) count(flows []flow.Flow, expect func(flow.Flow) flow.Verdict) {
	for _, f := range flows {
		switch expect(f) {
		case flow.Allow:
			p.allowed++
		case flow.Deny:
			p.denied++
		case flow.Undefined, flow.Unknown, flow.OneWay:
			p.open++
		}
	}
}

// writer writes YAML by hand, so that it can hold comments.
type writer struct{ bytes.Buffer }

func (w *writer) line(format string, args ...any) { fmt.Fprintf(w, format+"\n", args...) }

// comment writes a paragraph of comment, broken into lines.
func (w *writer) comment(indent int, first, text string) {
	const width = 116
	prefix, rest := strings.Repeat(" ", indent)+"# "+first, strings.Repeat(" ", indent)+"# "+strings.Repeat(" ", len(first))
	at := prefix
	for _, word := range strings.Fields(text) {
		if len(at)+1+len(word) > width && strings.TrimSpace(at) != strings.TrimSpace(prefix) && at != rest {
			w.line("%s", strings.TrimRight(at, " "))
			at = rest
		}
		if at != prefix && at != rest {
			at += " "
		}
		at += word
	}
	w.line("%s", strings.TrimRight(at, " "))
}

func (i *importer) write(p page) []byte {
	var w writer
	i.head(&w, p)
	i.topology(&w)
	w.line("  steps:")
	w.line("  - name: %s", stepApplied)
	w.line("    apply:")
	for _, policy := range i.policies {
		w.policy(policy)
	}
	w.expect(p)
	w.line("  - name: %s", stepRemoved)
	w.line("    delete:")
	for _, policy := range i.policies {
		w.line("    - %s", quoted("networkpolicy/"+policy.Namespace+"/"+policy.Name))
	}
	w.line("    expect: {default: allow}")
	return w.Bytes()
}

func (i *importer) head(w *writer, p page) {
	w.comment(0, "", fmt.Sprintf("Made by `cniproof import` from %s: %s, %s.", i.where(),
		plural(len(i.workloads), "workload"), plural(len(i.policies), "NetworkPolicy")))
	w.line("#")
	w.comment(0, "", "THE EXPECTATIONS WERE COMPUTED from the policies by cniproof's oracle. No person wrote them: there is one witness "+
		"here, not two. They say what the policies mean, not that this is what was meant. Read them before you rely on them; "+
		"`cniproof explain` gives the full reasons.")
	if p.lines != nil {
		w.comment(0, "", fmt.Sprintf("With the policies in force, of %d flows %d are allowed, %d denied, and %d are left open by every "+
			"specification (observed, never judged).", p.allowed+p.denied+p.open, p.allowed, p.denied, p.open))
	}
	if len(i.notes) > 0 {
		w.line("#")
		w.comment(0, "", "What is not as it was:")
		for _, note := range i.notes {
			w.comment(0, "- ", note)
		}
	}
	w.line("apiVersion: %s", scenario.APIVersion)
	w.line("kind: Scenario")
	w.line("metadata:")
	w.line("  name: %s", quoted(i.options.Name))
	w.line("spec:")
	w.line("  summary: %s", quoted("What the policies of "+i.where()+" allow and deny."))
	w.line("  level: must")
	w.line("  features: [%s]", strings.Join(i.features(), ", "))
	if p.control {
		w.line("  control: true")
	}
}

// features are those that the policies use; what the scenario needs of a cluster
// besides is found without.
func (i *importer) features() []string { return scenario.Declared(i.policies) }

func (i *importer) topology(w *writer) {
	w.line("  topology:")
	w.line("    namespaces:")
	for _, ns := range i.namespaces {
		w.line("      %s: %s%s", quoted(ns.name), labelled(ns.labels), asComment(ns.comment))
	}
	w.line("    pods:")
	for _, p := range i.probes {
		w.line("      %s: {%snode: %d%s}%s", quoted(p.Pod.String()), labelsField(p.labels), p.node, portsField(p.ports), asComment(standsFor(p)))
	}
	if len(i.hosts) > 0 {
		for n, host := range i.hosts {
			w.comment(4, "", fmt.Sprintf("%s %s", flow.External(n+1), hostText(host)))
		}
		w.line("    external: {hosts: %d%s}", len(i.hosts), portsField(i.hostPorts))
	}
	if i.dns {
		w.line("    dns: true")
	}
}

func labelsField(labels map[string]string) string {
	if len(labels) == 0 {
		return ""
	}
	return "labels: " + inline(labels) + ", "
}

func labelled(labels map[string]string) string {
	if len(labels) == 0 {
		return "{}"
	}
	return "{labels: " + inline(labels) + "}"
}

func inline(m map[string]string) string {
	var parts []string
	for _, key := range slices.Sorted(maps.Keys(m)) {
		parts = append(parts, quoted(key)+": "+quoted(m[key]))
	}
	return "{" + strings.Join(parts, ", ") + "}"
}

func portsField(list []flow.Port) string {
	if len(list) == 0 {
		return ""
	}
	var parts []string
	for _, p := range list {
		text := p.String()
		if p.Name != "" {
			text = p.Name + "=" + text
		}
		parts = append(parts, text)
	}
	return ", ports: [" + strings.Join(parts, ", ") + "]"
}

// standsFor names the workloads behind a probe where its name does not.
func standsFor(p Probe) string {
	var parts []string
	for _, w := range p.For {
		if text := w.Kind + " " + w.Name; !slices.Contains(parts, text) {
			parts = append(parts, text)
		}
	}
	return few(parts)
}

func hostText(host map[flow.Family]netip.Addr) string {
	var parts []string
	for _, family := range []flow.Family{flow.IPv4, flow.IPv6} {
		if a := host[family]; a.IsValid() {
			parts = append(parts, a.String())
		}
	}
	if len(parts) == 0 {
		return "is a host outside the cluster"
	}
	return "stands for addresses outside like " + strings.Join(parts, " and ")
}

func asComment(text string) string {
	if text == "" {
		return ""
	}
	return "  # " + text
}

// policy writes a NetworkPolicy in block style; of its metadata only the name counts.
func (w *writer) policy(p *networkingv1.NetworkPolicy) {
	text, err := yaml.Marshal(p.Spec)
	if err != nil {
		return // unreachable: the type always marshals
	}
	w.line("    - apiVersion: %s", networkingv1.SchemeGroupVersion)
	w.line("      kind: NetworkPolicy")
	w.line("      metadata: {name: %s, namespace: %s}", quoted(p.Name), quoted(p.Namespace))
	w.line("      spec:")
	for _, row := range strings.Split(strings.TrimSuffix(string(text), "\n"), "\n") {
		w.line("        %s", row)
	}
}

func (w *writer) expect(p page) {
	w.line("    expect:")
	if p.otherwise.verdict == flow.Deny {
		w.reasons(p.reasons.of(p.otherwise))
	}
	w.line("      default: %s", p.otherwise.verdict)
	if len(p.lines) == 0 {
		return
	}
	w.line("      flows:")
	for _, l := range p.lines {
		w.reasons(p.reasons.of(l))
		w.line("      - %s: %s", l.verdict, quotedAlways(l.text))
	}
}

func (w *writer) reasons(list []string) {
	for _, reason := range list {
		w.comment(6, "", reason)
	}
}

func quotedAlways(text string) string { return `"` + text + `"` }

// quoted is a YAML scalar that is a string, whatever it looks like.
func quoted(text string) string {
	plain := text != "" && strings.IndexFunc(text, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '-' || r == '/' || r == '.' || r == '_')
	}) < 0 && text[0] >= 'a' && text[0] <= 'z' && !slices.Contains(booleans(), text)
	if plain {
		return text
	}
	return fmt.Sprintf("%q", text)
}

func booleans() []string {
	return []string{"y", "n", "yes", "no", "on", "off", "true", "false", "null"}
}

func plural(n int, noun string) string {
	switch {
	case n == 1:
		return "1 " + noun
	case strings.HasSuffix(noun, "y"):
		return fmt.Sprintf("%d %sies", n, strings.TrimSuffix(noun, "y"))
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
