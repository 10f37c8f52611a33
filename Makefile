# carpal: every target can be repeated at any time; each does only what is missing.
SHELL := /bin/bash
export PATH := $(CURDIR)/node_modules/.bin:$(PATH)

.PHONY: help setup cluster-tools cluster quickstart test check format bench clean manifests

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

setup: ## install npm packages, TensorFlow's library and its binding (cached, repeatable)
	@bash setup/setup.sh

cluster-tools: setup ## build Kubernetes' control plane, kwok, versitygw and Kueue for the tests (needs Go and kubectl; 15 minutes once, then cached)
	@node setup/main.ts cluster-tools

cluster: cluster-tools ## run Kubernetes with carpal's operator on this machine, without containers, until Ctrl-C; KUEUE=1: with Kueue; ARGS="...": operator flags
	@node testbed/cluster/main.ts $(if $(KUEUE),--kueue) -- $(ARGS)

quickstart: setup ## phantoms, three folds, an ensemble and a score on this machine
	@bash setup/quickstart.sh

test: cluster-tools ## run every test
	vitest run

check: setup ## check format, lint, types, unused code and spelling
	biome check .
	oxlint --type-aware
	tsc -p .
	knip
	node node_modules/cspell/bin.mjs --no-progress --no-summary --dot

format: setup ## fix the format
	biome check --write .

manifests: setup ## generate infra/gitops (base and components) from the code
	node operator/install/main.ts

bench: setup ## measure the quick cases of docs/benchmarks.md (./carpal bench --help lists all)
	./carpal bench

clean: ## remove the results of runs (the build cache stays)
	rm -rf .carpal out data
