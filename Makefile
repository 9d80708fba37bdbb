# SPDX-License-Identifier: Apache-2.0
# make demo   the main job, end to end, on a simulated board        make test   all tests
# make bench  instructions and bytes, against peers                 make setup  only set up (the others do it too)
# make renode FIRMWARE=firmware.elf  the suites on Renode, where it is installed (docs/renode.md)
# make firmware BOARD=STM32F4DISC BUNDLE=press.bundle  MicroPython with the pipeline built in (docs/firmware.md)
# make accuracy  figures on real sets (AUSCULT_DATA=folder, MOTION=folder of CSV files), beside their bars
#
# Everything downloaded or built goes to build/; an interrupted run goes on where it stopped.

SHELL := /bin/bash
PYTHON3 ?= python3
VENV := build/venv
BIN := $(VENV)/bin
AUSCULT := $(BIN)/auscult
export PIP_DISABLE_PIP_VERSION_CHECK = 1
export PYTHONDONTWRITEBYTECODE = 1

# Debian 12 packages: compilers, simulators, Python's venv
PACKAGES := make gcc libc6-dev python3-venv gcc-arm-none-eabi libnewlib-arm-none-eabi gcc-riscv64-unknown-elf \
	picolibc-riscv64-unknown-elf qemu-system-arm qemu-system-misc

.PHONY: help setup demo test bench accuracy firmware renode docs clean costs
help:
	@sed -n '2,8s/^# //p' Makefile

setup: build/packages.done build/venv.done build/toolchain.done

build/packages.done: Makefile
	@mkdir -p build
	@if [ "$$(uname -s)" != Linux ] || ! command -v apt-get >/dev/null; then \
		missing=; for p in gcc make arm-none-eabi-gcc riscv64-unknown-elf-gcc qemu-system-arm qemu-system-riscv32; do \
			command -v $$p >/dev/null || missing="$$missing $$p"; done; \
		if [ -n "$$missing" ]; then \
			echo "error: not found:$$missing"; \
			echo "expected: the counterparts of these Debian packages: $(PACKAGES)"; \
			echo "next: install them with this system's package manager, then run make again"; \
			exit 1; fi; \
	else \
		missing=$$(for p in $(PACKAGES); do dpkg-query -W -f '$${Status}' $$p 2>/dev/null | grep -q 'ok installed' || echo $$p; done); \
		if [ -n "$$missing" ]; then \
			sudo=; [ "$$(id -u)" = 0 ] || sudo=sudo; \
			if [ -n "$$sudo" ] && ! command -v sudo >/dev/null; then \
				echo "error: these packages are missing:" $$missing; \
				echo "next: as root, run: apt-get install --no-install-recommends" $$missing; exit 1; fi; \
			echo "setup: installing Debian packages:" $$missing; \
			$$sudo apt-get update -qq || true; \
			$$sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $$missing >build/packages.log 2>&1 \
				|| { tail -5 build/packages.log; echo "error: apt-get could not install them (build/packages.log)"; exit 1; }; \
		fi; \
	fi
	@$(PYTHON3) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "error: $(PYTHON3) is $$($(PYTHON3) -V); expected Python 3.11 or newer; next: make PYTHON3=/path/to/python3.11"; exit 1; }
	@touch $@

build/venv.done: build/packages.done pyproject.toml
	@echo "setup: Python packages into $(VENV)"
	@$(PYTHON3) -m venv $(VENV)
	@$(BIN)/pip install -e '.[dev]' >build/venv.log 2>&1 & pid=$$!; while kill -0 $$pid 2>/dev/null; do \
		tail -n 1 build/venv.log 2>/dev/null | grep -E '^ *(Collecting|Downloading|Installing|Building)' | cut -c1-70 | sed 's/^ */setup: /'; sleep 3; done; \
		wait $$pid || { tail -5 build/venv.log; echo "error: pip could not install what pyproject.toml asks for (build/venv.log)"; exit 1; }
	@$(BIN)/pip check >>build/venv.log 2>&1 || { tail -3 build/venv.log; echo "error: Python packages do not fit together (build/venv.log)"; exit 1; }
	@touch $@

# the firmware's own sources are checked by `auscult setup`, which rebuilds only what changed
build/toolchain.done: build/venv.done $(shell find boards -type f 2>/dev/null)
	@$(AUSCULT) setup
	@touch $@

demo: setup
	@$(AUSCULT) demo

test: setup
	@$(BIN)/python -m pytest -n 2 --dist loadfile $(PYTEST_ARGS)

bench: setup build/bench.done
	@$(AUSCULT) bench

accuracy: setup
	@$(BIN)/python -m auscult_host.accuracy $(if $(MOTION),--motion '$(MOTION)')

# MICROPYTHON= ULAB= checkouts; CHIPS="lis3dh ..." DEFINES="NAME=VALUE ..." OUT=folder; IDF= ESP-IDF, for ESP32
firmware: setup
	@$(if $(BOARD),,echo "error: no BOARD; next: make firmware BOARD=STM32F4DISC BUNDLE=press.bundle"; exit 1)
	@$(if $(IDF),. '$(IDF)/export.sh' >/dev/null && )$(AUSCULT) firmware '$(BOARD)' $(if $(BUNDLE),--bundle '$(BUNDLE)') \
		$(if $(MICROPYTHON),--micropython '$(MICROPYTHON)') $(if $(ULAB),--ulab '$(ULAB)') $(if $(OUT),--out '$(OUT)') \
		$(CHIPS:%=--chip %) $(DEFINES:%=--define %)

# the suites of tests/renode; FIRMWARE: MicroPython for STM32F4DISC without USB (docs/renode.md)
RENODE_TEST ?= renode-test
renode:
	@if ! command -v $(RENODE_TEST) >/dev/null; then \
		echo "renode: skipped: $(RENODE_TEST) is not on PATH; next: install Renode 1.16.1 (docs/renode.md)"; \
	elif [ ! -f "$(FIRMWARE)" ]; then \
		echo "error: FIRMWARE is '$(FIRMWARE)'; expected: an ELF of MicroPython for STM32F4DISC without USB"; \
		echo "next: make renode FIRMWARE=/path/firmware.elf (docs/renode.md says how to build it)"; exit 1; \
	else $(MAKE) renode-suites; fi

renode-suites: setup
	@$(BIN)/python tests/renode/prepare.py build/renode
	@$(RENODE_TEST) -r $(CURDIR)/build/renode/results $(patsubst %,$(CURDIR)/%,$(wildcard tests/renode/*.robot)) \
		--variable FIRMWARE:$(abspath $(FIRMWARE)) --variable PYTHON:$(CURDIR)/$(BIN)/python \
		$(if $(FIRMWARE_F746),--variable FIRMWARE_F746:$(abspath $(FIRMWARE_F746))) --variable CREATE_SNAPSHOT_ON_FAIL:False

# the peers that are measured against; left out with a note where they cannot be installed
build/bench.done: build/venv.done
	@echo "setup: Python packages of the benchmarks"
	@$(BIN)/pip install -q -e '.[bench]' >build/bench.log 2>&1 || tail -3 build/bench.log
	@touch $@

# what costs.py predicts from: an hour on two cores
costs: setup
	@$(BIN)/python -m auscult_host.benchmarks.calibrate

docs: setup
	@$(BIN)/python docs/generate.py

clean:
	rm -rf build
