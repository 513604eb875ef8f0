# Targets build their own prerequisites, so `make test` works in a fresh clone. `make help` lists the targets.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help try serve setup build test test-isa demo bench gpu-bundle docs format clean distclean

# Release even in tests. One set of flags for building and testing: SwiftPM recompiles every
# module when they differ.
SWIFT_FLAGS ?= -c release -Xswiftc -enable-testing
# SentencePiece tokenizers, with the system's library: FORETOKEN_SENTENCEPIECE=1 make build
ifeq ($(FORETOKEN_SENTENCEPIECE),1)
TEST_FLAGS := $(SWIFT_FLAGS) --traits SentencePiece,Server
SWIFT_FLAGS += --traits SentencePiece
else
# Tests include the server's; nothing else builds its web server.
TEST_FLAGS := $(SWIFT_FLAGS) --traits Server
endif
SOURCES := Package.swift Sources Tests Examples

# Where SwiftPM finds libtorch.pc.
export PKG_CONFIG_PATH := $(CURDIR)/.libtorch$(if $(PKG_CONFIG_PATH),:$(PKG_CONFIG_PATH))

help: ## list the targets
	@sed -nE 's/^([a-z-]+):.*## (.*)/  make \1\t\2/p' Makefile | expand -t 18

try: ## build the command without LibTorch and generate text with the published model
	@SWIFT_FLAGS='$(SWIFT_FLAGS)' bash scripts/try.sh

serve: ## build the server without LibTorch and serve the published model; MODEL=: another one
	@bash scripts/serve.sh

setup: ## find LibTorch, or install it into .libtorch
	@bash scripts/setup.sh

build: setup ## build the libraries and the commands
	swift build $(SWIFT_FLAGS)

# Without --skip-build, `swift test` would add -enable-testing again and recompile everything.
test: setup ## check the format, build and run every test
	swift format lint --strict --parallel -r $(SOURCES)
	swift build $(TEST_FLAGS) --build-tests
	python3 -m doctest Benchmarks/train_table.py Benchmarks/tasks_table.py Benchmarks/decode_table.py Benchmarks/gpu_table.py
	bash scripts/test-setup.sh
	bash scripts/run-tests.sh .build/tests.log $(TEST_FLAGS) --skip-build --disable-xctest --no-parallel
	bash scripts/test-isa.sh avx2
	bash Benchmarks/gpu.sh --dry-run .build/gpu-dry-run
	bash scripts/docs.sh
	bash scripts/test-downstream.sh

test-isa: setup ## run the numeric tests with every instruction set of this processor
	swift build $(TEST_FLAGS) --build-tests
	bash scripts/test-isa.sh

demo: build ## train a small model and compare decoding with and without drafts
	bash scripts/demo.sh

bench: build ## measure against the PyTorch reference
	bash Benchmarks/run.sh
	bash Benchmarks/train.sh
	bash Benchmarks/decode.sh

gpu-bundle: ## build a folder that benchmarks a GPU on another machine; TORCH=2.11.0: its version of torch
	bash scripts/gpu-bundle.sh

docs: build ## build the documentation of libraries and articles into .build/docs
	bash scripts/docs.sh

format: ## format the sources in place
	swift format --in-place --parallel -r $(SOURCES)

clean: ## remove build products (keeps LibTorch and runs)
	rm -rf .build .build-gpu

distclean: clean ## also remove LibTorch and the choice of LibTorch
	rm -rf .libtorch .libtorch-2.*
