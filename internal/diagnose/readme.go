package diagnose

import (
	"fmt"
	"strings"

	"github.com/cniproof/cniproof/internal/judge"
)

// readme is what is read first. Its first screen says what was expected and seen.
func readme(e *Evidence, s *Snapshot, w Words, files []File, problems []string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "# %s: %s\n\n", e.Scenario.Name, verdict(e.Result.Result))
	fmt.Fprintf(&b, "```text\n%s```\n", fenced(w.Screen))
	b.WriteString("\n## Where the pods were\n\n")
	b.WriteString(placement(e, s))
	b.WriteString("\n## Again\n\n")
	for _, c := range w.Commands {
		fmt.Fprintf(&b, "    %s\n", c)
	}
	if hasFile(files, "reproduce.sh") {
		b.WriteString("    ./reproduce.sh\n\nThe script needs kubectl, a cluster, and no cniproof; its first lines say what it does. Exit code 1: it was seen again;\n0: it was not; 2: it could not be told. Its last line says which.\n")
	}
	b.WriteString("\n## In this folder\n\n")
	for _, f := range files {
		fmt.Fprintf(&b, "- `%s`%s\n", f.Name, purpose(f.Name))
	}
	section(&b, "What could not be had", problems)
	section(&b, "Where and when", append(w.Cluster, "taken at "+s.Taken.UTC().Format("2006-01-02 15:04:05")+" UTC"))
	return b.String()
}

// fenced is text that cannot end its fence.
func fenced(text string) string {
	text = strings.ReplaceAll(text, "```", "'''")
	if text != "" && !strings.HasSuffix(text, "\n") {
		text += "\n"
	}
	return text
}

func verdict(r judge.Result) string {
	if r == judge.Fail {
		return "FAIL"
	}
	return "inconclusive (neither a pass nor a failure: it could not be told)"
}

func section(b *strings.Builder, title string, items []string) {
	if len(items) == 0 {
		return
	}
	fmt.Fprintf(b, "\n## %s\n\n", title)
	for _, item := range items {
		fmt.Fprintf(b, "- %s\n", strings.Join(strings.Fields(item), " "))
	}
}

func placement(e *Evidence, s *Snapshot) string {
	var b strings.Builder
	b.WriteString("| pod | node | addresses | real name |\n|---|---|---|---|\n")
	for _, p := range places(e, s) {
		if p.pod == nil {
			fmt.Fprintf(&b, "| %s | not there | | |\n", p.endpoint)
			continue
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s/%s |\n", p.endpoint, p.pod.Spec.NodeName, p.addresses(), p.pod.Namespace, p.pod.Name)
	}
	return b.String()
}

func hasFile(files []File, name string) bool {
	for _, f := range files {
		if f.Name == name {
			return true
		}
	}
	return false
}

// purpose says what a file is good for.
func purpose(name string) string {
	switch name {
	case "manifests.yaml":
		return ": namespaces, pods, services and policies as they stood, by their real names"
	case "reproduce.sh":
		return ": does the same with kubectl alone"
	case "timeline.txt":
		return ": the flows in question, round by round, as a picture"
	case "timeline.json":
		return ": the same with the samples, each flow's first and last at least"
	case "pods.txt":
		return ": placement, addresses, UIDs and labels"
	case "events.txt":
		return ": the events of the namespaces"
	}
	switch {
	case strings.HasPrefix(name, "dataplane/"):
		return ": the rules in force on that node"
	case strings.HasPrefix(name, "cni-agent-logs/"):
		return ": what an agent on the nodes concerned logged since the step began"
	}
	return ""
}
