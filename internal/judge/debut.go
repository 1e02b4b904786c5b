package judge

import (
	"fmt"
	"slices"
	"time"

	"github.com/cniproof/cniproof/internal/flow"
)

// Who dialled a flow from the first instant of a pod.
const (
	ByContainer     = "container"
	ByInitContainer = "init container"
	ByPeer          = "peer" // from the moment that the API showed the pod's address
)

// Debut is one flow from or to a new pod, from that pod's first instant on.
type Debut struct {
	Flow     flow.Flow
	By       string
	Expected flow.Verdict
	// Stretches count from the first instant of the process that dialled, or from when
	// the API showed the pod's address.
	Stretches []flow.Stretch
	// Took is how long the flow was tried.
	Took time.Duration
	// Unserved is how long, from when the stretches begin, nobody may have listened yet:
	// what is allowed has its time from then on.
	Unserved time.Duration
	// Trouble is why nothing is known of the flow; "" where something is.
	Trouble string
	// Result and Reason are what Judge says.
	Result Result
	Reason string
}

const (
	// early is how soon the first attempt has to be made, and fewestTries how many have
	// to be told, before silence counts.
	early       = 500 * time.Millisecond
	fewestTries = 5
)

// First is when the flow first connected, with ok false where it never did: when that
// attempt began and how long it took.
func (d Debut) First() (after time.Duration, ok bool) {
	i := slices.IndexFunc(d.Stretches, func(s flow.Stretch) bool { return s.Outcome == flow.Connected })
	if i < 0 {
		return 0, false
	}
	return d.Stretches[i].First + d.Stretches[i].Took, true
}

// told counts the attempts that are evidence, and says when the first of them began.
func (d Debut) told() (count int, first time.Duration) {
	for _, s := range d.Stretches {
		if s.Outcome != flow.Connected && !s.Outcome.Blocked() {
			continue
		}
		if count == 0 {
			first = s.First
		}
		count += s.Count
	}
	return count, first
}

// Judge holds the flow against what it should do. An existing deny must hold from the
// first instant; what is allowed has the time of within.
func (d Debut) Judge(within time.Duration) (Result, string) {
	count, began := d.told()
	first, connected := d.First()
	within += d.Unserved
	switch {
	case d.Expected == flow.Undefined:
		return Pass, ""
	case d.Expected == flow.Deny && connected:
		return Fail, fmt.Sprintf("%s connected %s after %s%s", d.Flow, first.Round(time.Millisecond), d.since(), d.lastly(first))
	case d.Expected == flow.Allow && connected && first <= within:
		return Pass, ""
	case d.Expected == flow.Allow && connected:
		return Fail, fmt.Sprintf("%s connected only %s after %s", d.Flow, first.Round(time.Millisecond), d.since())
	case d.Trouble != "":
		return Inconclusive, fmt.Sprintf("%s: %s", d.Flow, d.Trouble)
	case d.Expected == flow.Allow && d.By == ByInitContainer:
		return Pass, "" // it lasts as long as it lasts; the container after it is told
	case count < fewestTries:
		return Inconclusive, fmt.Sprintf("%s: could not tell: %d attempts, and %d are needed", d.Flow, count, fewestTries)
	case d.Expected == flow.Allow && d.Took >= within:
		return Fail, fmt.Sprintf("%s did not connect within %s after %s", d.Flow, round(d.Took), d.since())
	case d.Expected == flow.Allow:
		return Inconclusive, fmt.Sprintf("%s: could not tell: it was tried for %s only", d.Flow, round(d.Took))
	case began > early:
		return Inconclusive, fmt.Sprintf("%s: could not tell: the first attempt that can be told came %s after %s", d.Flow, began.Round(time.Millisecond), d.since())
	}
	return Pass, ""
}

// lastly says when the flow connected for the last time; "" where that was at once.
func (d Debut) lastly(first time.Duration) string {
	var last time.Duration
	for _, s := range d.Stretches {
		if s.Outcome == flow.Connected {
			last = s.Last
		}
	}
	if last-first < 10*time.Millisecond {
		return ""
	}
	return fmt.Sprintf(", and for the last time %s after it", last.Round(time.Millisecond))
}

func (d Debut) since() string {
	switch d.By {
	case ByPeer:
		return "the API showed the new pod's address"
	case ByInitContainer:
		return "the first instant of the new pod's init container"
	}
	return "the new pod's first instant"
}

// AddDebuts takes the debuts of new pods into a step's result: evidence against the
// implementation outranks doubt, and doubt outranks a pass.
func (s *Step) AddDebuts(list []Debut, within time.Duration) {
	for i := range list {
		list[i].Result, list[i].Reason = list[i].Judge(within)
	}
	s.Debuts, s.Start = list, start(list)
	for _, r := range []Result{Fail, Inconclusive} {
		found := s.DebutsOf(r)
		if s.Result == r {
			return
		}
		if len(found) > 0 {
			s.Result, s.Reason = r, found[0].Reason
			if more := len(found) - 1; more > 0 {
				s.Reason += fmt.Sprintf(", and %d more of %d flows of new pods", more, len(list))
			}
			return
		}
	}
}

// DebutsOf are the flows of new pods that came to the result.
func (s *Step) DebutsOf(r Result) []Debut {
	return slices.DeleteFunc(slices.Clone(s.Debuts), func(d Debut) bool { return d.Result != r })
}

// start measures the allowed flows; nil if there are none, or one never connected.
// Where an init container comes first nobody listens before it has ended: what peers
// dial says nothing of the implementation then.
func start(list []Debut) *Latency {
	initially := slices.ContainsFunc(list, func(d Debut) bool { return d.By == ByInitContainer })
	var l Latency
	for _, d := range list {
		if d.Expected != flow.Allow || d.By == ByPeer && initially {
			continue
		}
		first, ok := d.First()
		if !ok {
			return nil
		}
		if l.Flows == 0 || first < l.FirstCorrect {
			l.FirstCorrect = first
		}
		l.Flows++
		l.Settled = max(l.Settled, first)
	}
	if l.Flows == 0 {
		return nil
	}
	return &l
}
