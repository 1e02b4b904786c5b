package pagetest_test

import (
	"strings"
	"testing"

	"github.com/cniproof/cniproof/internal/page/pagetest"
)

func TestTextIsWhatAReaderFinds(t *testing.T) {
	const page = `<!doctype html><link rel="icon" href="data:,"><p style="height: 9000px">near</p>
		<div style="content-visibility: auto">far</div><details><summary>title</summary>closed</details>`
	tab := pagetest.Start(t).Open(t, []byte(page), "", pagetest.Window{Width: 400, Height: 300})
	if drawn := pagetest.Eval[string](tab, `document.body.innerText`); strings.Contains(drawn, "far") {
		t.Fatalf("the browser draws what is out of sight, so this test shows nothing: %q", drawn)
	}
	text := tab.Text()
	for word, want := range map[string]bool{"near": true, "far": true, "title": true, "closed": false} {
		if strings.Contains(text, word) != want {
			t.Errorf("contains %q: %v, want %v, in %q", word, !want, want, text)
		}
	}
}
