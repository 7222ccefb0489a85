"""backup and restore: what comes back is what was saved, and nothing that is
cut off or changed does any harm."""

import gzip
import hashlib
import json
import os
import signal
import subprocess
import time

import pytest

from test_ctl import CTL, Ctl


@pytest.fixture
def ctl(redis):
    return Ctl(redis)


def dump(redis, history=True):
    """Every key with what it holds, by type."""
    out = {}
    for key in sorted(redis.cmd("KEYS", "*")):
        name = key.decode().removeprefix("compliance:")
        if not history and name.startswith(("audit:", "seen:")):
            continue
        kind = redis.cmd("TYPE", key).decode()
        value = {"string": ("GET", key), "hash": ("HGETALL", key),
                 "set": ("SMEMBERS", key), "list": ("LRANGE", key, 0, -1),
                 "stream": ("XRANGE", key, "-", "+")}[kind]
        value = redis.cmd(*value)
        if kind == "set":
            value = sorted(value)
        if kind == "hash":
            value = sorted(zip(value[::2], value[1::2]))
        out[name] = (kind, value, redis.cmd("PTTL", key) > 0)
    return out


def fill(ctl, redis, n=1500):
    ctl("group", "set", "sales", "mode=report")
    ctl("user", "set", "alice", "groups=sales", "alias=alice@example.com")
    ctl("device", "set", "D1", "state=compliant", "owner=alice",
        "alias.eas=APPLX", "name=Ünïcode \"x\"")
    redis.cmd("HSET", "compliance:device:RAW", "state", "compliant", "name",
              b"\xff\xfe\x00raw")
    redis.cmd("SADD", "compliance:index:state:compliant",
              *[f"X{i}" for i in range(n)])
    for i in range(1200):
        redis.cmd("XADD", "compliance:audit:node1", f"{i + 1}-1", "r", f"{i}")
    redis.cmd("HINCRBY", "compliance:seen:20261124:alice", "x", 3)
    redis.cmd("EXPIRE", "compliance:seen:20261124:alice", 10000)


def test_what_comes_back_is_what_was_saved(ctl, redis, tmp_path):
    fill(ctl, redis)
    file = tmp_path / "b.gz"
    before = dump(redis)
    assert ctl.json("backup", str(file), "--with-audit")["keys"] == len(before)
    assert file.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.glob("*.tmp")) == []
    assert dump(redis) == before
    redis.cmd("FLUSHALL")
    ctl("restore", str(file), "--with-audit")
    after = dump(redis)
    # the restore itself is audited
    admin = after.pop("audit:@admin")[1]
    assert len(admin) == len(before.pop("audit:@admin")[1]) + 1
    assert after == before


def test_the_audit_is_left_alone_unless_asked_for(ctl, redis, tmp_path):
    fill(ctl, redis)
    before = dump(redis, False)
    ctl("backup", str(tmp_path / "b"))
    ctl("device", "set", "NEW", "state=compliant")
    assert "--with-audit" in ctl("restore", str(tmp_path / "b"), "--replace",
                                 "--yes", "--with-audit", code=2)
    ctl("restore", str(tmp_path / "b"), "--replace", "--yes")
    assert dump(redis, False) == before
    assert redis.cmd("XLEN", "compliance:audit:node1") == 1200


def test_a_store_that_is_not_empty_is_not_replaced_unasked(ctl, redis,
                                                           tmp_path):
    fill(ctl, redis, 10)
    ctl("backup", str(tmp_path / "b"))
    ctl("device", "set", "NEW", "state=compliant")
    before = dump(redis)
    assert "--replace" in ctl("restore", str(tmp_path / "b"), code=4)
    assert "--yes" in ctl("restore", str(tmp_path / "b"), "--replace", code=4)
    ctl("restore", str(tmp_path / "b"), "--dry-run")
    assert dump(redis) == before


def sealed(lines):
    body = "".join(line + "\n" for line in lines)
    return gzip.compress((body + json.dumps(
        {"end": True, "lines": len(lines),
         "sha256": hashlib.sha256(body.encode()).hexdigest()})
        + "\n").encode())


def test_a_damaged_file_changes_nothing(ctl, redis, tmp_path):
    fill(ctl, redis, 10)
    path = tmp_path / "b"
    ctl("backup", str(path))
    before = dump(redis)
    good = path.read_bytes()
    lines = gzip.decompress(good).decode().splitlines()
    unkey = lines[1].replace('"part"', '"port"')
    bad = {
        "empty": b"",
        "cut": good[:len(good) // 2],
        "bit": good[:200] + bytes([good[200] ^ 1]) + good[201:],
        "line gone": gzip.compress("\n".join(
            lines[:3] + lines[4:] + [""]).encode()),
        "no end": gzip.compress("\n".join(lines[:-1] + [""]).encode()),
        "more": gzip.compress("\n".join(lines + lines[1:2] + [""]).encode()),
        "text": b"hello\n",
        "newer": sealed([lines[0].replace('"version":1', '"version":2'),
                         *lines[1:-1]]),
        "no key": sealed([lines[0], unkey, *lines[2:-1]]),
        "no meta": sealed([x for x in lines[:-1] if '"meta"' not in x]),
    }
    for name, data in bad.items():
        path.write_bytes(data)
        done = ctl.run("restore", str(path), "--replace", "--yes")
        assert done.returncode == 5, (name, done.stderr)
        assert dump(redis) == before, name
    path.write_bytes(sealed(lines[:-1]))
    ctl("restore", str(path), "--replace", "--yes")


def test_a_killed_restore_denies_and_is_run_again(ctl, redis, tmp_path):
    fill(ctl, redis, 10)
    for start in range(0, 30000, 1000):
        for i in range(start, start + 1000, 500):
            redis.cmd("SADD", f"compliance:index:owner:u{i}",
                      *[f"M{n}" for n in range(500)])
    for i in range(6000):
        redis.cmd("HSET", f"compliance:device:Z{i}", "state", "compliant")
    before = dump(redis, False)
    ctl("backup", str(tmp_path / "b"))
    killed = 0
    for delay in (0.02, 0.05, 0.1, 0.15, 0.2, 0.3):
        process = subprocess.Popen(
            [CTL, "--redis", f"unix:{redis.socket}", "restore",
             str(tmp_path / "b"), "--replace", "--yes"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(delay)
        process.send_signal(signal.SIGKILL)
        process.wait()
        if redis.cmd("HGET", "compliance:meta", "schema") == b"restoring":
            killed += 1
            assert "restore" in ctl("device", "list", code=5)
    assert killed > 0
    ctl("restore", str(tmp_path / "b"), "--replace", "--yes")
    assert dump(redis, False) == before


def test_a_backup_that_cannot_be_written_leaves_nothing(ctl, tmp_path):
    error = ctl("backup", str(tmp_path / "no" / "b"), code=3)
    assert "No such file" in error
    assert os.listdir(tmp_path) == ["redis"]
