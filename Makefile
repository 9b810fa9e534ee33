# Every target is one command that also runs by hand; the scripts in .ci/ hold what is longer than a line.

.DEFAULT_GOAL := help
.PHONY: help demo test build lint fmt dashboards pictures bench bench-kafka kafka kafka-stop clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# What --version and expressway_build_info say of the source.
demo build bench bench-kafka: export EXPRESSWAY_COMMIT := $(shell git rev-parse --short=12 HEAD 2>/dev/null || echo unknown)

demo: build ## Watch events become results and a bill: about 20 s after the build, no Kafka needed
	target/ci/expressway demo

test: ## Run everything that must hold: format, clippy, unit tests, cases, a real Apache Kafka
	@.ci/test

build: ## Install what the build needs and build both binaries into target/ci/
	@.ci/install build
	cargo build --locked --profile ci --workspace --bins

lint: ## Check format, clippy, and dependencies (licences, bans, sources)
	@.ci/install build lint
	cargo fmt --all --check
	cargo clippy --locked --workspace --features expressway/otlp --all-targets -- -D warnings
	cargo clippy --locked --workspace --lib --bins --test layers -- -D warnings
	cargo deny --locked check licenses bans sources

fmt: ## Format the code
	cargo fmt --all

dashboards: ## Write the dashboards, rules, alerts, runbook and docs/metric-families.md
	EXPRESSWAY_WRITE_DASHBOARDS=1 cargo test --locked --test dashboards -- what_is_committed

pictures: ## Play a load for ten minutes and draw the dashboards into docs/pictures/ (not part of test)
	@.ci/pictures

bench: ## Run the benches: ratios of CPU time against the yardsticks
	@.ci/install build
	cargo bench --locked --bench suite

bench-kafka: ## Hold the Kafka path against a bare relay: CPU time per event, maximum rate
	@.ci/install build
	cargo bench --locked --profile ci --bench suite -- --kafka

kafka: ## Start a real Apache Kafka on 127.0.0.1:9092 in the background
	@.ci/kafka start

kafka-stop: ## Stop the broker that `make kafka` started
	@.ci/kafka stop

clean: kafka-stop ## Remove all that was built or fetched
	cargo clean
	rm -rf .kafka .prometheus .grafana dashboards/pictures/node_modules
