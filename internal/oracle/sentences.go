package oracle

import (
	"fmt"
	"strings"

	"github.com/cniproof/cniproof/internal/flow"
)

// shortReasons is how many reasons Short gives before it only counts them.
const shortReasons = 3

// verdictPhrase is what a flow of that verdict "is" in a sentence.
func verdictPhrase(v flow.Verdict) string {
	switch v {
	case flow.Allow:
		return "must be allowed"
	case flow.Deny:
		return "must be denied"
	case flow.Undefined:
		return "is undefined"
	case flow.Unknown, flow.OneWay:
	}
	return "cannot be judged"
}

// String is a few sentences: the verdict, then for each end which policies isolate
// it and what admits the flow or, rule by rule, what does not.
func (e Explanation) String() string {
	if e.Reason != "" {
		return fmt.Sprintf("%s %s: %s.", e.Flow, verdictPhrase(e.Verdict), e.Reason)
	}
	lines := []string{fmt.Sprintf("%s %s.", e.Flow, verdictPhrase(e.Verdict))}
	for _, d := range []Direction{e.Egress, e.Ingress} {
		lines = append(lines, d.sentence())
		for _, reason := range d.reasons() {
			lines = append(lines, "  "+reason+".")
		}
	}
	return strings.Join(lines, "\n")
}

func (d Direction) sentence() string {
	start := "Egress of "
	if d.Way == ingress.String() {
		start = "Ingress of "
	}
	start += d.Subject.String() + ": "
	switch {
	case !d.Pod:
		return start + "policies apply to pods only."
	case !d.Isolated:
		return start + "no policy isolates it."
	}
	isolate := "policy " + d.Policies[0].Policy + " isolates it"
	if len(d.Policies) > 1 {
		isolate = "policies " + listed(d.policyNames()) + " isolate it"
	}
	return start + isolate + d.outcome() + "."
}

// outcome continues "policy x isolates it".
func (d Direction) outcome() string {
	switch {
	case d.Verdict == flow.Allow && d.admission() != "":
		return ", and " + d.admission()
	case d.Verdict == flow.Allow:
		return ", but " + d.Reason
	case d.Verdict == flow.Undefined && d.Reason != "":
		return ", and " + d.Reason
	case d.Verdict == flow.Undefined:
		return fmt.Sprintf(", and no rule certainly admits %s", d.Peer)
	}
	return fmt.Sprintf(", and no rule admits %s", d.Peer)
}

// admission names the first rule that admits the peer, with the peer and the port
// of the rule that do; "" if none does.
func (d Direction) admission() string {
	for _, p := range d.Policies {
		for _, r := range p.Rules {
			if r.Verdict == flow.Allow {
				return fmt.Sprintf("rule %d of %s admits %s%s", r.Number, p.Policy, d.Peer, r.admitting())
			}
		}
	}
	return ""
}

// admitting continues "admits prod/web".
func (r RuleFinding) admitting() string {
	if len(r.Peers)+len(r.Ports) == 0 {
		return " like everybody, on every port"
	}
	text := " like everybody"
	if m, ok := first(r.Peers); ok {
		text = fmt.Sprintf(" by peer %d (%s)", m.Number, m.What)
	}
	if m, ok := first(r.Ports); ok {
		text += fmt.Sprintf(" on port %d (%s)", m.Number, m.compared())
	}
	return text
}

// first is the first that admits the flow.
func first(matches []Match) (Match, bool) {
	for _, m := range matches {
		if m.Verdict == flow.Allow {
			return m, true
		}
	}
	return Match{}, false
}

// reasons says of each rule why it does not admit the flow, or, where the verdict is
// Undefined, of each that might what leaves it open. An allowed flow needs none.
func (d Direction) reasons() []string {
	if d.Verdict == flow.Allow {
		return nil
	}
	var list []string
	for _, p := range d.Policies {
		prefix := ""
		if len(d.Policies) > 1 {
			prefix = p.Policy + " "
		}
		if len(p.Rules) == 0 && d.Verdict == flow.Deny {
			list = append(list, fmt.Sprintf("%s has no %s rule", p.Policy, d.Way))
		}
		for _, r := range p.Rules {
			if r.Verdict == d.Verdict {
				list = append(list, fmt.Sprintf("%srule %d %s", prefix, r.Number, r.why()))
			}
		}
	}
	return list
}

// why continues "rule 1". Only the half of the rule that decides is worth a word.
func (r RuleFinding) why() string {
	var parts []string
	if half(r.Peers) == r.Verdict {
		for _, m := range r.Peers {
			if m.Verdict == r.Verdict {
				parts = append(parts, fmt.Sprintf("peer %d %s", m.Number, m.Why))
			}
		}
	}
	if half(r.Ports) == r.Verdict {
		parts = append(parts, r.whyPorts())
	}
	return strings.Join(parts, "; ")
}

func (r RuleFinding) whyPorts() string {
	var ports []string
	for _, m := range r.Ports {
		if m.Verdict == r.Verdict {
			ports = append(ports, m.bracketed())
		}
	}
	return "opens only " + listed(ports)
}

// half is what the peers or the ports of a rule come to; none at all admit everything.
func half(matches []Match) flow.Verdict {
	if len(matches) == 0 {
		return flow.Allow
	}
	v := flow.Deny
	for _, m := range matches {
		v = either(v, m.Verdict)
	}
	return v
}

// compared is what the port admits and how that compares with the flow.
func (m Match) compared() string {
	if m.Why == "" {
		return m.What
	}
	return m.What + ", " + m.Why
}

// bracketed is compared for a list.
func (m Match) bracketed() string {
	if m.Why == "" {
		return m.What
	}
	return m.What + " (" + m.Why + ")"
}

// Short is the explanation in one sentence, without its full stop, that reads on
// from the flow: "must be denied: policy ...".
func (e Explanation) Short() string {
	if e.Reason != "" {
		return verdictPhrase(e.Verdict) + ": " + e.Reason
	}
	var parts []string
	for _, d := range []Direction{e.Egress, e.Ingress} {
		if d.Verdict == e.Verdict && (d.Isolated || e.Verdict != flow.Allow) {
			parts = append(parts, d.short())
		}
	}
	if len(parts) == 0 {
		parts = []string{e.unisolated()}
	}
	return verdictPhrase(e.Verdict) + ": " + strings.Join(parts, "; and ")
}

// unisolated says that no policy selects either end.
func (e Explanation) unisolated() string {
	var ends []string
	for _, d := range []Direction{e.Egress, e.Ingress} {
		if d.Pod {
			ends = append(ends, d.Subject.String()+" for "+d.Way)
		}
	}
	return "no policy selects " + strings.Join(ends, " or ")
}

func (d Direction) short() string {
	selects := "policy " + d.Policies[0].Policy + " selects "
	if len(d.Policies) > 1 {
		selects = "policies " + listed(d.policyNames()) + " select "
	}
	text := selects + d.Subject.String() + " for " + d.Way + d.outcome()
	reasons := d.reasons()
	if len(reasons) > shortReasons {
		more := fmt.Sprintf("and %d more reasons", len(reasons)-shortReasons)
		reasons = append(reasons[:shortReasons:shortReasons], more)
	}
	if len(reasons) == 0 {
		return text
	}
	return text + ": " + strings.Join(reasons, "; ")
}

// fewPolicies is how many policies a sentence names.
const fewPolicies = 8

func (d Direction) policyNames() []string {
	names := make([]string, len(d.Policies))
	for i, p := range d.Policies {
		names[i] = p.Policy
	}
	if more := len(names) - fewPolicies; more > 1 {
		names = append(names[:fewPolicies], fmt.Sprintf("%d more", more))
	}
	return names
}

// listed joins words as a sentence does: "a, b and c".
func listed(words []string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	last := len(words) - 1
	return strings.Join(words[:last], ", ") + " and " + words[last]
}
