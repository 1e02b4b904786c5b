package embedded

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"sync"

	"golang.org/x/sys/unix"
)

// namespace is a network namespace without a name: it lives for as long as this
// descriptor, or a process in it, does.
type namespace struct {
	file *os.File

	// leaving is held to read while a thread enters, so that the descriptor stays its own.
	leaving sync.RWMutex
}

// newNamespace makes a network namespace and runs setUp inside it.
func newNamespace(setUp func() error) (*namespace, error) {
	var ns *namespace
	err := onOwnThread(func() error {
		if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
			return fmt.Errorf("making a network namespace: %w", err)
		}
		file, err := os.Open("/proc/thread-self/ns/net")
		if err != nil {
			return fmt.Errorf("opening a new network namespace: %w", err)
		}
		ns = &namespace{file: file}
		return setUp()
	})
	if err != nil && ns != nil {
		_ = ns.close()
	}
	return ns, err
}

func (n *namespace) fd() int { return int(n.file.Fd()) }

func (n *namespace) close() error {
	n.leaving.Lock()
	defer n.leaving.Unlock()
	return n.file.Close()
}

// do runs f on a thread that is inside the namespace. Sockets that f opens stay
// in it; goroutines that f starts do not.
func (n *namespace) do(f func() error) error {
	return onOwnThread(func() error {
		if err := n.enter(); err != nil {
			return err
		}
		return f()
	})
}

// enter moves the calling thread into the namespace.
func (n *namespace) enter() error {
	n.leaving.RLock()
	defer n.leaving.RUnlock()
	if err := unix.Setns(n.fd(), unix.CLONE_NEWNET); err != nil {
		return fmt.Errorf("entering a network namespace: %w", err)
	}
	return nil
}

// onOwnThread runs f on a thread that serves nothing else meanwhile, and puts the
// thread back into the network namespace it came from. A thread that cannot go
// back dies, so that no other goroutine ever runs on it.
func onOwnThread(f func() error) error {
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		home, err := os.Open("/proc/thread-self/ns/net")
		if err != nil {
			runtime.UnlockOSThread()
			done <- fmt.Errorf("opening the thread's network namespace: %w", err)
			return
		}
		err = f()
		back := unix.Setns(int(home.Fd()), unix.CLONE_NEWNET)
		_ = home.Close()
		if back == nil {
			runtime.UnlockOSThread()
		}
		// Without the unlock the runtime ends the thread with this goroutine.
		done <- errors.Join(err, back)
	}()
	return <-done
}
