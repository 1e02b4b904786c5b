// Command runc-wrapper stands before runc on hosts whose capability bounding set lacks
// CAP_SYS_RESOURCE (small virtual machines), where runc could not give a privileged
// container "all" capabilities, nor raise its limits. It takes the capability,
// oomScoreAdj and rlimits out of what runc is told. Elsewhere it only calls runc.
//
// runc is called many times for each pod and each probe of a pod, so this is a program
// and not a script.
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

const (
	runc        = "/usr/sbin/runc"
	sysResource = 24 // the capability's number
)

func main() {
	fmt.Fprintln(os.Stderr, "runc-wrapper:", run(os.Args))
	os.Exit(1)
}

// run becomes runc; it returns only where it cannot.
func run(args []string) error {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return err
	}
	if !bounded(string(status)) {
		if err := strip(args[1:]); err != nil {
			return err
		}
	}
	return syscall.Exec(runc, append([]string{runc}, args[1:]...), os.Environ())
}

// bounded reports whether the bounding set of a process, by its status, holds the
// capability.
func bounded(status string) bool {
	for line := range strings.Lines(status) {
		if set, ok := strings.CutPrefix(line, "CapBnd:"); ok {
			bits, err := strconv.ParseUint(strings.TrimSpace(set), 16, 64)
			return err == nil && bits>>sysResource&1 == 1
		}
	}
	return false
}

// strip changes the files that a call of runc names: a bundle's configuration, or the
// description of a process.
func strip(args []string) error {
	creates, bundle := false, "."
	for i, arg := range args {
		name, value, given := strings.Cut(arg, "=")
		if !given && i+1 < len(args) {
			value = args[i+1]
		}
		switch name {
		case "create", "run":
			creates = true
		case "--bundle", "-b":
			bundle = value
		case "--process", "-p":
			if err := rewrite(value, func(process map[string]any) { lower(process) }); err != nil {
				return err
			}
		}
	}
	if !creates {
		return nil
	}
	return rewrite(bundle+"/config.json", func(config map[string]any) {
		if process, ok := config["process"].(map[string]any); ok {
			lower(process)
		}
	})
}

// lower takes out of a process what it could not be given.
func lower(process map[string]any) {
	delete(process, "oomScoreAdj")
	delete(process, "rlimits")
	sets, _ := process["capabilities"].(map[string]any)
	for name, set := range sets {
		if list, ok := set.([]any); ok {
			sets[name] = slices.DeleteFunc(list, func(c any) bool { return c == "CAP_SYS_RESOURCE" })
		}
	}
}

// rewrite changes a JSON file in its place; numbers stay as they are written.
func rewrite(file string, change func(map[string]any)) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	var object map[string]any
	if err := decoder.Decode(&object); err != nil {
		return fmt.Errorf("reading %s: %w", file, err)
	}
	change(object)
	if text, err = json.Marshal(object); err != nil {
		return err
	}
	return os.WriteFile(file, text, 0o600) // it is there, and keeps its mode
}
