# compliancectl: ctl/*.c and core/*.c, position-independent, hardened.
# Objects have directories of their own; -MMD rebuilds what a header changes.

CTL_SRCS    := $(wildcard $(ROOT)/ctl/*.c)
CTL_DIR     := $(BUILD)/ctl-obj
CTL_OBJS    := $(patsubst $(ROOT)/%.c,$(CTL_DIR)/%.o,$(CTL_SRCS) $(CORE_SRCS))
CTL_LIBS    := -lhiredis -lcurl -lldap -llber -lssl -lz $(CORE_LIBS)

$(CTL_DIR)/%.o: $(ROOT)/%.c | install-deps
	@mkdir -p $(@D)
	@echo "cc $<"
	@$(CC) $(CFLAGS) $(PREFIX_MAP) -fPIE -MMD -MP -c -o $@ $<

$(BUILD)/compliancectl: $(CTL_OBJS)
	@echo "ld build/$(@F)"
	@$(CC) $(CFLAGS) -pie $(LDHARDENING) -o $@ $(CTL_OBJS) $(CTL_LIBS)

# The documented spelling, from the top directory.
.PHONY: build/compliancectl
build/compliancectl: $(BUILD)/compliancectl

-include $(CTL_OBJS:.o=.d)
