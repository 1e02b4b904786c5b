package kind

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	kindcluster "sigs.k8s.io/kind/pkg/cluster"
	"sigs.k8s.io/kind/pkg/exec"
)

// networkVariable is how kind is told which network to use. It is read while a
// cluster is made, so one is made at a time in a process.
const networkVariable = "KIND_EXPERIMENTAL_DOCKER_NETWORK"

var creating sync.Mutex //nolint:gochecknoglobals // guards the process's environment

// pluginReady is how long a network plugin may take until every node is ready; its
// images may have to come from afar.
const pluginReady = 10 * time.Minute

// create makes the cluster, without any network plugin.
func (m *parts) create(ctx context.Context, h host) error {
	var err error
	if m.shape, err = loadShape(m.options.Config); err != nil {
		return err
	}
	if err := m.shape.fit(m.options.Plugin, h); err != nil {
		return err
	}
	image, err := m.nodeImage(ctx)
	if err != nil {
		return err
	}
	if m.network, err = m.docker.newNetwork(ctx, m.name, m.labels()); err != nil {
		m.network = &network{name: networkName(m.name)} // whatever there is of it has to go
		return err
	}
	begin := time.Now()
	m.progress(fmt.Sprintf("kind cluster %q: making %d nodes", m.name, max(1, len(m.shape.Nodes))))
	if err := m.kindCreate(ctx, image); err != nil {
		return err
	}
	m.progress(fmt.Sprintf("kind cluster %q: Kubernetes runs after %s", m.name, since(begin)))
	return nil
}

// nodeImage makes sure that Docker has the nodes' image, if there is an archive of it.
func (m *parts) nodeImage(ctx context.Context) (string, error) {
	image, err := m.options.Node(ctx)
	if err != nil || image.Archive == "" || m.docker.hasImage(ctx, image.Name) {
		return image.Name, err
	}
	m.progress(fmt.Sprintf("loading the nodes' image %s", image.Name))
	if _, err := m.docker.run(ctx, nil, "load", "--quiet", "--input", image.Archive); err != nil {
		return "", fmt.Errorf("loading the nodes' image: %w", err)
	}
	if !m.docker.hasImage(ctx, image.Name) {
		return "", fmt.Errorf("loading the nodes' image: %q does not hold %s", image.Archive, image.Name)
	}
	return image.Name, nil
}

// kindCreate calls kind, which knows nothing of contexts: when ctx ends, the nodes are
// removed under its hands.
func (m *parts) kindCreate(ctx context.Context, image string) error {
	folder, err := os.MkdirTemp("", "cniproof-kind-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(folder) }()
	options := []kindcluster.CreateOption{
		kindcluster.CreateWithV1Alpha4Config(&m.shape.Cluster),
		kindcluster.CreateWithRetain(true), // what went wrong is to be seen
		kindcluster.CreateWithDisplayUsage(false), kindcluster.CreateWithDisplaySalutation(false),
		kindcluster.CreateWithKubeconfigPath(filepath.Join(folder, "kubeconfig")),
	}
	if image != "" {
		options = append(options, kindcluster.CreateWithNodeImage(image))
	}
	m.created = true
	done := make(chan error, 1)
	go func() { done <- m.onNetwork(func() error { return m.kind.Create(m.name, options...) }) }()
	select {
	case err = <-done:
	case <-ctx.Done():
		err = errors.Join(ctx.Err(), deleteCluster(m.kind, m.name))
		<-done //nolint:errcheck // it failed: its nodes are gone
	}
	if err != nil {
		return fmt.Errorf("making cluster %q: %w%s", m.name, err, outputOf(err))
	}
	return nil
}

func (m *parts) onNetwork(do func() error) error {
	creating.Lock()
	defer creating.Unlock()
	before, was := os.LookupEnv(networkVariable)
	if err := os.Setenv(networkVariable, m.network.name); err != nil {
		return err
	}
	defer func() {
		if was {
			_ = os.Setenv(networkVariable, before)
		} else {
			_ = os.Unsetenv(networkVariable)
		}
	}()
	return do()
}

// outputOf is the end of what a command of kind's printed before it failed.
func outputOf(err error) string {
	const most = 30
	failed := exec.RunErrorForError(err)
	if failed == nil {
		return ""
	}
	lines := strings.Split(strings.TrimSpace(string(failed.Output)), "\n")
	return "\n" + strings.Join(lines[max(0, len(lines)-most):], "\n")
}

// install puts the plugin into a new cluster and waits until it is ready.
func (m *parts) install(ctx context.Context, config *rest.Config, api kubernetes.Interface) error {
	p, begin := m.options.Plugin, time.Now()
	if err := m.loadImages(ctx, p.Images); err != nil {
		return err
	}
	loaded := since(begin)
	if err := p.Install(ctx, config, m.progress); err != nil {
		return err
	}
	limited, cancel := context.WithTimeout(ctx, pluginReady)
	defer cancel()
	if err := p.AwaitReady(limited, api, m.progress); err != nil {
		return err
	}
	m.progress(fmt.Sprintf("kind cluster %q: %s %s ready after %s (%s of it loading images)", m.name, p.Name, p.Version, since(begin), loaded))
	return nil
}

// awaitDNS waits for the cluster's DNS: scenarios ask it.
func (m *parts) awaitDNS(ctx context.Context, api kubernetes.Interface) error {
	limited, cancel := context.WithTimeout(ctx, 3*time.Minute)
	defer cancel()
	w, err := api.AppsV1().Deployments(metav1.NamespaceSystem).Watch(limited, metav1.ListOptions{FieldSelector: "metadata.name=coredns"})
	if err != nil {
		return fmt.Errorf("waiting for the cluster's DNS: %w", err)
	}
	defer w.Stop()
	for event := range w.ResultChan() {
		if d, ok := event.Object.(*appsv1.Deployment); ok && available(d) {
			return nil
		}
	}
	return fmt.Errorf("waiting for the cluster's DNS: deployment kube-system/coredns is not available: %w", limited.Err())
}

func available(d *appsv1.Deployment) bool {
	for _, c := range d.Status.Conditions {
		if c.Type == appsv1.DeploymentAvailable {
			return c.Status == corev1.ConditionTrue && d.Status.ReadyReplicas > 0
		}
	}
	return false
}
