package agentbin

import (
	"bytes"
	"context"
	"debug/elf"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

// freshStore makes this test's store an empty one.
func freshStore(t *testing.T) string {
	t.Helper()
	modules, err := exec.Command("go", "env", "GOMODCACHE").Output()
	if err != nil {
		t.Fatal(err)
	}
	builds, err := exec.Command("go", "env", "GOCACHE").Output()
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("GOMODCACHE", strings.TrimSpace(string(modules)))
	t.Setenv("GOCACHE", strings.TrimSpace(string(builds)))
	folder := t.TempDir()
	t.Setenv("XDG_CACHE_HOME", folder)
	return filepath.Join(folder, "cniproof")
}

// TestBuild builds from the embedded sources, offline, and runs what came out.
func TestBuild(t *testing.T) {
	folder := freshStore(t)
	t.Setenv("GOPROXY", "off")
	path, err := Path(t.Context(), runtime.GOARCH)
	if err != nil {
		t.Fatal(err)
	}
	if filepath.Dir(path) != folder {
		t.Errorf("the agent is at %q, want it in %q", path, folder)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	const most = 4 << 20
	if info.Size() > most {
		t.Errorf("the agent has %d bytes, want at most %d", info.Size(), most)
	}
	t.Logf("the agent has %d bytes", info.Size())
	output, err := exec.Command(path, "version").CombinedOutput()
	if err != nil || !strings.Contains(string(output), runtime.GOARCH) {
		t.Errorf("agent version: %q, %v", output, err)
	}
	file, err := elf.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if libraries, err := file.ImportedLibraries(); err != nil || len(libraries) > 0 {
		t.Errorf("the agent wants the libraries %q (%v), want none", libraries, err)
	}
	again, err := Path(t.Context(), runtime.GOARCH)
	if err != nil || again != path {
		t.Errorf("the second time: %q, %v", again, err)
	}
	if leftovers, _ := filepath.Glob(filepath.Join(folder, "new-*")); len(leftovers) > 0 {
		t.Errorf("left behind: %q", leftovers)
	}
}

func TestOtherArchitecture(t *testing.T) {
	if testing.Short() {
		t.Skip("building the standard library for another architecture takes half a minute")
	}
	freshStore(t)
	other := "arm64"
	if runtime.GOARCH == other {
		other = "amd64"
	}
	b, err := Bytes(t.Context(), other)
	if err != nil {
		t.Fatal(err)
	}
	file, err := elf.NewFile(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	want := elf.EM_AARCH64
	if other == "amd64" {
		want = elf.EM_X86_64
	}
	if file.Machine != want {
		t.Errorf("machine %v, want %v", file.Machine, want)
	}
}

func TestUnknownArchitecture(t *testing.T) {
	freshStore(t)
	_, err := Path(t.Context(), "pdp11")
	if err == nil || !strings.Contains(err.Error(), "pdp11") {
		t.Errorf("error %v, want one that names pdp11", err)
	}
}

func TestNoToolchain(t *testing.T) {
	if _, err := os.Stat("/usr/lib/go/bin/go"); err == nil {
		t.Skip("a toolchain is where it is always found")
	}
	freshStore(t)
	t.Setenv("PATH", t.TempDir())
	t.Setenv("GOROOT", "")
	if _, err := os.Stat("/usr/local/go/bin/go"); err == nil {
		if tool, err := goTool(); err != nil || tool != "/usr/local/go/bin/go" {
			t.Errorf("goTool() = %q, %v", tool, err)
		}
		return
	}
	if _, err := Path(t.Context(), runtime.GOARCH); !errors.Is(err, errNoGo) {
		t.Errorf("error %v, want %v", err, errNoGo)
	}
}

func TestHomeless(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", "")
	t.Setenv("HOME", "")
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)
	s, err := openStore()
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(s.folder)
	if err != nil || filepath.Dir(s.folder) != temp || info.Mode().Perm() != 0o700 || s.home {
		t.Errorf("store %+v, mode %v, %v", s, info.Mode(), err)
	}
	if env := strings.Join(s.environment("amd64"), "\n"); !strings.Contains(env, "GOCACHE="+s.folder) {
		t.Errorf("no GOCACHE in the store:\n%s", env)
	}
}

func TestStoreOfOthers(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", "")
	t.Setenv("HOME", "")
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)
	s, err := openStore()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(s.folder, 0o777); err != nil {
		t.Fatal(err)
	}
	if _, err := openStore(); err == nil {
		t.Error("a folder that anybody can write was taken")
	}
}

func TestFillOnce(t *testing.T) {
	s := store{folder: t.TempDir()}
	path := s.path("key", "amd64")
	var made int
	var group sync.WaitGroup
	for range 20 {
		group.Go(func() {
			err := s.fill(path, func(temp string) error {
				made++ // the lock guards it
				return os.WriteFile(temp, []byte("x"), 0o755)
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if made != 1 {
		t.Errorf("made %d times", made)
	}
}

func TestFillFails(t *testing.T) {
	s := store{folder: t.TempDir()}
	path := s.path("key", "amd64")
	broken := errors.New("broken")
	if err := s.fill(path, func(string) error { return broken }); !errors.Is(err, broken) {
		t.Errorf("error %v, want %v", err, broken)
	}
	if s.has(path) {
		t.Error("a failed build left a file")
	}
}

func TestPrune(t *testing.T) {
	s := store{folder: t.TempDir()}
	old, young, foreign := s.path("old", "amd64"), s.path("young", "amd64"), filepath.Join(s.folder, "other")
	for _, path := range []string{old, young, foreign} {
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	long := time.Now().Add(-2 * unused)
	for _, path := range []string{old, foreign} {
		if err := os.Chtimes(path, long, long); err != nil {
			t.Fatal(err)
		}
	}
	s.prune()
	if s.has(old) || !s.has(young) || !s.has(foreign) {
		t.Errorf("after pruning: old %v, young %v, foreign %v", s.has(old), s.has(young), s.has(foreign))
	}
}

func TestCancelled(t *testing.T) {
	freshStore(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Path(ctx, "riscv64"); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want %v", err, context.Canceled)
	}
}

func TestTrimModule(t *testing.T) {
	got := string(trimModule([]byte("module m\n\ngo 1.26.0\n\nrequire (\n\tgolang.org/x/sys v0.1.0 // indirect\n\tk8s.io/api v0.36.3\n)\n\nrequire golang.org/x/net v0.2.0\n")))
	want := "module m\ngo 1.26.0\nrequire golang.org/x/sys v0.1.0\nrequire golang.org/x/net v0.2.0\n"
	if got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
