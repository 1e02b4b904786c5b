// Command faulttable plants every fault into the embedded cluster, one after the
// other, runs the library each time and prints docs/faults.md: which scenarios catch
// which fault. It exits 1 when a fault goes unnoticed.
package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"
)

const program = "bin/cniproof"

// caught is what one fault came to.
type caught struct {
	fault, sentence string
	scenarios       []string // sorted
}

// known lists the faults, without the scenarios.
func known() ([]caught, error) {
	out, err := exec.Command(program, "faults").Output()
	if err != nil {
		return nil, err
	}
	var all []caught
	for lines := bufio.NewScanner(bytes.NewReader(out)); lines.Scan(); {
		name, sentence, _ := strings.Cut(lines.Text(), " ")
		all = append(all, caught{fault: name, sentence: strings.TrimSpace(sentence)})
	}
	return all, nil
}

func main() {
	only := flag.String("only", "", "plant only the faults whose name matches this regular expression, and keep what the table says of the others")
	flag.Parse()
	if err := run(*only); err != nil {
		fmt.Fprintln(os.Stderr, "faulttable:", err)
		os.Exit(1)
	}
}

func run(only string) error {
	chosen, err := regexp.Compile(only)
	if err != nil {
		return err
	}
	all, err := known()
	if err != nil {
		return err
	}
	before, err := documented()
	if err != nil {
		return err
	}
	var errs []error
	for i := range all {
		c, begin := &all[i], time.Now()
		if !chosen.MatchString(c.fault) {
			c.scenarios = before[c.fault]
			continue
		}
		c.scenarios, err = plant(c.fault)
		if err == nil && len(c.scenarios) == 0 {
			err = errors.New("no scenario noticed it")
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", c.fault, err))
		}
		fmt.Fprintf(os.Stderr, "%-30s %6s  %3d scenarios\n", c.fault, time.Since(begin).Round(time.Second), len(c.scenarios))
	}
	write(os.Stdout, slices.DeleteFunc(all, func(c caught) bool { return len(c.scenarios) == 0 })) // a test misses those
	return errors.Join(errs...)
}

// documented is what the table says now.
func documented() (map[string][]string, error) {
	text, err := os.ReadFile("docs/faults.md")
	if err != nil {
		return nil, err
	}
	table := map[string][]string{}
	for _, section := range strings.Split(string(text), "\n### ")[1:] {
		name, list, _ := strings.Cut(section, "\n")
		table[name] = strings.FieldsFunc(list, func(r rune) bool { return r == ',' || unicode.IsSpace(r) })
	}
	return table, nil
}

// The library is run in parts, each a cross-section of it, until enough scenarios
// have caught the fault; the dynamic ones are the last part, for faults that none has.
const (
	parts    = 3
	enough   = 3
	dynamics = "--dynamics"
)

// plant runs the library with the fault, part by part, and returns the scenarios
// that failed.
func plant(fault string) ([]string, error) {
	var names []string
	for _, which := range partsFor(fault) {
		if len(names) >= enough || len(names) > 0 && slices.Contains(which, dynamics) {
			break
		}
		failed, err := runPart(fault, which)
		if err != nil {
			return nil, err
		}
		names = append(names, failed...)
	}
	slices.Sort(names)
	return names, nil
}

// partsFor are the parts, by the flags that choose them. An agent that errs when it restarts
// is sound before, and may err from then on whatever else is tried: only scenarios that
// restart it tell anything of it. One that errs when nothing has changed for a minute does not
// where many scenarios run side by side.
func partsFor(fault string) [][]string {
	var list [][]string
	if strings.HasPrefix(fault, "restart-") {
		return append(list, []string{"--feature", "restart"}, []string{"--feature", "restart", dynamics})
	}
	if strings.HasPrefix(fault, "resync-") {
		return append(list, []string{dynamics})
	}
	for part := range parts {
		list = append(list, []string{"--shard", fmt.Sprintf("%d/%d", part+1, parts)})
	}
	return append(list, []string{dynamics})
}

// isCrowded tells a fault that shows by how much else there is in the cluster: planted while
// scenarios run side by side it would be seen by some that are not about it.
func isCrowded(fault string) bool {
	return fault == "many-namespaces-cut" || fault == "shared-blocks-given-up"
}

func runPart(fault string, which []string) ([]string, error) {
	beside := "12"
	if isCrowded(fault) {
		beside = "1"
	}
	args := []string{"run", "--quiet", "--bundles", "none", "--fault", fault, "--parallel", beside, "--within", "1s", "-o", "json"}
	cmd := exec.Command(program, append(args, which...)...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, os.Stderr
	if err := cmd.Run(); cmd.ProcessState == nil {
		return nil, err
	}
	var doc struct {
		Scenarios []struct{ Name, Result string }
	}
	if err := json.Unmarshal(out.Bytes(), &doc); err != nil {
		return nil, fmt.Errorf("reading its report: %w", err)
	}
	var names []string
	for _, s := range doc.Scenarios {
		if s.Result == "fail" {
			names = append(names, s.Name)
		}
	}
	return names, nil
}

func write(w io.Writer, all []caught) {
	fmt.Fprint(w, `# Faults, and the scenarios that catch them

<!-- Written by `+"`make faults`"+`; a test demands that every fault of the engine is here, and is caught by what stands here. -->

The embedded cluster's engine can be made to err: `+"`cniproof run --fault NAME`"+`. Each fault is a mistake that a network plugin
has made or could make. A suite that stays green on one of them would prove nothing, so every fault must turn at least
one scenario red. Smaller mistakes, in how policies and labels are read, are tried by computation alone: [mutations](mutations.md).

For this table the library was run in cross-sections of a third each until three scenarios had failed, and then dynamic ones,
where that was not enough; those that were no longer needed are not listed, whether they would catch the fault or not. With
the faults of restarts only those were run that restart the engine, and with those of resyncs only the dynamic ones: many
that run side by side leave no minute without a change.

| fault | what the faulty engine does | scenarios that fail | among them |
|---|---|---:|---|
`)
	for _, c := range all {
		some := c.scenarios[:min(3, len(c.scenarios))]
		fmt.Fprintf(w, "| `%s` | %s | %d | %s |\n", c.fault, c.sentence, len(c.scenarios), strings.Join(some, ", "))
	}
	fmt.Fprint(w, "\n## All of them\n")
	for _, c := range all {
		fmt.Fprintf(w, "\n### %s\n\n%s\n", c.fault, wrapped(c.scenarios))
	}
}

// wrapped breaks a list into lines that a person can read in a diff.
func wrapped(words []string) string {
	var b strings.Builder
	used := 0
	for i, word := range words {
		if i < len(words)-1 {
			word += ","
		}
		switch {
		case i == 0:
		case used+1+len(word) > 118:
			b.WriteByte('\n')
			used = 0
		default:
			b.WriteByte(' ')
			used++
		}
		b.WriteString(word)
		used += len(word)
	}
	return b.String()
}
