package probes

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
)

// A greeting is the magic and a nonce. Its answer repeats it and adds the
// server's identity behind its length (2 bytes, big-endian). TCP and UDP carry
// it as it is, SCTP within chunks.
const (
	magic       = "cniproof"
	nonceSize   = 16
	greetSize   = len(magic) + nonceSize
	answerSize  = greetSize + 2
	maxIdentity = 512
)

// errNoAgent is why an answer counts for nothing.
var errNoAgent = errors.New("what answers there is no probe agent, or answers another probe")

func newGreeting() []byte {
	b := make([]byte, 0, greetSize)
	b = append(b, magic...)
	b = binary.BigEndian.AppendUint64(b, rand.Uint64())
	return binary.BigEndian.AppendUint64(b, rand.Uint64())
}

// isGreeting reports whether b is a greeting and nothing more.
func isGreeting(b []byte) bool {
	return len(b) == greetSize && string(b[:len(magic)]) == magic
}

// answerTo is the answer to a greeting.
func answerTo(greeting []byte, identity string) []byte {
	b := make([]byte, 0, answerSize+len(identity))
	b = append(b, greeting...)
	b = binary.BigEndian.AppendUint16(b, uint16(len(identity)))
	return append(b, identity...)
}

// identityIn is the identity in a whole answer to the greeting.
func identityIn(answer, greeting []byte) (string, error) {
	if len(answer) < answerSize || !bytes.Equal(answer[:greetSize], greeting) {
		return "", errNoAgent
	}
	size := int(binary.BigEndian.Uint16(answer[greetSize:]))
	if size == 0 || size > maxIdentity || len(answer) != answerSize+size {
		return "", errNoAgent
	}
	return string(answer[answerSize:]), nil
}

func checkIdentity(identity string) error {
	if identity == "" || len(identity) > maxIdentity {
		return fmt.Errorf("checking the identity %.40q: it has %d bytes, want 1 to %d", identity, len(identity), maxIdentity)
	}
	return nil
}
