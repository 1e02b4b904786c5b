package embedded

import (
	"fmt"
	"os"
)

// Doors lead into the network namespaces of nodes and pods, which have no names: they
// are open files of this process.
func (e *embedded) Doors(pods []string) []string {
	enter := func(ns *namespace) string {
		user := ""
		if os.Getuid() == 0 && inUserNamespace() {
			user = fmt.Sprintf("-U --preserve-credentials -t %d ", os.Getpid())
		}
		return fmt.Sprintf("nsenter %s--net=/proc/%d/fd/%d", user, os.Getpid(), ns.fd())
	}
	var list []string
	for _, m := range e.network.nodes {
		list = append(list, fmt.Sprintf("%s nft list ruleset    # %s", enter(m.namespace), m.Name))
	}
	for _, name := range pods {
		if ns := e.kubelet.namespaceOf(name); ns != nil {
			list = append(list, fmt.Sprintf("%s ip address    # %s", enter(ns), name))
		}
	}
	return list
}

// inUserNamespace reports whether this process has entered one of its own.
func inUserNamespace() bool {
	text, err := os.ReadFile("/proc/self/uid_map")
	var inside, outside, length int
	if _, scan := fmt.Sscan(string(text), &inside, &outside, &length); err != nil || scan != nil {
		return false
	}
	return outside != 0 || length == 1
}

// namespaceOf is the network namespace of a pod that runs; nil where there is none.
func (k *kubelet) namespaceOf(name string) *namespace {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, r := range k.pods {
		select {
		case <-r.placed:
			if r.name() == name && r.keeper != nil {
				return r.keeper.ns
			}
		default:
		}
	}
	return nil
}
