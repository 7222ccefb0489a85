# Static analysis, the direction of dependencies, and docs that match the code.

.PHONY: lint check-layers docs-check

NGINX_INCS  := $(addprefix -isystem$(NGINX_BUILD)/,src/core src/event src/event/modules src/event/quic \
                 src/os/unix src/http src/http/modules src/http/v2 src/mail objs)
PURE_FILES  := $(wildcard $(ROOT)/core/*.c $(ROOT)/ctl/*.c \
                 lua-free-shim/ngx_redis_frame.c lua-free-shim/ngx_redis_template.c)
GLUE_FILES  := $(filter-out $(PURE_FILES),$(wildcard lua-free-shim/*.c $(ROOT)/runtime/*.c \
                 $(ROOT)/http/*.c $(ROOT)/mail/*.c))

lint: build ## cppcheck, clang-tidy, and a build of everything by clang with the same warnings
	@tests/lab/install lint unit
	@echo cppcheck
	@cppcheck -q -j$(JOBS) --std=c11 --inline-suppr --error-exitcode=1 \
	    --enable=warning,performance,portability --suppress=missingIncludeSystem \
	    --suppressions-list=tests/lint/cppcheck.suppress $(PURE_FILES) $(GLUE_FILES)
	@echo clang-tidy
	@printf '%s\n' $(PURE_FILES) | xargs -P$(JOBS) -n1 sh -c \
	    'clang-tidy --quiet "$$@" -- -std=c11 -D_GNU_SOURCE 2>/dev/null' tidy
	@printf '%s\n' $(GLUE_FILES) | xargs -P$(JOBS) -n1 sh -c \
	    'clang-tidy --quiet "$$@" -- -std=gnu11 $(NGINX_INCS) 2>/dev/null' tidy
	@echo clang $(WARNINGS)
	@printf '%s\n' $(PURE_FILES) | xargs -P$(JOBS) -n8 clang -fsyntax-only -std=c11 -D_GNU_SOURCE $(WARNINGS)
	@printf '%s\n' $(GLUE_FILES) | xargs -P$(JOBS) -n8 clang -fsyntax-only -std=gnu11 $(NGINX_INCS) \
	    $(WARNINGS) -Wno-unused-parameter

check-layers: ## hold the direction of dependencies between the folders
	@tests/lint/check-layers

docs-check: ## every directive, variable and command has its entry, every link its target
	@tests/lint/docs-check
