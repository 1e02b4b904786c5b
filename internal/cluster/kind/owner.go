package kind

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	kindcluster "sigs.k8s.io/kind/pkg/cluster"
)

// Labels of networks and containers in Docker.
const (
	labelCluster = "dev.cniproof.cluster"
	labelOwner   = "dev.cniproof.owner"
	labelKeep    = "dev.cniproof.keep"
)

func freeName() string {
	b := make([]byte, 3)
	_, _ = rand.Read(b) // never fails, by its documentation
	return "cniproof-" + hex.EncodeToString(b)
}

// labels are what a command that makes something of this cluster has to be given.
func (m *parts) labels() []string {
	return []string{
		"--label", labelCluster + "=" + m.name,
		"--label", labelOwner + "=" + ownProcess().String(),
		"--label", labelKeep + "=" + strconv.FormatBool(m.options.Keep),
	}
}

// owner names a process for good: a number that is used again, after a restart of the
// machine too, makes another owner.
type owner struct {
	host  string // the machine's name
	boot  string // of this start of the machine
	space string // the PID namespace in which the number counts
	pid   int
	start string // when the process began, in the kernel's ticks
}

func ownProcess() owner {
	o := here()
	o.pid = os.Getpid()
	o.start, _ = started(o.pid)
	return o
}

// here is an owner without a process.
func here() owner {
	var o owner
	o.host, _ = os.Hostname()
	boot, _ := os.ReadFile("/proc/sys/kernel/random/boot_id")
	o.boot = strings.TrimSpace(string(boot))
	o.space, _ = os.Readlink("/proc/self/ns/pid")
	return o
}

// started is the 22nd field of /proc/PID/stat, see proc_pid_stat(5). The second may
// hold spaces and ends in the last parenthesis.
func started(pid int) (string, error) {
	text, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	if err != nil {
		return "", err
	}
	fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
	if len(fields) < 20 {
		return "", fmt.Errorf("reading when process %d began: %d fields", pid, len(fields))
	}
	if fields[0] == "Z" {
		return "", os.ErrNotExist
	}
	return fields[19], nil
}

func (o owner) String() string {
	return strings.Join([]string{o.host, o.boot, o.space, strconv.Itoa(o.pid), o.start}, "/")
}

func parseOwner(text string) (owner, error) {
	f := strings.Split(text, "/")
	if len(f) != 5 {
		return owner{}, fmt.Errorf("reading the owner %q: %d parts, not 5", text, len(f))
	}
	pid, err := strconv.Atoi(f[3])
	if err != nil {
		return owner{}, fmt.Errorf("reading the owner %q: %w", text, err)
	}
	return owner{f[0], f[1], f[2], pid, f[4]}, nil
}

// errElsewhere is for owners that cannot be looked for from here.
var errElsewhere = errors.New("its owner runs, or ran, on another machine or in another container")

// alive reports whether the process still runs.
func (o owner) alive() (bool, error) {
	now := here()
	switch {
	case o.host != now.host:
		return false, errElsewhere
	case o.boot != now.boot:
		return false, nil // the machine was started again since
	case o.space != now.space:
		return false, errElsewhere
	}
	start, err := started(o.pid)
	return err == nil && start == o.start, nil
}

// Cleanup removes clusters whose owner is dead, and what belongs to them.
func (p *provider) Cleanup(ctx context.Context) ([]string, error) {
	var d docker
	if _, err := d.host(ctx); err != nil {
		return nil, nil //nolint:nilerr // without Docker there are no clusters
	}
	var removed []string
	var errs []error
	for _, kind := range []string{"network", "container"} {
		found, err := d.owned(ctx, kind)
		errs = append(errs, err)
		for _, f := range found {
			names, err := p.removeDead(ctx, d, kind, f)
			removed = append(removed, names...)
			errs = append(errs, err)
		}
	}
	return removed, errors.Join(errs...)
}

// found is a network or a container with our labels.
type found struct{ name, cluster, owner, keep string }

func (d docker) owned(ctx context.Context, kind string) ([]found, error) {
	format := fmt.Sprintf(`{{.%s}} {{.Label %q}} {{.Label %q}} {{.Label %q}}`,
		map[string]string{"network": "Name", "container": "Names"}[kind], labelCluster, labelOwner, labelKeep)
	args := []string{kind, "ls", "--filter", "label=" + labelCluster, "--format", format}
	if kind == "container" {
		args = append(args, "--all")
	}
	lines, err := d.lines(ctx, args...)
	if err != nil {
		return nil, fmt.Errorf("looking for what cniproof left in Docker: %w", err)
	}
	var list []found
	for _, line := range lines {
		if f := strings.Fields(line); len(f) == 4 {
			list = append(list, found{f[0], f[1], f[2], f[3]})
		}
	}
	return list, nil
}

// removeDead removes a network with its cluster, or a container.
func (p *provider) removeDead(ctx context.Context, d docker, kind string, f found) ([]string, error) {
	who, err := parseOwner(f.owner)
	if err != nil {
		return nil, err
	}
	named := p.options.Name != "" && p.options.Name == f.cluster
	alive, err := who.alive()
	switch {
	case alive || p.options.Name != "" && !named:
		return nil, nil
	case kind == "network" && f.keep == "true" && !p.options.Kept && !named:
		return nil, nil
	case err != nil && !named:
		return nil, fmt.Errorf("%s %q was left alone: %w (remove it with `cniproof cleanup --name %s`)", kind, f.name, err, f.cluster)
	}
	if kind == "container" {
		return []string{"container " + f.name}, d.removeContainer(ctx, f.name)
	}
	return d.removeWhole(ctx, f)
}

// removeWhole removes a cluster, what hangs on its network, and the network last: as
// long as it is there, the rest can be found.
func (d docker) removeWhole(ctx context.Context, f found) ([]string, error) {
	var removed []string
	provider := kindcluster.NewProvider(kindcluster.ProviderWithDocker())
	nodes, err := provider.ListNodes(f.cluster)
	if err != nil {
		return nil, fmt.Errorf("listing the nodes of cluster %q: %w", f.cluster, err)
	}
	if len(nodes) > 0 {
		if err := deleteCluster(provider, f.cluster); err != nil {
			return nil, err
		}
		removed = append(removed, fmt.Sprintf("cluster %s (%d nodes)", f.cluster, len(nodes)))
	}
	containers, err := d.lines(ctx, "container", "ls", "--all", "--filter", "label="+labelCluster+"="+f.cluster, "--format", "{{.Names}}")
	if err != nil {
		return removed, err
	}
	for _, c := range containers {
		if err := d.removeContainer(ctx, c); err != nil {
			return removed, err
		}
		removed = append(removed, "container "+c)
	}
	if err := d.removeNetwork(ctx, f.name); err != nil {
		return removed, err
	}
	return append(removed, "network "+f.name), nil
}

// deleteCluster gives kind a kubeconfig of ours, or it would open the user's.
func deleteCluster(provider *kindcluster.Provider, name string) error {
	folder, err := os.MkdirTemp("", "cniproof-kind-")
	if err != nil {
		return fmt.Errorf("deleting cluster %q: %w", name, err)
	}
	defer func() { _ = os.RemoveAll(folder) }()
	if err := provider.Delete(name, filepath.Join(folder, "kubeconfig")); err != nil {
		return fmt.Errorf("deleting cluster %q: %w", name, err)
	}
	return nil
}
