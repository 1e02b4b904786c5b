package scenario

import (
	"iter"
	"strings"

	"github.com/cniproof/cniproof/internal/strict"
)

// Bounds of one step. A person reads what it does, and a plugin may see every mixture
// of the states that it goes through.
const (
	mostActs  = 20
	mostTimes = 1000
)

// acts yields every act of every step, in order.
func (s *Scenario) acts() iter.Seq[Act] {
	return func(yield func(Act) bool) {
		for _, step := range s.Steps {
			for _, act := range step.Acts {
				if !yield(act) {
					return
				}
			}
		}
	}
}

// Manifests yields every policy that the steps apply, as often as the file has it.
func (s *Scenario) Manifests() iter.Seq[Manifest] {
	return func(yield func(Manifest) bool) {
		for act := range s.acts() {
			for _, m := range act.Apply {
				if !yield(m) {
					return
				}
			}
		}
	}
}

// acts reads what a step does: one act by the step's own fields, or several.
func (b *builder) acts(doc stepDoc, at string) []Act {
	renewed := b.renewals(doc.Renew, strict.Child(at, "renew"))
	one := b.act(actDoc{doc.Ready, doc.Apply, doc.Delete, doc.Label, doc.Recreate, doc.Restart}, at)
	one.Renew = renewed
	b.lives(doc, &one, at)
	b.around(one, at)
	path := strict.Child(at, "acts")
	switch {
	case !b.Lines.Has(path):
		if one.empty() {
			return nil
		}
		return []Act{one}
	case !one.empty():
		b.Wrong(path, "stands beside an action of the step itself: write that as the first act")
	case len(doc.Acts) == 0:
		b.Wrong(path, "holds no act")
	case len(doc.Acts) > mostActs:
		b.Wrong(path, "holds %d acts: a step may have %d; use times, or a second step", len(doc.Acts), mostActs)
	}
	list := make([]Act, len(doc.Acts))
	for i, d := range doc.Acts {
		list[i] = b.act(d, strict.Index(path, i))
		b.around(list[i], strict.Index(path, i))
		if list[i].empty() && b.WellShaped() {
			b.Wrong(strict.Index(path, i), "does nothing: write ready, apply, delete, label, recreate or restart")
		}
	}
	return list
}

func (b *builder) act(doc actDoc, at string) Act {
	a := Act{
		Ready:    b.readiness(doc, strict.Child(at, "ready")),
		Apply:    b.apply(doc, at),
		Label:    b.labelChanges(doc.Label, strict.Child(at, "label")),
		Recreate: b.recreations(doc.Recreate, strict.Child(at, "recreate")),
		Restart:  doc.Restart != "",
		Away:     doc.Restart == restartAround,
	}
	b.renewed(a.Recreate)
	a.Delete, a.Remove = b.deletions(doc.Delete, strict.Child(at, "delete"))
	return a
}

// sequence checks what is about all acts of a step together.
func (b *builder) sequence(s *Step, doc stepDoc, at string) {
	if doc.Times != nil {
		s.Times = *doc.Times
	}
	switch times := strict.Child(at, "times"); {
	case s.Times < 1 || s.Times > mostTimes:
		b.Wrong(times, "is %d: it must be from 1 to %d", s.Times, mostTimes)
		s.Times = 1
	case doc.Times != nil && len(s.Acts) == 0 && b.WellShaped():
		b.Wrong(times, "says how often the step acts, but it does nothing")
	case s.Times > 1:
		b.repeatable(s, times)
	}
	b.unrepeatable(s, at)
	if s.Steady && len(s.Acts) == 0 && s.Hold == 0 && b.WellShaped() {
		b.Wrong(strict.Child(at, "steady"), "says that probing goes on while the step acts, but it does nothing: write hold beside it, to watch for so long that nothing happens")
	}
	b.fromOnePort(s, at)
	if names := namingPods(s); names != "" && len(s.Recreated()) > 0 && (len(s.Acts) > 1 || s.Times > 1) {
		b.Wrong(at, "recreates pods and applies %s, which names a pod by its address, in several acts: use a step for each", names)
	}
}

// repeatable follows a second round: what it deletes has to be there again, and what it
// makes ready unready.
func (b *builder) repeatable(s *Step, at string) {
	for _, act := range s.Acts {
		for _, r := range act.Ready {
			if !b.turns(r) {
				b.Wrong(at, "the second time pod %q is %s already", r.Pod.String(), r.word())
			}
		}
		b.renewed(act.Recreate)
		for _, m := range act.Apply {
			b.policies[m.Key()] = true
		}
		for _, key := range act.Delete {
			if !b.policies[key] {
				b.Wrong(at, "the second time there is no policy %s any more that could be deleted", key)
			}
			delete(b.policies, key)
		}
	}
}

// namingPods is a policy of the step with a variable for a pod's address, or "".
func namingPods(s *Step) string {
	for _, act := range s.Acts {
		for _, m := range act.Apply {
			for _, t := range templates(m.policy) {
				if strings.Contains(t.text, "${pod.") {
					return m.Key().String()
				}
			}
		}
	}
	return ""
}
