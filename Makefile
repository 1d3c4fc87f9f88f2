# runxin.  make, make check, make run, make install; make help lists the rest.
# VARIANT=asan builds with ASan and UBSan; CC=clang works as well as gcc.

VARIANT ?= plain
CC ?= cc
ifeq ($(origin CC),default)
CC := gcc
endif
BUILD := build/$(VARIANT)-$(notdir $(CC))
PREFIX ?= /usr/local
LISTEN ?= 127.0.0.1:8080
DESTDIR ?=

# Debian packages: to build and run, and for the tests besides.
PKG_BUILD := gcc libc6-dev libsodium-dev libsqlite3-dev libargon2-dev \
	libjansson-dev libxlsxwriter-dev libmicrohttpd-dev libgnutls28-dev \
	libseccomp-dev libglpk-dev libqrencode-dev
# Node of another source than Debian's brings its own npm.
PKG_WEB := chromium fonts-wqy-zenhei $(if $(shell command -v npm),,nodejs npm)
PKG_BENCH := libcmocka-dev
PKG_CHECK := $(PKG_BUILD) $(PKG_BENCH) python3 mandoc valgrind $(PKG_WEB)
PKG_FUZZ := $(PKG_BUILD) libcmocka-dev clang libclang-rt-14-dev

WARN := -Wall -Wextra -Wpedantic -Wshadow -Wstrict-prototypes \
	-Wmissing-prototypes -Wvla -Wundef -Wformat=2 -Wimplicit-fallthrough \
	-Wwrite-strings -Wcast-align -Werror
CPPFLAGS += -Isrc -I. -Ischema -D_GNU_SOURCE
CFLAGS ?= -O2 -g
CFLAGS_ALL = -std=c17 $(WARN) -fPIE -fstack-protector-strong \
	-fstack-clash-protection $(CFLAGS)
LDFLAGS_ALL = -pie -Wl,-z,relro,-z,now,-z,noexecstack $(LDFLAGS)
LDLIBS = -lsodium -lsqlite3 -largon2 -ljansson -lxlsxwriter -lmicrohttpd \
	-lgnutls -lseccomp -lglpk -lqrencode -lm
ifeq ($(VARIANT),asan)
CFLAGS_ALL += -fsanitize=address,undefined -fno-sanitize-recover=all \
	-fno-omit-frame-pointer
LDFLAGS_ALL += -fsanitize=address,undefined
else ifeq ($(VARIANT),coverage)
CFLAGS_ALL += -O0 --coverage -fprofile-update=atomic
LDFLAGS_ALL += --coverage
else
CPPFLAGS += -D_FORTIFY_SOURCE=2
endif

EMBEDDED := $(wildcard schema/*.sql schema/*.tsv src/web/templates/*.html \
	src/web/templates/*/*.html src/web/static/*)
SRC := $(wildcard crypto/*.c src/base/*.c src/store/*.c src/register/*.c \
	src/stats/*.c src/web/*.c src/cli/*.c schema/*.c)
LIB_SRC := $(filter-out schema/embed.c,$(SRC))
LIB_OBJ := $(LIB_SRC:%.c=$(BUILD)/%.o) $(BUILD)/schema/embedded.o
UNIT_SRC := $(wildcard tests/unit/test_*.c tests/attack/test_*.c \
	tests/crash/test_*.c tests/fuzz/test_*.c)
UNIT_BIN := $(UNIT_SRC:%.c=$(BUILD)/%)
E2E := $(wildcard tests/e2e/test_*.py)
WEB := tests/web/run.mjs

.PHONY: all run check asan lint install uninstall clean help \
	need-build need-check tests
all: $(BUILD)/runxin

help:
	@echo 'make            build $(BUILD)/runxin'
	@echo 'make run        install what is missing, build, show a demo register at work'
	@echo 'make check      install what the tests need, run them all'
	@echo 'make check-web  of those only the web page in a real browser'
	@echo 'make asan       the tests under ASan and UBSan'
	@echo 'make torture    faults at every call for TORTURE_SECONDS=3600, and bundles'
	@echo '                exchanged in any order, in WORLDS=200 worlds, and'
	@echo '                KILLS=1000 of the server under writers'
	@echo 'make coverage   lines, branches and ways out on error that the tests in C reach'
	@echo 'make lint       gcc -fanalyzer, cppcheck, clang-tidy, mandoc'
	@echo 'make fuzz       every parser under libFuzzer, FUZZ_SECONDS=3600 each'
	@echo 'make bench      measure against plain SQLite and the bare primitives, and the'
	@echo '                page under load; BENCH_ARGS=web only that, BENCH_ARGS="web 50 40";'
	@echo '                BENCH_ARGS=lists, BENCH_ARGS="register 10000 1000000 3",'
	@echo '                BENCH_ARGS="annex 1000000 5"'
	@echo 'make load       LOAD_PEOPLE=200 at the page over TLS for LOAD_SECONDS=600, with'
	@echo '                LOAD_PAUSE=5 seconds between two pages of one'
	@echo 'make install    into $(PREFIX) (PREFIX=..., DESTDIR=...)'

# Install the packages of a list that are missing (Debian).
define need
@missing=; for p in $(1); do \
	dpkg-query -W -f='$${Status}' $$p 2>/dev/null | \
	    grep -q '^install ok installed' || missing="$$missing $$p"; \
done; \
if [ -n "$$missing" ]; then \
	echo "installing:$$missing"; \
	as=; [ "$$(id -u)" = 0 ] || as=sudo; \
	$$as apt-get -q update && \
	$$as env DEBIAN_FRONTEND=noninteractive apt-get -q -y install \
	    --no-install-recommends $$missing; \
fi
endef

need-build:
	$(call need,$(PKG_BUILD))
need-check:
	$(call need,$(PKG_CHECK))

run: need-build
	@$(MAKE) --no-print-directory all
	@RUNXIN=$(BUILD)/runxin sh tests/e2e/tour.sh
	@[ -n "$$RUNXIN_NO_SERVE" ] || \
	    $(BUILD)/runxin -r build/demo serve --listen $(LISTEN)

tests: $(UNIT_BIN) $(BUILD)/runxin $(BUILD)/tests/bench/bench

check: need-check
	@$(MAKE) --no-print-directory tests node-modules
	@RUNXIN=$(BUILD)/runxin sh tests/run.sh $(UNIT_BIN) $(E2E) $(WEB)

# The page in Chromium, alone.
.PHONY: check-web node-modules
check-web: need-check
	@$(MAKE) --no-print-directory all node-modules
	@RUNXIN=$(BUILD)/runxin node $(WEB)

# Exactly what package-lock.json says.  Without it the tests in the browser do
# not start, and that is counted as a failure.
node-modules:
	@cd tests/web && rm -rf node_modules && \
	    { npm ci --no-audit --no-fund --ignore-scripts >/dev/null || \
	    { echo 'npm ci failed: no tests in the browser' >&2; \
	    rm -rf node_modules; }; }

# What make check has time for a sample of only.
.PHONY: torture
torture: $(BUILD)/tests/crash/test_crash $(BUILD)/tests/unit/test_bundle \
    $(BUILD)/tests/unit/test_interrupt $(BUILD)/runxin
	@RUNXIN_TORTURE=1 $(BUILD)/tests/unit/test_interrupt
	@$(BUILD)/tests/crash/test_crash $(or $(TORTURE_SECONDS),3600)
	@RUNXIN_TORTURE=$(or $(WORLDS),200) $(BUILD)/tests/unit/test_bundle
	@RUNXIN_KILLS=$(or $(KILLS),1000) RUNXIN=$(BUILD)/runxin \
	    python3 tests/e2e/test_kill.py

# A process that hardens itself cannot be traced, so leaks are looked for in
# the unit tests and not in the program itself.
asan:
	@$(MAKE) --no-print-directory VARIANT=asan tests
	@$(MAKE) --no-print-directory VARIANT=asan check-built

# What the tests in C go through, by folder: lines, branches, ways out on error
# (see coverage.py); COVER="crypto/ src/register/" lists what they do not.  The program itself, locked in, could not write that down.
.PHONY: coverage coverage-built
coverage:
	$(call need,$(PKG_BUILD) $(PKG_BENCH) gcovr)
	@$(MAKE) --no-print-directory VARIANT=coverage coverage-built
coverage-built: $(UNIT_BIN)
	@find $(BUILD) -name '*.gcda' -delete
	@sh tests/run.sh $(UNIT_BIN) || true
	@gcovr --root . --object-directory $(BUILD) --filter crypto/ \
	    --filter src/ --json $(BUILD)/coverage.json $(BUILD)
	@python3 tests/coverage.py $(BUILD)/coverage.json $(COVER)

check-built:
	@ASAN_OPTIONS=detect_leaks=1 RUNXIN=$(BUILD)/runxin \
	    sh tests/run.sh $(UNIT_BIN)

$(BUILD)/embed: schema/embed.c
	@mkdir -p $(@D)
	@$(CC) -std=c17 $(WARN) -O1 -o $@ $<

$(BUILD)/schema/embedded.c: $(BUILD)/embed $(EMBEDDED)
	@mkdir -p $(@D)
	@$(BUILD)/embed $(sort $(EMBEDDED)) > $@.tmp && mv $@.tmp $@

$(BUILD)/schema/embedded.o: $(BUILD)/schema/embedded.c
	@echo '  CC  schema data'
	@$(CC) -std=c17 -Ischema -O0 -fPIE -c -o $@ $<

$(BUILD)/%.o: %.c
	@mkdir -p $(@D)
	@echo '  CC  $<'
	@$(CC) $(CPPFLAGS) $(CFLAGS_ALL) -MMD -MP -c -o $@ $<

$(BUILD)/librunxin.a: $(LIB_OBJ)
	@rm -f $@
	@ar rcs $@ $^

$(BUILD)/runxin: $(BUILD)/src/main.o $(BUILD)/librunxin.a
	@echo '  LD  $@'
	@$(CC) $(CFLAGS_ALL) $(LDFLAGS_ALL) -o $@ $^ $(LDLIBS)

# These run on a machine that fails: what the linker leads there is in fault.c.
FAULTY := $(BUILD)/tests/crash/test_crash $(BUILD)/tests/crash/test_starve \
	$(BUILD)/tests/crash/test_travel $(BUILD)/tests/unit/test_interrupt
FAULT_WRAP := malloc calloc realloc reallocarray free strdup strndup asprintf \
	__asprintf_chk sodium_malloc sodium_free sodium_mlock write pread fsync \
	mkostemp rename renameat2 link unlink mkdir rmdir scandir tsearch \
	pthread_create \
	rx_query_open rx_query_next rx_store_begin rx_store_insert \
	rx_store_replace rx_store_delete rx_store_compare rx_buf_add \
	rx_buf_extend rx_key_new rx_secret_new rx_envelope_seal rx_grant_make \
	rx_pair_mac rx_recovery_seal
$(FAULTY): $(BUILD)/tests/crash/fault.o
$(filter-out %/test_crash,$(FAULTY)): $(BUILD)/tests/crash/attempt.o
$(BUILD)/tests/crash/test_starve: $(BUILD)/tests/crash/deeds.o
$(FAULTY): LDFLAGS_ALL += $(FAULT_WRAP:%=-Wl,--wrap=%)

# Nine tenths of the time of the others would be that of Argon2id.  What test_web
# is asked by tests/e2e is of registers that the program itself has made.
STRETCHING := $(BUILD)/tests/unit/test_vectors $(BUILD)/tests/unit/test_crypto \
	$(BUILD)/tests/unit/test_register $(BUILD)/tests/unit/test_web \
	$(BUILD)/tests/attack/test_keyblob $(BUILD)/tests/attack/test_session \
	$(BUILD)/tests/attack/test_timing
QUICK := $(filter-out $(STRETCHING),$(UNIT_BIN))
$(QUICK): $(BUILD)/tests/quick.o
$(QUICK): LDFLAGS_ALL += -Wl,--wrap=argon2id_hash_raw
ifeq ($(VARIANT),coverage)
$(UNIT_BIN): $(BUILD)/tests/cover.o
$(UNIT_BIN): LDFLAGS_ALL += -Wl,--wrap=_exit,--wrap=kill,--wrap=abort
endif

# What the system refuses.
$(BUILD)/tests/unit/test_crypto: LDFLAGS_ALL += -Wl,--wrap=setrlimit,$\
	--wrap=getrlimit,--wrap=prctl,--wrap=sodium_init,$\
	--wrap=argon2id_hash_raw

# What it compares, and what it derives, is watched.
$(BUILD)/tests/attack/test_timing: LDFLAGS_ALL += \
	-Wl,--wrap=rx_equal,--wrap=rx_hash

# Where the clock jumps.
$(BUILD)/tests/attack/test_time: LDFLAGS_ALL += -Wl,--wrap=rx_time_now

# Between two steps of it another process does something.
$(BUILD)/tests/attack/test_rotation: LDFLAGS_ALL += \
	-Wl,--wrap=rx_query_open,--wrap=rx_store_begin,$\
	--wrap=rx_store_commit

# Where a merge is broken on purpose, as a control.
$(BUILD)/tests/unit/test_bundle: LDFLAGS_ALL += -Wl,--wrap=rx_store_compare

$(BUILD)/tests/%: $(BUILD)/tests/%.o $(BUILD)/tests/helper.o \
    $(BUILD)/tests/fixture.o $(BUILD)/librunxin.a
	@echo '  LD  $@'
	@$(CC) $(CFLAGS_ALL) $(LDFLAGS_ALL) -o $@ $^ $(LDLIBS) -lcmocka

$(BUILD)/tests/fuzz/test_replay: $(BUILD)/tests/fuzz/test_replay.o \
    $(BUILD)/tests/fuzz/targets.o $(BUILD)/tests/helper.o $(BUILD)/librunxin.a
	@echo '  LD  $@'
	@$(CC) $(CFLAGS_ALL) $(LDFLAGS_ALL) -o $@ $^ $(LDLIBS) -lcmocka

# Every parser under libFuzzer (clang), FUZZ_SECONDS each; what it finds stays
# in build/fuzz/TARGET and belongs, made small, in tests/fuzz/seeds/TARGET.
FUZZ_TARGETS ?= envelope padding keyblob signed line stored words form \
	template database container row upload receipt history departure increment
FUZZ_SECONDS ?= 3600
FUZZ := build/fuzz
FUZZ_FLAGS := -std=c17 -g -O1 -fsanitize=fuzzer,address,undefined \
	-fno-sanitize-recover=all
.PHONY: fuzz fuzz-built
fuzz:
	$(call need,$(PKG_FUZZ))
	@$(MAKE) --no-print-directory fuzz-built
fuzz-built: $(BUILD)/schema/embedded.c $(BUILD)/tests/fuzz/test_replay
	@mkdir -p $(FUZZ)
	@echo '  LD  $(FUZZ)/runxin'
	@clang $(CPPFLAGS) -U_FORTIFY_SOURCE $(FUZZ_FLAGS) -o $(FUZZ)/runxin \
	    tests/fuzz/fuzz.c tests/fuzz/targets.c $(LIB_SRC) \
	    $(BUILD)/schema/embedded.c $(LDLIBS)
	@$(BUILD)/tests/fuzz/test_replay $(FUZZ)
	@for t in $(FUZZ_TARGETS); do \
		echo "== $$t"; mkdir -p $(FUZZ)/$$t; \
		FUZZ_TARGET=$$t $(FUZZ)/runxin -dict=tests/fuzz/runxin.dict \
		    -max_total_time=$(FUZZ_SECONDS) -print_final_stats=1 \
		    -verbosity=0 -artifact_prefix=$(FUZZ)/$$t. $(FUZZ)/$$t \
		    $$(ls -d tests/fuzz/seeds/$$t 2>/dev/null) || exit 1; \
	done

# SQLCipher has the symbols of SQLite: a program of its own, where it is there.
BENCH := $(BUILD)/tests/bench/bench
BENCH_SRC := $(filter-out tests/bench/sqlcipher.c,$(wildcard tests/bench/*.c))
ifeq ($(shell pkg-config --exists sqlcipher 2>/dev/null && echo yes),yes)
BENCH += $(BUILD)/tests/bench/sqlcipher
endif
LOAD_PEOPLE ?= 200
LOAD_SECONDS ?= 600
LOAD_PAUSE ?= 5
.PHONY: bench load
load:
	$(call need,$(PKG_BUILD) $(PKG_BENCH))
	@$(MAKE) --no-print-directory $(BUILD)/runxin $(BUILD)/tests/bench/bench
	@$(BUILD)/tests/bench/bench load $(LOAD_PEOPLE) $(LOAD_SECONDS) \
	    $(LOAD_PAUSE)
bench: $(BENCH) $(BUILD)/runxin
	@$(BUILD)/tests/bench/bench $(BENCH_ARGS)

$(BUILD)/tests/bench/bench: $(BENCH_SRC:%.c=$(BUILD)/%.o) \
    $(BUILD)/tests/helper.o $(BUILD)/librunxin.a
	@echo '  LD  $@'
	@$(CC) $(CFLAGS_ALL) $(LDFLAGS_ALL) -o $@ $^ $(LDLIBS) -lcmocka

$(BUILD)/tests/bench/sqlcipher.o: CPPFLAGS := \
    $(shell pkg-config --cflags sqlcipher 2>/dev/null) $(CPPFLAGS)
$(BUILD)/tests/bench/sqlcipher: $(BUILD)/tests/bench/sqlcipher.o
	@echo '  LD  $@'
	@$(CC) $(CFLAGS_ALL) $(LDFLAGS_ALL) -o $@ $^ -lsqlcipher

$(BUILD)/schema/embedded.o: schema/schema.h schema/embedded.h

install: $(BUILD)/runxin
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/share/man/man1
	install -m 755 $(BUILD)/runxin $(DESTDIR)$(PREFIX)/bin/runxin
	install -m 644 src/cli/runxin.1 \
	    $(DESTDIR)$(PREFIX)/share/man/man1/runxin.1

uninstall:
	rm -f $(DESTDIR)$(PREFIX)/bin/runxin \
	    $(DESTDIR)$(PREFIX)/share/man/man1/runxin.1

clean:
	rm -rf build

# Left out, and why: clang-tidy 14 takes every va_list for uninitialized, every
# memcpy of a byte string for a C string, and adjacent SQL literals for a
# forgotten comma, and asks for members in the order of their sizes, not of their
# meaning; gcc 12 does not follow ownership through an output pointer
# (leaks are for ASan and valgrind to find); cppcheck warns of NULL as a sentinel, which is a pointer in
# glibc.  Other exceptions are explained where they stand in the code.
TIDY := -*,clang-analyzer-*,bugprone-*,cert-err33-c,$\
	-clang-analyzer-security.insecureAPI.DeprecatedOrUnsafeBufferHandling,$\
	-clang-analyzer-valist.Uninitialized,$\
	-bugprone-not-null-terminated-result,-bugprone-suspicious-missing-comma,$\
	-bugprone-easily-swappable-parameters,-bugprone-reserved-identifier,$\
	-bugprone-assignment-in-if-condition,-bugprone-narrowing-conversions,$\
	-bugprone-implicit-widening-of-multiplication-result,$\
	-bugprone-macro-parentheses,-bugprone-sizeof-expression,$\
	-clang-analyzer-optin.performance.Padding

.PHONY: lint
lint:
	@printf '%s\n' $(LIB_SRC) src/main.c | xargs -P "$$(nproc)" -n 1 \
	    gcc $(CPPFLAGS) $(CFLAGS_ALL) -fanalyzer \
	    -Wno-analyzer-malloc-leak -c -o /dev/null
	cppcheck --quiet --std=c11 --enable=warning,performance,portability \
	    -j "$$(nproc)" \
	    --error-exitcode=1 --inline-suppr --suppress=missingIncludeSystem \
	    --suppress=varFuncNullUB \
	    -D_GNU_SOURCE -Isrc -I. -Ischema crypto schema src
	@printf '%s\n' $(LIB_SRC) src/main.c | xargs -P "$$(nproc)" -n 8 \
	    sh -c 'exec clang-tidy --quiet --warnings-as-errors="*" "$$@" \
	    -- -std=c17 -Isrc -I. -Ischema -D_GNU_SOURCE' tidy \
	    --checks='$(TIDY)'
	mandoc -Tlint -Wwarning src/cli/runxin.1

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)
.SECONDARY:
