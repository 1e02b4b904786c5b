package cni_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"maps"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"github.com/cniproof/cniproof/internal/cni"
	"github.com/cniproof/cniproof/internal/fetch"
)

// binaries names folders that hold etcd and kube-apiserver, as a list of paths. The
// tests of this file need no more of Kubernetes; without it they are skipped, and
// TestEveryEntryInstalls tells what there is to tell.
const binaries = "CNIPROOF_APISERVER_PATH"

func find(t *testing.T, name string) string {
	t.Helper()
	if os.Getenv(binaries) == "" {
		t.Skipf("%s names no folders with etcd and kube-apiserver", binaries)
	}
	for _, dir := range filepath.SplitList(os.Getenv(binaries)) {
		path := filepath.Join(dir, name)
		if _, err := os.Stat(path); err == nil {
			return path
		}
	}
	t.Fatalf("%s: %s is not there", binaries, name)
	return ""
}

// start runs a program until the test ends; what it said is shown if the test failed.
func start(t *testing.T, program string, args ...string) {
	t.Helper()
	var said bytes.Buffer
	ctx, cancel := context.WithCancel(context.Background()) //nolint:usetesting // it outlives t.Context, which ends before the cleanup
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Stdout, cmd.Stderr, cmd.WaitDelay = &said, &said, 5*time.Second
	if err := cmd.Start(); err != nil {
		cancel()
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		_ = cmd.Wait() // it was killed
		if t.Failed() {
			t.Logf("%s said:\n%s", program, said.String())
		}
	})
}

func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// realAPI starts an API server, and returns when it answers.
func realAPI(t *testing.T) *rest.Config {
	t.Helper()
	etcd, server := find(t, "etcd"), find(t, "kube-apiserver")
	dir := t.TempDir()
	client, peer := fmt.Sprintf("http://127.0.0.1:%d", freePort(t)), fmt.Sprintf("http://127.0.0.1:%d", freePort(t))
	start(t, etcd, "--data-dir="+filepath.Join(dir, "etcd"), "--unsafe-no-fsync", "--listen-client-urls="+client, "--advertise-client-urls="+client,
		"--listen-peer-urls="+peer, "--initial-advertise-peer-urls="+peer, "--initial-cluster=default="+peer)
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	file := func(name string, content []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	keys := file("keys", pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)}))
	port := freePort(t)
	start(t, server, "--etcd-servers="+client, "--bind-address=127.0.0.1", fmt.Sprintf("--secure-port=%d", port), "--cert-dir="+filepath.Join(dir, "certs"),
		"--token-auth-file="+file("tokens", []byte("of-a-test,admin,1,system:masters\n")), "--authorization-mode=RBAC", "--service-cluster-ip-range=10.96.0.0/24",
		"--service-account-issuer=https://example.com", "--service-account-key-file="+keys, "--service-account-signing-key-file="+keys, "--disable-admission-plugins=ServiceAccount")
	cfg := &rest.Config{Host: fmt.Sprintf("https://127.0.0.1:%d", port), BearerToken: "of-a-test", TLSClientConfig: rest.TLSClientConfig{Insecure: true}}
	awaitAPI(t, cfg)
	return cfg
}

func awaitAPI(t *testing.T, cfg *rest.Config) {
	t.Helper()
	api := kubernetes.NewForConfigOrDie(cfg)
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(200 * time.Millisecond) {
		_, err := api.CoreV1().Namespaces().Get(t.Context(), "kube-system", metav1.GetOptions{})
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
	}
}

// Every entry of the catalog can be installed, and installed again, on a real API
// server, which defaults, validates and merges as it does anywhere.
func TestEveryEntryInstallsOnARealAPIServer(t *testing.T) {
	cfg := realAPI(t)
	api := kubernetes.NewForConfigOrDie(cfg)
	node := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "one"}, Spec: corev1.NodeSpec{PodCIDRs: []string{"10.244.0.0/24", "fd00:10:244::/64"}, PodCIDR: "10.244.0.0/24"}}
	if _, err := api.CoreV1().Nodes().Create(t.Context(), node, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	for _, e := range catalog(t) {
		if e.Manual != "" || e.ClusterOptions.DefaultCNI {
			continue
		}
		t.Run(e.Name, func(t *testing.T) {
			source := fetch.HTTP{Client: standIns{t, e}.client(t)}
			unpin(&e)
			var before map[cni.Workload]int64
			for range 2 {
				if err := cni.Install(t.Context(), cfg, e, source, quiet); err != nil {
					t.Fatal(err)
				}
				now := generations(t, api, append(e.Ready, e.Agent))
				if before != nil && !maps.Equal(before, now) {
					t.Errorf("installing again changed something: %v, before %v", now, before)
				}
				before = now
			}
		})
	}
}

// generations count the changes of workloads, all of which must exist.
func generations(t *testing.T, api kubernetes.Interface, workloads []cni.Workload) map[cni.Workload]int64 {
	t.Helper()
	all := map[cni.Workload]int64{}
	for _, w := range workloads {
		var o metav1.Object
		var err error
		if w.Kind == cni.Deployment {
			o, err = api.AppsV1().Deployments(w.Namespace).Get(t.Context(), w.Name, metav1.GetOptions{})
		} else {
			o, err = api.AppsV1().DaemonSets(w.Namespace).Get(t.Context(), w.Name, metav1.GetOptions{})
		}
		if err != nil {
			t.Errorf("it waits for %s, which it does not install: %v", w, err)
			continue
		}
		all[w] = o.GetGeneration()
	}
	return all
}

// A kind is used right after it was defined, as one manifest does.
func TestManifestWithItsOwnKindOnARealAPIServer(t *testing.T) {
	cfg := realAPI(t)
	text := manifest[:len("# a comment only\n")] + "---\napiVersion: mine.example.com/v1\nkind: Widget\nmetadata: {name: default}\nspec: {size: 10000000, port: \"80\"}\n" +
		"---\napiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: widgets.mine.example.com}\nspec:\n  group: mine.example.com\n  scope: Cluster\n" +
		"  names: {plural: widgets, kind: Widget}\n  versions:\n  - name: v1\n    served: true\n    storage: true\n    schema: {openAPIV3Schema: {type: object, properties: {spec: {type: object, properties: {size: {type: integer}, port: {type: string}}}}}}\n"
	url, source := serve(t, map[string][]byte{"/v1/cni.yaml": []byte(text)})
	e := entry(t, "  - manifest: {url: "+url+"/v1/cni.yaml}\n")
	for range 2 {
		if err := cni.Install(t.Context(), cfg, e, source, quiet); err != nil {
			t.Fatal(err)
		}
	}
}
