package agentbin

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/cniproof/cniproof"
)

// flags are those of every build of the agent: nothing of the machine gets in.
func flags() []string {
	return []string{"-trimpath", "-buildvcs=false", "-ldflags=-s -w"}
}

// keyOfSources names the agent that build would make now.
func keyOfSources(arch string) (string, error) {
	sum := sha256.New()
	fmt.Fprintln(sum, runtime.Version(), arch, flags())
	err := eachSource(func(path string, content []byte) error {
		_, err := fmt.Fprintf(sum, "%s %d\n%s", path, len(content), content)
		return err
	})
	if err != nil {
		return "", err
	}
	return shorten(sum.Sum(nil)), nil
}

func keyOfBytes(b []byte) string {
	sum := sha256.Sum256(b)
	return shorten(sum[:])
}

func shorten(sum []byte) string { return hex.EncodeToString(sum[:10]) }

// eachSource visits the files of the agent's module in a fixed order. Its go.mod
// is cniproof's, cut down to what the agent may import.
func eachSource(visit func(path string, content []byte) error) error {
	return fs.WalkDir(cniproof.AgentSources, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := cniproof.AgentSources.ReadFile(path)
		if err != nil {
			return err
		}
		if path == "go.mod" {
			content = trimModule(content)
		}
		return visit(path, content)
	})
}

// trimModule keeps the module's name, its Go version and the requirements of
// golang.org/x: a build then needs no other module, not even its go.mod file.
func trimModule(mod []byte) []byte {
	var trimmed bytes.Buffer
	for line := range strings.Lines(string(mod)) {
		words := strings.Fields(line)
		if len(words) > 0 && words[0] == "require" {
			words = words[1:]
		}
		switch {
		case len(words) < 2:
		case words[0] == "module", words[0] == "go", words[0] == "toolchain":
			fmt.Fprintln(&trimmed, words[0], words[1])
		case strings.HasPrefix(words[0], "golang.org/x/"):
			fmt.Fprintln(&trimmed, "require", words[0], words[1])
		}
	}
	return trimmed.Bytes()
}

// errNoGo is why an agent cannot be built.
var errNoGo = errors.New("this cniproof has no agent for it inside, and there is no Go toolchain to build one: " +
	"use a release of cniproof or `make build`, or put go into PATH")

// build makes the agent from the embedded sources.
func (s store) build(ctx context.Context, arch, out string) error {
	tool, err := goTool()
	if err != nil {
		return err
	}
	folder, err := os.MkdirTemp(s.folder, "new-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(folder) }()
	err = eachSource(func(path string, content []byte) error {
		path = filepath.Join(folder, filepath.FromSlash(path))
		return errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, content, 0o600))
	})
	if err != nil {
		return fmt.Errorf("unpacking the agent's sources: %w", err)
	}
	command := exec.CommandContext(ctx, tool, append(append([]string{"build", "-o", out}, flags()...), "./probes/agent")...)
	command.Dir = folder
	command.Env = s.environment(arch)
	if output, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("building it with %s: %w\n%s", tool, err, bytes.TrimSpace(output))
	}
	return nil
}

// environment is the user's, without what would change the agent. A user without
// a home gets the caches that Go wants in the store.
func (s store) environment(arch string) []string {
	env := append(os.Environ(),
		"GOOS=linux", "GOARCH="+arch, "CGO_ENABLED=0",
		"GOFLAGS=", "GOWORK=off", "GO111MODULE=on", "GOEXPERIMENT=", "GOAMD64=", "GOARM64=")
	if s.home {
		return env
	}
	if os.Getenv("GOCACHE") == "" {
		env = append(env, "GOCACHE="+filepath.Join(s.folder, "go-build"))
	}
	if os.Getenv("GOPATH") == "" && os.Getenv("GOMODCACHE") == "" && os.Getenv("HOME") == "" {
		env = append(env, "GOPATH="+filepath.Join(s.folder, "go"))
	}
	return env
}

// goTool finds the go command, also where sudo or a service manager cut PATH down.
func goTool() (string, error) {
	if path, err := exec.LookPath("go"); err == nil {
		return path, nil
	}
	for _, root := range []string{os.Getenv("GOROOT"), "/usr/local/go", "/usr/lib/go"} {
		path := filepath.Join(root, "bin", "go")
		if info, err := os.Stat(path); root != "" && err == nil && info.Mode()&0o111 != 0 {
			return path, nil
		}
	}
	return "", errNoGo
}
