package embedded

import (
	"bufio"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// asNobody makes the helper process one of a user who is not root.
func asNobody(t *testing.T, cmd *exec.Cmd) *exec.Cmd {
	t.Helper()
	if os.Getuid() != 0 || !mapped(nobody) {
		t.Skip("only the host's root can become another user")
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	cmd.Env = append(cmd.Env, "HOME=/nowhere", "XDG_CACHE_HOME=/nowhere", "PATH=", "TMPDIR=/nowhere")
	cmd.Dir = "/"
	cmd.Stderr = os.Stderr
	return cmd
}

func TestEnterRunsTheProgramAgain(t *testing.T) {
	out, err := asNobody(t, helper("exit")).Output()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 7 {
		t.Errorf("it ended with %v, want exit code 7", err)
	}
	if want := "0 true 3\n"; string(out) != want {
		t.Errorf("user, capabilities, arguments: %q, want %q", out, want)
	}
}

func TestEnterPassesSignals(t *testing.T) {
	cmd := asNobody(t, helper("signal", "THEN=die"))
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	if !lines.Scan() || lines.Text() != "ready" {
		t.Fatalf("it says %q", lines.Text())
	}
	if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	if !lines.Scan() || lines.Text() != "interrupt" {
		t.Errorf("it says %q", lines.Text())
	}
	_ = cmd.Wait()
	if status := cmd.ProcessState.Sys().(syscall.WaitStatus); !status.Signaled() || status.Signal() != syscall.SIGTERM {
		t.Errorf("it ended with %s, want the signal that ended the program inside", cmd.ProcessState)
	}
}

// TestEnterDiesTogether kills the outer process the hard way.
func TestEnterDiesTogether(t *testing.T) {
	cmd := asNobody(t, helper("signal"))
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	if !lines.Scan() || lines.Text() != "ready" {
		t.Fatalf("it says %q", lines.Text())
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan bool)
	go func() { ended <- lines.Scan() }() // the inner process holds the pipe, too
	select {
	case more := <-ended:
		if more {
			t.Errorf("it says %q", lines.Text())
		}
	case <-time.After(5 * time.Second):
		t.Error("the inner process lives on")
	}
	_ = cmd.Wait()
}

func TestExplainUserNamespace(t *testing.T) {
	cause := errors.New("operation not permitted")
	for name, test := range map[string]struct{ path, value, want string }{
		"sysctl":    {"sys/user/max_user_namespaces", "0\n", "sysctl -w user.max_user_namespaces="},
		"Debian":    {"sys/kernel/unprivileged_userns_clone", "0\n", "sysctl -w kernel.unprivileged_userns_clone=1"},
		"AppArmor":  {"sys/kernel/apparmor_restrict_unprivileged_userns", "1\n", "sysctl -w kernel.apparmor_restrict_unprivileged_userns=0"},
		"container": {"self/ns/user", "", "--privileged"},
		"kernel":    {"other", "", "CONFIG_USER_NS"},
	} {
		t.Run(name, func(t *testing.T) {
			proc := t.TempDir()
			file := filepath.Join(proc, test.path)
			if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(file, []byte(test.value), 0o600); err != nil {
				t.Fatal(err)
			}
			err := explainUserNamespace(proc, cause)
			if !errors.Is(err, cause) || !strings.Contains(err.Error(), test.want) {
				t.Errorf("%v, want %q in it", err, test.want)
			}
		})
	}
}
