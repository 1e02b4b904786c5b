//go:build linux

// Command agent serves ports and makes probes inside a pod, a host or a node, as
// the prober tells it over a control stream. It is a static binary of a few
// megabytes that needs nothing around it.
//
// It imports the standard library, golang.org/x and package probes, nothing else.
package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"slices"
	"syscall"
	"time"

	"github.com/cniproof/cniproof/probes"
)

const usage = `usage: agent [--identity NAME] [--control stdio|socket] [--socket NAME]
             [--serve KIND/PORT]... [--dial KIND://ADDRESS:PORT[#SERVER]]... [--every TIME]
             [--linger]
       agent dial --for TIME [--every TIME] --dial KIND://ADDRESS:PORT[#SERVER]...
       agent connect [--socket NAME]
       agent listen [--socket NAME] KIND/PORT...
       agent probe [--socket NAME] [--attempts N] [--timeout TIME] [--query NAME] KIND://ADDRESS:PORT
       agent version

With --serve and --dial it serves ports and dials targets from its first instant, and
tells later on its control stream what became of them. dial does nothing else for a
time, and writes that to $CNIPROOF_TERMINATION_LOG, or else /dev/termination-log;
"-" is stdout. With --linger it does not end on SIGTERM.
The identity defaults to $CNIPROOF_IDENTITY, the socket to $CNIPROOF_SOCKET. listen and probe are done by the agent
that runs with --control socket beside them. KIND is tcp, udp or sctp; probe also
knows dns-udp and dns-tcp, which ask for --query. probe prints the outcome and who
answered, such as "connected prod/db" or "timed-out".
`

func main() {
	err := run(os.Args[1:])
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "agent:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	command := "serve"
	if len(args) > 0 && slices.Contains([]string{"connect", "dial", "listen", "probe", "version"}, args[0]) {
		command, args = args[0], args[1:]
	}
	flags := flag.NewFlagSet("agent", flag.ContinueOnError)
	flags.Usage = func() { fmt.Fprint(os.Stderr, usage) }
	identity := flags.String("identity", os.Getenv("CNIPROOF_IDENTITY"), "")
	control := flags.String("control", "stdio", "")
	socket := flags.String("socket", cmp.Or(os.Getenv("CNIPROOF_SOCKET"), "cniproof"), "")
	version := flags.Bool("version", command == "version", "")
	var try probeFlags
	flags.IntVar(&try.attempts, "attempts", 3, "")
	flags.DurationVar(&try.timeout, "timeout", time.Second, "")
	flags.StringVar(&try.query, "query", "", "")
	linger := flags.Bool("linger", false, "")
	var first firstFlags
	first.define(flags)
	if err := flags.Parse(args); err != nil {
		return err
	}
	switch command {
	case "dial":
		return first.dialFor()
	case "listen":
		return listen(context.Background(), *socket, flags.Args())
	case "probe":
		return probe(context.Background(), os.Stdout, *socket, try, flags.Args())
	}
	if flags.NArg() > 0 {
		return fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	if *version {
		_, err := fmt.Fprintln(os.Stdout, "cniproof agent,", runtime.Version(), runtime.GOARCH)
		return err
	}
	if command == "connect" {
		return connect(*socket)
	}
	ctx, stop := signal.NotifyContext(context.Background(), endings(*linger)...)
	defer stop()
	return serve(ctx, *identity, *control, *socket, first)
}

// endings are the signals that end the agent. One that lingers uses the grace period of
// its pod to the last: only what nobody can ignore ends it then.
func endings(linger bool) []os.Signal {
	if linger {
		signal.Ignore(syscall.SIGTERM)
		return []os.Signal{syscall.SIGINT}
	}
	return []os.Signal{syscall.SIGTERM, syscall.SIGINT}
}

// serve is the agent proper.
func serve(ctx context.Context, identity, control, socket string, first firstFlags) error {
	beFrugal()
	agent, err := probes.NewAgent(identity)
	if err != nil {
		return err
	}
	defer agent.Close()
	if err := dropPrivileges(); err != nil {
		return err
	}
	if err := first.begin(agent); err != nil {
		return err
	}
	switch control {
	case "stdio":
		return serveStdio(ctx, agent)
	case "socket":
		return serveSocket(ctx, agent, socket)
	}
	return fmt.Errorf("unknown control %q, want stdio or socket", control)
}

// beFrugal keeps the agent small: there may be a hundred of them on a machine.
func beFrugal() {
	runtime.GOMAXPROCS(1) // its work is the kernel's; more threads only wake one another
	debug.SetGCPercent(50)
}

// serveStdio serves the one control stream on stdin and stdout. Its end is the
// parent's end, and the agent's.
func serveStdio(ctx context.Context, agent *probes.Agent) error {
	ended := make(chan error, 1)
	go func() { ended <- agent.Control(ctx, stdio{os.Stdin, os.Stdout}) }()
	select {
	case err := <-ended:
		return err
	case <-agent.Ended():
		return nil
	case <-ctx.Done():
		return nil
	}
}

type stdio struct {
	io.Reader
	io.Writer
}

// connect copies between stdin and stdout and the agent that listens on the
// socket, until either side ends.
func connect(socket string) error {
	stream, err := dialAgent(socket)
	if err != nil {
		return err
	}
	defer stream.Close()
	ended := make(chan error, 2)
	go func() {
		_, err := io.Copy(stream, os.Stdin)
		ended <- err
	}()
	go func() {
		_, err := io.Copy(os.Stdout, stream)
		ended <- err
	}()
	if err := <-ended; err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("connecting to the agent on %q: %w", socket, err)
	}
	return nil
}
