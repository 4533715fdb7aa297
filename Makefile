# Habeas. `make help` lists what there is to make.
SHELL := /bin/bash
.DEFAULT_GOAL := build

TOOLS := $(CURDIR)/.tools/bin
export PATH := $(TOOLS):$(PATH)
WORKFLOWCHECK := go run go.temporal.io/sdk/contrib/tools/workflowcheck@v0.6.0

.PHONY: help
help: ## show this help
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

.PHONY: build
build: ## build bin/habeas and bin/habeas-worker
	@mkdir -p bin .tools/log
	@. scripts/watched.sh && watched "building bin/habeas and bin/habeas-worker" .tools/log/build.log \
		sh -c 'go build -trimpath -o bin/habeas ./starter && go build -trimpath -o bin/habeas-worker ./worker'

.PHONY: tools
tools: ## install what is missing: PostgreSQL, MariaDB and Postfix (apt), the Temporal CLI (.tools)
	@sh scripts/install-tools.sh

.PHONY: demo
demo: tools build ## run access requests, a deletion, a breach notice and retention on the example company, and leave everything up
	@bin/habeas demo

.PHONY: down
down: build ## stop what the demo started; its data stays
	@bin/habeas stack down

.PHONY: test
test: tools vet ## everything: unit, workflow, replay, end to end on real servers
	go test -timeout 40m ./...
	@sh scripts/fuzz.sh 10

.PHONY: vet
vet: ## go vet and workflowcheck
	go vet ./...
	$(WORKFLOWCHECK) ./workflows/...

.PHONY: check
check: vet ## all that is static: format, vet, workflowcheck, golangci-lint, known vulnerabilities
	@test -z "$$(gofmt -l .)" || { echo "gofmt would change:"; gofmt -l .; exit 1; }
	@sh scripts/install-tools.sh lint
	golangci-lint run ./...
	@if command -v shellcheck >/dev/null; then shellcheck scripts/*.sh deploy/*.sh; else echo "shellcheck is not installed: the scripts were not checked"; fi
	@sh scripts/vulnerabilities.sh

.PHONY: soak
soak: tools ## the kill and size tests at full number and size
	HABEAS_SOAK=1 go test -timeout 180m -count=1 ./internal/endtoend/... ./internal/subject/... ./internal/export/...
	@sh scripts/fuzz.sh 60

.PHONY: fuzz
fuzz: ## fuzz the readers of what strangers write: SECONDS_EACH=60
	@sh scripts/fuzz.sh $${SECONDS_EACH:-60}

.PHONY: bench
bench: tools ## measure speed and memory beside a floor in the same run; BENCH=export, BENCH_FULL=1
	go run ./internal/bench

.PHONY: chaos
chaos: tools ## carry cases of every kind through faults and audit what is left; CHAOS=1h, CHAOS_CASES=200, CHAOS_SEED=N
	go run ./internal/chaos

.PHONY: defects
defects: tools ## hold the auditor of make chaos against five deliberate defects
	go run ./internal/chaos defects

.PHONY: measurements
measurements: ## take the figures of the last make bench over into docs/measurements.md and README
	go run ./internal/bench publish

.PHONY: histories
histories: tools ## record the histories that the replay test holds workflows against
	HABEAS_HISTORIES=$(CURDIR)/workflows/testdata go test -count=1 -run TestHistories ./internal/endtoend/...
