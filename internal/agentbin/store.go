package agentbin

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// prefix begins the name of every agent in a store.
const prefix = "agent-"

// unused is how long an agent stays in the store after its last use.
const unused = 30 * 24 * time.Hour

// store is a folder of agents that outlives this process. Only its user can write
// there: what is found in it is executed.
type store struct {
	folder string
	// home is false where the user has no usable cache folder, so that the Go
	// toolchain has none either.
	home bool
}

// openStore takes the user's cache folder, or else a private one among the
// temporary files.
func openStore() (store, error) {
	if cache, err := os.UserCacheDir(); err == nil {
		folder := filepath.Join(cache, "cniproof")
		if err := private(folder); err == nil {
			return store{folder, true}, nil
		}
	}
	folder := filepath.Join(os.TempDir(), "cniproof-"+strconv.Itoa(os.Geteuid()))
	if err := private(folder); err != nil {
		return store{}, fmt.Errorf("finding a folder to keep the agent in (set XDG_CACHE_HOME to one): %w", err)
	}
	return store{folder, false}, nil
}

// private makes the folder unless it is there, and checks that it is this user's
// alone and can be written.
func private(folder string) error {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return err
	}
	info, err := os.Lstat(folder)
	if err != nil {
		return err
	}
	owner, ok := info.Sys().(*syscall.Stat_t)
	if !info.IsDir() || !ok || int(owner.Uid) != os.Geteuid() || info.Mode().Perm()&0o022 != 0 {
		return fmt.Errorf("%q is not a folder that belongs to this user alone", folder)
	}
	probe, err := os.CreateTemp(folder, "writable-")
	if err != nil {
		return err
	}
	return errors.Join(probe.Close(), os.Remove(probe.Name()))
}

// fill makes the file at path with produce unless it is there. Of many
// processes at once one makes it, the others wait. Nobody ever sees half a file.
func (s store) fill(path string, produce func(temp string) error) error {
	if s.has(path) {
		return nil
	}
	unlock, err := lock(path + ".lock")
	if err != nil {
		return err
	}
	defer unlock()
	if s.has(path) {
		return nil
	}
	folder, err := os.MkdirTemp(s.folder, "new-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(folder) }()
	temp := filepath.Join(folder, "agent")
	if err := produce(temp); err != nil {
		return err
	}
	s.prune()
	return os.Rename(temp, path)
}

// has reports whether the file is there, and marks it as used.
func (s store) has(path string) bool {
	info, err := os.Stat(path)
	if err != nil || !info.Mode().IsRegular() {
		return false
	}
	now := time.Now()
	_ = os.Chtimes(path, now, now)
	return true
}

// prune removes what nobody used for long, as far as it can.
func (s store) prune() {
	entries, err := os.ReadDir(s.folder)
	if err != nil {
		return
	}
	for _, e := range entries {
		info, err := e.Info()
		ours := strings.HasPrefix(e.Name(), prefix) || strings.HasPrefix(e.Name(), "new-")
		if err == nil && ours && time.Since(info.ModTime()) > unused {
			_ = os.RemoveAll(filepath.Join(s.folder, e.Name()))
		}
	}
}

// lock waits for the file's lock, which ends with the process at the latest.
func lock(path string) (unlock func(), err error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	for {
		err = syscall.Flock(int(file.Fd()), syscall.LOCK_EX)
		if !errors.Is(err, syscall.EINTR) {
			break
		}
	}
	if err != nil {
		return nil, errors.Join(&fs.PathError{Op: "lock", Path: path, Err: err}, file.Close())
	}
	return func() { _ = file.Close() }, nil
}
