"""doctor: a fault of each kind is found, named and mended."""

import threading
import time

import pytest

from harness import Redis
from test_backup import dump
from test_ctl import Ctl
from test_ctl_connect import Ca
from test_reports import audited


@pytest.fixture
def ctl(redis):
    return Ctl(redis)


def findings(ctl, *args, code=0):
    import json
    done = ctl.run("--json", "doctor", *args)
    assert done.returncode == code, (done.stdout, done.stderr)
    return [(f["check"], f["health"], f["what"], f["mend"])
            for f in json.loads(done.stdout)["findings"]]


def bad(found, health="error"):
    return [f for f in found if f[1] == health]


def test_a_sound_store_has_no_errors(ctl, redis):
    ctl("group", "set", "sales", "mode=report")
    ctl("user", "set", "alice", "groups=sales", "break_glass=1")
    ctl("device", "set", "D1", "state=compliant", "owner=alice",
        "alias.eas=APPLX")
    before = dump(redis)
    found = findings(ctl, "--full")
    assert bad(found) == []
    assert ("persist", "warning") in [f[:2] for f in found]
    assert dump(redis) == before


@pytest.mark.parametrize("write, says", [
    (("HSET", "compliance:group:sales", "rollout_percent", "many"),
     "unreadable rollout_percent"),
    (("HSET", "compliance:group:sales", "mode", "enforce"), "break-glass"),
    (("HSET", "compliance:user:bob", "groups", "nowhere", "break_glass", "0"),
     "not recorded"),
    (("SET", "compliance:alias:eas:GONE", "NODEVICE"), "eas:GONE"),
    (("HSET", "compliance:device:lower", "state", "compliant"), "canonical"),
    (("HSET", "compliance:device:D9", "state", "compliant"), "index lacks"),
    (("CONFIG", "SET", "maxmemory", "1gb", "maxmemory-policy", "allkeys-lru"),
     "allkeys-lru"),
])
def test_each_fault_is_an_error_with_a_way_out(ctl, redis, write, says):
    ctl("group", "set", "sales", "mode=report")
    assert bad(findings(ctl)) == []
    redis.cmd(*write)
    found = [f for f in bad(findings(ctl, code=5)) if says in f[2]]
    assert found and found[0][3]


def test_repair_fills_the_indexes(ctl, redis):
    ctl("group", "set", "sales", "mode=report")
    ctl("user", "set", "alice", "groups=sales", "break_glass=1")
    for i in range(40):
        ctl("device", "set", f"D{i}", "state=compliant", "owner=alice",
            "platform=ios")
    before = dump(redis)
    for key in redis.cmd("KEYS", "*index:state*") \
            + redis.cmd("KEYS", "*index:owner*") \
            + redis.cmd("KEYS", "*index:break*"):
        redis.cmd("DEL", key)
    assert any("index lacks" in f[2] for f in bad(findings(ctl, code=5)))
    assert bad(findings(ctl, "--repair")) == []
    assert dump(redis) == before
    assert bad(findings(ctl, "--full")) == []


def test_certificate_dates(ctl, tmp_path):
    ca = Ca(tmp_path / "ca")
    for days, health in ((-1, "error"), (9, "warning"), (90, "ok")):
        cert, _ = ca.issue("server", days=days)
        found = findings(ctl, "--cert-file", str(cert),
                         code=5 if days < 0 else 0)
        assert [f[1] for f in found if f[0] == "cert"] == [health]
    findings(ctl, "--cert-file", "/no/such", code=5)


@pytest.mark.parametrize("write, says, health", [
    (("SADD", "compliance:index:state:compliant", "GHOST"),
     "GHOST in index:state:compliant", "error"),
    (("SADD", "compliance:index:owner:bob", "D1"), "D1 in index:owner:bob",
     "error"),
    (("SADD", "compliance:index:blocked:1", "alice"), "alice in index:blocked",
     "error"),
    (("SADD", "compliance:index:alias_of:D1", "eas:OTHER"), "eas:OTHER in",
     "error"),
    (("SADD", "compliance:index:user_alias_of:alice", "al"), "al in", "error"),
    (("SET", "compliance:alias:serial:S1", "D1"), "not listed", "error"),
    (("SET", "compliance:alias:user:al", "alice"), "not listed", "error"),
    (("SET", "compliance:alias:user:ghost", "nobody"), "lead to no record",
     "error"),
    (("HSET", "compliance:device:APPLX", "state", "unknown"), "ambiguous",
     "error"),
    (("SADD", "compliance:policies", "ios"), "policy ios is listed", "error"),
    (("HSET", "compliance:meta", "import:intune", '{"time":1}'),
     "last import of intune", "warning"),
    (("HSET", "compliance:meta", "candidate", "c1"), "candidate set", "error"),
    (("HSET", "compliance:group:sales", "enforce_from", "9999999999"),
     "only reports until", "warning"),
])
def test_faults_among_records(ctl, redis, write, says, health):
    ctl("group", "set", "sales", "mode=report")
    ctl("user", "set", "alice", "groups=sales")
    ctl("device", "set", "D1", "state=compliant", "owner=alice",
        "alias.eas=APPLX")
    assert bad(findings(ctl, "--full")) == []
    redis.cmd(*write)
    found = findings(ctl, "--full", code=5 if health == "error" else 0)
    found = [f for f in bad(found, health) if says in f[2]]
    assert found and found[0][3]


def test_policies_that_cannot_be_read_and_a_broken_undo(ctl, redis):
    redis.cmd("SADD", "compliance:policies", "ios")
    redis.cmd("SET", "compliance:policy:ios", '{"name":')
    redis.cmd("SET", "compliance:undo", "x")
    found = [f[0] for f in bad(findings(ctl, code=5))]
    assert found == ["policies", "undo"]


def test_repair_makes_indexes_and_names_what_the_records_say(ctl, redis):
    ctl("group", "set", "sales", "mode=report")
    ctl("user", "set", "alice", "groups=sales,default", "alias=al")
    for i in range(1200):
        redis.device(f"D{i}", state="compliant", owner="alice")
    assert bad(findings(ctl, "--repair")) == []
    ctl("device", "alias", "D1", "eas", "APPLX")
    before = dump(redis)
    for i in range(1200):
        redis.cmd("SADD", "compliance:index:state:noncompliant", f"D{i}")
        redis.cmd("SADD", "compliance:index:owner:bob", f"GHOST{i}")
        redis.cmd("SADD", f"compliance:index:alias_of:E{i}", "eas:APPLX")
    redis.cmd("SREM", "compliance:index:groups:sales", "alice")
    redis.cmd("SREM", "compliance:index:alias_of:D1", "eas:APPLX")
    redis.cmd("DEL", "compliance:index:user_alias_of:alice")
    redis.cmd("SADD", "compliance:index:state:compliant", "lower", "a\0b")
    assert len(bad(findings(ctl, "--full", code=5))) >= 3
    assert bad(findings(ctl, "--repair")) == []
    redis.cmd("SREM", "compliance:index:state:compliant", "a\0b")
    assert dump(redis) == before
    assert bad(findings(ctl, "--full")) == []


def test_repair_while_others_write(ctl, redis):
    """Nothing that a writer does meanwhile is undone or left half."""
    for i in range(2000):
        redis.device(f"D{i}", state="compliant", owner="alice")
    other = Redis.__new__(Redis)
    other.socket, other.connection = redis.socket, None
    stop = threading.Event()

    def write():
        n = 0
        while not stop.is_set():
            name, n = f"D{n % 2000}", n + 7
            state = ("compliant", "noncompliant")[n % 2]
            was = ("compliant", "noncompliant")[1 - n % 2]
            other.cmd("MULTI")
            other.cmd("HSET", f"compliance:device:{name}", "state", state)
            other.cmd("SREM", f"compliance:index:state:{was}", name)
            other.cmd("SADD", f"compliance:index:state:{state}", name)
            other.cmd("EXEC")
            time.sleep(0.002)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for _ in range(5):
            for i in range(0, 2000, 5):
                redis.cmd("SADD", "compliance:index:owner:bob", f"D{i}")
            assert bad(findings(ctl, "--repair")) == []
    finally:
        stop.set()
        writer.join()
        other.close()
    assert bad(findings(ctl, "--full")) == []


def test_ids_that_two_users_present_are_pointed_to(ctl, redis):
    audited(redis, device="SHARED")
    assert not [f for f in findings(ctl) if f[0] == "conflicts"]
    audited(redis, device="SHARED", user="bob")
    found, = [f for f in findings(ctl) if f[0] == "conflicts"]
    assert found[1] == "warning" and found[2].startswith("1 device id that")
    assert found[3] == "compliancectl report conflicts"
