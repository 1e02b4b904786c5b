// Command bench runs bin/cniproof with different numbers of stages and scenarios,
// and prints what each run cost: time, processor, memory, and the ratio to the
// first run of its table.
//
//	go run ./hack/bench [--parallel 1,2,4] [--shares 25,50,100] [-- FLAGS OF cniproof run]
//
// It imports the standard library only: it sees cniproof from outside.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

func main() {
	if err := run(os.Args[1:], os.Stdout); err != nil {
		_, _ = fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// bench is what the flags ask for.
type bench struct {
	binary   string
	parallel []int // stages
	shares   []int // percent of all scenarios
	extra    []string
	out      io.Writer
}

func run(args []string, out io.Writer) error {
	b, err := parse(args, out)
	if err != nil {
		return err
	}
	names, err := b.scenarios()
	if err != nil {
		return err
	}
	if err := b.overStages(names); err != nil {
		return err
	}
	return b.overScenarios(names)
}

func parse(args []string, out io.Writer) (*bench, error) {
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	binary := flags.String("binary", "bin/cniproof", "the `file` to run")
	parallel := flags.String("parallel", "1,2,4,8", "numbers of stages")
	shares := flags.String("shares", "25,50,100", "shares of the scenarios, in percent")
	if err := flags.Parse(args); err != nil {
		return nil, err
	}
	b := &bench{binary: *binary, extra: flags.Args(), out: out}
	var errParallel, errShares error
	b.parallel, errParallel = numbers(*parallel)
	b.shares, errShares = numbers(*shares)
	return b, errors.Join(errParallel, errShares)
}

func numbers(list string) ([]int, error) {
	var all []int
	for word := range strings.SplitSeq(list, ",") {
		n, err := strconv.Atoi(strings.TrimSpace(word))
		if err != nil || n < 1 {
			return nil, fmt.Errorf("%q in %q is no positive number", word, list)
		}
		all = append(all, n)
	}
	return all, nil
}

// scenarios lists the names of all that a run would run, in order.
func (b *bench) scenarios() ([]string, error) {
	out, err := exec.Command(b.binary, "list", "-o", "name").Output()
	if err != nil {
		return nil, fmt.Errorf("listing scenarios with %q: %w", b.binary, err)
	}
	return strings.Fields(string(out)), nil
}

// overStages runs all scenarios on more and more stages.
func (b *bench) overStages(names []string) error {
	t := b.table(fmt.Sprintf("%d scenarios, by stages", len(names)))
	for _, n := range b.parallel {
		c, err := b.measure("--parallel", strconv.Itoa(n))
		if err != nil {
			return err
		}
		t.row(fmt.Sprintf("--parallel %d", n), c)
	}
	return nil
}

// overScenarios runs more and more scenarios on the default number of stages. A
// share takes names from the whole list, so that every topic is in it.
func (b *bench) overScenarios(names []string) error {
	t := b.table("by number of scenarios, default stages")
	for _, percent := range b.shares {
		some := share(names, percent)
		c, err := b.measure("--run", "^("+strings.Join(quoteAll(some), "|")+")$")
		if err != nil {
			return err
		}
		t.row(fmt.Sprintf("%d scenarios", len(some)), c)
	}
	return nil
}

// share is that many percent of the names, evenly spread, at least one of them.
func share(names []string, percent int) []string {
	want := max(1, len(names)*min(percent, 100)/100)
	var some []string
	for i := range want {
		some = append(some, names[i*len(names)/want])
	}
	return slices.Compact(some)
}

func quoteAll(names []string) []string {
	quoted := make([]string, len(names))
	for i, n := range names {
		quoted[i] = regexp.QuoteMeta(n)
	}
	return quoted
}

// table prints rows as they come; ratios are to its first one.
type table struct {
	out   io.Writer
	first *cost
}

func (b *bench) table(title string) *table {
	_, _ = fmt.Fprintf(b.out, "\n%s\n%-16s %9s %7s %8s %7s %9s  %s\n", title, "", "seconds", "ratio", "cpu s", "ratio", "peak MiB", "result")
	return &table{out: b.out}
}

func (t *table) row(name string, c *cost) {
	if t.first == nil {
		t.first = c
	}
	_, _ = fmt.Fprintf(t.out, "%-16s %9.2f %6.2fx %8.2f %6.2fx %9.0f  %s\n", name,
		c.wall.Seconds(), c.wall.Seconds()/t.first.wall.Seconds(),
		c.cpu.Seconds(), c.cpu.Seconds()/t.first.cpu.Seconds(),
		float64(c.peak)/(1<<20), c.result)
}
