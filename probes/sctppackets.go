package probes

import (
	"encoding/binary"
	"hash/crc32"
	"math/rand/v2"
)

// The parts of RFC 9260 that a probe needs: an INIT that carries a greeting, the
// INIT ACK whose state cookie carries the answer to it, and an ABORT.
const (
	chunkInit    = 1
	chunkInitAck = 2
	chunkAbort   = 6

	paramCookie = 7
	// paramGreeting is not assigned. Its two upper bits tell other stacks to skip it silently.
	paramGreeting = 0xbc21

	sctpHeader  = 12
	chunkHeader = 4
	initFixed   = 16 // tag, window, streams out and in, first TSN
	paramHeader = 4
)

// sctpPacket is a packet with its first chunk. An INIT, an INIT ACK and an ABORT
// never have another one that matters.
type sctpPacket struct {
	from, to uint16
	tag      uint32 // verification tag
	chunk    byte
	initTag  uint32 // of an INIT and an INIT ACK
	payload  []byte // the greeting of an INIT, the cookie of an INIT ACK
}

// tagOf is the initiate tag that goes with a greeting: never 0, which is reserved.
func tagOf(greeting []byte) uint32 {
	return max(1, binary.BigEndian.Uint32(greeting[len(magic):]))
}

func newInit(from, to uint16, greeting []byte) []byte {
	return sctpPacket{from: from, to: to, chunk: chunkInit, initTag: tagOf(greeting), payload: greeting}.encode()
}

// initAckTo answers an INIT without keeping state.
func initAckTo(p sctpPacket, identity string) []byte {
	return sctpPacket{
		from: p.to, to: p.from, tag: p.initTag,
		chunk: chunkInitAck, initTag: max(1, rand.Uint32()),
		payload: answerTo(p.payload, identity),
	}.encode()
}

// abortTo ends what the sender of an INIT or INIT ACK began.
func abortTo(p sctpPacket) []byte {
	return sctpPacket{from: p.to, to: p.from, tag: p.initTag, chunk: chunkAbort}.encode()
}

func (p sctpPacket) encode() []byte {
	b := make([]byte, sctpHeader, 128)
	binary.BigEndian.PutUint16(b[0:], p.from)
	binary.BigEndian.PutUint16(b[2:], p.to)
	binary.BigEndian.PutUint32(b[4:], p.tag)
	size := chunkHeader
	if p.chunk != chunkAbort {
		size += initFixed + paramHeader + len(p.payload)
	}
	b = append(b, p.chunk, 0)
	b = binary.BigEndian.AppendUint16(b, uint16(size))
	if p.chunk != chunkAbort {
		b = p.appendInit(b)
	}
	for len(b)%4 != 0 {
		b = append(b, 0)
	}
	binary.LittleEndian.PutUint32(b[8:], sctpChecksum(b))
	return b
}

// appendInit appends the body that INIT and INIT ACK share.
func (p sctpPacket) appendInit(b []byte) []byte {
	param := uint16(paramGreeting)
	if p.chunk == chunkInitAck {
		param = paramCookie
	}
	b = binary.BigEndian.AppendUint32(b, p.initTag)
	b = binary.BigEndian.AppendUint32(b, 65535) // receiver window
	b = binary.BigEndian.AppendUint16(b, 1)     // streams out
	b = binary.BigEndian.AppendUint16(b, 1)     // streams in
	b = binary.BigEndian.AppendUint32(b, rand.Uint32())
	b = binary.BigEndian.AppendUint16(b, param)
	b = binary.BigEndian.AppendUint16(b, uint16(paramHeader+len(p.payload)))
	return append(b, p.payload...)
}

// sctpChecksum is the CRC32c over the packet, its own field taken as 0.
func sctpChecksum(b []byte) uint32 {
	table := crc32.MakeTable(crc32.Castagnoli)
	sum := crc32.Update(0, table, b[:8])
	sum = crc32.Update(sum, table, []byte{0, 0, 0, 0})
	return crc32.Update(sum, table, b[sctpHeader:])
}

// parseSCTP reads a packet; false means that it is damaged or holds none of the
// three chunks first. The payload points into b.
func parseSCTP(b []byte) (sctpPacket, bool) {
	if len(b) < sctpHeader+chunkHeader || binary.LittleEndian.Uint32(b[8:]) != sctpChecksum(b) {
		return sctpPacket{}, false
	}
	p := sctpPacket{
		from:  binary.BigEndian.Uint16(b[0:]),
		to:    binary.BigEndian.Uint16(b[2:]),
		tag:   binary.BigEndian.Uint32(b[4:]),
		chunk: b[sctpHeader],
	}
	size := int(binary.BigEndian.Uint16(b[sctpHeader+2:]))
	if size < chunkHeader || sctpHeader+size > len(b) {
		return sctpPacket{}, false
	}
	body := b[sctpHeader+chunkHeader : sctpHeader+size]
	switch p.chunk {
	case chunkAbort:
		return p, true
	case chunkInit:
		ok := p.parseInit(body, paramGreeting)
		return p, ok
	case chunkInitAck:
		ok := p.parseInit(body, paramCookie)
		return p, ok
	}
	return p, false
}

// parseInit reads the body of an INIT or INIT ACK, and of its parameters the wanted
// one, which may be missing.
func (p *sctpPacket) parseInit(body []byte, want uint16) bool {
	if len(body) < initFixed {
		return false
	}
	p.initTag = binary.BigEndian.Uint32(body)
	params := body[initFixed:]
	for len(params) >= paramHeader {
		size := int(binary.BigEndian.Uint16(params[2:]))
		if size < paramHeader || size > len(params) {
			return false
		}
		if binary.BigEndian.Uint16(params) == want {
			p.payload = params[paramHeader:size]
		}
		params = params[min(len(params), (size+3)&^3):]
	}
	return p.initTag != 0
}
