package cli

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// docLine is a command that a document tells its reader to type.
type docLine struct {
	place string   // file:line
	words []string // the program's name first
}

// docCommands are all commands in the indented and fenced blocks of the documents.
func docCommands(t *testing.T) []docLine {
	t.Helper()
	files, err := filepath.Glob("../../docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	var list []docLine
	for _, file := range append(files, "../../README.md", "../../CONTRIBUTING.md") {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		fenced, carried := false, ""
		for n, line := range strings.Split(string(text), "\n") {
			if strings.HasPrefix(strings.TrimSpace(line), "```") {
				fenced = !fenced
			}
			if !fenced && !strings.HasPrefix(line, "    ") {
				continue
			}
			line = carried + strings.TrimSpace(line)
			if carried = ""; strings.HasSuffix(line, `\`) {
				carried = strings.TrimSuffix(line, `\`)
				continue
			}
			for _, words := range commandsOf(line) {
				list = append(list, docLine{fmt.Sprintf("%s:%d", strings.TrimPrefix(file, "../../"), n+1), words})
			}
		}
	}
	return list
}

var remark = regexp.MustCompile(`   +.*$|  +#.*$`)

// commandsOf splits a line as a shell does, and leaves the text beside it out.
func commandsOf(line string) [][]string {
	var all [][]string
	var words []string
	redirected := false
	for _, token := range shellWords(remark.ReplaceAllString(line, "")) {
		switch token {
		case "|", "||", "&&", ";":
			all, words, redirected = append(all, words), nil, false
		case ">", ">>", "<":
			redirected = true
		default:
			if !redirected {
				words = append(words, token)
			}
		}
	}
	return append(all, words)
}

var shellWord = regexp.MustCompile(`\|\||&&|[|;<]|>>?|(?:'[^']*'|"[^"]*"|\\.|[^\s'"|;&<>\\])+`)

func shellWords(line string) []string {
	words := shellWord.FindAllString(line, -1)
	for i, w := range words {
		words[i] = regexp.MustCompile(`'([^']*)'|"([^"]*)"`).ReplaceAllString(w, "$1$2")
	}
	return words
}

// program cuts what stands for cniproof off a command; false for other programs.
func (d docLine) program() ([]string, bool) {
	for _, name := range [][]string{{"cniproof"}, {"bin/cniproof"}, {"kubectl", "cniproof"}, {"go", "run", "./cmd/cniproof"}} {
		if len(d.words) > len(name) && slices.Equal(d.words[:len(name)], name) {
			return d.words[len(name):], true
		}
	}
	return nil, false
}

// TestDocsParse gives every command in the documents to the real commands: an unknown
// flag, a value that a flag does not take or an argument too many is an error.
func TestDocsParse(t *testing.T) {
	checked := 0
	for _, d := range docCommands(t) {
		args, ok := d.program()
		if !ok {
			continue
		}
		checked++
		if err := parses(args); err != nil {
			t.Errorf("%s: %s: %v", d.place, strings.Join(d.words, " "), err)
		}
	}
	t.Logf("%d commands", checked)
	if checked < 50 {
		t.Errorf("only %d commands were found", checked)
	}
}

func parses(args []string) error {
	a := &app{stdout: io.Discard, stderr: io.Discard}
	cmd, rest, err := a.root().Find(args)
	if err != nil {
		return err
	}
	if err := cmd.ParseFlags(rest); err != nil {
		return err
	}
	if !cmd.Runnable() {
		return fmt.Errorf("%q is no command", cmd.CommandPath())
	}
	left := cmd.Flags().Args()
	if dash := cmd.ArgsLenAtDash(); cmd.Name() == "sonobuoy" && dash >= 0 {
		return parses(append([]string{"run"}, left[dash:]...))
	}
	return cmd.ValidateArgs(left)
}

// TestDocsParseFails shows that the check can fail.
func TestDocsParseFails(t *testing.T) {
	for _, line := range []string{
		"cniproof run --no-such-flag", "cniproof rnu", "cniproof run --nodes many", "cniproof diff one.json",
		"cniproof sonobuoy -- --no-such-flag", "cniproof conformance vrify x", "cniproof run extra",
	} {
		if parses(commandsOf(line)[0][1:]) == nil {
			t.Errorf("%s: nothing is wrong with it", line)
		}
	}
}

// TestDocsTargets: every `make TARGET` in the documents is one.
func TestDocsTargets(t *testing.T) {
	text, err := os.ReadFile("../../Makefile")
	if err != nil {
		t.Fatal(err)
	}
	checked := 0
	for _, d := range docCommands(t) {
		if len(d.words) < 2 || d.words[0] != "make" {
			continue
		}
		for _, target := range d.words[1:] {
			if strings.Contains(target, "=") {
				continue
			}
			checked++
			if !strings.Contains(string(text), "\n"+target+": ") {
				t.Errorf("%s: there is no target %q", d.place, target)
			}
		}
	}
	if checked < 5 {
		t.Errorf("only %d targets were found", checked)
	}
}
