package embedded

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/cniproof/cniproof/internal/agentbin"
)

// enteredEnv is set for a process that already is in a user namespace of its own.
const enteredEnv = "CNIPROOF_IN_USER_NAMESPACE"

// Enter gives the process what Open needs. It returns at once where the process
// may make network namespaces already, as root may. Otherwise it runs the same
// program again, with the same arguments, inside a new user namespace where it is
// root, passes signals on, and ends with that program's exit code: it does not
// return then. It returns an error that says what to do where neither is possible.
//
// main and TestMain call it first, before anything is opened or started.
func Enter() error {
	flags := missingNamespaces()
	if flags == 0 {
		return nil
	}
	if os.Getenv(enteredEnv) != "" {
		return explainUserNamespace("/proc", errors.New("the new one gives no capabilities"))
	}
	// Where the agent has to be built first, that may need the host's network, which
	// the new namespaces have not. A failure shows when the agent is needed.
	_, _ = agentbin.Path(context.Background(), runtime.GOARCH)
	cmd, err := startAgain(flags)
	if err != nil {
		return explainUserNamespace("/proc", err)
	}
	state := passSignals(cmd)
	if status, ok := state.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		dieOf(status.Signal())
	}
	os.Exit(state.ExitCode()) //nolint:forbidigo // this process only stands for the one inside, which has ended
	return nil
}

// missingNamespaces are the namespaces that this process needs for its own, as flags
// of clone: none where it has the capabilities, and has them in its network
// namespace, too, so that its threads can come back from others.
func missingNamespaces() uintptr {
	switch {
	case !hasCapabilities(unix.CAP_SYS_ADMIN, unix.CAP_NET_ADMIN, unix.CAP_NET_RAW):
		return unix.CLONE_NEWUSER | unix.CLONE_NEWNET
	case onOwnThread(func() error { return nil }) != nil:
		return unix.CLONE_NEWNET
	}
	return 0
}

// startAgain starts this program in new namespaces. The kernel ends it when the
// calling thread ends, so that thread is kept.
func startAgain(namespaces uintptr) (*exec.Cmd, error) {
	runtime.LockOSThread()
	cmd := exec.Command("/proc/self/exe", os.Args[1:]...)
	cmd.Args[0] = os.Args[0]
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.Env = append(os.Environ(), enteredEnv+"=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: namespaces,
		Pdeathsig:  syscall.SIGKILL,
		// A process group of its own, so that a signal from the terminal comes once:
		// to this process, which passes it on.
		Setpgid: true,
	}
	if namespaces&unix.CLONE_NEWUSER != 0 {
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}}
		cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}}
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	return cmd, nil
}

// passSignals passes signals on until the program ends.
func passSignals(cmd *exec.Cmd) *os.ProcessState {
	signals := make(chan os.Signal, 16)
	signal.Notify(signals, unix.SIGINT, unix.SIGTERM, unix.SIGHUP, unix.SIGQUIT, unix.SIGUSR1, unix.SIGUSR2, unix.SIGTSTP, unix.SIGCONT)
	go func() {
		for s := range signals {
			if s == unix.SIGTSTP {
				_ = cmd.Process.Signal(unix.SIGSTOP)
				_ = unix.Kill(os.Getpid(), unix.SIGSTOP)
				continue
			}
			_ = cmd.Process.Signal(s) // it may have ended
		}
	}()
	_ = cmd.Wait() // how it ended is in ProcessState
	return cmd.ProcessState
}

// dieOf ends this process by the signal, as its child ended.
func dieOf(s syscall.Signal) {
	signal.Reset(s)
	_ = unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{})
	_ = unix.Kill(os.Getpid(), s)
	<-time.NewTimer(time.Second).C // another thread may be the one that takes it
	os.Exit(128 + int(s))          //nolint:forbidigo // the signal does not end a process, but it ended the one inside
}

// obstacle is a setting that keeps a user from having a user namespace, and the
// command by which root lifts it.
type obstacle struct{ path, value, remedy string }

//nolint:gochecknoglobals // a constant table
var obstacles = []obstacle{
	{"sys/user/max_user_namespaces", "0", "sysctl -w user.max_user_namespaces=10000"},
	{"sys/user/max_net_namespaces", "0", "sysctl -w user.max_net_namespaces=10000"},
	{"sys/kernel/unprivileged_userns_clone", "0", "sysctl -w kernel.unprivileged_userns_clone=1"},
	{"sys/kernel/apparmor_restrict_unprivileged_userns", "1", "sysctl -w kernel.apparmor_restrict_unprivileged_userns=0"},
}

// explainUserNamespace says what keeps this user from having a user namespace, going
// by the settings under proc, which is "/proc".
func explainUserNamespace(proc string, err error) error {
	const what = "this process has not the rights of root, and namespaces of its own cannot be made"
	for _, o := range obstacles {
		if setTo(filepath.Join(proc, o.path), o.value) {
			return fmt.Errorf("%s: /proc/%s is %s: let root run `%s`, or run as root: %w", what, o.path, o.value, o.remedy, err)
		}
	}
	if _, missing := os.Stat(filepath.Join(proc, "self/ns/user")); missing != nil {
		return fmt.Errorf("%s: the kernel has none (CONFIG_USER_NS): run as root: %w", what, err)
	}
	return fmt.Errorf("%s: inside a container, run it with --privileged or with --cap-add for SYS_ADMIN, NET_ADMIN and NET_RAW; elsewhere run as root: %w", what, err)
}
