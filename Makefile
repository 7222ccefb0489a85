# The compliance gateway.  `make help` lists what can be made.

SHELL         := /bin/bash
.DEFAULT_GOAL := help
MAKEFLAGS     += --no-builtin-rules

ifeq ($(origin CC),default)
CC            := gcc
endif
BUILD         := $(CURDIR)/build
NGINX_SRC     ?= /usr/share/nginx/src
JOBS          ?= $(shell nproc)
comma         := ,

ROOT          := ngx_compliance_module
CORE_SRCS     := $(wildcard $(ROOT)/core/*.c)
CORE_LIBS     := -ljansson -lutf8proc -lcjose -lcrypto

WARNINGS      := -Wall -Wextra -Werror -Wformat=2 -Wshadow -Wvla -Wswitch-enum
HARDENING     := -O2 -g -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3 \
                 -fstack-protector-strong -fstack-clash-protection \
                 $(if $(filter x86_64,$(shell uname -m)),-fcf-protection)
LDHARDENING   := -Wl,-z,relro -Wl,-z,now -Wl,--as-needed
CFLAGS        := -std=c11 -D_GNU_SOURCE $(WARNINGS) $(HARDENING)

# Debian's nginx-dev needs no path of its own: reports and traces then show
# paths of the project.
PREFIX_MAP    := -ffile-prefix-map=$(CURDIR)=.

.PHONY: help build modules install-deps test install clean

help: ## show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sort \
	    | awk -F ':.*## ' '{printf "  %-14s %s\n", $$1, $$2}'

build: install-deps modules $(BUILD)/compliancectl ## build both modules and compliancectl into build/

install-deps:
	@tests/lab/install build run


# The modules, against the headers of the nginx that Debian ships.

MODULE_FILES  := $(wildcard config $(ROOT)/*/*.[ch] $(ROOT)/web/* lua-free-shim/*.[ch])
NGINX_BUILD   := $(BUILD)/nginx-dev
MODULES       := $(BUILD)/ngx_http_compliance_module.so $(BUILD)/ngx_mail_compliance_module.so

modules: $(MODULES)

# Configured anew when the list of files or a flag changes, not at every edit.
$(BUILD)/modules.list: FORCE
	@mkdir -p $(@D)
	@printf '%s\n' $(MODULE_FILES) '$(CC) $(WARNINGS) $(HARDENING) $(LDHARDENING)' > $@.new
	@cmp -s $@.new $@ || mv $@.new $@; rm -f $@.new

$(NGINX_BUILD)/objs/Makefile: $(BUILD)/modules.list config | install-deps
	@rm -rf $(NGINX_BUILD) && mkdir -p $(BUILD)
	cp -a $(NGINX_SRC) $(NGINX_BUILD)
	cd $(NGINX_BUILD) && . ./conf_flags && ./configure "$${NGX_CONF_FLAGS[@]}" \
	    --with-cc='$(CC)' \
	    --with-cc-opt='$(WARNINGS) -Wno-unused-parameter $(HARDENING) $(PREFIX_MAP)' \
	    --with-ld-opt='$(LDHARDENING)' \
	    --add-dynamic-module=$(CURDIR) >configure.log 2>&1 \
	    || { tail -n 30 configure.log; exit 1; }

$(MODULES) &: $(NGINX_BUILD)/objs/Makefile $(MODULE_FILES)
	$(MAKE) -s -C $(NGINX_BUILD) -f objs/Makefile -j$(JOBS) modules
	@cp --remove-destination $(NGINX_BUILD)/objs/ngx_{http,mail}_compliance_module.so $(BUILD)/

.PHONY: FORCE
FORCE:


test: ## install what is needed and run every test
	@tests/run

# As Debian lays nginx out; DESTDIR for packages.
PREFIX        ?= /usr
NGINX_MODULES ?= $(PREFIX)/lib/nginx/modules
COMPLETIONS_BASH := $(PREFIX)/share/bash-completion/completions
COMPLETIONS_ZSH  := $(PREFIX)/share/zsh/vendor-completions
COMPLETIONS_FISH := $(PREFIX)/share/fish/vendor_completions.d

install: build ## install the modules, compliancectl, its manual page and the example configurations
	install -d $(DESTDIR)$(NGINX_MODULES) $(DESTDIR)$(PREFIX)/bin \
	    $(DESTDIR)$(PREFIX)/share/man/man1 $(DESTDIR)$(PREFIX)/share/doc/nginx-compliance \
	    $(DESTDIR)$(COMPLETIONS_BASH) $(DESTDIR)$(COMPLETIONS_ZSH) $(DESTDIR)$(COMPLETIONS_FISH)
	install -m 644 $(MODULES) $(DESTDIR)$(NGINX_MODULES)
	install -m 755 $(BUILD)/compliancectl $(DESTDIR)$(PREFIX)/bin
	$(BUILD)/compliancectl manual > $(DESTDIR)$(PREFIX)/share/man/man1/compliancectl.1
	$(BUILD)/compliancectl completion bash > $(DESTDIR)$(COMPLETIONS_BASH)/compliancectl
	$(BUILD)/compliancectl completion zsh > $(DESTDIR)$(COMPLETIONS_ZSH)/_compliancectl
	$(BUILD)/compliancectl completion fish > $(DESTDIR)$(COMPLETIONS_FISH)/compliancectl.fish
	cp -R README.md LICENSE docs deploy/nginx deploy/redis deploy/prometheus deploy/grafana $(DESTDIR)$(PREFIX)/share/doc/nginx-compliance

clean: ## remove everything that was built (stops no demo: make demo-down does)
	rm -rf $(BUILD)


include $(sort $(wildcard tests/*/*.mk deploy/*/*.mk $(ROOT)/*/*.mk))
