package cli

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/pflag"

	"github.com/cniproof/cniproof/internal/promise"
	"github.com/cniproof/cniproof/internal/report"
	"github.com/cniproof/cniproof/internal/scenario"
	"github.com/cniproof/cniproof/scenarios"
)

// selection is which scenarios a command is about.
type selection struct {
	files     []string
	run, skip string
	levels    []string
	features  []string
	shard     string
	dynamics  bool

	library     report.Library // known once it is loaded
	rerunFailed string         // path of a JSON report; only `run` has the flag
}

func (s *selection) flags(f *pflag.FlagSet) {
	f.StringArrayVarP(&s.files, "file", "f", nil, "scenario file or folder of your own, instead of the built-in ones (repeatable)")
	f.StringVar(&s.run, "run", "", "only scenarios whose name matches this regular expression")
	f.StringVar(&s.skip, "skip", "", "no scenario whose name matches this regular expression")
	f.StringSliceVar(&s.levels, "level", nil, "only these levels: must, optional, contested, undefined")
	f.StringSliceVar(&s.features, "feature", nil, "only scenarios with all of these features (see 'cniproof list')")
	f.BoolVar(&s.dynamics, "dynamics", false, "the built-in scenarios of topic dynamics, which are left out otherwise unless --run chooses scenarios")
	f.StringVar(&s.shard, "shard", "", "only the I-th of N equal parts, as I/N, to share a run among machines")
}

// all loads the user's files, or the built-in library.
func (s *selection) all() ([]*scenario.Scenario, error) {
	if len(s.files) == 0 {
		list, digest, err := builtIn()
		s.library = report.Library{BuiltIn: true, Digest: digest, Scenarios: len(list)}
		return list, err
	}
	list, err := scenario.Load(scenario.OSFiles(), s.files...)
	s.library = report.Library{Scenarios: len(list)}
	return list, badInput(err)
}

// builtIn is the built-in library, with the mirrors that run by default, and the digest
// of its files.
func builtIn() ([]*scenario.Scenario, string, error) {
	list, err := scenario.Load(scenarios.FS, ".")
	if err != nil {
		return nil, "", err
	}
	digest, err := scenarios.Digest()
	return append(list, promise.Mirrors(promise.Rows(), list)...), digest, err
}

// promises are what is to be tried of each behaviour: of the user's own scenarios, nothing.
func (s *selection) promises() []promise.Row {
	if len(s.files) > 0 {
		return nil
	}
	return promise.Rows()
}

// load returns the selected scenarios, sorted by name; none is bad input.
func (s *selection) load() ([]*scenario.Scenario, error) {
	list, err := s.all()
	if err != nil {
		return nil, err
	}
	keep, err := s.filter()
	if err != nil {
		return nil, badInput(err)
	}
	if list, err = s.rerun(list); err != nil {
		return nil, badInput(err)
	}
	list = slices.DeleteFunc(list, func(sc *scenario.Scenario) bool { return !keep(sc) })
	slices.SortFunc(list, func(a, b *scenario.Scenario) int { return strings.Compare(a.Name, b.Name) })
	if list, err = s.part(list); err != nil {
		return nil, badInput(err)
	}
	if len(list) == 0 {
		return nil, badInput(errors.New("no scenario is selected: see `cniproof list` for their names, levels and features"))
	}
	return list, nil
}

// filter turns the flags into one predicate, or reports every flag that is wrong.
func (s *selection) filter() (func(*scenario.Scenario) bool, error) {
	run, errRun := regexp.Compile(s.run)
	skip, errSkip := regexp.Compile(s.skip)
	err := errors.Join(flagError("run", errRun), flagError("skip", errSkip), s.checkWords())
	if err != nil {
		return nil, err
	}
	return func(sc *scenario.Scenario) bool {
		return run.MatchString(sc.Name) && s.inTurn(sc) &&
			(s.skip == "" || !skip.MatchString(sc.Name)) &&
			(len(s.levels) == 0 || slices.Contains(s.levels, string(sc.Level))) &&
			containsAll(sc.Features, s.features)
	}, nil
}

// inTurn reports whether it is the turn of dynamic scenarios, or of the others.
func (s *selection) inTurn(sc *scenario.Scenario) bool {
	if s.dynamics {
		return sc.Dynamic()
	}
	return !sc.Dynamic() || !s.apart()
}

// apart reports whether dynamic scenarios are left out.
func (s *selection) apart() bool {
	return !s.dynamics && s.run == "" && s.rerunFailed == "" && len(s.files) == 0
}

func flagError(flag string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("--%s: %w", flag, err)
}

func (s *selection) checkWords() error {
	known := []string{
		string(scenario.LevelMust), string(scenario.LevelOptional),
		string(scenario.LevelContested), string(scenario.LevelUndefined),
	}
	var errs []error
	for _, l := range s.levels {
		if !slices.Contains(known, l) {
			errs = append(errs, fmt.Errorf("--level: %q is none of %s", l, strings.Join(known, ", ")))
		}
	}
	features := map[string]bool{}
	for _, f := range scenario.Features() {
		features[f.Name] = true
	}
	for _, f := range s.features {
		if !features[f] {
			errs = append(errs, fmt.Errorf("--feature: there is no feature %q: see `cniproof list --features`", f))
		}
	}
	return errors.Join(errs...)
}

func containsAll(have, want []string) bool {
	for _, w := range want {
		if !slices.Contains(have, w) {
			return false
		}
	}
	return true
}

// part deals the scenarios out to the shards in turn.
func (s *selection) part(list []*scenario.Scenario) ([]*scenario.Scenario, error) {
	if s.shard == "" {
		return list, nil
	}
	first, second, ok := strings.Cut(s.shard, "/")
	i, errI := strconv.Atoi(first)
	n, errN := strconv.Atoi(second)
	if !ok || errI != nil || errN != nil || i < 1 || n < i {
		return nil, fmt.Errorf("--shard: %q is not I/N with 1 <= I <= N", s.shard)
	}
	var part []*scenario.Scenario
	for k, sc := range list {
		if k%n == i-1 {
			part = append(part, sc)
		}
	}
	return part, nil
}
