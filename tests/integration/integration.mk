PYTEST := /usr/bin/python3 -B -m pytest -q -p no:cacheprovider --rootdir=tests/integration

.PHONY: integration
integration: build $(BUILD)/decide_cases ## run the modules in a real nginx in front of real servers
	@tests/lab/install lab
	$(PYTEST) tests/integration
