package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"time"
)

// cost is what one run took.
type cost struct {
	wall time.Duration
	cpu  time.Duration // of the process and of all that it waited for
	peak int64         // bytes of memory, of the process and its descendants together
	// result is the run's own count of scenarios by result.
	result string
}

// sampling is how often memory is looked at.
const sampling = 250 * time.Millisecond

// measure runs `cniproof run` with the flags and those that the user added. A run
// in which scenarios fail has a cost as well; one without a report is an error.
func (b *bench) measure(flags ...string) (*cost, error) {
	args := slices.Concat([]string{"run", "-o", "json"}, flags, b.extra)
	cmd := exec.Command(b.binary, args...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	begin := time.Now()
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting %q: %w", b.binary, err)
	}
	peak := watchMemory(cmd.Process.Pid)
	err := cmd.Wait()
	c := &cost{wall: time.Since(begin), peak: peak()}
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		return nil, fmt.Errorf("running %q: %w", args, err)
	}
	c.cpu = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	c.result, err = summarise(stdout.Bytes())
	if err != nil {
		return nil, fmt.Errorf("%s %s: %s: %w\n%s", b.binary, strings.Join(args, " "), cmd.ProcessState, err, stderr.String())
	}
	return c, nil
}

// watchMemory samples until the function that it returns is called, which returns
// the largest sample.
func watchMemory(pid int) func() int64 {
	stop, peak := make(chan struct{}), make(chan int64)
	go func() {
		tick := time.NewTicker(sampling)
		defer tick.Stop()
		var most int64
		for {
			select {
			case <-stop:
				peak <- most
				return
			case <-tick.C:
				most = max(most, treeMemory(pid))
			}
		}
	}()
	return func() int64 {
		close(stop)
		return <-peak
	}
}

// summarise is the counts of a JSON report that are not zero.
func summarise(report []byte) (string, error) {
	var doc struct {
		Summary struct {
			Pass         int
			Fail         int
			Inconclusive int
			Skipped      int
			Recorded     int
		}
	}
	if err := json.Unmarshal(report, &doc); err != nil {
		return "", fmt.Errorf("reading the report: %w", err)
	}
	s := doc.Summary
	var words []string
	for _, w := range []struct {
		name string
		n    int
	}{{"pass", s.Pass}, {"fail", s.Fail}, {"inconclusive", s.Inconclusive}, {"skipped", s.Skipped}, {"recorded", s.Recorded}} {
		if w.n > 0 {
			words = append(words, fmt.Sprintf("%d %s", w.n, w.name))
		}
	}
	return strings.Join(words, ", "), nil
}
