package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/cniproof/cniproof/internal/oracle"
	"github.com/cniproof/cniproof/internal/scenario"
)

func (a *app) validateCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "validate FILE|DIR...",
		Short: "Check scenario files and NetworkPolicy manifests, all mistakes at once",
		Long: `Checks scenarios, topologies, NetworkPolicies and Lists of them: the form, what an
API server would refuse, and whether the verdicts that a scenario's author wrote
are those that its policies mean. Nothing is applied anywhere. Exit code 3 when
anything is wrong.`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error { return a.validate(args) },
	}
}

func (a *app) validate(args []string) error {
	files, err := yamlFiles(args)
	if err != nil {
		return badInput(err)
	}
	var wrong []string
	for _, file := range files {
		for _, p := range scenario.CheckFile(scenario.OSFiles(), file) {
			wrong = append(wrong, p.String())
		}
	}
	if len(wrong) == 0 {
		wrong = a.witnesses(files)
	}
	if len(wrong) > 0 {
		return badInput(fmt.Errorf("%s in %s:\n%s", plural(len(wrong), "mistake"), plural(len(files), "file"), strings.Join(wrong, "\n")))
	}
	a.printf("%s checked: nothing wrong\n", plural(len(files), "file"))
	return nil
}

// witnesses holds the authors' verdicts against the computed ones.
func (a *app) witnesses(files []string) []string {
	var wrong []string
	for _, file := range files {
		list, err := scenario.Load(scenario.OSFiles(), file)
		if err != nil {
			continue // a file of policies only
		}
		for _, s := range list {
			for _, d := range oracle.Check(s, scenario.Symbolic(s.Topology), scenario.AllAxes()) {
				wrong = append(wrong, d.String())
			}
		}
	}
	return wrong
}

// yamlFiles expands folders, of which it takes files with YAML's extensions and
// others given; a file is taken whatever its name.
func yamlFiles(args []string, others ...string) ([]string, error) {
	var files []string
	for _, arg := range args {
		err := fs.WalkDir(scenario.OSFiles(), filepath.Clean(arg), func(p string, d fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			ext := path.Ext(p)
			if !d.IsDir() && (p == filepath.Clean(arg) || ext == ".yaml" || ext == ".yml" || slices.Contains(others, ext)) {
				files = append(files, p)
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	if len(files) == 0 {
		return nil, errors.New("no YAML file found")
	}
	return files, nil
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
