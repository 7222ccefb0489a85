"""compliancectl against a real Redis: what it writes, what it refuses and how
it says so, and that a refusal leaves the store as it was."""

import concurrent.futures
import json
import os
import re
import signal
import socket
import subprocess
import threading
import time

import pytest

from harness import CTL as BUILT, ROOT, Redis, wait_until

# A sanitizer build, say.
CTL = os.environ.get("CTL_UNDER_TEST", BUILT)
CERT = "ab" * 32


class Ctl:
    def __init__(self, redis):
        self.redis = redis

    def run(self, *args, env=None, redis=True, timeout=20):
        environment = {"PATH": os.environ["PATH"], "USER": "tester"}
        environment.update(env or {})
        address = ["--redis", f"unix:{self.redis.socket}"] if redis else []
        return subprocess.run([CTL, *address, *args], capture_output=True,
                              text=True, timeout=timeout, env=environment,
                              stdin=subprocess.DEVNULL, errors="replace")

    def __call__(self, *args, code=0, **kwargs):
        done = self.run(*args, **kwargs)
        assert done.returncode == code, (args, done.returncode, done.stdout,
                                         done.stderr)
        return done.stdout if code == 0 else done.stderr

    def json(self, *args):
        return json.loads(self("--json", *args))

    def explain(self, *args):
        return self.json("explain", *args)


@pytest.fixture
def ctl(redis):
    return Ctl(redis)


def written(redis):
    """Grows with every write that Redis carries out."""
    info = redis.cmd("INFO", "persistence").decode()
    return int(re.search(r"rdb_changes_since_last_save:(\d+)", info)[1])


def members(redis, key):
    return {m.decode() for m in redis.cmd("SMEMBERS", f"compliance:{key}")}


def record(redis, key):
    flat = [v.decode() for v in redis.cmd("HGETALL", f"compliance:{key}")]
    return dict(zip(flat[::2], flat[1::2]))


# Devices


def test_a_device_is_created_shown_changed_and_deleted(ctl, redis):
    out = ctl("device", "set", "applx1", "state=noncompliant", "owner=alice",
              "platform=iOS", "name=Alice's iPhone")
    assert out.startswith("device APPLX1 created\n")
    stored = record(redis, "device:APPLX1")
    assert stored["state"] == "noncompliant"
    assert stored["platform"] == "ios"
    assert abs(int(stored["updated"]) - time.time()) < 60
    assert redis.cmd("HGET", "compliance:meta", "schema") == b"1"

    assert "state         noncompliant" in re.sub(
        r"^state +", "state         ", ctl("device", "get", "APPLX1"),
        flags=re.M)
    out = ctl("device", "set", "APPLX1", "state=compliant")
    assert "state: noncompliant -> compliant" in out
    assert ctl.json("device", "get", "applx1")["state"] == "compliant"

    assert ctl("device", "delete", "APPLX1") \
        == "device APPLX1 deleted, with 0 aliases\n"
    assert redis.cmd("KEYS", "*device*") == []
    assert redis.cmd("KEYS", "*index*") == []
    assert 'no device "APPLX1"' in ctl("device", "get", "APPLX1", code=1)
    assert 'no device "APPLX1"' in ctl("device", "delete", "APPLX1", code=1)


def test_the_indexes_follow_a_devices_fields(ctl, redis):
    ctl("device", "set", "D1", "state=compliant", "owner=alice",
        "platform=ios")
    assert members(redis, "index:state:compliant") == {"D1"}
    assert members(redis, "index:owner:alice") == {"D1"}
    assert members(redis, "index:platform:ios") == {"D1"}
    ctl("device", "set", "D1", "state=retired", "owner=", "platform=android")
    assert members(redis, "index:state:compliant") == set()
    assert members(redis, "index:state:retired") == {"D1"}
    assert members(redis, "index:owner:alice") == set()
    assert members(redis, "index:platform:android") == {"D1"}
    assert "owner" not in record(redis, "device:D1")


def test_a_record_written_by_another_tool_gets_its_index_entries(ctl, redis):
    redis.device("D1", state="compliant", owner="alice")
    ctl("device", "set", "D1", "risk=low")
    assert members(redis, "index:state:compliant") == {"D1"}
    assert members(redis, "index:owner:alice") == {"D1"}


@pytest.mark.parametrize("words", [
    ("device", "set", "D1", "state=compliant", "alias.eas=APPL1"),
    ("user", "set", "bob", "display_name=Bob", "alias=bob@example.com"),
    ("group", "set", "sales", "mode=report", "max_stale=1h"),
    ("group", "mode", "sales", "report"),
])
def test_an_unchanged_record_is_not_written_and_it_is_said(ctl, redis, words):
    ctl("group", "set", "sales", "mode=report")
    ctl(*words)
    before = written(redis)
    assert ctl(*words).endswith("unchanged\n")
    assert ctl.json(*words)["result"] == "unchanged"
    assert written(redis) == before


def test_older_never_overwrites_newer(ctl, redis):
    ctl("device", "set", "D1", "state=compliant", "updated=2030-01-01",
        "source=mdm")
    before = record(redis, "device:D1")
    error = ctl("device", "set", "D1", "state=retired", "updated=2029-12-31",
                code=4)
    assert "2030-01-01T00:00:00Z" in error and '"mdm"' in error
    assert record(redis, "device:D1") == before
    ctl("device", "set", "D1", "state=retired", "updated=2030-01-02")
    ctl("device", "set", "D1", "state=compliant", "updated=2020-01-01",
        "--force")
    assert record(redis, "device:D1")["updated"] == "1577836800"


def test_an_override_knows_who_and_leaves_the_sources_time(ctl, redis):
    ctl("device", "set", "D1", "state=compliant", "updated=2030-01-01")
    ctl("device", "set", "D1", "override=block", "override_until=+7d")
    stored = record(redis, "device:D1")
    assert stored["override"] == "block"
    assert stored["override_by"] == "tester"
    assert abs(int(stored["override_until"]) - time.time() - 7 * 86400) < 60
    assert stored["updated"] == "1893456000"
    ctl("device", "set", "D1", "override=grace",
        env={"SUDO_USER": "root-by-sudo"})
    stored = record(redis, "device:D1")
    assert stored["override_by"] == "root-by-sudo"
    assert "override_until" not in stored
    ctl("device", "set", "D1", "override=none")
    assert not [f for f in record(redis, "device:D1")
                if f.startswith("override")]


@pytest.mark.parametrize("text, seconds", [
    ("1700000000", 1700000000),
    ("2026-12-31", 1798675200),
    ("2026-12-31T18:00:00Z", 1798740000),
    ("2028-02-29", 1835395200),
])
def test_times_are_read_as_people_write_them(ctl, redis, text, seconds):
    ctl("device", "set", "D1", f"last_checkin={text}")
    assert record(redis, "device:D1")["last_checkin"] == str(seconds)
    assert re.search(r"last_checkin +20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ",
                     ctl("device", "get", "D1"))


# Aliases


def test_aliases_lead_to_the_device_and_go_with_it(ctl, redis):
    ctl("device", "set", "DEV1", "state=compliant", "alias.eas=ApplX,ApplY")
    ctl("device", "alias", "DEV1", "cert",
        ":".join(["AB"] * 32))
    ctl("device", "alias", "applx", "serial", "c02-x")
    assert redis.cmd("GET", "compliance:alias:eas:APPLX") == b"DEV1"
    assert redis.cmd("GET", f"compliance:alias:cert:{CERT}") == b"DEV1"
    assert ctl.json("device", "get", "APPLY")["id"] == "DEV1"
    assert ctl.json("device", "get", ":".join(["ab"] * 32))["id"] == "DEV1"
    assert ctl.json("device", "get", "DEV1")["aliases"] == {
        "eas": ["APPLX", "APPLY"], "cert": [CERT], "serial": ["C02-X"]}
    assert ctl("device", "set", "APPLX", "risk=low").startswith("device DEV1")

    ctl("device", "unalias", "DEV1", "eas", "APPLY")
    assert "has no alias eas:APPLY" in ctl("device", "unalias", "DEV1", "eas",
                                           "APPLY", code=1)
    assert ctl("device", "delete", "DEV1") \
        == "device DEV1 deleted, with 3 aliases\n"
    assert {key for key in redis.cmd("KEYS", "*")
            if not key.startswith(b"compliance:audit:")} == {
                b"compliance:meta", b"compliance:undo"}


def test_an_alias_is_not_taken_from_another_device_but_by_force(ctl, redis):
    ctl("device", "set", "DEV1", "state=compliant", "alias.eas=APPLX")
    before = written(redis)
    error = ctl("device", "set", "DEV2", "state=compliant", "alias.eas=APPLX",
                code=4)
    assert 'alias eas:APPLX already leads to "DEV1"' in error
    assert "--force" in error
    assert written(redis) == before, "the device itself was written"
    ctl("device", "set", "DEV2", "state=compliant", "alias.eas=APPLX",
        "--force")
    assert ctl.json("device", "get", "APPLX")["id"] == "DEV2"
    assert ctl.json("device", "get", "DEV1")["aliases"] == {}


def test_what_would_be_ambiguous_is_refused(ctl, redis):
    ctl("device", "set", "DEV1", "state=compliant")
    ctl("device", "set", "APPLX", "state=compliant")
    assert "ambiguous" in ctl("device", "alias", "DEV1", "eas", "APPLX",
                              code=4)
    redis.alias("eas", "Z9", "DEV1")
    redis.alias("login", "Z9", "APPLX")
    assert "name the one you mean" in ctl("device", "get", "Z9", code=4)
    redis.alias("eas", "GONE", "NOWHERE")
    assert "has no record" in ctl("device", "set", "GONE", "state=compliant",
                                  code=4)
    redis.device("TWICE", state="compliant")
    redis.alias("eas", "TWICE", "DEV1")
    done = ctl.run("device", "get", "TWICE")
    assert done.returncode == 0 and "ambiguous" in done.stderr


def test_an_alias_needs_its_device(ctl):
    error = ctl("device", "alias", "DEV1", "eas", "APPLX", code=1)
    assert "device set DEV1" in error


# Users


def test_a_user_his_names_and_his_groups(ctl, redis):
    ctl("group", "set", "sales")
    ctl("user", "set", "Alice", "groups=sales,default,sales",
        "alias=Alice@Example.com,DEMO\\alice")
    assert record(redis, "user:alice") == {"groups": "sales,default",
                                           "break_glass": "0"}
    assert members(redis, "index:groups:sales") == {"alice"}
    assert redis.cmd("GET", "compliance:alias:user:demo\\alice") == b"alice"
    shown = ctl.json("user", "get", "ALICE@example.com")
    assert shown == {"name": "alice", "groups": "sales,default",
                     "break_glass": False,
                     "aliases": ["alice@example.com", "demo\\alice"]}
    assert ctl("user", "set", "demo\\alice", "blocked=yes").startswith(
        "user alice changed")
    assert members(redis, "index:blocked:1") == {"alice"}
    assert "alice" in ctl("user", "list", "blocked=1")
    ctl("device", "set", "D1", "owner=alice@example.com")
    assert record(redis, "device:D1")["owner"] == "alice"
    done = ctl.run("user", "delete", "alice")
    assert "with 2 aliases" in done.stdout
    assert "device list owner=alice" in done.stderr
    assert redis.cmd("KEYS", "*user*") == []
    assert members(redis, "index:groups:sales") == set()


def test_an_unknown_group_is_refused_unless_forced(ctl, redis):
    before = written(redis)
    error = ctl("user", "set", "alice", "groups=sales", code=4)
    assert "group set sales" in error
    assert written(redis) == before
    ctl("user", "set", "alice", "groups=sales", "--force")
    assert record(redis, "user:alice")["groups"] == "sales"


def test_break_glass_names_are_indexed_and_bounded(ctl, redis):
    ctl("user", "set", "rescue", "break_glass=1")
    assert members(redis, "index:break_glass:1") == {"rescue"}
    ctl("user", "set", "rescue", "break_glass=0")
    assert members(redis, "index:break_glass:1") == set()
    for i in range(32):
        redis.cmd("SADD", "compliance:index:break_glass:1", f"r{i}")
    assert "32 break-glass" in ctl("user", "set", "rescue", "break_glass=1",
                                   code=4)


def test_one_name_never_leads_to_two_users(ctl, redis):
    ctl("user", "set", "alice", "alias=al")
    ctl("user", "set", "bob")
    assert 'leads to "alice"' in ctl("user", "alias", "bob", "al", code=4)
    assert "ambiguous" in ctl("user", "alias", "bob", "alice", code=4)
    assert "create him first" in ctl("user", "alias", "carol", "c", code=1)
    ctl("user", "unalias", "alice", "al")
    ctl("user", "alias", "bob", "al")
    assert ctl.json("user", "get", "al")["name"] == "bob"


# Groups


def test_a_group_is_created_toggled_and_listed(ctl, redis):
    assert ctl("group", "set", "sales").startswith("group sales created")
    assert record(redis, "group:sales") == {"mode": "report"}
    assert members(redis, "groups") == {"sales"}
    assert "mode: report -> enforce" in ctl("group", "mode", "sales",
                                            "enforce", "--force")
    ctl("group", "set", "sales", "max_checkin_age=7d",
        "enforce_from=2026-12-31", "exempt_networks=10.0.0.0/8", "--force")
    assert record(redis, "group:sales") == {
        "mode": "enforce", "max_checkin_age": "604800",
        "enforce_from": "1798675200", "exempt_networks": "10.0.0.0/8"}
    shown = ctl.json("group", "get", "sales")
    assert shown["min_binding"] == "owner" and shown["members"] == 0
    assert "compliant (default)" in ctl("group", "get", "sales")
    rows = ctl.json("group", "list")
    assert [r["name"] for r in rows] == ["default", "sales"]
    ctl("group", "set", "sales", "exempt_networks=", "mode=")
    assert record(redis, "group:sales")["mode"] == "report"
    assert "exempt_networks" not in record(redis, "group:sales")


def test_a_mode_is_only_set_on_a_group_that_is_there(ctl, redis):
    ctl("group", "set", "sales")
    error = ctl("group", "mode", "slaes", "enforce", code=1)
    assert 'did you mean "sales"' in error and "group set slaes" in error
    assert redis.cmd("EXISTS", "compliance:group:slaes") == 0
    ctl("group", "mode", "default", "enforce", "--force")
    assert members(redis, "groups") == {"sales", "default"}


def test_a_group_with_members_and_the_default_group_stay(ctl):
    ctl("group", "set", "sales")
    ctl("user", "set", "alice", "groups=sales")
    assert "has 1 members" in ctl("group", "delete", "sales", code=4)
    ctl("user", "set", "alice", "groups=")
    ctl("group", "delete", "sales")
    ctl("group", "get", "sales", code=1)
    assert "cannot be deleted" in ctl("group", "delete", "default", code=4)


def test_enforcing_while_unknown_users_are_let_in_is_warned_of(ctl):
    ctl("group", "set", "sales")
    ctl("user", "set", "rescue", "break_glass=1")
    done = ctl.run("group", "mode", "sales", "enforce")
    assert done.returncode == 0
    assert "warning" in done.stderr and "unknown_user=block" in done.stderr
    assert ctl.run("group", "set", "default", "unknown_user=block").stderr \
        == ""
    assert ctl.run("group", "mode", "sales", "enforce").stderr == ""
    assert "unknown_user=block" in ctl.run("group", "set", "default",
                                           "unknown_user=allow").stderr


# Bad input


BAD = [
    (["device", "set", "D1", "sate=compliant"], 2, 'did you mean "state"'),
    (["device", "set", "D1", "colour=red"], 2, "its fields: state, owner"),
    (["device", "set", "D1", "state=COMPLIANT"], 2,
     "it expects compliant, noncompliant, grace, unknown or retired"),
    (["device", "set", "D1", "state= compliant"], 2, 'state " compliant"'),
    (["device", "set", "D1", "state"], 2, "no FIELD=VALUE"),
    (["device", "set", "D1", "=x"], 2, "no FIELD=VALUE"),
    (["device", "set", "D1", "risk=low", "risk=high"], 2, "given twice"),
    (["device", "set", "D1", "state=grace"], 2, "grace_until="),
    (["device", "set", "D1", "override_until=+1d"], 2, "needs an override"),
    (["device", "set", "D1", "override_by=me"], 2, "by compliancectl itself"),
    (["device", "set", "D1", "last_checkin=2026-02-30"], 2, "2026-12-31"),
    (["device", "set", "D1", "last_checkin=yesterday"], 2, "Unix seconds"),
    (["device", "set", "D1", "owner=al*ce"], 2, "a user's name"),
    (["device", "set", "D1", "name=a\nb"], 2, r"name \"a\\nb\""),
    (["device", "set", "D1", "name=\x1b[2J"], 2, r"\\x1b\[2J"),
    (["device", "set", "D1", "name=" + "x" * 128], 2, "at most 127"),
    (["device", "set", "D1", "platform=a/b"], 2, "ios, android"),
    (["device", "set", "D1", "reasons=a,,b"], 2, "codes such as"),
    (["device", "set", "D1", "alias.foo=X"], 2, "eas, cert, serial or login"),
    (["device", "set", "D1", "alias.eas=A-B"], 2, "an EAS DeviceId"),
    (["device", "set", "D1", "alias.cert=abc"], 2, "64 hex digits"),
    (["device", "set", "D 1", "state=compliant"], 2, "no device id"),
    (["device", "set", "D" * 65, "state=compliant"], 2, "1 to 64"),
    (["device", "alias", "D1", "eas"], 2, "needs more"),
    (["device", "get", "D1", "D2"], 2, 'takes no "D2"'),
    (["user", "set", "a#b"], 2, "no user name"),
    (["user", "set", "alice", "groups=Sales"], 2, "comma-separated"),
    (["user", "set", "alice", "break_glass=maybe"], 2, "1 or 0"),
    (["user", "set", "alice", "locale=x"], 2, "de or pt-BR"),
    (["group", "set", "Sales"], 2, "no group name"),
    (["group", "set", "sales", "mod=off"], 2, 'did you mean "mode"'),
    (["group", "set", "sales", "mode=offline"], 2, "off, report or enforce"),
    (["group", "mode", "sales", "on"], 2, "off, report or enforce"),
    (["group", "set", "sales", "rollout_percent=101"], 2, "0 to 100"),
    (["group", "set", "sales", "exempt_networks=10.0.0.1/8"], 2,
     "10.0.0.0/8"),
    (["group", "set", "sales", "max_stale=1y"], 2, "7d, 2w"),
    (["explain", "--user", "a", "--device", "D1"], 2, "--protocol is missing"),
    (["explain", "--user", "a", "--protocol", "ftp"], 2, "it expects eas"),
    (["explain", "--protocol", "imap"], 2, "--user is missing"),
    (["explain", "--user", "a", "--protocol", "imap", "--device", "D1",
      "--binding", "strong"], 2, "asserted, secret or certificate"),
    (["explain", "--user", "a", "--protocol", "imap", "--cert", "xx"], 2,
     "64 hex digits"),
    (["explain", "--user", "a", "--protocol", "imap", "--address", "10.0/8"],
     2, "no IPv4 or IPv6"),
    (["explain", "--user", "a", "--protocol", "imap", "--at", "soon"], 2,
     "Unix seconds"),
    (["audit", "tail", "-n", "many"], 2, "is not a number"),
    (["audit"], 2, "One of: tail"),
    (["tag", "issue", "--user", "a", "--device", "D1"], 2,
     "--secret-file is missing"),
    (["devise", "get", "D1"], 2, 'did you mean "device get"'),
    (["frobnicate"], 2, "compliancectl help"),
    (["device", "get", "D1", "--limit", "3"], 2, "takes no --limit"),
    (["device", "list", "--limt", "3"], 2, "did you mean --limit"),
    (["device", "list", "--limit"], 2, "needs a value"),
    (["device", "list", "state=bad"], 2, "it expects compliant"),
    (["--prefix", "x" * 65, "device", "get", "D1"], 2, "at most 64"),
    (["--db", "x", "device", "get", "D1"], 2, "is not a number"),
]


@pytest.mark.parametrize("words, code, says", BAD,
                         ids=[" ".join(b[0])[:50] for b in BAD])
def test_bad_input_is_named_and_nothing_is_written(ctl, redis, words, code,
                                                   says):
    error = ctl(*words, code=code)
    assert re.search(says.replace("[", r"\[") if "\\" not in says else says,
                     error), error
    assert error.startswith("compliancectl: ")
    assert "\x1b" not in error
    assert written(redis) == 0 and redis.cmd("DBSIZE") == 0


def test_options_stand_anywhere_and_two_dashes_end_them(redis):
    ctl = Ctl(redis)
    address = f"unix:{redis.socket}"
    assert ctl("device", "set", "--redis", address, "D1", "state=compliant",
               "--json", redis=False).startswith('{"device":"D1"')
    assert ctl("device", "get", "D1", redis=False,
               env={"COMPLIANCE_REDIS": address})
    assert ctl("device", "get", f"--redis={redis.socket}", "--", "D1",
               redis=False)
    assert 'no device "-X"' in ctl("device", "get", "--", "-x", code=1)
    ctl("--prefix", "other:", "device", "get", "D1", code=1)
    ctl("--db", "3", "device", "get", "D1", code=1)


# The store says no


def test_no_redis_says_where_and_what_to_do(tmp_path):
    ctl = Ctl(None)
    for address in (f"unix:{tmp_path}/none.sock", "127.0.0.1:1"):
        error = ctl("--redis", address, "device", "get", "D1", code=3,
                    redis=False)
        assert address in error and "--redis unix:/path, host:port" in error


def test_a_frozen_redis_ends_in_the_timeout(ctl, redis):
    redis.process.signal(signal.SIGSTOP)
    try:
        begin = time.monotonic()
        error = ctl("--timeout", "200", "device", "set", "D1", code=3)
        assert time.monotonic() - begin < 2
        assert "within 200 ms" in error and "--timeout" in error
    finally:
        redis.process.signal(signal.SIGCONT)


def test_passwords_come_from_files_and_are_never_shown(redis, tmp_path):
    ctl = Ctl(redis)
    secret = tmp_path / "password"
    secret.write_text("canary-right\nsecond line\n")
    secret.chmod(0o600)
    redis.cmd("ACL", "SETUSER", "admin", "on", ">canary-right", "~*", "+@all")
    redis.cmd("ACL", "SETUSER", "default", "nopass", "-@all", "+ping")
    login = ("--redis-user", "admin", "--password-file", str(secret))
    assert "NOPERM" in ctl("device", "set", "D1", code=3)
    ctl(*login, "device", "set", "D1", "state=compliant")
    secret.write_text("canary-wrong\n")
    error = ctl(*login, "device", "get", "D1", code=3)
    assert "WRONGPASS" in error and "canary" not in error
    secret.write_text("\n")
    assert "is empty" in ctl(*login, "device", "get", "D1", code=2)
    assert "needs --password-file" in ctl("--redis-user", "admin", "device",
                                          "get", "D1", code=2)
    secret.write_text("canary-right\n")
    secret.chmod(0o644)
    done = ctl.run(*login, "device", "get", "D1")
    assert done.returncode == 0 and "chmod" in done.stderr


def test_a_redis_that_wants_a_password_says_so(tmp_path):
    redis = Redis(tmp_path / "redis", extra=["--requirepass", "x"])
    try:
        assert "--password-file" in Ctl(redis)("device", "get", "D1", code=3)
    finally:
        redis.stop()


def test_a_viewers_command_needs_no_right_to_write(ctl, redis):
    redis.seed()
    redis.cmd("XADD", "compliance:audit:gw1", "*", "r", "{}")
    redis.cmd("ACL", "SETUSER", "default", "resetkeys", "%R~*")
    for words in (("device", "get", "GOODPHONE"), ("device", "list"),
                  ("user", "get", "alice"), ("user", "list", "groups=sales"),
                  ("group", "get", "sales"), ("group", "list"),
                  ("audit", "tail"), ("explain", "--user", "alice",
                                      "--device", "GOODPHONE",
                                      "--protocol", "eas")):
        ctl(*words)
    assert "NOPERM" in ctl("device", "set", "GOODPHONE", "state=retired",
                           code=3)


def test_a_replica_is_not_written(ctl, redis):
    redis.cmd("REPLICAOF", "127.0.0.1", "1")
    assert "name the master" in ctl("device", "set", "D1", code=3)


def test_another_schema_is_not_touched(ctl, redis):
    redis.cmd("HSET", "compliance:meta", "schema", "2")
    before = written(redis)
    for words in (("device", "set", "D1", "state=compliant"),
                  ("group", "list"), ("explain", "--user", "a",
                                      "--protocol", "imap")):
        assert 'schema "2"' in ctl(*words, code=5)
    assert written(redis) == before


def test_a_key_of_another_type_stops_the_whole_write(ctl, redis):
    redis.cmd("SET", "compliance:index:owner:alice", "oops")
    before = written(redis)
    error = ctl("device", "set", "D1", "state=compliant", "owner=alice",
                "alias.eas=APPLX", code=5)
    assert "compliance:index:owner:alice" in error and "a string" in error
    assert written(redis) == before
    redis.cmd("SET", "compliance:device:D2", "oops")
    assert "redis-cli" in ctl("device", "set", "D2", "state=compliant",
                              code=5)
    assert redis.cmd("GET", "compliance:device:D2") == b"oops"


def test_a_full_redis_leaves_nothing_half_written(ctl, redis):
    redis.cmd("CONFIG", "SET", "maxmemory", "1")
    assert "maxmemory" in ctl("device", "set", "D1", "state=compliant",
                              "alias.eas=APPLX", code=3)
    assert redis.cmd("DBSIZE") == 0


def test_writers_at_the_same_time_lose_nothing(ctl, redis):
    fields = ["risk=low", "platform=ios", "model=M1", "name=N1",
              "os_version=17", "management=mdm", "alias.eas=A1",
              "alias.login=L1"]
    ctl("device", "set", "D1", "state=compliant")
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        done = list(pool.map(lambda f: ctl.run("device", "set", "D1", f),
                             fields))
    assert {d.returncode for d in done} == {0}, [d.stderr for d in done]
    shown = ctl.json("device", "get", "D1")
    assert {f.split("=")[0] for f in fields if "." not in f} <= set(shown)
    assert shown["aliases"] == {"eas": ["A1"], "login": ["L1"]}
    assert members(redis, "index:platform:ios") == {"D1"}


# Lists


def test_lists_filter_page_and_prove_what_an_index_says(ctl, redis):
    for i in range(7):
        ctl("device", "set", f"D{i}",
            "state=" + ("compliant" if i % 2 else "noncompliant"),
            "owner=alice")
    assert [d["id"] for d in ctl.json("device", "list")] \
        == [f"D{i}" for i in range(7)]
    assert [d["id"] for d in ctl.json("device", "list", "state=compliant",
                                      "owner=alice")] == ["D1", "D3", "D5"]
    done = ctl.run("device", "list", "--limit", "3", "--after", "D1")
    assert re.findall(r"^D\d", done.stdout, re.M) == ["D2", "D3", "D4"]
    assert "--after 'D4'" in done.stderr

    redis.cmd("SADD", "compliance:index:state:retired", "D0")
    assert ctl.json("device", "list", "state=retired") == []
    redis.device("RAW", state="retired")
    assert ctl.json("device", "list", "state=retired") == []
    assert [d["id"] for d in ctl.json("device", "list", "state=retired",
                                      "--scan")] == ["RAW"]
    assert ctl.run("user", "list").stderr == "none\n"


def test_a_long_list_comes_in_pages_each_row_once(ctl, redis):
    for i in range(700):
        redis.device(f"D{i:04}", state="compliant")
    rows = ctl.json("device", "list", "--limit", "0")
    assert [r["id"] for r in rows] == [f"D{i:04}" for i in range(700)]
    assert len(ctl("device", "list", "--limit", "0").splitlines()) == 701


def test_what_is_stored_cannot_move_the_cursor(ctl, redis):
    redis.device("D1", state=b"x\x1b[2J\xff", name="日本語",
                 model="a\u202eb\n", extra="\x07")
    shown = ctl("device", "get", "D1")
    assert "日本語" in shown and r"\x1b[2J\xff" in shown
    assert r"a\u{202e}b\n" in shown and r"\x07" in shown
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f\u202e]", shown)
    assert ctl.json("device", "get", "D1")["state"] == r"x\x1b[2J\xff"
    ctl("device", "list")


# explain


def verdict(answer):
    return answer["verdict"], answer["reason"]


def test_explain_judges_as_the_gateway_does(ctl, redis):
    redis.seed()
    cases = [
        ("alice", "GOODPHONE", "eas", ("allow", "compliant")),
        ("demo\\alice", "goodphone", "eas", ("allow", "compliant")),
        ("alice", "BADPHONE", "imap", ("block", "device_noncompliant")),
        ("alice", "GRACEPHONE", "eas", ("allow", "in_grace")),
        ("alice", "BOBPHONE", "eas", ("block", "owner_mismatch")),
        ("alice", "NEWPHONE", "eas", ("block", "device_unknown")),
        ("mallory", "GOODPHONE", "eas", ("block", "user_unknown")),
        ("carol", "CAROLPHONE", "ews", ("allow", "report_only")),
        ("breakglass", "BADPHONE", "eas", ("allow", "break_glass")),
        ("al*ce", "GOODPHONE", "eas", ("bad_request", "identity_malformed")),
    ]
    for user, device, protocol, expected in cases:
        answer = ctl.explain("--user", user, "--device", device,
                             "--protocol", protocol)
        assert verdict(answer) == expected, (user, device)
    answer = ctl.explain("--user", "carol", "--device", "CAROLPHONE",
                         "--protocol", "ews")
    assert answer["would_block"] \
        and answer["would_reason"] == "device_noncompliant"


def test_explain_shows_the_way_to_the_verdict(ctl, redis):
    redis.seed()
    redis.alias("eas", "APPLX", "BADPHONE")
    text = ctl("explain", "--user", "alice@example.com", "--device", "ApplX",
               "--protocol", "eas")
    assert re.match(r"verdict +block\nreason +device_noncompliant: ", text)
    assert re.search(r"^group +sales \(enforce\)$", text, re.M)
    assert re.search(r"^ +alias:eas:APPLX +-> BADPHONE$", text, re.M)
    assert re.search(r"^ +alias:user:alice@example.com +-> alice$", text,
                     re.M)
    assert re.search(r"^sales +enforce +yes +yes +block", text, re.M)
    assert "group default: mode enforce, unknown_user block" in text
    answer = ctl.explain("--user", "alice@example.com", "--device", "ApplX",
                         "--protocol", "eas")
    assert answer["facts"]["device"]["id"] == "BADPHONE"
    assert answer["facts"]["user"]["name"] == "alice"
    group, = answer["groups"]
    assert group | {"group": "sales", "mode": "enforce", "in_scope": True,
                    "enforced": True, "verdict": "block", "decided": True,
                    "reason": "device_noncompliant"} == group
    assert answer["default_group"]["unknown_user"] == "block"


def test_explain_names_what_the_device_fails_at(ctl, redis):
    redis.seed()
    words = ("--user", "alice", "--device", "BADPHONE", "--protocol", "eas")
    answer = ctl.explain(*words)
    assert answer["facts"]["device"]["reasons"] == "os_outdated,encryption_off"
    assert "os_outdated,encryption_off" in ctl("explain", *words)


def test_explain_judges_at_another_time(ctl, redis):
    redis.seed()
    words = ("--user", "alice", "--device", "GRACEPHONE", "--protocol", "eas")
    now = ctl.explain(*words)
    assert now["warn"] and now["deadline"] > time.time()
    later = ctl.explain(*words, "--at", "+3d")
    assert verdict(later) == ("block", "device_noncompliant")


def test_explain_knows_bindings_addresses_and_clients(ctl, redis):
    redis.seed()
    redis.group("sales", min_binding="certificate")
    words = ("--user", "alice", "--device", "GOODPHONE", "--protocol", "imap")
    assert verdict(ctl.explain(*words)) == ("block", "binding_too_weak")
    assert "no certificate on record" in ctl("explain", *words, "--binding",
                                             "certificate", code=1)
    ctl("device", "alias", "GOODPHONE", "cert", CERT)
    for proof in (("--binding", "certificate"), ("--cert", CERT)):
        assert verdict(ctl.explain(*words, *proof)) == ("allow", "compliant")
    redis.group("sales", min_binding="secret")
    assert ctl.explain(*words, "--binding", "secret")["verdict"] == "allow"
    redis.group("sales", min_binding="owner",
                exempt_networks="10.0.0.0/8", allowed_clients="Outlook*")
    bad = ("--user", "alice", "--device", "BADPHONE", "--protocol", "eas")
    assert verdict(ctl.explain(*bad, "--address", "10.1.2.3")) \
        == ("allow", "exempt_network")
    assert ctl.explain(*bad, "--address", "2001:db8::1")["reason"] \
        == "client_not_allowed"
    assert ctl.explain(*bad, "--client-type", "OutlookX")["reason"] \
        == "device_noncompliant"


def test_explain_knows_the_web(ctl, redis):
    redis.seed()
    redis.group("sales", unknown_user="block")
    ctl("device", "alias", "GOODPHONE", "cert", CERT)
    answer = ctl.explain("--protocol", "web", "--cert", CERT)
    assert verdict(answer) == ("allow", "compliant")
    assert answer["facts"]["user"]["name"] == "alice"
    assert verdict(ctl.explain("--protocol", "web")) \
        == ("block", "device_unknown")
    login = ctl.explain("--protocol", "web", "--cert", CERT, "--user", "bob")
    assert verdict(login) == ("block", "owner_mismatch")
    rescue = ctl.explain("--protocol", "web", "--user", "breakglass")
    assert rescue["verdict"] == "block" and not rescue["break_glass"]
    assert ctl.explain("--protocol", "autodiscover", "--user",
                       "alice")["request"]["device_free"]


def test_explain_tells_what_is_unreadable(ctl, redis):
    redis.seed()
    redis.group("sales", mode="ENFORCED")
    redis.user("alice", groups="sales,ghost")
    done = ctl.run("explain", "--user", "alice", "--device", "BADPHONE",
                   "--protocol", "eas")
    assert done.returncode == 0
    assert 'group "sales" has 1 unreadable value' in done.stderr
    assert 'group "ghost" is not recorded' in done.stderr
    assert "unreadable: the strictest holds" in ctl("group", "get", "sales")


# audit


def audit_line(**fields):
    base = {"v": 1, "lane": "x", "seq": 1, "verdict": "block",
            "reason": "device_noncompliant", "would_block": None,
            "group": "sales", "user": "alice", "device": "BADPHONE",
            "protocol": "eas", "client": "127.0.0.1", "command": "Sync",
            "id": "abcdefghijklmnop"}
    return json.dumps({**base, **fields})


def test_audit_tail_shows_the_last_records_of_all_nodes(ctl, redis):
    assert "no audit records yet" in ctl.run("audit", "tail").stderr
    for i in range(5):
        redis.cmd("XADD", f"compliance:audit:gw{i % 2}", f"{1000 + i}000-0",
                  "r", audit_line(user=f"user{i}\u202e\n"))
    lines = ctl("audit", "tail", "-n", "3").splitlines()
    assert [re.search(r"user=(user\d)", x)[1] for x in lines] \
        == ["user2", "user3", "user4"]
    assert lines[0].startswith("1970-01-01T00:16:42Z gw0 block "
                               "device_noncompliant group=sales")
    assert r"user2\u{202e}\n" in lines[0]
    assert len(ctl("audit", "tail", "--node", "gw0").splitlines()) == 3
    assert 'node "gw9"' in ctl("audit", "tail", "--node", "gw9", code=1)
    raw = ctl("audit", "tail", "--json", "-n2").splitlines()
    assert raw == [audit_line(user=f"user{i}\u202e\n") for i in (3, 4)]


def test_audit_tail_shows_gaps_would_blocks_and_rubbish(ctl, redis):
    for text in (audit_line(verdict="allow", reason="report_only",
                            would_block="device_unknown"),
                 json.dumps({"v": 1, "dropped": 17}), "rubbish\x1b"):
        redis.cmd("XADD", "compliance:audit:gw1", "*", "r", text)
    would, gap, rubbish = ctl("audit", "tail").splitlines()
    assert "allow report_only would_block=device_unknown" in would
    assert "17 records were lost" in gap
    assert r"unreadable record: rubbish\x1b" in rubbish


def test_audit_tail_follows(ctl, redis, tmp_path):
    redis.cmd("XADD", "compliance:audit:gw1", "*", "r", audit_line(user="old"))
    out = tmp_path / "out"
    with open(out, "wb") as file:
        process = subprocess.Popen(
            [CTL, "--redis", redis.socket, "audit", "tail", "-f", "-n0"],
            stdout=file, stderr=subprocess.STDOUT)
    try:
        wait_until("it waits for records", lambda: b"xread" in
                   redis.cmd("CLIENT", "LIST"))
        redis.cmd("XADD", "compliance:audit:gw1", "*", "r",
                  audit_line(user="new"))
        wait_until("the record is shown",
                   lambda: "user=new" in out.read_text())
        assert "user=old" not in out.read_text()
    finally:
        process.terminate()
        process.wait()


# Login tags, help


def test_a_login_tag_is_signed_without_redis(tmp_path):
    ctl = Ctl(None)
    secret = tmp_path / "secret"
    secret.write_text("# keys\n7 " + "5e" * 32 + "\n")
    words = ("tag", "issue", "--device", "applx", "--secret-file",
             str(secret), "--user")
    tag = ctl(*words, "Alice", redis=False).strip()
    assert re.fullmatch(r"alice#APPLX\.[A-Za-z0-9_-]{24}", tag)
    assert ctl(*words, "alice", redis=False).strip() == tag
    assert ctl(*words, "bob", redis=False).strip()[3:] != tag[5:]
    secret.write_text("7 5e5e\n")
    error = ctl(*words, "alice", code=2, redis=False)
    assert "line 1" in error and "5e5e" not in error


def test_every_command_is_in_the_help_and_in_the_reference():
    ctl = Ctl(None)
    overview = ctl("help", redis=False)
    reference = (ROOT / "docs/cli.md").read_text()
    table = (ROOT / "ngx_compliance_module/ctl/commands.c").read_text()
    commands = re.findall(r'^    \{ "([a-z ]+)", "', table, re.M)
    assert len(commands) > 20
    for command in commands:
        assert f"\n  {command} " in overview
        assert f"`{command}" in reference, command
        shown = ctl(*command.split(), "--help", redis=False)
        assert shown.startswith(f"usage: compliancectl {command}")
        assert ctl("help", *command.split(), redis=False) == shown
    options = re.findall(r'^    \[CTL_OPT_\w+\] = \{ "([a-z-]+)"',
                         (ROOT / "ngx_compliance_module/ctl/options.c")
                         .read_text(), re.M)
    for option in options:
        assert f"--{option}" in reference, option


def test_every_field_is_in_the_data_model():
    ctl = Ctl(None)
    reference = (ROOT / "docs/data-model.md").read_text()
    for noun in ("device", "user", "group"):
        text = ctl(noun, "set", "--help", redis=False)
        fields = re.findall(r"^  ([a-z_]+)  ", text.split("Options")[0], re.M)
        assert len(fields) > 4
        for field in set(fields) - {"alias"}:
            assert f"`{field}`" in reference, field


def test_a_closed_output_is_an_error(ctl, redis):
    redis.seed()
    with open("/dev/full", "w") as full:
        done = subprocess.run([CTL, "--redis", redis.socket, "device", "list"],
                              stdout=full, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 3 and "cannot write" in done.stderr


@pytest.mark.parametrize("reply, says", [
    (b"", "lost Redis"),
    (b"HTTP/1.1 400 Bad Request\r\n\r\n", "lost Redis"),
    (b"*2\r\n$1\r\na\r\n$1\r\nb\r\n", "is it Redis?"),
    (b"-LOADING Redis is loading the dataset in memory\r\n", "try again"),
    (b"-ERR \x1b[2J\r\n", r"\x1b[2J"),
    (b"$-1\r\n", "lost Redis"),
])
def test_whatever_answers_in_place_of_redis(reply, says):
    server = socket.create_server(("127.0.0.1", 0))

    def answer():
        connection, _ = server.accept()
        with connection:
            connection.recv(4096)
            connection.sendall(reply)

    thread = threading.Thread(target=answer)
    thread.start()
    try:
        error = Ctl(None)(
            "--redis", f"127.0.0.1:{server.getsockname()[1]}", "group", "get",
            "sales", code=5 if "is it" in says else 3, redis=False)
        assert says in error and "\x1b" not in error
    finally:
        thread.join()
        server.close()
