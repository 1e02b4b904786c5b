package embedded

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"strings"

	"github.com/cniproof/cniproof/internal/inspect"
)

// Dataplane is the rules of a node: as the engine believes to have programmed them,
// and, where nft is installed on the host, as the kernel has them.
func (e *embedded) Dataplane(ctx context.Context, node string) ([]inspect.Text, error) {
	texts := []inspect.Text{{Name: node + "-engine", Body: e.engine.Dump(node)}}
	for _, m := range e.network.nodes {
		if m.Name != node {
			continue
		}
		body, err := m.rules(ctx)
		if err != nil {
			return texts, err
		}
		texts = append(texts, inspect.Text{Name: node + "-nft", Body: body})
	}
	return texts, nil
}

// rules is what nft lists inside the machine.
func (m *machine) rules(ctx context.Context) (string, error) {
	var out, problems bytes.Buffer
	err := m.namespace.do(func() error {
		// A child begins in the network namespace of the thread that starts it.
		cmd := exec.CommandContext(ctx, "nft", "list", "ruleset")
		cmd.Stdout, cmd.Stderr = &out, &problems
		return cmd.Run()
	})
	if err != nil {
		return "", fmt.Errorf("listing the rules of node %q: %w: %s", m.Name, err, strings.TrimSpace(problems.String()))
	}
	return out.String(), nil
}
