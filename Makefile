# runxin.  make, make check, make run, make install; make help lists the rest.
# VARIANT=asan builds with ASan and UBSan; CC=clang works as well as gcc.

VARIANT ?= plain
CC ?= cc
ifeq ($(origin CC),default)
CC := gcc
endif
BUILD := build/$(VARIANT)-$(notdir $(CC))
PREFIX ?= /usr/local
DESTDIR ?=

LIBS := libsodium sqlite3 libargon2 jansson xlsxwriter
WARN := -Wall -Wextra -Wpedantic -Wshadow -Wstrict-prototypes \
	-Wmissing-prototypes -Wvla -Wundef -Wformat=2 -Wimplicit-fallthrough \
	-Wwrite-strings -Wcast-align -Werror
CPPFLAGS += -Isrc -I. -Ischema -D_GNU_SOURCE
CFLAGS ?= -O2 -g
CFLAGS_ALL = -std=c17 $(WARN) -fPIE -fstack-protector-strong $(CFLAGS)
LDFLAGS_ALL = -pie -Wl,-z,relro,-z,now,-z,noexecstack $(LDFLAGS)
LDLIBS = -lsodium -lsqlite3 -largon2 -ljansson -lxlsxwriter
ifeq ($(VARIANT),asan)
CFLAGS_ALL += -fsanitize=address,undefined -fno-sanitize-recover=all \
	-fno-omit-frame-pointer
LDFLAGS_ALL += -fsanitize=address,undefined
else
CPPFLAGS += -D_FORTIFY_SOURCE=2
endif

EMBEDDED := $(wildcard schema/*.sql schema/*.tsv)
SRC := $(wildcard crypto/*.c src/base/*.c src/store/*.c src/register/*.c \
	src/stats/*.c src/cli/*.c schema/*.c)
LIB_SRC := $(filter-out schema/embed.c,$(SRC))
LIB_OBJ := $(LIB_SRC:%.c=$(BUILD)/%.o) $(BUILD)/schema/embedded.o
UNIT_SRC := $(wildcard tests/unit/test_*.c tests/attack/test_*.c)
UNIT_BIN := $(UNIT_SRC:%.c=$(BUILD)/%)

.PHONY: all
all: $(BUILD)/runxin

$(BUILD)/embed: schema/embed.c
	@mkdir -p $(@D)
	$(CC) -std=c17 $(WARN) -O1 -o $@ $<

$(BUILD)/schema/embedded.c: $(BUILD)/embed $(EMBEDDED)
	@mkdir -p $(@D)
	$(BUILD)/embed $(sort $(EMBEDDED)) > $@.tmp && mv $@.tmp $@

$(BUILD)/schema/embedded.o: $(BUILD)/schema/embedded.c
	$(CC) -std=c17 -Ischema -O0 -fPIE -c -o $@ $<

$(BUILD)/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS_ALL) -MMD -MP -c -o $@ $<

$(BUILD)/librunxin.a: $(LIB_OBJ)
	@rm -f $@
	ar rcs $@ $^

$(BUILD)/runxin: $(BUILD)/src/main.o $(BUILD)/librunxin.a
	$(CC) $(CFLAGS_ALL) $(LDFLAGS_ALL) -o $@ $^ $(LDLIBS)

$(BUILD)/tests/%: $(BUILD)/tests/%.o $(BUILD)/tests/helper.o $(BUILD)/librunxin.a
	$(CC) $(CFLAGS_ALL) $(LDFLAGS_ALL) -o $@ $^ $(LDLIBS) -lcmocka

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)
.SECONDARY:
