package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/cniproof/cniproof/internal/cluster"
	"github.com/cniproof/cniproof/internal/diagnose"
	"github.com/cniproof/cniproof/internal/inspect"
)

// What --on-failure takes.
const (
	onFailureContinue = "continue"
	onFailurePause    = "pause"
)

// checkPause reports every flag that is wrong.
func (r *runFlags) checkPause() error {
	var errs []error
	if r.onFailure != onFailureContinue && r.onFailure != onFailurePause {
		errs = append(errs, fmt.Errorf("--on-failure: %q is neither %s nor %s", r.onFailure, onFailureContinue, onFailurePause))
	}
	switch {
	case r.pauseFor < 0:
		errs = append(errs, errors.New("--pause-for: it must not be negative"))
	case r.pauseFor > 0 && r.onFailure == onFailureContinue:
		errs = append(errs, errors.New("--pause-for: there is no pause without --on-failure pause"))
	}
	return errors.Join(errs...)
}

// pauser lets a person look at the stage of a failure. One failure at a time: the
// stages of others wait for their turn.
type pauser struct {
	bundles *bundles
	screen  *screen
	cluster cluster.Cluster
	wanted  bool
	limit   time.Duration // 0: none

	turn  sync.Mutex
	lines <-chan struct{} // one for every Enter; made at the first pause
}

// witness writes the bundle, and then waits where that is wanted.
func (p *pauser) witness(ctx context.Context, e diagnose.Evidence) {
	p.bundles.write(ctx, e)
	if !p.wanted {
		return
	}
	p.turn.Lock()
	defer p.turn.Unlock()
	if ctx.Err() != nil {
		return
	}
	p.screen.pause(p.notice(&e))
	defer p.screen.resume()
	var over <-chan time.Time
	if p.limit > 0 {
		timer := time.NewTimer(p.limit)
		defer timer.Stop()
		over = timer.C
	}
	if p.lines == nil {
		p.lines = enters()
	}
	select {
	case <-p.lines:
	case <-over:
	case <-ctx.Done():
	}
}

// enters reports every line of standard input, and ends where that does: then only
// the time or an interrupt ends a pause.
func enters() <-chan struct{} {
	lines := make(chan struct{})
	go func() {
		for in := bufio.NewScanner(os.Stdin); in.Scan(); {
			lines <- struct{}{}
		}
	}()
	return lines
}

// notice is what a person who looks needs to know.
func (p *pauser) notice(e *diagnose.Evidence) string {
	var pods []string
	for _, pod := range e.Scenario.Topology.Pods {
		pods = append(pods, e.Binding.Namespaces[pod.Namespace]+"/"+pod.Name)
	}
	lines := []string{
		"", fmt.Sprintf("paused: %s, %s", e.Scenario.Name, e.Result.Reason),
		"  Its stage stands as it was seen; the others go on until they fail too.",
		"  namespaces  " + strings.Join(e.Namespaces(), " "),
		"  pods        " + strings.Join(pods, " "),
	}
	if p.bundles != nil {
		lines = append(lines, "  bundle      "+p.bundles.folder.Dir(e.Scenario.Name))
	}
	commands := []string{"kubectl get pods,services,networkpolicies -o wide -n NAMESPACE"}
	if doors, ok := p.cluster.(inspect.Doors); ok {
		commands = doors.Doors(pods)
	}
	for _, c := range commands {
		lines = append(lines, "    "+c)
	}
	end := "Enter goes on, Ctrl-C ends the run"
	if p.limit > 0 {
		end += fmt.Sprintf("; it goes on by itself in %s", p.limit)
	}
	return strings.Join(append(lines, "  "+end+"."), "\n") + "\n"
}
