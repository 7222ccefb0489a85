.PHONY: demo demo-down

demo: ## start the gateway before real mail servers, try every device, leave it running
	@tests/lab/install build run lab
	@$(MAKE) --no-print-directory build
	@/usr/bin/python3 -B deploy/demo/demo.py up

demo-down: ## stop what "make demo" started and remove its data
	@/usr/bin/python3 -B deploy/demo/demo.py stop
