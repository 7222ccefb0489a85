# make unit: the pure parts under Criterion, built twice.
#
#   gcc  as shipped: the release's optimisation and hardening flags
#   san  AddressSanitizer + UndefinedBehaviorSanitizer, by clang
#
# Criterion counts a leak as a passed test, so the sanitizers write their
# reports to files, and any such file fails the run.
#
#   make unit UNIT_TESTS=tests/unit/test_decide.c      one file only

UNIT_DIR      := $(BUILD)/unit
UNIT_TESTS    ?= $(wildcard tests/unit/test_*.c)
# the shim's pure half does not include nginx
UNIT_SHIM     := $(shell grep -L '<ngx_\|"ngx_redis.h"' lua-free-shim/*.c \
                         2>/dev/null)
UNIT_SRCS     := $(CORE_SRCS) $(UNIT_SHIM) $(UNIT_TESTS) tests/unit/failing.c

UNIT_CC       := gcc
UNIT_SAN_CC   := clang

UNIT_INCS     := -I$(ROOT)/core -Ilua-free-shim -Itests/unit
UNIT_CFLAGS   := -std=c11 -D_GNU_SOURCE $(WARNINGS) $(UNIT_INCS) -MMD -MP
UNIT_SANITIZE := -fsanitize=address,undefined -fno-sanitize-recover=all \
                 -fno-omit-frame-pointer
UNIT_WRAPPED  := HMAC EVP_CIPHER_CTX_new EVP_EncryptInit_ex EVP_EncryptUpdate \
                 EVP_MAC_CTX_new EVP_MAC_init EVP_DigestInit_ex
UNIT_LDFLAGS  := $(UNIT_WRAPPED:%=-Wl,--wrap=%)
UNIT_LIBS     := -lcriterion $(CORE_LIBS) -lhiredis

UNIT_GCC_OBJS := $(UNIT_SRCS:%.c=$(UNIT_DIR)/gcc/%.o)
UNIT_SAN_OBJS := $(UNIT_SRCS:%.c=$(UNIT_DIR)/san/%.o)
UNIT_REPORTS  := $(UNIT_DIR)/reports

$(UNIT_DIR)/gcc/%.o: %.c
	@mkdir -p $(@D)
	@echo "cc $<"
	@$(UNIT_CC) $(UNIT_CFLAGS) $(HARDENING) -c -o $@ $<

$(UNIT_DIR)/san/%.o: %.c
	@mkdir -p $(@D)
	@echo "cc (sanitizers) $<"
	@$(UNIT_SAN_CC) $(UNIT_CFLAGS) -O1 -g $(UNIT_SANITIZE) -c -o $@ $<

# Another choice of UNIT_TESTS links anew.
$(UNIT_DIR)/list: FORCE
	@mkdir -p $(@D)
	@echo '$(UNIT_SRCS)' | cmp -s - $@ || echo '$(UNIT_SRCS)' > $@

$(UNIT_DIR)/unit: $(UNIT_GCC_OBJS) $(UNIT_DIR)/list
	@$(UNIT_CC) $(LDHARDENING) $(UNIT_LDFLAGS) -o $@ $(UNIT_GCC_OBJS) $(UNIT_LIBS)

$(UNIT_DIR)/unit-san: $(UNIT_SAN_OBJS) $(UNIT_DIR)/list
	@$(UNIT_SAN_CC) $(UNIT_SANITIZE) $(UNIT_LDFLAGS) -o $@ $(UNIT_SAN_OBJS) $(UNIT_LIBS)

.PHONY: unit unit-deps
unit-deps:
	@tests/lab/install build unit

$(UNIT_GCC_OBJS) $(UNIT_SAN_OBJS): | unit-deps

unit: $(UNIT_DIR)/unit $(UNIT_DIR)/unit-san ## unit tests, hardened and under ASAN + UBSAN
	@rm -rf $(UNIT_REPORTS) && mkdir -p $(UNIT_REPORTS)
	@echo "unit: hardened build"
	@$(UNIT_DIR)/unit
	@echo "unit: ASAN + UBSAN build"
	@status=0; \
	ASAN_OPTIONS=log_path=$(UNIT_REPORTS)/asan:detect_leaks=1 \
	UBSAN_OPTIONS=log_path=$(UNIT_REPORTS)/ubsan:print_stacktrace=1 \
	LSAN_OPTIONS=print_suppressions=0 \
	    $(UNIT_DIR)/unit-san || status=$$?; \
	for report in $(UNIT_REPORTS)/*; do \
	    [ -e "$$report" ] || continue; \
	    echo "unit: sanitizer report $$report"; cat "$$report"; status=1; \
	done; \
	exit $$status

-include $(UNIT_GCC_OBJS:.o=.d) $(UNIT_SAN_OBJS:.o=.d)
