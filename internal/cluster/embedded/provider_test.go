package embedded_test

import (
	"testing"

	"github.com/cniproof/cniproof/internal/cluster"
	"github.com/cniproof/cniproof/internal/cluster/clustertest"
	"github.com/cniproof/cniproof/internal/cluster/embedded"
)

func TestProvider(t *testing.T) {
	clustertest.Run(t, func() cluster.Provider { return embedded.New(embedded.Options{}) })
}
