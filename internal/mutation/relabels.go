package mutation

import (
	"maps"
	"slices"

	"github.com/cniproof/cniproof/internal/oracle"
	"github.com/cniproof/cniproof/internal/scenario"
)

// relabel is a pod, or a namespace, that has got other labels.
type relabel struct {
	ofPod           bool
	first, old, now labels // when it came, before, and now
	held            labels // what the plugin has
	nth             int    // counts those of the object, from 1
	place, count    int    // among those of its kind at this moment
	bothKinds       bool   // pods and namespaces were relabelled at this moment
	besidePolicies  bool   // policies have changed, too
	idle            bool   // there is no policy, and there was none
}

// kept is what a plugin has of an object's labels.
type kept struct {
	first, old, held labels
	nth              int
}

// onRelabel misreads relabelling. What take returns is what the plugin has from then on.
func onRelabel(take func(relabel) labels) func() Reader {
	return func() Reader {
		pods, spaces := map[string]*kept{}, map[string]*kept{}
		var before oracle.State
		return func(s oracle.State) oracle.State {
			ofPods := map[string]labels{}
			for _, p := range s.Pods {
				ofPods[memberName(p.Endpoint())] = p.Labels
			}
			podNames, spaceNames := changed(pods, ofPods), changed(spaces, s.Namespaces)
			moment := relabel{
				bothKinds:      len(podNames) > 0 && len(spaceNames) > 0,
				besidePolicies: !slices.Equal(before.Policies, s.Policies),
				idle:           len(s.Policies)+len(before.Policies) == 0,
			}
			before = s
			return relabelled(s,
				func(p scenario.Pod) labels {
					moment.ofPod = true
					return moment.read(pods, memberName(p.Endpoint()), p.Labels, podNames, take)
				},
				func(name string, now labels) labels {
					moment.ofPod = false
					return moment.read(spaces, name, now, spaceNames, take)
				},
			)
		}
	}
}

// changed are the names of the objects that have other labels than they had, sorted.
func changed(known map[string]*kept, now map[string]labels) []string {
	var list []string
	for name, l := range now {
		if k := known[name]; k != nil && !maps.Equal(k.old, l) {
			list = append(list, name)
		}
	}
	slices.Sort(list)
	return list
}

// read is what the plugin has of an object at this moment.
func (m relabel) read(all map[string]*kept, name string, now labels, changed []string, take func(relabel) labels) labels {
	k := all[name]
	if k == nil {
		all[name] = &kept{first: now, old: now, held: now}
		return now
	}
	m.place, m.count = slices.Index(changed, name), len(changed)
	if m.place < 0 {
		return k.held
	}
	k.nth++
	m.first, m.old, m.held, m.now, m.nth = k.first, k.old, k.held, now, k.nth
	k.old, k.held = now, take(m)
	return k.held
}

// relabelOp is a way to miss some relabelling; it is tried on pods and on namespaces.
type relabelOp struct {
	name, text string
	take       func(relabel) labels
}

func missesIf(match func(relabel) bool) func(relabel) labels {
	return func(r relabel) labels {
		if match(r) {
			return r.held
		}
		return r.now
	}
}

func relabelOps() []relabelOp {
	return []relabelOp{
		{"second-relabelling-missed", "the second change of labels is missed", missesIf(func(r relabel) bool { return r.nth == 2 })},
		{"relabelling-back-missed", "a change of labels to what they were at first is missed", missesIf(func(r relabel) bool { return maps.Equal(r.now, r.first) })},
		{"relabelling-without-policies-missed", "a change of labels while there is no policy is missed", missesIf(func(r relabel) bool { return r.idle })},
		{"relabelling-beside-policies-missed", "a change of labels together with one of policies is missed", missesIf(func(r relabel) bool { return r.besidePolicies })},
		{"first-key-of-a-relabelling-only", "of the keys that change at once only the first by the alphabet is seen", keysOf(func(keys []string) []string { return first(keys, 1) })},
		{"last-key-of-a-relabelling-only", "of the keys that change at once only the last by the alphabet is seen", keysOf(func(keys []string) []string { return keys[len(keys)-1:] })},
		{"first-of-several-relabelled-only", "only the first by its name of those that are relabelled at once is seen", missesIf(func(r relabel) bool { return r.place > 0 })},
		{"last-of-several-relabelled-only", "only the last by its name of those that are relabelled at once is seen", missesIf(func(r relabel) bool { return r.place < r.count-1 })},
		{"relabelling-of-both-kinds-missed", "a change of labels is missed when pods and namespaces are relabelled at once", missesIf(func(r relabel) bool { return r.bothKinds })},
	}
}

// keysOf applies those of the changed keys that it is told to.
func keysOf(which func([]string) []string) func(relabel) labels {
	return func(r relabel) labels {
		var changed []string
		for key := range joined(r.old, r.now) {
			if a, had := r.old[key]; !had || a != r.now[key] || !has(r.now, key) {
				changed = append(changed, key)
			}
		}
		slices.Sort(changed)
		made := labels{}
		maps.Copy(made, r.held)
		for _, key := range which(changed) {
			if has(r.now, key) {
				made[key] = r.now[key]
			} else {
				delete(made, key)
			}
		}
		return made
	}
}

func joined(a, b labels) labels {
	both := labels{}
	maps.Copy(both, a)
	maps.Copy(both, b)
	return both
}

func relabels() []Mutation {
	var list []Mutation
	for _, kind := range []struct {
		name string
		pod  bool
	}{{"pod", true}, {"namespace", false}} {
		for _, op := range relabelOps() {
			list = append(list, Mutation{
				Name:     op.name + " of " + kind.name + "s",
				Sentence: "Of " + kind.name + "s " + op.text + ".",
				New: onRelabel(func(r relabel) labels {
					if r.ofPod != kind.pod {
						return r.now
					}
					return op.take(r)
				}),
			})
		}
	}
	return list
}
