package scenario

import (
	"fmt"
	"net/url"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/cniproof/cniproof/internal/flow"
	"github.com/cniproof/cniproof/internal/spelling"
	"github.com/cniproof/cniproof/internal/strict"
)

// builder turns the document of one scenario into a Scenario and reports what is
// wrong with it.
type builder struct {
	*decoder
	s *Scenario
	// named is false where the topology is not known, so that no name can be checked.
	named bool
	// flows is the matrix on all axes, nil where the topology is not sound.
	flows    []flow.Flow
	binding  Binding
	policies map[PolicyKey]bool // that exist after the steps so far
	// gone are the pods that have completed so far, corpses those whose objects are still there.
	gone, corpses map[flow.Endpoint]bool
	// opened says that a step so far had connections opened.
	opened bool
	// terminating are the pods that are being deleted.
	terminating map[flow.Endpoint]bool
	// unready are the pods that are not ready.
	unready map[flow.Endpoint]bool
}

// build always returns a Scenario, which is of use only where no problem was found.
func (l *loader) build(d *decoder, n *yaml.Node) *Scenario {
	var doc scenarioDoc
	d.Document(n, "", &doc)
	d.Shaped()
	d.header(doc.APIVersion, doc.Kind, "")
	d.nameIsStem(doc.Metadata.Name)
	b := builder{
		decoder: d, policies: map[PolicyKey]bool{}, gone: map[flow.Endpoint]bool{}, corpses: map[flow.Endpoint]bool{},
		terminating: map[flow.Endpoint]bool{}, unready: map[flow.Endpoint]bool{},
	}
	b.s = &Scenario{
		Name:     doc.Metadata.Name,
		File:     d.File,
		Summary:  doc.Spec.Summary,
		Level:    Level(doc.Spec.Level),
		Features: slices.Sorted(slices.Values(doc.Spec.Features)),
		Refs:     doc.Spec.Refs,
		Control:  doc.Spec.Control,
		Canary:   doc.Spec.Canary,
	}
	b.head()
	b.topologyOf(l, doc.Spec.Topology)
	b.steps(doc.Spec.Steps)
	b.datagramsFromOnePort()
	b.features(doc.Spec.Features)
	return b.s
}

func (b *builder) head() {
	if strings.TrimSpace(b.s.Summary) == "" {
		b.Wrong("spec.summary", "is missing: say in one sentence what must hold")
	}
	levels := []string{string(LevelMust), string(LevelOptional), string(LevelContested), string(LevelUndefined)}
	if b.s.Level == "" {
		b.Wrong("spec.level", "is missing: write must, optional, contested or undefined")
	} else if !slices.Contains(levels, string(b.s.Level)) {
		b.Wrong("spec.level", "unknown level %q: %s", b.s.Level, spelling.Suggest(string(b.s.Level), levels))
	}
	for i, ref := range b.s.Refs {
		if !isURL(ref) && !isTitle(ref) {
			b.Wrong(strict.Index("spec.refs", i), "%q must be an http or https URL, or the title of a document without one, in double quotes", ref)
		}
	}
}

func isURL(ref string) bool {
	u, err := url.Parse(ref)
	return err == nil && u.Host != "" && (u.Scheme == "http" || u.Scheme == "https")
}

// isTitle recognizes `"Title" (what it is, when)`.
func isTitle(ref string) bool {
	title, _, ok := strings.Cut(strings.TrimPrefix(ref, `"`), `"`)
	return strings.HasPrefix(ref, `"`) && ok && title != ""
}

// CheckRefs reports scored scenarios that do not say where their behaviour is laid
// down. The shipped ones must.
func CheckRefs(list []*Scenario) Problems {
	var problems Problems
	for _, s := range list {
		if s.Level.Scored() && len(s.Refs) == 0 {
			problems = append(problems, strict.Problem{File: s.File, Field: "spec.refs", Message: fmt.Sprintf("is missing: a scenario of level %s must say where its behaviour is laid down", s.Level)})
		}
	}
	return problems
}

func (b *builder) topologyOf(l *loader, doc topologyElse) {
	at := "spec.topology"
	before := len(b.Problems)
	switch {
	case !b.Lines.Has(at):
		b.Wrong(at, "is missing: write the namespaces and pods, or the name of a shared topology")
	case doc.shared != "":
		b.s.Topology, b.named = l.shared(b.File, doc.shared)
		if !b.named && !slices.Contains(l.topologyNames(b.File), doc.shared) {
			b.Wrong(at, "unknown topology %q: %s", doc.shared, spelling.Suggest(doc.shared, l.topologyNames(b.File)))
		}
	default:
		b.s.Topology = b.topology(doc.own, at)
		b.named = true
	}
	b.binding = Symbolic(b.s.Topology)
	if b.named && len(b.Problems) == before && !b.Malformed(at) {
		b.flows = b.s.Flows(AllAxes())
	}
}

// features compares what is declared with what the policies and steps use. Where the
// document is malformed nothing can be said about the latter.
func (b *builder) features(declared []string) {
	inPolicies, needs := used(b.s), Needs(b.s)
	judged := b.WellShaped() && b.named && len(b.s.Steps) > 0
	for i, name := range declared {
		at := strict.Index("spec.features", i)
		switch known := featureNames(); {
		case !slices.Contains(known, name):
			b.Wrong(at, "unknown feature %q: %s", name, spelling.Suggest(name, known))
		case slices.Contains(declared[:i], name):
			b.Wrong(at, "feature %q is declared twice", name)
		case judged && !slices.Contains(inPolicies, name) && !slices.Contains(needs, name):
			b.Wrong(at, "feature %q is declared, but nothing in the scenario uses it", name)
		}
	}
	var missing []string
	complete := slices.DeleteFunc(needs, func(name string) bool { return !slices.Contains(declared, name) })
	for _, name := range inPolicies {
		complete = append(complete, name)
		if !slices.Contains(declared, name) {
			missing = append(missing, name)
		}
	}
	if judged && len(missing) > 0 {
		b.Wrong("spec.features", "lacks %s, which the policies use: write features: [%s]", strings.Join(missing, ", "), strings.Join(complete, ", "))
	}
}

func featureNames() []string {
	var list []string
	for _, f := range Features() {
		list = append(list, f.Name)
	}
	return list
}
