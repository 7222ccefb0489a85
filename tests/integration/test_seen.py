"""Allowed accesses are counted in the store, by user, device and client; what
the audit records is not counted as well."""

import hashlib
import json
import re
import signal
import time

import pytest

from harness import ROOT, basic, free_port, request, wait_until

EAS = "/Microsoft-Server-ActiveSync"

HTTP = """
server {
    listen 127.0.0.1:@port@;
    set_real_ip_from 127.0.0.1;
    location /Microsoft-Server-ActiveSync {
        compliance on;
        compliance_protocol eas;
        proxy_pass http://127.0.0.1:@backend@;
    }
    location /mail/ {
        compliance on;
        compliance_protocol web;
        proxy_pass http://127.0.0.1:@backend@;
    }
}
"""


class Site:
    def __init__(self, gateway, redis, backend, main="", workers=1,
                 interval="200ms", socket=None):
        self.gateway, self.redis, self.port = gateway, redis, free_port()
        self.backend = backend
        gateway.start(
            workers=workers, main=f"compliance_redis "
            f"{socket or 'unix:' + redis.socket}; compliance_node test;"
            f"compliance_seen_interval {interval};\n" + main,
            http=HTTP.replace("@port@", str(self.port))
                     .replace("@backend@", str(backend.port)))

    def eas(self, device="GOODPHONE", user="alice", kind="iPhone", agent=None,
            cmd="Sync"):
        headers = {"Authorization": basic(user),
                   "MS-ASProtocolVersion": "14.1"}
        if agent:
            headers["User-Agent"] = agent
        path = f"{EAS}?Cmd={cmd}&User={user}&DeviceId={device}" \
               f"&DeviceType={kind}"
        return request(self.port, "POST", path, headers, body=b"")


def day():
    return time.strftime("%Y%m%d", time.gmtime())


def counts(redis, user, when=None):
    flat = redis.cmd("HGETALL", f"compliance:seen:{when or day()}:{user}")
    return {flat[i].decode(): int(flat[i + 1])
            for i in range(0, len(flat), 2)}


def total(redis, user):
    return sum(counts(redis, user).values())


def test_an_allowed_access_is_counted_by_what_it_was(gateway, redis, backend):
    redis.seed()
    site = Site(gateway, redis, backend)
    for _ in range(5):
        assert site.eas(agent="Apple-iPhone14C2/2102.80").status == 200
    assert site.eas(device="GRACEPHONE").status == 200
    wait_until("counts arrive", lambda: total(redis, "alice") == 6)
    assert counts(redis, "alice") == {
        "eas|compliant|credential|k|eas|owner|GOODPHONE|127.0.0.1|iPhone|"
        "Apple-iPhone14C2/2102.80|": 5,
        "eas|in_grace|credential|k|eas|owner|GRACEPHONE|127.0.0.1|iPhone||": 1,
    }
    assert redis.cmd("SMEMBERS", f"compliance:index:seen:{day()}") == [
        b"alice"]
    for key in (f"seen:{day()}:alice", f"index:seen:{day()}"):
        assert 29 * 86400 < redis.cmd("TTL", f"compliance:{key}") <= 31 * 86400


def test_what_the_audit_records_is_not_counted_as_well(gateway, redis,
                                                       backend):
    redis.seed()
    site = Site(gateway, redis, backend)
    site.eas(device="BADPHONE")                           # blocked
    site.eas(device="CAROLPHONE", user="carol")           # would be
    site.eas(device="NEW1", user="breakglass")
    site.eas()
    wait_until("counts arrive", lambda: total(redis, "alice") == 1)
    wait_until("records arrive", lambda: len(redis.audit()) == 3)
    assert counts(redis, "carol") == counts(redis, "breakglass") == {}


def test_no_credential_is_counted(gateway, redis, backend):
    redis.seed()
    site = Site(gateway, redis, backend)
    headers = {"Authorization": basic("alice", "CANARY-password"),
               "Cookie": "session=CANARY-cookie"}
    request(site.port, "POST", f"{EAS}?Cmd=Sync&User=alice&DeviceId=GOODPHONE"
            "&DeviceType=iPhone", headers, body=b"")
    wait_until("counts arrive", lambda: total(redis, "alice") == 1)
    for key in redis.cmd("KEYS", "*seen*"):
        kind = redis.cmd("TYPE", key)
        value = redis.cmd("HGETALL" if kind == b"hash" else "SMEMBERS", key)
        assert b"CANARY" not in key + b"".join(value)


def test_a_client_that_calls_itself_ever_anew_is_counted_without_that(
        gateway, redis, backend):
    """A day's bound, not one of a delivery."""
    redis.seed()
    site = Site(gateway, redis, backend, interval="50ms")
    for i in range(100):
        assert site.eas(agent=f"Agent/{i}").status == 200
    wait_until("counts arrive", lambda: total(redis, "alice") == 100)
    found = counts(redis, "alice")
    assert len(found) == 65
    assert found["eas|compliant|credential|k|eas|owner|GOODPHONE|127.0.0.1|"
                 "||"] == 36


def test_devices_made_up_by_a_client_end_as_other(gateway, redis, backend):
    redis.seed()
    redis.group("free", mode="enforce", unknown_device="allow",
                min_binding="asserted")
    redis.user("dave", groups="free")
    site = Site(gateway, redis, backend, interval="50ms")
    for i in range(300):
        assert site.eas(device=f"MADEUP{i}", user="dave").status == 200
    wait_until("counts arrive", lambda: total(redis, "dave") == 300)
    found = counts(redis, "dave")
    assert len(found) == 193
    assert found["other"] == 108


def test_a_browser_that_proves_nothing_is_counted_under_nobody(
        gateway, redis, backend):
    redis.group("default", mode="off")
    site = Site(gateway, redis, backend)
    assert request(site.port, "GET", "/mail/").status == 200
    wait_until("counts arrive", lambda: total(redis, "-") == 1)
    assert list(counts(redis, "-")) == [
        "web|not_in_scope|owner||none|none||127.0.0.1|||"]


def test_counts_outlive_an_outage_of_the_store(gateway, redis, backend):
    redis.seed()
    site = Site(gateway, redis, backend, interval="1s")
    site.eas()
    redis.process.signal(signal.SIGSTOP)
    time.sleep(2.5)
    redis.process.signal(signal.SIGCONT)
    wait_until("counts arrive", lambda: total(redis, "alice") >= 1, timeout=20)


def test_counts_outlive_a_store_that_is_killed(gateway, redis, backend):
    redis.seed()
    site = Site(gateway, redis, backend, interval="1500ms")
    for i in range(20):
        assert site.eas(agent=f"Agent/{i}").status == 200
    redis.stop(signal.SIGKILL)
    assert site.eas().status == 503
    time.sleep(2)
    redis.start()
    wait_until("counts arrive", lambda: total(redis, "alice") >= 20,
               timeout=20)
    assert len(counts(redis, "alice")) == 20


def test_one_key_that_refuses_stops_no_other(gateway, redis, backend):
    redis.seed()
    redis.cmd("SET", f"compliance:seen:{day()}:alice", "of another type")
    site = Site(gateway, redis, backend)
    for i in range(10):
        site.eas(agent=f"Agent/{i}")
    site.eas("BOBPHONE", "bob")
    wait_until("bob's counts arrive", lambda: total(redis, "bob") == 1)
    redis.cmd("DEL", f"compliance:seen:{day()}:alice")
    wait_until("and alice's", lambda: total(redis, "alice") == 10)


def test_the_shipped_redis_user_may_count_and_try(gateway, redis, backend,
                                                  tmp_path):
    redis.seed()
    candidate = {"id": "c1", "groups": {"sales": {"deny_protocols": "eas"}}}
    redis.cmd("SET", "compliance:candidate", json.dumps(candidate))
    shipped = (ROOT / "deploy/redis/users.acl").read_text()
    line = re.search(r"^user gateway (.*)$", shipped, re.M).group(1)
    digest = hashlib.sha256(b"c4nary").hexdigest()
    redis.cmd("ACL", "SETUSER", "gateway", *line.replace(
        "@GATEWAY_PASSWORD_SHA256@", digest).split())
    password = tmp_path / "password"
    password.write_text("c4nary\n")
    password.chmod(0o600)
    site = Site(gateway, redis, backend, socket=f"unix:{redis.socket} "
                f"user=gateway password_file={password}")
    assert site.eas().status == 200
    wait_until("counts arrive", lambda: total(redis, "alice") == 1)
    redis.cmd("HSET", "compliance:meta", "candidate", "c1")
    assert site.eas().status == 200
    wait_until("a record arrives", lambda: len(redis.audit()) == 1)
    assert json.loads(redis.audit()[0])["candidate"] == \
        "c1:block:protocol_denied"
    assert 0 < redis.cmd("TTL", f"compliance:index:seen:{day()}")
    assert "NOPERM" not in gateway.log()


def test_a_full_table_is_logged_and_stops_nobody(gateway, redis, backend):
    redis.seed()
    site = Site(gateway, redis, backend, interval="4s",
                main="compliance_seen_table 16;")
    for i in range(30):
        assert site.eas(agent=f"Agent/{i}").status == 200
    assert gateway.log().count("table of allowed accesses is full") == 1
    wait_until("counts arrive", lambda: total(redis, "alice") == 16)
    # delivered: there is room again
    assert site.eas("BOBPHONE", "bob").status == 200
    wait_until("bob's count arrives", lambda: total(redis, "bob") == 1)


def test_counts_of_a_worker_that_leaves_are_delivered(gateway, redis,
                                                      backend):
    redis.seed()
    site = Site(gateway, redis, backend, interval="1h", workers=2)
    for _ in range(8):
        assert site.eas().status == 200
    assert counts(redis, "alice") == {}
    gateway.reload()
    wait_until("counts arrive", lambda: total(redis, "alice") == 8)


def test_nothing_is_counted_where_the_interval_is_zero(gateway, redis,
                                                       backend):
    redis.seed()
    site = Site(gateway, redis, backend, interval="0")
    site.eas()
    site.eas(device="BADPHONE")
    wait_until("a record arrives", lambda: len(redis.audit()) == 1)
    assert redis.cmd("KEYS", "*seen*") == []


def test_counts_go_on_while_they_are_delivered(gateway, redis, backend):
    redis.seed()
    site = Site(gateway, redis, backend, interval="20ms", workers=2)
    for i in range(300):
        site.eas(agent=f"Agent/{i % 20}")
    wait_until("counts arrive", lambda: total(redis, "alice") == 300)


@pytest.mark.parametrize("text, said", [
    ("compliance_seen_interval 2h;", "at most 1h"),
    ("compliance_seen_interval soon;", 'invalid time "soon"'),
    ("compliance_seen_interval 1s; compliance_seen_interval 1s;", "duplicate"),
    ("compliance_seen_table 2;", "from 16 to 131072"),
    ("compliance_seen_days 0;", "from 1 to 3650"),
])
def test_a_bad_setting_is_named(gateway, redis, text, said):
    status, out = gateway.check(
        main=f"compliance_redis unix:{redis.socket};\n{text}\n", http=" ")
    assert status != 0 and said in out
