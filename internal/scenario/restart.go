package scenario

import (
	"go.yaml.in/yaml/v3"

	"github.com/cniproof/cniproof/internal/strict"
)

// restartDoc is the field restart: true, or restartAround. The empty one is false.
type restartDoc string

const (
	restartAfter  restartDoc = "true"
	restartAround restartDoc = "around"
)

func (r *restartDoc) DecodeYAML(d *strict.Decoder, n *yaml.Node, path string) {
	after := false
	switch {
	case n.Kind == yaml.ScalarNode && n.Value == string(restartAround):
		*r = restartAround
		return
	case n.Tag != "!!bool":
		d.ReportAt(path, "must be true or %s, which does while the agent is away what else the act does, not %s", restartAround, strict.Describe(n))
		return
	}
	if d.Document(n, path, &after); after {
		*r = restartAfter
	}
}

// around reports a restart around nothing.
func (b *builder) around(a Act, at string) {
	rest := a
	rest.Restart = false
	if a.Away && rest.empty() && b.WellShaped() {
		b.Wrong(strict.Child(at, "restart"), "is %s, but the act does nothing else that could be done while the agent is away: write true", restartAround)
	}
}
