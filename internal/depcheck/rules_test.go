package depcheck

// Patterns name packages of this module by their folder ("." is its root), all
// others by their import path. A pattern that ends in /... means the package and
// all below it.

// rule says what packages may import. Test files are free.
type rule struct {
	packages string
	// only, where it is not nil, lists all that they may import directly, besides
	// the standard library.
	only []string
	// never lists what they may not import, directly or through others.
	never   []string
	because string
}

// reserve says who alone may import a package directly.
type reserve struct {
	packages []string
	by       []string
	// tests: the rule holds for test files as well.
	tests   bool
	because string
}

var (
	nothing = []string{}
	// live is what reaches a cluster.
	live = []string{"internal/cluster/...", "internal/deploy", "internal/observe", "k8s.io/client-go/..."}
	// answers is what knows or finds out what a cluster must do.
	answers = []string{"internal/oracle", "internal/judge", "internal/reading", "internal/report"}
	// outer is what strings the stages together.
	outer = []string{"internal/runner", "internal/cli", "cmd/...", "suites/..."}
)

// rules has at least one row for every package of the module.
var rules = []rule{
	{packages: ".", only: nothing,
		because: "the root package only embeds the agent's sources"},
	{packages: "cmd/...", only: []string{"internal/cli"},
		because: "main decides nothing; what it could do is the CLI's"},
	{packages: "hack/...", only: []string{"internal/scenario", "internal/mutation", "scenarios"},
		because: "a tool of the repository looks at cniproof from outside, and reads the library as it is"},
	{packages: "internal/agentbin", only: []string{"."},
		because: "it hands out the agent's bytes, and must never link the agent"},
	{packages: "internal/depcheck", only: nothing,
		because: "it reads what the go command prints, nothing else"},
	{packages: "kind-configs", only: nothing,
		because: "it only embeds files"},
	{packages: "scenarios/...", only: nothing,
		because: "it only embeds files: a scenario is data"},

	{packages: "internal/flow", only: nothing,
		because: "the vocabulary is a leaf: every stage and the agent link it"},
	{packages: "probes/...", only: []string{"probes/...", "internal/flow", "golang.org/x/..."},
		because: "the agent is small and static, and knows nothing but flows"},
	{packages: "internal/netpol", never: join(live, answers, outer, []string{"internal/scenario"}),
		because: "defaulting and validation depend on the object alone"},
	{packages: "internal/spelling", only: nothing,
		because: "similar names are found by their letters alone; whoever reads input links it"},
	{packages: "internal/strict", only: []string{"internal/spelling", "go.yaml.in/yaml/v3", "k8s.io/apimachinery/pkg/util/intstr"},
		because: "it reads files whatever they are about"},
	{packages: "internal/scenario", never: join(live, answers, outer),
		because: "a scenario is what its author wrote: the first witness may not ask the second, nor a cluster"},
	{packages: "internal/promise", only: []string{"internal/scenario"},
		because: "it says by which scenarios and axes a promise is tried, not what becomes of them"},
	{packages: "internal/oracle", never: join(live, outer, []string{"internal/judge", "internal/report"}),
		because: "the oracle is deterministic: same bytes in, same bytes out"},
	{packages: "internal/adopt", never: join(live, outer, []string{"internal/judge", "internal/report"}),
		because: "it makes a scenario of objects that it is handed: same objects in, same bytes out"},
	{packages: "internal/mutation", never: join(live, outer, []string{"internal/judge", "internal/report"}),
		because: "it misreads policies and asks the oracle: same library in, same table out"},
	{packages: "internal/vigil", only: []string{"internal/flow"},
		because: "it turns samples into windows, whoever made them and for whatever reason"},
	{packages: "internal/reading", never: join(live, outer, []string{"internal/judge", "internal/report"}),
		because: "what would explain the evidence is found from the policies alone, by nothing that planted a fault"},
	{packages: "internal/judge", never: join(live, outer, []string{"internal/oracle", "internal/report"}),
		because: "the judge holds tables against timelines; it computes neither and touches no cluster"},
	{packages: "internal/page", only: nothing,
		because: "it knows how pages look, not what they say"},
	{packages: "internal/page/pagetest", only: []string{"github.com/chromedp/..."},
		because: "it opens pages whatever they are about"},
	{packages: "internal/goldentest", only: []string{"github.com/google/go-cmp/..."},
		because: "it holds files against text, whatever they are about"},
	{packages: "internal/schematest", only: []string{"github.com/invopop/jsonschema", "github.com/santhosh-tekuri/jsonschema/v6"},
		because: "it makes schemas of types, whatever they are about"},
	{packages: "internal/report", never: join(live, outer, []string{"internal/oracle"}),
		because: "a report says what the judge found: same run in, same bytes out"},
	{packages: "internal/latency", never: join(live, outer, []string{"internal/oracle", "internal/report"}),
		because: "it measures in what was seen, whoever changed the cluster: same samples in, same numbers out"},
	{packages: "internal/benchreport", never: join(live, outer, []string{"internal/oracle"}),
		because: "it says what was measured: same measurements in, same bytes out"},
	{packages: "internal/compare", never: join(live, outer, []string{"internal/oracle"}),
		because: "it reads reports that were written, and asks nobody else"},
	{packages: "internal/conformance", never: join(live, outer, []string{"internal/oracle"}),
		because: "it computes from reports that were written, so that others can compute the same"},

	{packages: "internal/inspect", only: nothing,
		because: "it is what clusters and bundles both know of a look inside, and no more"},
	{packages: "internal/diagnose", never: join(live, outer, []string{"internal/oracle", "internal/report"}),
		because: "a bundle is made from what was seen: same evidence in, same bytes out"},
	{packages: "internal/diagnose/collect", never: join(outer, []string{"internal/oracle", "internal/report", "internal/deploy", "internal/observe"}),
		because: "whoever looks at a cluster after a failure must not know what it should have done"},

	{packages: "internal/observe", never: join(answers, outer, []string{"internal/scenario", "internal/netpol", "internal/deploy"}),
		because: "the observer must not know the answer"},
	{packages: "internal/deploy", never: join(answers, outer, []string{"internal/observe"}),
		because: "whoever applies a step must not know what it should do, nor what it did"},
	{packages: "internal/cluster/...", never: join(answers, outer, []string{"internal/scenario", "internal/deploy", "internal/observe"}),
		because: "a cluster must not know by what it is judged"},
	{packages: "internal/cluster/embedded/engine", never: []string{"internal/oracle", "internal/scenario", "internal/netpol"},
		because: "the reference engine shares no code with the oracle, or agreement between them would prove nothing"},
	{packages: "internal/fetch", only: []string{"github.com/google/go-containerregistry/...", "sigs.k8s.io/yaml"},
		because: "it downloads what it is told to; whoever knows why calls it"},
	{packages: "internal/mirror", never: join(live, answers, outer, []string{"internal/cni", "internal/scenario"}),
		because: "a mirror holds files for whoever asks; it knows no CNI and no cluster"},
	{packages: "internal/cni", never: join(answers, outer, []string{"internal/scenario", "internal/deploy", "internal/observe", "internal/mirror"}),
		because: "the catalog says how to install a CNI and what it claims, not how to judge it"},

	{packages: "internal/runner", never: []string{"internal/cli", "cmd/...", "suites/...", "internal/report", "internal/cluster/embedded/...", "internal/cluster/kind/...", "internal/cluster/existing/..."},
		because: "the runner gets a cluster and returns a run; who made the one and prints the other is not its business"},
	{packages: "internal/cli", never: []string{"cmd/...", "suites/..."},
		because: "the suites and main stand on the CLI's level or above it"},
	{packages: "suites/...", never: []string{"cmd/...", "internal/cli"},
		because: "the suites call the runner, as the CLI does"},
}

var reserves = []reserve{
	{packages: []string{"internal/runner"}, by: []string{"internal/cli", "suites/..."},
		because: "whoever wants a run goes through the CLI or a suite"},
	{packages: []string{"internal/deploy", "internal/observe"}, by: []string{"internal/runner"},
		because: "the runner is the one package that strings the stages together"},
	{packages: []string{"internal/oracle"}, by: []string{"internal/runner", "internal/cli", "internal/adopt", "internal/reading", "internal/mutation"},
		because: "nothing that acts on a cluster may know the answer"},
	{packages: []string{"testing", "testing/..."}, by: []string{"internal/cluster/clustertest", "internal/page/pagetest", "internal/goldentest", "internal/schematest", "suites/..."},
		because: "*testing.T stays in tests, what tests share, and suites/"},
	{packages: []string{"internal/goldentest", "internal/schematest"}, by: nothing,
		because: "they are for tests"},
	{packages: []string{"github.com/onsi/..."}, by: []string{"suites/..."}, tests: true,
		because: "Ginkgo and Gomega stay in suites/"},
	{packages: []string{"github.com/stretchr/testify/..."}, by: nothing, tests: true,
		because: "tests are stdlib testing and go-cmp"},
	{packages: []string{"github.com/vishvananda/...", "github.com/google/nftables/..."}, by: []string{"internal/cluster/embedded/..."},
		because: "only the embedded cluster touches this host's network"},
	{packages: []string{"github.com/chromedp/..."}, by: []string{"internal/page/pagetest"}, tests: true,
		because: "one package knows how a browser is driven, and only tests have one"},
	{packages: []string{"github.com/spf13/..."}, by: []string{"internal/cli"},
		because: "flags and commands are the CLI's"},
}

func join(lists ...[]string) []string {
	var all []string
	for _, l := range lists {
		all = append(all, l...)
	}
	return all
}
