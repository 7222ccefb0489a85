# nginx with the modules compiled in (--add-module): the static build that a
# distributor might make, and the one under sanitizers.

NGINX_SOURCE  := $(BUILD)/nginx-source
STATIC_FLAGS  := --prefix=/nonexistent --with-compat --with-debug --with-pcre-jit --with-threads \
                 --with-http_ssl_module --with-http_v2_module --with-http_realip_module \
                 --with-http_auth_request_module --with-http_sub_module --with-http_slice_module \
                 --with-http_addition_module --with-http_dav_module --with-mail --with-mail_ssl_module
# nginx itself copies empty strings from NULL at every start and compares four
# bytes at a time wherever they lie: these two are not reported.
SANITIZE      := -fsanitize=address,undefined -fno-sanitize=nonnull-attribute,alignment \
                 -fno-sanitize-recover=undefined -fno-omit-frame-pointer

.PHONY: static sanitize

# $(1): build directory, $(2): compiler flags, $(3): linker flags, $(4): compiler
define build_nginx
	@tests/lab/install static
	@tests/static/nginx-source $(NGINX_SOURCE)
	@mkdir -p $(1)
	@printf '%s\n' $(MODULE_FILES) '$(2) $(3) $(4)' > $(1)/inputs.new
	@cmp -s $(1)/inputs.new $(1)/inputs || { cd $(NGINX_SOURCE) \
	    && ./configure --builddir=$(1) $(STATIC_FLAGS) --add-module=$(CURDIR) \
	        --with-cc='$(4)' --with-cc-opt='$(2)' --with-ld-opt='$(3)' >$(1)/configure.log 2>&1 \
	    && rm -f Makefile && mv $(1)/inputs.new $(1)/inputs \
	    || { tail -n 30 $(1)/configure.log; exit 1; }; }
	@cd $(NGINX_SOURCE) && $(MAKE) -s -f $(1)/Makefile -j$(JOBS) $(1)/nginx
endef

$(BUILD)/nginx-static/nginx: FORCE | install-deps
	$(call build_nginx,$(@D),-O1 -g $(PREFIX_MAP),-Wl$(comma)--as-needed,$(CC))

$(BUILD)/nginx-sanitize/nginx: FORCE | install-deps
	$(call build_nginx,$(@D),-O1 -g $(SANITIZE) -DNGX_DEBUG_PALLOC=1 $(PREFIX_MAP),$(SANITIZE),$(CC))

static: $(BUILD)/nginx-static/nginx $(BUILD)/compliancectl ## build nginx with the modules compiled in and test the gates on it
	@tests/lab/install lab
	NGINX_UNDER_TEST=$< $(PYTEST) -m smoke tests/integration

sanitize: ## run the integration tests on an ASAN + UBSAN build of nginx
	@$(MAKE) -s $(BUILD)/nginx-sanitize/nginx $(BUILD)/compliancectl || { \
	    echo; echo "*** NO SANITIZER BUILD COULD BE MADE: NOTHING WAS CHECKED ***"; echo; exit 1; }
	@tests/lab/install lab
	NGINX_UNDER_TEST=$(BUILD)/nginx-sanitize/nginx $(PYTEST) tests/integration
