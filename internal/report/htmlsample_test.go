package report

import (
	"fmt"
	"time"

	"github.com/cniproof/cniproof/internal/flow"
	"github.com/cniproof/cniproof/internal/judge"
	"github.com/cniproof/cniproof/internal/scenario"
)

// crowd is a run of many scenarios on the topology "standard", of which a few fail.
func crowd(n int) Input {
	r := &judge.Run{Took: time.Minute}
	topics := []string{"basics", "peers", "ports", "selectors", "updates"}
	for i := range n {
		s := closing(i)
		s.Name, s.Topic = fmt.Sprintf("scenario-%03d", i), topics[i%len(topics)]
		s.Features = append(s.Features, []string{"ip-block", "named-port", "egress"}[i%3])
		if i%4 == 3 {
			s.Level = scenario.LevelOptional
		}
		r.Scenarios = append(r.Scenarios, s)
	}
	return input(r)
}

// closing closes some of the pods, other ones for each number, in two steps; one of
// 25 fails in the first of them.
func closing(i int) judge.Scenario {
	m := standard()
	closed := func(pods ...int) func(flow.Flow) flow.Verdict {
		return func(f flow.Flow) flow.Verdict {
			for _, p := range pods {
				if f.Destination == pod(m.order[p%len(m.order)]) && f.Source.Name != "b" {
					return flow.Deny
				}
			}
			return flow.Allow
		}
	}
	s := scene("", "", "Some pods are closed for all but those called b, and then some more.", judge.Pass)
	tables := []func(flow.Flow) flow.Verdict{closed(), closed(), closed(i), closed(i, i+2, i+5), closed()}
	names := []string{"no policy", "some are closed", "more are closed", "policies removed"}
	for n, name := range names {
		s.Steps = append(s.Steps, measured(step(name, judge.Pass, nil), time.Duration(10+i+n)*time.Millisecond, time.Duration(5+i%40)*time.Millisecond))
		s.Steps[n+1].Deeds, s.Steps[n+1].Source = []scenario.Deed{scenario.Create}, andInOnePeer
	}
	m.expect = closed(i)
	cells := m.cells()
	for _, c := range cells {
		s.Flows = append(s.Flows, c.Flow)
	}
	for n := range s.Steps {
		for _, f := range s.Flows {
			s.Steps[n].Expected = append(s.Steps[n].Expected, tables[n](f))
		}
	}
	if i%25 == 7 {
		m.see = func(flow.Flow) flow.Outcome { return flow.Connected }
		m.why = func(f flow.Flow) string { return fmt.Sprintf("must be denied: no rule admits %s", f.Source) }
		failed := step(names[1], judge.Fail, m.cells())
		s.Result, s.Reason, s.Steps[2] = judge.Fail, "step \"some are closed\": "+failed.Reason, failed
	}
	return s
}

// hostile is a run in which every text tries to be markup.
func hostile() Input {
	evil := `"'><script>document.title='owned'</script><img src=x onerror=alert(1)><b x=`
	in := deviating(false)
	in.Tool, in.Command, in.Cluster.Implementation, in.Cluster.Version = evil, []string{evil, evil}, evil, evil
	in.Cluster.Kubernetes, in.Cluster.Provider, in.Cluster.Faults, in.Cluster.Reference = evil, evil, []string{evil}, true
	in.Run.Err, in.Run.Interrupted, in.Run.Preflight = evil, true, judge.Preflight{Result: judge.Fail, Message: evil}
	for i := range in.Deviations {
		in.Deviations[i].Summary, in.Deviations[i].Link = evil, "javascript:alert(1)//"+evil
	}
	for i := range in.Run.Scenarios {
		s := &in.Run.Scenarios[i]
		s.Topic, s.Summary, s.Reason, s.Level = evil, evil, evil, scenario.Level(evil)
		s.Features, s.Refs = []string{evil}, []string{evil, "javascript:alert(1)", `https://example.com/"><script>`}
		for n := range s.Steps {
			step := &s.Steps[n]
			step.Readings = []judge.Reading{{Name: evil, Says: evil}}
			step.Name, step.Reason, step.Source, step.Deeds = evil, evil, evil, []scenario.Deed{scenario.Deed(evil)}
			for k := range step.Cells {
				c := &step.Cells[k]
				c.Detail, c.Explanation = evil, evil
				c.Flow.Source, c.Flow.Destination = flow.Pod(evil, c.Flow.Source.Name), flow.Pod(evil, c.Flow.Destination.Name)
			}
		}
	}
	in.Run.Scenarios = append(in.Run.Scenarios, judge.Scenario{Name: evil, Result: judge.Skipped, Reason: evil},
		judge.Scenario{Name: evil + "2", Result: judge.Inconclusive, Reason: evil})
	in.Run.Scenarios = append(in.Run.Scenarios, recording().Run.Scenarios...)
	return in
}
