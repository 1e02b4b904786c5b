package report

import (
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/cniproof/cniproof/internal/judge"
)

const (
	widest    = 100 // columns; longer lines are hard to read
	narrowest = 60
)

// style is how a text report looks.
type style struct {
	color, verbose bool
	width          int
}

func (o Options) style() style {
	s := style{color: o.Color, verbose: o.Verbose, width: o.Width}
	if s.width <= 0 {
		s.width = widest
	}
	s.width = min(max(s.width, narrowest), widest)
	return s
}

func (s style) good(text string) string { return s.paint("32", text) }
func (s style) bad(text string) string  { return s.paint("1;31", text) }
func (s style) warn(text string) string { return s.paint("33", text) }
func (s style) dim(text string) string  { return s.paint("2", text) }
func (s style) bold(text string) string { return s.paint("1", text) }

func (s style) paint(code, text string) string {
	if !s.color || text == "" {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

// mark is the symbol and the word of a result.
func mark(r judge.Result) string {
	switch r {
	case judge.Pass:
		return "✓ pass"
	case judge.Fail:
		return "✗ FAIL"
	case judge.Skipped:
		return "- skipped"
	case judge.Recorded:
		return "· recorded"
	case judge.Inconclusive:
		return "? inconclusive"
	}
	return "? inconclusive"
}

// tint colours text by a result.
func (s style) tint(r judge.Result, text string) string {
	switch r {
	case judge.Pass:
		return s.good(text)
	case judge.Fail:
		return s.bad(text)
	case judge.Skipped, judge.Recorded:
		return s.dim(text)
	case judge.Inconclusive:
		return s.warn(text)
	}
	return s.warn(text)
}

// plain is text from elsewhere, such as an error of a cluster, on one line and
// without anything that a terminal or an XML parser would obey.
func plain(text string) string {
	text = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) && !unicode.IsSpace(r) || r == utf8.RuneError {
			return -1
		}
		return r
	}, unescaped(text))
	return strings.Join(strings.Fields(text), " ")
}

// unescaped is text without a terminal's control sequences, such as colours.
func unescaped(text string) string {
	var b strings.Builder
	for {
		before, rest, found := strings.Cut(text, "\x1b[")
		b.WriteString(before)
		if !found {
			return b.String()
		}
		end := strings.IndexFunc(rest, func(r rune) bool { return r >= '@' && r <= '~' })
		text = rest[end+1:]
	}
}

// wrap breaks text at blanks into lines of at most width columns. The first line
// begins with the prefix, the others with as many blanks. A word that is too long
// keeps a line to itself.
func wrap(prefix, text string, width int) []string {
	hang := strings.Repeat(" ", columns(prefix))
	var lines []string
	line, empty := prefix, true
	for _, word := range strings.Fields(plain(text)) {
		switch {
		case empty:
			line += word
		case columns(line)+1+columns(word) <= width:
			line += " " + word
		default:
			lines = append(lines, line)
			line = hang + word
		}
		empty = false
	}
	return append(lines, strings.TrimRight(line, " "))
}

// cut shortens text to width columns, with a mark that something is missing.
func cut(text string, width int) string {
	if columns(text) <= width {
		return text
	}
	if width < 1 {
		return ""
	}
	return strings.TrimRight(string([]rune(text)[:width-1]), " ") + "…"
}

// pad fills text up with blanks to width columns.
func pad(text string, width int) string {
	return text + strings.Repeat(" ", max(0, width-columns(text)))
}

// columns is how wide uncoloured text is on a terminal.
func columns(text string) int { return utf8.RuneCountInString(text) }

// clock is the time that something took; "-" where it took none, as it was never begun.
func clock(d time.Duration) string {
	if d <= 0 {
		return "-"
	}
	return short(d)
}

// Short is a duration with about three digits, as reports write it.
func Short(d time.Duration) string { return short(d) }

// short is Short.
func short(d time.Duration) string {
	switch { // by what it is after rounding: 999.6ms is 1.00s
	case d < time.Millisecond:
		return fmt.Sprintf("%dµs", d.Microseconds())
	case d.Round(time.Millisecond) < time.Second:
		return fmt.Sprintf("%dms", d.Round(time.Millisecond).Milliseconds())
	case d.Round(10*time.Millisecond) < 10*time.Second:
		return fmt.Sprintf("%.2fs", d.Seconds())
	case d.Round(100*time.Millisecond) < time.Minute:
		return fmt.Sprintf("%.1fs", d.Seconds())
	}
	d = d.Round(time.Second)
	return fmt.Sprintf("%dm%02ds", int(d.Minutes()), int(d.Seconds())%60)
}

// plural is "1 flow", "2 flows".
func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// some joins the first few words and says how many more there are.
func some(words []string, limit int) string {
	if limit <= 0 || len(words) <= limit {
		return strings.Join(words, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(words[:limit], ", "), len(words)-limit)
}
