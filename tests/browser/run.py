"""Starts the whole gateway in a directory of its own, runs the browser tests
against it, and ends it, whatever happened."""

import os
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
HERE = pathlib.Path(__file__).resolve().parent
DEMO = ROOT / "build" / "browser"
BAD = ("[alert]", "[emerg]")


def demo(action):
    subprocess.run(["/usr/bin/python3", "-B", ROOT / "deploy/demo/demo.py",
                    action, "--dir", DEMO], check=True,
                   stdin=subprocess.DEVNULL)


def main():
    passed = failed = 0
    try:
        demo("start")
        run = subprocess.run(
            ["node", "--test", "--test-reporter=tap", HERE / "webmail.test.mjs"],
            env=dict(os.environ, HOME=str(DEMO), DEMO_ENV=str(DEMO / "env"),
                     SHOTS=str(DEMO / "shots")),
            stdin=subprocess.DEVNULL, capture_output=True, text=True)
        print(run.stdout, run.stderr, sep="")
        for line in run.stdout.splitlines():
            if line.startswith("# pass "):
                passed = int(line.split()[2])
            elif line.startswith(("# fail ", "# cancelled ", "# skipped ")):
                failed += int(line.split()[2])
        if run.returncode and not failed:
            failed = 1
        for log in DEMO.glob("**/error.log"):
            for line in log.read_text(errors="replace").splitlines():
                if any(b in line for b in BAD):
                    print(f"{log}: {line}")
                    failed += 1
    finally:
        demo("stop")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


sys.exit(main())
