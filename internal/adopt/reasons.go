package adopt

import (
	"fmt"
	"slices"
	"strings"

	"github.com/cniproof/cniproof/internal/flow"
	"github.com/cniproof/cniproof/internal/oracle"
)

// reasons says why flows have their verdicts.
type reasons struct {
	world *oracle.World
	plain *strings.Replacer
}

// of says why the flows that one line decides have its verdict: of a line that names
// one pair in full, of others by whom.
func (r reasons) of(l line) []string {
	one := slices.IndexFunc(l.decides, func(f flow.Flow) bool { return f.Source != l.decides[0].Source }) < 0
	switch {
	case l.verdict == flow.Deny && !one:
		return r.deniers(l.decides)
	case l.verdict == flow.Deny:
		return []string{r.short(l.decides[0])}
	}
	if l.verdict == flow.Allow {
		return r.admissions(l.decides, one)
	}
	var list []string
	for _, f := range l.decides {
		if text := r.short(f); !slices.Contains(list, text) && len(list) < 2 {
			list = append(list, text)
		}
	}
	return list
}

// short is the oracle's sentence without the verdict, which the line has.
func (r reasons) short(f flow.Flow) string {
	text := r.world.Explain(f).Short()
	for _, phrase := range []string{"must be allowed: ", "must be denied: ", "is undefined: "} {
		text = strings.TrimPrefix(text, phrase)
	}
	return r.plain.Replace(text)
}

// admissions says which rules admit the flows, at which end; of several sources one
// stands for all.
func (r reasons) admissions(flows []flow.Flow, one bool) []string {
	var list []string
	for _, f := range flows {
		if text := r.admission(f); !slices.Contains(list, text) {
			list = append(list, text)
		}
	}
	const most = 2
	if len(list) > most {
		list = append(list[:most], fmt.Sprintf("and %d other reasons", len(list)-most))
	}
	if !one {
		list[0] = "for instance from " + flows[0].Source.String() + ": " + list[0]
	}
	return list
}

func (r reasons) admission(f flow.Flow) string {
	e := r.world.Explain(f)
	var parts []string
	for _, d := range []oracle.Direction{e.Egress, e.Ingress} {
		switch {
		case !d.Pod || d.Peer.Kind == flow.KindDNS && d.Way == "ingress" || d.Subject.Kind == flow.KindDNS:
		case !d.Isolated:
			parts = append(parts, fmt.Sprintf("%s of %s is free", d.Way, d.Subject))
		default:
			parts = append(parts, d.Way+" "+admittedBy(d))
		}
	}
	return r.plain.Replace(strings.Join(parts, "; "))
}

// admittedBy names the first rule that admits the flow.
func admittedBy(d oracle.Direction) string {
	for _, p := range d.Policies {
		for _, rule := range p.Rules {
			if rule.Verdict != flow.Allow {
				continue
			}
			var parts []string
			for _, list := range [][]oracle.Match{rule.Peers, rule.Ports} {
				if n := slices.IndexFunc(list, func(m oracle.Match) bool { return m.Verdict == flow.Allow }); n >= 0 {
					parts = append(parts, strings.TrimSuffix(list[n].What+", "+list[n].Why, ", "))
				}
			}
			if len(parts) == 0 {
				parts = []string{"everything"}
			}
			return fmt.Sprintf("by %s rule %d (%s)", p.Policy, rule.Number, strings.Join(parts, "; "))
		}
	}
	return "by no rule: " + d.Reason
}

// deniers says which policies deny the flows, at which end.
func (r reasons) deniers(flows []flow.Flow) []string {
	type end struct{ way, policies string }
	subjects := map[end][]string{}
	var order []end
	note := func(d oracle.Direction) {
		if d.Verdict != flow.Deny {
			return
		}
		e := end{d.Way, policiesOf(d)}
		if subjects[e] == nil {
			order = append(order, e)
		}
		if name := d.Subject.String(); !slices.Contains(subjects[e], name) {
			subjects[e] = append(subjects[e], name)
		}
	}
	for _, f := range flows {
		e := r.world.Explain(f)
		note(e.Ingress)
		note(e.Egress)
	}
	var list []string
	for _, e := range order {
		list = append(list, fmt.Sprintf("%s of %s: %s, and no rule admits this", e.way, few(subjects[e]), e.policies))
	}
	return list
}

func policiesOf(d oracle.Direction) string {
	var names []string
	for _, p := range d.Policies {
		names = append(names, p.Policy)
	}
	if len(names) == 1 {
		return "isolated by policy " + names[0]
	}
	last := len(names) - 1
	return "isolated by policies " + strings.Join(names[:last], ", ") + " and " + names[last]
}

// few names up to five and counts the others.
func few(names []string) string {
	const most = 5
	if len(names) <= most {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
}
