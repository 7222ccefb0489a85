.PHONY: bench
bench: build ## measure against the same nginx without the module (a few minutes)
	@tests/lab/install lab bench
	/usr/bin/python3 -B tests/bench/bench.py
