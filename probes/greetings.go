package probes

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
)

// A greeting is the magic and a nonce, of which the first half is the probe's mark and
// the rest the attempt's own. Its answer repeats it and adds the server's identity
// behind its length (2 bytes, big-endian). TCP and UDP carry it as it is, SCTP within
// chunks. Over UDP a greeting may be padded: its answer repeats that too. So it may be over
// TCP: then the magic is another, and behind the nonce stands how many bytes it has in all
// (4 bytes, big-endian).
const (
	magic       = "cniproof"
	streamMagic = "cnistrea"
	nonceSize   = 16
	greetSize   = len(magic) + nonceSize
	answerSize  = greetSize + 2
	maxIdentity = 512
	// maxGreeting is the largest size of a padded greeting.
	maxGreeting = 9000
	// maxStream is the largest size of one that is padded over TCP.
	maxStream  = 100_000
	streamHead = greetSize + 4
)

// errNoAgent is why an answer counts for nothing.
var errNoAgent = errors.New("what answers there is no probe agent, or answers another probe")

func newGreeting(mark uint64) []byte {
	b := make([]byte, 0, greetSize)
	b = append(b, magic...)
	b = binary.BigEndian.AppendUint64(b, mark)
	return binary.BigEndian.AppendUint64(b, rand.Uint64())
}

// padded is the greeting with so many bytes behind it that it has this size. They
// follow from the nonce, so that one which was put together wrongly is seen.
func padded(greeting []byte, size int) []byte {
	b := slices.Grow(slices.Clone(greeting), max(0, size-len(greeting)))
	for i := len(b); i < size; i++ {
		b = append(b, padding(greeting, i))
	}
	return b
}

// stream is the greeting as it goes over TCP with so many bytes, or streamHead.
func stream(greeting []byte, size int) []byte {
	size = max(size, streamHead)
	b := append([]byte(streamMagic), greeting[len(magic):]...)
	return padded(binary.BigEndian.AppendUint32(b, uint32(size)), size)
}

// streamSize is how many bytes a greeting has in all that begins with the head.
func streamSize(head []byte) (size int, ok bool) {
	size = int(binary.BigEndian.Uint32(head[greetSize:]))
	return size, size >= streamHead && size <= maxStream
}

func startsStream(b []byte) bool { return string(b[:len(streamMagic)]) == streamMagic }

func padding(greeting []byte, i int) byte {
	return greeting[len(magic)+i%nonceSize] + byte(i/nonceSize)
}

// isPadded reports whether b is a greeting, and whole, padded or not.
func isPadded(b []byte) bool {
	return len(b) >= greetSize && len(b) <= maxGreeting && isGreeting(b[:greetSize]) && paddedFrom(b, greetSize)
}

// paddedFrom reports whether the padding of a greeting is right, which begins there.
func paddedFrom(b []byte, begin int) bool {
	for i := begin; i < len(b); i++ {
		if b[i] != padding(b, i) {
			return false
		}
	}
	return true
}

// isGreeting reports whether b is a greeting and nothing more.
func isGreeting(b []byte) bool {
	return len(b) == greetSize && string(b[:len(magic)]) == magic
}

// answerTo is the answer to a greeting.
func answerTo(greeting []byte, identity string) []byte {
	b := make([]byte, 0, len(greeting)+2+len(identity))
	b = append(b, greeting...)
	b = binary.BigEndian.AppendUint16(b, uint16(len(identity)))
	return append(b, identity...)
}

// identityIn is the identity in a whole answer to the greeting.
func identityIn(answer, greeting []byte) (string, error) {
	text, ok := bytes.CutPrefix(answer, greeting)
	if !ok || len(text) < 2 {
		return "", errNoAgent
	}
	size := int(binary.BigEndian.Uint16(text))
	if size == 0 || size > maxIdentity || len(text) != 2+size {
		return "", errNoAgent
	}
	return string(text[2:]), nil
}

func checkIdentity(identity string) error {
	if identity == "" || len(identity) > maxIdentity {
		return fmt.Errorf("checking the identity %.40q: it has %d bytes, want 1 to %d", identity, len(identity), maxIdentity)
	}
	return nil
}
