package engine

import (
	"errors"
	"fmt"
	"strings"

	"github.com/google/nftables"
	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// tablePrefix starts the names of the engine's tables in a node. A number follows:
// an engine that starts makes a new table beside the old one, and removes the old
// one when the new one judges.
const tablePrefix = "cniproof-policy-"

// kernel is a connection to the nftables of one network namespace.
type kernel struct {
	fd   int
	conn *nftables.Conn
	// A transaction has no more than maxMessages and about maxBytes, so that the
	// socket's buffers can take it and the answers.
	maxMessages, maxBytes int
}

// openKernel connects to the network namespace that the file descriptor refers to.
func openKernel(fd int) (*kernel, error) {
	k := &kernel{fd: fd}
	if err := k.dial(); err != nil {
		return nil, err
	}
	return k, nil
}

func (k *kernel) dial() error {
	conn, err := nftables.New(nftables.WithNetNSFd(k.fd), nftables.AsLasting(), nftables.WithSockOptions(k.size))
	if err != nil {
		return fmt.Errorf("connecting to nftables: %w", err)
	}
	k.conn = conn
	return nil
}

// wantedBuffer is how large the socket's buffers should be. Outside a user
// namespace the kernel always grants it, inside up to net.core.{r,w}mem_max.
const wantedBuffer = 8 << 20

// answerBytes is what the kernel charges at most to the receive buffer for the
// answer to a message.
const answerBytes = 2048

func (k *kernel) size(conn *netlink.Conn) error {
	err := errors.Join(conn.SetReadBuffer(wantedBuffer), conn.SetWriteBuffer(wantedBuffer))
	if err != nil {
		return fmt.Errorf("sizing netlink buffers: %w", err)
	}
	raw, err := conn.SyscallConn()
	if err != nil {
		return fmt.Errorf("sizing netlink buffers: %w", err)
	}
	var read, write int
	var readErr, writeErr error
	err = raw.Control(func(fd uintptr) {
		read, readErr = unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUF)
		write, writeErr = unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_SNDBUF)
	})
	k.maxMessages, k.maxBytes = read/answerBytes, write/2
	return errors.Join(err, readErr, writeErr)
}

func (k *kernel) close() error { return k.conn.CloseLasting() }

// redial drops a connection on which something went wrong: answers to the failed
// transaction may still be waiting in it.
func (k *kernel) redial() error {
	return errors.Join(k.close(), k.dial())
}

// update takes the phases of an update one after the other.
func (k *kernel) update(table string, p phases) error {
	for _, steps := range [][]step{p.prepare, p.turn, p.sweep} {
		if err := k.take(table, steps); err != nil {
			return err
		}
	}
	return nil
}

// take takes the steps, in as few transactions as fit.
func (k *kernel) take(table string, steps []step) error {
	for len(steps) > 0 {
		n := k.fitting(steps)
		if err := k.commit(table, steps[:n]); err != nil {
			return err
		}
		steps = steps[n:]
	}
	return nil
}

// fitting is how many of the steps go into one transaction, at least one.
func (k *kernel) fitting(steps []step) int {
	var messages, bytes int
	for i, s := range steps {
		messages += s.messages
		bytes += s.bytes
		if i > 0 && (messages > k.maxMessages || bytes > k.maxBytes) {
			return i
		}
	}
	return len(steps)
}

func (k *kernel) commit(table string, steps []step) error {
	w := &writer{conn: k.conn, table: inetTable(table)}
	for _, s := range steps {
		if err := s.write(w); err != nil {
			return err
		}
	}
	if err := k.conn.Flush(); err != nil {
		return fmt.Errorf("committing %d steps to table %q: %w", len(steps), table, err)
	}
	return nil
}

// tables lists the engine's tables, its own and those of earlier ones.
func (k *kernel) tables() ([]string, error) {
	all, err := k.conn.ListTablesOfFamily(nftables.TableFamilyINet)
	if err != nil {
		return nil, fmt.Errorf("listing tables: %w", err)
	}
	var names []string
	for _, t := range all {
		if strings.HasPrefix(t.Name, tablePrefix) {
			names = append(names, t.Name)
		}
	}
	return names, nil
}

func inetTable(name string) *nftables.Table {
	return &nftables.Table{Name: name, Family: nftables.TableFamilyINet}
}
