package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/cniproof/cniproof/internal/adopt"
	"github.com/cniproof/cniproof/internal/cluster/existing"
	"github.com/cniproof/cniproof/internal/netpol"
)

// importFlags are the flags of `import`.
type importFlags struct {
	namespaces []string
	all        bool
	selector   string
	from       []string
	to, name   string

	kubeconfig, context string
	adopt.Options
}

func (a *app) importCommand() *cobra.Command {
	var flags importFlags
	cmd := &cobra.Command{
		Use:   "import (-n NAMESPACE... | -A | --from FILE...)",
		Short: "Make a scenario of namespaces, workloads and policies that you have",
		Long: `import reads namespaces, pods and NetworkPolicies of a cluster, or manifests of them
and of workloads, and writes a scenario: the labels and the policies are yours, the
workloads are replaced by probes, and the verdicts are computed. It changes nothing
on the cluster. What could not be carried over is said in the file and on standard
error.`,
		Example: `  cniproof import -n shop > shop.yaml
  cniproof import --from k8s/ --to shop.yaml
  kustomize build . | cniproof import --from - --name shop > shop.yaml
  cniproof import -A --selector 'tier in (web, db)' --context staging --to staging.yaml`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.importObjects(cmd.Context(), &flags) },
	}
	f := cmd.Flags()
	f.StringSliceVarP(&flags.namespaces, "namespace", "n", nil, "the namespace whose policies to prove (repeatable); pods of others take part where a policy names them")
	f.BoolVarP(&flags.all, "all-namespaces", "A", false, "all namespaces but kube-system")
	f.StringVarP(&flags.selector, "selector", "l", "", "only pods with these labels")
	f.StringArrayVar(&flags.from, "from", nil, "manifests to read instead of a cluster: files, folders, or - for standard input (repeatable)")
	f.StringVar(&flags.to, "to", "", "the file to write; its stem is the scenario's name (default: standard output)")
	f.StringVar(&flags.name, "name", "", "the scenario's name, which must be that of its file without .yaml (default: the namespace's)")
	f.StringVar(&flags.kubeconfig, "kubeconfig", "", "the kubeconfig (default: kubectl's)")
	f.StringVar(&flags.context, "context", "", "the context of the kubeconfig (default: the current one)")
	f.BoolVar(&flags.Replicas, "replicas", false, "two probes for each set of labels, on two nodes, instead of one")
	f.BoolVar(&flags.OneNode, "one-node", false, "put all probes on one node, for a cluster that has no other")
	f.IntVar(&flags.MaxPods, "max-pods", adopt.DefaultMaxPods, "how many probe pods there may be; every one is tried from every other")
	f.IntVar(&flags.Hosts, "external-hosts", 2, "how many hosts outside the cluster may stand for addresses in ipBlocks; existing clusters need as many (run --external-host)")
	f.BoolVar(&flags.IPv6, "ipv6", false, "map IPv6 blocks too; the scenario then needs a cluster with IPv6 (default: where the pods have such addresses)")
	f.BoolVar(&flags.DeclaredPorts, "declared-ports", false, "serve no port beside those that objects name; otherwise each pod that a rule with ports is about has one more, which nothing opens")
	return cmd
}

// mostHosts and mostPods are what a scenario can have.
const (
	mostHosts = 16
	mostPods  = 99 // and one that nobody names
)

func (f *importFlags) check() error {
	var errs []error
	wrong := func(bad bool, format string, args ...any) {
		if bad {
			errs = append(errs, fmt.Errorf(format, args...))
		}
	}
	wrong(f.all && len(f.namespaces) > 0, "--all-namespaces: it takes every namespace, so --namespace has no meaning beside it")
	wrong(!f.all && len(f.namespaces)+len(f.from) == 0, "what is to be imported? Name a namespace (-n), take all (-A), or give manifests (--from)")
	wrong(f.MaxPods < 1 || f.MaxPods > mostPods, "--max-pods: must be from 1 to %d", mostPods)
	wrong(f.Hosts < 0 || f.Hosts > mostHosts, "--external-hosts: must be from 0 to %d", mostHosts)
	wrong(f.Replicas && f.OneNode, "--replicas: it needs two nodes, so --one-node cannot stand beside it")
	wrong(len(f.from) > 0 && f.kubeconfig+f.context != "", "--from: manifests are read instead of a cluster, so --kubeconfig and --context have no meaning")
	if f.selector != "" {
		s, err := labels.Parse(f.selector)
		if err != nil {
			errs = append(errs, fmt.Errorf("--selector: %w", err))
		}
		f.Selector = s
	}
	return errors.Join(append(errs, f.nameIt())...)
}

// nameIt settles the scenario's name, which has to be that of its file.
func (f *importFlags) nameIt() error {
	stem := strings.TrimSuffix(filepath.Base(f.to), filepath.Ext(f.to))
	switch {
	case f.to != "" && f.name != "" && f.name != stem:
		return fmt.Errorf("--name: the file is called %s, and a scenario is called like its file", stem)
	case f.name != "":
	case f.to != "":
		f.name = stem
	case len(f.namespaces) == 1:
		f.name = f.namespaces[0]
	default:
		f.name = "imported"
	}
	if rules := validation.IsDNS1123Label(f.name); len(rules) > 0 {
		return fmt.Errorf("--name: %q: %s", f.name, strings.Join(rules, "; "))
	}
	f.Name, f.Namespaces = f.name, f.namespaces
	return nil
}

func (a *app) importObjects(ctx context.Context, flags *importFlags) error {
	if err := flags.check(); err != nil {
		return badInput(err)
	}
	objects, err := a.objects(ctx, flags)
	if err != nil {
		return err
	}
	result, err := adopt.Import(objects, flags.Options)
	if err != nil {
		return badInput(fmt.Errorf("importing: %w", err))
	}
	for _, note := range result.Notes {
		a.notef("note: %s\n", note)
	}
	if flags.to == "" {
		_, err = a.stdout.Write(result.Text)
		return infrastructure(err)
	}
	if err := os.WriteFile(flags.to, result.Text, 0o644); err != nil { //nolint:gosec // a scenario is for everybody to read
		return infrastructure(fmt.Errorf("writing the scenario: %w", err))
	}
	a.notef("%s: %s; the verdicts are computed, so read them, then: cniproof run -f %s\n", flags.to, plural(len(result.Probes), "probe pod"), flags.to)
	return nil
}

func (a *app) objects(ctx context.Context, flags *importFlags) (adopt.Objects, error) {
	if len(flags.from) > 0 {
		return a.manifests(flags)
	}
	objects, err := flags.live(ctx)
	if err != nil {
		return objects, infrastructure(fmt.Errorf("importing from a cluster: %w", err))
	}
	return objects, nil
}

// manifests reads files.
func (a *app) manifests(flags *importFlags) (adopt.Objects, error) {
	var files []adopt.Manifest
	for _, from := range flags.from {
		if from == "-" {
			text, err := io.ReadAll(os.Stdin)
			if err != nil {
				return adopt.Objects{}, infrastructure(fmt.Errorf("reading standard input: %w", err))
			}
			files = append(files, adopt.Manifest{File: "standard input", Text: text})
			continue
		}
		paths, err := yamlFiles([]string{from}, ".json")
		if err != nil {
			return adopt.Objects{}, badInput(fmt.Errorf("--from: %w", err))
		}
		for _, path := range paths {
			text, err := os.ReadFile(path) //nolint:gosec // the user's own path
			if err != nil {
				return adopt.Objects{}, badInput(fmt.Errorf("--from: %w", err))
			}
			files = append(files, adopt.Manifest{File: path, Text: text})
		}
	}
	namespace := corev1.NamespaceDefault
	if len(flags.namespaces) == 1 {
		namespace = flags.namespaces[0]
	}
	flags.Source = strings.Join(flags.from, ", ")
	objects, err := adopt.Read(files, namespace)
	if err != nil {
		err = fmt.Errorf("the manifests cannot be imported:\n%w", err)
	}
	return objects, badInput(err)
}

// live reads a cluster.
func (f *importFlags) live(ctx context.Context) (adopt.Objects, error) {
	r, err := existing.Connect(f.kubeconfig, f.context)
	if err != nil {
		return adopt.Objects{}, err
	}
	f.Source = "the cluster at " + r.Host
	if f.context != "" {
		f.Source = "the cluster of context " + f.context
	}
	objects, err := readCluster(ctx, r, f.namespaces)
	if err != nil {
		return objects, err
	}
	f.IPv6 = f.IPv6 || slices.ContainsFunc(objects.Workloads, func(w adopt.Workload) bool {
		return slices.ContainsFunc(w.Addresses, netip.Addr.Is6)
	})
	return objects, nil
}

// readCluster reads the namespaces that are asked for, and those that their policies
// name; all where none is asked for.
func readCluster(ctx context.Context, r *existing.Reader, asked []string) (adopt.Objects, error) {
	var o adopt.Objects
	var err error
	if o.Ranges, err = r.Ranges(ctx); err != nil {
		o.Notes = append(o.Notes, fmt.Sprintf("the nodes' addresses and the ranges of their pods are not known: %v", err))
	}
	if o.Namespaces, err = r.Namespaces(ctx); err != nil {
		if !existing.Forbidden(err) || len(asked) == 0 {
			return o, err
		}
		o.Notes = append(o.Notes, fmt.Sprintf("pods of other namespaces take no part, though policies may name them: %v", err))
		for _, name := range asked {
			ns, err := r.Namespace(ctx, name)
			if err != nil {
				return o, err
			}
			o.Namespaces = append(o.Namespaces, *ns)
		}
	}
	for _, name := range asked {
		if !slices.ContainsFunc(o.Namespaces, func(ns corev1.Namespace) bool { return ns.Name == name }) {
			return o, fmt.Errorf("there is no namespace %q", name)
		}
	}
	o.Namespaces = slices.DeleteFunc(o.Namespaces, func(ns corev1.Namespace) bool { return ns.Labels["cniproof.dev/run"] != "" })
	err = readNamespaces(ctx, r, asked, &o)
	return o, err
}

func readNamespaces(ctx context.Context, r *existing.Reader, asked []string, o *adopt.Objects) error {
	take := func(name string) error {
		found, err := r.Objects(ctx, name)
		if err != nil {
			return err
		}
		o.Workloads = append(o.Workloads, adopt.FromPods(found.Pods)...)
		o.Services = append(o.Services, found.Services...)
		for i := range found.Policies {
			netpol.Default(&found.Policies[i])
			o.Policies = append(o.Policies, &found.Policies[i])
		}
		return nil
	}
	if len(asked) == 0 {
		return take("")
	}
	for _, name := range asked {
		if err := take(name); err != nil {
			return err
		}
	}
	for _, name := range adopt.Neighbours(o.Namespaces, o.Policies, asked) {
		if err := take(name); err != nil {
			return err
		}
	}
	return nil
}
