package kube

import (
	"net/netip"
	"testing"
)

func TestCover(t *testing.T) {
	for _, row := range []struct {
		list []string
		want string
	}{
		{[]string{"10.0.0.1/32"}, "10.0.0.1/32"},
		{[]string{"10.0.0.1/32", "10.0.0.2/32"}, "10.0.0.0/30"},
		{[]string{"10.244.0.0/24", "10.244.1.0/24"}, "10.244.0.0/23"},
		{[]string{"10.244.0.0/24", "10.244.0.7/32"}, "10.244.0.0/24"},
		{[]string{"10.244.0.7/32", "10.244.0.0/16"}, "10.244.0.0/16"},
		{[]string{"1.0.0.0/8", "200.0.0.0/8"}, "0.0.0.0/0"},
		{[]string{"fd00::1/128", "fd00::1:0/128"}, "fd00::/111"},
		{[]string{"fd00::1/128", "10.0.0.0/8"}, ""},
		{nil, ""},
	} {
		var list []netip.Prefix
		for _, text := range row.list {
			list = append(list, netip.MustParsePrefix(text))
		}
		got, err := cover(list)
		if row.want == "" {
			if err == nil {
				t.Errorf("%v is covered by %s", row.list, got)
			}
			continue
		}
		if err != nil || got.String() != row.want {
			t.Errorf("%v is covered by %s, %v; want %s", row.list, got, err, row.want)
		}
	}
}
