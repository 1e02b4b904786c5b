package compare_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/cniproof/cniproof/internal/compare"
	"github.com/cniproof/cniproof/internal/page/pagetest"
	"github.com/cniproof/cniproof/internal/report"
)

// clusters are two CNIs on two versions of Kubernetes, which differ in some scenarios.
func clusters() []report.Document {
	var runs []report.Document
	for n, name := range []string{"calico", "calico", "cilium", "cilium"} {
		var results []string
		for i := range 120 {
			result := "pass"
			switch {
			case i%10 == 3 && n >= 2:
				result = "fail"
			case i%40 == 5:
				result = "inconclusive"
			case i%30 == 4:
				result = "recorded"
			case i%30 == 7 && n == 1:
				result = "skipped"
			}
			results = append(results, fmt.Sprintf("scenario-%03d=%s", i, result))
		}
		d := run(name, results...)
		d.Cluster.Kubernetes, d.Cluster.Nodes = []string{"v1.35.4", "v1.36.3"}[n%2], 2
		for i := range d.Scenarios {
			s := &d.Scenarios[i]
			s.Topic, s.Features = []string{"basics", "peers", "ports"}[i%3], []string{"ingress", []string{"named-port", "ip-block"}[i%2]}
		}
		runs = append(runs, d)
	}
	runs[3].Interrupted = true
	runs[2].Scenarios[13].KnownDeviation = "https://example.com/issues/1"
	return runs
}

func asHTML(t *testing.T, runs []report.Document) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := compare.WriteMatrix(&b, compare.NewMatrix(runs), "html"); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestMatrixPage(t *testing.T) {
	browser := pagetest.Start(t)
	text := asHTML(t, clusters())
	tab := browser.Open(t, text, "", pagetest.Window{Width: 1280, Height: 900})
	if found := tab.Barriers(); len(found) > 0 {
		t.Errorf("barriers: %q", found)
	}
	count := func(what string, want int) {
		t.Helper()
		if n := pagetest.Eval[int](tab, `[...document.querySelectorAll('[data-item]')].filter(e => e.checkVisibility()).length`); n != want {
			t.Errorf("%s: %d rows are shown, want %d", what, n, want)
		}
	}
	count("at first", 120)
	if first := pagetest.Eval[string](tab, `document.querySelector('[data-item]').id`); first != "scenario-003" {
		t.Errorf("the first row is %q, in which they do not differ", first)
	}
	tab.Click("button[value=differs]")
	count("they differ", 12)
	if groups := pagetest.Eval[int](tab, `[...document.querySelectorAll('[data-group]')].filter(e => e.checkVisibility()).length`); groups != 1 {
		t.Errorf("%d groups are shown, want those with rows only", groups)
	}
	tab.Click("[data-ui=clear]")
	tab.Type("/named-port")
	count("a feature", 60)
	tab.Press(pagetest.Escape)
	tab.Type("jj")
	if id := pagetest.Eval[string](tab, `document.activeElement.id`); id != "scenario-033" {
		t.Errorf("the second row has the focus: %q", id)
	}
	pagetest.Eval[bool](tab, `(scrollTo(0, 2000), true)`)
	if top := pagetest.Eval[float64](tab, `document.querySelector('.grid thead th').getBoundingClientRect().top`); top < -1 || top > 1 {
		t.Errorf("the head of the table is at %v after scrolling, not at the top", top)
	}
	for name, w := range map[string]pagetest.Window{"matrix": {Width: 1280, Height: 900}, "matrix-dark": {Width: 1280, Height: 900, Dark: true}, "matrix-narrow": {Width: 400, Height: 900}} {
		tab := browser.Open(t, text, "", w)
		if width := pagetest.Eval[int64](tab, `document.documentElement.scrollWidth`); width > w.Width {
			t.Errorf("%s: the page is %d wide in a window of %d", name, width, w.Width)
		}
		tab.Screenshot(name)
	}
}

// TestMatrixPageSays looks for what must not be read over, and for what tells clusters apart.
func TestMatrixPageSays(t *testing.T) {
	runs := clusters()
	runs[0].Implementation.Faults = []string{"and-as-or"}
	text := string(asHTML(t, runs))
	for _, want := range []string{
		"<b>12</b> scenarios came out differently", "<b>INCOMPLETE</b>: the run on cilium, Kubernetes v1.36.3",
		"<b>FAULTS PLANTED ON PURPOSE</b>: calico with and-as-or, Kubernetes v1.35.4", `colspan="2" class="first">cilium</th>`,
		"✗ known deviation", `<a href="https://example.com/issues/1"`, "because of scenario-003", "✗ 45 of 60", "? 57 of 60", "✓ 56 of 56",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the page does not say %q", want)
		}
	}
	for _, single := range []string{"NetworkPolicy on calico, Kubernetes v1.35.4", "No scenario came out differently"} {
		if text := string(asHTML(t, clusters()[:1])); !strings.Contains(text, single) {
			t.Errorf("the page of one cluster does not say %q", single)
		}
	}
}

func TestMatrixPageEscapes(t *testing.T) {
	evil := `"'><script>document.title='owned'</script><img src=x onerror=alert(1)>`
	a, b := run(evil, "one=pass", evil+"=fail"), run(evil, "one=fail", evil+"=pass")
	for _, d := range []*report.Document{&a, &b} {
		d.Cluster.Kubernetes, d.Cluster.Provider, d.Tool.Version, d.Implementation.Faults, d.Interrupted = evil, evil, evil, []string{evil}, true
		for i := range d.Scenarios {
			s := &d.Scenarios[i]
			s.Topic, s.Features, s.Reason, s.KnownDeviation = evil, []string{evil}, evil, "javascript:alert(1)"
		}
	}
	text := string(asHTML(t, []report.Document{a, b}))
	for _, bad := range []string{"<script>document", "<img", "javascript:alert"} {
		if strings.Contains(text, bad) {
			t.Errorf("%q came through", bad)
		}
	}
	if n := strings.Count(text, "&lt;script&gt;"); n < 10 {
		t.Errorf("the texts are there %d times, escaped", n)
	}
}
