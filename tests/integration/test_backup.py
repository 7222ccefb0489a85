"""backup and restore: a store comes back as it was saved, or not at all."""

import json
import os
import random
import stat
import subprocess
import threading
import time

import pytest

from harness import CTL as BUILT, Redis, wait_until
from test_ctl import Ctl
from test_seen import Site


@pytest.fixture
def ctl(redis):
    return Ctl(redis)


def dump(redis, audit=False):
    out = {}
    for key in redis.cmd("KEYS", "*"):
        if not audit and (b":audit:" in key or b"seen:" in key):
            continue
        kind = redis.cmd("TYPE", key)
        value = {b"hash": lambda: sorted(zip(*[iter(redis.cmd(
                     "HGETALL", key))] * 2)),
                 b"string": lambda: redis.cmd("GET", key),
                 b"set": lambda: sorted(redis.cmd("SMEMBERS", key)),
                 b"list": lambda: redis.cmd("LRANGE", key, 0, -1),
                 b"stream": lambda: redis.cmd("XRANGE", key, "-", "+")}[kind]()
        out[key] = (kind, value, redis.cmd("PEXPIRETIME", key))
    return out


def fill(ctl, redis, n=50):
    redis.seed()
    for i in range(n):
        ctl("device", "set", f"D{i}", f"state={'compliant' if i % 2 else 'unknown'}",
            "owner=alice", "name=Gerät „x“", f"alias.eas=E{i}")
    ctl("group", "set", "extra", "message=héllo", "mode=report")
    redis.cmd("SET", "compliance:inventory:D1", b"\xff\x00binary")
    redis.cmd("SADD", "compliance:index:large", *[f"m{i}" for i in range(5000)])
    redis.cmd("HSET", "compliance:seen:20261124:alice", "eas|x|", 3)
    redis.cmd("EXPIRE", "compliance:seen:20261124:alice", 1000)


@pytest.mark.parametrize("audit", [False, True])
def test_a_store_comes_back_as_it_was(ctl, redis, tmp_path, audit):
    fill(ctl, redis)
    file = tmp_path / "backup.json"
    extra = ["--with-audit"] if audit else []
    assert "keys saved in" in ctl("backup", str(file), *extra)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    before = dump(redis, audit)
    assert list(tmp_path.glob("*.tmp")) == []
    redis.cmd("FLUSHALL")
    ctl("restore", str(file), *extra)
    after = dump(redis, audit)
    if audit:       # the restoration itself is on record
        admin = b"compliance:audit:@admin"
        kind, records, expires = after[admin]
        after[admin] = kind, records[:-1], expires
    assert after == before
    assert json.loads(ctl("--json", "device", "get", "E7"))["id"] == "D7"


def test_a_store_with_something_in_it_is_not_replaced_unasked(ctl, redis,
                                                              tmp_path):
    fill(ctl, redis, 3)
    file = str(tmp_path / "b.json")
    ctl("backup", file)
    saved = dump(redis)
    ctl("device", "set", "LATER", "state=compliant")
    before = dump(redis)
    assert "--replace puts" in ctl("restore", file, code=4)
    assert "--yes" in ctl("restore", file, "--replace", code=4)
    assert dump(redis) == before
    ctl("restore", file, "--replace", "--yes")
    assert dump(redis) == saved


@pytest.mark.parametrize("spoil, said", [
    (lambda lines: lines[:-1], "cut off"),
    (lambda lines: lines[:5] + lines[6:], "sum does not hold"),
    (lambda lines: [*lines[:-1], lines[-1], lines[2]], "behind the end"),
    (lambda lines: [lines[0].replace('"schema":1', '"schema":9'), *lines[1:]],
     "another version"),
    (lambda lines: ["{}", *lines[1:]], "no backup"),
    (lambda lines: [lines[0], "nonsense", *lines[1:]], "no JSON object"),
    (lambda lines: [lines[0], '{"key":"x","type":"zset","value":[]}',
                    *lines[1:]], "holds no key, type and value"),
])
def test_a_damaged_file_writes_nothing(ctl, redis, tmp_path, spoil, said):
    fill(ctl, redis, 10)
    file = tmp_path / "b.json"
    ctl("backup", str(file))
    lines = file.read_text().splitlines()
    file.write_text("".join(line + "\n" for line in spoil(lines)))
    before = dump(redis)
    out = ctl("restore", str(file), "--replace", "--yes", code=5)
    assert said in out and "nothing was written" in out
    assert dump(redis) == before


def test_a_file_that_cannot_be_written_leaves_nothing(ctl, redis, tmp_path):
    redis.seed()
    out = ctl("backup", str(tmp_path / "no" / "b.json"), code=3)
    assert "cannot write" in out and "No such file" in out
    assert "cannot read" in ctl("restore", str(tmp_path / "none"), code=2)


def test_while_it_is_put_back_nobody_gets_in(ctl, redis, gateway, backend,
                                             tmp_path):
    fill(ctl, redis, 3)
    site = Site(gateway, redis, backend)
    assert site.eas().status == 200
    file = tmp_path / "b.json"
    ctl("backup", str(file))
    redis.cmd("HSET", "compliance:meta", "schema", "restoring")
    assert site.eas().status == 503
    assert "run it again" in ctl("device", "list", code=5)
    ctl("restore", str(file))
    wait_until("mail flows", lambda: site.eas().status == 200)


def test_a_killed_restore_is_run_again(ctl, redis, tmp_path):
    fill(ctl, redis)
    file = str(tmp_path / "b.json")
    ctl("backup", file)
    saved = dump(redis)
    chance = random.Random(5)
    for _ in range(6):
        redis.cmd("FLUSHALL")
        process = subprocess.Popen(
            [os.environ.get("CTL_UNDER_TEST", BUILT), "--redis",
             f"unix:{redis.socket}", "restore", file],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(chance.uniform(0, 0.05))
        process.kill()
        process.wait()
        schema = redis.cmd("HGET", "compliance:meta", "schema")
        assert schema in (None, b"restoring", b"1")
        if schema != b"1":
            ctl("restore", file)
        assert dump(redis) == saved


def test_saving_while_others_write_saves_whole_records(ctl, redis, tmp_path):
    fill(ctl, redis, 20)
    stop = threading.Event()

    def churn():
        writer = Redis.__new__(Redis)
        writer.socket, writer.connection = redis.socket, None
        n = 0
        while not stop.is_set():
            n += 1
            writer.cmd("HSET", f"compliance:device:D{n % 20}", "state",
                       "compliant", "model", f"m{n}")
        writer.close()

    thread = threading.Thread(target=churn)
    thread.start()
    try:
        for i in range(3):
            ctl("backup", str(tmp_path / f"{i}.json"))
    finally:
        stop.set()
        thread.join()
    redis.cmd("FLUSHALL")
    ctl("restore", str(tmp_path / "2.json"))
    assert len(json.loads(ctl("--json", "device", "list"))) >= 20
