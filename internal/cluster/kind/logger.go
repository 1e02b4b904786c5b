package kind

import (
	"fmt"
	"strings"

	"sigs.k8s.io/kind/pkg/log"
)

// logger passes on what kind warns of. Its steps are not shown: cniproof has its own.
type logger struct{ progress func(string) }

func (l *logger) Warn(message string) {
	if strings.Contains(message, networkVariable) || strings.TrimSpace(message) == "" {
		return // it warns of what we do on purpose
	}
	l.progress("kind: " + strings.TrimSpace(message))
}

func (l *logger) Warnf(format string, args ...any)  { l.Warn(fmt.Sprintf(format, args...)) }
func (l *logger) Error(message string)              { l.Warn(message) }
func (l *logger) Errorf(format string, args ...any) { l.Warnf(format, args...) }
func (l *logger) V(log.Level) log.InfoLogger        { return quiet{} }

type quiet struct{}

func (quiet) Info(string)          {}
func (quiet) Infof(string, ...any) {}
func (quiet) Enabled() bool        { return false }
