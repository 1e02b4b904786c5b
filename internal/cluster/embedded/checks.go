package embedded

import "strings"

// firstWord is the first word of a file under /proc.
func firstWord(text []byte) string {
	word, _, _ := strings.Cut(strings.TrimSpace(string(text)), "\n")
	return word
}
