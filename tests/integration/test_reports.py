"""Reports over accesses written as documented."""

import csv
import io
import json

from test_ctl import Ctl
from test_seen import day


def audited(redis, **members):
    record = {"lane": "l1", "seq": audited.seq, "verdict": "block",
              "reason": "device_unknown", "would_block": "", "group": "sales",
              "protocol": "eas", "binding": "asserted", "user": "alice",
              "device": "NEW1", "client": "192.0.2.1",
              "device_type": "iPhone", "user_agent": ""}
    audited.seq += 1
    record.update(members)
    redis.cmd("XADD", "compliance:audit:n1", "*", "r", json.dumps(record))
    return record


audited.seq = 1


def counted(redis, text, count, user="alice"):
    redis.cmd("HSET", f"compliance:seen:{day()}:{user}", text, str(count))
    redis.cmd("SADD", f"compliance:index:seen:{day()}", user)


GOOD = "eas|compliant|credential|k|eas|owner|GOODPHONE|192.0.2.1|iPhone||"


def test_blocks_are_counted_once_and_filtered(redis):
    redis.seed()
    ctl = Ctl(redis)
    assert ctl.json("report", "blocks") == []
    record = audited(redis)
    redis.cmd("XADD", "compliance:audit:n1", "*", "r", json.dumps(record))
    audited(redis, user="carol", verdict="allow", reason="report_only",
            would_block="device_noncompliant", device="CAROLPHONE",
            protocol="imap")
    rows = {r["user"]: r for r in ctl.json("report", "blocks")}
    assert rows["alice"]["count"] == 1
    assert rows["alice"]["outcome"] == "blocked"
    assert rows["carol"]["reason"] == "device_noncompliant"
    assert rows["carol"]["outcome"] == "would be blocked"
    for words in (["--user", "carol"], ["--protocol", "imap"],
                  ["--reason", "device_noncompliant"]):
        assert [r["user"] for r in ctl.json("report", "blocks", *words)] \
            == ["carol"], words
    assert ctl.json("report", "blocks", "--until", "-1d") == []


def test_csv_is_no_formula(redis):
    ctl = Ctl(redis)
    audited(redis, device_type='=cmd|"x",1')
    rows = list(csv.DictReader(io.StringIO(ctl("report", "blocks", "--csv"))))
    assert rows[0]["client"] == "'=cmd|\"x\",1"


def test_users_and_trend_add_up(redis):
    redis.seed()
    ctl = Ctl(redis)
    counted(redis, GOOD, 7)
    audited(redis)
    audited(redis, device="NEW2")
    row, = ctl.json("report", "users", "--user", "alice")
    assert (row["allowed"], row["blocked"], row["would_block"]) == (7, 2, 0)
    row, = ctl.json("report", "trend", "--since", "7d")
    assert (row["allowed"], row["blocked"]) == (7, 2)
    row, = ctl.json("report", "users", "state=compliant")
    assert (row["allowed"], row["blocked"]) == (7, 0)


def test_what_is_counted_without_details_or_user_is_counted(redis):
    redis.seed()
    ctl = Ctl(redis)
    counted(redis, GOOD, 1)
    counted(redis, "other", 40)
    counted(redis, "web|not_in_scope|owner||none|none||192.0.2.1|||", 3, "-")
    row, = ctl.json("report", "trend", "--since", "7d")
    assert row["allowed"] == 44
    rows = {r["user"]: r["allowed"] for r in ctl.json("report", "users")}
    assert rows["alice"] == 41 and rows[""] == 3 and "-" not in rows
    row, = ctl.json("report", "trend", "--since", "7d", "--protocol", "eas")
    assert row["allowed"] == 1
    replayed = ctl.json("replay", "--group", "sales", "--mode", "off")
    assert replayed["not_judged"]["malformed"] == 40


def test_an_id_of_two_users_or_two_clients_is_a_conflict(redis):
    redis.seed()
    ctl = Ctl(redis)
    assert ctl.json("report", "conflicts") == []
    # an update, another spelling, a request without a DeviceType: one client
    for text in ("iPhone|Apple/1|", "IPHONE|Apple/2|", "|Apple-Mail/3|"):
        counted(redis, GOOD.replace("iPhone||", text), 1)
    counted(redis, GOOD.replace("eas|owner|GOODPHONE", "eas|asserted|SHARED"),
            2)
    audited(redis, user="bob", device="SHARED")
    audited(redis, user="bob", device="SHARED", erased=True)
    audited(redis, device="TWOCLIENTS", device_type="", user_agent="A/1 x")
    audited(redis, device="TWOCLIENTS", device_type="", user_agent="a/2")
    assert [r["device"] for r in ctl.json("report", "conflicts")] == ["SHARED"]
    audited(redis, device="TWOCLIENTS", device_type="", user_agent="B/1")
    # a proven one cannot be copied
    for user in ("alice", "bob"):
        audited(redis, user=user, device="PROVEN", binding="certificate")
    shared, clients = ctl.json("report", "conflicts")
    assert (shared["device"], shared["users"], shared["count"]) == \
        ("SHARED", "alice,bob", 3)
    assert (clients["device"], clients["clients"], clients["count"]) == \
        ("TWOCLIENTS", "a,b", 3)
    row, = ctl.json("report", "conflicts", "--device", "twoclients")
    assert row == clients
    assert ctl.json("report", "conflicts", "--device", "GOODPHONE") == []


def test_devices_by_platform_and_state(redis):
    ctl = Ctl(redis)
    ctl("device", "set", "D1", "state=compliant", "platform=ios")
    ctl("device", "set", "D2", "state=retired", "platform=ios")
    ctl("device", "set", "D3", "state=compliant")
    rows = {r["platform"]: r for r in ctl.json("report", "devices")}
    assert rows["ios"]["compliant"] == rows["ios"]["retired"] == 1
    assert rows[""]["total"] == 1


def listed(ctl, *words):
    return sorted(r["device"] for r in ctl.json("report", "devices", "--list",
                                                *words))


def test_devices_are_listed_by_every_filter(redis):
    redis.seed()
    ctl = Ctl(redis)
    ctl("user", "set", "dave")
    ctl("device", "set", "DAVEPHONE", "state=compliant", "owner=dave",
        "platform=ios")
    ctl("device", "set", "NOBODYS", "state=noncompliant", "platform=ios",
        "reasons=os_outdated_x,no_passcode")
    ctl("device", "set", "GONES", "state=compliant", "owner=gone")
    ctl.run("doctor", "--repair")   # the indexes of what was seeded
    assert len(listed(ctl)) == 8
    for words, names in (
            (["user=Alice@Example.com"], "BADPHONE GOODPHONE GRACEPHONE"),
            (["--user", "carol"], "CAROLPHONE"),
            (["group=sales"], "BADPHONE BOBPHONE GOODPHONE GRACEPHONE"),
            (["--group", "sales", "state=compliant"], "BOBPHONE GOODPHONE"),
            (["group=pilot", "user=alice"], ""),
            (["group=default"], "DAVEPHONE GONES NOBODYS"),
            (["group=default", "platform=iOS"], "DAVEPHONE NOBODYS"),
            (["state=compliant", "platform=ios"], "DAVEPHONE GOODPHONE"),
            (["reason=os_outdated"], "BADPHONE"),
            (["reason=no_passcode", "state=compliant"], "")):
        assert listed(ctl, *words) == names.split(), words
        # counted, they are as many
        rows = ctl.json("report", "devices", *words)
        assert sum(r["total"] for r in rows) == len(names.split()), words
    row, = ctl.json("report", "devices", "--list", "reason=encryption_off")
    assert (row["state"], row["platform"], row["user"], row["reasons"]) == \
        ("noncompliant", "android", "alice", "os_outdated,encryption_off")
    assert row["last_checkin"] is None
    rows = list(csv.DictReader(io.StringIO(
        ctl("report", "devices", "--list", "user=bob", "--csv"))))
    assert [r["device"] for r in rows] == ["BOBPHONE"]
    assert "is no filter" in ctl("report", "devices", "owner=bob", code=2)
    assert "state" in ctl("report", "devices", "state=good", code=2)


def test_many_devices_are_listed_once_each(redis):
    """More than a page of anything: of a set, of records, of the table."""
    ctl = Ctl(redis)
    for i in range(3000):
        redis.device(f"DEV{i}", state="compliant", platform=f"p{i % 2}",
                     owner=f"user{i % 700}")
    for i in range(700):
        redis.user(f"user{i}", groups="big" if i % 7 else "")
    ctl.run("doctor", "--repair")
    assert len(listed(ctl, "--limit", "0")) == 3000
    named = listed(ctl, "--limit", "0", "group=big")
    assert len(named) == len(set(named)) == sum(
        1 for i in range(3000) if i % 700 % 7)
    done = ctl.run("report", "devices", "--list")
    rows = done.stdout.splitlines()
    assert len(rows) == 1001 and rows[0].startswith("DEVICE ")
    assert len({r.split()[0] for r in rows}) == 1001
    assert "1000 of 3000 shown" in done.stderr


def test_whoever_is_in_no_group_is_of_the_default_group(redis):
    redis.seed()
    ctl = Ctl(redis)
    ctl("user", "set", "dave")
    ctl.run("doctor", "--repair")
    for user in ("alice", "dave", "nobody"):
        audited(redis, user=user, group="")
    audited(redis, user="carol", group="default")   # by its own judgement
    for words, users in ((["default"], ["carol", "dave", "nobody"]),
                         (["sales"], ["alice"]), (["pilot"], ["carol"])):
        rows = ctl.json("report", "blocks", "--group", *words)
        assert sorted(r["user"] for r in rows) == users, words
    row, = ctl.json("report", "trend", "--since", "7d", "--group", "default")
    assert row["blocked"] == 3


def test_users_who_never_asked_are_reported_too(redis):
    redis.seed()
    ctl = Ctl(redis)
    ctl.run("doctor", "--repair")
    audited(redis, user="stranger", group="")
    audited(redis, user="alice")
    rows = {r["user"]: r for r in ctl.json("report", "users")}
    assert sorted(rows) == ["alice", "bob", "breakglass", "carol", "stranger"]
    assert (rows["bob"]["devices"], rows["bob"]["states"]) == \
        (1, "compliant 1")
    assert (rows["bob"]["blocked"], rows["bob"]["last"]) == (0, None)
    assert rows["alice"]["blocked"] == rows["stranger"]["blocked"] == 1
    row, = ctl.json("report", "users", "--user", "carol")
    assert row["states"] == "noncompliant 1"
    for words, users in ((["--group", "sales"], ["alice", "bob"]),
                         (["--group", "default"], ["breakglass", "stranger"]),
                         (["--reason", "device_unknown"],
                          ["alice", "stranger"])):
        assert [r["user"] for r in ctl.json("report", "users", *words)] \
            == users, words
    done = ctl.run("report", "users", "--limit", "2")
    assert "2 of 5 shown" in done.stderr


def test_hours_have_no_column_for_what_is_counted_by_the_day(redis):
    redis.seed()
    ctl = Ctl(redis)
    counted(redis, GOOD, 7)
    audited(redis)
    done = ctl.run("--json", "report", "trend", "--since", "12h")
    row, = json.loads(done.stdout)
    assert row["blocked"] == 1 and "allowed" not in row
    assert "counted by the day" in done.stderr
    assert ctl.json("report", "trend", "--since", "7d")[0]["allowed"] == 7
