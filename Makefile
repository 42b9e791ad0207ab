# Targets for people; `make` alone lists them.

.DEFAULT_GOAL := help
SHELL := bash

# The Go that is installed is used; nothing is downloaded behind your back. Without cgo the binary runs
# on any Linux and asks for names like every Go program; with one setting everywhere, building and testing
# share what they compile. (Tests with the race detector need cgo and switch it on themselves.)
export GOTOOLCHAIN := local
export CGO_ENABLED := 0

SEED ?=

.PHONY: help
help: ## Show this list
	@awk 'BEGIN {FS = ":.*## "} /^[a-z]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: demo
demo: setup build ## See complaints become tasks: the demo company and the whole product (ONCE=1 ends after ten, SEED=n)
	bin/crosswalk demo $(if $(ONCE),--once) $(if $(SEED),--seed $(SEED))

.PHONY: build
build: ## Compile bin/crosswalk
	go build -o bin/crosswalk ./cmd/crosswalk

.PHONY: setup
setup: ## Install the packages that are missing (Chromium for the robots)
	scripts/setup

.PHONY: test
test: ## Everything that must hold: setup, check, all tests
	scripts/setup test
	$(MAKE) --no-print-directory check
	go build -C tools -o ../bin/testrun ./testrun
	go build -C tools -o ../bin/stripe-mock github.com/stripe/stripe-mock
	bin/testrun

.PHONY: check
check: build ## All that needs no running program: format, vet, generated files, determinism, the shipped content
	@unformatted=$$(git ls-files -co --exclude-standard '*.go' | xargs -r gofmt -l); \
		test -z "$$unformatted" || { echo "not formatted, run gofmt -w on:"; echo "$$unformatted"; exit 1; }
	scripts/check-generated
	go vet ./...
	go vet -C tools ./... && go test -C tools ./...
	go list -C bench/robots -deps . >/dev/null && go list -C bench/rules -deps . >/dev/null
	go build -C tools -o ../bin/workflowcheck go.temporal.io/sdk/contrib/tools/workflowcheck
	bin/workflowcheck -config workflowcheck.config.yaml -show-pos ./workflows/... ./worker/...
	bin/crosswalk check
	bin/crosswalk test
	bin/crosswalk rules test --threshold 90
	bin/crosswalk rules analyze

.PHONY: bench
bench: build ## Measure: the interpreter against the same plan by hand, and what grows (several minutes)
	go run ./bench

.PHONY: benchadapters
benchadapters: ## Measure: a call through an adapter against net/http alone, a million rows, a limit with 200 waiting
	go run ./bench/adapters

.PHONY: benchrules
benchrules: ## Measure: rule tables against one expr program, cel-go and OPA (a module of its own: fetches them)
	go run -C bench/rules .

.PHONY: benchrobots
benchrobots: ## Measure: the same robot in Crosswalk, plain rod and Playwright (a module of its own; needs Debian's nodejs and npm: fetches playwright-core)
	@command -v node >/dev/null && command -v npm >/dev/null || { echo "install node first: apt-get install nodejs npm"; exit 1; }
	npm install --prefix bench/robots --no-package-lock --no-audit --no-fund --silent
	go run -C bench/robots .

.PHONY: generate
generate: ## Write the generated files again
	go generate ./...

.PHONY: clean
clean: ## Remove what was built
	rm -rf bin
