// Package suites offers the library of scenarios as Ginkgo suites: one It for each
// scenario, labelled with its level, topic and features, through the same runner as
// the command line. A suite runs on the cluster that -kubeconfig leads to; without
// that flag it runs on an embedded cluster.
//
// One process runs scenarios ahead, several at once. The processes of `ginkgo -p` do
// not disturb one another: each has namespaces, or an embedded cluster, of its own.
package suites

import (
	"slices"
	"testing"

	"github.com/onsi/ginkgo/v2"
	"github.com/onsi/ginkgo/v2/types"
	"github.com/onsi/gomega"

	"github.com/cniproof/cniproof/internal/judge"
	"github.com/cniproof/cniproof/internal/report"
	"github.com/cniproof/cniproof/internal/runner"
	"github.com/cniproof/cniproof/internal/scenario"
	"github.com/cniproof/cniproof/scenarios"
)

// Static selects the scenarios of these levels that are not dynamic.
func Static(levels ...scenario.Level) func(*scenario.Scenario) bool {
	return func(s *scenario.Scenario) bool { return !s.Dynamic() && slices.Contains(levels, s.Level) }
}

// Run runs the selected scenarios as a suite.
func Run(t *testing.T, name string, target *Target, want func(*scenario.Scenario) bool) {
	t.Helper()
	list, err := selected(want)
	if err != nil {
		t.Fatal(err)
	}
	gomega.RegisterFailHandler(ginkgo.Fail)
	var ahead []*scenario.Scenario
	define(name, target, list, &ahead)
	title := "cniproof " + name
	if suite, _ := ginkgo.GinkgoConfiguration(); suite.ParallelTotal == 1 {
		ahead = wanted(list, ginkgo.PreviewSpecs(title))
	}
	ginkgo.RunSpecs(t, title)
}

// wanted are the scenarios that Ginkgo's filters leave.
func wanted(list []*scenario.Scenario, preview ginkgo.Report) []*scenario.Scenario {
	skipped := map[string]bool{}
	for _, spec := range preview.SpecReports {
		if spec.State.Is(types.SpecStateSkipped) {
			skipped[spec.LeafNodeText] = true
		}
	}
	return slices.DeleteFunc(slices.Clone(list), func(s *scenario.Scenario) bool { return skipped[s.Name] })
}

// selected are the scenarios that a test wants.
func selected(want func(*scenario.Scenario) bool) ([]*scenario.Scenario, error) {
	all, err := scenario.Load(scenarios.FS, ".")
	if err != nil {
		return nil, err
	}
	list := slices.DeleteFunc(all, func(s *scenario.Scenario) bool { return !want(s) })
	return runner.Grouped(list), nil
}

// define makes the suite. When it begins, ahead are the scenarios of this process where
// it has them all, else nil: Ginkgo says which only once it knows the suite.
func define(name string, target *Target, list []*scenario.Scenario, ahead *[]*scenario.Scenario) {
	var b *bench
	ginkgo.BeforeSuite(func(ctx ginkgo.SpecContext) {
		var err error
		b, err = target.open(ctx, *ahead, note)
		gomega.Expect(err).NotTo(gomega.HaveOccurred())
		note(b.preflight().Message)
	})
	ginkgo.AfterSuite(func(ctx ginkgo.SpecContext) {
		if b != nil {
			gomega.Expect(b.close(ctx)).To(gomega.Succeed())
		}
	})
	ginkgo.Describe(name, func() {
		for _, s := range list {
			ginkgo.It(s.Name, decorators(s), func(ctx ginkgo.SpecContext) { settle(b.judge(ctx, s)) })
		}
	})
}

func note(line string) { ginkgo.GinkgoWriter.Println(line) }

// decorators are a scenario's labels, and what keeps the processes of `ginkgo -p` from
// running others beside one that has to run alone; within a process the runner does.
func decorators(s *scenario.Scenario) []any {
	list := []any{append(ginkgo.Labels{string(s.Level), s.Topic}, s.Features...)}
	if s.Alone() {
		list = append(list, ginkgo.Serial)
	}
	return list
}

// settle ends an It with the scenario's result. Only a pass lets it pass: what no
// specification settles, and what could not be told, is neither green nor red for
// the reason that a verdict is wrong.
func settle(s judge.Scenario) {
	switch s.Result {
	case judge.Pass:
	case judge.Recorded:
		ginkgo.AddReportEntry("recorded, not judged", report.Summary(alone(s), report.Options{}))
		ginkgo.Skip("recorded, not judged: no specification settles it")
	case judge.Skipped:
		ginkgo.Skip(s.Reason)
	case judge.Inconclusive:
		ginkgo.Fail("INCONCLUSIVE, neither pass nor failure: " + told(s))
	case judge.Fail:
		ginkgo.Fail(told(s))
	}
}

// told is what the text report says of the scenario.
func told(s judge.Scenario) string {
	return report.Line(alone(s), s, report.Options{}) + "\n" + report.Details(alone(s), report.Options{})
}

func alone(s judge.Scenario) report.Input {
	return report.Input{Run: &judge.Run{Scenarios: []judge.Scenario{s}}}
}
