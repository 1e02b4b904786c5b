// Package agentbin hands out the in-pod agent that matches this cniproof, for any
// architecture: the one inside this binary, else one that it builds from the
// sources inside this binary.
//
// It must not import the agent, nor package probes.
package agentbin

import (
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// Path returns the path of an executable Linux agent for the GOARCH. It stays where
// it is for later runs. The first use may take the time of a build.
func Path(ctx context.Context, arch string) (string, error) {
	store, err := openStore()
	if err != nil {
		return "", fmt.Errorf("finding the agent for linux/%s: %w", arch, err)
	}
	path, err := store.agent(ctx, arch)
	if err != nil {
		return "", fmt.Errorf("finding the agent for linux/%s: %w", arch, err)
	}
	return path, nil
}

// Bytes returns the agent's executable for the GOARCH.
func Bytes(ctx context.Context, arch string) ([]byte, error) {
	b, err := prebuilt(arch)
	if err == nil {
		return b, nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	path, err := Path(ctx, arch)
	if err != nil {
		return nil, err
	}
	b, err = os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("reading the agent for linux/%s: %w", arch, err)
	}
	return b, nil
}

// prebuilt returns the agent that was built into this binary, or fs.ErrNotExist.
func prebuilt(arch string) ([]byte, error) {
	file, err := embedded.Open("embedded/agent-linux-" + arch + ".gz")
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()
	unpacked, err := gzip.NewReader(file)
	if err != nil {
		return nil, fmt.Errorf("unpacking the embedded agent for linux/%s: %w", arch, err)
	}
	b, err := io.ReadAll(unpacked)
	if err != nil {
		return nil, fmt.Errorf("unpacking the embedded agent for linux/%s: %w", arch, err)
	}
	return b, nil
}

// agent returns the path of the agent in the store, and puts it there first if
// it is missing.
func (s store) agent(ctx context.Context, arch string) (string, error) {
	binary, err := prebuilt(arch)
	if err == nil {
		path := s.path(keyOfBytes(binary), arch)
		return path, s.fill(path, func(temp string) error { return writeExecutable(temp, binary) })
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	key, err := keyOfSources(arch)
	if err != nil {
		return "", err
	}
	path := s.path(key, arch)
	return path, s.fill(path, func(temp string) error { return s.build(ctx, arch, temp) })
}

func (s store) path(key, arch string) string {
	return filepath.Join(s.folder, prefix+arch+"-"+key)
}

// writeExecutable writes a file that can be executed at once: no child process of
// ours inherits it open for writing, which would make it "busy".
func writeExecutable(path string, content []byte) error {
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	return os.WriteFile(path, content, 0o755)
}
