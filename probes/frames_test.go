package probes

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
)

func frame(body string) []byte {
	return append(binary.BigEndian.AppendUint32(nil, uint32(len(body))), body...)
}

func TestFrames(t *testing.T) {
	var b bytes.Buffer
	want := []Request{
		{ID: 1, Ping: &Ping{}},
		{ID: 1<<64 - 1, Serve: &Serve{Ports: []Port{{KindTCP, 80}}}},
		{ID: 3, Batch: &Batch{Probes: []Probe{{Kind: KindDNSUDP, Query: "é\n\"<", Server: "shop/web"}}}},
	}
	for _, r := range want {
		if err := WriteFrame(&b, r); err != nil {
			t.Fatal(err)
		}
	}
	stream := iotest.OneByteReader(&b)
	var got []Request
	for {
		var r Request
		err := ReadFrame(stream, &r)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, r)
	}
	ignoreAddress := cmp.Comparer(func(a, b Probe) bool { return a.Kind == b.Kind && a.Query == b.Query && a.Server == b.Server })
	if diff := cmp.Diff(want, got, ignoreAddress); diff != "" {
		t.Errorf("-sent +received\n%s", diff)
	}
}

func TestBrokenFrames(t *testing.T) {
	for name, row := range map[string]struct {
		stream []byte
		want   error
		text   string
	}{
		"nothing":        {nil, io.EOF, ""},
		"half a length":  {[]byte{0, 0}, io.ErrUnexpectedEOF, ""},
		"no body":        {[]byte{0, 0, 0, 9}, io.ErrUnexpectedEOF, ""},
		"half a body":    {frame(`{"id":1}`)[:8], io.ErrUnexpectedEOF, ""},
		"largest length": {[]byte{1, 0, 0, 0}, io.ErrUnexpectedEOF, ""},
		"too long":       {[]byte{1, 0, 0, 1}, nil, "16777217"},
		"longest":        {[]byte{0xff, 0xff, 0xff, 0xff}, nil, "4294967295"},
		"empty body":     {frame(""), nil, "decoding"},
		"no JSON":        {frame("GET / HTTP/1.1"), nil, "decoding"},
		"trailing":       {frame(`{"id":1}{}`), nil, "decoding"},
		"wrong type":     {frame(`{"id":"one"}`), nil, "decoding"},
	} {
		var r Request
		err := ReadFrame(bytes.NewReader(row.stream), &r)
		if err == nil || (row.want != nil && !errors.Is(err, row.want)) || !strings.Contains(err.Error(), row.text) {
			t.Errorf("%s: error %v, want %v %q", name, err, row.want, row.text)
		}
		if errors.Is(row.want, io.ErrUnexpectedEOF) && errors.Is(err, io.EOF) {
			t.Errorf("%s: %v looks like a clean end", name, err)
		}
	}
}

func TestFrameTooLarge(t *testing.T) {
	var b bytes.Buffer
	err := WriteFrame(&b, Response{Error: strings.Repeat("x", MaxFrame)})
	if err == nil || b.Len() != 0 {
		t.Errorf("error %v, and %d bytes were written", err, b.Len())
	}
}

// FuzzFrame feeds streams to the decoder. What it accepts survives another round.
func FuzzFrame(f *testing.F) {
	f.Add(frame(`{"id":1,"ping":{}}`))
	f.Add(frame(`{"id":7,"serve":{"ports":[{"kind":"tcp","number":80}]}}`))
	f.Add(frame(`{"id":8,"batch":{"probes":[{"kind":"udp","address":"10.0.0.1:53","timeouts":[1000000]}]}}`))
	f.Add([]byte{1, 0, 0, 0, '{'})
	f.Fuzz(func(t *testing.T, stream []byte) {
		r := bytes.NewReader(stream)
		for {
			var first, second Request
			if err := ReadFrame(r, &first); err != nil {
				return
			}
			var b bytes.Buffer
			if err := WriteFrame(&b, first); err != nil {
				t.Fatal(err)
			}
			again := bytes.Clone(b.Bytes())
			if err := ReadFrame(&b, &second); err != nil {
				t.Fatal(err)
			}
			if err := WriteFrame(&b, second); err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(again, b.Bytes()) {
				t.Errorf("%q became %q", again, b.Bytes())
			}
		}
	})
}
