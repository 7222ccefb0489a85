"""doctor: a fault of each kind is found, named and mended."""

import pytest

from test_backup import dump
from test_ctl import Ctl
from test_ctl_connect import Ca


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
