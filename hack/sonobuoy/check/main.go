// Command check lets Sonobuoy load the plugin's definition and read results of the
// plugin: check PLUGIN.yaml RESULTS.tar.gz|REPORT.xml...
package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/vmware-tanzu/sonobuoy/pkg/client/results"
	"github.com/vmware-tanzu/sonobuoy/pkg/plugin"
	"github.com/vmware-tanzu/sonobuoy/pkg/plugin/driver/job"
	"github.com/vmware-tanzu/sonobuoy/pkg/plugin/loader"
	"github.com/vmware-tanzu/sonobuoy/pkg/tarball"
)

func main() {
	if err := check(os.Stdout, os.Args[1], os.Args[2:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func check(w io.Writer, definition string, files []string) error {
	def, err := loader.LoadDefinitionFromFile(definition)
	if err != nil {
		return err
	}
	p := job.NewPlugin(*def, "sonobuoy", "sonobuoy", "IfNotPresent", "", nil)
	if p.GetName() != "cniproof" || p.GetResultFormat() != results.ResultFormatJUnit {
		return fmt.Errorf("%s: plugin %q with results of format %q", definition, p.GetName(), p.GetResultFormat())
	}
	expected := p.ExpectedResults(nil)
	if len(expected) != 1 || expected[0].NodeName != plugin.GlobalResult {
		return fmt.Errorf("%s: Sonobuoy expects %v", definition, expected)
	}
	var errs []error
	for _, file := range files {
		item, err := read(p, file)
		errs = append(errs, err)
		count := map[string]int{}
		tally(item, count)
		fmt.Fprintf(w, "%s: %s %v\n", filepath.Base(file), item.Status, count)
		if len(count) == 0 {
			errs = append(errs, fmt.Errorf("%s: Sonobuoy finds no result in it", file))
		}
	}
	return errors.Join(errs...)
}

// read puts a file where the aggregator does, and has it processed.
func read(p plugin.Interface, file string) (results.Item, error) {
	folder, err := os.MkdirTemp("", "sonobuoy")
	if err != nil {
		return results.Item{}, err
	}
	defer os.RemoveAll(folder)
	to := filepath.Join(folder, results.PluginsDir, p.GetName(), results.ResultsDir, plugin.GlobalResult)
	if err := os.MkdirAll(to, 0o755); err != nil {
		return results.Item{}, err
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return results.Item{}, err
	}
	if strings.HasSuffix(file, ".tar.gz") {
		err = tarball.DecodeTarball(bytes.NewReader(text), to)
	} else {
		err = os.WriteFile(filepath.Join(to, p.GetResultFiles()[0]), text, 0o600)
	}
	if err != nil {
		return results.Item{}, err
	}
	item, errs := results.PostProcessPlugin(p, folder)
	return item, errors.Join(errs...)
}

// tally counts the leaves, which are scenarios, by status.
func tally(item results.Item, count map[string]int) {
	if len(item.Items) == 0 && item.Metadata["type"] != "summary" {
		count[item.Status]++
	}
	for _, i := range item.Items {
		tally(i, count)
	}
}
