package adopt

import (
	"fmt"
	"strings"
)

// The longest names that a scenario can have, with room for a number.
const (
	longestNamespace = 36
	longestPod       = 56
)

// namespaceName is a name that a scenario can have for a namespace.
func namespaceName(name string) string {
	if name == "external" || name == "node" || name == strangers {
		name += "-ns" // these words have a meaning of their own
	}
	return shortened(name, longestNamespace)
}

// podName is a DNS label that begins with a letter, as the name of a Service must be.
func podName(name string) string {
	name = strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9', r == '-':
			return r
		case r >= 'A' && r <= 'Z':
			return r - 'A' + 'a'
		}
		return '-'
	}, name)
	if name == "" || name[0] < 'a' || name[0] > 'z' {
		name = "p-" + name
	}
	return shortened(name, longestPod)
}

func shortened(name string, longest int) string {
	return strings.Trim(name[:min(len(name), longest)], "-")
}

// unique numbers a name that is taken.
func unique(name string, taken map[string]bool) string {
	free := name
	for n := 2; taken[free]; n++ {
		free = fmt.Sprintf("%s-%d", name, n)
	}
	taken[free] = true
	return free
}
