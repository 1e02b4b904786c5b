package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/cniproof/cniproof/internal/cni"
	"github.com/cniproof/cniproof/internal/scenario"
	"github.com/cniproof/cniproof/internal/spelling"
)

func (a *app) cniCommand() *cobra.Command {
	var flags kindFlags
	var output string
	cmd := &cobra.Command{
		Use:   "cni [NAME]",
		Short: "Show the catalog of CNIs, or one entry in full",
		Long: `Shows the CNIs that cniproof knows how to install, recognise and restart: where
each comes from, how firmly it is pinned, what it does not claim, how it is known to
deviate, and whether the project has run it itself or only validated its entry.`,
		Example: `  cniproof cni
  cniproof cni calico
  cniproof cni --cni-manifest my-cni.yaml`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			entries, err := shownCNIs(flags, args)
			if err != nil {
				return badInput(err)
			}
			return a.showCNIs(entries, output, len(args) == 1 || flags.cniManifest != "")
		},
	}
	cmd.Flags().StringVar(&flags.mirror, "mirror", "", "use the entries of this mirror in the place of those of the same name")
	cmd.Flags().StringVar(&flags.cniManifest, "cni-manifest", "", "show the CNI of this file, an entry or a plain manifest, instead of the catalog")
	cmd.Flags().StringVarP(&output, "output", "o", "text", "text, json")
	return cmd
}

// shownCNIs are the entries that the command is about.
func shownCNIs(flags kindFlags, names []string) ([]cni.Entry, error) {
	_, _, catalog, err := flags.source()
	if err != nil || len(names) == 0 && flags.cniManifest == "" {
		return catalog, err
	}
	if len(names) > 0 {
		flags.cni = names[0]
	}
	e, err := flags.entry(catalog)
	return []cni.Entry{e}, err
}

// fits reports what an entry says in words that scenarios do not have.
func fits(e cni.Entry) error {
	var errs []error
	for _, feature := range slices.Sorted(maps.Keys(e.Lacks)) {
		var known []string
		for _, f := range scenario.Features() {
			known = append(known, f.Name)
		}
		if !slices.Contains(known, feature) {
			errs = append(errs, fmt.Errorf("%s: spec.lacks: unknown feature %q: %s", e.Name, feature, spelling.Suggest(feature, known)))
		}
	}
	for _, d := range e.Deviations {
		for _, line := range d.Flows {
			if _, err := scenario.ParseFlowLine(line); err != nil {
				errs = append(errs, fmt.Errorf("%s: spec.deviations: flows: %w", e.Name, err))
			}
		}
	}
	return errors.Join(errs...)
}

func (a *app) showCNIs(entries []cni.Entry, output string, full bool) error {
	switch {
	case output == "json":
		encoder := json.NewEncoder(a.stdout)
		encoder.SetIndent("", "  ")
		encoder.SetEscapeHTML(false)
		return encoder.Encode(entries)
	case output != "text":
		return badInput(fmt.Errorf("--output: %q is none of text, json", output))
	case full:
		a.printf("%s", describeCNI(entries[0]))
		return nil
	}
	w := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprint(w, "NAME\tVERSION\tINSTALLED\tPINNED\tENFORCES\tCLAIMS\tDEVIATIONS\tRUN BY THE PROJECT\n")
	for _, e := range entries {
		_, _ = fmt.Fprintln(w, strings.Join(row(e), "\t"))
	}
	return w.Flush()
}

// row is an entry in a table.
func row(e cni.Entry) []string {
	return []string{e.Name, orDash(e.Version), e.How(), e.Pinned(), yesNo(e.Enforces), claims(e), deviations(e), orNo(e.Ran)}
}

func orDash(text string) string {
	if text == "" {
		return "-"
	}
	return text
}

func orNo(text string) string {
	if text == "" {
		return "no"
	}
	return text
}

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

// claims says what a CNI claims, by what it does not.
func claims(e cni.Entry) string {
	switch {
	case !e.Enforces:
		return "nothing"
	case len(e.Lacks) == 0:
		return "all"
	}
	return "all but " + strings.Join(slices.Sorted(maps.Keys(e.Lacks)), ", ")
}

// deviations counts those that a run has confirmed, and hearsay.
func deviations(e cni.Entry) string {
	known, reported := 0, 0
	for _, d := range e.Deviations {
		if d.Confirmed == "" {
			reported++
		} else {
			known++
		}
	}
	var parts []string
	if known > 0 {
		parts = append(parts, fmt.Sprintf("%d known", known))
	}
	if reported > 0 {
		parts = append(parts, fmt.Sprintf("%d reported", reported))
	}
	return orDash(strings.Join(parts, ", "))
}

// describeCNI is an entry in full.
func describeCNI(e cni.Entry) string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	field := func(name string, values ...string) {
		for _, v := range values {
			if v = strings.TrimSpace(v); v != "" {
				_, _ = fmt.Fprintf(w, "%s\t%s\n", name, v)
				name = ""
			}
		}
	}
	field("name", e.Name)
	field("title", e.Title)
	field("version", e.Version)
	field("homepage", e.Homepage)
	field("note", e.Note)
	field("enforces", yesNo(e.Enforces))
	field("claims", claims(e))
	for _, feature := range slices.Sorted(maps.Keys(e.Lacks)) {
		field("lacks "+feature, e.Lacks[feature])
	}
	field("run by the project", orNo(e.Ran))
	field("installed", e.How()+", pinned by: "+e.Pinned())
	for _, item := range e.Downloads() {
		field("", item.Key())
		if item.SHA256 != "" {
			field("", "sha256 "+item.SHA256)
		}
	}
	field("by hand", e.Manual)
	field("pod subnet", e.PodSubnet, e.PodSubnet6)
	field("kube-proxy", e.ClusterOptions.KubeProxyMode)
	field("ready", workloads(e.Ready)...)
	field("agent", e.Agent.String())
	field("also found as", workloads(e.AlsoAgent)...)
	field("images", e.Images...)
	for _, d := range e.Deviations {
		field("deviation", deviationLines(d)...)
	}
	_ = w.Flush() // into memory
	return b.String()
}

func workloads(list []cni.Workload) []string {
	var texts []string
	for _, w := range list {
		texts = append(texts, w.String())
	}
	return texts
}

func deviationLines(d cni.Deviation) []string {
	confirmed := "reported by others; no run has confirmed it, and it explains no result"
	if d.Confirmed != "" {
		confirmed = "confirmed: " + d.Confirmed
	}
	lines := []string{d.Summary, "in " + strings.Join(d.Scenarios, ", "), d.Link, confirmed}
	if len(d.Flows) > 0 {
		lines[1] += ": " + strings.Join(d.Flows, "; ")
	}
	return lines
}
