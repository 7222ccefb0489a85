"""Allowed accesses are counted in the store, by user, device and client; what
the audit records is not counted as well."""

import signal
import time

import pytest

from harness import basic, free_port, request, wait_until

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
    redis.seed()
    site = Site(gateway, redis, backend, interval="2s")
    for i in range(50):
        site.eas(agent=f"Agent/{i}")
    wait_until("counts arrive", lambda: total(redis, "alice") == 50)
    found = counts(redis, "alice")
    assert len(found) == 33
    assert found["eas|compliant|credential|k|eas|owner|GOODPHONE|127.0.0.1|"
                 "||"] == 18


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
    ("compliance_seen_days 0;", "from 1 to 3650"),
])
def test_a_bad_setting_is_named(gateway, redis, text, said):
    status, out = gateway.check(
        main=f"compliance_redis unix:{redis.socket};\n{text}\n", http=" ")
    assert status != 0 and said in out
