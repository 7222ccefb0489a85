# make fuzz: every tests/fuzz/fuzz_<name>.c under libFuzzer, ASAN and UBSAN for
# FUZZ_SECONDS each, seeded from tests/corpus/<name>/.  What crashes is left in
# build/fuzz/crash-*; once mended it belongs into the corpus.
#
# make fuzz-corpus: the corpora only, once through; a part of make test.
#
#   make fuzz FUZZ_SECONDS=600 FUZZ_TARGETS=eas

FUZZ_SECONDS ?= 20
FUZZ_TARGETS ?= $(patsubst tests/fuzz/fuzz_%.c,%,$(wildcard tests/fuzz/fuzz_*.c))
FUZZ_DIR     := $(BUILD)/fuzz
FUZZ_CC      := clang

# the shim's pure half does not include nginx
FUZZ_SHIM    := $(shell grep -L '<ngx_\|"ngx_redis.h"' lua-free-shim/*.c 2>/dev/null)

FUZZ_CFLAGS  := -std=c11 -D_GNU_SOURCE $(WARNINGS) -I$(ROOT)/core -Ilua-free-shim \
                -Itests/fuzz -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all \
                -fno-omit-frame-pointer -MMD -MP
FUZZ_OBJS    := $(CORE_SRCS:%.c=$(FUZZ_DIR)/%.o) $(FUZZ_SHIM:%.c=$(FUZZ_DIR)/%.o)
FUZZ_BINS    := $(FUZZ_TARGETS:%=$(FUZZ_DIR)/fuzz_%)

$(FUZZ_DIR)/%.o: %.c | unit-deps
	@mkdir -p $(@D)
	@echo "cc (fuzzer) $<"
	@$(FUZZ_CC) $(FUZZ_CFLAGS) -fsanitize=fuzzer-no-link -c -o $@ $<

$(FUZZ_DIR)/libcore.a: $(FUZZ_OBJS)
	@rm -f $@
	@ar rcs $@ $^

$(FUZZ_DIR)/fuzz_%: $(FUZZ_DIR)/tests/fuzz/fuzz_%.o $(FUZZ_DIR)/libcore.a
	@$(FUZZ_CC) -fsanitize=fuzzer,address,undefined -o $@ $^ $(CORE_LIBS) -lhiredis

.SECONDARY: $(FUZZ_TARGETS:%=$(FUZZ_DIR)/tests/fuzz/fuzz_%.o)

.PHONY: fuzz
fuzz: $(FUZZ_BINS) ## fuzz every parser for FUZZ_SECONDS (20) each
	@for t in $(FUZZ_TARGETS); do \
	    mkdir -p $(FUZZ_DIR)/found/$$t; \
	    echo "fuzz: $$t for $(FUZZ_SECONDS) s"; \
	    $(FUZZ_DIR)/fuzz_$$t -max_total_time=$(FUZZ_SECONDS) -timeout=5 \
	        -rss_limit_mb=1024 -max_len=8192 -print_final_stats=1 \
	        -artifact_prefix=$(FUZZ_DIR)/crash-$$t- \
	        $(FUZZ_DIR)/found/$$t $$(ls -d tests/corpus/$$t 2>/dev/null) \
	        >$(FUZZ_DIR)/$$t.log 2>&1 \
	        || { tail -n 60 $(FUZZ_DIR)/$$t.log; exit 1; }; \
	    grep -h 'stat::number_of_executed_units' $(FUZZ_DIR)/$$t.log; \
	done

.PHONY: fuzz-corpus
fuzz-corpus: $(FUZZ_BINS) ## replay the fuzzers' corpora once
	@for t in $(FUZZ_TARGETS); do \
	    set -- $$(find tests/corpus/$$t -type f 2>/dev/null | sort); \
	    [ $$# -gt 0 ] || { echo "fuzz-corpus: $$t has no corpus"; exit 1; }; \
	    $(FUZZ_DIR)/fuzz_$$t -timeout=5 "$$@" >$(FUZZ_DIR)/$$t.log 2>&1 \
	        || { tail -n 60 $(FUZZ_DIR)/$$t.log; exit 1; }; \
	    echo "fuzz-corpus: $$t, $$# inputs"; \
	done

-include $(FUZZ_OBJS:.o=.d) $(FUZZ_TARGETS:%=$(FUZZ_DIR)/tests/fuzz/fuzz_%.d)
