# The decision table: the core's answer to cases that tests/model makes.

$(BUILD)/decide_cases: tests/model/decide_cases.c $(CORE_SRCS) $(wildcard $(ROOT)/core/*.h) | install-deps
	@echo "cc $<"
	@$(CC) $(CFLAGS) $(LDHARDENING) -o $@ $< $(CORE_SRCS) $(CORE_LIBS)

.PHONY: mutation
mutation: | install-deps ## change each condition of the decision, and see a test fail for it
	@tests/lab/install build unit
	@CORE_LIBS='$(CORE_LIBS)' /usr/bin/python3 -B tests/model/mutate.py
