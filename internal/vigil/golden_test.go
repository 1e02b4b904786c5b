package vigil

import (
	"flag"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cniproof/cniproof/internal/flow"
	"github.com/cniproof/cniproof/internal/goldentest"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func sample() *Report {
	at := func(name string) flow.Endpoint { return flow.Pod("x", name) }
	flows := []flow.Flow{
		{Source: at("a"), Destination: at("b"), Protocol: flow.TCP, Port: 80, Via: flow.PodIP, Family: flow.IPv4},
		{Source: at("a"), Destination: at("b"), Protocol: flow.TCP, Port: 80, Via: flow.ClusterIP, Family: flow.IPv4},
		{Source: at("c"), Destination: at("b"), Protocol: flow.UDP, Port: 53, Via: flow.PodIP, Family: flow.IPv6},
		{Source: at("d"), Destination: at("b"), Protocol: flow.UDP, Port: 53, Via: flow.PodIP, Family: flow.IPv6},
	}
	r := NewRecorder(flows, []flow.Verdict{flow.Deny, flow.Deny, flow.Allow, flow.Allow}, 100*time.Millisecond, start, nil)
	feed(r, 0, "TTCCTTTTTTTTTTTTTTTT")
	feed(r, 1, "TTTCTTTTTTTTTTTTTTTT")
	feed(r, 2, "CTCCCTTTCCCCCCCCCCTT")
	feed(r, 3, "CCCFFFFFFFFFFFFFFCCC")
	report := r.Report(start.Add(2*time.Second), 100*time.Millisecond)
	report.Step = "closed"
	report.Events = []Event{{start.Add(time.Second), "probe pod x/d is gone"}}
	report.Command = &Command{Text: "upgrade", Exit: 1, Took: time.Second}
	return report
}

func TestReportsAreGolden(t *testing.T) {
	var text, document strings.Builder
	if err := WriteText(&text, sample()); err != nil {
		t.Fatal(err)
	}
	if err := WriteJSON(&document, sample(), About{Tool: "test", Scenario: "sample", Cluster: "none"}); err != nil {
		t.Fatal(err)
	}
	for name, got := range map[string]string{"report.txt": text.String(), "report.json": document.String()} {
		goldentest.File(t, *update, filepath.Join("testdata", name), got)
	}
}
