.PHONY: bench
bench: build ## measure against the same nginx without the module (a few minutes)
	@tests/lab/install lab bench
	/usr/bin/python3 -B tests/bench/bench.py
	/usr/bin/python3 -B tests/bench/bench_import.py

.PHONY: bench-import
bench-import: build ## measure the import of a million devices only (BENCH_DEVICES)
	@tests/lab/install lab bench
	/usr/bin/python3 -B tests/bench/bench_import.py
