package kind

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/cniproof/cniproof/internal/cluster/kube"
)

// docker is Docker's command line, which kind uses too.
type docker struct{}

// run runs a docker command and returns what it prints.
func (d docker) run(ctx context.Context, stdin io.Reader, args ...string) (string, error) {
	cmd := d.command(ctx, args...)
	var out, problems bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = stdin, &out, &problems
	err := cmd.Run()
	if errors.Is(err, exec.ErrNotFound) {
		return "", errors.New("the command docker was not found: kind clusters need Docker")
	}
	if err != nil {
		return "", fmt.Errorf("docker %s: %w: %s", args[0], err, strings.TrimSpace(problems.String()))
	}
	return strings.TrimSpace(out.String()), nil
}

// command is in a process group of its own: an interrupt from the terminal is for
// cniproof, which then ends things in order.
func (docker) command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "docker", args...) //nolint:gosec // our own arguments
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.WaitDelay = time.Second
	return cmd
}

// lines runs a docker command and returns the lines that it prints.
func (d docker) lines(ctx context.Context, args ...string) ([]string, error) {
	out, err := d.run(ctx, nil, args...)
	if err != nil || out == "" {
		return nil, err
	}
	return strings.Split(out, "\n"), nil
}

// stream runs a command in a container and returns its standard input and output, on
// which an agent answers. It lives until it is closed, not until ctx ends.
func (d docker) stream(ctx context.Context, name string, command ...string) (io.ReadWriteCloser, error) {
	p := &process{cmd: d.command(context.WithoutCancel(ctx), append([]string{"exec", "-i", name}, command...)...)}
	p.cmd.Stderr = &p.stderr
	var err error
	if p.in, err = p.cmd.StdinPipe(); err == nil {
		if p.out, err = p.cmd.StdoutPipe(); err == nil {
			err = p.cmd.Start()
		}
	}
	if err != nil {
		return nil, fmt.Errorf("docker exec in %q: %w", name, err)
	}
	if err := kube.Greet(ctx, p); err != nil {
		return nil, fmt.Errorf("docker exec in %q: %w", name, errors.Join(p.Close(), err))
	}
	return p, nil
}

// process is the standard input and output of a running command.
type process struct {
	cmd    *exec.Cmd
	in     io.WriteCloser
	out    io.ReadCloser
	stderr kube.Notes
	once   sync.Once
	err    error
}

func (p *process) Read(b []byte) (int, error)  { return p.out.Read(b) }
func (p *process) Write(b []byte) (int, error) { return p.in.Write(b) }

// Close ends the command. The error is what it said, if anything.
func (p *process) Close() error {
	p.once.Do(func() {
		_ = p.in.Close()
		_ = p.cmd.Process.Kill()
		_ = p.cmd.Wait() // it was killed
		if text := strings.TrimSpace(p.stderr.String()); text != "" {
			p.err = errors.New(text)
		}
	})
	return p.err
}

// host is what matters of the machine that runs the containers.
type host struct {
	cgroupV1 bool
}

func (d docker) host(ctx context.Context) (host, error) {
	out, err := d.run(ctx, nil, "info", "--format", "{{.CgroupVersion}}")
	if err != nil {
		return host{}, fmt.Errorf("asking Docker about its host (does its daemon run, and may this user reach it?): %w", err)
	}
	return host{cgroupV1: out == "1"}, nil
}

func (d docker) hasImage(ctx context.Context, name string) bool {
	_, err := d.run(ctx, nil, "image", "inspect", "--format", "{{.Id}}", name)
	return err == nil
}

// removeContainer does not mind one that is gone.
func (d docker) removeContainer(ctx context.Context, name string) error {
	_, err := d.run(ctx, nil, "rm", "--force", "--volumes", name)
	if err != nil && strings.Contains(err.Error(), "No such container") {
		return nil
	}
	return err
}

// removeNetwork does not mind one that is gone.
func (d docker) removeNetwork(ctx context.Context, name string) error {
	_, err := d.run(ctx, nil, "network", "rm", name)
	if err != nil && (strings.Contains(err.Error(), "No such network") || strings.Contains(err.Error(), "not found")) {
		return nil
	}
	return err
}
