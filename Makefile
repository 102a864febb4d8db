# `make` lists the targets. It needs Go 1.26 and git, and: gcc for race, Node 20 for sdk and e2e, Chromium for e2e, redis-server.
# Tools are pinned in tools/go.mod and built on first use; nothing is installed into the system but by `make test` on Debian.

VERSION  ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
FUZZTIME ?= 20s
COUNT    ?= 8
BENCH    ?= .
BASE     ?=

LDFLAGS  := -s -w -X main.version=$(VERSION)
BUILD    := CGO_ENABLED=0 go build -trimpath -buildvcs=false -ldflags "$(LDFLAGS)"
TOOL     := go tool -modfile=tools/go.mod
LINT     := $(TOOL) golangci-lint
CROSS    := linux/arm64 windows/amd64 darwin/arm64
DEPS     := e2e/node_modules/.package-lock.json
SDK_DEPS := miniprogram/sdk/node_modules/.package-lock.json
UI_DEPS  := ui/node_modules/.package-lock.json
STARTERS := $(patsubst %,miniprogram/template-%/dist/.built,uniapp taro)

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

## daily

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^## /{printf "\n%s\n", substr($$0, 4)} /^[a-z0-9-]+:.*## /{printf "  %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: run
run: ## start the server with the simulated WeChat
	go run . serve --sim

.PHONY: build
build: ## the executable, static, in bin/wxbase
	$(BUILD) -o bin/wxbase .

.PHONY: test
test: machine go-test sdk ui-check npm e2e peers ## everything a user can see: Go, SDK, then the browser story

.PHONY: fmt
fmt: ## format every Go file
	$(LINT) fmt

.PHONY: lint
lint: ## go vet and golangci-lint: the walls are in .golangci.yml
	go vet ./...
	go vet -C tools ./...
	go vet -C examples/embed ./...
	$(LINT) run ./...

.PHONY: check
check: fmt-check pins walls-size secrets tidy docs-check lint go-test sdk ui-check ## before a commit

.PHONY: clean
clean: ## remove what was built (data folders stay)
	rm -rf bin e2e/artifacts e2e/node_modules e2e/peers/node/node_modules miniprogram/sdk/node_modules ui/node_modules
	rm -rf miniprogram/template-*/node_modules miniprogram/template-*/dist

## parts of test

.PHONY: go-test
go-test: ## Go tests
	go test -timeout 20m ./...
	go test -C examples/embed ./...
	go test -C tools ./...

.PHONY: sdk
sdk: machine $(SDK_DEPS) starters ## the client SDK: is dist/ what src/ builds, do the types compile, tests, the starters
	cd miniprogram/sdk && npm test

.PHONY: starters
starters: ## uni-app and Taro: type-checked and built by their own compilers, unless nothing has changed
	@+$(MAKE) --no-print-directory -j2 $(STARTERS)

miniprogram/template-%/dist/.built: miniprogram/template-%/node_modules/.package-lock.json
	cd miniprogram/template-$* && npm run --silent check && npm run --silent build > /dev/null
	@touch $@
$(foreach name,uniapp taro,$(eval miniprogram/template-$(name)/dist/.built: $(shell find miniprogram/template-$(name)/src miniprogram/template-$(name)/*.* -type f)))

.PHONY: ui
ui: $(UI_DEPS) ## the shop's pages: ui/dist from ui/src, for go:embed
	cd ui && npm run build

.PHONY: ui-check
ui-check: $(UI_DEPS) ## is ui/dist what ui/src builds, is its first screen under 400 KB, its tests
	cd ui && npm test && npm run check

.PHONY: e2e
e2e: machine build $(DEPS) starters ## the browser story against bin/wxbase
	cd e2e && WXBASE_BIN="$(CURDIR)/bin/wxbase" npm test

.PHONY: debian
debian: build $(DEPS) ## the steps of docs/install.md on a fresh Debian, by debootstrap and chroot (Debian, root)
	cd e2e && WXBASE_BIN="$(CURDIR)/bin/wxbase" node --test --test-force-exit debian/install.js

.PHONY: npm
npm: build ## the npm package of the simulator and the step for CI, against bin/wxbase
	cd packages/npm && WXBASE_BIN="$(CURDIR)/bin/wxbase" npm test

.PHONY: peers
peers: build e2e/peers/node/node_modules/.package-lock.json ## other people's SDKs, unmodified, against the simulated WeChat
	bin/wxbase sim exec --billsAnyTime -- go test -C e2e/peers/go -count 1 ./...
	cd e2e/peers/node && ../../../bin/wxbase sim exec --billsAnyTime -- npm test

e2e/peers/node/node_modules/.package-lock.json: e2e/peers/node/package.json e2e/peers/node/package-lock.json
	cd e2e/peers/node && npm ci --no-audit --no-fund
	@touch $@

.PHONY: machine
machine:
	@bash tools/machine.sh

$(DEPS) $(SDK_DEPS) $(UI_DEPS) $(patsubst %,miniprogram/template-%/node_modules/.package-lock.json,uniapp taro): %/node_modules/.package-lock.json: %/package.json %/package-lock.json
	cd $* && npm ci --no-audit --no-fund --ignore-scripts
	@touch $@

## slower

# Arithmetic that shares nothing is not watched: SQLite's engine in Go, password hashes, keys, patterns, the interpreter, pictures.
# Their locks are still seen (sync is instrumented), and a race in our own lines or PocketBase's too; it takes a fifth of the time.
# NB! JSON is watched: it reads our own values, and a race of json.Marshal with who writes them would not be seen.
UNWATCHED := modernc.org/... golang.org/x/crypto/... golang.org/x/image/... github.com/dop251/... github.com/disintegration/... \
  regexp/... math/big crypto/internal/... image/... compress/...

.PHONY: race
race: ## Go tests under the race detector, in random order; those of a program of its own, which it does not watch, are skipped
	CGO_ENABLED=1 go test -race $(foreach p,$(UNWATCHED),-gcflags='$(p)=-race=false -d=checkptr=0') -shuffle=on -timeout 60m ./...

.PHONY: fuzz
fuzz: ## every fuzz target for FUZZTIME (20s)
	@FUZZTIME=$(FUZZTIME) bash tools/fuzz.sh

.PHONY: ledger
ledger: ## the ledger test: N orders (20000), SEED, MODE ("v3 public key", "v3 certificate", "v3 both", "v2 MD5", "v2 HMAC-SHA256", "virtual", "mixed"); more than 20000 in pieces, and what is done is kept
	@if [ $(or $(N),20000) -gt 20000 ]; then go run -C tools ./ledger -n $(N); else \
	  LEDGER_N=$(or $(N),20000) LEDGER_SEED=$(SEED) LEDGER_MODE="$(MODE)" go test ./hooks -run '^TestLedger$$' -count 1 -v -timeout 6h; fi

.PHONY: bench
bench: ## benchmarks into bin/bench.txt; BASE=old.txt compares
	@mkdir -p bin
	go test -run '^$$' -bench '$(BENCH)' -benchmem -count $(COUNT) ./... > bin/bench.txt || { cat bin/bench.txt; exit 1; }
	$(TOOL) benchstat $(BASE) bin/bench.txt

.PHONY: bench-http
bench-http: build ## what a shop does all day by real HTTP, 32 connections, beside the last figures (10 minutes, quiet machine; Linux)
	go build -o bin/barepb ./internal/apptest/barepb
	go run -C tools ./bench/http -bin ../bin/wxbase -bare ../bin/barepb

.PHONY: kill
kill: build ## kill -9 under full load, 100 times: is everything there that was answered, and once?
	go run -C tools ./bench/http -bin ../bin/wxbase kill

.PHONY: bench-realtime
bench-realtime: build $(DEPS) ## rooms beside Node's socket.io: burst, latency, CPU, memory (10 minutes)
	go run -C tools ./bench/realtime -bin ../bin/wxbase -e2e ../e2e bench

.PHONY: stall churn
stall churn: build ## readers that stopped reading; 50,000 connects
	go run -C tools ./bench/realtime -bin ../bin/wxbase $@

.PHONY: cover
cover: ## statement coverage per function
	@mkdir -p bin
	go test -coverprofile=bin/cover.out ./...
	go tool cover -func=bin/cover.out

.PHONY: cross
cross: ## builds for the other systems
	@set -e; for target in $(CROSS); do \
		os=$${target%/*}; arch=$${target#*/}; ext=; [ $$os != windows ] || ext=.exe; \
		echo "build $$target"; \
		GOOS=$$os GOARCH=$$arch $(BUILD) -o bin/wxbase-$$os-$$arch$$ext .; \
	done

.PHONY: release
release: ## archives for five systems, their sums and what they are made of, in bin/release
	go run -C tools ./release -root .. -out ../bin/release -version $(VERSION)

## gates

.PHONY: fmt-check
fmt-check: ## is every Go file formatted
	$(LINT) fmt --diff

.PHONY: pins
pins: ## are the dependencies the measured ones
	@bash tools/pins.sh

.PHONY: walls-size
walls-size: ## functions over 80 lines, files over 500
	@go run -C tools ./size ..

.PHONY: secrets
secrets: ## private keys and machine paths in git
	@bash tools/secrets.sh

.PHONY: vuln
vuln: ## known holes that are called: govulncheck against golang.org/x/vulndb
	@go run -C tools ./vuln ..

.PHONY: next
next: ## the Go tests on the next PocketBase, in a copy; see docs/adr/0018
	@bash tools/next.sh

.PHONY: modules
modules: ## every module in bin/modules.tar, for a build without a proxy
	@bash tools/modules.sh

.PHONY: tidy
tidy: ## is go.mod tidy
	go mod tidy -diff
	cd examples/embed && go mod tidy -diff

.PHONY: docs
docs: ## write what is made from the code
	go generate ./...

.PHONY: docs-check
docs-check: ## is it up to date
	@bash tools/docs.sh

.PHONY: ci
ci: FUZZTIME = 5s
ci: check vuln race fuzz npm e2e peers cross ## all of it
