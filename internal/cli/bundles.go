package cli

import (
	"context"
	"fmt"
	"path/filepath"
	"runtime"
	"time"

	"github.com/cniproof/cniproof/internal/cluster"
	"github.com/cniproof/cniproof/internal/cluster/agentimage"
	"github.com/cniproof/cniproof/internal/diagnose"
	"github.com/cniproof/cniproof/internal/diagnose/collect"
	"github.com/cniproof/cniproof/internal/judge"
	"github.com/cniproof/cniproof/internal/report"
)

const (
	// bundlesFolder holds a folder for each run that failed, unless --bundles says where.
	bundlesFolder = "cniproof-failures"
	// noBundles is the --bundles of a run that shall write none.
	noBundles = "none"
)

// bundles writes a folder about each failure while its stage stands. Nothing in it
// can change a result: what goes wrong is noted in the bundle, or on standard error.
type bundles struct {
	folder  *diagnose.Folder
	cluster cluster.Cluster
	screen  *screen
}

// newBundles returns nil where none are wanted.
func newBundles(flag string, c cluster.Cluster, s *screen) *bundles {
	switch flag {
	case noBundles:
		return nil
	case "":
		flag = filepath.Join(bundlesFolder, time.Now().Format("2006-01-02T15-04-05"))
	}
	return &bundles{folder: diagnose.NewFolder(flag), cluster: c, screen: s}
}

// write writes the bundle of one failure.
func (b *bundles) write(ctx context.Context, e diagnose.Evidence) {
	if b == nil || !b.folder.Room(e.Scenario.Name) {
		return
	}
	since := e.Since
	if since.IsZero() {
		since = e.Result.Begin
	}
	if b.cluster.Description().Reference { // its pods are processes: the image is for whoever tries elsewhere
		if image, err := agentimage.New(ctx, runtime.GOARCH); err == nil {
			e.Image = image.Name
		}
	}
	snapshot := collect.Take(ctx, b.cluster, e.Namespaces(), since)
	if _, err := b.folder.Write(e.Scenario.Name, diagnose.Render(&e, snapshot, b.words(e.Result))); err != nil {
		b.screen.note(err.Error())
	}
}

// ended drops the bundle of a scenario whose second try was right.
func (b *bundles) ended(s judge.Scenario) {
	if b == nil || s.Result != judge.Pass && s.Result != judge.Recorded {
		return
	}
	if err := b.folder.Drop(s.Name); err != nil {
		b.screen.note(err.Error())
	}
}

func (b *bundles) words(result judge.Scenario) diagnose.Words {
	in := b.screen.input(&judge.Run{Scenarios: []judge.Scenario{result}, Preflight: judge.Preflight{Enforced: true}})
	return diagnose.Words{
		Screen:   report.Details(in, report.Options{}),
		Cluster:  []string{"cniproof " + in.Tool, in.Cluster.String()},
		Commands: report.Commands(in, result.Name),
	}
}

// summary is what the report says of them.
func (b *bundles) summary() report.Bundles {
	if b == nil {
		return report.Bundles{}
	}
	written, left := b.folder.Count()
	all := report.Bundles{Path: b.folder.Path(), Written: written, LeftOut: left, Folders: map[string]string{}}
	for _, name := range b.folder.Names() {
		all.Folders[name] = b.folder.Dir(name)
	}
	return all
}

// checkBundles finds out whether the folder can be made, where the user named one.
func checkBundles(flag string) error {
	if flag == "" || flag == noBundles {
		return nil
	}
	if err := creatable(flag); err != nil {
		return fmt.Errorf("--bundles: %w", err)
	}
	return nil
}
