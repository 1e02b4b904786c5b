package report

import (
	"regexp"
	"slices"
	"strings"

	"github.com/cniproof/cniproof/internal/judge"
)

// next is the commands that lead on from the first failure: why its verdicts are
// right, the same run with this one scenario, and, where there are more and a JSON
// report names them, with all of them.
func (s style) next(in Input) []string {
	names := append(named(in.run(), judge.Fail), named(in.run(), judge.Inconclusive)...)
	if len(names) == 0 {
		return nil
	}
	lines := []string{
		s.dim(pad("next", fieldWidth)) + explain(in.Command, names[0]),
		pad("", fieldWidth) + again(in.Command, names[0]),
	}
	if path := jsonReport(in.Command); path != "" && len(names) > 1 {
		lines = append(lines, pad("", fieldWidth)+shell(append(lasting(in.Command), "--rerun-failed", path)))
	}
	return lines
}

// Commands are those that explain a scenario and run it again.
func Commands(in Input, name string) []string {
	return []string{explain(in.Command, name), again(in.Command, name)}
}

// jsonReport is the file that the command had a JSON report written to, or "".
func jsonReport(command []string) string {
	for i, w := range command {
		value, joined := strings.CutPrefix(w, "--report=")
		if w == "--report" && i+1 < len(command) {
			value, joined = command[i+1], true
		}
		if path, isJSON := strings.CutPrefix(value, "json="); joined && isJSON {
			return path
		}
	}
	return ""
}

// explain is the command that says which rules decide a scenario's flows.
func explain(command []string, name string) string {
	words := []string{program(command), "explain", name}
	for i, w := range command {
		switch {
		case strings.HasPrefix(w, "--file="):
			words = append(words, w)
		case (w == "-f" || w == "--file") && i+1 < len(command):
			words = append(words, w, command[i+1])
		}
	}
	return shell(words)
}

// again is the command that runs one scenario on the same cluster with the same flags.
func again(command []string, name string) string {
	words := []string{program(command), "run"}
	if len(command) > 1 {
		words = lasting(command)
	}
	return shell(append(words, "--run", "^"+regexp.QuoteMeta(name)+"$"))
}

func program(command []string) string {
	if len(command) == 0 {
		return "cniproof"
	}
	return command[0]
}

// lasting drops the flags that choose scenarios, their order, or where reports go.
func lasting(command []string) []string {
	dropped := []string{"--run", "--skip", "--shard", "--seed", "--rerun-failed", "--bundles", "--report", "--output", "-o"}
	var kept []string
	for i := 0; i < len(command); i++ {
		flag, _, valued := strings.Cut(command[i], "=")
		switch {
		case !slices.Contains(dropped, flag):
			kept = append(kept, command[i])
		case !valued:
			i++
		}
	}
	return kept
}

// shell joins words as a POSIX shell reads them.
func shell(words []string) string {
	quoted := make([]string, len(words))
	for i, w := range words {
		quoted[i] = quote(plain(w))
	}
	return strings.Join(quoted, " ")
}

func quote(word string) string {
	odd := strings.ContainsFunc(word, func(r rune) bool {
		return !strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_=./,:@%+", r)
	})
	if word != "" && !odd {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}
