package cli_test

import (
	"bytes"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/cniproof/cniproof/internal/cli"
	"github.com/cniproof/cniproof/internal/fetch"
)

func command(args ...string) (code int, stdout, stderr string) {
	var out, err bytes.Buffer
	code = cli.Main("test", append([]string{"cniproof"}, args...), &out, &err)
	return code, out.String(), err.String()
}

// A mirror is pulled from a registry and a download server, and is whole; what the
// entry does not list but its manifest names is there too.
func TestMirrorPullAndVerify(t *testing.T) {
	images := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	t.Cleanup(images.Close)
	host := strings.TrimPrefix(images.URL, "http://")
	for _, image := range []string{"/agent:v1", "/setup:v1", "/node:v1.36.3"} {
		content, err := random.Image(512, 1)
		if err != nil {
			t.Fatal(err)
		}
		ref, err := name.ParseReference(host + image)
		if err != nil {
			t.Fatal(err)
		}
		if err := remote.Write(ref, content); err != nil {
			t.Fatal(err)
		}
	}
	manifest := fmt.Sprintf("apiVersion: apps/v1\nkind: DaemonSet\nmetadata: {name: mine, namespace: kube-system}\n"+
		"spec: {template: {spec: {initContainers: [{name: setup, image: '%s/setup:v1'}], containers: [{name: agent, image: '%s/agent:v1'}]}}}\n", host, host)
	files := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = fmt.Fprint(w, manifest) }))
	t.Cleanup(files.Close)

	dir := t.TempDir()
	entry := filepath.Join(dir, "mine.yaml")
	text := "apiVersion: cniproof.dev/v1\nkind: CNI\nmetadata: {name: mine}\nspec:\n  title: Mine\n  version: v1\n  enforces: true\n  podSubnet: 10.244.0.0/16\n" +
		"  install:\n  - manifest: {url: " + files.URL + "/v1.yaml, sha256: " + fetch.Sum([]byte(manifest)) + "}\n" +
		"  ready: [daemonset/kube-system/mine]\n  agent: daemonset/kube-system/mine\n  images: ['" + host + "/agent:v1']\n"
	if err := os.WriteFile(entry, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	lab := filepath.Join(dir, "lab")
	pull := []string{"mirror", "pull", "--mirror", lab, "--cni-manifest", entry, "--kubernetes", "1.36.3=" + host + "/node:v1.36.3"}
	code, stdout, stderr := command(pull...)
	if code != 0 || strings.Count(stdout, "got ") != 4 {
		t.Fatalf("exit %d\n%s%s", code, stdout, stderr)
	}
	if code, stdout, stderr := command("mirror", "verify", "--mirror", lab); code != 0 || stdout != "1 node image, 1 manifest, 2 images: nothing is missing or changed\n" {
		t.Errorf("exit %d: %s%s", code, stdout, stderr)
	}
	archives, err := filepath.Glob(filepath.Join(lab, "images", "*setup*"))
	if err != nil || len(archives) != 1 {
		t.Fatal(archives, err)
	}
	if err := os.Remove(archives[0]); err != nil {
		t.Fatal(err)
	}
	if code, _, stderr := command("mirror", "verify", "--mirror", lab); code != 2 || !strings.Contains(stderr, "is not complete") {
		t.Errorf("exit %d: %s", code, stderr)
	}
	if code, stdout, _ := command(pull...); code != 0 || strings.Count(stdout, "got ") != 1 {
		t.Errorf("exit %d\n%s", code, stdout)
	}
	manifest += "# changed\n"
	if code, _, stderr := command(pull...); code != 2 || !strings.Contains(stderr, "not what was pinned") {
		t.Errorf("exit %d: %s", code, stderr)
	}
}

func TestMirrorPullChecksItsInput(t *testing.T) {
	code, _, stderr := command("mirror", "pull", "--cni", "callico,ovn-kubernetes", "--kubernetes", "1.36")
	for _, want := range []string{"--mirror: which folder?", `did you mean "calico"?`, "ovn-kubernetes cannot be installed from here", `"1.36" must be a whole version`} {
		if code != 3 || !strings.Contains(stderr, want) {
			t.Errorf("exit %d, no %q in:\n%s", code, want, stderr)
		}
	}
	if code, _, stderr := command("mirror", "pull", "--mirror", t.TempDir()); code != 3 || !strings.Contains(stderr, "nothing to pull") {
		t.Errorf("exit %d: %s", code, stderr)
	}
	if code, _, stderr := command("mirror", "verify", "--mirror", t.TempDir()); code != 3 || !strings.Contains(stderr, "it has no mirror.yaml") {
		t.Errorf("exit %d: %s", code, stderr)
	}
}
