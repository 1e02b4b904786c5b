package main

import (
	"os"
	"path/filepath"
	"testing"
)

const process = `{"args":["/agent"],"capabilities":{"bounding":["CAP_CHOWN","CAP_SYS_RESOURCE"],"effective":["CAP_SYS_RESOURCE"]},"oomScoreAdj":-998,"rlimits":[{"hard":1048576,"soft":1048576,"type":"RLIMIT_NOFILE"}],"user":{"gid":18446744073709551615,"uid":0}}`

const lowered = `{"args":["/agent"],"capabilities":{"bounding":["CAP_CHOWN"],"effective":[]},"user":{"gid":18446744073709551615,"uid":0}}`

func TestStrip(t *testing.T) {
	for name, c := range map[string]struct {
		file, before, after string
		args                func(file string) []string
	}{
		"a container is created": {
			"config.json", `{"hostname":"a","process":` + process + `}`, `{"hostname":"a","process":` + lowered + `}`,
			func(file string) []string {
				return []string{"--root", "/run/runc", "create", "--bundle", filepath.Dir(file), "--pid-file", "/init.pid", "a"}
			},
		},
		"with the bundle in one word": {
			"config.json", `{"process":` + process + `}`, `{"process":` + lowered + `}`,
			func(file string) []string { return []string{"run", "--bundle=" + filepath.Dir(file), "a"} },
		},
		"a process joins it": {
			"process.json", process, lowered,
			func(file string) []string { return []string{"exec", "--process", file, "--detach", "a"} },
		},
		"it is deleted": {
			"config.json", `{"process":` + process + `}`, `{"process":` + process + `}`,
			func(string) []string { return []string{"delete", "--force", "a"} },
		},
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), c.file)
			if err := os.WriteFile(file, []byte(c.before), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := strip(c.args(file)); err != nil {
				t.Fatal(err)
			}
			got, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if string(got) != c.after {
				t.Errorf("got  %s\nwant %s", got, c.after)
			}
		})
	}
}

func TestStripSaysWhatIsWrong(t *testing.T) {
	file := filepath.Join(t.TempDir(), "process.json")
	if err := os.WriteFile(file, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := strip([]string{"exec", "--process", file, "a"}); err == nil {
		t.Error("half an object was taken for a whole one")
	}
}

func TestBounded(t *testing.T) {
	for status, want := range map[string]bool{
		"Name:\tx\nCapBnd:\t000001ffffffffff\n": true,
		"Name:\tx\nCapBnd:\t000001fffeffffff\n": false,
		"Name:\tx\n":                            false,
	} {
		if got := bounded(status); got != want {
			t.Errorf("bounded(%q) = %v", status, got)
		}
	}
}
