package embedded

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// killOrphans ends the agents whose parent does not live any more and names each.
// The kernel ends them with their parent, so normally there is none; a cluster has
// nothing else that could outlive it.
func killOrphans() ([]string, error) {
	list, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		return nil, fmt.Errorf("listing processes: %w", err)
	}
	var killed []string
	var errs []error
	for _, path := range list {
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(path)))
		if err != nil {
			continue
		}
		identity, orphan := orphan(path)
		if !orphan {
			continue
		}
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
			errs = append(errs, fmt.Errorf("ending process %d: %w", pid, err))
			continue
		}
		killed = append(killed, fmt.Sprintf("process %d, the agent of %s", pid, identity))
	}
	return killed, errors.Join(errs...)
}

// orphan reports whether the command line is that of an agent without its parent.
func orphan(path string) (identity string, is bool) {
	text, err := os.ReadFile(path)
	if err != nil || !strings.HasPrefix(string(text), markPrefix) {
		return "", false // not ours, or gone meanwhile
	}
	args := strings.Split(strings.TrimRight(string(text), "\x00"), "\x00")
	parent, started, _ := strings.Cut(strings.TrimPrefix(args[0], markPrefix), ":")
	pid, err := strconv.Atoi(parent)
	if err != nil {
		return "", false
	}
	now, err := startTime(pid)
	return args[len(args)-1], err != nil || now != started
}
