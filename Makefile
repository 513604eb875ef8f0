# Every target sees to what it needs, so `make test` works in a fresh clone. `make help` lists them.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help try setup build test test-isa demo bench gpu-bundle docs format clean distclean

# Release even in tests. One set of flags for building and testing: SwiftPM recompiles every
# module when they differ.
SWIFT_FLAGS ?= -c release -Xswiftc -enable-testing
# Tokenizers of SentencePiece, by the system's library: FORETOKEN_SENTENCEPIECE=1 make build
ifeq ($(FORETOKEN_SENTENCEPIECE),1)
SWIFT_FLAGS += --traits SentencePiece
endif
SOURCES := Package.swift Sources Tests Examples

# Where SwiftPM finds libtorch.pc.
export PKG_CONFIG_PATH := $(CURDIR)/.libtorch$(if $(PKG_CONFIG_PATH),:$(PKG_CONFIG_PATH))

help: ## list the targets
	@sed -nE 's/^([a-z-]+):.*## (.*)/  make \1\t\2/p' Makefile | expand -t 18

try: ## build the command without LibTorch, and let the published model write
	@SWIFT_FLAGS='$(SWIFT_FLAGS)' bash scripts/try.sh

setup: ## find LibTorch, or install it into .libtorch
	@bash scripts/setup.sh

build: setup ## build the libraries and the commands
	swift build $(SWIFT_FLAGS)

# `swift test` would add -enable-testing once more and so recompile everything: it only runs what was built.
test: setup ## check the format, build and run every test
	swift format lint --strict --parallel -r $(SOURCES)
	swift build $(SWIFT_FLAGS) --build-tests
	python3 -m doctest Benchmarks/train_table.py Benchmarks/tasks_table.py Benchmarks/decode_table.py Benchmarks/gpu_table.py
	bash scripts/test-setup.sh
	bash scripts/run-tests.sh .build/tests.log $(SWIFT_FLAGS) --skip-build --disable-xctest --no-parallel
	bash scripts/test-isa.sh avx2
	bash Benchmarks/gpu.sh --dry-run .build/gpu-dry-run
	bash scripts/docs.sh
	bash scripts/test-downstream.sh

test-isa: setup ## run the numeric tests under every instruction set that this processor has
	swift build $(SWIFT_FLAGS) --build-tests
	bash scripts/test-isa.sh

demo: build ## train, decode and compare a small model
	bash scripts/demo.sh

bench: build ## measure against the PyTorch reference
	bash Benchmarks/run.sh
	bash Benchmarks/train.sh
	bash Benchmarks/decode.sh

gpu-bundle: ## a folder that measures a GPU elsewhere, TORCH=2.11.0 for its version of torch
	bash scripts/gpu-bundle.sh

docs: build ## documentation of the libraries and articles into .build/docs
	bash scripts/docs.sh

format: ## format the sources in place
	swift format --in-place --parallel -r $(SOURCES)

clean: ## remove what was built (keeps LibTorch and runs)
	rm -rf .build .build-gpu

distclean: clean ## remove LibTorch, and which one was chosen, too
	rm -rf .libtorch .libtorch-2.*
