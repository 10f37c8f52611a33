# carpal: every target can be run again at any time; each does only what is missing.
SHELL := /bin/bash
export PATH := $(CURDIR)/node_modules/.bin:$(PATH)

.PHONY: help setup cluster-tools cluster quickstart test check format bench clean manifests

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

setup: ## npm packages, TensorFlow's library and its binding (cached, repeatable)
	@bash setup/setup.sh

cluster-tools: setup ## Kubernetes' control plane, kwok and versitygw from source, for the tests (needs Go; 5 minutes once, then cached)
	@node setup/main.ts cluster-tools

cluster: cluster-tools ## a Kubernetes with carpal's operator on this machine, without containers, until Ctrl-C
	@node testbed/cluster/main.ts

quickstart: setup ## phantoms, three folds, a vote and a score on this machine
	@bash setup/quickstart.sh

test: cluster-tools ## every test
	vitest run

check: setup ## format, lint, types, unused code
	biome check .
	oxlint --type-aware
	tsc -p .
	knip

format: setup ## mend the format
	biome check --write .

manifests: setup ## infra/gitops (base and components), from the code
	node operator/install/main.ts

bench: setup ## the quick figures of docs/benchmarks.md, each beside its peer (./carpal bench --help names the others)
	./carpal bench

clean: ## remove what runs have left here (the cache of builds stays)
	rm -rf .carpal out data
