package cli

import (
	"fmt"
	"io"
	"os"
	"strings"
	"unicode/utf8"

	"golang.org/x/term"
)

// live is a few lines at the bottom of a terminal that are drawn anew in place. What
// is written above them is never touched.
type live struct {
	out   io.Writer
	size  func() (columns, rows int)
	drawn []string // as they stand there
}

// Escape sequences of every terminal that is not dumb.
const (
	toLineBegin = "\r"
	eraseLine   = "\x1b[K" // to its end
	eraseBelow  = "\x1b[J" // to the end of the screen
)

// newLive returns nil where out is no terminal, or one that cannot move its cursor.
func newLive(out io.Writer) *live {
	f, ok := out.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) || os.Getenv("TERM") == "dumb" {
		return nil
	}
	return &live{out: f, size: func() (int, int) {
		columns, rows, err := term.GetSize(int(f.Fd()))
		if err != nil || columns <= 0 || rows <= 0 {
			return 80, 24
		}
		return columns, rows
	}}
}

// draw replaces what stands there, by one write, so that nothing flickers. Lines that
// are too long are cut, and so are lines beyond the height of the terminal.
func (l *live) draw(lines []string) {
	columns, rows := l.size()
	lines = lines[:min(len(lines), max(1, rows-1))]
	var b strings.Builder
	b.WriteString(l.home(columns))
	for i, line := range lines {
		lines[i] = cutTo(line, columns-1)
		if i > 0 {
			b.WriteString("\n")
		}
		b.WriteString(lines[i] + eraseLine)
	}
	b.WriteString(eraseBelow)
	l.drawn = lines
	_, _ = io.WriteString(l.out, b.String())
}

// clear takes the lines away, so that the report can go on where they stood.
func (l *live) clear() {
	if l == nil || len(l.drawn) == 0 {
		return
	}
	columns, _ := l.size()
	_, _ = io.WriteString(l.out, l.home(columns)+eraseBelow)
	l.drawn = nil
}

// home moves to the first column of the first line. On a terminal that has become
// narrower since, lines have become several.
func (l *live) home(columns int) string {
	up := 0
	for i, line := range l.drawn {
		up += max(0, utf8.RuneCountInString(line)-1) / max(1, columns)
		if i > 0 {
			up++
		}
	}
	if up == 0 {
		return toLineBegin
	}
	return fmt.Sprintf("%s\x1b[%dA", toLineBegin, up)
}

// cutTo shortens a line to so many columns.
func cutTo(line string, columns int) string {
	if utf8.RuneCountInString(line) <= columns {
		return line
	}
	if columns < 1 {
		return ""
	}
	return string([]rune(line)[:columns-1]) + "…"
}
