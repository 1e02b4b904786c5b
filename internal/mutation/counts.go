package mutation

// counts are how many rules a policy has, and how many peers and ports these have in all.
type counts struct{ rules, peers, ports int }

func countsOf(p *policy) counts {
	var n counts
	for _, r := range rulesOf(p) {
		n.rules++
		n.peers += len(r.peers)
		n.ports += len(r.ports)
	}
	return n
}

// missedCounts are the mutations by which updates are missed that make something more or
// less.
func missedCounts() []Mutation {
	list := missedCountsOf("rule", func(c counts) int { return c.rules }, func(_, _ counts) bool { return true })
	sameRules := func(old, now counts) bool { return old.rules == now.rules }
	list = append(list, missedCountsOf("peer", func(c counts) int { return c.peers }, sameRules)...)
	return append(list, missedCountsOf("port", func(c counts) int { return c.ports }, sameRules)...)
}

func missedCountsOf(what string, of func(counts) int, match func(old, now counts) bool) []Mutation {
	missed := func(name, text string, changed func(old, now int) bool) Mutation {
		return Mutation{
			Name:     "update-to-" + name + "-missed",
			Sentence: "An update to " + text + " is missed.",
			New: missedIf(func(u update) bool {
				old, now := countsOf(u.old), countsOf(u.now)
				return match(old, now) && changed(of(old), of(now))
			}),
		}
	}
	return []Mutation{
		missed("fewer-"+what+"s", "fewer "+what+"s", func(old, now int) bool { return now < old }),
		missed("more-"+what+"s", "more "+what+"s", func(old, now int) bool { return now > old }),
		missed("no-"+what, "no "+what+" at all", func(old, now int) bool { return old > 0 && now == 0 }),
		missed("the-first-"+what, "the first "+what+" that there is", func(old, now int) bool { return old == 0 && now > 0 }),
	}
}
