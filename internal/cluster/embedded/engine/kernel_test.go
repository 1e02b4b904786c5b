package engine

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/nftables"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// inKernel is what the kernel of a node holds, as far as names and numbers go.
func (l *lab) inKernel(n *node) []string {
	l.t.Helper()
	conn, err := nftables.New(nftables.WithNetNSFd(n.kernel.fd), nftables.AsLasting())
	l.must(err)
	defer func() { l.must(conn.CloseLasting()) }()
	table := inetTable(n.table.name)
	chains, err := conn.ListChainsOfTableFamily(nftables.TableFamilyINet)
	l.must(err)
	var out []string
	for _, c := range chains {
		if c.Table.Name == table.Name && !strings.HasPrefix(c.Name, "forward-") {
			rules, err := conn.GetRules(table, c)
			l.must(err)
			out = append(out, fmt.Sprintf("chain %s: %d rules", c.Name, len(rules)))
		}
	}
	sets, err := conn.GetSets(table)
	l.must(err)
	anonymous := 0
	for _, s := range sets {
		if s.Anonymous {
			anonymous++
			continue
		}
		elements, err := conn.GetSetElements(s)
		l.must(err)
		out = append(out, fmt.Sprintf("map %s: %d elements", s.Name, len(elements)))
	}
	slices.Sort(out)
	return append(out, fmt.Sprintf("%d sets", anonymous))
}

// inTable is what the engine believes that the kernel holds, in the same words.
func inTable(t *table) []string {
	var out []string
	sets := 0
	for name, c := range t.chains {
		rules := len(c.parts) + len(c.rules)
		if c.drop {
			rules++
		}
		out = append(out, fmt.Sprintf("chain %s: %d rules", name, rules))
		for i := range c.rules {
			if len(c.rules[i].peers) > 1 {
				sets++
			}
			if len(c.rules[i].ports) > 1 {
				sets++
			}
		}
	}
	for _, d := range directions {
		for _, g := range t.groups[d].list {
			out = append(out, fmt.Sprintf("chain %s: 2 rules", g.name))
		}
		for _, p := range t.pods {
			if p.groups[d] != nil {
				out = append(out, fmt.Sprintf("chain %s: 2 rules", p.chainName(d)))
			}
		}
		for _, f := range families {
			out = append(out, fmt.Sprintf("map %s: %d elements", mapName(d, f), len(t.maps[d][f])))
		}
	}
	slices.Sort(out)
	return append(out, fmt.Sprintf("%d sets", sets))
}

// leadsTo is the text of the rules that an address ends up at.
func (t *table) leadsTo() map[string]string {
	out := map[string]string{}
	for _, d := range directions {
		for _, p := range t.pods {
			if g := p.groups[d]; g != nil {
				for _, f := range families {
					for a, name := range t.maps[d][f] {
						if name == p.chainName(d) {
							out[fmt.Sprintf("%s %s", d, a)] = t.chains[g.target].name
						}
					}
				}
			}
		}
	}
	return out
}

// TestChurn changes everything at random and compares what the kernel holds with
// what the engine believes, and that with what an engine would program that starts
// now. Small transactions make it take the steps in many.
func TestChurn(t *testing.T) {
	for _, limit := range []int{1 << 20, 30} {
		t.Run(fmt.Sprintf("messages=%d", limit), func(t *testing.T) {
			l := newLab(t, "x/a@n1", "x/b@n2")
			l.scaled(20, 0)
			l.start()
			for _, n := range l.engine.nodes {
				n.mu.Lock()
				n.kernel.maxMessages = limit
				n.mu.Unlock()
			}
			random := rand.New(rand.NewPCG(1, uint64(limit)))
			for i := range 20 {
				for range 1 + random.IntN(3) {
					l.change(random)
				}
				l.sync()
				if i%10 == 9 {
					l.compare()
				}
			}
		})
	}
}

func (l *lab) compare() {
	l.t.Helper()
	s := newStore(Faults{})
	source, err := openSource(l.t.Context(), l.client, l.t.Logf)
	l.must(err)
	for _, e := range source.take() {
		s.apply(e)
	}
	fresh := programs(newModeller(Faults{}).model(s), Faults{})
	for _, n := range l.engine.nodes {
		n.mu.Lock()
		if diff := cmp.Diff(inTable(n.table), l.inKernel(n)); diff != "" {
			l.t.Fatalf("node %s, -engine +kernel:\n%s", n.name, diff)
		}
		anew := newTable("anew")
		anew.update(fresh[n.name])
		if diff := cmp.Diff(anew.leadsTo(), n.table.leadsTo()); diff != "" {
			l.t.Fatalf("node %s, -at once +in steps:\n%s", n.name, diff)
		}
		n.mu.Unlock()
	}
}

// change makes one random change of the API.
func (l *lab) change(random *rand.Rand) {
	l.t.Helper()
	ctx := l.t.Context()
	policies := l.client.NetworkingV1().NetworkPolicies("x")
	name := fmt.Sprintf("p%d", random.IntN(6))
	switch random.IntN(4) {
	case 0:
		_ = policies.Delete(ctx, name, metav1.DeleteOptions{})
	case 1:
		pod, err := l.client.CoreV1().Pods("x").Get(ctx, fmt.Sprintf("p%d", random.IntN(20)), metav1.GetOptions{})
		l.must(err)
		pod.Labels = map[string]string{"pod": pod.Name, "group": fmt.Sprint(random.IntN(3))}
		_, err = l.client.CoreV1().Pods("x").Update(ctx, pod, metav1.UpdateOptions{})
		l.must(err)
	default:
		p := parsePolicy(l.t, l.randomPolicy(random, name))
		if _, err := policies.Update(ctx, p, metav1.UpdateOptions{}); err != nil {
			_, err = policies.Create(ctx, p, metav1.CreateOptions{})
			l.must(err)
		}
	}
}

func (l *lab) randomPolicy(random *rand.Rand, name string) string {
	selectors := []string{"{}", "{matchLabels: {group: '0'}}", "{matchExpressions: [{key: group, operator: NotIn, values: ['1', '2']}]}"}
	var rules []string
	for i := range random.IntN(90) {
		rules = append(rules, fmt.Sprintf(`{ports: [{port: %d}, {port: %d}], from: [{ipBlock: {cidr: 172.16.%d.0/24}}, {podSelector: %s}]}`,
			100+i, 1000+random.IntN(1000), random.IntN(200), selectors[random.IntN(3)]))
	}
	types := []string{"[Ingress]", "[Egress]", "[Ingress, Egress]"}[random.IntN(3)]
	return fmt.Sprintf(`{metadata: {name: %s, namespace: x}, spec: {podSelector: %s, policyTypes: %s, ingress: [%s], egress: [{to: [{podSelector: %s}]}]}}`,
		name, selectors[random.IntN(3)], types, strings.Join(rules, ", "), selectors[random.IntN(3)])
}

// TestSmallTransactions hammers connections while every update takes many transactions.
func TestSmallTransactions(t *testing.T) {
	l := newLab(t, "x/a@n1", "x/b@n1", "x/c@n1", "y/d@n2")
	l.start()
	l.apply(equivalents[0])
	for _, n := range l.engine.nodes {
		n.mu.Lock()
		n.kernel.maxMessages = 1
		n.mu.Unlock()
	}
	l.watchWhile(l.count("x/a", 9999), func() {
		for i := range 100 {
			l.apply(equivalents[i%len(equivalents)])
		}
	})
}

// TestRefusedChange makes the kernel refuse a change: the table is made anew.
func TestRefusedChange(t *testing.T) {
	l := newLab(t, "x/a@n1", "x/b@n1")
	l.start()
	l.serve("x/a", 80)
	l.apply(denyA)
	conn, err := nftables.New(nftables.WithNetNSFd(int(l.hosts["n1"].ns)))
	l.must(err)
	conn.DelTable(inetTable(tablePrefix + "1"))
	l.must(conn.Flush())
	l.expect(true, "x/b -> x/a:80/tcp")
	l.apply(`{metadata: {name: other, namespace: x}, spec: {podSelector: {matchLabels: {pod: a}}, ingress: [{ports: [{port: 81}]}]}}`)
	l.expect(false, "x/b -> x/a:80/tcp")
	l.compare()
}

func TestUpdateTouchesOnlyWhatChanges(t *testing.T) {
	pods := map[string]podProgram{}
	one := &isolation{[]allow{{peers: everyAddr(), ports: portsOf(protocolTCP)}}}
	for i := range 50 {
		p := &pod{key: key{"x", fmt.Sprint(i)}, addrs: addrsFrom(i)}
		pods[p.key.name] = podProgram{pod: p, chains: [len(directions)]*chain{newChain(ingress, one, Faults{})}}
	}
	want := func() program {
		out := program{}
		for p := range maps.Values(pods) {
			out[p.pod.key] = p
		}
		return out
	}
	table := newTable("t")
	steps := func() int {
		p := table.update(want())
		return p.count()
	}
	first := steps()
	if again := steps(); again != 0 {
		t.Errorf("an update that changes nothing takes %d steps", again)
	}
	other := newChain(ingress, &isolation{}, Faults{})
	for name, p := range pods {
		p.chains[ingress] = other
		pods[name] = p
	}
	all := steps()
	p := pods["7"]
	p.chains[ingress] = newChain(ingress, one, Faults{})
	pods["7"] = p
	single := steps()
	if first < 50 || all > 8 || single > 8 {
		t.Errorf("steps: %d for 50 pods, %d when all change alike, %d when one changes", first, all, single)
	}
}
