# Every target is one line; what needs more lives in hack/.
.DEFAULT_GOAL := help
.PHONY: help build run test verify lint bench faults mutants fuzz mirror e2e-kind e2e-tests release-check snapshot generate clean
ARGS ?=

help: ## list the targets
	@sed -n 's/^\([a-z0-9-]*\):.*## /\1|/p' $(MAKEFILE_LIST) | while IFS='|' read -r name text; do printf '  %-13s %s\n' "$$name" "$$text"; done

build: ## build bin/cniproof, with the agent inside
	hack/build.sh

run: build ## build, then judge the embedded cluster; flags: ARGS="--run REGEX --fault NAME"
	bin/cniproof run $(ARGS)

test: ## run every test, most with the race detector where a C compiler is; ARGS="-run REGEX -v"
	hack/test.sh $(ARGS)

verify: ## run every check in hack/verify, also after a failure; ARGS="lint links" for some
	hack/verify.sh $(ARGS)

lint: ## run golangci-lint alone; ARGS="--fix ./internal/flow/..."
	hack/lint.sh $(ARGS)

bench: build ## measure probes, engine and whole runs; ARGS="--parallel 1,4 --shares 50,100"
	hack/bench.sh $(ARGS)

faults: build ## plant each fault in turn and write docs/faults.md; ARGS="^ignore-" tries some, ARGS="--only ^ignore-" rewrites those
	hack/faults.sh $(ARGS)

mutants: build ## change the engine's source in random places, and see what no scenario notices; ARGS="--count 5 --files rule"
	go run ./hack/mutants $(ARGS)

fuzz: ## run every fuzz test for a while; FUZZTIME=50000x inputs each
	hack/fuzz.sh $(ARGS)

mirror: ## fill a mirror folder for kind clusters without a registry; docs/offline.md
	hack/offline/mirror.sh

e2e-kind: ## judge none, Calico and Cilium on kind clusters, from the mirror; ARGS="calico"
	hack/e2e-kind.sh $(ARGS)

e2e-tests: ## run the tests that need a kind cluster, and break it; ARGS="cilium"
	hack/e2e-tests.sh $(ARGS)

release-check: ## check the release's configuration; builds goreleaser first, which takes minutes
	hack/release.sh check

snapshot: ## build a release into dist/, but no images, and look at what came out
	hack/release.sh snapshot

generate: ## rewrite generated files, documents and goldens
	hack/generate.sh $(ARGS)

clean: ## remove what the other targets made
	rm -rf bin dist internal/agentbin/embedded/*.gz
