package probes

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// MaxFrame is the most bytes of JSON that one frame may carry.
const MaxFrame = 16 << 20

// WriteFrame writes v as JSON behind its length (4 bytes, big-endian), in one
// Write. A value that is too large for a frame writes nothing.
func WriteFrame(w io.Writer, v any) error {
	frame, err := encodeFrame(v)
	if err != nil {
		return err
	}
	if _, err := w.Write(frame); err != nil {
		return fmt.Errorf("writing a frame: %w", err)
	}
	return nil
}

func encodeFrame(v any) ([]byte, error) {
	var b bytes.Buffer
	b.Write(make([]byte, 4))
	if err := json.NewEncoder(&b).Encode(v); err != nil {
		return nil, fmt.Errorf("encoding a frame: %w", err)
	}
	size := b.Len() - 4
	if size > MaxFrame {
		return nil, fmt.Errorf("encoding a frame: %d bytes, and a frame holds %d", size, MaxFrame)
	}
	binary.BigEndian.PutUint32(b.Bytes(), uint32(size))
	return b.Bytes(), nil
}

// ReadFrame reads one frame into v. It returns io.EOF when the stream ended
// before the frame, and io.ErrUnexpectedEOF when it ended within. Memory is used
// for what arrives, not for what the length says.
func ReadFrame(r io.Reader, v any) error {
	var length [4]byte
	if _, err := io.ReadFull(r, length[:]); err != nil {
		if errors.Is(err, io.EOF) {
			return io.EOF
		}
		return fmt.Errorf("reading a frame's length: %w", err)
	}
	size := int64(binary.BigEndian.Uint32(length[:]))
	if size > MaxFrame {
		return fmt.Errorf("reading a frame: it claims %d bytes, and a frame holds %d", size, MaxFrame)
	}
	var b bytes.Buffer
	if _, err := io.CopyN(&b, r, size); err != nil {
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return fmt.Errorf("reading a frame of %d bytes: %w", size, err)
	}
	if err := json.Unmarshal(b.Bytes(), v); err != nil {
		return fmt.Errorf("decoding a frame of %d bytes: %w", size, err)
	}
	return nil
}
