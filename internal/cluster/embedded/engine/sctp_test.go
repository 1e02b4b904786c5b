package engine

import (
	"encoding/binary"
	"hash/crc32"
	"net"
	"time"
)

// serveSCTP answers every INIT on a port of a host with an INIT-ACK, on raw sockets.
func (l *lab) serveSCTP(name string, number int) {
	l.t.Helper()
	for _, f := range families {
		c := l.rawSCTP(name, f)
		go func() {
			buffer := make([]byte, 2000)
			for {
				n, from, err := c.ReadFrom(buffer)
				if err != nil {
					return
				}
				p := sctpPacket(buffer[:n])
				if p.ok() && p.destination() == uint16(number) && p.chunk() == 1 {
					_, _ = c.WriteTo(newSCTP(p.destination(), p.source(), p.initiateTag(), 2), from)
				}
			}
		}()
	}
}

func (l *lab) rawSCTP(name string, f family) net.PacketConn {
	l.t.Helper()
	var c net.PacketConn
	l.must(l.hosts[name].do(func() (err error) {
		c, err = net.ListenPacket([...]string{"ip4:132", "ip6:132"}[f], l.hosts[name].addr(f).String())
		return err
	}))
	l.t.Cleanup(func() { _ = c.Close() })
	return c
}

// initiates sends an INIT and reports whether an INIT-ACK comes back.
func (l *lab) initiates(from, to string, f family, number int, patience time.Duration) bool {
	c := l.rawSCTP(from, f)
	source := uint16(20000 + time.Now().UnixNano()/1000%20000)
	_ = c.SetDeadline(time.Now().Add(patience))
	if _, err := c.WriteTo(newSCTP(source, uint16(number), 0, 1), &net.IPAddr{IP: l.hosts[to].addr(f).AsSlice()}); err != nil {
		return false
	}
	buffer := make([]byte, 2000)
	for {
		n, _, err := c.ReadFrom(buffer)
		if err != nil {
			return false
		}
		if p := sctpPacket(buffer[:n]); p.ok() && p.destination() == source && p.chunk() == 2 {
			return true
		}
	}
}

// sctpPacket is an SCTP packet with one INIT or INIT-ACK chunk.
type sctpPacket []byte

func (p sctpPacket) ok() bool            { return len(p) >= 32 }
func (p sctpPacket) source() uint16      { return binary.BigEndian.Uint16(p) }
func (p sctpPacket) destination() uint16 { return binary.BigEndian.Uint16(p[2:]) }
func (p sctpPacket) chunk() byte         { return p[12] }
func (p sctpPacket) initiateTag() uint32 { return binary.BigEndian.Uint32(p[16:]) }

func newSCTP(source, destination uint16, tag uint32, chunk byte) []byte {
	p := make([]byte, 32)
	binary.BigEndian.PutUint16(p, source)
	binary.BigEndian.PutUint16(p[2:], destination)
	binary.BigEndian.PutUint32(p[4:], tag)
	p[12] = chunk
	binary.BigEndian.PutUint16(p[14:], 20)
	binary.BigEndian.PutUint32(p[16:], 0x12345678)
	binary.BigEndian.PutUint32(p[20:], 65536)
	binary.BigEndian.PutUint16(p[24:], 1)
	binary.BigEndian.PutUint16(p[26:], 1)
	binary.BigEndian.PutUint32(p[28:], 1)
	binary.LittleEndian.PutUint32(p[8:], crc32.Checksum(p, crc32.MakeTable(crc32.Castagnoli)))
	return p
}
