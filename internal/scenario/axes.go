package scenario

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/cniproof/cniproof/internal/flow"
)

// Axes are the values along which a matrix is spread out.
type Axes struct {
	Families  []flow.Family
	Vias      []flow.Via
	Protocols []flow.Protocol
	// Placements are of the two ends of a flow; nil: wherever they are.
	Placements []Placement
}

// Placement says whether both ends of a flow are on one node. Hosts outside the
// cluster, and its DNS, are neither.
type Placement string

// The placements.
const (
	SameNode  Placement = "same-node"
	CrossNode Placement = "cross-node"
)

// Direction is a scenario as its author wrote it, or Mirror of it.
type Direction string

// The directions.
const (
	Written  Direction = "written"
	Mirrored Direction = "mirrored"
)

// AllAxes is every family, path and protocol that there is. Of a path by name the same
// is expected as of that by the Service's address.
func AllAxes() Axes {
	return Axes{
		Families:  []flow.Family{flow.IPv4, flow.IPv6},
		Vias:      []flow.Via{flow.PodIP, flow.ClusterIP},
		Protocols: []flow.Protocol{flow.TCP, flow.UDP, flow.SCTP},
	}
}

// Choice is the part of the axes that somebody chose; a nil one was not chosen.
type Choice struct {
	Families   []flow.Family
	Vias       []flow.Via
	Protocols  []flow.Protocol
	Placements []Placement
	Directions []Direction
}

// Default reports whether no axis on which flows lie was chosen.
func (c Choice) Default() bool {
	return c.Families == nil && c.Vias == nil && c.Protocols == nil && c.Placements == nil
}

// Nothing reports whether nothing was chosen at all.
func (c Choice) Nothing() bool { return c.Default() && c.Directions == nil }

// Of is what was chosen of the axes that there are.
func (c Choice) Of(have Axes) Axes {
	return Axes{
		Families:   chosen(have.Families, c.Families),
		Vias:       chosen(have.Vias, c.Vias),
		Protocols:  chosen(have.Protocols, c.Protocols),
		Placements: c.Placements,
	}
}

func chosen[T comparable](have, want []T) []T {
	if want == nil {
		return have
	}
	return slices.DeleteFunc(slices.Clone(have), func(v T) bool { return !slices.Contains(want, v) })
}

// AxisValues are the axes and their values, as ParseChoice reads them.
func AxisValues() []string {
	return []string{
		"via=podIP,clusterIP,dns", "family=ipv4,ipv6", "protocol=tcp,udp,sctp",
		"placement=same-node,cross-node", "direction=written,mirrored",
	}
}

// ParseChoice reads the "AXIS=VALUE,VALUE" words of --axes. All mistakes are reported at once.
func ParseChoice(words []string) (Choice, error) {
	var c Choice
	var errs []error
	seen := map[string]bool{}
	for _, word := range words {
		axis, values, _ := strings.Cut(word, "=")
		i := slices.IndexFunc(AxisValues(), func(known string) bool { return strings.HasPrefix(known, axis+"=") })
		switch {
		case i < 0 || axis == "":
			errs = append(errs, fmt.Errorf("--axes: there is no axis %q: write one of %s", axis, strings.Join(AxisValues(), ", or ")))
			continue
		case seen[axis]:
			errs = append(errs, fmt.Errorf("--axes: %s is given twice: write all its values behind one %s=", axis, axis))
		}
		seen[axis] = true
		_, list, _ := strings.Cut(AxisValues()[i], "=")
		for _, value := range strings.Split(values, ",") {
			if !slices.Contains(strings.Split(list, ","), value) {
				errs = append(errs, fmt.Errorf("--axes: %q is no value of %s: those are %s", value, axis, strings.ReplaceAll(list, ",", ", ")))
				continue
			}
			errs = append(errs, c.add(axis, value))
		}
	}
	return c, errors.Join(errs...)
}

func (c *Choice) add(axis, value string) error {
	var err error
	switch axis {
	case "via":
		c.Vias, err = with(c.Vias, value)
	case "family":
		c.Families, err = with(c.Families, value)
	case "protocol":
		c.Protocols, err = with(c.Protocols, strings.ToUpper(value))
	case "placement":
		c.Placements = append(c.Placements, Placement(value))
	case "direction":
		c.Directions = append(c.Directions, Direction(value))
	}
	return err
}

// with adds a value of flow's to a list, by its word.
func with[T any, P interface {
	*T
	UnmarshalText([]byte) error
}](list []T, word string) ([]T, error) {
	var value T
	if err := P(&value).UnmarshalText([]byte(word)); err != nil {
		return list, err
	}
	return append(list, value), nil
}

// PlacementOf is how the ends of a flow lie to one another; "" where one has no node.
func (s *Scenario) PlacementOf(f flow.Flow) Placement {
	return placement(s.Topology.places(), f.Source, f.Destination)
}

func placement(nodes map[flow.Endpoint]int, from, to flow.Endpoint) Placement {
	switch {
	case nodes[from] == 0 || nodes[to] == 0:
		return ""
	case nodes[from] == nodes[to]:
		return SameNode
	}
	return CrossNode
}

// places is the node of each endpoint that is on one.
func (t Topology) places() map[flow.Endpoint]int {
	nodes := map[flow.Endpoint]int{}
	for _, p := range t.Pods {
		nodes[p.Endpoint()] = p.Node
	}
	for n := 1; n <= t.NodeCount(); n++ {
		nodes[flow.Node(n)] = n
	}
	return nodes
}

// placed reports whether flows between these ends are wanted. Those with an end that is
// on no node always are.
func (m *matrix) placed(from, to flow.Endpoint) bool {
	p := placement(m.nodes, from, to)
	return m.axes.Placements == nil || p == "" || slices.Contains(m.axes.Placements, p)
}

// Changes reports whether some step denies, or leaves open, a flow of these axes.
func (s *Scenario) Changes(axes Axes) bool {
	for _, f := range s.Flows(axes) {
		for _, step := range s.Steps {
			if step.Expect.Verdict(f) != flow.Allow {
				return true
			}
		}
	}
	return false
}
