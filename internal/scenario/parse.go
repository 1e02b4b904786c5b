package scenario

import (
	"bytes"
	"io/fs"
	"time"

	"go.yaml.in/yaml/v3"
	networkingv1 "k8s.io/api/networking/v1"
)

// Parse reads the text of one scenario file, as Load does; file is what problems
// call it.
func Parse(file string, text []byte) (*Scenario, error) {
	list, err := Load(single{file, text}, file)
	if err != nil {
		return nil, err
	}
	return list[0], nil
}

// ReadPolicy reads a NetworkPolicy that stands at a path of a manifest, as an API
// server would: strictly, defaulted, and with everything for which it would be
// refused. Where it names no namespace it gets the one given.
func ReadPolicy(file string, n *yaml.Node, at, namespace string) (*networkingv1.NetworkPolicy, Problems) {
	d := newDecoder(file)
	d.Kubectl = true
	var p networkingv1.NetworkPolicy
	d.Document(n, at, &p)
	d.policyHeader(p.TypeMeta, at)
	if p.Namespace == "" {
		p.Namespace = namespace
	}
	d.plainPolicy(&p, at, map[PolicyKey]int{})
	return &p, d.Problems
}

// Declared are the features that a scenario with these policies has to declare, sorted.
func Declared(policies []*networkingv1.NetworkPolicy) []string {
	var act Act
	for _, p := range policies {
		act.Apply = append(act.Apply, Manifest{p})
	}
	return used(&Scenario{Steps: []Step{{Acts: []Act{act}}}})
}

// single is a file system of one file.
type single struct {
	name string
	text []byte
}

func (s single) Open(name string) (fs.File, error) {
	if name != s.name {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	return &opened{s, bytes.NewReader(s.text)}, nil
}

type opened struct {
	single
	*bytes.Reader
}

func (o *opened) Stat() (fs.FileInfo, error) { return info{o.single}, nil }
func (o *opened) Close() error               { return nil }

type info struct{ single }

func (i info) Name() string       { return i.name }
func (i info) Size() int64        { return int64(len(i.text)) }
func (i info) Mode() fs.FileMode  { return 0o444 }
func (i info) ModTime() time.Time { return time.Time{} }
func (i info) IsDir() bool        { return false }
func (i info) Sys() any           { return nil }
