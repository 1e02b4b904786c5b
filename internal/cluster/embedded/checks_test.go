package embedded

import (
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestThisHostHasEverything(t *testing.T) {
	if err := checkHost(); err != nil {
		t.Fatal(err)
	}
}

func TestMissingRequirementIsNamed(t *testing.T) {
	s, err := newStack()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.close() }()
	cause := errors.New("not supported")
	err = checkRequirements(s, []requirement{
		{"one", "do nothing", func(*stack) error { return nil }},
		{"two", "do something", func(*stack) error { return cause }},
	})
	if !errors.Is(err, cause) || !strings.Contains(err.Error(), "lacks two: do something") {
		t.Errorf("%v", err)
	}
}

// TestVersionIsThatOfTheAPI holds the version that reports show to the module.
func TestVersionIsThatOfTheAPI(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "..", "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	if want := "k8s.io/api v0." + strings.TrimPrefix(kubernetesVersion, "v1.") + "."; !strings.Contains(string(text), want) {
		t.Errorf("the API says %s, go.mod has no %q", kubernetesVersion, want)
	}
}

func TestOrdinalsComeBackLate(t *testing.T) {
	o := newOrdinals(3)
	var got []int
	for range 2 {
		n, _ := o.take()
		got = append(got, n)
		o.give(n)
	}
	for range 3 {
		n, _ := o.take()
		got = append(got, n)
	}
	if want := []int{1, 2, 3, 1, 2}; !slices.Equal(got, want) {
		t.Errorf("taken %v, want %v", got, want)
	}
	if n, ok := o.take(); ok {
		t.Errorf("%d is taken twice", n)
	}
}

func TestAddressesAreApart(t *testing.T) {
	for i := range podCIDRs {
		for n := 1; n <= nodeCount; n++ {
			pods := nodePodCIDRs(n)[i]
			if !podCIDRs[i].Contains(pods.Addr()) || podCIDRs[i].Bits() >= pods.Bits() {
				t.Errorf("node %d has the pods %s, the cluster %s", n, pods, podCIDRs[i])
			}
			if other := nodePodCIDRs(n%nodeCount + 1)[i]; other.Overlaps(pods) {
				t.Errorf("two nodes have the pods %s and %s", pods, other)
			}
			last := nth(pods, 1<<(32-nodePodCIDRs(n)[0].Bits())-2)
			if !pods.Contains(last) {
				t.Errorf("the last pod of node %d is %s, its pods are in %s", n, last, pods)
			}
		}
		all := []netip.Prefix{podCIDRs[i], serviceCIDRs[i], nodeCIDRs[i], externalCIDRs[i]}
		for x := range all {
			for y := range x {
				if all[x].Overlaps(all[y]) {
					t.Errorf("%v and %v overlap", all[x], all[y])
				}
			}
		}
	}
}
