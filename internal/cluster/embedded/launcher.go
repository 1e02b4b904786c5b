package embedded

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// nobody is the user and group that agents run as where that is possible.
const nobody = 65534

// launcher starts agents inside network namespaces. All of them are children of
// one thread that lives as long as the launcher: the kernel kills a child when the
// thread that made it ends, so agents end with this process however it ends, and
// not before because some other thread did.
type launcher struct {
	binary *os.File
	mark   string
	attr   *syscall.SysProcAttr
	jobs   chan func()
	done   chan struct{}
}

// newLauncher returns a launcher of the agent binary at the path.
func newLauncher(path string) (*launcher, error) {
	// The agent's user may not be able to walk to the file, so it is handed over open.
	binary, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("opening the agent binary: %w", err)
	}
	mark, err := ownMark()
	if err != nil {
		return nil, errors.Join(err, binary.Close())
	}
	l := &launcher{binary: binary, mark: mark, attr: agentAttr(), jobs: make(chan func()), done: make(chan struct{})}
	go l.run()
	return l, nil
}

// agentAttr runs agents as nobody, able to open raw sockets and no more, or, where
// no other user can be had, as they are: agents drop what they do not need.
func agentAttr() *syscall.SysProcAttr {
	attr := &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if hasCapabilities(unix.CAP_SETUID, unix.CAP_SETGID, unix.CAP_KILL, unix.CAP_NET_RAW) && mapped(nobody) {
		attr.Credential = &syscall.Credential{Uid: nobody, Gid: nobody}
		attr.AmbientCaps = []uintptr{unix.CAP_NET_RAW}
	}
	return attr
}

// mapped reports whether the user namespace of this process knows the user.
func mapped(uid int) bool {
	text, err := os.ReadFile("/proc/self/uid_map")
	if err != nil {
		return false
	}
	for line := range strings.Lines(string(text)) {
		var inside, outside, count int
		if _, err := fmt.Sscan(line, &inside, &outside, &count); err == nil && inside <= uid && uid-inside < count {
			return true
		}
	}
	return false
}

func (l *launcher) run() {
	runtime.LockOSThread() // for good: the thread ends with this goroutine
	defer close(l.done)
	for job := range l.jobs {
		job()
	}
}

// close ends the launching thread, and with it every agent that still runs.
func (l *launcher) close() error {
	close(l.jobs)
	<-l.done
	return l.binary.Close()
}

// process is a running agent.
type process struct {
	cmd    *exec.Cmd
	ns     *namespace
	socket string // on which it serves
	stdout tail   // what a container leaves behind as its last words
	stderr tail
	exited chan struct{}
}

// start runs an agent in the namespace, with these arguments and its identity behind
// them. It does not serve its socket yet.
func (l *launcher) start(ns *namespace, identity string, args ...string) (*process, error) {
	p := &process{ns: ns, socket: socketName, exited: make(chan struct{})}
	p.cmd = &exec.Cmd{
		Path:        "/proc/self/fd/3",
		Args:        slices.Concat([]string{l.mark}, args, []string{"--identity", identity}),
		Env:         []string{"CNIPROOF_TERMINATION_LOG=-"},
		Dir:         "/",
		ExtraFiles:  []*os.File{l.binary},
		Stdout:      &p.stdout,
		Stderr:      &p.stderr,
		SysProcAttr: l.attr,
		WaitDelay:   time.Second,
	}
	result := make(chan error)
	l.jobs <- func() { result <- startInside(ns, p.cmd) }
	if err := <-result; err != nil {
		return nil, fmt.Errorf("starting the agent %q: %w", identity, err)
	}
	go func() {
		_ = p.cmd.Wait() // how it ended is in ProcessState
		close(p.exited)
	}()
	return p, nil
}

// startInside starts a command from the calling thread, which is in the namespace
// meanwhile.
func startInside(ns *namespace, cmd *exec.Cmd) error {
	home, err := os.Open("/proc/thread-self/ns/net")
	if err != nil {
		return fmt.Errorf("opening the thread's network namespace: %w", err)
	}
	defer home.Close()
	if err := ns.enter(); err != nil {
		return err
	}
	err = cmd.Start()
	// A launcher that is lost in a namespace does no harm: it enters one each time.
	return errors.Join(err, (&namespace{file: home}).enter())
}

// kill ends the agent and returns when it is gone.
func (p *process) kill() {
	_ = p.cmd.Process.Kill() // it may have ended by itself
	<-p.exited
}

// socketName is the abstract unix socket on which every agent serves control
// streams, unless it shares the network namespace with others.
const socketName = "@cniproof"

// dial opens a control stream, as soon as the agent serves its socket.
func (p *process) dial(ctx context.Context) (*os.File, error) {
	fd := -1
	err := p.ns.do(func() (err error) {
		fd, err = unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("opening a control stream: %w", err)
	}
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for {
		err := unix.Connect(fd, &unix.SockaddrUnix{Name: p.socket})
		if err == nil {
			return os.NewFile(uintptr(fd), "control"), nil
		}
		if !errors.Is(err, unix.ECONNREFUSED) && !errors.Is(err, unix.EAGAIN) && !errors.Is(err, unix.EINTR) {
			_ = unix.Close(fd)
			return nil, fmt.Errorf("connecting to the agent: %w", err)
		}
		select {
		case <-tick.C:
			continue
		case <-ctx.Done():
			err = ctx.Err()
		case <-p.exited:
			err = p.death()
		}
		_ = unix.Close(fd)
		return nil, fmt.Errorf("waiting for the agent: %w", err)
	}
}

// death says how the agent ended. It must have.
func (p *process) death() error {
	if said := p.stderr.String(); said != "" {
		return fmt.Errorf("the agent ended (%s): %s", p.cmd.ProcessState, said)
	}
	return fmt.Errorf("the agent ended (%s)", p.cmd.ProcessState)
}

// tail keeps the last words that are written to it.
type tail struct {
	mu   sync.Mutex
	text []byte
}

const tailLength = 4096

// Write never fails.
func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.text = append(t.text, p...)
	if extra := len(t.text) - tailLength; extra > 0 {
		t.text = append(t.text[:0], t.text[extra:]...)
	}
	return len(p), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return strings.TrimSpace(string(t.text))
}

// markPrefix begins the name under which agents appear among the processes. The
// process that started them follows, so that an orphan can be told.
const markPrefix = "cniproof-embedded-agent:"

// ownMark is the mark of the agents of this process.
func ownMark() (string, error) {
	started, err := startTime(os.Getpid())
	if err != nil {
		return "", err
	}
	return markPrefix + strconv.Itoa(os.Getpid()) + ":" + started, nil
}

// startTime is when a process started: with its number it names the process for good.
func startTime(pid int) (string, error) {
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return "", fmt.Errorf("looking at process %d: %w", pid, err)
	}
	// The second field is a name in parentheses that may hold anything; the start is the 22nd.
	fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
	if len(fields) < 20 {
		return "", fmt.Errorf("looking at process %d: unexpected %q", pid, stat)
	}
	return fields[19], nil
}
