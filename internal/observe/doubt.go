package observe

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/cniproof/cniproof/internal/flow"
)

// doubt turns the outcome of a closed-looking flow into Failed where silence
// proves nothing: an agent at either end does not answer on its control stream, or was kept
// from running while the round lasted, the server does not listen, or the answers of other
// flows of the round came so late that the flow's own may have been late as well. Where none
// of this is so, and the server has got what was sent, the outcome is Unanswered. It returns
// for how long agents were kept from running.
func (w *Watcher) doubt(ctx context.Context, round *flow.Round, timeouts [][]time.Duration) []time.Duration {
	said := w.checkup(ctx, w.silent(round.Samples), round.Begin)
	others := slow(waits(round.Samples, timeouts))
	for i, t := range w.targets {
		s := &round.Samples[i]
		if !s.Outcome.Blocked() {
			continue
		}
		granted := total(timeouts[i])
		if reason := cmp.Or(suspect(t, said, granted), crowded(*s, others, granted)); reason != "" {
			s.Outcome, s.Detail = flow.Failed, reason
		} else if heard(said[t.To], s.Mark) {
			s.Outcome, s.Detail = flow.Unanswered, "what was sent came through, and no answer came back: "+s.Detail
		}
	}
	return stalls(said)
}

// waits is how long the flows that connected took, attempts that failed included.
func waits(samples []flow.Sample, timeouts [][]time.Duration) []time.Duration {
	var list []time.Duration
	for i, s := range samples {
		if s.Outcome == flow.Connected {
			list = append(list, total(timeouts[i][:min(s.Attempts, len(timeouts[i]))-1])+s.Took)
		}
	}
	return list
}

// crowded says why silence proves nothing where other flows of the round took
// nearly as long, or "". A refusal is an answer, and is never late.
func crowded(s flow.Sample, others, granted time.Duration) string {
	if s.Outcome != flow.TimedOut || others <= granted/2 {
		return ""
	}
	return fmt.Sprintf("could not tell: other flows took %s to connect where the probe waited %s",
		others.Round(time.Millisecond), granted.Round(time.Millisecond))
}

// silent are the agents at either end of the flows that look closed, each with the marks
// that it may have heard.
func (w *Watcher) silent(samples []flow.Sample) map[*Agent][]uint64 {
	found := map[*Agent][]uint64{}
	for i, t := range w.targets {
		if !samples[i].Outcome.Blocked() || t.From == nil {
			continue
		}
		if _, asked := found[t.From]; !asked {
			found[t.From] = nil
		}
		if t.To != nil {
			found[t.To] = append(found[t.To], samples[i].Mark)
		}
	}
	return found
}
