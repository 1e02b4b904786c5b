package kube

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"

	"github.com/cniproof/cniproof/internal/cluster"
)

const (
	// annotationAlive changes on an owner's own namespace for as long as it lives.
	annotationAlive = "cniproof.dev/alive"
	heartbeat       = 10 * time.Second
	// silence is how long a heartbeat may stay away before its owner counts as dead.
	// Only the change is looked at: the clocks of two machines may differ.
	silence = 4 * heartbeat

	labelSecurity = "pod-security.kubernetes.io/enforce"
)

// home is the namespace of an owner, with the agents on the nodes in it.
type home struct {
	api       kubernetes.Interface
	owner     string
	namespace string

	stop context.CancelFunc
	beat sync.WaitGroup
}

// newHome makes the namespace and begins to keep it alive.
func (c *Cluster) newHome(ctx context.Context) (*home, error) {
	id := make([]byte, 4)
	_, _ = rand.Read(id) // never fails, by its documentation
	h := &home{api: c.api, owner: hex.EncodeToString(id)}
	h.namespace = "cniproof-" + h.owner
	ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{
		Name: h.namespace,
		Labels: map[string]string{
			cluster.LabelRun: h.owner, cluster.LabelOwner: h.owner, "app.kubernetes.io/managed-by": "cniproof",
			// Agents on nodes use the host's network and raw sockets.
			labelSecurity: "privileged",
		},
		Annotations: map[string]string{annotationAlive: time.Now().UTC().Format(time.RFC3339)},
	}}
	if _, err := c.api.CoreV1().Namespaces().Create(ctx, ns, metav1.CreateOptions{}); err != nil {
		return nil, fmt.Errorf("creating namespace %q: %w", h.namespace, err)
	}
	running, stop := context.WithCancel(context.WithoutCancel(ctx))
	h.stop = stop
	h.beat.Go(func() { h.keepAlive(running) })
	return h, nil
}

// socket is the name of the control socket of the agents on nodes: they share the
// node's network namespace with those of other runs.
func (h *home) socket() string { return h.namespace }

// port is what the agents on nodes are tried on: one that other runs are not likely to have.
func (h *home) port() uint16 {
	hash := fnv.New32a()
	_, _ = hash.Write([]byte(h.owner)) // never fails, by its documentation
	return uint16(20000 + hash.Sum32()%10000)
}

// keepAlive does not mind a beat that gets lost: the next one comes.
func (h *home) keepAlive(ctx context.Context) {
	for pause(ctx, heartbeat) {
		patch, err := json.Marshal(map[string]any{"metadata": map[string]any{
			"annotations": map[string]string{annotationAlive: time.Now().UTC().Format(time.RFC3339)},
		}})
		if err == nil {
			_, _ = h.api.CoreV1().Namespaces().Patch(ctx, h.namespace, types.MergePatchType, patch, metav1.PatchOptions{})
		}
	}
}

// leave removes the namespaces of the owner and waits until they are gone; with keep,
// only its own.
func (h *home) leave(ctx context.Context, keep bool) error {
	h.stop()
	h.beat.Wait()
	if keep {
		return remove(ctx, h.api, []string{h.namespace})
	}
	list, err := ownedBy(ctx, h.api, cluster.LabelOwner+"="+h.owner)
	if err != nil {
		return fmt.Errorf("looking for what this run has made: %w", err)
	}
	return remove(ctx, h.api, list[h.owner])
}

// neighbours says what other runs have on the cluster, or "": pods that somebody kept take
// addresses and processors from those of this run. What cannot be read is not said.
func neighbours(ctx context.Context, api kubernetes.Interface, owner string) string {
	owned, err := ownedBy(ctx, api, cluster.LabelOwner)
	if err != nil {
		return ""
	}
	delete(owned, owner)
	if len(owned) == 0 {
		return ""
	}
	owners, namespaces := slices.Sorted(maps.Keys(owned)), 0
	for _, names := range owned {
		namespaces += len(names)
	}
	return fmt.Sprintf("%d namespaces of other runs stand on the cluster and share its room; those of runs that are over go with: kubectl delete namespaces -l '%s in (%s)'",
		namespaces, cluster.LabelOwner, strings.Join(owners, ","))
}

// ownedBy returns the names of namespaces that a selector takes, by owner.
func ownedBy(ctx context.Context, api kubernetes.Interface, selector string) (map[string][]string, error) {
	list, err := api.CoreV1().Namespaces().List(ctx, metav1.ListOptions{LabelSelector: selector})
	if err != nil {
		return nil, err
	}
	owned := map[string][]string{}
	for _, ns := range list.Items {
		owner := ns.Labels[cluster.LabelOwner]
		owned[owner] = append(owned[owner], ns.Name)
	}
	return owned, nil
}

// remove deletes namespaces and waits until they are gone.
func remove(ctx context.Context, api kubernetes.Interface, names []string) error {
	var errs []error
	for _, name := range names {
		err := api.CoreV1().Namespaces().Delete(ctx, name, metav1.DeleteOptions{})
		if err != nil && !apierrors.IsNotFound(err) {
			errs = append(errs, fmt.Errorf("deleting namespace %q: %w", name, err))
		}
	}
	for _, name := range names {
		if err := awaitGone(ctx, api, name); err != nil {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

func awaitGone(ctx context.Context, api kubernetes.Interface, name string) error {
	for {
		ns, err := api.CoreV1().Namespaces().Get(ctx, name, metav1.GetOptions{})
		if apierrors.IsNotFound(err) {
			return nil
		}
		if !pause(ctx, poll) {
			return fmt.Errorf("waiting for namespace %q to be gone: %w%s", name, context.Cause(ctx), whyStill(ns))
		}
	}
}

// whyStill is what the API server says of a namespace that does not go.
func whyStill(ns *corev1.Namespace) string {
	if ns == nil {
		return ""
	}
	text := ""
	for _, c := range ns.Status.Conditions {
		if c.Status == corev1.ConditionTrue {
			text += "; " + c.Message
		}
	}
	return text
}

// Cleanup removes the namespaces of every owner whose heartbeat has stopped, and
// names them. It takes a while only where there are any.
func Cleanup(ctx context.Context, api kubernetes.Interface) ([]string, error) {
	before, err := ownedBy(ctx, api, cluster.LabelOwner)
	if err != nil {
		return nil, fmt.Errorf("looking for namespaces of cniproof: %w", err)
	}
	if len(before) == 0 {
		return nil, nil
	}
	dead, err := silent(ctx, api, before)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, owner := range dead {
		names = append(names, before[owner]...)
	}
	return names, remove(ctx, api, names)
}

// silent returns the owners whose heartbeat stays the same, or who have none.
func silent(ctx context.Context, api kubernetes.Interface, owners map[string][]string) ([]string, error) {
	first := map[string]string{}
	for owner := range owners {
		beat, err := lastBeat(ctx, api, owner)
		if err != nil {
			return nil, err
		}
		first[owner] = beat
	}
	if anyBeat(first) && !pause(ctx, silence) {
		return nil, fmt.Errorf("listening for heartbeats: %w", ctx.Err())
	}
	var dead []string
	for owner, beat := range first {
		now, err := lastBeat(ctx, api, owner)
		if err != nil {
			return nil, err
		}
		if now == beat {
			dead = append(dead, owner)
		}
	}
	return dead, nil
}

func anyBeat(beats map[string]string) bool {
	for _, b := range beats {
		if b != "" {
			return true
		}
	}
	return false
}

// lastBeat is the heartbeat of an owner, or "" where its own namespace is gone or going.
func lastBeat(ctx context.Context, api kubernetes.Interface, owner string) (string, error) {
	ns, err := api.CoreV1().Namespaces().Get(ctx, "cniproof-"+owner, metav1.GetOptions{})
	switch {
	case apierrors.IsNotFound(err):
		return "", nil
	case err != nil:
		return "", fmt.Errorf("looking at the heartbeat of %q: %w", owner, err)
	case ns.DeletionTimestamp != nil:
		return "", nil
	}
	return ns.Annotations[annotationAlive], nil
}
