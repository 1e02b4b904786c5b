package cli

import (
	"bytes"
	"io"
	"log"
	"net/http/httptest"
	"regexp"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/cniproof/cniproof/internal/report"
)

// TestPushAgent pushes to a registry, and pulls what was printed.
func TestPushAgent(t *testing.T) {
	server := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	defer server.Close()
	to := strings.TrimPrefix(server.URL, "http://") + "/lab/agent"
	var stdout, stderr bytes.Buffer
	if code := Main("test", []string{"cniproof", "agent", "--arch", runtime.GOARCH, "--push", to + ":1"}, &stdout, &stderr); code != report.ExitPass {
		t.Fatalf("exit code %d: %s", code, stderr.String())
	}
	pinned := strings.TrimSpace(stdout.String())
	if !regexp.MustCompile("^" + regexp.QuoteMeta(to) + "@sha256:[0-9a-f]{64}$").MatchString(pinned) {
		t.Fatalf("printed %q", pinned)
	}
	ref, err := name.NewDigest(pinned)
	if err != nil {
		t.Fatal(err)
	}
	index, err := remote.Index(ref)
	if err != nil {
		t.Fatal(err)
	}
	manifest, err := index.IndexManifest()
	if err != nil || len(manifest.Manifests) != 1 || manifest.Manifests[0].Platform.Architecture != runtime.GOARCH {
		t.Errorf("pushed %+v, %v", manifest, err)
	}
	server.Close()
	if code := Main("test", []string{"cniproof", "agent", "--arch", runtime.GOARCH, "--push", to + ":1"}, &stdout, &stderr); code != report.ExitInconclusive {
		t.Errorf("exit code %d from a registry that is gone", code)
	}
}
