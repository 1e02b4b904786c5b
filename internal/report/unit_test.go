package report

import (
	"bytes"
	"encoding/xml"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/cniproof/cniproof/internal/flow"
	"github.com/cniproof/cniproof/internal/judge"
	"github.com/cniproof/cniproof/internal/scenario"
)

func TestExitCode(t *testing.T) {
	run := func(results ...judge.Result) *judge.Run {
		r := &judge.Run{Preflight: judge.Preflight{Result: judge.Pass, Enforced: true}}
		for _, res := range results {
			r.Scenarios = append(r.Scenarios, judge.Scenario{Result: res})
		}
		return r
	}
	with := func(r *judge.Run, change func(*judge.Run)) *judge.Run {
		change(r)
		return r
	}
	tests := []struct {
		name string
		run  *judge.Run
		want int
	}{
		{"all pass", run(judge.Pass, judge.Pass), 0},
		{"pass, skipped and recorded", run(judge.Pass, judge.Skipped, judge.Recorded), 0},
		{"recorded only", run(judge.Recorded), 0},
		{"one fails", run(judge.Pass, judge.Fail), 1},
		{"one is inconclusive", run(judge.Pass, judge.Inconclusive), 2},
		{"fail wins over inconclusive", run(judge.Inconclusive, judge.Fail), 1},
		{"a result that nobody set", run(judge.Pass, ""), 2},
		{"no run", nil, 2},
		{"no scenario", run(), 2},
		{"all skipped", run(judge.Skipped, judge.Skipped), 2},
		{"infrastructure failed", with(run(judge.Pass), func(r *judge.Run) { r.Err = "lost the API" }), 2},
		{"infrastructure failed after a wrong verdict", with(run(judge.Fail), func(r *judge.Run) { r.Err = "lost the API" }), 1},
		{"interrupted", with(run(judge.Pass), func(r *judge.Run) { r.Interrupted = true }), 130},
		{"interrupted wins over fail", with(run(judge.Fail), func(r *judge.Run) { r.Interrupted = true }), 130},
		{"interrupted wins over infrastructure", with(run(), func(r *judge.Run) { r.Interrupted, r.Err = true, "cancelled" }), 130},
		{"preflight fails", with(run(judge.Recorded), func(r *judge.Run) { r.Preflight.Result = judge.Fail }), 1},
		{"preflight inconclusive", with(run(judge.Pass), func(r *judge.Run) { r.Preflight.Result = judge.Inconclusive }), 2},
		{"no preflight", with(run(judge.Pass), func(r *judge.Run) { r.Preflight = judge.Preflight{} }), 0},
	}
	for _, tt := range tests {
		if got := ExitCode(tt.run); got != tt.want {
			t.Errorf("%s: got %d, want %d", tt.name, got, tt.want)
		}
	}
}

func TestClassify(t *testing.T) {
	wrong := judge.Cell{Expected: flow.Deny, Observed: flow.Allow}
	unclear := judge.Cell{Expected: flow.Deny, Observed: flow.Unknown}
	open := judge.Cell{Expected: flow.Undefined, Observed: flow.Deny, Outcomes: map[flow.Outcome]int{flow.TimedOut: 3}}
	gone := judge.Cell{Expected: flow.Undefined}
	tests := []struct {
		name     string
		level    scenario.Level
		scenario judge.Result
		step     judge.Result
		cell     judge.Cell
		want     class
	}{
		{"wrong", scenario.LevelMust, judge.Fail, judge.Fail, wrong, mismatch},
		{"right", scenario.LevelMust, judge.Fail, judge.Fail, judge.Cell{Expected: flow.Deny, Observed: flow.Deny}, asExpected},
		{"one-way", scenario.LevelMust, judge.Fail, judge.Fail, judge.Cell{Expected: flow.Deny, Observed: flow.OneWay}, mismatch},
		{"unclear", scenario.LevelMust, judge.Fail, judge.Fail, unclear, doubtful},
		{"no spec", scenario.LevelMust, judge.Pass, judge.Pass, open, record},
		{"of a pod that has completed", scenario.LevelMust, judge.Fail, judge.Fail, gone, asExpected},
		{"wrong in a control that did not hold", scenario.LevelMust, judge.Inconclusive, judge.Fail, wrong, doubtful},
		{"wrong in a later control", scenario.LevelOptional, judge.Fail, judge.Inconclusive, wrong, doubtful},
		{"wrong where nothing is scored", scenario.LevelContested, judge.Recorded, judge.Fail, wrong, record},
		{"unclear where nothing is scored", scenario.LevelUndefined, judge.Inconclusive, judge.Inconclusive, unclear, doubtful},
	}
	for _, tt := range tests {
		s := &judge.Scenario{Level: tt.level, Result: tt.scenario}
		if got := classify(s, &judge.Step{Result: tt.step}, tt.cell); got != tt.want {
			t.Errorf("%s: got %d, want %d", tt.name, got, tt.want)
		}
	}
}

// TestBundlesAreProducts expands every bundle again and must find every flow once.
func TestBundlesAreProducts(t *testing.T) {
	for _, s := range samples() {
		for _, sc := range s.in.Run.Scenarios {
			for _, step := range sc.Steps {
				want := map[string]int{}
				for _, c := range step.Cells {
					f := c.Flow
					want[strings.Join([]string{f.Source.String(), f.Destination.String(),
						flow.Port{Number: f.Port, Protocol: f.Protocol}.String(), f.Via.String() + "/" + f.Family.String()}, " ")]++
				}
				got := map[string]int{}
				for _, b := range bundles(sights(step.Cells, func(judge.Cell) string { return "" })) {
					before := len(got)
					expand(got, b)
					if n := len(got) - before; n != b.flows {
						t.Errorf("%s: bundle %s has %d flows and counts %d", s.name, b.line(0), n, b.flows)
					}
				}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("%s %s %q (-want +got):\n%s", s.name, sc.Name, step.Name, diff)
				}
			}
		}
	}
}

func expand(into map[string]int, b bundle) {
	for _, from := range b.words[bySource] {
		for _, to := range b.words[byDestination] {
			for _, port := range b.words[byPort] {
				for _, path := range b.words[byPath] {
					into[strings.Join([]string{from, to, port, path}, " ")]++
				}
			}
		}
	}
}

func TestFactor(t *testing.T) {
	tests := []struct {
		words []string
		want  string
	}{
		{[]string{"80/TCP"}, "80/TCP"},
		{[]string{"80/TCP", "80/UDP"}, "80/TCP,UDP"},
		{[]string{"80/TCP", "81/UDP"}, "80/TCP,81/UDP"},
		{[]string{"80/TCP", "80/UDP", "81/TCP", "81/UDP"}, "80,81/TCP,UDP"},
		{[]string{"80/TCP", "80/UDP", "81/TCP"}, "80/TCP,80/UDP,81/TCP"},
	}
	for _, tt := range tests {
		if got := factor(tt.words, "/", ","); got != tt.want {
			t.Errorf("%q: got %q, want %q", tt.words, got, tt.want)
		}
	}
}

// TestHeaderBeforeTheRun is what the command line prints before there are results.
func TestHeaderBeforeTheRun(t *testing.T) {
	in := passed()
	in.Run = nil
	if got := Header(in, Options{}); strings.Contains(got, "RESULT") {
		t.Errorf("a result before the run:\n%s", got)
	}
	for _, message := range []string{"all went through.", "NOTHING IS ENFORCED: all went through."} {
		in.Run = &judge.Run{Preflight: judge.Preflight{Result: judge.Fail, Message: message}}
		if got := Header(in, Options{}); !strings.HasPrefix(got, "NOTHING IS ENFORCED: all went through.\n") {
			t.Errorf("the first line is not the cause:\n%s", got)
		}
	}
}

func TestReferenceIsNamed(t *testing.T) {
	for implementation, want := range map[string]string{
		"":                  "reference engine, not a CNI",
		"reference engine":  "reference engine, not a CNI",
		"nftables compiler": "reference engine, not a CNI (nftables compiler)",
	} {
		if got := judged(Cluster{Implementation: implementation, Reference: true}); got != want {
			t.Errorf("%q: got %q, want %q", implementation, got, want)
		}
	}
	if got := judged(Cluster{Implementation: "examplenet", Version: "v1"}); got != "examplenet v1" {
		t.Errorf("got %q", got)
	}
}

func TestAgain(t *testing.T) {
	tests := []struct {
		command []string
		want    string
	}{
		{nil, "cniproof run --run '^a\\.b$'"},
		{[]string{"cniproof", "run", "--run", "x", "--seed", "3", "--fault", "f"}, "cniproof run --fault f --run '^a\\.b$'"},
		{[]string{"cniproof", "run", "-o", "json", "--report", "junit=x.xml", "--shard=1/2", "-v"}, "cniproof run -v --run '^a\\.b$'"},
		{[]string{"cniproof", "run", "--run=x", "-f", "my file's.yaml"}, `cniproof run -f 'my file'\''s.yaml' --run '^a\.b$'`},
		{[]string{"cniproof", "run", "--run"}, "cniproof run --run '^a\\.b$'"},
	}
	for _, tt := range tests {
		if got := again(tt.command, "a.b"); got != tt.want {
			t.Errorf("%q: got %s, want %s", tt.command, got, tt.want)
		}
	}
}

func TestExplain(t *testing.T) {
	tests := []struct {
		command []string
		want    string
	}{
		{nil, "cniproof explain deny"},
		{[]string{"cniproof", "run", "--fault", "f"}, "cniproof explain deny"},
		{[]string{"cniproof", "run", "-f", "my dir", "--file=b.yaml"}, "cniproof explain deny -f 'my dir' --file=b.yaml"},
	}
	for _, tt := range tests {
		if got := explain(tt.command, "deny"); got != tt.want {
			t.Errorf("%q: got %s, want %s", tt.command, got, tt.want)
		}
	}
}

func TestShort(t *testing.T) {
	for d, want := range map[time.Duration]string{
		850 * time.Microsecond:             "850µs",
		12400 * time.Microsecond:           "12ms",
		999600 * time.Microsecond:          "1.00s",
		3 * time.Second:                    "3.00s",
		59960 * time.Millisecond:           "1m00s",
		12340 * time.Millisecond:           "12.3s",
		2*time.Minute + 3*time.Second:      "2m03s",
		61*time.Minute + 59600*1000*1000:   "62m00s",
		9999 * time.Millisecond:            "10.0s",
		time.Millisecond - time.Nanosecond: "999µs",
	} {
		if got := short(d); got != want {
			t.Errorf("%d: got %s, want %s", d, got, want)
		}
	}
}

// TestHostileText puts text that a terminal or an XML parser would obey everywhere
// that text from a cluster goes.
func TestHostileText(t *testing.T) {
	const evil = "\x1b[31mred\x1b[0m\x00 ]]> <b>&\u202e\ufffe\xff\nnext\x07"
	cell := judge.Cell{
		Flow:     flow.Flow{Source: flow.Pod("x", "a"), Destination: flow.Pod("x", "b"), Protocol: flow.TCP, Port: 80, Via: flow.PodIP, Family: flow.IPv4},
		Expected: flow.Deny, Observed: flow.Allow, Outcome: flow.Connected, Detail: evil, Explanation: evil,
	}
	in := input(&judge.Run{Err: evil, Preflight: judge.Preflight{Result: judge.Inconclusive, Message: evil}}, evil)
	in.Run.Scenarios = []judge.Scenario{{
		Name: evil, Topic: evil, Summary: evil, Reason: evil, Refs: []string{evil}, Level: scenario.LevelMust, Result: judge.Fail,
		Steps: []judge.Step{{Name: evil, Reason: evil, Result: judge.Fail, Cells: []judge.Cell{cell}}},
	}, {Name: evil, Level: scenario.LevelMust, Result: judge.Skipped, Reason: evil}}
	for _, f := range Formats() {
		var b bytes.Buffer
		if err := Write(&b, f.Name, in, Options{Verbose: true}); err != nil {
			t.Fatalf("%s: %v", f.Name, err)
		}
		if !utf8.Valid(b.Bytes()) {
			t.Errorf("%s: not UTF-8", f.Name)
		}
		if i := bytes.IndexFunc(b.Bytes(), func(r rune) bool { return unicode.IsControl(r) && r != '\n' }); i >= 0 {
			t.Errorf("%s: a control character in %q", f.Name, b.Bytes()[max(0, i-20):i+1])
		}
		if f.Name == "junit" {
			if err := xml.Unmarshal(b.Bytes(), new(junitSuites)); err != nil {
				t.Error(err)
			}
		}
	}
}

func FuzzPlain(f *testing.F) {
	f.Add("\x1b[31mred\x1b[0m")
	f.Add("\x1b[")
	f.Add("a\x1b\x1b[[mb\u0085\u2028c")
	f.Fuzz(func(t *testing.T, text string) {
		got := plain(text)
		if strings.ContainsFunc(got, func(r rune) bool { return !unicode.IsPrint(r) }) {
			t.Errorf("%q became %q", text, got)
		}
		if again := plain(got); again != got {
			t.Errorf("%q became %q, and then %q", text, got, again)
		}
		for _, line := range wrap("- ", text, 20) {
			if columns(line) > 20 && len(strings.Fields(line)) > 2 {
				t.Errorf("%q is wider than 20", line)
			}
		}
	})
}

// TestReadingOf checks that what explains most of the failures is named, and nothing
// that explains a single one.
func TestReadingOf(t *testing.T) {
	failed := func(names ...string) judge.Scenario {
		step := judge.Step{Result: judge.Fail}
		for _, n := range names {
			step.Readings = append(step.Readings, judge.Reading{Name: n, Says: n + " being so"})
		}
		return judge.Scenario{Result: judge.Fail, Steps: []judge.Step{{Result: judge.Pass}, step}}
	}
	for _, c := range []struct {
		run  []judge.Scenario
		want string
	}{
		{nil, ""},
		{[]judge.Scenario{failed("a")}, ""},
		{[]judge.Scenario{failed("a"), failed("b")}, ""},
		{[]judge.Scenario{failed("a", "b"), failed("c", "b"), failed()}, "Consistent with b being so: 2 of 3 failed scenarios."},
		{[]judge.Scenario{failed("a", "b"), failed("b", "a")}, "Consistent with a being so: 2 of 2 failed scenarios."},
	} {
		if got := readingOf(&judge.Run{Scenarios: c.run}); got != c.want {
			t.Errorf("got %q, want %q", got, c.want)
		}
	}
}

func TestJSONReportOfACommand(t *testing.T) {
	for want, command := range map[string][]string{
		"":       {"cniproof", "run", "--report", "junit=a.xml"},
		"a.json": {"cniproof", "run", "--report", "junit=a.xml", "--report=json=a.json"},
		"b.json": {"cniproof", "run", "--report", "json=b.json", "-v"},
	} {
		if got := jsonReport(command); got != want {
			t.Errorf("%q: got %q, want %q", command, got, want)
		}
	}
}
