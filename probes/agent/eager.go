//go:build linux

package main

import (
	"cmp"
	"errors"
	"flag"
	"fmt"
	"net/netip"
	"os"
	"strings"
	"time"

	"github.com/cniproof/cniproof/probes"
)

// firstFlags are what an agent does from its first instant.
type firstFlags struct {
	serve []probes.Port
	dial  []probes.Probe
	every time.Duration
	last  time.Duration
}

// firstDial is the name of what an agent dials from its first instant.
const firstDial = "first"

func (f *firstFlags) define(flags *flag.FlagSet) {
	flags.DurationVar(&f.every, "every", 10*time.Millisecond, "")
	flags.DurationVar(&f.last, "for", time.Second, "")
	flags.Func("serve", "", func(text string) error {
		p, err := parsePort(text)
		f.serve = append(f.serve, p)
		return err
	})
	flags.Func("dial", "", func(text string) error {
		p, err := parseTarget(text)
		f.dial = append(f.dial, p)
		return err
	})
}

// parseTarget reads KIND://ADDRESS:PORT, and whose it is behind a #.
func parseTarget(text string) (probes.Probe, error) {
	kind, rest, _ := strings.Cut(text, "://")
	rest, server, _ := strings.Cut(rest, "#")
	address, err := netip.ParseAddrPort(rest)
	if err != nil {
		return probes.Probe{}, fmt.Errorf("reading the target %q: it is not KIND://ADDRESS:PORT, such as tcp://10.1.2.3:80: %w", text, err)
	}
	return probes.Probe{Kind: probes.Kind(kind), Address: address, Server: server}, nil
}

// begin serves and dials.
func (f *firstFlags) begin(agent *probes.Agent) error {
	if len(f.dial) > 0 {
		if err := agent.Dial(probes.Dial{Name: firstDial, Targets: f.dial, Every: f.every}); err != nil {
			return err
		}
	}
	if len(f.serve) > 0 {
		return agent.Serve(f.serve)
	}
	return nil
}

// dialFor dials for a time and leaves the record where a kubelet takes the last words
// of a container from.
func (f *firstFlags) dialFor() error {
	if len(f.dial) == 0 {
		return errors.New("dial: which targets? name them with --dial, as KIND://ADDRESS:PORT")
	}
	beFrugal()
	agent, err := probes.NewAgent("dial")
	if err != nil {
		return err
	}
	defer agent.Close()
	if err := errors.Join(dropPrivileges(), f.begin(agent)); err != nil {
		return err
	}
	timer := time.NewTimer(f.last)
	<-timer.C
	record, err := agent.Dialled(probes.Dialled{Name: firstDial, Stop: true})
	if err != nil {
		return err
	}
	words, err := probes.LastWords(brief(record))
	if err != nil {
		return err
	}
	log := cmp.Or(os.Getenv("CNIPROOF_TERMINATION_LOG"), "/dev/termination-log")
	if log == "-" {
		_, err := os.Stdout.Write(words)
		return err
	}
	if err := os.WriteFile(log, words, 0o600); err != nil { //nolint:gosec // the kubelet, or who plays it, says where
		return fmt.Errorf("writing down what was dialled: %w", err)
	}
	return nil
}

// briefStretches is how many stretches of a target go into a container's last words,
// of which a kubelet keeps 4096 bytes.
const briefStretches = 3

// brief leaves out what is not needed for a verdict.
func brief(r *probes.DialRecord) *probes.DialRecord {
	for i, list := range r.Targets {
		list = list[:min(len(list), briefStretches)]
		for k := range list {
			list[k].Detail = ""
		}
		r.Targets[i] = list
	}
	return r
}
