"""Runs the suites (or those named) and closes with "N passed, N failed".

A suite is a make target.  It counts what its runner says; one that fails
without a count, or runs no test, counts as one failure, and so does a skip:
nothing that was not run may look green."""

import contextlib
import os
import pathlib
import re
import signal
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
LOGS = ROOT / "build" / "test"

# Every process of a suite inherits it, so that what outlives its suite is
# found.
MARK = f"COMPLIANCE_TEST_RUN={os.getpid()}-{time.time_ns()}"

# In the order in which a fault is cheapest to find.
SUITES = ["build", "check-layers", "docs-check", "lint", "unit",
          "fuzz-corpus", "integration", "static", "browser"]
# These are checks, not runners of tests: they count one.
CHECKS = {"build", "check-layers", "docs-check", "lint", "fuzz-corpus"}

CRITERION = re.compile(r"Synthesis: Tested: \d+ \| Passing: (\d+) \| "
                       r"Failing: (\d+) \| Crashing: (\d+)")
PYTEST = re.compile(r"^=* ?\d+ \w+.* in [\d.]+s( \([\d:]+\))?( =*)?$")
PLAIN = re.compile(r"^(\d+) passed, (\d+) failed$")
TERM = re.compile(r"(\d+) (passed|failed|errors?|skipped|xfailed|xpassed)\b")


def count(line):
    """(passed, failed) of a runner's closing line, or None."""
    line = re.sub(r"\x1b\[[0-9;]*m", "", line).strip()
    if match := CRITERION.search(line):
        passed, failed, crashed = map(int, match.groups())
        return passed, failed + crashed
    if match := PLAIN.match(line):
        return int(match[1]), int(match[2])
    if PYTEST.match(line):
        terms = [(int(n), word) for n, word in TERM.findall(line)]
        return (sum(n for n, word in terms if word == "passed"),
                sum(n for n, word in terms if word != "passed"))
    return None


def left_behind():
    """(pid, command) of what still runs; ends it."""
    found = {}
    for directory in pathlib.Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if MARK.encode() in (directory / "environ").read_bytes():
                words = (directory / "cmdline").read_bytes().split(b"\0")
                found[int(directory.name)] = b" ".join(words).decode(
                    errors="replace").strip()
    return {pid: words for pid, words in found.items() if words}


def fail_what_is_left(suite):
    """Servers may take a moment to end; what stays is a failure."""
    for _ in range(50):
        if not left_behind():
            return 0
        time.sleep(0.1)
    left = left_behind()
    for pid, words in left.items():
        print(f"left behind by {suite}: {pid} {words[:120]}")
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    return 1 if left else 0


def run(suite):
    print(f"\n=== {suite}", flush=True)
    started = time.monotonic()
    passed = failed = 0
    with open(LOGS / f"{suite}.log", "w") as log:
        process = subprocess.Popen(
            ["make", "--no-print-directory", suite], cwd=ROOT, text=True,
            env=dict([MARK.split("=")], **os.environ),
            errors="replace", stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        for line in process.stdout:
            print(line, end="", flush=True)
            log.write(line)
            counted = count(line)
            if counted:
                passed += counted[0]
                failed += counted[1]
        status = process.wait()
    if suite in CHECKS and status == 0 and failed == 0:
        passed += 1
    elif (status != 0 and failed == 0) or (passed == 0 and failed == 0):
        failed += 1
    failed += fail_what_is_left(suite)
    seconds = time.monotonic() - started
    print(f"=== {suite}: {passed} passed, {failed} failed"
          f" ({seconds:.0f} s)", flush=True)
    return passed, failed


def main():
    LOGS.mkdir(parents=True, exist_ok=True)
    results = {suite: run(suite) for suite in sys.argv[1:] or SUITES}
    print()
    for suite, (passed, failed) in results.items():
        print(f"{'FAILED' if failed else 'ok':8}{suite:16}{passed:6} passed"
              f"{failed:6} failed")
    passed = sum(p for p, _ in results.values())
    failed = sum(f for _, f in results.values())
    print(f"\n{passed} passed, {failed} failed", flush=True)
    return 1 if failed else 0


sys.exit(main())
