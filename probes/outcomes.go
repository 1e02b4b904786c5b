//go:build linux

package probes

import (
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"

	"github.com/cniproof/cniproof/internal/flow"
)

// localError is a failure of the prober's own side, whatever its errno says.
type localError struct{ error }

func (e localError) Unwrap() error { return e.error }

func localf(format string, args ...any) error {
	return localError{fmt.Errorf(format, args...)}
}

// outcomeOf is the one place where an error becomes an outcome. What it does not
// know is Failed, which is never a verdict.
//
// EPERM and EACCES count as Unreachable only because socket and bind errors come
// as localError: on connect and send they are a packet filter's, or those of an
// ICMP "administratively prohibited".
func outcomeOf(err error) flow.Outcome {
	var local localError
	if errors.As(err, &local) {
		return flow.Failed
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return flow.TimedOut
	}
	if errors.Is(err, io.EOF) {
		return flow.Reset
	}
	var errno unix.Errno
	if !errors.As(err, &errno) {
		return flow.Failed
	}
	switch errno {
	case unix.ETIMEDOUT:
		return flow.TimedOut
	case unix.ECONNREFUSED, // RST, ICMP port unreachable
		unix.ENOPROTOOPT, // ICMP protocol unreachable
		unix.EPROTO:      // its like in ICMPv6: unrecognised next header
		return flow.Refused
	case unix.ECONNRESET, unix.EPIPE, unix.ECONNABORTED:
		return flow.Reset
	case unix.EHOSTUNREACH, unix.ENETUNREACH, unix.EHOSTDOWN, unix.ENONET, unix.EACCES, unix.EPERM:
		return flow.Unreachable
	}
	return flow.Failed
}

// isBusy reports whether another source port may do better.
func isBusy(err error) bool {
	return errors.Is(err, unix.EADDRINUSE) || errors.Is(err, unix.EADDRNOTAVAIL)
}
