"""The audit as an administrator and an attacker meet it: records that a real
gateway has written, whatever is done to them afterwards, and what
compliancectl says of it."""

import csv
import hashlib
import io
import json
import os
import re
import subprocess
import threading
import time

import pytest

from harness import CTL as BUILT, ROOT, Redis, RedisError, basic, free_port, \
    request, wait_until

CTL = os.environ.get("CTL_UNDER_TEST", BUILT)
KEY = "7 " + "5a" * 32 + "\n"
OTHER_KEY = "8 " + "a5" * 32 + "\n"
STREAM = "compliance:audit:gw1"
ADMIN = "compliance:audit:@admin"
EAS = ("/Microsoft-Server-ActiveSync?Cmd=FolderSync&User={}&DeviceId={}"
       "&DeviceType=x")
FINDING = 5
CANARY = "canary"


class Ctl:
    def __init__(self, redis, secret=None):
        self.redis, self.secret = redis, secret

    def run(self, *args, env=None, key=True, timeout=60, **kwargs):
        environment = {"PATH": os.environ["PATH"], "USER": "tester"}
        if key and self.secret:
            environment["COMPLIANCE_SECRET_FILE"] = str(self.secret)
        environment.update(env or {})
        return subprocess.run(
            [CTL, "--redis", f"unix:{self.redis.socket}", *args],
            capture_output=True, text=True, timeout=timeout, env=environment,
            stdin=subprocess.DEVNULL, errors="replace", **kwargs)

    def __call__(self, *args, code=0, **kwargs):
        done = self.run(*args, **kwargs)
        assert done.returncode == code, (args, done.returncode, done.stdout,
                                         done.stderr)
        return done.stdout if code == 0 else done.stdout + done.stderr

    def json(self, *args, **kwargs):
        return json.loads(self("--json", *args, **kwargs))

    def findings(self, *args, **kwargs):
        """The lines that audit verify has printed; it exits with 5."""
        out = self("audit", "verify", *args, code=FINDING, **kwargs)
        found = [line for line in out.splitlines() if "FINDING" in line]
        assert found, out
        return found


class Gate:
    """ActiveSync behind the gateway; each blocked request is a record."""

    def __init__(self, gateway, backend, redis, secret=None, workers=1,
                 maxlen=None):
        self.gateway, self.redis = gateway, redis
        self.port = free_port()
        gateway.start(
            workers=workers,
            main=f"compliance_redis unix:{redis.socket};\n"
                 "compliance_node gw1;\n"
                 + (f"compliance_secret_file {secret};\n" if secret else "")
                 + (f"compliance_audit_maxlen {maxlen};\n" if maxlen else ""),
            http=f"""
    server {{
        listen 127.0.0.1:{self.port};
        location /Microsoft-Server-ActiveSync {{
            compliance on;
            compliance_protocol eas;
            proxy_pass http://127.0.0.1:{backend.port};
        }}
    }}""")

    def block(self, n=1, user="alice", device="STRANGER"):
        """n records; a device is not told twice, so each has its own."""
        before = len(self.records())
        for i in range(n):
            request(self.port, "POST", EAS.format(user, f"{device}{i}"),
                    {"Authorization": basic(user),
                     "MS-ASProtocolVersion": "14.1",
                     "User-Agent": f"Phone of {user}"}, b"")
        wait_until("the records are written",
                   lambda: len(self.records()) >= before + n)

    def records(self):
        return [(i, fields[1]) for i, fields in
                self.redis.cmd("XRANGE", STREAM, "-", "+")]


@pytest.fixture
def secret(tmp_path):
    path = tmp_path / "compliance.keys"
    path.write_text(KEY)
    path.chmod(0o600)
    return path


@pytest.fixture
def store(redis):
    redis.seed()
    return redis


@pytest.fixture
def ctl(store, secret):
    return Ctl(store, secret)


@pytest.fixture
def gate(gateway, backend, store, secret):
    return Gate(gateway, backend, store, secret)


def parsed(record):
    return json.loads(record[1])


def rewrite(redis, records, key=STREAM):
    """The stream as somebody would put it back who can write to Redis, to the
    last trace that Redis itself keeps."""
    last = redis.cmd("XINFO", "STREAM", key)
    last = last[last.index(b"last-generated-id") + 1]
    redis.cmd("DEL", key)
    for i, text in records:
        redis.cmd("XADD", key, i, "r", text)
    if not records:
        return
    # an attacker who cuts the end sets the id back as well
    redis.cmd("XSETID", key, max(records, key=lambda r: tuple(
        map(int, r[0].split(b"-"))))[0])


def changed(record, old, new):
    assert old in record[1], record
    return record[0], record[1].replace(old, new)


# What a gateway writes


def test_a_keyed_chain_of_a_gateway_verifies(gate, ctl, store):
    gate.block(30)
    out = ctl("audit", "verify")
    assert "node gw1: 30 records in 1 lane: whole; 30 with a key" in out
    record = parsed(gate.records()[0])
    assert record["v"] == 2 and record["kid"] == 7
    assert record["user"] == "alice" and record["device"] == "STRANGER0"
    assert record["client"] == "127.0.0.1"
    assert re.fullmatch("[0-9a-f]{32}", record["salt"])
    salts = {parsed(r)["salt"] for r in gate.records()}
    assert len(salts) == 30
    # the hash as anybody can do it again, from the bytes
    import hmac
    line = gate.records()[0][1]
    head, tail = line.split(b',"hash":"')
    derived = hmac.digest(bytes.fromhex("5a" * 32),
                          b"compliance audit chain 1", "sha256")
    assert hmac.digest(derived, head, "sha256").hex() == record["hash"]
    assert hashlib.sha256(tail[65:]).hexdigest() == record["personal"]
    assert b"alice" not in head and b"STRANGER" not in head


def test_without_a_secret_file_verify_says_what_it_is_worth(
        gateway, backend, store, secret):
    gate = Gate(gateway, backend, store)
    gate.block(5)
    assert "kid" not in parsed(gate.records()[0])
    plain = Ctl(store)
    done = plain.run("audit", "verify")
    assert done.returncode == 0
    assert "5 records in 1 lane: whole; 0 with a key, 5 without" in done.stdout
    assert "only an anchor can" in done.stderr
    # with a key at hand, records without one are a finding, until then
    keyed = Ctl(store, secret)
    assert "have no key" in keyed.findings()[0]
    keyed("audit", "verify", "--plain-until", "now")


def test_each_worker_and_each_reload_has_a_lane(gateway, backend, store,
                                                secret, ctl):
    gate = Gate(gateway, backend, store, secret, workers=2)
    gate.block(10)
    secret.write_text(OTHER_KEY + KEY)
    old = set(gateway.workers())
    gateway.reload()
    wait_until("new workers", lambda: not old & set(gateway.workers()), 20)
    gate.block(10, device="OTHER")
    lanes = {}
    for record in map(parsed, gate.records()):
        lanes.setdefault(record["lane"], set()).add(record["kid"])
    assert all(len(kids) == 1 for kids in lanes.values())
    assert {k for kids in lanes.values() for k in kids} == {7, 8}
    assert "whole; 20 with a key" in ctl("audit", "verify")
    # the old key is gone from the file: its records cannot be checked
    secret.write_text(OTHER_KEY)
    assert "put it back" in ctl.findings()[0]


def test_records_repeated_after_an_outage_are_no_finding(gate, ctl, store):
    gate.block(6)
    records = gate.records()
    for i, text in records[2:]:
        store.cmd("XADD", STREAM, "*", "r", text)
    gate.block(2, device="OTHER")
    out = ctl("audit", "verify")
    assert "12 records in 1 lane: whole" in out
    assert "4 repeated after an outage" in out


def test_a_counted_gap_is_no_finding(gateway, backend, store, secret, ctl):
    port = free_port()
    gateway.start(
        main=f"compliance_redis unix:{store.socket};\n"
             f"compliance_secret_file {secret};\n"
             "compliance_node gw1;\ncompliance_audit_queue 5;",
        http=f"""
    server {{
        listen 127.0.0.1:{port};
        location /Microsoft-Server-ActiveSync {{
            compliance on; compliance_protocol eas;
            proxy_pass http://127.0.0.1:{backend.port};
        }}
    }}""")

    def ask(device):
        request(port, "POST", EAS.format("alice", device),
                {"Authorization": basic("alice"),
                 "MS-ASProtocolVersion": "14.1"}, b"")

    ask("FIRST")
    wait_until("a record", lambda: store.cmd("XLEN", STREAM) == 1)
    store.stop()
    for i in range(20):
        ask(f"D{i}")
    # an empty one comes back: what was there is gone, and the lane goes on
    store.start()
    store.seed()

    def gap():
        ask("AGAIN")
        return any(b'"dropped":' in f[1] for _, f in
                   store.cmd("XRANGE", STREAM, "-", "+"))

    wait_until("the gap is told", gap, 20, 0.3)
    out = ctl("audit", "verify", code=FINDING)
    assert re.search(r"1 gap, \d+ records lost and counted", out), out
    # it is the first record of the lane that is missing, and nothing else
    assert len(re.findall("FINDING", out)) == 1
    assert "begins at seq 2: older ones were trimmed" in out


# Tampering


def test_an_edited_record_is_named(gate, ctl, store):
    gate.block(10)
    records = gate.records()
    for old, new in ((b'"reason":"device_unknown"', b'"reason":"compliant"'),
                     (b'"user":"alice"', b'"user":"mallory"'),
                     (b'"device":"STRANGER4"', b'"device":"STRANGER0"'),
                     (b'"verdict":"block"', b'"verdict":"allow"')):
        rewrite(store, records[:4] + [changed(records[4], old, new)]
                + records[5:])
        found, = ctl.findings()
        assert "node gw1" in found and "seq 5" in found, found
        assert records[4][0].decode() in found and "was edited" in found
    rewrite(store, records)
    ctl("audit", "verify")


def test_an_edited_record_is_found_by_hand_in_redis_cli(gate, ctl, store):
    """Edit as redis-cli can: add a changed one, delete the old one."""
    gate.block(6)
    i, text = gate.records()[3]
    store.cmd("XDEL", STREAM, i)
    found = ctl.findings()
    assert any("seq 4 to 4 before it are missing" in f for f in found)
    assert any("deleted from the stream by hand" in f and i.decode() in f
               for f in found)
    store.cmd("XADD", STREAM, "*", "r", text.replace(b"alice", b"mallory"))
    found = ctl.findings()
    assert any("was edited" in f and "seq 4" in f for f in found)
    assert any("stands behind seq 6" in f for f in found)


def test_a_record_taken_out_of_the_middle_is_named(gate, ctl, store):
    gate.block(9)
    records = gate.records()
    rewrite(store, records[:3] + records[5:])
    found, = ctl.findings()
    assert "seq 4 to 5 before it are missing" in found
    assert records[5][0].decode() in found and "seq 6" in found


def test_what_is_put_in_is_named(gate, ctl, store):
    gate.block(4)
    records = gate.records()
    forged = changed(records[1], b'"seq":2', b'"seq":5')
    store.cmd("XADD", STREAM, "*", "r", forged[1])
    store.cmd("XADD", STREAM, "*", "r", "no record")
    store.cmd("XADD", STREAM, "*", "other", "field")
    found = ctl.findings()
    assert any("was edited" in f and "seq 5" in f for f in found)
    assert sum("is no audit record" in f for f in found) == 2


def test_the_end_cut_off_shows_in_redis_itself_and_by_an_anchor(
        gate, ctl, store, tmp_path):
    gate.block(8)
    anchor = tmp_path / "anchor"
    anchor.write_text(ctl("audit", "anchor"))
    ctl("audit", "verify", "--anchor", str(anchor))
    records = gate.records()

    store.cmd("XDEL", STREAM, records[-1][0])
    assert any("its end was cut off" in f for f in ctl.findings())

    # an attacker who puts the stream back without a trace in Redis
    rewrite(store, records[:-2])
    ctl("audit", "verify")
    found = ctl.findings("--anchor", str(anchor))
    assert any("now ends at seq 6: its end was cut off" in f for f in found)
    assert "seq 8" in found[0] and records[-1][0].decode() in found[0]

    store.cmd("DEL", STREAM)
    found = ctl.findings("--anchor", str(anchor))
    assert "nothing of its lane" in found[0]


def chain_plain(records):
    """The whole chain anew, as anyone can make it without the key."""
    prev, out = "0" * 64, []
    for i, text in records:
        head, tail = text.decode().split(',"hash":"')
        head = re.sub(r'"prev":"\w+"', f'"prev":"{prev}"', head)
        head = re.sub(r',"kid":\d+', "", head)
        tail = tail[65:].replace("alice", "mallory")
        head = re.sub(r'"personal":"\w+"', '"personal":"%s"'
                      % hashlib.sha256(tail.encode()).hexdigest(), head)
        prev = hashlib.sha256(head.encode()).hexdigest()
        out.append((i, f'{head},"hash":"{prev}"{tail}'.encode()))
    return out


def test_a_whole_chain_made_anew_without_the_key_is_found(gate, ctl, store,
                                                          tmp_path):
    gate.block(7)
    anchor = tmp_path / "anchor"
    anchor.write_text(ctl("audit", "anchor"))
    rewrite(store, chain_plain(gate.records()))
    found = ctl.findings()
    assert "7 records have no key" in found[0]
    # where nobody has the key, an anchor finds it
    ctl("audit", "verify", key=False)
    found = ctl.findings("--anchor", str(anchor), key=False)
    assert "was rewritten since" in found[0] and "seq 7" in found[0]


def test_a_record_marked_as_erased_without_the_key_is_found(gate, ctl, store):
    gate.block(5)
    records = gate.records()
    head, _ = records[2][1].split(b',"salt":"')
    digest = parsed(records[2])["hash"]
    tail = b',"user":"nobody","device":"x"}'
    mark = hashlib.sha256(digest.encode() + tail).hexdigest().encode()
    rewrite(store, records[:2] + [
        (records[2][0], head + b',"erased":"plain:' + mark + b'"' + tail)]
        + records[3:])
    found, = ctl.findings()
    assert "1 records are marked as erased without a key" in found
    # under a key's name, the mark itself is forged
    rewrite(store, records[:2] + [
        (records[2][0], head + b',"erased":"7:' + mark + b'"' + tail)]
        + records[3:])
    found, = ctl.findings()
    assert "was edited" in found and "seq 3" in found


def test_the_front_cut_off_needs_retentions_word(gate, ctl, store):
    gate.block(6)
    records = gate.records()
    rewrite(store, records[2:])
    found, = ctl.findings()
    assert "begins at seq 3: older ones were trimmed" in found
    assert 'no record of "audit trim" tells of it' in found


def test_a_changed_or_shortened_anchor_is_refused(gate, ctl, store, tmp_path):
    gate.block(3)
    ctl("group", "set", "ring", "mode=report")
    anchor = tmp_path / "anchor"
    good = ctl("audit", "anchor")
    assert len(good.splitlines()) == 2
    for bad, why in ((good.replace('"seq":3', '"seq":2'), "was changed"),
                     (good.splitlines()[0] + "\n", "more of them are missing"),
                     ("{}\n", "is not what audit anchor prints"),
                     ("", "more of them are missing"),
                     (good.splitlines()[0] + "\n" + good, "more of them are missing")):
        anchor.write_text(bad)
        out = ctl("audit", "verify", "--anchor", str(anchor), code=5)
        assert why in out, out
    anchor.write_text(good + good)
    ctl("audit", "verify", "--anchor", str(anchor))
    # later ones go on from it
    gate.block(3, device="LATER")
    ctl("group", "set", "ring", "mode=off")
    ctl("audit", "verify", "--anchor", str(anchor))


# Administrators' changes


def test_a_change_is_audited_with_who_before_and_after(ctl, store):
    ctl("group", "set", "ring", "mode=report")
    ctl("user", "set", "dave", "groups=ring")
    ctl("user", "set", "dave", "groups=ring,sales")
    ctl("user", "set", "dave", "groups=ring,sales")     # changes nothing
    records = [json.loads(f[1]) for _, f in
               store.cmd("XRANGE", ADMIN, "-", "+")]
    assert [r["command"] for r in records] == [
        "group set ring mode=report", "user set dave groups=ring",
        "user set dave groups=ring,sales"]
    assert {r["who"] for r in records} == {"tester"}
    assert records[2]["changes"] == [
        {"op": "hset", "key": "user:dave", "field": "groups", "old": "ring",
         "new": "ring,sales"}]
    assert [r["seq"] for r in records] == [1, 2, 3]
    line = ctl("audit", "tail", "-n", "1", "--node", "@admin")
    assert "@admin tester: user set dave groups=ring,sales; user:dave " \
           "groups: ring -> ring,sales" in line
    assert "node @admin: 3 records in 1 lane: whole; 3 with a key" \
        in ctl("audit", "verify")
    ctl("user", "delete", "dave")
    last = ctl("audit", "tail", "-n", "1", "--node", "@admin")
    assert "user:dave deleted" in last


def test_a_record_with_and_one_without_the_key_stand_in_one_chain(ctl, store):
    ctl("group", "set", "a", "mode=report")
    ctl("group", "set", "b", "mode=report", key=False)
    ctl("group", "set", "c", "mode=report")
    assert "3 records in 1 lane: whole; 2 with a key, 1 without" \
        in ctl("audit", "verify")


def test_many_at_once_lose_no_change_and_break_no_chain(ctl, store):
    jobs = [subprocess.Popen(
        [CTL, "--redis", f"unix:{store.socket}", "device", "set", f"D{i}",
         "state=compliant"], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        stdin=subprocess.DEVNULL) for i in range(12)]
    for job in jobs:
        out, error = job.communicate(timeout=60)
        assert job.returncode == 0, error
    assert "12 records in 1 lane: whole" in ctl("audit", "verify", key=False)


def test_a_long_value_is_cut_with_its_length_and_digest(ctl, store):
    ctl("group", "set", "ring", "mode=report")
    names = ",".join("x" * 60 + f"{i:03}" for i in range(15))
    ctl("group", "set", "ring", f"allowed_clients={names}")
    record = json.loads(store.cmd("XREVRANGE", ADMIN, "+", "-", "COUNT", 1)
                        [0][1][1])
    new, = [c["new"] for c in record["changes"]
            if c.get("field") == "allowed_clients"]
    if isinstance(new, dict):
        assert new["bytes"] == len(names)
        assert new["sha256"] == hashlib.sha256(names.encode()).hexdigest()
    else:
        assert new == names
    # what is shown of many changes is bounded too
    assert len(store.cmd("XREVRANGE", ADMIN, "+", "-", "COUNT", 1)
               [0][1][1]) <= 16384


# search, export


def test_search_finds_by_every_filter(gate, ctl, store):
    gate.block(3)
    gate.block(2, user="carol", device="CAROLS")
    ctl("user", "set", "alice", "locale=de")
    lines = ctl("audit", "search", "--user", "alice@example.com").splitlines()
    assert sum("gw1 block" in line for line in lines) == 3
    assert sum("@admin" in line for line in lines) == 1
    assert len(ctl("audit", "search", "--device", "stranger1")
               .splitlines()) == 1
    assert len(ctl("audit", "search", "--verdict", "block", "--reason",
                   "device_unknown").splitlines()) == 3
    would = ctl("audit", "search", "--reason", "device_unknown", "--user",
                "carol").splitlines()
    assert len(would) == 2 and "would_block=device_unknown" in would[0]
    assert len(ctl("audit", "search", "phone of CAROL").splitlines()) == 2
    assert len(ctl("audit", "search", "--node", "@admin").splitlines()) == 1
    assert len(ctl("audit", "search", "--protocol", "eas", "--limit", "2")
               .splitlines()) == 2
    assert "no record" in ctl("audit", "search", "--since", "+1d", code=1)
    assert "no record" in ctl("audit", "search", "--until", "2001-01-01",
                              code=1)
    assert len(ctl("audit", "search", "--since", "1h").splitlines()) == 6
    assert "none" in ctl("audit", "search", "--verdict", "deny", code=2)
    found = [json.loads(line) for line in ctl(
        "--json", "audit", "search", "--user", "carol").splitlines()]
    assert {r["user"] for r in found} == {"carol"}


def test_export_hands_on_everything_in_order(gate, ctl, store):
    gate.block(4)
    ctl("group", "set", "ring", "mode=report", "message==cmd|calc")
    gate.block(3, device="LATER")
    lines = ctl("audit", "export").splitlines()
    assert [json.loads(line)["node"] for line in lines] == (
        ["gw1"] * 4 + ["@admin"] + ["gw1"] * 3)
    assert lines[0].encode() == gate.records()[0][1]
    rows = list(csv.DictReader(io.StringIO(ctl("audit", "export", "--csv"))))
    assert len(rows) == 8
    assert rows[0]["user"] == "alice" and rows[0]["node"] == "gw1"
    assert rows[4]["who"] == "tester" and "hset" in rows[4]["changes"]
    assert len(ctl("audit", "export", "--node", "gw1").splitlines()) == 7


def test_pages_of_many_records_are_read_to_the_end(ctl, store):
    for i in range(1700):
        store.cmd("XADD", f"compliance:audit:gw{i % 3}", f"{1000 + i}000-0",
                  "r", json.dumps({"user": f"u{i}", "verdict": "block",
                                   "reason": "device_unknown"}))
    rows = list(csv.DictReader(io.StringIO(ctl("audit", "export", "--csv"))))
    assert [r["user"] for r in rows] == [f"u{i}" for i in range(1700)]
    # one stream far longer than the others
    for i in range(1200):
        store.cmd("XADD", "compliance:audit:gw1", f"{9000 + i}000-0", "r",
                  json.dumps({"user": f"v{i}"}))
    rows = list(csv.DictReader(io.StringIO(ctl("audit", "export", "--csv"))))
    assert [r["user"] for r in rows] == [f"u{i}" for i in range(1700)] + [
        f"v{i}" for i in range(1200)]


# Settings, retention


def test_settings_have_bounds(ctl, store):
    assert ctl.json("settings", "show")["audit_days"] == 0
    ctl("settings", "set", "audit_days=180", "seen_days=20")
    assert ctl.json("settings", "show")["audit_days"] == 180
    assert "from 0 to 36500" in ctl("settings", "set", "audit_days=-1",
                                    code=2)
    assert "did you mean audit_days" in ctl("settings", "set",
                                            "audit_day=1", code=2)
    ctl("settings", "set", "audit_days=")
    assert ctl.json("settings", "show")["audit_days"] == 0
    store.cmd("HSET", "compliance:meta", "audit_days", "many")
    assert 'stored as "many"' in ctl("settings", "show", code=5)


def age(store, records, key, days):
    """The same records, told some days earlier by Redis's ids."""
    shifted = []
    for i, text in records:
        ms, seq = map(int, i.split(b"-"))
        shifted.append((f"{ms - days * 86400000}-{seq}".encode(), text))
    store.cmd("DEL", key)
    for i, text in shifted:
        store.cmd("XADD", key, i, "r", text)
    return shifted


def test_trim_removes_the_old_and_verify_knows_of_it(gate, ctl, store,
                                                     tmp_path):
    gate.block(9)
    ctl("settings", "set", "audit_days=30", "seen_days=10")
    records = gate.records()
    store.cmd("DEL", STREAM)
    old = [(f"{int(i.split(b'-')[0]) - 40 * 86400000}-{k}".encode(), t)
           for k, (i, t) in enumerate(records[:5])]
    for i, text in old + records[5:]:
        store.cmd("XADD", STREAM, i, "r", text)
    ctl("audit", "verify")
    anchor = tmp_path / "anchor"
    anchor.write_text(ctl("audit", "anchor"))
    for days in (1, 9, 12, 400):
        day = time.strftime("%Y%m%d", time.gmtime(time.time() - days * 86400))
        store.cmd("SADD", f"compliance:index:seen:{day}", "alice", "bob")
        store.cmd("HSET", f"compliance:seen:{day}:alice", "x", "1")
    before = store.cmd("DBSIZE")
    dry = ctl("audit", "trim", "--dry-run")
    assert "5 audit records" in dry and "2 days of counted accesses" in dry
    assert store.cmd("XLEN", STREAM) == 9 and store.cmd("DBSIZE") == before
    ctl("audit", "trim")
    assert store.cmd("XLEN", STREAM) == 4
    assert len(store.cmd("KEYS", "compliance:seen:*")) == 2
    assert len(store.cmd("KEYS", "compliance:index:seen:*")) == 2
    out = ctl("audit", "verify", "--anchor", str(anchor))
    assert "node gw1: 4 records in 1 lane: whole" in out
    line = ctl("audit", "tail", "-n", "1", "--node", "@admin")
    assert "audit trim; trimmed=gw1" in line or "trimmed=@admin" in line
    # a second time there is nothing to do, and nothing is told
    told = store.cmd("XLEN", ADMIN)
    ctl("audit", "trim")
    assert store.cmd("XLEN", ADMIN) == told
    # what somebody takes off the front besides is found
    store.cmd("XTRIM", STREAM, "MAXLEN", "2")
    found, = ctl.findings()
    assert "begins at seq 8: older ones were trimmed" in found


def test_a_trim_told_without_the_key_is_not_believed(gate, ctl, store):
    gate.block(6)
    records = gate.records()
    store.cmd("HSET", "compliance:meta", "audit_days", "1")
    age(store, records[:3], STREAM, 3)
    for i, text in records[3:]:
        store.cmd("XADD", STREAM, i, "r", text)
    ctl("audit", "trim", key=False)
    assert store.cmd("XLEN", STREAM) == 3
    ctl("audit", "verify", key=False)
    assert 'no record of "audit trim" that has a key' in ctl.findings()[0]


# A person goes


def everything(redis):
    """Every key and every value, as one text."""
    out = []
    for key in redis.cmd("KEYS", "*"):
        out.append(key)
        kind = redis.cmd("TYPE", key)
        out.append(repr(redis.cmd(*{
            b"hash": ("HGETALL", key), b"set": ("SMEMBERS", key),
            b"list": ("LRANGE", key, "0", "-1"), b"string": ("GET", key),
            b"stream": ("XRANGE", key, "-", "+")}[kind])).encode())
    return b"\n".join(out).decode(errors="replace").lower()


@pytest.fixture
def person(ctl, store):
    """Somebody with everything that leads to him."""
    ctl("user", "set", CANARY, "groups=sales",
        f"alias={CANARY}@example.com,demo\\{CANARY}",
        "display_name=Cornelia Canary")
    ctl("device", "set", "CPHONE", f"owner={CANARY}", "state=compliant",
        "name=Cornelia Canary's phone", "alias.serial=SER1")
    ctl("device", "set", "CPHONE", "risk=low")
    store.cmd("SET", "compliance:inventory:CPHONE", json.dumps(
        {"os_version": "17.1", "user": f"{CANARY}@example.com",
         "more": {"name": "Cornelia Canary"}}))
    for days in (0, 3):
        day = time.strftime("%Y%m%d", time.gmtime(time.time() - days * 86400))
        store.cmd("SADD", f"compliance:index:seen:{day}", CANARY, "bob")
        store.cmd("HSET", f"compliance:seen:{day}:{CANARY}", "x", "1")
        store.cmd("HSET", f"compliance:seen:{day}:bob", "x", "1")
    return CANARY


def test_erase_takes_a_person_out_and_the_chain_holds(gate, ctl, store,
                                                      person, tmp_path):
    gate.block(4)
    gate.block(5, user=person, device="CSTRANGER")
    gate.block(3)
    ctl("user", "set", "bob", "locale=de")
    anchor = tmp_path / "anchor"
    anchor.write_text(ctl("audit", "anchor"))
    before = [parsed(r) for r in gate.records()]
    ids = [i for i, _ in gate.records()]
    assert person in everything(store)

    state = everything(store)
    dry = ctl.json("user", "erase", f"{person}@example.com", "--dry-run")
    assert dry["audit_records"] >= 5 and dry["aliases"] == 2
    assert dry["devices"] == 1 and dry["seen_days"] == 2 and dry["undo"] == 2
    assert everything(store) == state
    assert "cannot be undone" in ctl("user", "erase", person, code=4)
    assert everything(store) == state

    done = ctl.json("user", "erase", person, "--yes")
    pseudonym = done["pseudonym"]
    assert done["left"] == [] and re.fullmatch("erased-[0-9a-f]{8}",
                                               pseudonym)
    text = everything(store)
    for name in (person, "cornelia", f"phone of {person}"):
        assert name not in text, text[text.index(name) - 200:][:400]
    assert "bob" in text and "alice" in text

    after = [parsed(r) for r in gate.records()]
    assert [i for i, _ in gate.records()] == ids
    for old, new in zip(before, after):
        assert old["hash"] == new["hash"] and old["time"] == new["time"]
        if old["user"] == person:
            assert new["user"] == pseudonym and "salt" not in new
            assert new["erased"].startswith("7:")
            assert new["device"].startswith(f"{pseudonym}-device-")
            assert new["client"] == "" and new["user_agent"] == ""
            assert new["verdict"] == old["verdict"]
        else:
            assert new == old
    # what belongs together still does
    assert len({r["device"] for r in after if "erased" in r}) == 5

    out = ctl("audit", "verify", "--anchor", str(anchor))
    assert "12 records in 1 lane: whole" in out and "5 erased" in out
    device = dict(zip(*[iter(store.cmd(
        "HGETALL", "compliance:device:CPHONE"))] * 2))
    assert b"owner" not in device and b"name" not in device
    assert device[b"state"] == b"compliant"
    # the gateway goes on in the same lane, and undo cannot bring him back
    gate.block(2, device="AFTER")
    ctl("audit", "verify")
    assert person not in ctl("undo", "--list")


def test_erase_deletes_the_devices_if_told(ctl, store, person):
    ctl("user", "erase", person, "--devices", "--yes")
    assert store.cmd("EXISTS", "compliance:device:CPHONE",
                     "compliance:alias:serial:SER1",
                     "compliance:inventory:CPHONE") == 0
    assert not store.cmd("SISMEMBER", "compliance:index:state:compliant",
                         "CPHONE")
    assert person not in everything(store)
    ctl("audit", "verify")


def test_erase_takes_no_part_of_a_longer_name(ctl, store):
    for name in ("ann", "anna", "ann.lee"):
        ctl("user", "set", name, "groups=sales", f"alias={name}@example.com")
    ctl("user", "erase", "ann", "--yes")
    text = everything(store)
    assert "user:anna" in text and "ann.lee@example.com" in text
    assert not re.search(r"(?<![\w.-])ann(?![\w.-])", text)
    ctl("audit", "verify")


def test_erase_names_what_it_may_not_change(ctl, store):
    ctl("user", "set", CANARY, "groups=sales")
    ctl("group", "set", "sales", f"support_contact=Ask {CANARY}")
    out = ctl("user", "erase", CANARY, "--yes", code=4)
    assert "still names him: group:sales" in out
    ctl("group", "set", "sales", "support_contact=Ask us")
    ctl("user", "erase", CANARY, "--yes")
    assert CANARY not in everything(store)


def test_erase_wants_the_key_of_the_records(gate, ctl, store):
    gate.block(3)
    out = ctl("user", "erase", "alice", "--yes", code=4, key=False)
    assert "under a key that was not given" in out
    assert b'"user":"alice"' in gate.records()[0][1]
    assert store.cmd("EXISTS", "compliance:user:alice") == 1


def test_erase_does_not_hide_an_edit(gate, ctl, store):
    gate.block(3)
    records = gate.records()
    rewrite(store, [changed(records[0], b"STRANGER0", b"STRANGER9")]
            + records[1:])
    out = ctl("user", "erase", "alice", "--yes", code=4)
    assert "were edited by somebody" in out
    assert store.cmd("EXISTS", "compliance:user:alice") == 1


def test_erase_loses_no_record_that_is_appended_meanwhile(gate, ctl, store,
                                                          person):
    gate.block(5, user=person, device="CSTRANGER")
    # a long stream takes its time to be copied
    lane = [t for _, t in gate.records()]
    assert len(lane) == 5
    for i in range(3000):
        store.cmd("XADD", "compliance:audit:gw2", "*", "r",
                  json.dumps({"user": person, "n": i}))
    stop, written = threading.Event(), []

    def append():
        writer = Redis.__new__(Redis)
        writer.socket, writer.connection = store.socket, None
        n = 0
        while not stop.is_set():
            writer.cmd("XADD", STREAM, "*", "r", f"appended {n}")
            n += 1
            time.sleep(0.002)
        written.append(n)
        writer.close()

    thread = threading.Thread(target=append)
    thread.start()
    try:
        wait_until("it appends", lambda: store.cmd("XLEN", STREAM) > 10)
        ctl.run("user", "erase", person, "--yes")
        # and the gateway itself
        gate.block(3, device="MEANWHILE")
        ctl.run("user", "erase", person, "--yes")
    finally:
        stop.set()
        thread.join()
    texts = [t.decode() for _, t in gate.records()]
    appended = [t for t in texts if t.startswith("appended ")]
    assert appended == [f"appended {i}" for i in range(written[0])]
    assert sum('"erased"' in t for t in texts) == 5
    assert sum("MEANWHILE" in t for t in texts) == 3
    assert person not in "".join(t for t in texts)
    found = ctl.findings("--node", "gw1")
    assert all("is no audit record" in f or "and" in f for f in found), found
    assert store.cmd("KEYS", "compliance:erase:*") == []


def test_a_killed_erase_is_run_again(gate, ctl, store, person):
    gate.block(4, user=person, device="CSTRANGER")
    store.cmd("XADD", "compliance:erase:gw1", "*", "r", f"half of {person}")
    ctl("user", "erase", person, "--yes")
    assert person not in everything(store)
    assert store.cmd("EXISTS", "compliance:erase:gw1") == 0
    ctl("audit", "verify")
    ctl("user", "erase", person, "--yes")
    ctl("audit", "verify")


# undo


def values(redis):
    out = {}
    for key in redis.cmd("KEYS", "*"):
        if key in (ADMIN.encode(), b"compliance:undo", b"compliance:meta"):
            continue
        kind = redis.cmd("TYPE", key)
        if kind == b"hash":
            flat = redis.cmd("HGETALL", key)
            out[key] = dict(zip(flat[::2], flat[1::2]))
        elif kind == b"set":
            out[key] = set(redis.cmd("SMEMBERS", key))
        else:
            out[key] = redis.cmd("GET", key)
    return out


CHANGES = [
    ("group", "set", "ring", "mode=report", "message=Hello"),
    ("group", "mode", "pilot", "off"),
    ("user", "set", "alice", "groups=sales,pilot", "locale=de"),
    ("user", "set", "newcomer", "groups=sales", "alias=new@example.com"),
    ("user", "alias", "bob", "bobby"),
    ("device", "set", "GOODPHONE", "state=noncompliant", "risk=high",
     "override=block"),
    ("device", "set", "GOODPHONE", "override=none"),
    ("device", "set", "FRESH", "state=compliant", "owner=bob",
     "alias.serial=S1"),
    ("device", "alias", "BOBPHONE", "login", "BOBS"),
    ("device", "delete", "BOBPHONE"),
    ("user", "delete", "carol"),
    ("settings", "set", "audit_days=10"),
]


def test_undo_takes_back_one_change_after_the_other(ctl, store):
    states = []
    for change in CHANGES:
        states.append((values(store), change))
        ctl(*change)
    listed = ctl.json("undo", "--list")
    assert [e["command"] for e in listed] == [
        " ".join(c) for c in reversed(CHANGES)]
    assert {e["who"] for e in listed} == {"tester"}
    for state, change in reversed(states):
        now = values(store)
        dry = ctl("undo", "--dry-run")
        assert "would take back" in dry and " ".join(change) in dry
        assert values(store) == now
        out = ctl("undo")
        assert f'took back "{" ".join(change)}"' in out
        assert values(store) == state, change
    assert "nothing to take back" in ctl("undo", code=1)
    # the way back is audited, too
    assert f"{2 * len(CHANGES)} records in 1 lane: whole" \
        in ctl("audit", "verify")
    last = ctl("audit", "tail", "-n", "1", "--node", "@admin")
    assert "(group set ring mode=report message=Hello)" in last


def test_undo_refuses_where_something_later_would_be_lost(ctl, store):
    ctl("device", "set", "GOODPHONE", "risk=high")
    # an import, say, which keeps no entry
    store.cmd("HSET", "compliance:device:GOODPHONE", "risk", "medium")
    before = everything(store)
    out = ctl("undo", code=4)
    assert '"risk" of "device:GOODPHONE" is now "medium"' in out
    assert everything(store) == before
    ctl("undo", "--force")
    assert store.cmd("HGET", "compliance:device:GOODPHONE", "risk") is None


def test_undo_of_an_earlier_change_by_its_id(ctl, store):
    ctl("group", "mode", "pilot", "off")
    ctl("user", "set", "bob", "locale=de")
    ctl("group", "set", "sales", "message=one")
    ctl("group", "set", "sales", "message=two")
    by_command = {e["command"]: e["id"] for e in ctl.json("undo", "--list")}
    ctl("undo", by_command["group mode pilot off"])
    assert store.cmd("HGET", "compliance:group:pilot", "mode") == b"report"
    assert store.cmd("HGET", "compliance:user:bob", "locale") == b"de"
    out = ctl("undo", by_command["group set sales message=one"], code=4)
    assert 'is now "two"' in out
    assert "no change" in ctl("undo", "0123456789abcdef", code=1)
    assert len(ctl.json("undo", "--list")) == 3


def test_two_undo_at_once_take_back_one_change_each(ctl, store):
    ctl("user", "set", "bob", "locale=de")
    ctl("user", "set", "bob", "locale=fr")
    ctl("user", "set", "bob", "locale=it")
    jobs = [subprocess.Popen(
        [CTL, "--redis", f"unix:{store.socket}", "undo"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        stdin=subprocess.DEVNULL) for _ in range(2)]
    codes = []
    for job in jobs:
        job.communicate(timeout=60)
        codes.append(job.returncode)
    left = len(ctl.json("undo", "--list"))
    assert left == 3 - codes.count(0)
    assert store.cmd("HGET", "compliance:user:bob", "locale") == {
        2: b"fr", 1: b"de"}[left]


def test_undo_of_a_policy_says_that_devices_are_to_be_judged_again(ctl,
                                                                   store):
    entry = {"id": "00000000000000aa", "time": 1, "who": "tester",
             "command": "policy apply x",
             "writes": [{"op": "set", "key": "policy:x", "old": None,
                         "new": "{}"}]}
    store.cmd("SET", "compliance:policy:x", "{}")
    store.cmd("LPUSH", "compliance:undo", json.dumps(entry))
    done = ctl.run("undo")
    assert done.returncode == 0
    assert "compliancectl policy apply" in done.stderr
    assert store.cmd("EXISTS", "compliance:policy:x") == 0


def test_what_is_no_undo_log_is_said(ctl, store):
    for text in ("{}", "[]", "nonsense", '{"id":"a","writes":[{"op":"x"}]}',
                 '{"id":"a","writes":[{"op":"x","key":"user:bob"}]}',
                 '{"id":"a","writes":[{"op":"hset","key":"user:bob",'
                 '"field":"locale","old":[],"new":null}]}'):
        store.cmd("DEL", "compliance:undo")
        store.cmd("LPUSH", "compliance:undo", text)
        assert "undo log holds" in ctl("undo", code=5)


# The auditor's rights


@pytest.fixture
def guarded(tmp_path):
    text = (ROOT / "deploy/redis/users.acl").read_text()
    text = re.sub(r"@\w+_SHA256@", hashlib.sha256(b"word").hexdigest(), text)
    text = text.replace("user default off", "user default on nopass ~* &* "
                        "+@all")
    conf = tmp_path / "users.conf"
    conf.write_text(text)
    server = Redis(tmp_path / "guarded", extra=["--include", conf])
    server.seed()
    yield server
    server.stop()


def test_only_the_auditor_may_trim_and_erase(guarded, secret, tmp_path):
    password = tmp_path / "password"
    password.write_text("word\n")
    ctl = Ctl(guarded, secret)

    def as_user(name):
        return ["--redis-user", name, "--password-file", str(password)]

    everyday, auditor = as_user("compliancectl"), as_user("auditor")
    ctl("user", "set", CANARY, "groups=sales", "alias=can@example.com",
        *everyday)
    ctl("device", "set", "CPHONE", f"owner={CANARY}", "state=compliant",
        *everyday)
    guarded.cmd("XADD", STREAM, "1000-0", "r", "old")
    for command in (["undo", "--list"], ["undo", "--dry-run"],
                    ["audit", "tail"], ["audit", "search", CANARY],
                    ["audit", "export"], ["audit", "anchor"],
                    ["settings", "set", "audit_days=30"],
                    ["settings", "show"], ["audit", "trim", "--dry-run"],
                    ["user", "erase", CANARY, "--dry-run"]):
        done = ctl.run(*command, *everyday)
        assert "NOPERM" not in done.stderr, (command, done.stderr)
    assert "NOPERM" in ctl("audit", "trim", *everyday, code=3)
    assert "NOPERM" in ctl("user", "erase", CANARY, "--yes", *everyday,
                           code=3)
    ctl.run("audit", "trim", *auditor)
    assert guarded.cmd("EXISTS", STREAM) == 0 or \
        guarded.cmd("XLEN", STREAM) == 0
    ctl("user", "erase", CANARY, "--yes", *auditor)
    assert CANARY not in everything(guarded)
    # undo, in full, is an administrator's
    ctl("user", "set", "bob", "locale=de", *everyday)
    ctl("undo", *everyday)

    user = Redis.__new__(Redis)
    user.socket, user.connection = guarded.socket, None
    user.cmd("AUTH", "compliancectl", "word")
    for command in (("XTRIM", STREAM, "MAXLEN", "0"), ("DEL", STREAM),
                    ("XADD", STREAM, "*", "r", "x"),
                    ("RENAME", ADMIN, "compliance:undo"), ("DEL", ADMIN),
                    ("SET", ADMIN, "x"), ("XDEL", ADMIN, "1-1")):
        with pytest.raises(RedisError, match="NOPERM"):
            user.cmd(*command)
    user.close()
