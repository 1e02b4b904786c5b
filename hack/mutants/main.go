// Command mutants changes the source of the embedded cluster's engine in one random place
// after the other, and runs the library on each such engine. What survives does the same
// as the original, or shows something that no scenario tries.
package main

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"
)

const engine = "internal/cluster/embedded/engine"

func main() {
	count := flag.Int("count", 10, "try so many mutants; each takes seconds where it is caught, and a run of the library where it is not")
	files := flag.String("files", ".", "only in files whose name matches this regular expression")
	seed := flag.Uint64("seed", 0, "choose the same mutants as the run that printed it; 0 draws one")
	flag.Parse()
	if err := run(*count, *files, *seed); err != nil {
		fmt.Fprintln(os.Stderr, "mutants:", err)
		os.Exit(1)
	}
}

func run(count int, files string, seed uint64) error {
	chosen, err := regexp.Compile(files)
	if err != nil {
		return err
	}
	all, err := allMutants(chosen)
	if err != nil {
		return err
	}
	if seed == 0 {
		seed = rand.Uint64()>>32 + 1
	}
	rand.New(rand.NewPCG(seed, 0)).Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	all = all[:min(count, len(all))]
	lab, err := newLab()
	if err != nil {
		return err
	}
	ends := map[string]int{}
	for _, m := range all {
		begin := time.Now()
		end, detail, err := lab.try(m)
		if err != nil {
			return err
		}
		ends[end]++
		fmt.Fprintf(os.Stdout, "%-9s %4ds  %s:%d  %s  %s\n", end, int(time.Since(begin).Seconds()), filepath.Base(m.file), m.line, m.what, detail)
	}
	fmt.Fprintf(os.Stdout, "%d mutants, --seed %d: %d caught, %d could not be told, %d do not build, %d SURVIVED\n", len(all), seed, ends[caught], ends[untold], ends[unbuilt], ends[survived])
	return nil
}

// allMutants are those of every file of the engine that is chosen.
func allMutants(chosen *regexp.Regexp) ([]mutant, error) {
	paths, err := filepath.Glob(engine + "/*.go")
	if err != nil {
		return nil, err
	}
	var all []mutant
	for _, path := range paths {
		if strings.HasSuffix(path, "_test.go") || !chosen.MatchString(filepath.Base(path)) {
			continue
		}
		source, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		list, err := mutants(path, source)
		if err != nil {
			return nil, err
		}
		all = append(all, list...)
	}
	return all, nil
}
