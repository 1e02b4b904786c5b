package observe

import (
	"context"
	"fmt"
	"time"

	"github.com/cniproof/cniproof/internal/flow"
	"github.com/cniproof/cniproof/probes"
)

// FirstDial is the name of what an agent dials from its first instant.
const FirstDial = "first"

// dialEvery is the time from one attempt to the next on a flow that an agent dials by
// itself.
const dialEvery = 10 * time.Millisecond

// Dialled is what became of flows that an agent dialled by itself.
type Dialled struct {
	Age     time.Duration    // how long the agent had been at it
	Flows   []flow.Flow      // in the order of the targets
	Records [][]flow.Stretch // since the agent began, one list for each flow
}

// Arguments make an agent dial the targets from its first instant.
func Arguments(targets []Target) []string {
	args := []string{"--every", dialEvery.String()}
	for _, t := range targets {
		args = append(args, "--dial", fmt.Sprintf("%s://%s#%s", t.Kind, t.Address, t.server()))
	}
	return args
}

// ServeArguments make an agent serve ports from its first instant.
func ServeArguments(ports []probes.Port) []string {
	var args []string
	for _, p := range ports {
		args = append(args, "--serve", fmt.Sprintf("%s/%d", p.Kind, p.Number))
	}
	return args
}

// Dial has the agent dial the targets by itself from now on, every 10 ms.
func (a *Agent) Dial(ctx context.Context, name string, targets []Target) error {
	client, err := a.dial(ctx)
	if err != nil {
		return err
	}
	d := probes.Dial{Name: name, Every: dialEvery}
	for _, t := range targets {
		d.Targets = append(d.Targets, probes.Probe{Kind: t.Kind, Address: t.Address, Server: t.server(), Query: t.Query})
	}
	if err := client.Dial(ctx, d); err != nil {
		return fmt.Errorf("having the agent of %s dial: %w", a.endpoint, err)
	}
	return nil
}

// Dialled is what became of those targets so far; the agent stops if it is told to.
func (a *Agent) Dialled(ctx context.Context, name string, targets []Target, stop bool) (*Dialled, error) {
	client, err := a.dial(ctx)
	if err != nil {
		return nil, err
	}
	record, err := client.Dialled(ctx, probes.Dialled{Name: name, Stop: stop})
	if err != nil {
		return nil, fmt.Errorf("asking the agent of %s what it dialled: %w", a.endpoint, err)
	}
	return dialled(targets, record)
}

// DialledBefore reads what an agent wrote down that has ended.
func DialledBefore(targets []Target, words string) (*Dialled, error) {
	record, err := probes.ReadLastWords(words)
	if err != nil {
		return nil, err
	}
	return dialled(targets, record)
}

// dialled checks who answered.
func dialled(targets []Target, record *probes.DialRecord) (*Dialled, error) {
	if len(record.Targets) != len(targets) {
		return nil, fmt.Errorf("the agent tells of %d targets, and has %d", len(record.Targets), len(targets))
	}
	d := &Dialled{Age: record.Age}
	for i, list := range record.Targets {
		var stretches []flow.Stretch
		for _, s := range list {
			stretch := flow.Stretch{Outcome: s.Outcome, Count: s.Count, First: s.First, Last: s.Last, Took: s.Took, Detail: s.Detail}
			if s.Outcome == flow.Connected && s.Peer != targets[i].Peer {
				stretch.Outcome, stretch.Detail = flow.WrongPeer, fmt.Sprintf("%q answered instead of %q", s.Peer, targets[i].Peer)
			}
			stretches = append(stretches, stretch)
		}
		d.Flows, d.Records = append(d.Flows, targets[i].Flow), append(d.Records, stretches)
	}
	return d, nil
}
