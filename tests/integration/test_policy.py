"""Compliance policies through compliancectl and a real Redis: what is told
before it is done, what it makes of the devices, and that a run which was
killed is completed by the next one."""

import json
import os
import pty
import re
import signal
import subprocess
import time

import pytest

from harness import ROOT, wait_until
from test_ctl import CTL, Ctl, members, record, written

BASELINES = os.path.join(ROOT, "deploy", "policies")
DAY = 86400


@pytest.fixture
def ctl(redis):
    return Ctl(redis)


@pytest.fixture
def policy(tmp_path):
    """Writes a policy's file and gives its path."""
    def write(name, rules, **members):
        path = tmp_path / f"{name}-{len(os.listdir(tmp_path))}.json"
        path.write_text(json.dumps({"name": name, "require": rules,
                                    **members}, indent=2))
        return str(path)
    return write


def rule(attribute, reason=None, **operators):
    return {"attribute": attribute, "reason": reason or f"{attribute}_off",
            **(operators or {"equals": True})}


def load(ctl, tmp_path, devices):
    path = tmp_path / "devices.ndjson"
    path.write_text("".join(json.dumps(d) + "\n" for d in devices))
    return ctl("import", "json", str(path), "--yes")


def fleet(n=60):
    """A third is not encrypted; the platforms take turns."""
    return [{"id": f"DEV{i}", "owner": f"user{i}", "state": "compliant",
             "platform": ("ios", "android", "windows")[i % 3],
             "os_version": f"17.{i}", "encrypted": i % 5 != 0,
             "updated": int(time.time()) - 1000}
            for i in range(n)]


def states(redis, n=60):
    return [record(redis, f"device:DEV{i}").get("state") for i in range(n)]


# Reading files


def test_the_baselines_are_valid_and_complete(ctl):
    files = sorted(os.listdir(BASELINES))
    assert files == ["android.json", "ios-ipados.json", "linux.json",
                     "macos.json", "windows.json"]
    paths = [os.path.join(BASELINES, f) for f in files]
    done = ctl.run("policy", "check", *paths, redis=False)
    assert done.returncode == 0 and done.stderr == ""
    for path in paths:
        text = json.load(open(path))
        for entry in text["require"]:
            for platform in text["platforms"]:
                steps = text["remediation"][entry["reason"]][platform]
                assert {"en", "de", "fr"} <= set(steps), (path, entry)
                assert len({len(s) for s in steps.values()}) == 1, entry


def test_check_names_the_file_the_line_and_the_way_out(ctl, tmp_path, policy):
    good = policy("good", [rule("encrypted")])
    bad = tmp_path / "bad.json"
    bad.write_text('{"name": "bad",\n "require": [\n'
                   '  {"attribute": "os_version", "min_versoin": "17",\n'
                   '   "reason": "os_outdated"}]}\n')
    done = ctl.run("policy", "check", good, str(bad), redis=False)
    assert done.returncode == 2
    assert f"{good}: valid: policy good, 1 rules, for all platforms" \
        in done.stdout
    assert (f"{bad}: line 3: require[0].min_versoin: a rule has no such name; "
            'did you mean "min_version"?') in done.stderr
    answer = json.loads(ctl.run("--json", "policy", "check", good, str(bad),
                                redis=False).stdout)
    assert [a["valid"] for a in answer] == [True, False]
    assert answer[1]["line"] == 3
    assert answer[1]["path"] == "require[0].min_versoin"


def test_check_warns_of_what_is_hardly_meant(ctl, policy):
    path = policy("p", [rule("encrypted"), rule("passcode")],
                  platforms=["andriod"],
                  remediation={"encrypted_off": {"any": {"en": "x"}}})
    done = ctl.run("policy", "check", path, redis=False)
    assert done.returncode == 0
    assert 'a platform "andriod"; did you mean "android"?' in done.stderr
    assert 'reason "passcode_off" has no remediation text' in done.stderr
    twice = ctl.run("policy", "check", path, path, redis=False)
    assert twice.returncode == 2 and 'both named "p"' in twice.stderr


def test_nothing_of_a_bad_file_is_written(ctl, redis, tmp_path, policy):
    good = policy("good", [rule("encrypted")])
    bad = tmp_path / "bad.json"
    bad.write_text("{\n")
    before = written(redis)
    assert "bad.json: line" in ctl("policy", "apply", good, str(bad), "--yes",
                                   code=2)
    assert "another file has" in ctl("policy", "apply", good, good, code=2)
    assert "cannot read" in ctl("policy", "apply", "/no/such", code=2)
    assert written(redis) == before


# Applying


def test_apply_tells_first_and_then_judges(ctl, redis, tmp_path, policy):
    load(ctl, tmp_path, fleet())
    path = policy("base", [rule("encrypted", "encryption_off")],
                  platforms=["ios", "android"])
    before = written(redis)

    out = ctl("policy", "apply", path, "--dry-run")
    assert "policy base: created" in out
    assert "40 devices are concerned; 8 change their state, 8 are newly " \
        "blocked" in out
    assert re.search(r"compliant +-> noncompliant +8\n +DEV\d+ \(user\d+\): "
                     "encryption_off", out)
    assert "nothing was written" in out
    assert written(redis) == before

    # no terminal, no --yes
    assert "--yes" in ctl("policy", "apply", path, code=4)
    assert written(redis) == before

    out = ctl("policy", "apply", path, "--yes")
    assert out.index("8 are newly blocked") < out.index("done: 40 devices")
    assert states(redis) == ["noncompliant" if i % 5 == 0 and i % 3 != 2
                             else "compliant" for i in range(60)]
    device = record(redis, "device:DEV0")
    assert device["reasons"] == "encryption_off"
    assert device["policy"] == "base"
    assert abs(int(device["noncompliant_since"]) - time.time()) < 60
    assert record(redis, "device:DEV2").get("policy") is None
    assert members(redis, "policies") == {"base"}
    assert "policy_apply" not in record(redis, "meta")
    assert len(members(redis, "index:state:noncompliant")) == 8

    # the same once more: nothing to write
    before = written(redis)
    assert "nothing had to be written" in ctl("policy", "apply", path)
    assert written(redis) == before


def test_grace_begins_with_the_policy_and_is_kept(ctl, redis, tmp_path,
                                                  policy):
    load(ctl, tmp_path, fleet())
    now = int(time.time())
    ctl("policy", "apply", policy("base", [rule("encrypted")], grace_days=7),
        "--yes")
    device = record(redis, "device:DEV0")
    assert device["state"] == "grace"
    assert abs(int(device["grace_until"]) - now - 7 * DAY) < 60
    began = device["noncompliant_since"]

    # another import, another grace: still the same first day
    devices = fleet()
    for one in devices:
        one["updated"] = now + 10
        one["model"] = "new"
    load(ctl, tmp_path, devices)
    assert record(redis, "device:DEV0")["noncompliant_since"] == began
    ctl("policy", "apply", policy("base", [rule("encrypted")], grace_days=3),
        "--yes")
    device = record(redis, "device:DEV0")
    assert device["noncompliant_since"] == began
    assert int(device["grace_until"]) == int(began) + 3 * DAY

    # mended: forgotten
    devices[0].update(encrypted=True, updated=now + 20)
    load(ctl, tmp_path, devices)
    device = record(redis, "device:DEV0")
    assert device["state"] == "compliant"
    assert "noncompliant_since" not in device and "grace_until" not in device


def test_delete_judges_by_what_is_left(ctl, redis, tmp_path, policy):
    load(ctl, tmp_path, fleet())
    ctl("policy", "apply", policy("a", [rule("encrypted")]),
        policy("b", [rule("os_version", "old", min_version="17.30")],
               platforms=["ios"]), "--yes")
    assert record(redis, "device:DEV0")["reasons"] == "encrypted_off,old"
    assert 'did you mean "a"' not in ctl("policy", "delete", "zzz", code=1)
    assert "20 devices are concerned" in ctl("policy", "delete", "b",
                                             "--dry-run")
    assert "policy b: deleted" in ctl("policy", "delete", "b", "--yes")
    assert record(redis, "device:DEV0")["reasons"] == "encrypted_off"
    assert record(redis, "device:DEV3")["state"] == "compliant"
    assert members(redis, "policies") == {"a"}
    assert redis.cmd("EXISTS", "compliance:policy:b") == 0
    ctl("policy", "delete", "a", "--yes")
    assert set(states(redis)) == {"compliant"}


def test_an_override_and_a_retired_device_are_left_alone(ctl, redis, tmp_path,
                                                         policy):
    load(ctl, tmp_path, fleet())
    ctl("device", "set", "DEV0", "override=grace", "override_until=+7d")
    ctl("device", "set", "DEV10", "state=retired")
    ctl("policy", "apply", policy("a", [rule("encrypted")]), "--yes")
    device = record(redis, "device:DEV0")
    assert device["override"] == "grace" and device["state"] == "noncompliant"
    assert record(redis, "device:DEV10")["state"] == "retired"


def test_list_show_and_diff(ctl, redis, tmp_path, policy):
    load(ctl, tmp_path, fleet())
    assert ctl.json("policy", "list") == []
    ctl("policy", "apply", policy("base", [rule("encrypted", "e"),
                                           rule("passcode", "p",
                                                equals=True, optional=True)],
                                  platforms=["ios"], description="Gerät \u202ex",
                                  grace_days=2), "--yes")
    out = ctl("policy", "list")
    assert re.search(r"^base +ios +2 +2 d +worse +Gerät \\u\{202e\}x$", out,
                     re.M)
    assert ctl.json("policy", "list")[0]["rules"] == 2
    shown = ctl("policy", "show", "base")
    assert json.loads(shown.replace("\\u{202e}", "\u202e"))["name"] == "base"
    assert ctl.json("policy", "show", "base")["grace_days"] == 2
    assert 'did you mean "base"' in ctl("policy", "show", "bsae", code=1)
    assert "no policy name" in ctl("policy", "show", "No Name", code=2)

    changed = policy("base", [rule("encrypted", "e"),
                              rule("os_version", "old", min_version="17.30")],
                     platforms=["ios", "android"], description="Gerät \u202ex",
                     grace_days=0,
                     remediation={"old": {"any": {"en": "Update."}}})
    before = written(redis)
    out = ctl("policy", "diff", changed)
    assert "~ grace_days 2 -> 0" in out
    assert '~ platforms ["ios"] -> ["ios","android"]' in out
    assert re.search(r'^  - rule .*"passcode"', out, re.M)
    assert re.search(r'^  \+ rule .*"min_version":"17.30"', out, re.M)
    assert "+ remediation old" in out
    assert '"encrypted"' not in out
    assert "40 devices are concerned" in out
    assert re.search(r"grace +-> noncompliant +4", out)
    assert written(redis) == before
    answer = ctl.json("policy", "diff", changed)
    assert {c["what"] for c in answer["policies"][0]["changes"]} \
        == {"grace_days", "platforms", "rule", "remediation"}
    assert answer["devices"]["concerned"] == 40


def test_a_broken_stored_policy_stops_judging_until_it_is_replaced(
        ctl, redis, tmp_path, policy):
    load(ctl, tmp_path, fleet())
    path = policy("base", [rule("encrypted")])
    redis.cmd("SADD", "compliance:policies", "base")
    for text in (None, "{oops", '{"name":"other","require":[{"attribute":"a",'
                                '"exists":true,"reason":"r"}]}'):
        if text is None:
            redis.cmd("DEL", "compliance:policy:base")
        else:
            redis.cmd("SET", "compliance:policy:base", text)
        for words in (("policy", "list"), ("policy", "apply"),
                      ("policy", "apply", policy("x", [rule("a")]))):
            assert '"base" cannot be read' in ctl(*words, code=5)
        assert "newly blocked" in ctl("policy", "apply", path, "--dry-run")
        assert "policy base: deleted" in ctl("policy", "delete", "base",
                                             "--dry-run")
    ctl("policy", "apply", path, "--yes")
    assert states(redis)[0] == "noncompliant"


def test_it_is_in_the_history_and_the_audit(ctl, redis, policy):
    ctl("policy", "apply", policy("base", [rule("encrypted")]), "--yes")
    entry = json.loads(redis.cmd("LINDEX", "compliance:undo", "0"))
    assert {(w["op"], w["key"]) for w in entry["writes"]} \
        == {("set", "policy:base"), ("member", "policies")}
    audit = redis.cmd("XRANGE", "compliance:audit:@admin", "-", "+")
    assert len(audit) == 2
    assert b"concerned" in audit[1][1][1]


def run_on_terminal(ctl, answer, *words):
    """(exit code, what the terminal showed)"""
    pid, terminal = pty.fork()
    if pid == 0:
        os.execv(CTL, [CTL, "--redis", f"unix:{ctl.redis.socket}", *words])
    shown = b""
    asked = False
    while True:
        try:
            part = os.read(terminal, 4096)
        except OSError:
            break
        if not part:
            break
        shown += part
        if b"[y/N]" in shown and not asked:
            asked = True
            os.write(terminal, answer)
    os.close(terminal)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), shown.decode()


def test_a_terminal_is_asked(ctl, redis, tmp_path, policy):
    load(ctl, tmp_path, fleet())
    path = policy("base", [rule("encrypted")])
    before = written(redis)
    for answer in (b"n\n", b"\n", b"\x04"):
        code, shown = run_on_terminal(ctl, answer, "policy", "apply", path)
        assert code == 4 and "12 are newly blocked" in shown
        assert written(redis) == before
    code, shown = run_on_terminal(ctl, b"y\n", "policy", "apply", path)
    assert code == 0 and "done: 60 devices" in shown
    assert states(redis)[0] == "noncompliant"


@pytest.mark.parametrize("seconds", [0.1, 0.3, 0.6])
def test_a_killed_apply_is_completed_by_the_next(ctl, redis, tmp_path, policy,
                                                 seconds):
    n = 6000
    load(ctl, tmp_path, fleet(n))
    path = policy("base", [rule("encrypted")], grace_days=0)
    running = subprocess.Popen(
        [CTL, "--redis", f"unix:{redis.socket}", "policy", "apply", path,
         "--yes"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    # only once it has begun to write
    wait_until("the policy is stored", lambda: redis.cmd(
        "EXISTS", "compliance:policy:base") == 1 or running.poll() is not None,
        timeout=60, step=0.001)
    time.sleep(seconds / 10)
    running.send_signal(signal.SIGKILL)
    running.wait()

    half = redis.cmd("HEXISTS", "compliance:meta", "policy_apply")
    done = ctl.run("policy", "list")
    assert ("interrupted" in done.stderr and "base" in done.stderr) \
        == bool(half)
    done = ctl.run("policy", "apply", path, "--yes", timeout=60)
    assert done.returncode == 0
    assert ("interrupted" in done.stderr) == bool(half)
    assert states(redis, n) == ["noncompliant" if i % 5 == 0 else "compliant"
                                for i in range(n)]
    assert len(members(redis, "index:state:noncompliant")) == n // 5
    assert redis.cmd("HEXISTS", "compliance:meta", "policy_apply") == 0
    assert ctl.run("policy", "list").stderr == ""


def test_without_a_file_all_are_judged_by_what_is_stored(ctl, redis, tmp_path,
                                                         policy):
    load(ctl, tmp_path, fleet())
    ctl("policy", "apply", policy("base", [rule("encrypted")]), "--yes")
    redis.cmd("DEL", "compliance:policy:base")
    redis.cmd("SREM", "compliance:policies", "base")
    assert "60 devices are concerned" in ctl("policy", "apply", "--yes")
    assert set(states(redis)) == {"compliant"}


def test_an_import_judges_by_the_stored_policies(ctl, redis, tmp_path):
    ctl("policy", "apply",
        *[os.path.join(BASELINES, f) for f in os.listdir(BASELINES)])
    load(ctl, tmp_path, [
        {"id": "PHONE", "owner": "a", "platform": "iOS", "state": "compliant",
         "os_version": "26.1", "jailbroken": "False"},
        {"id": "OLD", "owner": "a", "platform": "iOS", "state": "compliant",
         "os_version": "17.1", "jailbroken": "False"},
        {"id": "ROOTED", "owner": "a", "platform": "Android",
         "state": "compliant", "os_version": "15", "encrypted": True,
         "jailbroken": True},
        {"id": "PC", "owner": "a", "platform": "Windows",
         "state": "noncompliant", "os_version": "10.0.26100.1",
         "encrypted": True},
    ])
    got = {name: record(redis, f"device:{name}")
           for name in ("PHONE", "OLD", "ROOTED", "PC")}
    assert got["PHONE"]["state"] == "compliant"
    assert (got["OLD"]["state"], got["OLD"]["reasons"]) \
        == ("grace", "os_outdated")
    assert (got["ROOTED"]["state"], got["ROOTED"]["reasons"]) \
        == ("noncompliant", "jailbroken")
    assert (got["PC"]["state"], got["PC"]["reasons"]) \
        == ("noncompliant", "mdm_noncompliant")
    assert got["OLD"]["policy"] == "ios-ipados"
