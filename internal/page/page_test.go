package page_test

import (
	"bytes"
	"math"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/cniproof/cniproof/internal/page"
	"github.com/cniproof/cniproof/internal/page/pagetest"
)

func written(t *testing.T, p page.Page) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := p.Write(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestDataIsEscaped puts hostile text everywhere that a page takes text.
func TestDataIsEscaped(t *testing.T) {
	hostile := `"><script>document.title='owned'</script><img src=x onerror=alert(1)>`
	text := string(written(t, page.Page{
		Title: hostile, Tool: hostile, Data: hostile,
		Body: `{{define "body"}}<main><h1 title="{{.}}">{{.}}</h1>{{template "controls"}}</main>{{end}}`,
	}))
	if strings.Contains(text, "<script>document") || strings.Contains(text, "<img") {
		t.Errorf("markup came through:\n%s", text[strings.LastIndex(text, "<body>"):])
	}
	if n := strings.Count(text, "&lt;script&gt;"); n < 3 {
		t.Errorf("the text is there %d times, escaped", n)
	}
}

func TestBadBodies(t *testing.T) {
	for _, body := range []string{`{{define "body"}}{{.Missing.Field}}{{end}}`, `{{define "body"}}{{end`, `no body`} {
		if err := (page.Page{Body: body, Data: 1}).Write(&bytes.Buffer{}); err == nil {
			t.Errorf("%q made a page", body)
		}
	}
}

// TestThePolicyHolds opens a page whose author let markup through, and shows that it
// can do nothing: no script, no style, no network. It shows too that pagetest sees it.
func TestThePolicyHolds(t *testing.T) {
	body := `{{define "body"}}<main><h1>x</h1><script>document.title='owned'</script><img src="https://example.com/x.png">` +
		`<p id="styled" style="color: red">x</p>{{template "controls"}}</main>{{end}}`
	tab := pagetest.Start(t).Open(t, written(t, page.Page{Title: "x", Body: body}), "", pagetest.Window{Width: 600, Height: 400})
	if title := pagetest.Eval[string](tab, "document.title"); title != "x" {
		t.Errorf("the title is %q: a script ran", title)
	}
	if color := pagetest.Eval[string](tab, "getComputedStyle(document.getElementById('styled')).color"); color == "rgb(255, 0, 0)" {
		t.Error("a style was applied")
	}
	complaints := strings.Join(tab.Complaints(), "\n")
	for _, word := range []string{"script-src", "img-src", "style-src"} {
		if !strings.Contains(complaints, word) {
			t.Errorf("nobody complained of %s:\n%s", word, complaints)
		}
	}
	if found := tab.Barriers(); len(found) != 0 {
		t.Errorf("barriers: %q", found)
	}
}

// text are the pairs of colours that the styles use for text: the ink and what is below it.
var text = [][2]string{
	{"ink", "paper"}, {"ink", "card"}, {"ink", "fail-card"}, {"ink", "doubt-card"}, {"ink", "note-card"},
	{"dim", "paper"}, {"dim", "card"},
	{"link", "paper"}, {"link", "card"}, {"link", "note-card"},
	{"pass", "paper"}, {"pass", "card"}, {"fail", "paper"}, {"fail", "card"}, {"fail", "fail-card"},
	{"doubt", "paper"}, {"doubt", "card"}, {"doubt", "doubt-card"}, {"note", "paper"}, {"note", "card"}, {"note", "note-card"},
	{"pass", "pass-card"}, {"dim", "pass-card"}, {"dim", "fail-card"}, {"dim", "doubt-card"}, {"link", "fail-card"}, {"link", "pass-card"},
	{"pass", "note-card"}, {"fail", "note-card"}, {"doubt", "note-card"}, {"dim", "note-card"},
	{"allow-ink", "allow-card"}, {"deny-ink", "deny-card"}, {"allow-ink", "paper"}, {"deny-ink", "paper"},
	{"wrong-ink", "wrong-card"},
}

// TestContrast computes the contrast of the palette as WCAG 2.2 defines it; 4.5 is
// what it demands of text.
func TestContrast(t *testing.T) {
	css, err := os.ReadFile("page.css")
	if err != nil {
		t.Fatal(err)
	}
	palette := map[string][2]string{}
	for _, m := range regexp.MustCompile(`--([a-z-]+): light-dark\((#[0-9a-f]{6}), (#[0-9a-f]{6})\)`).FindAllStringSubmatch(string(css), -1) {
		palette[m[1]] = [2]string{m[2], m[3]}
	}
	used := map[string]bool{"line": true} // draws lines only
	for _, pair := range text {
		used[pair[0]], used[pair[1]] = true, true
		for i, theme := range []string{"light", "dark"} {
			ink, below := palette[pair[0]][i], palette[pair[1]][i]
			if ink == "" || below == "" {
				t.Fatalf("the palette lacks %s or %s", pair[0], pair[1])
			}
			if c := contrast(t, ink, below); c < 4.5 {
				t.Errorf("%s: %s on %s (%s on %s) has a contrast of %.2f", theme, pair[0], pair[1], ink, below, c)
			}
		}
	}
	for name := range palette {
		if !used[name] {
			t.Errorf("--%s is in no pair", name)
		}
	}
}

func contrast(t *testing.T, a, b string) float64 {
	t.Helper()
	la, lb := luminance(t, a), luminance(t, b)
	return (max(la, lb) + 0.05) / (min(la, lb) + 0.05)
}

func luminance(t *testing.T, color string) float64 {
	t.Helper()
	n, err := strconv.ParseUint(color[1:], 16, 32)
	if err != nil {
		t.Fatal(err)
	}
	linear := func(v uint64) float64 {
		c := float64(v&255) / 255
		if c <= 0.04045 {
			return c / 12.92
		}
		return math.Pow((c+0.055)/1.055, 2.4)
	}
	return 0.2126*linear(n>>16) + 0.7152*linear(n>>8) + 0.0722*linear(n)
}
