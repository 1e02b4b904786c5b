package report

import (
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"
)

func markdownOf(t *testing.T, in Input) string {
	t.Helper()
	var b strings.Builder
	if err := writeMarkdown(&b, in, Options{}); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestMarkdownLimit makes a run with more failures than GitHub shows.
func TestMarkdownLimit(t *testing.T) {
	in := faulty()
	failure := in.Run.Scenarios[1]
	in.Run.Scenarios = nil
	const failures = 2000
	for i := range failures {
		failure.Name = fmt.Sprintf("failure-%04d", i)
		in.Run.Scenarios = append(in.Run.Scenarios, failure)
	}
	text := markdownOf(t, in)
	if len(text) > 1<<20 || !utf8.ValidString(text) {
		t.Errorf("%d bytes", len(text))
	}
	shown := strings.Count(text, "<details>")
	if shown < 100 || shown != strings.Count(text, "</details>") {
		t.Errorf("%d scenarios are shown, %d are complete", shown, strings.Count(text, "</details>"))
	}
	if want := fmt.Sprintf("**%d scenarios** left out, because GitHub shows no more than 1 MiB: failure-%04d, ", failures-shown, shown); !strings.Contains(text, want) {
		t.Errorf("no %q", want)
	}
	if !strings.Contains(text, "### Latency") && !strings.Contains(text, "Next:") {
		t.Error("what comes after the details is cut off")
	}
}

// TestMarkdownLongLists: what was recorded or skipped may not crowd out what is wrong.
func TestMarkdownLongLists(t *testing.T) {
	in := skipping()
	skipped := in.Run.Scenarios[1]
	for i := range 20_000 {
		skipped.Name, skipped.Reason = fmt.Sprintf("skipped-%05d", i), fmt.Sprintf("reason %05d %s", i, strings.Repeat("x", 60))
		in.Run.Scenarios = append(in.Run.Scenarios, skipped)
	}
	in.Run.Scenarios = append(in.Run.Scenarios, andAsOr())
	text := markdownOf(t, in)
	if len(text) > 1<<20 {
		t.Errorf("%d bytes", len(text))
	}
	for _, want := range []string{"<b>and-in-one-peer</b>", "ALLOW!", "more, in the JSON report"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q", want)
		}
	}
}

// TestMarkdownObeysNobody: names and reasons come from files and clusters.
func TestMarkdownObeysNobody(t *testing.T) {
	in := faulty()
	in.Cluster.Implementation = "a|b <script>*x*"
	in.Run.Scenarios[1].Reason = "</summary><img src=x>"
	in.Run.Scenarios[1].Summary = "```\n# not a heading\n````"
	text := markdownOf(t, in)
	for _, want := range []string{`a|b &lt;script&gt;\*x\*`, "&lt;/summary&gt;&lt;img src=x&gt;", "`````text\n"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	code := false
	for line := range strings.SplitSeq(text, "\n") {
		if strings.HasPrefix(line, "`````") {
			code = !code
		}
		if code {
			continue
		}
		if strings.HasPrefix(line, "# ") || strings.Contains(line, "<script") || strings.Contains(line, "<img") {
			t.Errorf("obeyed: %s", line)
		}
	}
}
