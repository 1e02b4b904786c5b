package probes

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
)

// MaxLastWords is how many bytes a kubelet keeps of a container's last words.
const MaxLastWords = 4096

// LastWords writes a record so that a kubelet keeps all of it: as text, and short.
func LastWords(r *DialRecord) ([]byte, error) {
	var b bytes.Buffer
	text := base64.NewEncoder(base64.StdEncoding, &b)
	packed := gzip.NewWriter(text)
	if err := json.NewEncoder(packed).Encode(r); err != nil {
		return nil, fmt.Errorf("writing down what was dialled: %w", err)
	}
	if err := packed.Close(); err != nil {
		return nil, fmt.Errorf("writing down what was dialled: %w", err)
	}
	if err := text.Close(); err != nil {
		return nil, fmt.Errorf("writing down what was dialled: %w", err)
	}
	if b.Len() > MaxLastWords {
		return nil, fmt.Errorf("writing down what was dialled: %d bytes, and a kubelet keeps %d", b.Len(), MaxLastWords)
	}
	return b.Bytes(), nil
}

// ReadLastWords reads what LastWords wrote.
func ReadLastWords(words string) (*DialRecord, error) {
	if words == "" {
		return nil, fmt.Errorf("reading what was dialled: %w", io.ErrUnexpectedEOF)
	}
	packed, err := gzip.NewReader(base64.NewDecoder(base64.StdEncoding, bytes.NewReader([]byte(words))))
	if err != nil {
		return nil, fmt.Errorf("reading what was dialled: %w", err)
	}
	var r DialRecord
	if err := json.NewDecoder(packed).Decode(&r); err != nil {
		return nil, fmt.Errorf("reading what was dialled: %w", err)
	}
	return &r, nil
}
