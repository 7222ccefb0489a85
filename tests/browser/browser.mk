.PHONY: browser
# A gateway and mail servers of its own beside a demo that may be running.
browser: build ## walk both web mails in a real Chromium: blocked, put right, back in
	@tests/lab/install lab browser node
	@cd tests/browser && { cmp -s package-lock.json node_modules/.lock \
	    || { npm ci --no-audit --no-fund --silent && cp package-lock.json node_modules/.lock; }; }
	/usr/bin/python3 -B tests/browser/run.py
