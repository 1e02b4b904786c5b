package cli

import (
	"strings"
	"testing"
)

func TestHostsOutside(t *testing.T) {
	for text, want := range map[string]string{
		"192.0.2.7=ssh lab1 ./agent":           "[192.0.2.7] ssh lab1 ./agent",
		"192.0.2.7,2001:db8::7=ssh lab1 x=y":   "[192.0.2.7 2001:db8::7] ssh lab1 x=y",
		" 192.0.2.7 , 2001:db8::7 = ssh lab1 ": "[192.0.2.7 2001:db8::7] ssh lab1",
	} {
		host, err := parseOutside(text)
		var words []string
		for _, a := range host.Addrs {
			words = append(words, a.String())
		}
		if got := "[" + strings.Join(words, " ") + "] " + host.Command; err != nil || got != want {
			t.Errorf("%q: %q, %v; want %q", text, got, err, want)
		}
	}
	for text, want := range map[string]string{
		"192.0.2.7":             "COMMAND",
		"192.0.2.7=":            "COMMAND",
		"lab1=ssh lab1 ./agent": "lab1",
		"1.2.3.4,1.2.3.5=x":     "one address per family",
		"1.2.3.4/24=x":          "1.2.3.4/24",
		"":                      "COMMAND",
	} {
		if _, err := parseOutside(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}
