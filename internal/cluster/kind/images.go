package kind

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"sync"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"sigs.k8s.io/kind/pkg/cluster/nodeutils"

	"github.com/cniproof/cniproof/internal/cluster/agentimage"
)

// loadAgent puts the agent's image into every node.
func (m *parts) loadAgent(ctx context.Context, api kubernetes.Interface) (*agentimage.Image, error) {
	nodes, err := api.CoreV1().Nodes().List(ctx, metav1.ListOptions{})
	if err != nil || len(nodes.Items) == 0 {
		return nil, fmt.Errorf("asking the nodes for their architecture: %d nodes, %w", len(nodes.Items), err)
	}
	image, err := agentimage.New(ctx, nodes.Items[0].Status.NodeInfo.Architecture)
	if err != nil {
		return nil, err
	}
	var archive bytes.Buffer
	if err := image.Save(&archive); err != nil {
		return nil, err
	}
	content := archive.Bytes()
	err = m.load(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(content)), nil })
	if err != nil {
		return nil, fmt.Errorf("loading the agent's image: %w", err)
	}
	return image, nil
}

// loadImages puts into every node the images of which there are archives. An archive
// may hold several.
func (m *parts) loadImages(ctx context.Context, images []string) error {
	var done []string
	for _, image := range images {
		path, err := m.options.Archive(image)
		if err != nil {
			return err
		}
		if path == "" || slices.Contains(done, path) {
			continue
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		done = append(done, path)
		m.progress("loading " + image)
		if err := m.load(func() (io.ReadCloser, error) { return os.Open(path) }); err != nil {
			return fmt.Errorf("loading image %q: %w", image, err)
		}
	}
	return nil
}

// load imports an archive into all nodes at the same time.
func (m *parts) load(open func() (io.ReadCloser, error)) error {
	nodes, err := m.kind.ListInternalNodes(m.name)
	if err != nil {
		return err
	}
	errs := make([]error, len(nodes))
	var group sync.WaitGroup
	for i, node := range nodes {
		group.Go(func() {
			archive, err := open()
			if err != nil {
				errs[i] = err
				return
			}
			defer archive.Close()
			if err := nodeutils.LoadImageArchive(node, archive); err != nil {
				errs[i] = fmt.Errorf("on node %q: %w%s", node.String(), err, outputOf(err))
			}
		})
	}
	group.Wait()
	return errors.Join(errs...)
}
