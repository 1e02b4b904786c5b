package embedded

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// helperEnv makes this test binary a helper process of a test.
const helperEnv = "CNIPROOF_TEST_HELPER"

func TestMain(m *testing.M) {
	if err := Enter(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	switch os.Getenv(helperEnv) {
	case "":
		os.Exit(m.Run())
	case "exit":
		fmt.Fprintln(os.Stdout, os.Getuid(), hasCapabilities(unix.CAP_SYS_ADMIN, unix.CAP_NET_ADMIN, unix.CAP_NET_RAW), len(os.Args))
		os.Exit(7)
	case "signal":
		signals := make(chan os.Signal, 2)
		signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM)
		fmt.Fprintln(os.Stdout, "ready")
		fmt.Fprintln(os.Stdout, <-signals)
		if os.Getenv("THEN") == "die" {
			signal.Reset(syscall.SIGTERM)
			_ = syscall.Kill(os.Getpid(), syscall.SIGTERM)
		}
		select {}
	case "cluster":
		helpCluster()
	}
}

// helpCluster opens a cluster with pods, says so and waits to be killed.
func helpCluster() {
	c, err := New(Options{}).Open(context.Background(), func(string) {})
	if err != nil {
		fmt.Fprintln(os.Stdout, err)
		os.Exit(1)
	}
	e := c.(*embedded)
	for range 3 {
		if _, err := e.client.CoreV1().Pods("default").Create(context.Background(), generated("pod-"), createOptions()); err != nil {
			fmt.Fprintln(os.Stdout, err)
			os.Exit(1)
		}
	}
	awaitReady(e, 3)
	fmt.Fprintln(os.Stdout, "ready")
	select {}
}
