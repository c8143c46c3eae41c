# Dunning. Two commands do all a newcomer needs: `make run` and `make test`.
# Both install the system packages they need where Debian's package tool is at
# hand, and say what to install elsewhere.

SHELL := /bin/bash
.DEFAULT_GOAL := help

CUSTOMERS ?= 20000
MONTHS    ?= 24
SEED      ?= 42
DIRTY     ?= 0.002
DUNNING_HOME ?= var/dunning

export GOFLAGS := $(GOFLAGS) -buildvcs=false

.PHONY: help run test testnocgo race nightly lint bench golden screenshots build deps deps-test notebooks fuzz docker clean

help: ## list the targets
	@grep -hE '^[a-z][a-z-]*:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | awk -F'\t' '{printf "  %-10s %s\n", $$1, $$2}'

run: build ## make a portfolio, run the whole pipeline, end with a report (CUSTOMERS= MONTHS= SEED=)
	bin/dunning simulate --home $(DUNNING_HOME) --customers $(CUSTOMERS) --months $(MONTHS) --seed $(SEED) --dirty $(DIRTY)
	bin/dunning run --home $(DUNNING_HOME)

test: deps-test ## run every test
	go test -timeout 45m ./...

testnocgo: ## build and test what must work without C (workers, model serving)
	CGO_ENABLED=0 go test ./data/... ./features/... ./models ./models/trees ./models/uplift/... ./optimizer ./policy

race: deps-test ## run the tests of concurrent code under the race detector
	go test -race -short -timeout 25m ./data/... ./features ./models/... ./optimizer ./policy ./serve

# One after the other: each would disturb the figures of the next.
nightly: deps-test ## the long runs: power cuts, kills, storms, load, memory; an hour on two cores
	DUNNING_LEDGER_CUTS=200 DUNNING_LEDGER_FAULTS=150 DUNNING_LEDGER_KILLS=200 DUNNING_LEDGER_ACTIONS=20000 DUNNING_LEDGER_MUTATIONS=1 go test -count=1 -timeout 120m ./serve/ledger
	DUNNING_SERVE_KILLS=200 go test -count=1 -timeout 20m -run KilledServer ./serve
	DUNNING_LOAD=20 go test -count=1 -v -run LoadOf ./serve
	DUNNING_SOAK=300 go test -count=1 -v -timeout 20m -run MemoryIsFlat ./serve
	DUNNING_MILLION=1 go test -count=1 -v -timeout 30m -run Million ./pipeline

lint: deps ## vet, staticcheck, formatting, import rules
	@test -z "$$(gofmt -l .)" || { gofmt -l .; echo 'lint: run gofmt -w on the files above'; exit 1; }
	go vet ./...
	go tool staticcheck ./...
	go test ./internal/lint

bench: deps ## run each benchmark once (BENCHTIME=3x for figures)
	go test -run '^$$' -bench . -benchtime $(or $(BENCHTIME),1x) ./...

golden: deps ## rewrite the golden files and the generated docs; review the diff
	go test -short ./data/synth ./features ./models ./pipeline ./pipeline/report ./policy ./serve -update

screenshots: deps-test ## photograph every page into docs/screenshots
	go test -count=1 ./serve/web -run TestScreenshots -screenshots $(CURDIR)/docs/screenshots

build: deps ## build bin/dunning
	go build -o bin/dunning ./cmd/dunning

deps:
	@scripts/install-packages.sh run

deps-test:
	@scripts/install-packages.sh run test

notebooks: deps ## run every notebook without a browser; HTML in var/notebooks (docs/NOTEBOOKS.md)
	@scripts/install-packages.sh notebooks
	notebooks/run.sh

docker: ## build the container image
	docker build -t dunning .

clean: ## remove what the build and the demo left (bin, var)
	rm -rf bin var
