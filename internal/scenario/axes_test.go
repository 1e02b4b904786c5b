package scenario

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cniproof/cniproof/internal/flow"
)

func TestParseChoice(t *testing.T) {
	got, err := ParseChoice([]string{"via=podIP,dns", "family=ipv6", "protocol=udp,sctp", "placement=same-node", "direction=written,mirrored"})
	want := Choice{
		Vias: []flow.Via{flow.PodIP, flow.ByName}, Families: []flow.Family{flow.IPv6}, Protocols: []flow.Protocol{flow.UDP, flow.SCTP},
		Placements: []Placement{SameNode}, Directions: []Direction{Written, Mirrored},
	}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("error %v, choice (-want +got):\n%s", err, diff)
	}
	_, err = ParseChoice([]string{"via=podIP,nodePort", "colour=red", "=ipv4", "family=ipv4", "family=", "direction"})
	for _, want := range []string{
		`"nodePort" is no value of via: those are podIP, clusterIP, dns`,
		`there is no axis "colour": write one of via=podIP,clusterIP,dns, or family=`,
		`there is no axis ""`,
		`family is given twice`,
		`"" is no value of family`,
		`"" is no value of direction: those are written, mirrored`,
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v lacks %q", err, want)
		}
	}
}

// TestPlacementsDivideTheMatrix checks that flows of the two placements are all flows,
// but for those that have no placement, which are in both.
func TestPlacementsDivideTheMatrix(t *testing.T) {
	s := &Scenario{Topology: Topology{
		Pods: []Pod{
			{Namespace: "x", Name: "a", Node: 1, Ports: []flow.Port{{Number: 80, Protocol: flow.TCP}}},
			{Namespace: "x", Name: "b", Node: 1, Ports: []flow.Port{{Number: 80, Protocol: flow.TCP}}},
			{Namespace: "x", Name: "c", Node: 2, Ports: []flow.Port{{Number: 80, Protocol: flow.TCP}}},
		},
		External: External{Hosts: 1},
	}}
	count := func(p ...Placement) (pods, outside int) {
		axes := Axes{Families: []flow.Family{flow.IPv4}, Vias: []flow.Via{flow.PodIP}, Protocols: []flow.Protocol{flow.TCP}, Placements: p}
		for _, f := range s.Flows(axes) {
			if f.Source.Kind == flow.KindExternal {
				outside++
				continue
			}
			pods++
		}
		return pods, outside
	}
	for name, c := range map[string]struct {
		placements    []Placement
		pods, outside int
	}{
		"all": {nil, 6, 3}, "same node": {[]Placement{SameNode}, 2, 3}, "cross node": {[]Placement{CrossNode}, 4, 3}, "both": {[]Placement{SameNode, CrossNode}, 6, 3},
	} {
		if pods, outside := count(c.placements...); pods != c.pods || outside != c.outside {
			t.Errorf("%s: %d flows between pods and %d from outside, want %d and %d", name, pods, outside, c.pods, c.outside)
		}
	}
}
