// Package pagetest opens pages in headless Chromium, for tests. It is told nothing
// of what a page is about; that a page asks the network for nothing, violates no
// policy and writes no error to the console is checked of every page.
package pagetest

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// limit is how long one test may use the browser.
const limit = 2 * time.Minute

// Browser is a Chromium of the test's own.
type Browser struct{ ctx context.Context }

// Start starts a Chromium that ends with the test. It skips the test where there is none.
func Start(t *testing.T) *Browser {
	t.Helper()
	program := find()
	if program == "" {
		t.Skip("there is no chromium in PATH (Debian: apt-get install chromium): pages are not opened")
	}
	profile := t.TempDir() // removed after the browser has ended, as it was made before
	var process *exec.Cmd
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(program), chromedp.UserDataDir(profile), chromedp.Env("TMPDIR="+profile),
		chromedp.NoSandbox, chromedp.DisableGPU, chromedp.Flag("disable-component-update", true), chromedp.Flag("hide-scrollbars", true),
		chromedp.ModifyCmdFunc(func(c *exec.Cmd) {
			c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
			process = c
		}))
	ctx, stop := chromedp.NewExecAllocator(context.WithoutCancel(t.Context()), options...)
	ctx, closeTab := chromedp.NewContext(ctx)
	t.Cleanup(func() {
		closeTab()
		stop()
		if process != nil && process.Process != nil {
			end(process.Process.Pid)
		}
	})
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("starting %s: %v", program, err)
	}
	return &Browser{ctx}
}

func find() string {
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	return ""
}

// end kills a process group, and waits until none of it is left to write into the
// profile.
func end(group int) {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for range 500 {
		if syscall.Kill(-group, syscall.SIGKILL) != nil {
			return
		}
		<-tick.C
	}
}

// Window is how a page is looked at.
type Window struct {
	Width, Height int64
	Dark          bool
	NoScript      bool
}

// Tab is one open page.
type Tab struct {
	t   *testing.T
	ctx context.Context

	mu         sync.Mutex // guards complaints
	complaints []string
}

// Open writes a page to a file and opens that, at a fragment where it is not "".
// What the page should not do fails the test when it ends.
func (b *Browser) Open(t *testing.T, page []byte, fragment string, w Window) *Tab {
	t.Helper()
	file := filepath.Join(t.TempDir(), "page.html")
	if err := os.WriteFile(file, page, 0o600); err != nil {
		t.Fatal(err)
	}
	at := url.URL{Scheme: "file", Path: file, Fragment: fragment}
	ctx, closeTab := chromedp.NewContext(b.ctx)
	if err := chromedp.Do(ctx); err != nil { // a tab lives as long as the context of its first action
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	tab := &Tab{t: t, ctx: ctx}
	t.Cleanup(func() {
		cancel()
		closeTab()
		for _, c := range tab.Complaints() {
			t.Error(c)
		}
	})
	if err := chromedp.Listen(ctx, func(event any) { tab.listen(event, at.Path) }); err != nil {
		t.Fatal(err)
	}
	scheme := "light"
	if w.Dark {
		scheme = "dark"
	}
	media := emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}}
	if _, err := chromedp.Call(ctx, emulation.SetEmulatedMedia, media); err != nil {
		t.Fatal(err)
	}
	noScript := emulation.SetScriptExecutionDisabledParams{Value: w.NoScript}
	if _, err := chromedp.Call(ctx, emulation.SetScriptExecutionDisabled, noScript); err != nil {
		t.Fatal(err)
	}
	tab.do(chromedp.EmulateViewport(w.Width, w.Height), chromedp.Navigate(at.String()))
	return tab
}

// listen takes down what no page may do.
func (tab *Tab) listen(event any, file string) {
	switch e := event.(type) {
	case *network.EventRequestWillBeSent:
		u := e.Request.URL
		if !strings.HasPrefix(u, "data:") && !strings.HasPrefix(u, "file://"+file) {
			tab.complain("the page asks for " + u)
		}
	case *log.EventEntryAdded:
		tab.complain(fmt.Sprintf("the browser says (%s): %s", e.Entry.Level, e.Entry.Text))
	case *runtime.EventExceptionThrown:
		tab.complain("the script failed: " + e.ExceptionDetails.Text)
	case *runtime.EventConsoleAPICalled:
		tab.complain("the page writes to the console: " + string(e.Type))
	}
}

func (tab *Tab) complain(text string) {
	tab.mu.Lock()
	defer tab.mu.Unlock()
	tab.complaints = append(tab.complaints, text)
}

// Complaints are what the page did that none may do, so far. Those that nobody asks
// for fail the test when it ends.
func (tab *Tab) Complaints() []string {
	tab.mu.Lock()
	defer tab.mu.Unlock()
	list := tab.complaints
	tab.complaints = nil
	return list
}

func (tab *Tab) do(actions ...chromedp.Action[chromedp.Void]) {
	tab.t.Helper()
	if err := chromedp.Do(tab.ctx, actions...); err != nil {
		tab.t.Fatal(err)
	}
}

// Eval evaluates JavaScript in a tab, and waits where its value is a promise.
func Eval[T any](tab *Tab, script string) T {
	tab.t.Helper()
	value, err := chromedp.Run(tab.ctx, chromedp.Evaluate[T](script, chromedp.EvalAwaitPromise))
	if err != nil {
		tab.t.Fatalf("evaluating %s: %v", script, err)
	}
	return value
}

// The keys that are no letter.
const (
	Enter  = "Enter"
	Escape = "Escape"
)

// Press presses one key, wherever the focus is.
func (tab *Tab) Press(key string) {
	tab.t.Helper()
	down := input.DispatchKeyEventParams{Type: input.DispatchKeyEventTypeKeyDown, Key: key, Text: key}
	switch key {
	case Enter:
		down.Text, down.WindowsVirtualKeyCode = "\r", '\r'
	case Escape:
		down.Text, down.WindowsVirtualKeyCode = "", 27
	}
	up := down
	up.Type, up.Text = input.DispatchKeyEventTypeKeyUp, ""
	for _, event := range []input.DispatchKeyEventParams{down, up} {
		if _, err := chromedp.Call(tab.ctx, input.DispatchKeyEvent, event); err != nil {
			tab.t.Fatal(err)
		}
	}
}

// Type presses the keys of a text.
func (tab *Tab) Type(text string) {
	tab.t.Helper()
	for _, letter := range text {
		tab.Press(string(letter))
	}
}

// Click clicks the first element that a selector finds.
func (tab *Tab) Click(selector string) {
	tab.t.Helper()
	tab.do(chromedp.Click(chromedp.CSS(selector)))
}

// Text is what a reader finds on the page: also what the browser has not drawn yet, as
// it is not in sight, but nothing that has to be opened first.
func (tab *Tab) Text() string {
	tab.t.Helper()
	return Eval[string](tab, `(() => {
		const drawn = new CSSStyleSheet();
		drawn.replaceSync('* { content-visibility: visible !important }');
		document.adoptedStyleSheets.push(drawn);
		const text = document.body.innerText;
		document.adoptedStyleSheets.pop();
		return text;
	})()`)
}

// Loaded is how long it took from the navigation until the document was parsed and
// until everything was loaded.
func (tab *Tab) Loaded() (parsed, loaded time.Duration) {
	tab.t.Helper()
	times := Eval[[]float64](tab, `(() => { const n = performance.getEntriesByType('navigation')[0]; return [n.domContentLoadedEventEnd, n.loadEventEnd]; })()`)
	of := func(ms float64) time.Duration { return time.Duration(ms * float64(time.Millisecond)) }
	return of(times[0]), of(times[1])
}

// Screenshot writes NAME.png into the folder that CNIPROOF_SCREENSHOTS names, and
// does nothing where it names none.
func (tab *Tab) Screenshot(name string) {
	tab.t.Helper()
	folder := os.Getenv("CNIPROOF_SCREENSHOTS")
	if folder == "" {
		return
	}
	png, err := chromedp.Run(tab.ctx, chromedp.CaptureScreenshot())
	if err != nil {
		tab.t.Fatal(err)
	}
	if err := os.MkdirAll(folder, 0o755); err != nil { //nolint:gosec // pictures are for everybody to see
		tab.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, name+".png"), png, 0o644); err != nil { //nolint:gosec // as above
		tab.t.Fatal(err)
	}
}

// Barriers are what keeps people from using a page: a control without a name, a
// heading that skips a level, a row of a table without a head, an id that is there twice.
func (tab *Tab) Barriers() []string {
	tab.t.Helper()
	return Eval[[]string](tab, barriers)
}

const barriers = `(() => {
	const found = [];
	const name = (e) => (e.getAttribute('aria-label') || (e.getAttribute('aria-labelledby') && document.getElementById(e.getAttribute('aria-labelledby'))?.textContent) || e.textContent || '').trim();
	for (const e of document.querySelectorAll('a, button, summary, dialog, figure, svg[role=img]')) if (!name(e)) found.push('no name: ' + e.outerHTML.slice(0, 120));
	for (const e of document.querySelectorAll('input, select')) if (!e.getAttribute('aria-label')) found.push('no label: ' + e.outerHTML.slice(0, 120));
	let level = 0;
	for (const h of document.querySelectorAll('main :is(h1, h2, h3, h4, h5, h6)')) {
		const n = Number(h.tagName[1]);
		if (n > level + 1) found.push('heading of level ' + n + ' after ' + level + ': ' + h.textContent);
		level = n;
	}
	if (document.querySelectorAll('h1').length !== 1) found.push('there is not one h1');
	for (const row of document.querySelectorAll('tbody tr')) if (!row.querySelector('th')) found.push('a row without a head: ' + row.outerHTML.slice(0, 120));
	const ids = new Set();
	for (const e of document.querySelectorAll('[id]')) { if (ids.has(e.id)) found.push('id twice: ' + e.id); ids.add(e.id); }
	for (const a of document.querySelectorAll('a[href^="#"]')) if (!document.getElementById(decodeURIComponent(a.hash.slice(1)))) found.push('leads nowhere: ' + a.hash);
	if (!document.documentElement.lang || !document.title) found.push('no language or title');
	return found;
})()`
