"""What does the gate cost?  The same nginx with and without the module, side
by side: requests per second and worker time in interleaved slices, as ratios
(the machines are noisy), and instructions per request by callgrind, which
repeat.  Prints a table and writes build/bench/results.json, a list of
{name, value, unit, target, reached}; target and reached are null where there
is none.

One front worker on CPU 0; Redis, back end and load on CPU 1."""

import contextlib
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]
                       / "integration"))
from harness import (BUILD, Gateway, NGINX, Process, Redis, basic,  # noqa: E402
                     connectable, free_port, wait_until)

OUT = BUILD / "bench"
HERE = pathlib.Path(__file__).resolve().parent
DEVICES = 10_000
CONNECTIONS = 64
SLICE = int(os.environ.get("BENCH_SLICE", "2"))       # seconds
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "5"))
FEW, MANY = 1_280, 3_840                              # callgrind's requests
GOOD, BAD = "BENCHGOOD%05d", "BENCHBAD%05d"

PROXY = """
    upstream back { server 127.0.0.1:%(back)d; keepalive 128; }
    access_log off;
    keepalive_requests 1000000000;
    server {
        listen 127.0.0.1:%(port)d;
        location /Microsoft-Server-ActiveSync {
            %(gate)s
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_pass http://back;
        }
    }
"""

MAP = """
    map_hash_max_size 65536;
    map_hash_bucket_size 128;
    map $arg_DeviceId $known { default 0; include @dir@/devices.map; }
"""

# name, configuration of the location, of http{}, of main, device ids
VARIANTS = {
    "plain": dict(gate=""),
    "off": dict(gate="compliance off;", main=True),
    "map": dict(gate="if ($known = 0) { return 403; }", http=MAP),
    "redis": dict(gate="compliance on; compliance_protocol eas;", main=True),
    # a device that comes back is held back on purpose: counted once each, and
    # not put under load
    "blocked": dict(gate="compliance on; compliance_protocol eas;", main=True,
                    devices=BAD, once=True),
}

TARGETS = {   # value at most
    "redis/instructions": 1.25,
    "redis/syscalls": 0.3,
    "blocked/instructions": 0.6,
}
FLOORS = {"redis/throughput": 0.8}

results = []


def say(text):
    print(text, flush=True)


def result(name, value, unit):
    target, reached = TARGETS.get(name), None
    if target is not None:
        reached = value <= target
    elif name in FLOORS:
        target = FLOORS[name]
        reached = value >= target
    results.append({"name": name, "value": round(value, 4), "unit": unit,
                    "target": target, "reached": reached})


class Front(Gateway):
    """One variant's nginx, with a single process so that callgrind and
    schedstat see all of it."""

    def __init__(self, name, directory, redis, back):
        super().__init__(directory / name)
        self.name = name
        variant = VARIANTS[name]
        self.devices = variant.get("devices", GOOD)
        self.port = free_port()
        main = "master_process off;\n"
        if variant.get("main"):
            main += f"compliance_redis unix:{redis.socket};\n"
        (self.directory / "devices.map").write_text("".join(
            f"{GOOD % n} 1;\n" for n in range(1, DEVICES + 1)))
        self.configure(
            main=main, level="error",
            http=variant.get("http", "") + PROXY % dict(
                back=back, port=self.port, gate=variant["gate"]))

    def run(self, cpu=None, under=()):
        self.process = Process(
            [*(["taskset", "-c", cpu] if cpu else []), *under, NGINX, "-e",
             self.error_log, "-p", self.directory, "-c", self.conf],
            self.directory / "nginx.out")
        wait_until(f"{self.name} listens",
                   lambda: connectable(("127.0.0.1", self.port)), 60)

    def busy(self):
        """Nanoseconds its threads have run."""
        return sum(int(p.read_text().split()[0]) for p in pathlib.Path(
            f"/proc/{self.process.pid}/task").glob("*/schedstat"))

    def load(self, seconds):
        """(requests per second, worker microseconds per request)"""
        env = dict(os.environ, DEVICES=str(DEVICES),
                   DEVICE_FORMAT=self.devices, AUTHORIZATION=basic("alice"))
        before = self.busy()
        out = subprocess.run(
            ["taskset", "-c", "1", "wrk", "-t1", f"-c{CONNECTIONS}",
             f"-d{seconds}s", "-s", HERE / "eas.lua",
             f"http://127.0.0.1:{self.port}"], env=env, check=True,
            capture_output=True, text=True).stdout
        done = int(re.search(r"(\d+) requests in", out)[1])
        if "Non-2xx" in out or "Socket errors" in out:
            raise SystemExit(f"{self.name}: not all requests went well:\n{out}")
        rate = float(re.search(r"Requests/sec:\s+([\d.]+)", out)[1])
        return rate, (self.busy() - before) / 1000 / done


def exact(port, devices, count):
    """`count` requests over CONNECTIONS connections, 64 at a time, so that the
    event loop sees them as a busy server does."""
    head = ("POST /Microsoft-Server-ActiveSync?Cmd=Ping&User=alice&DeviceId={}"
            "&DeviceType=iPhone HTTP/1.1\r\nHost: localhost\r\n"
            f"Authorization: {basic('alice')}\r\n"
            "Content-Type: application/vnd.ms-sync.wbxml\r\n"
            "MS-ASProtocolVersion: 14.1\r\nUser-Agent: Apple-iPhone/1801.1\r\n"
            "Content-Length: 40\r\n\r\n" + "x" * 40)
    with contextlib.ExitStack() as stack:
        sockets = []
        for _ in range(CONNECTIONS):
            s = stack.enter_context(socket.create_connection(
                ("127.0.0.1", port), timeout=60))
            sockets.append((s, s.makefile("rb")))
        sent = 0
        while sent < count:
            turn = sockets[:min(CONNECTIONS, count - sent)]
            for n, (s, _) in enumerate(turn):
                s.sendall(head.format(
                    devices % ((sent + n) % DEVICES + 1)).encode())
            for s, f in turn:
                status = f.readline()
                if not status.startswith(b"HTTP/1.1 200"):
                    raise SystemExit(f"unexpected answer: {status!r}")
                length = 0
                while (line := f.readline()) not in (b"\r\n", b""):
                    if line.lower().startswith(b"content-length:"):
                        length = int(line.split(b":")[1])
                f.read(length)
            sent += len(turn)


def instructions(front):
    """Per request, as the difference of two exact counts; user space."""
    totals = []
    for count in (FEW, MANY):
        out = front.directory / f"callgrind.{count}"
        front.run(under=["valgrind", "--tool=callgrind", "-q",
                         f"--callgrind-out-file={out}"])
        exact(front.port, front.devices, count)
        front.process.signal(signal.SIGQUIT)
        front.process.popen.wait(60)
        front.process.stop()
        totals.append(int(re.search(r"^(?:summary|totals): (\d+)",
                                    out.read_text(), re.M)[1]))
    return (totals[1] - totals[0]) / (MANY - FEW)


def syscalls(front):
    front.run()
    trace = front.directory / "strace"
    counts = []
    for count in (FEW, MANY):
        tracer = Process(["strace", "-c", "-f", "-o", trace, "-p",
                          front.process.pid], front.directory / "strace.log")
        time.sleep(1)
        exact(front.port, front.devices, count)
        tracer.stop(signal.SIGINT)
        # % time, seconds, usecs/call, calls, [errors,] "total"
        total = next(line for line in trace.read_text().splitlines()
                     if line.endswith("total"))
        counts.append(int(total.split()[3]))
    front.process.stop()
    return (counts[1] - counts[0]) / (MANY - FEW)


def seed(redis):
    redis.group("default", mode="enforce", unknown_device="block")
    redis.user("alice", groups="")
    for first in range(1, DEVICES + 1, 1000):
        for n in range(first, first + 1000):
            redis.device(GOOD % n, state="compliant", owner="alice",
                         platform="ios")
            redis.device(BAD % n, state="noncompliant", owner="alice",
                         platform="ios")


def measure(directory):
    redis = Redis(directory / "redis")
    back = Gateway(directory / "back")
    back_port = free_port()
    back.configure(level="error", http=f"""
    access_log off;
    keepalive_requests 1000000000;
    server {{
        listen 127.0.0.1:{back_port};
        location / {{ return 200 "{'x' * 1024}"; }}
    }}""")
    try:
        say(f"seeding {2 * DEVICES} devices")
        seed(redis)
        back.start()
        for pid in (redis.process.pid, back.process.pid, *back.workers()):
            subprocess.run(["taskset", "-acp", "1", str(pid)], check=True,
                           capture_output=True)
        fronts = {name: Front(name, directory, redis, back_port)
                  for name in VARIANTS}

        counted = {}
        for name, front in fronts.items():
            counted[name] = instructions(front)
            say(f"  {name:8} {counted[name]:10.0f} instructions per request")
        called = {}
        for name in ("plain", "redis"):
            called[name] = syscalls(fronts[name])
            say(f"  {name:8} {called[name]:10.2f} syscalls per request")

        loaded = {name: front for name, front in fronts.items()
                  if not VARIANTS[name].get("once")}
        samples = {name: [] for name in loaded}
        for front in loaded.values():
            front.run(cpu="0")
        for n in range(ROUNDS):
            say(f"slice {n + 1} of {ROUNDS}")
            for name, front in loaded.items():
                samples[name].append(front.load(SLICE))
        for front in loaded.values():
            front.stop()
    finally:
        with contextlib.suppress(AssertionError):
            back.stop()
        redis.stop()

    for name in fronts:
        result(f"{name}/instructions_per_request", counted[name], "instr")
        if name != "plain":
            result(f"{name}/instructions", counted[name] / counted["plain"],
                   "of plain")
        if name != "plain" and name in samples:
            result(f"{name}/worker_time", statistics.median(
                s[1] / p[1] for s, p in zip(samples[name], samples["plain"])),
                "of plain")
            result(f"{name}/throughput", statistics.median(
                s[0] / p[0] for s, p in zip(samples[name], samples["plain"])),
                "of plain")
    result("redis/syscalls", called["redis"] - called["plain"],
           "per request over plain")


def main():
    for program in ("wrk", "valgrind", "strace", "taskset"):
        if not shutil.which(program):
            raise SystemExit(f"bench: {program} is not installed: run make "
                             "bench, which installs it")
    if os.cpu_count() < 2:
        raise SystemExit("bench: needs two processors: one for the worker, "
                         "one for the load")
    OUT.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="compliance-bench-") as d:
        os.chmod(d, 0o755)
        measure(pathlib.Path(d))
    (OUT / "results.json").write_text(json.dumps(results, indent=1) + "\n")
    say(f"\n{'':34}{'value':>10}  {'unit':24}{'target':>8}")
    for r in results:
        target = "" if r["target"] is None else f"{r['target']:8}" + (
            "  reached" if r["reached"] else "  MISSED")
        say(f"{r['name']:34}{r['value']:10}  {r['unit']:24}{target}")
    say(f"\nwritten: {OUT.relative_to(BUILD.parent)}/results.json")


main()
