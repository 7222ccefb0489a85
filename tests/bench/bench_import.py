"""What does a million devices cost?  An import into an empty Redis, the same
again unchanged, and `policy apply` over all of them, beside what is the least
anyone could pay in the same run: redis-cli --pipe of the very commands that
the import sent (taken from an append-only file), and one jansson pass over the
same bytes.  Bytes a device are used_memory's, with indexes and inventory taken
out; memory beside Redis is the peak of compliancectl.

BENCH_DEVICES=100000 makes it shorter; the figures are then as many."""

import json
import os
import pathlib
import re
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "integration"))
sys.path.insert(0, str(HERE))
import devices as fleet  # noqa: E402
from harness import BUILD, CTL, ROOT, Redis  # noqa: E402

DEVICES = int(os.environ.get("BENCH_DEVICES", "1000000"))
TIMEOUT = 3600

TARGETS = {   # value at most
    "import/first": 3,
    "import/unchanged": 0.8,
    "import/device_memory": 800,
    "import/peak_rss": 200,
    "policy/peak_rss": 200,
}


def say(text):
    print(text, flush=True)


def timed(args, out=None, **kwargs):
    """(seconds, MiB at the peak, what it said); a failure ends the bench."""
    begun = time.monotonic()
    process = subprocess.Popen([str(a) for a in args], text=True,
                               stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, **kwargs)
    said, err = process.stdout.read(), process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise SystemExit(f"{args}: {process.returncode}\n{said}{err}")
    return time.monotonic() - begun, usage.ru_maxrss / 1024, said


def used(redis):
    return int(re.search(rb"used_memory:(\d+)",
                         redis.cmd("INFO", "memory"))[1])


def ctl(redis, *args):
    return timed([CTL, "--redis", f"unix:{redis.socket}", "--timeout", 60000,
                  *args])


def drop(redis, pattern):
    """Deletes the keys and says how many bytes that freed."""
    before, cursor = used(redis), "0"
    while True:
        cursor, keys = redis.cmd("SCAN", cursor, "MATCH", pattern, "COUNT",
                                 5000)
        if keys:
            redis.cmd("DEL", *keys)
        if cursor == b"0":
            return before - used(redis)


def memory(redis, result):
    """Bytes a device: what goes when a kind of key goes."""
    empty_keys = redis.cmd("DBSIZE")
    for name, pattern in (("inventory_memory", "compliance:inventory:*"),
                          ("index_memory", "compliance:index:*"),
                          ("device_memory", "compliance:*")):
        result(f"import/{name}", drop(redis, pattern) / DEVICES,
               "bytes a device")
    say(f"  ({empty_keys} keys)")


def least(redis, source, directory):
    """Seconds that redis-cli --pipe takes for the commands that are in the
    append-only file, and jansson for the source."""
    commands = sorted((directory / "captured" / "appendonlydir").glob(
        "*.incr.aof"))[-1]
    redis.cmd("FLUSHALL", "ASYNC")
    with open(commands, "rb") as f:
        pipe, _, said = timed(["redis-cli", "-s", redis.socket, "--pipe"],
                              stdin=f)
    if "errors: 0" not in said:
        raise SystemExit(f"redis-cli --pipe: {said}")
    program = directory / "json_pass"
    subprocess.run(["gcc", "-O2", "-o", program, HERE / "json_pass.c",
                    "-ljansson"], check=True)
    parsed = float(timed([program, source])[2])
    return pipe, parsed


def capture(directory, source):
    """The commands of an import, as Redis keeps them."""
    redis = Redis(directory / "captured", extra=[
        "--appendonly", "yes", "--appendfsync", "no",
        "--auto-aof-rewrite-percentage", "0"])
    try:
        ctl(redis, "import", "json", source, "--full")
    finally:
        redis.stop()


def apply_policy(redis, result):
    baseline = sorted((ROOT / "deploy" / "policies").glob("*.json"))
    if not baseline:
        say("  no policies to apply")
        return
    seconds, rss, _ = ctl(redis, "policy", "apply", *baseline, "--yes")
    result("policy/apply", seconds, "s")
    result("policy/rate", DEVICES / seconds, "devices per second")
    result("policy/peak_rss", rss, "MiB")


def measure(directory, result):
    source = directory / "devices.json"
    say(f"making {DEVICES} devices")
    begun = time.monotonic()
    with open(source, "w") as f:
        for text in fleet.chunks(DEVICES, "json"):
            f.write(text)
    result("import/generator", time.monotonic() - begun, "s")
    result("import/source", source.stat().st_size / 1e6, "MB")

    say("taking down the commands")
    capture(directory, source)
    redis = Redis(directory / "redis")
    try:
        pipe, parsed = least(redis, source, directory)
        redis.cmd("FLUSHALL", "ASYNC")
        say(f"  redis-cli --pipe {pipe:.1f} s, jansson {parsed:.1f} s")
        first, rss, said = ctl(redis, "import", "json", source, "--full",
                               "--json")
        assert json.loads(said)["created"] == DEVICES, said
        again, rss_again, said = ctl(redis, "import", "json", source, "--full",
                                     "--json")
        assert json.loads(said)["unchanged"] == DEVICES, said
        result("import/redis_cli_pipe", pipe, "s")
        result("import/jansson_pass", parsed, "s")
        result("import/first_seconds", first, "s")
        result("import/unchanged_seconds", again, "s")
        result("import/first", first / (pipe + parsed),
               "of redis-cli --pipe and jansson")
        result("import/unchanged", again / (pipe + parsed),
               "of redis-cli --pipe and jansson")
        result("import/peak_rss", max(rss, rss_again), "MiB")
        apply_policy(redis, result)
        memory(redis, result)
    finally:
        redis.stop()


def main():
    """This part alone; its results take the place of those of last time."""
    import tempfile
    out, results = BUILD / "bench" / "results.json", []

    def result(name, value, unit):
        target = TARGETS.get(name)
        reached = None if target is None else value <= target
        results.append({"name": name, "value": round(value, 4), "unit": unit,
                        "target": target, "reached": reached})
        say(f"  {name:34}{value:12.3f}  {unit}"
            + ("" if target is None else f"  (at most {target}: "
               + ("reached)" if reached else "MISSED)")))

    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="compliance-bench-",
                                     dir=os.environ.get("TMPDIR")) as d:
        os.chmod(d, 0o755)
        measure(pathlib.Path(d), result)
    others = json.loads(out.read_text()) if out.exists() else []
    mine = {r["name"] for r in results}
    out.write_text(json.dumps([r for r in others if r["name"] not in mine]
                              + results, indent=1) + "\n")


if __name__ == "__main__":
    main()
