# picket: `make` builds, `make run` and `make test` install what they lack and
# do their job. Everything goes to build/. See README.md.

MAKEFLAGS += --no-builtin-rules
.SUFFIXES:
.DELETE_ON_ERROR:

VERSION := 0.1.0

# SAN=1 builds user space with the address and undefined-behaviour sanitizers,
# FUZZ=1 (set by `make fuzz`) for libFuzzer, each into a tree of its own so that
# they never mix.
SAN ?=
FUZZ ?=
# CROSS=aarch64-linux-gnu- builds for another machine, with the headers and
# libraries of SYSROOT.
CROSS ?=
SYSROOT ?=
BUILD := build$(if $(CROSS),/$(CROSS:-=),$(if $(FUZZ),/fuzz,$(if $(SAN),/san)))

PREFIX ?= /usr/local
SYSCONFDIR ?= /etc
DESTDIR ?=
# Only the steps that need root are given to it, and only where we are not.
SUDO := $(if $(filter 0,$(shell id -u)),,sudo)

CC := $(if $(filter default,$(origin CC)),$(CROSS)gcc,$(CC))
# What the compiler makes programs for: x86_64, aarch64.
MACHINE := $(firstword $(subst -, ,$(shell $(CC) -dumpmachine 2>/dev/null)))
MULTIARCH := $(shell $(CC) -print-multiarch 2>/dev/null)
CLANG ?= clang
BPFTOOL ?= $(firstword $(wildcard /usr/sbin/bpftool /usr/local/sbin/bpftool) bpftool)
PKG_CONFIG ?= pkg-config
SYSROOT_FLAG := $(if $(SYSROOT),--sysroot=$(SYSROOT))
ifneq ($(SYSROOT),)
override PKG_CONFIG := PKG_CONFIG_SYSROOT_DIR=$(SYSROOT) \
	PKG_CONFIG_LIBDIR=$(SYSROOT)/usr/lib/$(MULTIARCH)/pkgconfig $(PKG_CONFIG)
endif

V ?=
Q := $(if $(V),,@)
say = @printf '  %-7s %s\n' $(1) $(2)

WARN := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
	-Wold-style-definition -Wundef -Wwrite-strings -Wpointer-arith \
	-Wformat=2 -Wvla -Wimplicit-fallthrough -Wcast-qual
HARDEN := -fstack-protector-strong -fstack-clash-protection -fPIE \
	$(if $(SAN)$(FUZZ),,-D_FORTIFY_SOURCE=2) \
	$(if $(filter x86_64,$(MACHINE)),-fcf-protection)
comma := ,
SANITIZERS := $(if $(SAN)$(FUZZ),address$(comma)undefined)$(if $(FUZZ),$(comma)fuzzer-no-link)
SANFLAGS := $(if $(SANITIZERS),-fsanitize=$(SANITIZERS) -fno-omit-frame-pointer \
	-fno-sanitize-recover=undefined)
CFLAGS ?= -O2 -g
# What is built does not depend on where.
HERE_FLAG := -ffile-prefix-map=$(CURDIR)=.
ALL_CFLAGS := -std=gnu17 $(HERE_FLAG) $(SYSROOT_FLAG) $(WARN) $(WERROR) $(HARDEN) $(SANFLAGS) $(CFLAGS)
ALL_CPPFLAGS := -D_GNU_SOURCE -DPICKET_VERSION='"$(VERSION)"' \
	-Iagent -Iinclude -I$(BUILD)/gen $(CPPFLAGS)
ALL_LDFLAGS := $(SYSROOT_FLAG) -pie -Wl,-z,relro,-z,now -Wl,--as-needed $(SANFLAGS) $(LDFLAGS)

# ---- what is built of what ------------------------------------------------

# Stages that need no libbpf and no libcurl: both programs and the tests.
COMMON_DIRS := base conf store
SENSOR_DIRS := sense proc rules trust app cmd
SRC = $(sort $(wildcard $(addsuffix /*.c,$(addprefix agent/,$(1)))))
obj = $(patsubst %.c,$(BUILD)/%.o,$(1))

# out/ holds what both programs use and what only the shipper does.
SHIP_ONLY := $(wildcard $(addprefix agent/out/,backoff.c batch*.c \
	collector*.c confine*.c dead_letter.c early*.c feed.c filter.c \
	host.c http.c image_set.c manifest.c otlp.c response*.c \
	ship.c ship_answer.c ship_batch.c ship_journal.c ships.c tally.c))
OUT_COMMON := $(filter-out $(SHIP_ONLY),$(call SRC,out))
PROTO_SRC := $(BUILD)/gen/event.pb-c.c
OTLP_SRC := $(patsubst proto/%.proto,$(BUILD)/gen/%.pb-c.c,$(wildcard proto/otlp_logs.proto))

COMMON_OBJ := $(call obj,$(call SRC,$(COMMON_DIRS)) $(OUT_COMMON)) \
	$(PROTO_SRC:.c=.o)
PICKET_OBJ := $(call obj,$(call SRC,$(SENSOR_DIRS)))
SHIP_OBJ := $(call obj,$(SHIP_ONLY)) $(OTLP_SRC:.c=.o)

PICKET_LIBS = $(shell $(PKG_CONFIG) --libs libbpf libelf libprotobuf-c inih libcrypto zlib) -pthread
SHIP_LIBS = $(shell $(PKG_CONFIG) --libs libprotobuf-c libcurl inih libcrypto zlib) -pthread
TEST_LIBS = $(shell $(PKG_CONFIG) --libs cmocka)

.PHONY: all
all: $(BUILD)/picket $(BUILD)/picket-ship $(BUILD)/man/picket.ini.5
	@:

# The settings of the manual are those of the shipped file.
$(BUILD)/man/picket.ini.5: packaging/man/picket.ini.head packaging/man/ini2mdoc packaging/agent.ini
	@mkdir -p $(@D)
	$(Q){ cat $< && packaging/man/ini2mdoc packaging/agent.ini; } >$@

PICKET_ALL = $(call obj,agent/picket.c) $(PICKET_OBJ) $(COMMON_OBJ)
SHIP_ALL = $(call obj,agent/picket_ship.c) $(SHIP_OBJ) $(COMMON_OBJ)
define link
	$(call say,LINK,$@)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^
endef

$(BUILD)/picket: $(PICKET_ALL)
	$(link) $(PICKET_LIBS)

$(BUILD)/picket-ship: $(SHIP_ALL)
	$(link) $(SHIP_LIBS)

# Where SYSCONFDIR is not /etc, what names the configuration is compiled once
# more for what is installed; the programs that tests run stay as they are.
PLACED := $(BUILD)$(if $(filter /etc,$(SYSCONFDIR)),,/placed$(SYSCONFDIR))
ifneq ($(PLACED),$(BUILD))
NAMES_PLACES := $(call obj,$(shell grep -l '"base/places.h"' agent/*.c agent/*/*.c))
placed = $(filter-out $(NAMES_PLACES),$(1)) \
	$(patsubst $(BUILD)/%,$(PLACED)/%,$(filter $(NAMES_PLACES),$(1)))

$(PLACED)/%.o: ALL_CPPFLAGS += -DPICKET_SYSCONFDIR='"$(SYSCONFDIR)"'
$(PLACED)/%.o: %.c | $(HAVE_DEPS) $(PROTO_SRC:.c=.h) $(OTLP_SRC:.c=.h)
	$(compile)
$(PLACED)/picket: $(call placed,$(PICKET_ALL))
	$(link) $(PICKET_LIBS)
$(PLACED)/picket-ship: $(call placed,$(SHIP_ALL))
	$(link) $(SHIP_LIBS)
endif

# Before anything is compiled: one clear line instead of a hundred errors.
HAVE_DEPS := $(BUILD)/.have-deps
$(HAVE_DEPS):
	@packaging/install-deps --check build
	@mkdir -p $(@D) && touch $@

define compile
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CPPFLAGS) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<
endef

$(BUILD)/%.o: %.c | $(HAVE_DEPS)
	$(compile)

# What protoc-c writes casts const away.
$(BUILD)/gen/%.o: $(BUILD)/gen/%.c
	$(call say,CC,$<)
	$(Q)$(CC) $(ALL_CPPFLAGS) $(ALL_CFLAGS) -Wno-cast-qual -MMD -MP -c -o $@ $<

$(BUILD)/gen/%.pb-c.c $(BUILD)/gen/%.pb-c.h &: proto/%.proto | $(HAVE_DEPS)
	$(call say,PROTO,$<)
	@mkdir -p $(@D)
	$(Q)protoc-c -Iproto --c_out=$(BUILD)/gen $<

# Names what is pinned, so that an agent reads only what it understands.
WIRE_HEADERS := include/wire.h agent/sense/account.h agent/sense/attach.h
$(BUILD)/gen/wire_hash.h: $(WIRE_HEADERS)
	@mkdir -p $(@D)
	$(Q)printf '#define WIRE_HASH "%.16s"\n' "$$(cat $^ | sha256sum)" > $@

# Names what an agent leaves of its processes for the next one.
$(BUILD)/gen/image_hash.h: agent/event.h agent/base/slice.h agent/proc/image_log.c
	@mkdir -p $(@D)
	$(Q)printf '#define IMAGE_HASH 0x%.16sull\n' "$$(cat $^ | sha256sum)" > $@

# Objects that include generated headers must wait for them once.
GEN_HEADERS := $(PROTO_SRC:.c=.h) $(OTLP_SRC:.c=.h) $(BUILD)/gen/picket.skel.h
$(call obj,$(wildcard agent/*/*.c agent/*.c)): | $(PROTO_SRC:.c=.h) $(OTLP_SRC:.c=.h)
$(call obj,$(wildcard agent/sense/*.c)): | $(BUILD)/gen/picket.skel.h
$(call obj,agent/sense/generation.c): $(BUILD)/gen/wire_hash.h
$(call obj,agent/proc/image_log.c): $(BUILD)/gen/image_hash.h

# ---- kernel side ------------------------------------------------------------

BPF_ARCH := $(patsubst x86_64,x86,$(patsubst aarch64,arm64,$(MACHINE)))
# Copies of const members, which BPF_CORE_READ declares and then fills.
BPF_NO_WARN := -Wno-unknown-warning-option -Wno-default-const-init-var-unsafe
BPF_CFLAGS := -O2 -g -target bpf -mcpu=v2 -std=gnu17 -D__TARGET_ARCH_$(BPF_ARCH) $(HERE_FLAG) \
	-Wall -Wextra -Wno-unused-parameter $(BPF_NO_WARN) -Ibpf -Iinclude \
	-idirafter $(SYSROOT)/usr/include/$(MULTIARCH)
# maps first: libbpf 1.1's linker loses maps that are used before defined.
BPF_SRC := bpf/maps.bpf.c $(filter-out bpf/maps.bpf.c,$(sort $(wildcard bpf/*.bpf.c)))
BPF_OBJ := $(patsubst bpf/%.bpf.c,$(BUILD)/bpf/%.bpf.o,$(BPF_SRC))

$(BUILD)/bpf/%.bpf.o: bpf/%.bpf.c | $(HAVE_DEPS)
	$(call say,BPF,$<)
	@mkdir -p $(@D)
	$(Q)$(CLANG) $(BPF_CFLAGS) -MMD -MP -c -o $@ $<

$(BUILD)/bpf/picket.bpf.o: $(BPF_OBJ)
	$(call say,BPFLINK,$@)
	$(Q)$(BPFTOOL) gen object $@ $^

$(BUILD)/gen/picket.skel.h: $(BUILD)/bpf/picket.bpf.o
	$(call say,SKEL,$@)
	@mkdir -p $(@D)
	$(Q)$(BPFTOOL) gen skeleton $< name picket_bpf > $@

# ---- tests ------------------------------------------------------------------

# What the tests of user space link, as far as they use it: everything but the
# mains and what needs libbpf. (ring.c asks it one thing, which test_resume answers.)
NEED_LIBBPF := $(wildcard $(addprefix agent/sense/,account_map.c attach*.c backend_try.c choice.c core_types.c former.c generation.c kernel_btf.c memory.c own.c pins.c probes.c sensor*.c))
TESTED_OBJ = $(COMMON_OBJ) $(SHIP_OBJ) \
	$(filter-out $(call obj,$(NEED_LIBBPF)),$(PICKET_OBJ))
TESTED := $(BUILD)/tests/libtested.a

$(TESTED): $(TESTED_OBJ)
	@mkdir -p $(@D)
	@rm -f $@
	$(Q)ar rcs $@ $^

# A test program is one file: compiled and linked in one go.
build_test = @mkdir -p $(@D); printf '  %-7s %s\n' TEST $@
# $(1): flags, $(2): further sources.
link_test = $(Q)$(CC) $(ALL_CPPFLAGS) -Itests -I$(<D) $(1) $(ALL_CFLAGS) -MMD -MP \
	$(ALL_LDFLAGS) -o $@ $< $(2) $(filter %.o %.a,$^)

UNIT_SRC := $(sort $(wildcard tests/unit/test_*.c))
UNIT_BIN := $(patsubst tests/unit/%.c,$(BUILD)/tests/unit/%,$(UNIT_SRC))

$(BUILD)/tests/unit/%: tests/unit/%.c $(TESTED)
	$(build_test)
	$(call link_test) $(SHIP_LIBS) $(TEST_LIBS)

# Each fuzz target with a main of ours that feeds it the committed corpus.
FUZZ_SRC := $(sort $(wildcard tests/fuzz/fuzz_*.c))
FUZZ_NAMES := $(patsubst tests/fuzz/fuzz_%.c,%,$(FUZZ_SRC))
REPLAY_BIN := $(addprefix $(BUILD)/tests/fuzz/replay_,$(FUZZ_NAMES))

$(BUILD)/tests/fuzz/replay_%: tests/fuzz/fuzz_%.c tests/fuzz/replay.c $(TESTED)
	$(build_test)
	$(call link_test,-DFUZZ_NAME='"$*"',tests/fuzz/replay.c) $(SHIP_LIBS)

# Programs that load BPF objects, as root. Other files there are linked to all.
BPFTEST_SRC := $(sort $(wildcard tests/bpf/test_*.c))
BPFTEST_BIN := $(patsubst tests/bpf/%.c,$(BUILD)/tests/bpf/%,$(BPFTEST_SRC))
BPFTEST_OBJ := $(call obj,$(filter-out $(BPFTEST_SRC),$(wildcard tests/bpf/*.c)))

$(BPFTEST_OBJ): | $(BUILD)/gen/picket.skel.h
$(BPFTEST_OBJ): ALL_CPPFLAGS += -Itests -Itests/bpf
$(BUILD)/tests/bpf/%: tests/bpf/%.c $(BPFTEST_OBJ) $(PICKET_OBJ) $(COMMON_OBJ)
	$(build_test)
	$(call link_test,-Wl$(comma)--wrap=_cmocka_run_group_tests) $(PICKET_LIBS) $(TEST_LIBS)

# What the end-to-end tests run and watch. Static, so that a chroot holds it.
ACT_BIN := $(patsubst tests/e2e/%.c,$(BUILD)/tests/%,$(wildcard tests/e2e/act*.c))
E2E := $(sort $(wildcard tests/e2e/test_*.py tests/e2e/[0-9]*.py))

$(BUILD)/tests/act%: tests/e2e/act%.c
	$(build_test)
	$(Q)$(CC) $(ALL_CPPFLAGS) -std=gnu17 $(SYSROOT_FLAG) $(WARN) $(WERROR) $(CFLAGS) -MMD -MP \
		-static -pthread $(ACT_FLAGS) -o $@ $<

# No C library in it at all: it is to live as short as a program can.
$(BUILD)/tests/act_tiny: ACT_FLAGS := -nostdlib -fno-stack-protector \
	$(if $(filter x86_64,$(MACHINE)),-fcf-protection=none)

# Agents of another build, and of one whose records mean something else: what a
# restart after an upgrade meets.
OTHER_AGENTS := $(BUILD)/tests/picket-other $(BUILD)/tests/picket-alien
$(BUILD)/tests/picket-other: OTHER := -DPICKET_BUILD_SALT='"other"'
$(BUILD)/tests/picket-alien: OTHER := -DPICKET_WIRE_HASH='"00000000deadbeef"'
$(OTHER_AGENTS): agent/sense/generation.c $(call obj,agent/picket.c) $(PICKET_OBJ) $(COMMON_OBJ)
	$(build_test)
	$(Q)$(CC) $(ALL_CPPFLAGS) $(OTHER) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $< \
		$(filter-out %/generation.o,$(filter %.o,$^)) $(PICKET_LIBS)

# Journals made to order, by the journal's own code.
$(BUILD)/tests/make_journal: tests/e2e/make_journal.c $(TESTED)
	$(build_test)
	$(call link_test) $(SHIP_LIBS)

CHECKS := $(sort $(wildcard tests/check/*.sh))

.PHONY: unit fuzz-replay bpf-tests e2e-tools
unit: $(UNIT_BIN)
fuzz-replay: $(REPLAY_BIN)
bpf-tests: $(BPFTEST_BIN)
e2e-tools: $(ACT_BIN) $(OTHER_AGENTS) $(BUILD)/tests/make_journal

RUN_TESTS = BUILD=$(abspath $(BUILD)) SRC=$(CURDIR) V=$(V) CC="$(CC)" \
	tests/run --log $(BUILD)/tests/log
USER_STAGES = --timeout $(if $(PICKET_TEST_LONG),3600,300) --stage check $(CHECKS) --stage unit $(UNIT_BIN) \
	--stage fuzz $(REPLAY_BIN)
# What takes a minute takes several where others work.
ROOT_STAGES = --timeout $(if $(PICKET_TEST_LONG),3600,600) \
	--root bpf $(BPFTEST_BIN) --root e2e $(E2E)
# Virtual machines need no root; emulated they need patience.
ifneq ($(wildcard /usr/bin/apt-get),)
# What is built of Debian's packages, unpacked.
FROM_APT := arm64 newest-clang
APT_STAGES = --root newest-clang $(NEWEST)/tests/bpf/test_sense_backends \
	--stage vm tests/vm/cross.sh tests/vm/lockdown.sh
PACKAGE_STAGES = $(if $(PICKET_TEST_LONG),--stage package tests/package/deb.sh tests/package/rpm.sh \
	tests/package/chart.sh tests/package/image.py)
# A whole Debian system, put together as root: for test-all alone.
SYSTEM_TESTS := tests/vm/test_noise.py tests/vm/test_deb.py tests/vm/test_deb_ends.py \
	tests/vm/test_containers.py
SYSTEM_STAGES = $(if $(PICKET_TEST_LONG),--root system $(SYSTEM_TESTS))
endif
VM_STAGES = --timeout $(if $(PICKET_TEST_LONG),14400,1800) \
	$(or $(APT_STAGES),--stage vm) tests/vm/matrix.py \
	$(if $(and $(APT_STAGES),$(PICKET_TEST_LONG)),tests/vm/agent.sh \
		tests/vm/processors.sh)

# No root, no network, installs nothing.
.PHONY: check
check: all unit fuzz-replay
	@$(RUN_TESTS) $(USER_STAGES)

# As many jobs as processors, where make was not told how many.
JOBS = $(if $(findstring -j,$(MAKEFLAGS)),,-j$(shell nproc))

# Everything. With SAN=1 what runs in user space, under the sanitizers.
.PHONY: test test-stages
test: deps-build deps-test
	+@$(MAKE) --no-print-directory $(JOBS) $(if $(SAN),check,test-stages)

# A machine shared with others must not throw a whole run away for one test.
AGAIN = $(if $(PICKET_TEST_LONG),,--again)
TOOLS := build/tools/nginx build/tools/promtool
test-stages: all unit fuzz-replay bpf-tests e2e-tools $(FROM_APT) build/npm/.done \
		build/npm-kubernetes/.done $(TOOLS) \
		$(if $(PICKET_TEST_LONG),build/npm-bom/.done)
	@$(RUN_TESTS) $(AGAIN) $(USER_STAGES) $(PACKAGE_STAGES) $(ROOT_STAGES) $(SYSTEM_STAGES) \
		$(VM_STAGES)

# Everything at full length: every try of every race, every test on every kernel.
.PHONY: test-all
test-all: export PICKET_TEST_LONG = 1
test-all: test

# Ten minutes of load, with everything killed at random: see tests/e2e/soak.py.
.PHONY: soak
soak: deps-build deps-test
	+@$(MAKE) --no-print-directory $(JOBS) all e2e-tools build/npm/.done
	@$(SUDO) env BUILD=$(abspath $(BUILD)) PICKET_SEED=$(PICKET_SEED) \
		PICKET_SOAK_SECONDS=$(PICKET_SOAK_SECONDS) \
		PICKET_SOAK_RATE=$(PICKET_SOAK_RATE) python3 tests/e2e/soak.py

# For arm64, with Debian's libraries unpacked beside the kernels of the virtual
# machines: nothing is installed but the compiler.
ARM64 := aarch64-linux-gnu
VM_CACHE = $(abspath $(or $(PICKET_VM_CACHE),build/vm))
ARM64_CC = $(if $(filter gcc,$(CC)),$(CC:gcc=$(ARM64)-gcc),$(ARM64)-gcc)
.PHONY: arm64
arm64:
	@tests/vm/fetch-sysroot arm64 $(VM_CACHE)/sysroot-arm64
	+@$(MAKE) --no-print-directory CROSS=$(ARM64)- CC="$(ARM64_CC)" \
		SYSROOT=$(VM_CACHE)/sysroot-arm64 all bpf-tests e2e-tools

# The eBPF programs once more, by the newest clang that apt offers (unpacked):
# what another compiler makes of them must pass the verifiers too. One program
# that loads them all.
NEWEST := build/newest-clang
.PHONY: newest-clang
newest-clang:
	@tests/vm/fetch-clang $(VM_CACHE)/clang
	+@$(MAKE) --no-print-directory CLANG=$(VM_CACHE)/clang/clang BUILD=$(NEWEST) \
		$(NEWEST)/tests/bpf/test_sense_backends

# The collector's side of the end-to-end tests decodes with this, not with us.
OTLP_DECODER := @opentelemetry/otlp-transformer@0.57.2
build/npm/.done:
	$(call say,NPM,$(OTLP_DECODER))
	@mkdir -p $(@D)
	$(Q)npm install --prefix $(@D) --no-audit --no-fund --loglevel=error $(OTLP_DECODER)
	@touch $@

# What tells whether a bill of materials is one: CycloneDX's own library, with
# what it needs for JSON.
BOM_CHECKER := @cyclonedx/cyclonedx-library@6.11.0 ajv@8.12.0 ajv-formats@2.1.1 \
	ajv-formats-draft2019@1.6.1
build/npm-bom/.done:
	$(call say,NPM,$(firstword $(BOM_CHECKER)))
	@mkdir -p $(@D)
	$(Q)npm install --prefix $(@D) --no-audit --no-fund --loglevel=error \
		--omit=optional --legacy-peer-deps $(BOM_CHECKER)
	@touch $@

# The types of the Kubernetes API, and what holds our objects against them.
KUBERNETES_TYPES := kubernetes-models@5.1.0 yaml@2.6.1 typescript@5.6.3
build/npm-kubernetes/.done:
	$(call say,NPM,$(firstword $(KUBERNETES_TYPES)))
	@mkdir -p $(@D)
	$(Q)npm install --prefix $(@D) --no-audit --no-fund --loglevel=error \
		$(KUBERNETES_TYPES)
	@touch $@

# Programs of servers, unpacked and not installed: tests start them, the host
# does not.
build/tools/promtool:
	$(call say,TOOL,$@)
	$(Q)tests/get-tool promtool $(@D) prometheus golang-github-prometheus
build/tools/nginx:
	$(call say,TOOL,$@)
	$(Q)tests/get-tool nginx $(@D) nginx nginx-core

# Libfuzzer over every target, FUZZ_SECONDS each; what it finds beyond the
# committed corpus stays in build/fuzz/corpus.
FUZZ_SECONDS ?= 60
FUZZ_BIN := $(addprefix $(BUILD)/fuzz_,$(FUZZ_NAMES))
.PHONY: fuzz fuzz-bins $(addprefix run-fuzz-,$(FUZZ_NAMES))
fuzz: deps-fuzz
	+@$(MAKE) --no-print-directory $(JOBS) FUZZ=1 CC=$(CLANG) fuzz-bins
	+@$(MAKE) --no-print-directory FUZZ=1 CC=$(CLANG) -j1 $(addprefix run-fuzz-,$(FUZZ_NAMES))

fuzz-bins: $(FUZZ_BIN)

$(BUILD)/fuzz_%: tests/fuzz/fuzz_%.c $(TESTED)
	$(build_test)
	$(call link_test,-fsanitize=fuzzer) $(SHIP_LIBS)

$(addprefix run-fuzz-,$(FUZZ_NAMES)): run-fuzz-%: $(BUILD)/fuzz_%
	@mkdir -p $(BUILD)/corpus/$*
	$(BUILD)/fuzz_$* -max_total_time=$(FUZZ_SECONDS) -timeout=10 -print_final_stats=1 \
		-artifact_prefix=$(BUILD)/crash-$*- $(BUILD)/corpus/$* $(wildcard tests/fuzz/corpus/$*)

# Benchmarks: ratios and figures, nothing that passes or fails. What they do and
# said is in tests/bench/README.md. BENCH='--rounds 3 --kinds exec' for a part.
BENCH_BIN := $(patsubst tests/bench/%.c,$(BUILD)/tests/bench/%,$(sort $(wildcard tests/bench/*.c)))
$(BUILD)/tests/bench/bench_%: tests/bench/bench_%.c $(TESTED)
	$(build_test)
	$(call link_test) $(SHIP_LIBS)

# As it is run on a host and in a guest: it needs nothing of either.
$(BUILD)/tests/bench/load $(BUILD)/tests/bench/crowd: $(BUILD)/tests/bench/%: tests/bench/%.c
	$(build_test)
	$(call link_test,-static -no-pie)

$(BUILD)/tests/bench/empty: tests/bench/empty.c
	$(build_test)
	$(call link_test) $(shell $(PKG_CONFIG) --libs libbpf)

.PHONY: bench bench-vm bench-rules
bench: all $(BENCH_BIN)
	@$(SUDO) env BUILD=$(abspath $(BUILD)) python3 tests/bench/bench.py $(BENCH)
# In guest instructions, where other hooks can be had: no root, no quiet machine.
# How soon an act is a line, when nothing else is done and in a flood; what
# picket does when nothing is done.
.PHONY: bench-latency bench-idle bench-limits bench-ship
bench-latency: all
	@$(SUDO) env BUILD=$(abspath $(BUILD)) python3 tests/bench/waits.py latency $(BENCH)
	@$(SUDO) env BUILD=$(abspath $(BUILD)) python3 tests/bench/waits.py latency --rate 10000 $(BENCH)
bench-idle: all
	@$(SUDO) env BUILD=$(abspath $(BUILD)) python3 tests/bench/waits.py idle $(BENCH)
# How much it takes, and what it takes: floods, memory, starts.
bench-limits: all $(BENCH_BIN)
	@$(SUDO) env BUILD=$(abspath $(BUILD)) python3 tests/bench/limits.py $(BENCH)
# How fast a backlog is shipped: no root.
bench-ship: all $(BUILD)/tests/make_journal
	@BUILD=$(abspath $(BUILD)) python3 tests/bench/drain.py $(BENCH)
bench-vm: all $(BENCH_BIN)
	@BUILD=$(abspath $(BUILD)) python3 tests/bench/vm.py $(BENCH)
bench-rules: $(BENCH_BIN)
	@$(BUILD)/tests/bench/bench_rules

# Every test of the kernel side and the agent on 5.10, 6.1 and 6.12 under qemu,
# each backend forced in turn; `make test` runs a witness of each group there.
# Kernels come from the mirror apt is configured with, into build/vm.
.PHONY: vm-test vm-run
vm-test: all bpf-tests e2e-tools arm64 newest-clang
	@BUILD=$(abspath $(BUILD)) PICKET_TEST_LONG=1 tests/vm/matrix.py
	@BUILD=$(abspath $(BUILD)) tests/vm/agent.sh
	@BUILD=$(abspath $(BUILD)) tests/vm/processors.sh

# One boot, for who writes a program or a test:
#   make vm-run KERNEL=5.10 TESTS=test_sense_connect BACKEND=lsm FILTER='tcp_*'
KERNEL ?= 6.1
TESTS ?= $(notdir $(BPFTEST_BIN))
vm-run: $(if $(filter arm64-%,$(KERNEL)),arm64,$(addprefix $(BUILD)/tests/bpf/,$(TESTS)))
	@BUILD=$(abspath $(BUILD)) BACKEND='$(BACKEND)' FILTER='$(FILTER)' \
		tests/vm/run $(KERNEL) $(TESTS)

# ---- run, install, clean ----------------------------------------------------

# In the foreground, with the shipped configuration; the journal is all it needs.
# Its directory is root's: picket gives up the right to write into a user's.
.PHONY: run
run: deps-build
	+@$(MAKE) --no-print-directory $(JOBS) all
	@$(SUDO) install -d -o root -g root $(BUILD)/run
	@sed 's|^key_file = /var/lib/picket|key_file = $(CURDIR)/$(BUILD)/run|' \
		packaging/agent.ini | $(SUDO) tee $(BUILD)/run/agent.ini > /dev/null
	@$(SUDO) $(BUILD)/picket run --config $(BUILD)/run/agent.ini \
		--policy packaging/policy.d --journal $(BUILD)/run/journal --no-pins --tail

# Packages that are missing, and only those.
.PHONY: deps-build deps-test deps-fuzz deps-deb deps-rpm deps-image
deps-test deps-fuzz deps-deb deps-rpm: | deps-build
deps-build deps-test deps-fuzz deps-deb deps-rpm deps-image:
	@packaging/install-deps $(@:deps-%=%)

# What somebody changed in the configuration is kept. Units and the policy name the
# programs, and all of it the configuration, where they are installed.
LIBDIR = $(DESTDIR)$(PREFIX)/lib
SHARED = $(DESTDIR)$(PREFIX)/share/picket
# On nodes nothing is configured by Puppet and the like: those rules stay out.
CLUSTER_POLICY = $(filter-out %/32-configuration.ini,$(wildcard packaging/policy.d/*.ini)) \
	$(wildcard packaging/policy.d-cluster/*.ini)
.PHONY: print-cluster-policy
print-cluster-policy:
	@printf '%s\n' $(CLUSTER_POLICY)
UNITDIR = $(PREFIX)/lib/systemd/system
ETC := $(BUILD)/etc
# The placeholders last: what they become may end in /etc, too.
PLACES = s,/etc/picket,$(SYSCONFDIR)/picket,g; $(if $(filter /usr,$(PREFIX)),, \
	s,/usr/local/bin/picket,$(PREFIX)/bin/picket,g;) \
	s,@BINDIR@,$(PREFIX)/bin,g; s,@SYSCONFDIR@,$(SYSCONFDIR),g
.PHONY: install
install: all $(PLACED)/picket $(PLACED)/picket-ship
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(SYSCONFDIR)/picket/policy.d \
		$(DESTDIR)$(UNITDIR) $(LIBDIR)/sysusers.d $(LIBDIR)/tmpfiles.d
	install -m 0755 $(PLACED)/picket $(PLACED)/picket-ship $(DESTDIR)$(PREFIX)/bin/
	rm -rf $(ETC) && mkdir -p $(ETC)/policy.d $(ETC)/policy.d-cluster $(ETC)/man
	cp packaging/systemd/*.service packaging/agent.ini $(ETC)/
	cp packaging/policy.d/*.ini $(ETC)/policy.d/
	cp $(CLUSTER_POLICY) $(ETC)/policy.d-cluster/
	cp packaging/man/*.[58] $(BUILD)/man/picket.ini.5 $(ETC)/man/
	sed -i '$(PLACES)' $(ETC)/*.service $(ETC)/agent.ini $(ETC)/policy.d*/*.ini \
		$(ETC)/man/*
	install -m 0644 $(ETC)/*.service $(DESTDIR)$(UNITDIR)/
	install -m 0644 packaging/sysusers.d/picket.conf $(LIBDIR)/sysusers.d/
	install -m 0644 packaging/tmpfiles.d/picket.conf $(LIBDIR)/tmpfiles.d/
	packaging/install-conf $(ETC)/agent.ini $(SHARED) $(DESTDIR)$(SYSCONFDIR)/picket
	packaging/install-conf $(ETC)/policy.d/*.ini $(SHARED)/policy.d \
		$(DESTDIR)$(SYSCONFDIR)/picket/policy.d
	install -d $(SHARED)/policy.d-cluster
	install -m 0644 $(ETC)/policy.d-cluster/*.ini $(SHARED)/policy.d-cluster/
	install -d $(DESTDIR)$(PREFIX)/share/man/man5 $(DESTDIR)$(PREFIX)/share/man/man8
	install -m 0644 $(ETC)/man/*.5 $(DESTDIR)$(PREFIX)/share/man/man5/
	install -m 0644 $(ETC)/man/*.8 $(DESTDIR)$(PREFIX)/share/man/man8/
	install -D -m 0644 packaging/completion/picket.bash \
		$(DESTDIR)$(PREFIX)/share/bash-completion/completions/picket
	ln -sf picket $(DESTDIR)$(PREFIX)/share/bash-completion/completions/picket-ship
	install -D -m 0644 packaging/completion/_picket \
		$(DESTDIR)$(PREFIX)/share/zsh/site-functions/_picket
	install -D -m 0644 packaging/completion/picket.fish \
		$(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d/picket.fish
	ln -sf picket.fish \
		$(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d/picket-ship.fish

# ---- packages ---------------------------------------------------------------

# Two archives of one commit are the same, byte for byte.
EPOCH = $(or $(SOURCE_DATE_EPOCH),$(shell git log -1 --format=%ct 2>/dev/null),0)
DIST := picket-$(VERSION)
.PHONY: dist
dist:
	@mkdir -p $(BUILD)/dist
	$(Q)git ls-files -z | tar --null --files-from=- --create --gzip \
		--sort=name --mtime=@$(EPOCH) --owner=0 --group=0 \
		--numeric-owner --mode=go=rX,u+rw --format=ustar \
		--transform='s,^,$(DIST)/,' -f $(BUILD)/dist/$(DIST).tar.gz

# A bill of materials beside a package. $(1): the package, $(2): how to unpack it
# into a directory.
define sbom
	$(Q)set -e; package=$$(echo $(1)); root=$(BUILD)/sbom; rm -rf $$root; \
		mkdir -p $$root; $(2) $$package $$root; \
		packaging/sbom $(VERSION) $(EPOCH) $(BUILD)/dist/$(DIST).tar.gz \
		$$package $$root/usr/bin/picket $$root/usr/bin/picket-ship \
		>$$package.cdx.json
endef

# Built of that archive alone, elsewhere than in this tree.
.PHONY: deb
deb: deps-deb dist
	@rm -rf $(BUILD)/deb && mkdir -p $(BUILD)/deb
	$(Q)tar -C $(BUILD)/deb -xf $(BUILD)/dist/$(DIST).tar.gz
	$(Q)cp -a $(BUILD)/deb/$(DIST)/packaging/deb $(BUILD)/deb/$(DIST)/debian
	$(Q)sed -i '1s/([^)]*)/($(VERSION))/' $(BUILD)/deb/$(DIST)/debian/changelog
	$(Q)cd $(BUILD)/deb/$(DIST) && env -u MAKEFLAGS -u MAKELEVEL -u MFLAGS \
		SOURCE_DATE_EPOCH=$(EPOCH) dpkg-buildpackage -us -uc -b \
		>../build.log 2>&1 || { tail -n 30 ../build.log; exit 1; }
	$(Q)cd $(BUILD)/deb && lintian --fail-on error,warning *.changes
	$(call sbom,$(BUILD)/deb/picket_*.deb,dpkg-deb -x)
	@ls $(BUILD)/deb/*.cdx.json
	@ls $(BUILD)/deb/*.deb

# Elsewhere than on Fedora the names of packages that it needs are others.
.PHONY: rpm
rpm: deps-rpm dist
	@rm -rf $(BUILD)/rpm && mkdir -p $(BUILD)/rpm/SOURCES
	$(Q)cp $(BUILD)/dist/$(DIST).tar.gz $(BUILD)/rpm/SOURCES/
	$(Q)env -u MAKEFLAGS -u MAKELEVEL -u MFLAGS SOURCE_DATE_EPOCH=$(EPOCH) \
		rpmbuild -bb $(if $(wildcard /etc/debian_version),--nodeps) \
		--define '_topdir $(abspath $(BUILD))/rpm' \
		--define 'picket_version $(VERSION)' packaging/rpm/picket.spec \
		>$(BUILD)/rpm/build.log 2>&1 || { tail -n 30 $(BUILD)/rpm/build.log; exit 1; }
	$(call sbom,$(BUILD)/rpm/RPMS/*/picket-*.rpm,packaging/rpm/unpack)
	@ls $(BUILD)/rpm/RPMS/*/*.rpm $(BUILD)/rpm/RPMS/*/*.cdx.json

# The container image, an archive for each of ARCHES, in build/image. BASE: a
# reference to a Debian that buildah can pull; else debootstrap makes one.
ARCHES ?= amd64
BASE ?=
.PHONY: image
image: deps-image dist
	@rm -rf $(BUILD)/image/tree && mkdir -p $(BUILD)/image/tree
	$(Q)tar -C $(BUILD)/image/tree --strip-components=1 \
		-xf $(BUILD)/dist/$(DIST).tar.gz
	$(Q)$(SUDO) env SOURCE_DATE_EPOCH=$(EPOCH) ARCHES="$(ARCHES)" \
		packaging/container/build $(BUILD)/image/tree $(BUILD)/image $(BASE)

# Headers keep their comments in columns by hand.
.PHONY: format
format:
	clang-format -i $(wildcard agent/*.c agent/*/*.c bpf/*.c tests/*/*.c)

.PHONY: clean
clean:
	@rm -rf build 2>/dev/null || $(SUDO) rm -rf build

# Not those of what is unpacked or built apart there: some file of a Debian ends
# in .d, too.
-include $(shell find $(BUILD) \( -path '*/npm' -o -path '*/vm' -o -path '*/tools' \
	-o -path '*/image' -o -path '*/deb' -o -path '*/rpm' -o -path '*/sbom' \) -prune \
	-o -type f -name '*.d' -print 2>/dev/null)
