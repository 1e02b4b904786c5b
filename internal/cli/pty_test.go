package cli_test

import (
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/creack/pty"
	"github.com/hinshun/vt10x"
)

// onTerminal runs the program on a real terminal, which is emulated, and returns what
// stood on it, chunk after chunk, and what is left. Where an answer is given, it is
// typed once the prompt can be seen.
func onTerminal(t *testing.T, environment []string, prompt, answer string, args ...string) (seen []string, left, raw string) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(t.TempDir(), "cniproof") // TestMain goes by the name
	if err := os.Symlink(self, program); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program, args...)
	cmd.Dir = t.TempDir()
	cmd.Env = append(os.Environ(), environment...)
	tty, err := pty.StartWithSize(cmd, &pty.Winsize{Rows: 40, Cols: 110})
	if err != nil {
		t.Fatal(err)
	}
	defer tty.Close()
	term := vt10x.New(vt10x.WithSize(110, 40))
	var all strings.Builder
	for b := make([]byte, 4096); ; {
		n, err := tty.Read(b)
		_, _ = term.Write(b[:n])
		all.Write(b[:n])
		seen = append(seen, term.String())
		if prompt != "" && strings.Contains(term.String(), prompt) {
			prompt = ""
			if _, err := tty.WriteString(answer); err != nil {
				t.Fatal(err)
			}
		}
		if err != nil { // the program has ended
			break
		}
	}
	if err := cmd.Wait(); err != nil && !errors.As(err, new(*exec.ExitError)) && !errors.Is(err, io.EOF) {
		t.Fatal(err)
	}
	return seen, term.String(), all.String()
}

// TestLiveView looks at a run as a person does: while it goes on there is a view of
// it, and at the end there is the report and nothing else.
func TestLiveView(t *testing.T) {
	seen, left, _ := onTerminal(t, []string{"TERM=xterm", "NO_COLOR="}, "", "", "run", "--run", "^(and-in-one-peer|or-in-two-peers)$")
	moving := strings.Join(seen, "\n")
	for _, want := range []string{"of 2 done", "░", "stage 1", "and-in-one-peer, step 2/3"} {
		if !strings.Contains(moving, want) {
			t.Errorf("%q was never seen", want)
		}
	}
	for _, want := range []string{"cniproof ", "and-in-one-peer", "RESULT     PASS"} {
		if !strings.Contains(left, want) {
			t.Errorf("at the end there is no %q:\n%s", want, left)
		}
	}
	for _, gone := range []string{"of 2 done", "░", "stage ", "embedded cluster:"} {
		if strings.Contains(left, gone) {
			t.Errorf("at the end there is still %q:\n%s", gone, left)
		}
	}
}

// TestDumbTerminal checks that one gets no escape sequence at all, and that NO_COLOR
// takes the colours away.
func TestDumbTerminal(t *testing.T) {
	_, left, raw := onTerminal(t, []string{"TERM=dumb"}, "", "", "run", "--run", "^and-in-one-peer$")
	if strings.Contains(raw, "\x1b") || !strings.Contains(left, "RESULT     PASS") {
		t.Errorf("a dumb terminal got %q", raw)
	}
	_, _, raw = onTerminal(t, []string{"TERM=xterm", "NO_COLOR=1"}, "", "", "run", "--run", "^and-in-one-peer$")
	if strings.Contains(raw, "m"+"cniproof") || strings.Contains(raw, "\x1b[0m") || !strings.Contains(raw, "\x1b[J") {
		t.Errorf("without colours it is %q", raw)
	}
	_, _, raw = onTerminal(t, []string{"TERM=xterm"}, "", "", "run", "--run", "^and-in-one-peer$", "-q")
	if strings.Contains(raw, "\x1b[J") {
		t.Errorf("a quiet run has a view: %q", raw)
	}
}

// TestPauseOnTerminal checks that a pause ends by Enter, and by Ctrl-C with the run.
func TestPauseOnTerminal(t *testing.T) {
	for answer, want := range map[string]string{"\r": "RESULT     FAIL: 1 of 1", "\x03": "INTERRUPTED"} {
		seen, left, _ := onTerminal(t, []string{"TERM=xterm", "NO_COLOR=1"}, "Enter goes on, Ctrl-C ends the run", answer,
			"run", "--run", "^and-in-one-peer$", "--fault", "and-as-or", "--within", "1s", "--on-failure", "pause")
		if !strings.Contains(left, want) {
			t.Errorf("%q ends with\n%s", answer, left)
		}
		if all := strings.Join(seen, "\n"); !strings.Contains(all, "paused: and-in-one-peer") || !strings.Contains(all, "nsenter") {
			t.Errorf("%q: where to look was not said:\n%s", answer, left)
		}
	}
}
