package kind

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/cniproof/cniproof/internal/cluster"
	"github.com/cniproof/cniproof/internal/inspect"
)

// tools show what decides packets on a node. Those that a node has not are left out
// without a word, and so is what prints nothing.
//
//nolint:gochecknoglobals // a constant table
var tools = []struct{ name, command string }{
	{"addresses", "ip -brief address"},
	{"routes", "ip route; ip -6 route"},
	{"nft", "nft list ruleset"},
	{"iptables", "iptables-save"},
	{"ip6tables", "ip6tables-save"},
	{"ipset", "ipset save"},
	{"cilium", ciliumTool("cilium-dbg endpoint list; cilium-dbg bpf policy get --all --numeric; cilium-dbg bpf ipcache list")},
}

// ciliumTool runs a command in Cilium's agent on the node.
func ciliumTool(command string) string {
	return `id=$(crictl ps -q --name cilium-agent | head -n 1); [ -z "$id" ] || crictl exec "$id" sh -c '` + command + `'`
}

// Dataplane asks the tools on a node.
func (c *kindCluster) Dataplane(ctx context.Context, node string) ([]inspect.Text, error) {
	if !slices.ContainsFunc(c.Nodes(), func(h cluster.Host) bool { return h.Name == node }) {
		return nil, fmt.Errorf("looking into node %q: it is none of the cluster", node)
	}
	var texts []inspect.Text
	for _, t := range tools {
		out, err := c.parts.docker.run(ctx, nil, "exec", node, "sh", "-c", t.command)
		if ctx.Err() != nil {
			return texts, fmt.Errorf("looking into node %q: %w", node, ctx.Err())
		}
		if err == nil && strings.TrimSpace(out) != "" {
			texts = append(texts, inspect.Text{Name: node + "-" + t.name, Body: out + "\n"})
		}
	}
	if len(texts) == 0 {
		return nil, fmt.Errorf("looking into node %q: no tool there says anything", node)
	}
	return texts, nil
}
