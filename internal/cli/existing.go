package cli

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"

	"github.com/spf13/pflag"

	"github.com/cniproof/cniproof/internal/cluster"
	"github.com/cniproof/cniproof/internal/cluster/existing"
	"github.com/cniproof/cniproof/internal/cluster/plugins"
)

// existingFlags are about a cluster that is there already.
type existingFlags struct {
	kubeconfig, context string
	outside             []string
	agentImage          string
}

func (e *existingFlags) flags(f *pflag.FlagSet) {
	f.StringVar(&e.kubeconfig, "kubeconfig", "", "existing: the kubeconfig (default: kubectl's); kind: with --keep, add the cluster to this file")
	f.StringVar(&e.context, "context", "", "existing: the context of the kubeconfig (default: the current one)")
	f.StringArrayVar(&e.outside, "external-host", nil, "existing: a host outside as ADDRESS[,ADDRESS6]=COMMAND; COMMAND's input and output are its agent's, such as \"ssh lab1 ./cniproof-agent\" (repeatable; see 'cniproof agent')")
	f.StringVar(&e.agentImage, "agent-image", "", "existing: image of the probe pods (default: the one that 'cniproof agent --image' makes)")
}

// existingProvider without --cluster existing is that of `cleanup`.
func existingProvider(c *clusterFlags) (cluster.Provider, error) {
	if c.name != "existing" {
		return existing.New(existing.Options{Kubeconfig: c.kubeconfig, Context: c.context}), nil
	}
	_, _, catalog, err := c.source()
	if err != nil {
		return nil, err
	}
	o := existing.Options{
		Kubeconfig: c.kubeconfig, Context: c.context, AgentImage: c.agentImage, Nodes: c.nodes, Keep: c.keep,
		Detect: plugins.Detect(catalog),
	}
	var errs []error
	if c.kubeconfig != "" {
		if err := readable(c.kubeconfig); err != nil {
			errs = append(errs, fmt.Errorf("--kubeconfig: %w", err))
		}
	}
	for _, text := range c.outside {
		host, err := parseOutside(text)
		if err != nil {
			errs = append(errs, fmt.Errorf("--external-host: %w", err))
		}
		o.Outside = append(o.Outside, host)
	}
	return existing.New(o), errors.Join(errs...)
}

// parseOutside reads ADDRESS[,ADDRESS6]=COMMAND.
func parseOutside(text string) (existing.Outside, error) {
	addresses, command, ok := strings.Cut(text, "=")
	host := existing.Outside{Command: strings.TrimSpace(command)}
	if !ok || host.Command == "" {
		return host, fmt.Errorf("%q is not ADDRESS[,ADDRESS6]=COMMAND", text)
	}
	families := map[bool]bool{}
	for _, word := range strings.Split(addresses, ",") {
		a, err := netip.ParseAddr(strings.TrimSpace(word))
		if err != nil {
			return host, fmt.Errorf("%q: %w", text, err)
		}
		if families[a.Is4()] {
			return host, fmt.Errorf("%q: at most one address per family", text)
		}
		families[a.Is4()] = true
		host.Addrs = append(host.Addrs, a)
	}
	return host, nil
}
