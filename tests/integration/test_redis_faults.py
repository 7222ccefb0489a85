"""Whatever the store does, an access that is not known to be allowed is a
temporary failure, quickly, and the gateway recovers by itself."""

import contextlib
import hashlib
import json
import os
import pathlib
import re
import signal
import socket
import struct
import subprocess
import threading
import time

import pytest

from fake_redis import CLOSE, FakeRedis, array
from harness import (CTL, ROOT, Process, Redis, RedisError, basic, free_port,
                     raw, request, wait_until)

PASSWORD = "c4nary-redis-password"
EAS = "/Microsoft-Server-ActiveSync?Cmd=FolderSync&User={}&DeviceId={}&DeviceType=x"


# Long enough for a busy machine, short enough to be told from a second.
TIMEOUTS = "connect_timeout=200ms timeout=200ms"


class Gate:
    """EAS and IMAP behind a gateway that asks the Redis at `store`."""

    def __init__(self, gateway, backend, store, redis="", main="",
                 timeouts=TIMEOUTS, **kwargs):
        self.gateway = gateway
        self.asked = 0
        self.port, self.imap_port = free_port(), free_port()
        gateway.start(
            main=f"compliance_redis {store} {redis} {timeouts};\n{main}",
            http=f"""
    server {{
        listen 127.0.0.1:{self.port};
        location /Microsoft-Server-ActiveSync {{
            compliance on;
            compliance_protocol eas;
            proxy_pass http://127.0.0.1:{backend.port};
        }}
        location /open {{ return 200 "open"; }}
    }}""",
            mail=f"""
    server {{
        listen 127.0.0.1:{self.imap_port};
        protocol imap;
        compliance on;
        compliance_upstream 127.0.0.1:1;
    }}""", **kwargs)

    def eas(self, device="GOODPHONE", user="alice"):
        return request(self.port, "POST", EAS.format(user, device),
                       {"Authorization": basic(user),
                        "MS-ASProtocolVersion": "14.1"}, b"")

    def imap(self):
        return raw(self.imap_port, b'a LOGIN "alice#GOODPHONE" "x"\r\n')

    def allowed(self, **kwargs):
        return self.eas(**kwargs).body == b"backend"

    def fails(self, within=1.0, **kwargs):
        """The request was a temporary failure, told in time."""
        begin = time.monotonic()
        reply = self.eas(**kwargs)
        took = time.monotonic() - begin
        assert reply.status == 503, (reply.status, reply.body)
        assert reply.header("Retry-After")
        assert took < within, took
        return True

    def recovers(self, within=5.0):
        def both():
            # another device each time: repeated blocks of one are held back
            self.asked += 1
            stranger = self.eas(f"STRANGER{self.asked}")
            assert stranger.body != b"backend"
            return blocked(stranger) and self.allowed()

        wait_until("the gateway recovers", both, within)


def blocked(reply):
    return reply.status == 200 and b"129" in reply.body


@pytest.fixture
def store(redis):
    redis.seed()
    return redis


@pytest.fixture
def fake(tmp_path):
    server = FakeRedis(tmp_path / "fake")
    yield server
    server.stop()


def unix(redis):
    return f"unix:{redis.socket}"


# A real Redis


def test_redis_killed_and_back(gateway, backend, store):
    gate = Gate(gateway, backend, unix(store))
    gate.recovers()
    store.stop(signal.SIGKILL)
    gate.fails()
    gate.fails(device="BADPHONE")
    assert b"a NO [UNAVAILABLE]" in gate.imap()
    reached = len(backend.requests)
    gate.fails()
    assert len(backend.requests) == reached
    assert request(gate.port, "GET", "/open").status == 200
    store.start()
    store.seed()
    gate.recovers()


def test_redis_down_at_start(gateway, backend, store):
    store.stop()
    gate = Gate(gateway, backend, unix(store))
    gate.fails()
    assert b"a NO [UNAVAILABLE]" in gate.imap()
    store.start()
    store.seed()
    gate.recovers()


def test_a_frozen_redis_is_given_up_in_time(gateway, backend, store):
    gate = Gate(gateway, backend, unix(store), timeouts="timeout=50ms")
    gate.recovers()
    store.process.signal(signal.SIGSTOP)
    gate.fails(within=0.5)
    gate.fails(within=0.5)
    store.process.signal(signal.SIGCONT)
    gate.recovers()


def test_a_frozen_redis_over_tcp(gateway, backend, tmp_path):
    redis = Redis(tmp_path / "tcp", tcp=True)
    try:
        redis.seed()
        gate = Gate(gateway, backend, f"127.0.0.1:{redis.port}")
        gate.recovers()
        redis.process.signal(signal.SIGSTOP)
        gate.fails(within=0.5)
        redis.process.signal(signal.SIGCONT)
        gate.recovers()
    finally:
        redis.stop()


def test_a_late_reply_never_answers_the_next_question(gateway, backend,
                                                      tmp_path):
    redis = Redis(tmp_path / "slow", extra=["--enable-debug-command", "yes"])
    try:
        redis.seed()
        gate = Gate(gateway, backend, unix(redis), timeouts="timeout=50ms")
        gate.recovers()
        wrong = []
        end = time.monotonic() + 3

        def ask(device, good):
            while time.monotonic() < end:
                reply = gate.eas(device)
                if reply.status == 503:
                    continue
                if good != (reply.body == b"backend") or \
                        not good and not blocked(reply):
                    wrong.append((device, reply.status, reply.body))

        threads = [threading.Thread(target=ask, args=args) for args in
                   (("GOODPHONE", True), ("BADPHONE", False),
                    ("NOPHONE", False), ("GOODPHONE", True))]
        for thread in threads:
            thread.start()
        while time.monotonic() < end - 0.5:
            redis.cmd("DEBUG", "SLEEP", "0.12")
            time.sleep(0.15)
        for thread in threads:
            thread.join()
        assert not wrong
        assert "timed out" in gateway.log()
        gate.recovers()
    finally:
        redis.stop()


def test_a_cut_connection_is_made_anew(gateway, backend, store):
    gate = Gate(gateway, backend, unix(store))
    for _ in range(3):
        gate.recovers()
        store.cmd("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
    gate.recovers()


def test_break_glass_works_through_an_outage(gateway, backend, store):
    gate = Gate(gateway, backend, unix(store))
    gate.recovers()
    store.stop(signal.SIGKILL)
    gate.fails()
    assert gate.allowed(user="breakglass", device="ANYPHONE")
    gate.fails(user="carol", device="CAROLPHONE")


def test_a_toggle_by_hand_acts_on_the_next_request(gateway, backend, store):
    gate = Gate(gateway, backend, unix(store))
    gate.recovers()
    for i in range(5):
        store.group("sales", mode="report")
        assert gate.allowed(device=f"NOPHONE{i}")
        store.group("sales", mode="enforce")
        assert blocked(gate.eas(f"NOPHONE{i}"))
        store.group(f"fresh{i}", mode="enforce")
        store.user("carol", groups=f"fresh{i}")
        assert blocked(gate.eas(f"NOPHONE{i}", "carol"))
        store.user("carol", groups="pilot")
        store.cmd("SREM", "compliance:groups", f"fresh{i}")
        store.cmd("DEL", f"compliance:group:fresh{i}")
        assert gate.allowed(device=f"NOPHONE{i}", user="carol")


def test_a_group_that_cannot_be_read_fails_every_access(gateway, backend,
                                                        store):
    gate = Gate(gateway, backend, unix(store))
    gate.recovers()
    store.cmd("SADD", "compliance:groups", "odd")
    store.cmd("SET", "compliance:group:odd", "not a hash")
    gate.fails()
    assert "WRONGTYPE" in gateway.log()
    store.cmd("DEL", "compliance:group:odd")
    gate.recovers()


def test_a_store_that_lost_its_data_is_not_a_fresh_one(gateway, backend,
                                                       store):
    store.cmd("HSET", "compliance:meta", "schema", "1")
    gate = Gate(gateway, backend, unix(store))
    assert blocked(gate.eas("BADPHONE"))
    store.cmd("FLUSHALL")
    gate.fails(device="BADPHONE")
    assert "the store has lost its data" in gateway.log()
    gateway.reload()
    wait_until("new workers", lambda: gateway.log().count(
        "exited with code 0") >= 1)
    gate.fails(device="BADPHONE")
    store.cmd("HSET", "compliance:meta", "schema", "1")
    store.seed()
    assert gate.allowed()
    assert blocked(gate.eas("BADPHONE2"))


def test_another_schema_fails_every_access(gateway, backend, store):
    gate = Gate(gateway, backend, unix(store))
    store.cmd("HSET", "compliance:meta", "schema", "2")
    gate.fails()
    assert 'schema is "2"' in gateway.log()
    store.cmd("HSET", "compliance:meta", "schema", "1")
    gate.recovers()


def test_an_unreadable_setting_is_the_strictest_and_logged_once(
        gateway, backend, store):
    gate = Gate(gateway, backend, unix(store))
    store.group("pilot", mode="enforcing")
    for i in range(5):
        assert blocked(gate.eas(f"NOPHONE{i}", "carol"))
    assert gateway.log().count('group "pilot" has') == 1


def test_a_client_that_leaves_during_its_lookup(gateway, backend, store):
    gate = Gate(gateway, backend, unix(store), timeouts="timeout=500ms")
    gate.recovers()
    store.process.signal(signal.SIGSTOP)
    head = (f"POST {EAS.format('alice', 'GOODPHONE')} HTTP/1.1\r\n"
            f"Host: x\r\nAuthorization: {basic('alice')}\r\n"
            "Content-Length: 0\r\n\r\n").encode()
    for _ in range(50):
        with socket.create_connection(("127.0.0.1", gate.port)) as s:
            s.sendall(head)
            s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                         struct.pack("ii", 1, 0))
    time.sleep(0.1)
    store.process.signal(signal.SIGCONT)
    gate.recovers()


# Passwords and rights


def acl(directory):
    """deploy/redis/users.acl with PASSWORD for every user."""
    text = (ROOT / "deploy/redis/users.acl").read_text()
    digest = hashlib.sha256(PASSWORD.encode()).hexdigest()
    text = re.sub(r"@\w+_SHA256@", digest, text)
    # the test itself seeds and reads as the default user, by a password
    text = text.replace("user default off", f"user default on >{PASSWORD} "
                        "~* &* +@all")
    path = pathlib.Path(directory) / "redis.conf"
    path.write_text(text)
    return path


@pytest.fixture
def guarded(tmp_path):
    """A Redis with the deployed users, seeded as its default user."""
    directory = tmp_path / "guarded"
    directory.mkdir()

    class Guarded(Redis):
        def start(self):
            # redis-server takes its configuration file first
            self.process = Process(
                ["redis-server", acl(directory), "--port", "0",
                 "--unixsocket", self.socket, "--unixsocketperm", "777",
                 "--save", "", "--dir", directory], directory / "redis.log")
            wait_until("redis answers", self._ready)

        def cmd(self, *args):
            if self.connection is None:
                super().cmd("AUTH", "default", PASSWORD)
            return super().cmd(*args)

    server = Guarded(directory)
    server.seed()
    yield server
    server.stop()


def password_file(gateway, text=PASSWORD):
    gateway.directory.mkdir(parents=True, exist_ok=True)
    path = gateway.directory / "redis.password"
    path.write_text(text + "\nwhat else stands in it\n")
    path.chmod(0o600)
    return path


def test_the_deployed_gateway_user_has_every_right_it_needs(
        gateway, backend, guarded):
    path = password_file(gateway)
    gate = Gate(gateway, backend, unix(guarded),
                f"user=gateway password_file={path} db=0")
    gate.recovers()
    assert blocked(gate.eas("BADPHONE"))
    assert gate.allowed(user="breakglass", device="ANY")
    wait_until("the audit is written", lambda: len(guarded.audit()) >= 3)
    for line in ("refused", "NOPERM", "WRONGPASS", PASSWORD):
        assert line not in gateway.log()


def test_the_deployed_gateway_user_has_no_other_right(guarded):
    def refused(*args):
        with pytest.raises(RedisError, match="NOPERM"):
            guarded.cmd(*args)

    key = "compliance:device:GOODPHONE"
    guarded.cmd("AUTH", "gateway", PASSWORD)
    for command in (("HSET", key, "state", "compliant"), ("DEL", key),
                    ("KEYS", "*"), ("SCAN", "0"), ("FLUSHALL",),
                    ("CONFIG", "GET", "*"), ("EVAL", "return 1", "0"),
                    ("SADD", "compliance:index:break_glass:1", "alice"),
                    ("XRANGE", "compliance:audit:x", "-", "+"),
                    ("XTRIM", "compliance:audit:x", "MAXLEN", "0"),
                    ("XADD", key, "*", "a", "b"), ("GET", "other"),
                    ("SUBSCRIBE", "x"), ("PUBLISH", "x", "y"),
                    ("SHUTDOWN",), ("ACL", "WHOAMI"), ("CLIENT", "LIST")):
        refused(*command)
    guarded.close()


def test_the_deployed_admin_user_runs_every_command(gateway, guarded):
    path = password_file(gateway)

    def ctl(*args):
        run = subprocess.run(
            [CTL, *args], capture_output=True, text=True, timeout=20,
            stdin=subprocess.DEVNULL,
            env={**os.environ, "COMPLIANCE_REDIS": unix(guarded)})
        assert run.returncode == 0, (args, run.stdout, run.stderr)
        return run.stdout

    who = ["--redis", unix(guarded), "--redis-user", "compliancectl",
           "--password-file", str(path)]
    for command in (
            ["group", "set", "ring", "mode=report"], ["group", "list"],
            ["group", "mode", "ring", "enforce", "--force"],
            ["group", "get", "ring"],
            ["user", "set", "dave", "groups=ring"], ["user", "list"],
            ["user", "alias", "dave", "dave@example.com"],
            ["user", "get", "dave"],
            ["device", "set", "DAVEPHONE", "state=compliant", "owner=dave"],
            ["device", "alias", "DAVEPHONE", "serial", "123"],
            ["device", "list", "state=compliant"],
            ["device", "get", "DAVEPHONE"],
            ["explain", "--user", "dave", "--device", "DAVEPHONE",
             "--protocol", "eas"],
            ["audit", "tail"],
            ["device", "unalias", "DAVEPHONE", "serial", "123"],
            ["device", "delete", "DAVEPHONE"],
            ["user", "unalias", "dave", "dave@example.com"],
            ["user", "delete", "dave"], ["group", "delete", "ring"]):
        ctl(*command, *who)


def test_a_wrong_password_is_said_without_the_password(gateway, backend,
                                                       guarded):
    path = password_file(gateway, PASSWORD + "-wrong")
    gate = Gate(gateway, backend, unix(guarded),
                f"user=gateway password_file={path}", level="debug")
    gate.fails()
    gate.fails()
    assert 'refused AUTH: "WRONGPASS' in gateway.log()
    assert PASSWORD not in gateway.log()
    path.write_text(PASSWORD)
    gateway.reload()
    gate.recovers()
    assert PASSWORD not in gateway.log()


def test_no_password_where_one_is_wanted(gateway, backend, guarded):
    gate = Gate(gateway, backend, unix(guarded))
    gate.fails()
    assert 'refused PING: "NOAUTH' in gateway.log()


def test_a_database_that_is_not_there(gateway, backend, store):
    gate = Gate(gateway, backend, unix(store), "db=500")
    gate.fails()
    assert "refused SELECT" in gateway.log()


def test_another_database(gateway, backend, store):
    store.cmd("SELECT", "3")
    store.seed()
    store.cmd("DEL", "compliance:device:BADPHONE")
    store.device("BADPHONE", state="compliant", owner="alice")
    store.close()
    gate = Gate(gateway, backend, unix(store), "db=3")
    wait_until("it answers", gate.allowed, 5)
    assert gate.allowed(device="BADPHONE")


# A Redis that lies


ERRORS = ["LOADING Redis is loading the dataset in memory",
          "MOVED 3999 127.0.0.1:6381", "ASK 3999 127.0.0.1:6381",
          "READONLY You can't write against a read only replica.",
          "NOAUTH Authentication required.", "MASTERDOWN Link with MASTER",
          "OOM command not allowed when used memory > 'maxmemory'.",
          "WRONGTYPE Operation against a key holding the wrong kind of value",
          "NOPERM this user has no permissions", "ERR", "", "\x1b[31m\"x"]


@pytest.mark.parametrize("command", ["HMGET", "GET", "SMEMBERS", "HGETALL"])
def test_an_error_is_not_a_nil(gateway, backend, fake, command):
    gate = Gate(gateway, backend, unix(fake))
    gate.recovers()
    for error in ERRORS:
        fake.spoil = lambda c, e=error: (f"-{e}\r\n".encode()
                                         if c[0] == command else None)
        gate.fails()
        gate.fails(device="BADPHONE")
    assert b"a NO [UNAVAILABLE]" in gate.imap()
    before = len(fake.commands)
    time.sleep(0.3)
    assert len(fake.commands) - before < 20, "a hot loop"
    fake.spoil = None
    gate.recovers()
    assert "\x1b" not in gateway.log()


VALUES = array(["compliant", "alice"] + [None] * 6)

# name: (reply to a device's HMGET, may the gateway keep waiting for more?)
LIES = {
    "too long": b"$2000000\r\n" + b"x" * 2000000 + b"\r\n",
    "length of a terabyte": b"$1000000000000\r\n",
    "a billion elements": b"*1000000000\r\n",
    "nested too deep": b"*1\r\n" * 40 + b":1\r\n",
    "nested": b"*8\r\n" + b"*1\r\n$9\r\ncompliant\r\n" * 8,
    "no CRLF after a string": VALUES.replace(b"compliant\r\n", b"compliantXX"),
    "only LF": b"+OK\n",
    "NUL in a line": b"+O\0K\r\n",
    "not a reply": b"HTTP/1.1 200 OK\r\n\r\n",
    "RESP3": b"%1\r\n+state\r\n+compliant\r\n",
    "a push": b">2\r\n+invalidate\r\n*0\r\n",
    "a number": b":1\r\n",
    "a status": b"+compliant\r\n",
    "nil": b"*-1\r\n",
    "an empty array": b"*0\r\n",
    "too few values": array(["compliant", "alice"]),
    "too many values": array(["compliant", "alice"] + [None] * 7),
    "numbers as values": b"*8\r\n" + b":1\r\n" * 8,
    "closes": CLOSE,
    "half, then nothing": VALUES[:20],
    "half a line": b"*8",
    "nothing": b"",
    "an extra reply in front": VALUES + VALUES,
}


@pytest.mark.parametrize("lie", LIES.values(), ids=LIES.keys())
def test_a_malformed_reply_fails_closed(gateway, backend, fake, lie):
    gate = Gate(gateway, backend, unix(fake))
    gate.recovers()
    fake.spoil = lambda c: lie if c[0] == "HMGET" and "device" in c[1] else None
    for device in ("BADPHONE", "GOODPHONE", "NOPHONE"):
        gate.fails(device=device)
    fake.spoil = None
    gate.recovers()


def test_values_are_compared_whole(gateway, backend, fake):
    gate = Gate(gateway, backend, unix(fake))
    gate.recovers()
    for i, state in enumerate((b"compliant\0", b" compliant", b"COMPLIANT",
                               b"compliant\r\n", b"yes", b"",
                               b"compliant\0noncompliant")):
        fake.hashes[f"device:ODD{i}"] = {"state": state, "owner": "alice"}
        assert blocked(gate.eas(f"ODD{i}")), state


def test_a_reply_that_nobody_asked_for_ends_the_connection(gateway, backend,
                                                           fake):
    fake.greeting = b"+OK\r\n"
    gate = Gate(gateway, backend, unix(fake))
    for device in ("GOODPHONE", "BADPHONE"):
        for _ in range(5):
            assert gate.eas(device).status == 503
    fake.greeting = b""
    gate.recovers()


def test_an_extra_reply_never_answers_the_next_question(gateway, backend,
                                                        fake):
    gate = Gate(gateway, backend, unix(fake))
    gate.recovers()

    # behind the last reply of a round trip: it would answer the next one
    fake.spoil = lambda c: (fake.answer(c) + VALUES
                            if c[0] == "GET" and "alias:user" in c[1]
                            else None)
    for i in range(20):
        assert not gate.allowed(device=f"NOPHONE{i}")
        time.sleep(0.02)
    fake.spoil = None
    gate.recovers()


def test_pipelined_replies_may_come_in_any_pieces(gateway, backend, fake):
    fake.piece = 1
    gate = Gate(gateway, backend, unix(fake),
                timeouts="connect_timeout=2s timeout=2s")
    for fake.piece in (1, 2, 3, 7):
        gate.recovers()
        assert gate.allowed()


# The audit


def test_what_failed_while_redis_was_away_is_audited_when_it_is_back(
        gateway, backend, store):
    gate = Gate(gateway, backend, unix(store))
    gate.recovers()
    store.stop(signal.SIGKILL)
    for _ in range(7):
        gate.fails()
    store.start()
    store.seed()
    gate.recovers()

    def failed():
        return [r for r in map(json.loads, store.audit())
                if r.get("verdict") == "tempfail"]

    wait_until("the records arrive", lambda: len(failed()) >= 7)


def test_a_full_queue_is_counted_and_leaves_a_gap_record(gateway, backend,
                                                         store):
    gate = Gate(gateway, backend, unix(store),
                main="compliance_audit_queue 5;")
    gate.recovers()
    wait_until("the queue is empty", lambda: len(store.audit()) >= 1)
    store.stop(signal.SIGKILL)
    for _ in range(20):
        gate.fails()
    assert "audit queue is full" in gateway.log()
    store.start()
    store.seed()
    gate.recovers()
    wait_until("a gap record", lambda: any(
        json.loads(r).get("dropped", 0) >= 15 for r in store.audit()))

    lanes = {}
    for record in map(json.loads, store.audit()):
        lane = lanes.setdefault(record["lane"], record)
        if record is not lane:
            assert record["prev"] == lane["hash"]
            assert record["seq"] == lane["seq"] + 1
        lanes[record["lane"]] = record


def test_the_audit_never_holds_up_mail(gateway, backend, fake):
    gate = Gate(gateway, backend, unix(fake))
    gate.recovers()
    fake.spoil = lambda c: b"" if c[0] == "XADD" else None
    for _ in range(10):
        begin = time.monotonic()
        assert gate.allowed(user="breakglass", device="ANY")
        assert time.monotonic() - begin < 1


# Reload, killed workers


def load(gate, seconds, action, period):
    """What clients saw while action() was done again and again."""
    seen, end = [], time.monotonic() + seconds

    def ask():
        while time.monotonic() < end:
            try:
                seen.append(gate.eas().status)
            except OSError as error:
                seen.append(repr(error))

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    while time.monotonic() < end - period:
        time.sleep(period)
        action()
    for thread in threads:
        thread.join()
    return seen


def test_reload_under_load_loses_no_lookup_and_leaves_no_worker(
        gateway, backend, store):
    gate = Gate(gateway, backend, unix(store), workers=2,
                timeouts="connect_timeout=2s timeout=2s")
    gate.recovers()
    old = set(gateway.workers())
    seen = load(gate, 4, gateway.reload, 0.4)
    assert set(seen) == {200}, {s: seen.count(s) for s in set(seen)}
    wait_until("old workers leave", lambda: len(gateway.workers()) == 2, 10)
    assert not old & set(gateway.workers())
    wait_until("their connections go", lambda: store.cmd(
        "CLIENT", "LIST").count(b"\n") <= 2 * 2 + 1)
    assert "open socket" not in gateway.log()


def test_workers_killed_under_load(gateway, backend, store):
    gateway.allowed.append("exited on signal 9")
    gate = Gate(gateway, backend, unix(store), workers=2)
    gate.recovers()

    def kill():
        with contextlib.suppress(IndexError, ProcessLookupError):
            os.kill(gateway.workers()[0], signal.SIGKILL)

    seen = load(gate, 3, kill, 0.3)
    assert seen.count(200) > len(seen) / 2
    gate.recovers()
    gateway.reload()
    gate.recovers()


def test_repeated_blocks_of_one_device_are_delayed(gateway, backend, store):
    gate = Gate(gateway, backend, unix(store), workers=2)
    wait_until("it answers", gate.allowed, 5)
    took = []
    for _ in range(3):
        begin = time.monotonic()
        assert blocked(gate.eas("BADPHONE"))
        took.append(time.monotonic() - begin)
    assert took[0] < 0.5 and took[1] > 0.9 and took[2] > 1.9, took
    # another one is not
    begin = time.monotonic()
    assert blocked(gate.eas("NOPHONE"))
    assert time.monotonic() - begin < 0.5


# How much is said


def test_a_long_outage_is_logged_seldom(gateway, backend, store):
    gate = Gate(gateway, backend, unix(store))
    gate.recovers()
    store.stop(signal.SIGKILL)
    before = gateway.log().count("[error]")
    end = time.monotonic() + 3
    while time.monotonic() < end:
        gate.fails()
    assert gateway.log().count("[error]") - before < 12
