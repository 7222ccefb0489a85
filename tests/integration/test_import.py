"""Imports into a real Redis: what becomes of a record, what a full list retires,
what stops and asks, and that an import that was killed arrives where an
undisturbed one does."""

import json
import os
import pathlib
import random
import re
import signal
import subprocess
import sys
import threading
import time

import pytest

from harness import CTL as BUILT, Redis
from test_ctl import Ctl, members, record

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "bench"))
import devices as fleet  # noqa: E402

CTL = os.environ.get("CTL_UNDER_TEST", BUILT)
T = 1795425048


@pytest.fixture
def ctl(redis):
    return Ctl(redis)


def lines(path, *records):
    path.write_text("".join(json.dumps(r) + "\n" for r in records))
    return str(path)


def device(n, **more):
    return {"id": f"dev-{n}", "owner": f"user{n}", "eas": f"APPL{n}",
            "platform": "iOS", "state": "compliant", "updated": T, **more}


def run(ctl, path, *options, code=0, kind="json", stdin=None):
    done = subprocess.run(
        [CTL, "--redis", f"unix:{ctl.redis.socket}", "import", kind, path,
         "--json", *options], capture_output=True, text=True, timeout=120,
        env={"PATH": os.environ["PATH"], "USER": "tester"}, input=stdin,
        )
    assert done.returncode == code, (done.stdout, done.stderr)
    report = json.loads(done.stdout) if done.stdout else None
    return report, done.stderr


def dump(redis, without=("compliance:meta", "compliance:undo")):
    """Everything in Redis, but when and by whom the import was run."""
    state = {}
    for key in sorted(redis.cmd("KEYS", "*")):
        if key.decode() in without or key.startswith(b"compliance:audit:"):
            continue
        kind = redis.cmd("TYPE", key)
        if kind == b"hash":
            flat = redis.cmd("HGETALL", key)
            state[key] = dict(zip(flat[::2], flat[1::2]))
        elif kind == b"set":
            state[key] = set(redis.cmd("SMEMBERS", key))
        else:
            state[key] = redis.cmd("GET", key)
    return state


# What becomes of a record


def test_a_device_is_written_with_indexes_aliases_and_inventory(
        ctl, redis, tmp_path):
    report, err = run(ctl, lines(tmp_path / "a", {
        "id": "6f24cad5-99a5", "owner": "Alice@Example.com",
        "eas": ["applx1", "APPLY1"], "serial": "C02XG2JHK7", "cert": "AB" * 32,
        "login": "tag-1", "platform": "iPadOS", "os_version": "17.5",
        "model": "iPad", "name": "Alice's iPad", "management": "mdm",
        "risk": "low", "state": "noncompliant",
        "reasons": ["os_outdated", "no_passcode"],
        "last_checkin": "2026-11-23T09:10:00.1234567Z",
        "updated": "2026-11-23T10:10:48+01:00", "inventory": {"encrypted": True},
        "custom": 7}))
    assert err == "" and report["created"] == 1 and report["refused"] == 0
    key = "6F24CAD5-99A5"
    assert record(redis, f"device:{key}") == {
        "state": "noncompliant", "owner": "alice@example.com",
        "reasons": "os_outdated,no_passcode", "risk": "low",
        "management": "mdm", "platform": "ipados", "os_version": "17.5",
        "model": "iPad", "name": "Alice's iPad",
        "last_checkin": "1795425000", "mdm_state": "noncompliant",
        "noncompliant_since": str(T), "source": "json", "updated": str(T)}
    inventory = json.loads(redis.cmd("GET", f"compliance:inventory:{key}"))
    assert inventory["encrypted"] is True and inventory["custom"] == 7
    assert inventory["os_version"] == "17.5"
    assert inventory["mdm_reasons"] == "os_outdated,no_passcode"
    for index in ("state:noncompliant", "owner:alice@example.com",
                  "platform:ipados", "source:json"):
        assert members(redis, f"index:{index}") == {key}
    names = {"eas:APPLX1", "eas:APPLY1", "serial:C02XG2JHK7",
             "cert:" + "ab" * 32, "login:TAG-1"}
    assert members(redis, f"index:alias_of:{key}") == names
    for name in names:
        assert redis.cmd("GET", f"compliance:alias:{name}") == key.encode()
    assert redis.cmd("OBJECT", "ENCODING",
                     f"compliance:device:{key}") == b"listpack"
    meta = json.loads(redis.cmd("HGET", "compliance:meta", "import:json"))
    assert meta["created"] == 1 and meta["by"] == "tester"
    assert "device delete" not in err
    ctl("device", "delete", key)
    assert redis.cmd("KEYS", "*alias*") == []


def test_an_unchanged_record_is_not_written(ctl, redis, tmp_path):
    run(ctl, lines(tmp_path / "a", device(1), device(2)))
    before = dump(redis)
    # a later time alone changes nothing
    report, _ = run(ctl, lines(tmp_path / "b", device(1, updated=T + 9),
                               device(2)))
    assert report["unchanged"] == 2 and report["changed"] == 0
    assert dump(redis) == before
    report, _ = run(ctl, lines(tmp_path / "c", device(1, updated=T + 9,
                                                      name="new")))
    assert report["changed"] == 1
    assert record(redis, "device:DEV-1")["updated"] == str(T + 9)


def test_older_never_overwrites_newer(ctl, redis, tmp_path):
    run(ctl, lines(tmp_path / "a", device(1, name="new")))
    before = dump(redis)
    report, _ = run(ctl, lines(tmp_path / "b", device(
        1, name="old", updated=T - 1, state="noncompliant", eas="OTHER1")))
    assert report["older"] == 1 and report["changed"] == 0
    assert dump(redis) == before


def test_a_time_to_come_holds_off_no_later_word_and_no_end_of_grace(
        ctl, redis, tmp_path):
    far = int(time.time()) + 3000 * 86400
    policy = tmp_path / "p.json"
    policy.write_text(json.dumps({
        "name": "p", "grace_days": 7, "require": [
            {"attribute": "ok", "equals": True, "reason": "not_ok"}]}))
    ctl("policy", "apply", str(policy), "--yes")
    run(ctl, lines(tmp_path / "a", device(1, updated=far, ok=False)))
    after = record(redis, "device:DEV-1")
    assert after["state"] == "grace"
    for field, most in (("updated", 0), ("noncompliant_since", 0),
                        ("grace_until", 7 * 86400)):
        assert int(after[field]) <= time.time() + most, field
    # nor where it stands in the store already
    redis.cmd("HSET", "compliance:device:DEV-1", "updated", far,
              "noncompliant_since", far, "state", "compliant")
    report, _ = run(ctl, lines(tmp_path / "b", device(1, ok=False)))
    assert report["older"] == 0
    after = record(redis, "device:DEV-1")
    assert int(after["noncompliant_since"]) <= time.time()
    assert after["state"] != "compliant"
    assert int(after.get("grace_until", 0)) <= time.time() + 7 * 86400


def test_of_a_device_twice_in_one_source_the_newer_one_holds(
        ctl, redis, tmp_path):
    path = lines(tmp_path / "a", device(1, name="first"),
                 device(1, name="newer", updated=T + 2),
                 device(1, name="older", updated=T + 1))
    report, _ = run(ctl, path, "--full")
    assert report["older"] == 1
    assert record(redis, "device:DEV-1")["name"] == "newer"
    before = dump(redis)
    run(ctl, path, "--full")
    assert dump(redis) == before
    # of the same time the last one, however often it is run
    path = lines(tmp_path / "b", device(2, name="first"),
                 device(2, name="last"))
    for _ in range(3):
        run(ctl, path)
        assert record(redis, "device:DEV-2")["name"] == "last"


def test_an_override_is_never_touched(ctl, redis, tmp_path):
    run(ctl, lines(tmp_path / "a", device(1)))
    ctl("device", "set", "DEV-1", "override=block", "override_until=+7d")
    fields = ("override", "override_until", "override_by")
    before = {f: record(redis, "device:DEV-1")[f] for f in fields}
    run(ctl, lines(tmp_path / "b", device(1, updated=T + 5, name="x")))
    run(ctl, lines(tmp_path / "c", device(9)), "--full", "--yes")
    after = record(redis, "device:DEV-1")
    assert after["state"] == "retired"
    assert {f: after[f] for f in fields} == before


def test_what_the_source_does_not_say_stays(ctl, redis, tmp_path):
    run(ctl, lines(tmp_path / "a", device(1, name="phone", risk="high")))
    run(ctl, lines(tmp_path / "b", {"id": "dev-1", "updated": T + 1,
                                    "os_version": "18"}))
    stored = record(redis, "device:DEV-1")
    assert stored["name"] == "phone" and stored["risk"] == "high"
    assert stored["state"] == "compliant" and stored["os_version"] == "18"
    run(ctl, lines(tmp_path / "c", {"id": "dev-1", "updated": T + 2,
                                    "risk": "unknown"}))
    assert "risk" not in record(redis, "device:DEV-1")


def test_the_day_noncompliance_began_is_kept(ctl, redis, tmp_path):
    def since():
        return record(redis, "device:DEV-1").get("noncompliant_since")

    run(ctl, lines(tmp_path / "a", device(1, state="noncompliant")))
    assert since() == str(T)
    run(ctl, lines(tmp_path / "b", device(1, state="noncompliant", name="x",
                                          updated=T + 99)))
    assert since() == str(T)
    run(ctl, lines(tmp_path / "c", device(1, updated=T + 100)))
    assert since() is None
    run(ctl, lines(tmp_path / "d", device(1, state="noncompliant",
                                          updated=T + 200)), "--yes")
    assert since() == str(T + 200)


def test_the_policies_judge_what_comes_in(ctl, redis, tmp_path):
    policy = {"name": "base", "platforms": ["ios"], "grace_days": 7,
              "require": [{"attribute": "encrypted", "equals": True,
                           "reason": "encryption_off"}]}
    redis.cmd("SADD", "compliance:policies", "base")
    redis.cmd("SET", "compliance:policy:base", json.dumps(policy))
    run(ctl, lines(tmp_path / "a", device(1, encrypted=True),
                   device(2, encrypted=False)))
    assert record(redis, "device:DEV-1")["state"] == "compliant"
    bad = record(redis, "device:DEV-2")
    assert bad["state"] == "grace" and bad["reasons"] == "encryption_off"
    assert bad["policy"] == "base" and bad["mdm_state"] == "compliant"
    assert bad["grace_until"] == str(T + 7 * 86400)
    # a delta without inventory is judged by what is stored
    run(ctl, lines(tmp_path / "b", {"id": "dev-2", "updated": T + 86400,
                                    "name": "x"}))
    again = record(redis, "device:DEV-2")
    assert again["state"] == "grace" and again["name"] == "x"
    assert again["grace_until"] == bad["grace_until"]
    redis.cmd("SET", "compliance:policy:base", "{")
    _, err = run(ctl, str(tmp_path / "a"), code=5)
    assert '"base" cannot be read' in err


def test_an_owner_is_led_home_through_his_aliases(ctl, redis, tmp_path):
    ctl("user", "set", "alice", "alias=alice@example.com,demo\\alice")
    run(ctl, lines(tmp_path / "a", device(1, owner="Alice@Example.com"),
                   device(2, owner="DEMO\\Alice"), device(3, owner="alice"),
                   device(4, owner="nobody@example.com")))
    assert [record(redis, f"device:DEV-{n}")["owner"] for n in (1, 2, 3, 4)] \
        == ["alice", "alice", "alice", "nobody@example.com"]
    assert members(redis, "index:owner:alice") == {"DEV-1", "DEV-2", "DEV-3"}


def test_long_texts_are_cut_between_characters(ctl, redis, tmp_path):
    run(ctl, lines(tmp_path / "a", device(
        1, name="ä" * 40, model="x" * 63 + "ä", os_version="1\n2")))
    stored = record(redis, "device:DEV-1")
    assert stored["name"] == "ä" * 32 and stored["model"] == "x" * 63
    assert stored["os_version"] == "1?2"


# Names


def test_a_name_is_not_taken_from_another_device(ctl, redis, tmp_path):
    ctl("device", "set", "HAND", "state=compliant", "alias.eas=APPL1")
    report, err = run(ctl, lines(tmp_path / "a", device(1), device(2)))
    assert report["refused"] == 1 and report["created"] == 1
    assert 'line 1: refused: its eas name "APPL1" belongs to device "HAND"' \
        in err
    assert redis.cmd("GET", "compliance:alias:eas:APPL1") == b"HAND"
    assert redis.cmd("EXISTS", "compliance:device:DEV-1") == 0


def test_a_name_that_is_a_devices_id_is_refused(ctl, redis, tmp_path):
    ctl("device", "set", "APPL1", "state=compliant")
    report, err = run(ctl, lines(tmp_path / "a", device(1)))
    assert report["refused"] == 1 and "is the id of another device" in err
    ctl("device", "set", "X", "state=compliant", "alias.serial=DEV-2")
    report, err = run(ctl, lines(tmp_path / "b", device(2)))
    assert report["refused"] == 1 and 'belongs to device "X"' in err


@pytest.mark.parametrize("apart", [1, 500])
def test_two_devices_of_a_source_with_one_name(ctl, redis, tmp_path, apart):
    report, err = run(ctl, lines(
        tmp_path / "a", device(1, serial="SERIAL9"),
        *(device(n) for n in range(2, 2 + apart)),
        device(9999, serial="serial9")))
    assert report["refused"] == 1 and report["created"] == apart + 1
    assert "SERIAL9" in err
    assert redis.cmd("GET", "compliance:alias:serial:SERIAL9") == b"DEV-1"
    assert redis.cmd("EXISTS", "compliance:device:DEV-9999") == 0


def test_serial_numbers_that_are_none_do_not_matter(ctl, redis, tmp_path):
    report, _ = run(ctl, lines(
        tmp_path / "a", *(device(n, serial=s) for n, s in enumerate(
            ("0", "0", "Unknown", "unknown", "0000000", "To be filled", "n/a",
             "System Serial Number", "System Serial Number")))))
    assert report["refused"] == 0
    assert redis.cmd("KEYS", "*alias:serial*") == []


def test_a_name_moves_from_a_device_that_is_gone(ctl, redis, tmp_path):
    """A phone that was enrolled anew has a new id at the MDM, and its old
    DeviceId."""
    run(ctl, lines(tmp_path / "a", device(1, eas="PHONE"), device(2)),
        "--full")
    # a part of the list cannot know that the old one is gone
    report, err = run(ctl, lines(tmp_path / "b", device(3, eas="PHONE")))
    assert report["refused"] == 1 and 'belongs to device "DEV-1"' in err
    # the whole list does
    report, err = run(ctl, lines(tmp_path / "c", device(3, eas="PHONE"),
                                 device(2)), "--full", "--yes")
    assert err == "" and report["created"] == 1 and report["retired"] == 1
    assert redis.cmd("GET", "compliance:alias:eas:PHONE") == b"DEV-3"
    assert members(redis, "index:alias_of:DEV-3") == {"eas:PHONE"}
    assert members(redis, "index:alias_of:DEV-1") == set()
    # and a retired one gives it away at once
    run(ctl, lines(tmp_path / "d", device(4, eas="APPL2"), device(3)),
        "--full", "--yes")
    report, err = run(ctl, lines(tmp_path / "e", device(5, eas="APPL2")))
    assert report["refused"] == 1       # DEV-4 has it now, and lives


# Full and delta


def test_a_full_list_retires_what_it_no_longer_has(ctl, redis, tmp_path):
    everything = [device(n) for n in range(20)]
    run(ctl, lines(tmp_path / "a", *everything), "--full")
    ctl("device", "set", "HAND", "state=compliant")
    report, _ = run(ctl, lines(tmp_path / "b", *everything[:-1]))
    assert report["retired"] == 0       # delta is the default
    report, _ = run(ctl, str(tmp_path / "b"), "--full")
    assert report["retired"] == 1
    assert report["retired_devices"] == ["DEV-19"]
    gone = record(redis, "device:DEV-19")
    assert gone["state"] == "retired" and gone["reasons"] == "vanished"
    assert gone["updated"] == str(T)    # the source has said nothing new
    assert members(redis, "index:state:retired") == {"DEV-19"}
    assert record(redis, "device:HAND")["state"] == "compliant"
    # again: it is retired already
    report, _ = run(ctl, str(tmp_path / "b"), "--full")
    assert report["retired"] == 0 and report["unchanged"] == 19
    # it comes back
    report, _ = run(ctl, str(tmp_path / "a"), "--full")
    assert report["returned"] == 1 and report["changed"] == 1
    assert record(redis, "device:DEV-19")["state"] == "compliant"
    assert "reasons" not in record(redis, "device:DEV-19")


def test_sources_do_not_retire_each_others_devices(ctl, redis, tmp_path):
    run(ctl, lines(tmp_path / "a", device(1)), "--source", "north")
    run(ctl, lines(tmp_path / "b", device(2)), "--source", "south", "--full")
    assert record(redis, "device:DEV-1")["state"] == "compliant"
    assert members(redis, "index:source:north") == {"DEV-1"}
    _, err = run(ctl, str(tmp_path / "a"), "--source", "No Name", code=2)
    assert "is no name" in err


@pytest.mark.parametrize("text", [
    '[%s, {"id": "dev', '{"value": [%s]', "[%s,\n{]\n",
    '{"value": [%s], "@odata.nextLink":'])
def test_a_source_that_breaks_off_retires_nothing(ctl, redis, tmp_path, text):
    run(ctl, lines(tmp_path / "a", *(device(n) for n in range(20))), "--full")
    (tmp_path / "b").write_text(text % json.dumps(device(
        1, updated=T + 1, name="came")))
    report, err = run(ctl, str(tmp_path / "b"), "--full", "--yes", code=5)
    assert "the source is broken" in err and "no device was retired" in err
    assert report["complete"] is False and report["retiring_skipped"] is True
    assert report["retired"] == 0
    assert record(redis, "device:DEV-1")["name"] == "came"
    assert members(redis, "index:state:retired") == set()


def test_a_record_without_a_readable_id_retires_nothing(ctl, redis, tmp_path):
    run(ctl, lines(tmp_path / "a", *(device(n) for n in range(20))), "--full")
    for bad in ("{broken", '{"id": "no id"}', '{"name": "x"}', "[1]"):
        (tmp_path / "b").write_text(json.dumps(device(1)) + "\n" + bad + "\n")
        report, err = run(ctl, str(tmp_path / "b"), "--full", "--yes")
        assert report["retired"] == 0 and report["refused"] == 1, bad
        assert "line 2: refused: " in err and "no device was retired" in err
    # one that is refused for its values is still there
    (tmp_path / "b").write_text(json.dumps(device(1, risk="enormous")) + "\n")
    report, err = run(ctl, str(tmp_path / "b"), "--full", "--yes")
    assert report["retired"] == 19 and report["refused"] == 1
    assert record(redis, "device:DEV-1")["state"] == "compliant"


@pytest.mark.parametrize("text", ["", " \n", "<html>no</html>"])
def test_nothing_is_no_list(ctl, redis, tmp_path, text):
    run(ctl, lines(tmp_path / "a", *(device(n) for n in range(20))), "--full")
    (tmp_path / "b").write_text(text)
    report, err = run(ctl, str(tmp_path / "b"), "--full", "--yes", code=5)
    assert report["retired"] == 0 and "the source is broken" in err


# --max-change


def test_an_import_that_changes_too_much_stops_before_it_writes(
        ctl, redis, tmp_path):
    run(ctl, lines(tmp_path / "a", *(device(n) for n in range(20))), "--full")
    before = dump(redis, without=())
    # 2 retired and 1 blocked of 20 are 15 %
    path = lines(tmp_path / "b", *(device(n, updated=T + 1,
                                          state="noncompliant" if n == 0
                                          else "compliant")
                                   for n in range(18)))
    report, err = run(ctl, path, "--full", code=4)
    assert report is None
    assert "would retire 2 and newly block 1 of 20" in err
    assert "nothing was written" in err and "--yes" in err
    assert dump(redis, without=()) == before
    report, _ = run(ctl, path, "--full", "--dry-run")
    assert report["retired"] == 2 and report["newly_blocked"] == 1
    assert report["dry_run"] is True
    assert sorted(report["retired_devices"]) == ["DEV-18", "DEV-19"]
    assert dump(redis, without=()) == before
    run(ctl, path, "--full", "--max-change", "14", code=4)
    assert dump(redis, without=()) == before
    report, _ = run(ctl, path, "--full", "--max-change", "15")
    assert report["retired"] == 2 and report["newly_blocked"] == 1


def test_an_empty_list_does_not_retire_a_fleet(ctl, redis, tmp_path):
    run(ctl, lines(tmp_path / "a", *(device(n) for n in range(20))), "--full")
    (tmp_path / "b").write_text("[]")
    _, err = run(ctl, str(tmp_path / "b"), "--full", code=4)
    assert "would retire 20" in err
    report, _ = run(ctl, str(tmp_path / "b"), "--full", "--yes")
    assert report["retired"] == 20


def test_stdin_is_looked_at_before_it_is_written_too(ctl, redis, tmp_path):
    text = "".join(json.dumps(device(n)) + "\n" for n in range(20))
    report, _ = run(ctl, "-", "--full", stdin=text)
    assert report["created"] == 20
    part = "".join(text.splitlines(keepends=True)[:10])
    _, err = run(ctl, "-", "--full", stdin=part, code=4)
    assert "would retire 10" in err
    bad = text.replace("compliant", "noncompliant")
    _, err = run(ctl, "-", stdin=bad.replace(str(T), str(T + 1)), code=4)
    assert "newly block 20" in err
    report, _ = run(ctl, "-", "--yes",
                    stdin=bad.replace(str(T), str(T + 1)))
    assert report["changed"] == 20 and report["newly_blocked"] == 20


# Broken records, formats


def test_a_broken_record_is_told_with_its_place_and_the_rest_goes_in(
        ctl, redis, tmp_path):
    good = [json.dumps(device(n)) for n in range(5)]
    (tmp_path / "a").write_text("\n".join(
        [good[0], '{"id": "dev-1", "name": "cut', good[1], "", "nonsense",
         good[2], '{"id": "x", "state": "maybe"}',
         '{"id": "y", "updated": "soon"}', '{"id": "z", "eas": "a-b"}',
         '{"id": "w", "owner": "a*"}', good[3]]) + "\n")
    report, err = run(ctl, str(tmp_path / "a"))
    assert report["created"] == 4 and report["refused"] == 6
    assert set(re.findall(r"line (\d+): refused", err)) \
        == {"2", "5", "7", "8", "9", "10"}
    page = '{"value": [%s, {bad}, %s]}' % (good[0], good[4])
    (tmp_path / "b").write_text('{"value": [%s]}\n' % good[1] + page)
    report, err = run(ctl, str(tmp_path / "b"))
    assert report["created"] == 1 and report["unchanged"] == 2
    assert "page 2, record 2: refused: it is no JSON" in err


def test_many_refused_records_do_not_flood_the_terminal(ctl, tmp_path):
    path = lines(tmp_path / "a", *({"id": f"x {n}"} for n in range(100)))
    report, err = run(ctl, path)
    assert report["refused"] == 100 and err.count("refused:") == 20
    assert "--verbose" in err
    _, err = run(ctl, path, "--verbose")
    assert err.count("refused:") == 100


def test_the_same_devices_in_every_format(ctl, redis, tmp_path):
    everything = [device(n, name="a, \"b\"\nc") for n in range(300)]
    texts = {
        "lines": "\n".join(json.dumps(d) for d in everything),
        "array": json.dumps(everything),
        "pretty": json.dumps(everything, indent=2),
        "pages": "".join(json.dumps({"value": everything[n:n + 100],
                                     "@odata.count": 100})
                         for n in (0, 100, 200)),
        "values": "\n".join(json.dumps(d, indent=1) for d in everything),
    }
    dumps = []
    for name, text in texts.items():
        redis.cmd("FLUSHALL")
        (tmp_path / name).write_text(text)
        report, err = run(ctl, str(tmp_path / name))
        assert report["created"] == 300 and err == "", name
        dumps.append(dump(redis))
    assert all(d == dumps[0] for d in dumps)


def test_csv(ctl, redis, tmp_path):
    (tmp_path / "a").write_bytes(
        b"\xef\xbb\xbfDevice ID;Owner;Serial Number;State;Updated;Encrypted;"
        b"Comment\r\n"
        b"d1;alice;SN0001;compliant;1795425048;yes;\"a;\"\"b\"\"\r\nc\"\r\n"
        b"d2;bob;SN0002;maybe;;no;\r\n"
        b"\r\n"
        b"d3;bob;SN0003\r\n"
        b"d4;\"bob;SN0004;compliant;;no;\r\n"
        b"d5;bob;SN0005;noncompliant;2026-11-23 09:10:48;no;007\r\n")
    _, err = run(ctl, str(tmp_path / "a"), kind="csv", code=2)
    assert "no column is the device's id" in err and "--map" in err
    mapping = ("--map", "Device ID=id,Serial Number=serial")
    report, err = run(ctl, str(tmp_path / "a"), *mapping, kind="csv")
    assert report["created"] == 2 and report["refused"] == 3
    assert set(re.findall(r"line (\d+): refused", err)) == {"4", "6", "7"}
    assert record(redis, "device:D1")["owner"] == "alice"
    assert record(redis, "device:D5")["updated"] == str(T)
    assert json.loads(redis.cmd("GET", "compliance:inventory:D1")) \
        == {"encrypted": True, "comment": 'a;"b"\r\nc'}
    assert json.loads(redis.cmd("GET", "compliance:inventory:D5")) \
        == {"encrypted": False, "comment": "007"}
    assert redis.cmd("GET", "compliance:alias:serial:SN0001") == b"D1"
    (tmp_path / "b").write_text("id,state\nd6,compliant\n")
    report, _ = run(ctl, str(tmp_path / "b"), kind="csv")
    assert report["created"] == 1
    (tmp_path / "c").write_text("id\tname\nd7\ta,b\n")
    report, _ = run(ctl, str(tmp_path / "c"), kind="csv")
    assert record(redis, "device:D7")["name"] == "a,b"
    (tmp_path / "d").write_text("id,name,Name\nd8,a,b\n")
    _, err = run(ctl, str(tmp_path / "d"), kind="csv", code=2)
    assert 'two columns are "name"' in err
    run(ctl, str(tmp_path / "d"), "--map", "Name=", kind="csv")


def test_what_cannot_be_read_is_said(ctl, tmp_path):
    _, err = run(ctl, str(tmp_path / "none"), code=2)
    assert "No such file" in err
    _, err = run(ctl, str(tmp_path), code=2)
    assert "is a directory" in err
    _, err = run(ctl, "x", "--full", "--delta", code=2)
    assert "exclude each other" in err


# Others, and the end of the world


def test_what_others_write_meanwhile_is_not_lost(ctl, redis, tmp_path):
    """An administrator overrides and renames while imports run, one after the
    other: his overrides stand, and every device is what the last import
    said."""
    count, stop, done = 400, threading.Event(), []
    names = [f"DEV-{n}" for n in range(count)]
    run(ctl, lines(tmp_path / "a", *(device(n) for n in range(count))))

    def disturb():
        other = Redis.__new__(Redis)
        other.socket, other.connection = redis.socket, None
        while not stop.is_set():
            name = random.choice(names)
            other.cmd("HSET", f"compliance:device:{name}", "override", "block")
            done.append(name)
        other.close()

    thread = threading.Thread(target=disturb)
    thread.start()
    try:
        for turn in range(1, 6):
            path = lines(tmp_path / "b", *(device(n, updated=T + turn,
                                                  name=f"turn {turn}")
                                           for n in range(count)))
            report, err = run(ctl, path)
            assert report["changed"] == count and err == ""
    finally:
        stop.set()
        thread.join()
    assert len(done) > 100
    for name in names:
        stored = record(redis, f"device:{name}")
        assert stored["name"] == "turn 5"
        assert (stored.get("override") == "block") == (name in set(done))


def test_two_imports_at_once_arrive_at_the_newer_state(ctl, redis, tmp_path):
    count = 2000
    old = lines(tmp_path / "old", *(device(n, name="old")
                                    for n in range(count)))
    new = lines(tmp_path / "new", *(device(n, name="new", updated=T + 1)
                                    for n in reversed(range(count))))
    results = []
    threads = [threading.Thread(target=lambda p=p: results.append(run(ctl, p)))
               for p in (old, new)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 2
    for n in range(0, count, 7):
        assert record(redis, f"device:DEV-{n}")["name"] == "new"
    assert len(members(redis, "index:state:compliant")) == count


def killed(redis, path, after, *options):
    """An import that is killed after so many seconds; whether it was."""
    process = subprocess.Popen(
        [CTL, "--redis", f"unix:{redis.socket}", "import", "json", path,
         *options], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(after)
    process.send_signal(signal.SIGKILL)
    return process.wait() == -signal.SIGKILL


def invariants(redis, chance):
    """No half device: what there is of one is whole, and its way back too.  Of
    some hundred: those that were being written may be any."""
    def some(pattern):
        keys = redis.cmd("KEYS", pattern)
        return chance.sample(keys, min(300, len(keys)))

    for key in some("compliance:device:*"):
        name = key.decode().rsplit(":", 1)[1]
        stored = record(redis, f"device:{name}")
        assert {"state", "owner", "source", "updated"} <= set(stored), name
        assert redis.cmd("SISMEMBER", "compliance:index:state:"
                         + stored["state"], name) == 1
        for member in members(redis, f"index:alias_of:{name}"):
            assert redis.cmd("GET", f"compliance:alias:{member}") \
                == name.encode()
    for key in some("compliance:alias:*"):
        assert redis.cmd("EXISTS", b"compliance:device:"
                         + redis.cmd("GET", key)) == 1, key


def test_an_import_that_is_killed_arrives_at_the_same_state(
        ctl, redis, tmp_path):
    chance = random.Random(7)
    count = 6000
    first = tmp_path / "first"
    first.write_text("".join(fleet.chunks(count, "json", seed=3)))
    # the same fleet later: a fifth has reported again, a part is gone
    second = tmp_path / "second"
    text = "".join(fleet.chunks(count, "json", seed=3, later=200))
    second.write_text("\n".join(text.splitlines()[:count - 500]) + "\n")

    begun = time.monotonic()
    run(ctl, str(first), "--full")
    span = time.monotonic() - begun
    run(ctl, str(second), "--full", "--yes")
    clean = dump(redis)
    assert len(clean[b"compliance:index:state:retired"]) == 500

    redis.cmd("FLUSHALL")
    kills = 0
    for path in (first, second):
        for _ in range(10):
            kills += killed(redis, str(path), chance.random() * span * 0.9,
                            "--full", "--yes")
            invariants(redis, chance)
        run(ctl, str(path), "--full", "--yes")
    assert kills >= 8
    assert dump(redis) == clean
