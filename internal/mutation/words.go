package mutation

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/cniproof/cniproof/internal/oracle"
	"github.com/cniproof/cniproof/internal/scenario"
)

// wordOp is a way to misread a word of labels, wherever it stands.
type wordOp struct {
	name, text string
	read       func(string) string
}

// words are the mutations by which keys, or values, that differ are the same.
func words() []Mutation {
	var list []Mutation
	for _, op := range wordOps() {
		list = append(list, ofWords("keys", op, reading{inName(op.read), same}))
	}
	for _, op := range append(wordOps(), valueOps()...) {
		list = append(list, ofWords("values", op, reading{same, func(s string) string { return trimmed(op.read(s)) }}))
	}
	return list
}

func ofWords(which string, op wordOp, r reading) Mutation {
	return Mutation{
		Name:     which + "-" + op.name,
		Sentence: fmt.Sprintf("%s of labels are read %s.", strings.ToUpper(which[:1])+which[1:], op.text),
		New:      r.begin,
	}
}

func wordOps() []wordOp {
	return []wordOp{
		{"in-lower-case", "in lower case", strings.ToLower},
		{"with-dots-and-underscores-as-dashes", "with dots and underscores as dashes", strings.NewReplacer(".", "-", "_", "-").Replace},
		{"with-dots-as-dashes", "with dots as dashes", strings.NewReplacer(".", "-").Replace},
		{"with-underscores-as-dashes", "with underscores as dashes", strings.NewReplacer("_", "-").Replace},
		{"with-dots-as-underscores", "with dots as underscores", strings.NewReplacer(".", "_").Replace},
		{"without-dots-dashes-and-underscores", "without dots, dashes and underscores", strings.NewReplacer(".", "", "_", "", "-", "").Replace},
		{"by-first-32-characters", "by their first 32 characters", func(s string) string { return s[:min(32, len(s))] }},
		{"by-first-16-characters", "by their first 16 characters", func(s string) string { return s[:min(16, len(s))] }},
		{"by-last-32-characters", "by their last 32 characters", func(s string) string { return s[max(0, len(s)-32):] }},
		{"up-to-the-first-dash", "up to the first dash", func(s string) string { return before(s, "-") }},
		{"up-to-the-first-dot", "up to the first dot", func(s string) string { return before(s, ".") }},
		{"without-digits-at-the-end", "without digits at the end", func(s string) string { return strings.TrimRight(s, "0123456789") }},
	}
}

// valueOps would be absurd of keys.
func valueOps() []wordOp {
	return []wordOp{
		{"as-numbers", "as numbers where they look like one", number},
		{"as-booleans", "as booleans where they look like one", boolean},
	}
}

func before(s, separator string) string {
	head, _, _ := strings.Cut(s, separator)
	return head
}

func number(s string) string {
	n, err := strconv.ParseFloat(s, 64)
	if err != nil {
		return s
	}
	return strconv.FormatFloat(n, 'g', -1, 64)
}

func boolean(s string) string {
	switch strings.ToLower(s) {
	case "true", "yes", "on", "y", "1":
		return "true"
	case "false", "no", "off", "n", "0":
		return "false"
	}
	return s
}

func same(s string) string { return s }

// inName reads a key's name, and leaves its domain.
func inName(read func(string) string) func(string) string {
	return func(key string) string {
		domain, name, found := strings.Cut(key, "/")
		if found {
			return domain + "/" + named(read(name))
		}
		return named(read(key))
	}
}

// named makes a word a valid name.
func named(s string) string {
	if s = trimmed(s); s == "" {
		return "x"
	}
	return s
}

// trimmed makes a word a valid value.
func trimmed(s string) string { return strings.Trim(s, "-_.") }

// reading is how keys and values of labels are read. The name of a namespace is read as
// it is: it is no word that somebody chose.
type reading struct{ key, value func(string) string }

func (r reading) begin() Reader {
	ofPolicies := eachPolicy(func(p *policy) {
		for _, place := range places() {
			place.each(p, func(s *selector) { *s = r.selector(*s) })
		}
	})()
	return func(s oracle.State) oracle.State {
		return ofPolicies(relabelled(s,
			func(p scenario.Pod) map[string]string { return r.labels(p.Labels) },
			func(_ string, labels map[string]string) map[string]string { return r.labels(labels) },
		))
	}
}

func (r reading) labels(labels map[string]string) map[string]string {
	made := map[string]string{}
	for _, key := range slices.Sorted(maps.Keys(labels)) {
		if key == corev1.LabelMetadataName {
			made[key] = labels[key]
		} else {
			made[r.key(key)] = r.value(labels[key])
		}
	}
	return made
}

func (r reading) selector(s selector) selector {
	return eachRequirement(func(have requirement) []requirement {
		if isName(have) {
			return []requirement{have}
		}
		made := requirement{Key: r.key(have.Key), Operator: have.Operator}
		for _, v := range have.Values {
			made.Values = append(made.Values, r.value(v))
		}
		return []requirement{made}
	})(s)
}
