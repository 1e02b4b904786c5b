package report

import (
	"regexp"
	"slices"
	"strings"

	"github.com/cniproof/cniproof/internal/judge"
)

// next is the two commands that lead on from the first failure: why its verdicts
// are right, and the same run with this one scenario.
func (s style) next(in Input) []string {
	names := append(named(in.run(), judge.Fail), named(in.run(), judge.Inconclusive)...)
	if len(names) == 0 {
		return nil
	}
	return []string{
		s.dim(pad("next", fieldWidth)) + explain(in.Command, names[0]),
		pad("", fieldWidth) + again(in.Command, names[0]),
	}
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
	dropped := []string{"--run", "--skip", "--shard", "--seed", "--report", "--output", "-o"}
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
