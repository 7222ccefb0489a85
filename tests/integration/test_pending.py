"""Devices that knocked and have no record: who, when, with what, from where;
approved they get in, denied they do not.  By hand-written accesses, and by
those of a real gateway."""

import time

from harness import wait_until
from test_ctl import Ctl
from test_reports import audited, counted
from test_seen import Site


def rows_of(ctl, *words):
    return {(r["device"], r["user"]): r
            for r in ctl.json("device", "pending", *words)}


def test_one_id_of_two_users_or_two_clients_is_warned_of(redis):
    redis.seed()
    ctl = Ctl(redis)
    audited(redis, device="ONE")
    audited(redis, device="ONE")
    audited(redis, device="USERS")
    audited(redis, device="USERS", user="bob")
    audited(redis, device="CLIENTS")
    audited(redis, device="CLIENTS", device_type="Android")
    # an update is no other client
    audited(redis, device="UPDATED", device_type="", user_agent="Mail/1")
    audited(redis, device="UPDATED", device_type="", user_agent="Mail/2")
    # let in, and only counted
    counted(redis, "eas|not_in_scope|credential||eas|asserted|CLIENTS|"
            "192.0.2.9|Bot||", 4, user="carol")
    # has a record: nothing to approve
    for user in ("alice", "bob"):
        audited(redis, device="GOODPHONE", user=user)

    rows = rows_of(ctl)
    assert {k: r["presented_by"] for k, r in rows.items()} == {
        ("ONE", "alice"): "", ("UPDATED", "alice"): "",
        ("USERS", "alice"): "2 users", ("USERS", "bob"): "2 users",
        ("CLIENTS", "alice"): "2 users, 3 clients",
        ("CLIENTS", "carol"): "2 users, 3 clients"}
    notes = ctl.run("device", "pending").stderr
    assert notes.count("was presented by") == 2
    assert 'device "USERS" was presented by 2 users: ' in notes
    assert "--device CLIENTS" in notes
    # whoever's rows are asked for, the other is told of
    alice = rows_of(ctl, "--user", "alice")
    assert {user for _, user in alice} == {"alice"}
    assert alice["USERS", "alice"]["presented_by"] == "2 users"


def test_an_unknown_device_knocks_is_approved_and_denied(gateway, redis,
                                                         backend):
    redis.seed()
    ctl = Ctl(redis)
    began = int(time.time())
    site = Site(gateway, redis, backend)
    assert b"129" in site.eas(device="NEWPHONE", kind="iPhone").body
    time.sleep(1.1)    # the first is not the last
    assert b"129" in site.eas(device="NEWPHONE", kind="Android").body
    assert b"129" in site.eas(device="NEWPHONE", user="bob").body
    wait_until("they are recorded", lambda: len(redis.audit()) == 3)

    rows = rows_of(ctl)
    assert set(rows) == {("NEWPHONE", "alice"), ("NEWPHONE", "bob")}
    row = rows["NEWPHONE", "alice"]
    assert (row["outcome"], row["count"], row["protocols"]) == \
        ("blocked", 2, "eas")
    assert (row["address"], row["client"]) == ("127.0.0.1", "Android")
    assert began <= row["first"] < row["last"] <= time.time()
    assert row["presented_by"] == "2 users, 2 clients"

    ctl("device", "approve", "NEWPHONE", "--user", "alice")
    assert ctl.json("device", "pending") == []
    assert site.eas(device="NEWPHONE").body == b"backend"
    assert b"129" in site.eas(device="NEWPHONE", user="bob").body
    ctl("device", "deny", "NEWPHONE")
    assert b"129" in site.eas(device="NEWPHONE").body
    # who did it stands in the audit
    changes = ctl("audit", "search", "NEWPHONE", "tester")
    assert "approve" in changes and "deny" in changes
