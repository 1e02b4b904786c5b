package kube

import (
	"context"
	"maps"
	"strings"

	"k8s.io/client-go/kubernetes"

	"github.com/cniproof/cniproof/internal/cluster"
)

// Plugin is a network plugin that runs on a cluster.
type Plugin struct {
	Name, Version string
	// Restart restarts its agents on every node, and calls meanwhile, unless that is nil, when the
	// old ones are gone; nil where nobody knows how.
	Restart func(ctx context.Context, api kubernetes.Interface, meanwhile func(context.Context) error) error
	// Lacks are features that it does not claim, with the reason.
	Lacks map[string]string
	// Deviations are those that it is known for.
	Deviations []cluster.Deviation
}

// describe fills in what is said of the implementation.
func (c *Cluster) describe() {
	plugins := c.config.Plugins
	var names, versions []string
	for _, p := range plugins {
		names = append(names, p.Name)
		versions = append(versions, p.Version)
		maps.Copy(c.description.Lacks, p.Lacks)
		c.description.Deviations = append(c.description.Deviations, p.Deviations...)
	}
	c.description.Implementation, c.description.Version = strings.Join(names, " + "), strings.Join(versions, " + ")
	if len(plugins) == 0 {
		c.description.Implementation = "a network plugin that is not in the catalog"
	}
	if why := c.noRestart(); why != "" {
		c.description.Lacks["restart"] = why
	}
}

// noRestart says why the plugin cannot be restarted, or "".
func (c *Cluster) noRestart() string {
	switch {
	case len(c.config.Plugins) == 0:
		return "it is not known which network plugin runs here"
	case len(c.config.Plugins) > 1:
		return "more than one network plugin runs here"
	case c.config.Plugins[0].Restart == nil:
		return "it is not known how to restart " + c.config.Plugins[0].Name
	}
	return ""
}
