package scenario

import (
	"errors"
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/cniproof/cniproof/internal/flow"
)

// ErrNoAddress says that a cluster has no address of the kind that a variable asks
// for, such as an IPv6 one. A scenario that needs it cannot run there.
var ErrNoAddress = errors.New("the cluster has no such address")

var reference = regexp.MustCompile(`\$\{([^}]*)\}`)

// attribute is what a variable asks of its subject.
type attribute struct {
	word   string
	family flow.Family // FamilyUnknown: the first that there is
	whole  bool        // a CIDR instead of an address
}

//nolint:gochecknoglobals // constant table
var (
	addressWords = []attribute{{"ip", 0, false}, {"ip4", flow.IPv4, false}, {"ip6", flow.IPv6, false}}
	rangeWords   = []attribute{{"cidr", 0, true}, {"cidr4", flow.IPv4, true}, {"cidr6", flow.IPv6, true}}
	clusterWords = []attribute{{"podCIDR", 0, true}, {"podCIDR4", flow.IPv4, true}, {"podCIDR6", flow.IPv6, true}}
)

// blockWords are what stands before the slash and the length of a block: the block of
// that length which holds the host, and the one beside it, which differs in its last bit.
//
//nolint:gochecknoglobals // constant table
var blockWords = []struct {
	word   string
	family flow.Family
	beside bool
}{{"block4", flow.IPv4, false}, {"block6", flow.IPv6, false}, {"beside4", flow.IPv4, true}, {"beside6", flow.IPv6, true}}

// variable is a parsed reference. Namespace is set for ${ns.NAME} alone.
type variable struct {
	text      string
	namespace string
	endpoint  flow.Endpoint // KindUnknown: the cluster
	attribute
	length int  // of the block around the endpoint's address; 0: no block
	beside bool // the block beside that one
}

// parseVariable reads what stands between ${ and }.
func parseVariable(text string) (variable, error) {
	subject, rest, _ := strings.Cut(text, ".")
	v := variable{text: text}
	words := slices.Clone(addressWords)
	switch subject {
	case "ns":
		v.namespace = rest
		return v, v.complain(rest == "")
	case "cluster":
		words = clusterWords
	case "pod":
		dot := strings.LastIndex(rest, ".")
		namespace, name, ok := strings.Cut(rest[:max(0, dot)], "/")
		v.endpoint, rest = flow.Pod(namespace, name), rest[dot+1:]
		if !ok || name == "" {
			return v, v.complain(true)
		}
	case "external", "node":
		if subject == "external" {
			words = append(words, rangeWords...)
		}
		var err error
		if v.endpoint, rest, err = v.numbered(subject, rest); err != nil {
			return v, err
		}
		if v.block(subject, rest) {
			return v, nil
		}
	default:
		return v, v.complain(true)
	}
	i := slices.IndexFunc(words, func(a attribute) bool { return a.word == rest })
	if i < 0 || words[i].whole && v.endpoint.Kind == flow.KindExternal && v.text != "external."+rest {
		return v, v.complain(true)
	}
	v.attribute = words[i]
	return v, nil
}

// numbered splits "2.ip" of external and node; external may leave out its number.
func (v variable) numbered(subject, rest string) (flow.Endpoint, string, error) {
	number, word, found := strings.Cut(rest, ".")
	if !found && subject == "external" {
		return flow.External(1), rest, nil
	}
	n, err := strconv.Atoi(number)
	if err != nil || n < 1 || strconv.Itoa(n) != number {
		return flow.Endpoint{}, "", v.complain(true)
	}
	if subject == "node" {
		return flow.Node(n), word, nil
	}
	return flow.External(n), word, nil
}

// block reads "block4/20" and the like of a host outside.
func (v *variable) block(subject, rest string) bool {
	word, digits, _ := strings.Cut(rest, "/")
	length, err := strconv.Atoi(digits)
	if subject != "external" || err != nil || strconv.Itoa(length) != digits {
		return false
	}
	for _, b := range blockWords {
		longest := map[flow.Family]int{flow.IPv4: 32, flow.IPv6: 128}[b.family]
		if b.word == word && length > 0 && length <= longest {
			v.attribute = attribute{word: rest, family: b.family, whole: true}
			v.length, v.beside = length, b.beside
			return true
		}
	}
	return false
}

func (v variable) complain(bad bool) error {
	if !bad {
		return nil
	}
	return fmt.Errorf("unknown variable ${%s}: there are ${ns.NAME}, ${pod.NS/NAME.ip}, ${external.ip}, ${external.2.ip}, ${external.cidr}, ${external.block4/20}, ${external.beside4/20}, ${node.1.ip} and ${cluster.podCIDR}; ip, cidr and podCIDR may end in 4 or 6, block and beside must", v.text)
}

// value is what the variable stands for in a cluster. family narrows a variable
// that leaves it open.
func (v variable) value(b Binding, family flow.Family) (string, error) {
	if v.namespace != "" {
		return b.realNamespace(v.namespace)
	}
	if v.family != flow.FamilyUnknown {
		family = v.family
	}
	if v.length > 0 {
		return pick(v, v.blocks(b.Addresses[v.endpoint]), family, netip.Prefix.Addr)
	}
	if v.whole {
		cidrs := b.PodCIDRs
		if v.endpoint.Kind == flow.KindExternal {
			cidrs = b.ExternalCIDRs
		}
		return pick(v, cidrs, family, netip.Prefix.Addr)
	}
	return pick(v, b.Addresses[v.endpoint], family, func(a netip.Addr) netip.Addr { return a })
}

// blocks are those of the variable's length around addresses, or beside these.
func (v variable) blocks(addrs []netip.Addr) []netip.Prefix {
	var list []netip.Prefix
	for _, a := range addrs {
		if v.length > a.BitLen() {
			continue
		}
		raw := a.AsSlice()
		if v.beside {
			raw[(v.length-1)/8] ^= 0x80 >> ((v.length - 1) % 8)
		}
		if a, ok := netip.AddrFromSlice(raw); ok {
			list = append(list, netip.PrefixFrom(a, v.length).Masked())
		}
	}
	return list
}

// pick returns the first value of a family.
func pick[T fmt.Stringer](v variable, from []T, family flow.Family, addr func(T) netip.Addr) (string, error) {
	for _, value := range from {
		if family == flow.FamilyUnknown || (family == flow.IPv4) == addr(value).Is4() {
			return value.String(), nil
		}
	}
	if family == flow.FamilyUnknown {
		return "", fmt.Errorf("filling in ${%s}: %w", v.text, ErrNoAddress)
	}
	return "", fmt.Errorf("filling in ${%s} for %s: %w", v.text, family, ErrNoAddress)
}

// realNamespace is the cluster's name of a scenario's namespace.
func (b Binding) realNamespace(name string) (string, error) {
	if name == kubeSystem {
		return kubeSystem, nil
	}
	if realName, ok := b.Namespaces[name]; ok {
		return realName, nil
	}
	return "", fmt.Errorf("namespace %q is not part of the cluster", name)
}
