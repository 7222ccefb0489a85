"""Any allocation on the way of a request may fail, nginx's own and the modules':
that is an error, never an allow, and never the end of a worker."""

import contextlib
import http.client
import mmap
import pathlib
import struct
import subprocess

import pytest

from harness import STATIC, raw, wait_until
from test_redis_faults import Gate, blocked, unix

pytestmark = pytest.mark.skipif(STATIC, reason="no preloading into sanitizers")

# More than any request takes, Redis' replies included; the search ends where
# the request's own end.
NTH = range(1, 200)


class Allocations:
    def __init__(self, directory):
        directory.mkdir(parents=True, exist_ok=True)
        self.path = directory / "countdown"
        self.path.write_bytes(bytes(8))
        self.library = directory / "fail_alloc.so"
        source = pathlib.Path(__file__).with_name("fail_alloc.c")
        subprocess.run(["gcc", "-shared", "-fPIC", "-O1", "-Wall", "-Werror",
                        "-o", self.library, source], check=True)
        with open(self.path, "r+b") as file:
            self.map = mmap.mmap(file.fileno(), 8)

    def fail(self, nth):
        self.map[:] = struct.pack("q", nth)

    def left(self):
        """0: the allocation that was to fail has failed."""
        return struct.unpack("q", self.map[:])[0]


@pytest.fixture
def gate(gateway, backend, redis, tmp_path, monkeypatch):
    redis.seed()
    allocations = Allocations(tmp_path / "alloc")
    with monkeypatch.context() as patch:
        patch.setenv("LD_PRELOAD", str(allocations.library))
        patch.setenv("FAIL_ALLOC", str(allocations.path))
        gate = Gate(gateway, backend, unix(redis))
    # nginx says emerg of each
    gateway.allowed.append(r"(malloc|posix_memalign|calloc)\(\d+(, ?\d+)?\) "
                           "failed|memalign")
    gate.allocations = allocations
    gate.recovers()
    yield gate
    allocations.fail(0)


def another_worker(gateway, old):
    """One, and not the old one: what fails next fails in a request, not at
    the start of a process."""
    return len(gateway.workers()) == 1 and gateway.workers() != old


def attempt(gate, ask):
    missed = 0
    for nth in NTH:
        gate.allocations.fail(nth)
        reply = None
        with contextlib.suppress(OSError, http.client.HTTPException):
            reply = ask(nth)
        hit = gate.allocations.left() == 0
        gate.allocations.fail(0)
        yield nth, hit, reply
        missed = 0 if hit else missed + 1
        if missed == 3:
            return
        if hit:
            # a new worker comes without the backoff of the old one
            old = gate.gateway.workers()
            gate.gateway.reload()
            wait_until("a new worker has taken over",
                       lambda: another_worker(gate.gateway, old), 10)
            wait_until("the gateway serves again", gate.allowed, 10)


def survived(gateway):
    return not any("exited on signal" in line
                   for line in gateway.log().splitlines())


def test_a_blocked_device_never_gets_in(gate, backend, gateway):
    hits = 0
    for nth, hit, reply in attempt(
            gate, lambda nth: gate.eas(f"NOPHONE{nth}")):
        hits += hit
        if reply is not None:
            assert reply.body != b"backend", nth
            assert blocked(reply) or reply.status in (500, 503), nth
    assert hits >= 10
    assert not any("NOPHONE" in r["path"] for r in backend.requests)
    assert survived(gateway)


def test_an_allowed_device_is_never_told_that_it_is_blocked(gate, gateway):
    for nth, hit, reply in attempt(gate, lambda nth: gate.eas()):
        if reply is not None:
            assert reply.body == b"backend" \
                or reply.status in (500, 502, 503), nth
    assert survived(gateway)


def test_a_blocked_login_never_gets_in(gate, gateway):
    for nth, hit, reply in attempt(gate, lambda nth: raw(
            gate.imap_port, f'a LOGIN "alice#NO{nth}" "x"\r\n'.encode())):
        if reply is not None:
            assert b"a OK" not in reply, nth
    assert survived(gateway)
