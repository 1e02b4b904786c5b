package embedded

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// requirement is something that a cluster needs of the kernel, and what to do where
// it is missing.
type requirement struct {
	what, remedy string
	try          func(*stack) error
}

// requirements are tried in a network namespace of their own, so that the first one
// that is missing is named before anything is built.
//
//nolint:gochecknoglobals // a constant table
var requirements = []requirement{
	{
		"settings of a network namespace under /proc/sys/net", "inside a container, run it with --privileged or with /proc/sys writable",
		func(s *stack) error {
			return s.do(func() error {
				return writeSettings(append(everySettings[:len(everySettings):len(everySettings)], nodeSettings...))
			})
		},
	},
	{
		"veth devices (CONFIG_VETH)", "let root run `modprobe veth`",
		func(s *stack) error {
			return s.nl.LinkAdd(&netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: "veth0"}, PeerName: "veth1"})
		},
	},
	{
		"bridges (CONFIG_BRIDGE)", "let root run `modprobe bridge`",
		func(s *stack) error { return s.nl.LinkAdd(&netlink.Bridge{LinkAttrs: netlink.LinkAttrs{Name: "br0"}}) },
	},
	{
		"nf_tables with address translation (CONFIG_NF_TABLES, CONFIG_NFT_NAT, CONFIG_NFT_REJECT, CONFIG_NFT_NUMGEN)",
		"let root run `modprobe -a nf_tables nft_chain_nat nft_reject_inet nft_numgen nf_conntrack`",
		func(s *stack) error {
			t, err := newTranslator(&machine{stack: s})
			if err != nil {
				return err
			}
			return t.close()
		},
	},
}

// checkHost names what this process or its kernel lacks for a cluster, and what to
// do about it.
func checkHost() error {
	for name, c := range map[string]uint{"CAP_SYS_ADMIN": unix.CAP_SYS_ADMIN, "CAP_NET_ADMIN": unix.CAP_NET_ADMIN, "CAP_NET_RAW": unix.CAP_NET_RAW} {
		if !hasCapabilities(c) {
			return fmt.Errorf("this process lacks %s: run as root; inside a container, run it with --privileged or with --cap-add for SYS_ADMIN, NET_ADMIN and NET_RAW", name)
		}
	}
	s, err := newStack()
	if err != nil {
		return fmt.Errorf("this host cannot make network namespaces (CONFIG_NET_NS, user.max_net_namespaces): %w", err)
	}
	return errors.Join(checkRequirements(s, requirements), s.close())
}

func checkRequirements(s *stack, list []requirement) error {
	for _, r := range list {
		if err := r.try(s); err != nil {
			return fmt.Errorf("this host lacks %s: %s: %w", r.what, r.remedy, err)
		}
	}
	return nil
}

// firstWord is the first word of a file under /proc, or nothing.
func firstWord(text []byte) string {
	word, _, _ := strings.Cut(strings.TrimSpace(string(text)), " ")
	return word
}

// setTo reports whether a file under /proc holds the value.
func setTo(path, value string) bool {
	text, err := os.ReadFile(path)
	return err == nil && firstWord(text) == value
}
