# picket: `make` builds, `make run` and `make test` install what they lack and
# do their job. Everything goes to build/. See README.md.

MAKEFLAGS += --no-builtin-rules
.SUFFIXES:
.DELETE_ON_ERROR:

VERSION := 0.1.0

# SAN=1 builds user space with the address and undefined-behaviour sanitizers,
# into a tree of its own so that the two never mix.
SAN ?=
BUILD := build$(if $(SAN),/san)

CC := $(if $(filter default,$(origin CC)),gcc,$(CC))
CLANG ?= clang
BPFTOOL ?= $(firstword $(wildcard /usr/sbin/bpftool /usr/local/sbin/bpftool) bpftool)
PKG_CONFIG ?= pkg-config

V ?=
Q := $(if $(V),,@)
say = @printf '  %-7s %s\n' $(1) $(2)

WARN := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
	-Wold-style-definition -Wundef -Wwrite-strings -Wpointer-arith \
	-Wformat=2 -Wvla -Wimplicit-fallthrough -Wcast-qual
HARDEN := -fstack-protector-strong -fstack-clash-protection -fPIE \
	$(if $(SAN),,-D_FORTIFY_SOURCE=2) \
	$(if $(filter x86_64,$(shell uname -m)),-fcf-protection)
SANFLAGS := $(if $(SAN),-fsanitize=address,)$(if $(SAN), -fsanitize=undefined \
	-fno-omit-frame-pointer -fno-sanitize-recover=undefined)
CFLAGS ?= -O2 -g
ALL_CFLAGS := -std=gnu17 $(WARN) $(WERROR) $(HARDEN) $(SANFLAGS) $(CFLAGS)
ALL_CPPFLAGS := -D_GNU_SOURCE -DPICKET_VERSION='"$(VERSION)"' \
	-Iagent -Iinclude -I$(BUILD)/gen $(CPPFLAGS)
ALL_LDFLAGS := -pie -Wl,-z,relro,-z,now -Wl,--as-needed $(SANFLAGS) $(LDFLAGS)

# ---- what is built of what ------------------------------------------------

# Stages that need no libbpf and no libcurl: both programs and the tests.
COMMON_DIRS := base conf store
SENSOR_DIRS := sense proc rules app
SRC = $(sort $(wildcard $(addsuffix /*.c,$(addprefix agent/,$(1)))))
obj = $(patsubst %.c,$(BUILD)/%.o,$(1))

# out/ holds what both programs use and what only the shipper does.
SHIP_ONLY := $(wildcard $(addprefix agent/out/,otlp.c batch.c http.c backoff.c \
	ship.c gzip.c collector.c response.c manifest.c))
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
all: $(BUILD)/picket $(BUILD)/picket-ship

$(BUILD)/picket: $(call obj,agent/picket.c) $(PICKET_OBJ) $(COMMON_OBJ)
	$(call say,LINK,$@)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(PICKET_LIBS)

$(BUILD)/picket-ship: $(call obj,agent/picket_ship.c) $(SHIP_OBJ) $(COMMON_OBJ)
	$(call say,LINK,$@)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(SHIP_LIBS)

$(BUILD)/%.o: %.c
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CPPFLAGS) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

$(BUILD)/gen/%.o: $(BUILD)/gen/%.c
	$(call say,CC,$<)
	$(Q)$(CC) $(ALL_CPPFLAGS) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

$(BUILD)/gen/%.pb-c.c $(BUILD)/gen/%.pb-c.h &: proto/%.proto
	$(call say,PROTO,$<)
	@mkdir -p $(@D)
	$(Q)protoc-c -Iproto --c_out=$(BUILD)/gen $<

# Objects that include generated headers must wait for them once.
GEN_HEADERS := $(PROTO_SRC:.c=.h) $(OTLP_SRC:.c=.h) $(BUILD)/gen/picket.skel.h
$(call obj,$(wildcard agent/*/*.c agent/*.c)): | $(PROTO_SRC:.c=.h) $(OTLP_SRC:.c=.h)
$(call obj,$(wildcard agent/sense/*.c)): | $(BUILD)/gen/picket.skel.h

# ---- kernel side ------------------------------------------------------------

MULTIARCH := $(shell $(CC) -print-multiarch 2>/dev/null)
BPF_ARCH := $(patsubst x86_64,x86,$(patsubst aarch64,arm64,$(shell uname -m)))
BPF_CFLAGS := -O2 -g -target bpf -mcpu=v2 -std=gnu17 -D__TARGET_ARCH_$(BPF_ARCH) \
	-Wall -Wextra -Wno-unused-parameter -Ibpf -Iinclude \
	-idirafter /usr/include/$(MULTIARCH)
# maps first: libbpf 1.1's linker loses maps that are used before defined.
BPF_SRC := bpf/maps.bpf.c $(filter-out bpf/maps.bpf.c,$(sort $(wildcard bpf/*.bpf.c)))
BPF_OBJ := $(patsubst bpf/%.bpf.c,$(BUILD)/bpf/%.bpf.o,$(BPF_SRC))

$(BUILD)/bpf/%.bpf.o: bpf/%.bpf.c
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

# ---- unit tests and fuzz corpora --------------------------------------------

UNIT_SRC := $(sort $(wildcard tests/unit/test_*.c))
UNIT_BIN := $(patsubst tests/unit/%.c,$(BUILD)/tests/%,$(UNIT_SRC))
# Everything but the mains, the libbpf users and the network: unit tests link it.
TESTED_OBJ = $(COMMON_OBJ) $(SHIP_OBJ) \
	$(filter-out $(call obj,$(wildcard agent/sense/attach.c agent/sense/ring.c agent/sense/probes.c agent/sense/sensor*.c)) \
	$(call obj,$(call SRC,app)),$(PICKET_OBJ))

$(BUILD)/tests/libtested.a: $(TESTED_OBJ)
	@mkdir -p $(@D)
	@rm -f $@
	$(Q)ar rcs $@ $^

$(BUILD)/tests/%: tests/unit/%.c $(BUILD)/tests/libtested.a
	$(call say,TEST,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CPPFLAGS) -Itests $(ALL_CFLAGS) -MMD -MP $(ALL_LDFLAGS) -o $@ $< \
		$(BUILD)/tests/libtested.a $(SHIP_LIBS) $(TEST_LIBS)

.PHONY: unit
unit: $(UNIT_BIN)

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)

.PHONY: clean
clean:
	rm -rf build
