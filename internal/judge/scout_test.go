package judge_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cniproof/cniproof/internal/judge"
)

// tries draws which flows the next round shall try: o, and . for those it leaves out.
func tries(n int, only []int) string {
	if only == nil {
		return strings.Repeat("o", n)
	}
	word := []byte(strings.Repeat(".", n))
	for _, i := range only {
		word[i] = 'o'
	}
	return string(word)
}

func TestScouts(t *testing.T) {
	for name, c := range map[string]struct {
		before, expected string
		rounds           []string
		want             string
	}{
		"first what the step turns, either way":      {"ADADA", "DAADU", nil, "oo..."},
		"everything where nothing turns":             {"AD", "AD", nil, "oo"},
		"many are spread":                            {"AAAAAAAAAAAAAAAA", "DDDDDDDDDDDDDDDD", nil, "o.o.o.o.o.o.o.o."},
		"again while one is wrong":                   {"AAA", "DDA", []string{"CT."}, "oo."},
		"again while one cannot be told":             {"AAA", "DDA", []string{"FT."}, "oo."},
		"everything once they are right":             {"AAA", "DDA", []string{"CC.", "TT."}, "ooo"},
		"what the whole table shows wrong":           {"AAAA", "DDDA", []string{"T...", "TTCF"}, "..oo"},
		"everything once that is right":              {"AAAA", "DDDA", []string{"T...", "TTCF", "..TC"}, "oooo"},
		"everything when time is up":                 {"AAA", "DDA", []string{"CC.", "CC.", "CC.", "CC."}, "ooo"},
		"everything while a reached table is held":   {"AA", "AD", []string{".T", "CT"}, "oo"},
		"everything while time runs out, few rounds": {"AA", "AD", []string{".C", ".C", ".C", "CC"}, "oo"},
	} {
		t.Run(name, func(t *testing.T) {
			line := drawn(append(c.rounds, c.expected)...)
			line.Rounds = line.Rounds[:len(c.rounds)]
			look := after(c.before, c.expected).Next(line)
			if !look.Again {
				t.Fatal("it ends")
			}
			if diff := cmp.Diff(c.want, tries(len(c.expected), look.Only)); diff != "" {
				t.Errorf("tries (-want +got):\n%s", diff)
			}
		})
	}
}

// TestOnlyWholeRoundsEndAStep follows a step whose table is never reached.
func TestOnlyWholeRoundsEndAStep(t *testing.T) {
	g, rounds := after("AAA", "ADD"), []string(nil)
	for range 100 {
		line := drawn(append(rounds, "AAA")...)
		line.Rounds = line.Rounds[:len(rounds)]
		look := g.Next(line)
		if !look.Again {
			if last := rounds[len(rounds)-1]; last != "CCC" {
				t.Errorf("the last round tried %s", last)
			}
			return
		}
		rounds = append(rounds, strings.ReplaceAll(tries(3, look.Only), "o", "C"))
	}
	t.Error("it never ends")
}

// FuzzNext and Judge must agree on any timeline: a step that is not to go on has a
// result, and a pass has held its table in whole rounds.
func FuzzNext(f *testing.F) {
	f.Add("CT .C CC CT CT")
	f.Fuzz(func(t *testing.T, text string) {
		var rounds []string
		for _, w := range strings.Fields(text) {
			if len(w) == 2 && strings.Trim(w, "CTRFW.") == "" && w != ".." {
				rounds = append(rounds, w)
			}
		}
		if len(rounds) == 0 {
			return
		}
		g := after("AA", "AD")
		line := drawn(rounds...)
		step := judge.Judge(g, line)
		right := 0
		for _, w := range rounds {
			if w[0] == 'C' && strings.ContainsRune("TR", rune(w[1])) {
				right++
			}
		}
		if step.Result == judge.Pass && right < g.Rounds {
			t.Errorf("a pass after %d right rounds of %q", right, rounds)
		}
		if step.Result == judge.Pass && g.Next(line).Again {
			t.Errorf("%q is a pass, and shall go on", rounds)
		}
	})
}
