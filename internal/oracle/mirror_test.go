package oracle_test

import (
	"testing"

	"github.com/cniproof/cniproof/internal/oracle"
	"github.com/cniproof/cniproof/internal/scenario"
	"github.com/cniproof/cniproof/scenarios"
)

// TestMirrorsAgree checks that what a mirror expects, which follows from the lines of its
// author, is what its policies mean, for every scenario of the library that has one.
func TestMirrorsAgree(t *testing.T) {
	list, err := scenario.Load(scenarios.FS, ".")
	if err != nil {
		t.Fatal(err)
	}
	mirrors := 0
	for _, s := range list {
		m, why := s.Mirror()
		if why != "" {
			continue
		}
		mirrors++
		for _, d := range oracle.Check(m, scenario.Symbolic(m.Topology), scenario.AllAxes()) {
			t.Errorf("%s: %v", m.Name, d)
			break
		}
	}
	t.Logf("%d of %d scenarios have a mirror", mirrors, len(list))
	if mirrors < 100 {
		t.Errorf("only %d of %d scenarios have a mirror", mirrors, len(list))
	}
}
