"""What the gateway tells a monitoring system: exact counts, over all workers,
reloads and killed workers; the format, by promtool; and what a real Prometheus
makes of it and of the alert rules and the dashboard in deploy/."""

import concurrent.futures
import json
import os
import re
import shutil
import signal
import subprocess
import time
import urllib.parse

import pytest

from harness import (ROOT, Process, basic, connectable, free_port, request,
                     wait_until)

EAS = "/Microsoft-Server-ActiveSync"
ALERTS = ROOT / "deploy/prometheus/alerts.yml"
DASHBOARD = ROOT / "deploy/grafana/compliance.json"

MAIN = "compliance_redis unix:%s; compliance_node test;"

HTTP = """
server {
    listen 127.0.0.1:%(port)d;
    location /Microsoft-Server-ActiveSync {
        compliance on;
        compliance_protocol eas;
        proxy_pass http://127.0.0.1:%(backend)d;
    }
    location /ews/ {
        compliance on;
        compliance_protocol ews;
        compliance_device $http_x_device;
        proxy_pass http://127.0.0.1:%(backend)d;
    }
    location = /metrics { compliance_metrics; }
    location = /status { compliance_status; }
    location = /closed { compliance_metrics; deny all; }
}
"""


class Site:
    def __init__(self, gateway, redis, backend):
        self.gateway, self.redis, self.backend = gateway, redis, backend
        self.port = free_port()

    def start(self, workers=1, main=""):
        self.gateway.start(
            main=MAIN % self.redis.socket + main, workers=workers,
            http=HTTP % dict(port=self.port, backend=self.backend.port))
        self.connected(workers)
        return self

    def connected(self, workers):
        def up():
            values = self.values("compliance_redis_connected")
            return len(values) == workers and all(
                v == 1 for v in values.values())
        wait_until(f"{workers} workers are connected", up, 20)

    def text(self):
        reply = request(self.port, "GET", "/metrics")
        assert reply.status == 200
        return reply.body.decode()

    def values(self, name):
        """Label text -> value of every sample of that name."""
        return {m[1] or "": float(m[2]) for m in re.finditer(
            rf"^{name}(?:{{(.*)}})? (\S+)$", self.text(), re.M)}

    def one(self, name, **labels):
        wanted = [f'{k}="{v}"' for k, v in labels.items()]
        return sum(v for text, v in self.values(name).items()
                   if all(w in text.split(",") for w in wanted))

    def eas(self, device, user="alice"):
        return request(
            self.port, "POST", f"{EAS}?Cmd=Sync&User={user}&DeviceId={device}"
            "&DeviceType=Phone", {"Authorization": basic(user),
                                  "MS-ASProtocolVersion": "14.1"}, b"x").status

    def burst(self, count, clients=8):
        with concurrent.futures.ThreadPoolExecutor(clients) as pool:
            done = list(pool.map(lambda _: self.eas("GOODPHONE"),
                                 range(count)))
        assert done == [200] * count


@pytest.fixture
def site(gateway, redis, backend):
    redis.seed()
    return Site(gateway, redis, backend)


def compliant(site):
    return site.one("compliance_decisions_total", verdict="allow",
                    reason="compliant", protocol="eas", mode="enforced")


# The counts


@pytest.mark.smoke
def test_every_verdict_has_its_count(site):
    site.start()
    site.eas("GOODPHONE")
    site.eas("GOODPHONE")
    site.eas("BADPHONE")
    site.eas("CAROLPHONE", "carol")
    site.eas("ANYPHONE", "breakglass")
    site.eas("NOSUCH*PHONE")
    request(site.port, "GET", "/ews/x", {"Authorization": basic("alice")})

    values = site.values("compliance_decisions_total")
    label = 'verdict="%s",reason="%s",protocol="%s",mode="%s"'
    assert values.pop(label % ("allow", "compliant", "eas", "enforced")) == 2
    assert values.pop(label % ("block", "device_noncompliant", "eas",
                               "enforced")) == 1
    assert values.pop(label % ("allow", "device_noncompliant", "eas",
                               "would_block")) == 1
    assert values.pop(label % ("allow", "break_glass", "eas",
                               "enforced")) == 1
    assert values.pop(label % ("bad_request", "identity_malformed", "eas",
                               "enforced")) == 1
    assert values.pop(label % ("block", "device_unknown", "ews",
                               "enforced")) == 1
    assert not values

    assert site.one("compliance_group_decisions_total", group="sales",
                    verdict="allow", mode="enforced") == 2
    assert site.one("compliance_group_decisions_total", group="sales",
                    verdict="block") == 2
    assert site.one("compliance_group_decisions_total", group="pilot",
                    mode="would_block") == 1
    assert site.one("compliance_break_glass_total") == 1
    # a malformed id is refused without asking
    assert site.one("compliance_lookups_total") == 6
    assert site.one("compliance_lookup_seconds_count") == 6
    assert site.one("compliance_lookup_seconds_sum") > 0
    wait_until("the audit is sent", lambda: site.one(
        "compliance_audit_sent_total") == len(site.redis.audit()) > 0)
    assert site.one("compliance_audit_queue") == 0
    for name in ("cache_hits", "sessions_cut", "invalidations",
                 "audit_dropped"):
        assert site.values(f"compliance_{name}_total") == {"": 0}
    assert site.values("compliance_invalidation_connected") == {}

    # nobody's name, device or credential
    assert not re.search("alice|carol|PHONE|secret", site.text())


def test_exact_over_workers_reloads_and_a_killed_worker(site):
    site.start(workers=2)
    site.burst(400)
    assert compliant(site) == 400

    old = site.gateway.workers()
    site.gateway.reload()
    wait_until("new workers", lambda: not set(old)
               & set(site.gateway.workers()), 20)
    site.connected(2)
    assert compliant(site) == 400
    site.burst(200)
    assert compliant(site) == 600

    site.gateway.allowed.append("exited on signal 9")
    killed = site.gateway.workers()[0]
    os.kill(killed, signal.SIGKILL)
    wait_until("another worker", lambda: len(site.gateway.workers()) == 2
               and killed not in site.gateway.workers(), 20)
    site.connected(2)
    assert compliant(site) == 600
    site.burst(200)
    assert compliant(site) == 800
    assert site.one("compliance_group_decisions_total", group="sales",
                    verdict="allow") == 800
    assert site.one("compliance_lookup_seconds_count") == 800


def test_redis_that_is_down(site):
    site.start()
    assert site.eas("GOODPHONE") == 200
    site.redis.stop(signal.SIGKILL)
    wait_until("the loss is noticed", lambda: site.one(
        "compliance_redis_connected") == 0)
    for _ in range(3):
        assert site.eas("GOODPHONE") == 503
    assert site.one("compliance_decisions_total", verdict="tempfail",
                    reason="store_unavailable", protocol="eas") == 3
    failures = site.values("compliance_temporary_failures_total")
    assert failures.pop('cause="unavailable"') == 3
    assert set(failures.values()) == {0}
    assert site.one("compliance_redis_errors_total", **{"class":
                    "unavailable"}) >= 1
    assert site.one("compliance_redis_reconnects_total") == 0

    site.redis.start()
    site.redis.seed()
    wait_until("redis is back", lambda: site.one(
        "compliance_redis_connected") == 1, 20)
    assert site.one("compliance_redis_reconnects_total") == 1
    assert site.eas("GOODPHONE") == 200


def test_a_reply_that_is_an_error_has_its_class(site):
    site.start()
    site.redis.cmd("DEL", "compliance:device:GOODPHONE")
    site.redis.cmd("SET", "compliance:device:GOODPHONE", "x")
    assert site.eas("GOODPHONE") == 503
    assert site.one("compliance_redis_errors_total",
                    **{"class": "WRONGTYPE"}) == 1
    assert site.one("compliance_temporary_failures_total",
                    cause="reply") == 1


def test_a_reply_that_is_late_is_a_timeout(gateway, redis, backend):
    redis.seed()
    site = Site(gateway, redis, backend)
    gateway.start(
        main=f"compliance_redis unix:{redis.socket} timeout=300ms;",
        http=HTTP % dict(port=site.port, backend=backend.port))
    site.connected(1)
    redis.process.signal(signal.SIGSTOP)
    try:
        assert site.eas("GOODPHONE") == 503
    finally:
        redis.process.signal(signal.SIGCONT)
    assert site.one("compliance_temporary_failures_total",
                    cause="timeout") == 1
    assert site.one("compliance_redis_errors_total",
                    **{"class": "timeout"}) == 1
    slow = site.values("compliance_lookup_seconds_bucket")
    assert slow['le="0.250000"'] == 0 and slow['le="+Inf"'] == 1


def test_audit_records_that_do_not_fit_are_counted(site):
    site.start(main="compliance_audit_queue 2;")
    site.redis.stop(signal.SIGKILL)
    wait_until("the loss is noticed", lambda: site.one(
        "compliance_redis_connected") == 0)
    for _ in range(5):
        site.eas("BADPHONE")
    assert site.one("compliance_audit_queue") == 2
    assert site.one("compliance_audit_dropped_total") == 3


def test_more_groups_than_rows_share_the_row_other(site):
    """130 groups come and go; the table keeps 128 names."""
    site.redis.group("default", unknown_user="allow")
    site.start()
    for n in range(130):
        site.redis.cmd("DEL", f"compliance:group:g{n - 1}")
        site.redis.cmd("SREM", "compliance:groups", f"g{n - 1}")
        site.redis.group(f"g{n}", mode="enforce")
        site.redis.user("alice", groups=f"g{n}")
        site.eas("GOODPHONE")
    values = site.values("compliance_group_decisions_total")
    assert sum(values.values()) == 130
    assert site.one("compliance_group_decisions_total", group="other") == 2
    assert len(values) == 129


# The two handlers


def test_status_is_json(site):
    site.start(workers=2)
    site.eas("GOODPHONE")
    site.eas("BADPHONE")
    site.eas("CAROLPHONE", "carol")
    reply = request(site.port, "GET", "/status")
    assert reply.header("content-type") == "application/json"
    assert reply.header("cache-control") == "no-store"
    status = json.loads(reply.body)
    assert status["node"] == "test"
    assert status["decisions"] == {"allow": 2, "block": 1, "bad_request": 0,
                                   "tempfail": 0, "would_block": 1}
    assert sorted(w["pid"] for w in status["workers"]) == sorted(
        site.gateway.workers())
    assert all(w["redis_connected"] for w in status["workers"])
    assert abs(status["since"] - time.time()) < 60


def test_methods_and_access(site):
    site.start()
    for path, kind in (("/metrics", "text/plain; version=0.0.4; "
                        "charset=utf-8"), ("/status", "application/json")):
        reply = request(site.port, "HEAD", path)
        assert (reply.status, reply.body) == (200, b"")
        assert reply.header("content-type") == kind
        assert reply.header("cache-control") == "no-store"
        for method in ("POST", "PUT", "DELETE", "OPTIONS"):
            assert request(site.port, method, path, body=b"").status == 405
    assert request(site.port, "GET", "/closed").status == 403


@pytest.mark.parametrize("main, location, message", [
    ("", "compliance_metrics;", 'no "compliance_redis"'),
    ("", "compliance_status;", 'no "compliance_redis"'),
    (MAIN % "/x", "compliance_metrics; compliance_metrics;", "is duplicate"),
    (MAIN % "/x", "compliance_status; compliance_status;", "is duplicate"),
    (MAIN % "/x", "compliance_status; compliance_metrics;",
     "shares its location with another content handler"),
    (MAIN % "/x", "proxy_pass http://127.0.0.1:1; compliance_metrics;",
     "shares its location with another content handler"),
    (MAIN % "/x", "compliance_metrics; proxy_pass http://127.0.0.1:1;",
     "another content handler in location"),
    (MAIN % "/x", "compliance on; compliance_protocol web; "
     "compliance_metrics;", 'set "compliance off" there'),
    (MAIN % "/x", "compliance_metrics on;", "invalid number of arguments"),
])
def test_what_cannot_work_is_refused_at_nginx_t(gateway, main, location,
                                                message):
    status, output = gateway.check(main=main, http=f"""
server {{ listen 127.0.0.1:{free_port()}; location = /m {{ {location} }} }}
""")
    assert status != 0 and message in output, output


# Prometheus


def exported():
    """Every name that the gateway may export, from its own tables."""
    text = (ROOT / "ngx_compliance_module/runtime/"
            "ngx_compliance_metrics_text.c").read_text()
    bare = re.findall(r'\{?\s*"([a-z_]+)", "[A-Z1]', text)
    assert len(bare) > 20
    names = {f"compliance_{name}" for name in bare}
    return names | {f"{name}_{part}" for name in names
                    if name.endswith("_seconds")
                    for part in ("bucket", "sum", "count")}


def queries(path):
    """(where, expression) of each query of the dashboard or the rules."""
    if path.suffix == ".json":
        dashboard = json.loads(path.read_text())
        for panel in dashboard["panels"]:
            for target in panel["targets"]:
                yield panel["title"], target["expr"]
        for variable in dashboard["templating"]["list"]:
            if variable["type"] == "query":
                yield variable["name"], variable["query"]["query"]
    else:
        yield path.name, path.read_text()


def metric_names(expression):
    return set(re.findall(r"\bcompliance_[a-z_]+\b", expression))


def promtool(*args, **kwargs):
    run = subprocess.run(["promtool", *map(str, args)], capture_output=True,
                         text=True, timeout=60, **kwargs)
    return run.returncode, run.stdout + run.stderr


def test_promtool_finds_the_format_right(site):
    site.start()
    status, output = promtool("check", "metrics", input=site.text())
    assert (status, output) == (0, "")
    for device in ("GOODPHONE", "BADPHONE"):
        site.eas(device)
    site.eas("CAROLPHONE", "carol")
    text = site.text()
    assert 'verdict="block"' in text
    status, output = promtool("check", "metrics", input=text)
    assert (status, output) == (0, "")

    # every sample stands under its own TYPE, and every name in our list
    known = None
    for line in text.splitlines():
        if line.startswith("# TYPE "):
            known = line.split()[2]
        elif not line.startswith("#"):
            name = re.match(r"[a-z_]+", line)[0]
            assert re.sub("_(bucket|sum|count)$", "", name) == known
            assert name in exported()
    # histograms are cumulative and end in their count
    for name in ("lookup", "revocation"):
        buckets = re.findall(rf"^compliance_{name}_seconds_bucket{{.*}} (\d+)",
                             text, re.M)
        counts = list(map(int, buckets))
        assert counts == sorted(counts) and len(counts) == 15
        assert f"compliance_{name}_seconds_count {counts[-1]}\n" in text


@pytest.mark.parametrize("path", [ALERTS, DASHBOARD], ids=lambda p: p.name)
def test_queries_name_only_what_is_exported(path):
    found = set()
    for where, expression in queries(path):
        names = metric_names(expression)
        assert names <= exported(), where
        assert names, where
        found |= names
    # a dashboard that shows next to nothing is no dashboard
    assert len(found) >= (5 if path == ALERTS else 18)


def test_alert_rules_do_what_they_say(tmp_path):
    status, output = promtool("check", "rules", ALERTS)
    assert status == 0 and "7 rules found" in output
    status, output = promtool("test", "rules",
                              ALERTS.with_name("alerts.test.yml"))
    assert status == 0, output

    # the tests of the rules can fail
    for before, after in (("[2m])) > 0.1", "[2m])) > 100"),
                          ("for: 30s", "for: 30m")):
        assert before in ALERTS.read_text()
        (tmp_path / "alerts.yml").write_text(
            ALERTS.read_text().replace(before, after))
        shutil.copy(ALERTS.with_name("alerts.test.yml"), tmp_path)
        status, output = promtool("test", "rules", tmp_path /
                                  "alerts.test.yml")
        assert status != 0, before


class Prometheus:
    def __init__(self, directory, target):
        directory.mkdir()
        self.port = free_port()
        shutil.copy(ALERTS, directory)
        text = (ALERTS.with_name("prometheus.yml")).read_text()
        for before, after in (("gateway.example.com:9145",
                               f"127.0.0.1:{target}"), ("15s", "1s")):
            assert before in text
            text = text.replace(before, after)
        (directory / "prometheus.yml").write_text(text)
        self.process = Process(
            ["prometheus", f"--config.file={directory}/prometheus.yml",
             f"--storage.tsdb.path={directory}/data",
             f"--web.listen-address=127.0.0.1:{self.port}"],
            directory / "log")
        wait_until("prometheus listens",
                   lambda: connectable(("127.0.0.1", self.port)), 30)

    def get(self, path, **arguments):
        reply = request(self.port, "GET", f"/api/v1/{path}?"
                        + urllib.parse.urlencode(arguments))
        answer = json.loads(reply.body) if reply.status in (200, 400) else {}
        return answer.get("data") if answer.get("status") == "success" else None

    def query(self, expression):
        data = self.get("query", query=expression)
        return None if data is None else {
            tuple(sorted(r["metric"].items())): float(r["value"][1])
            for r in data["result"]}


def test_a_real_prometheus_reads_it(site, tmp_path):
    site.start(workers=2)
    site.burst(20)
    site.eas("BADPHONE")
    prometheus = Prometheus(tmp_path / "prometheus", site.port)
    try:
        def scraped():
            return prometheus.query(
                'sum(compliance_decisions_total{verdict="allow"})') == {
                    (): 20.0}
        wait_until("the counts are in", scraped, 30)
        assert list(prometheus.query('compliance_decisions_total{verdict='
                                     '"block"}').values()) == [1.0]
        assert list(prometheus.query(
            "sum(compliance_redis_connected)").values()) == [2.0]
        assert list(prometheus.query(
            "compliance_lookup_seconds_count").values()) == [21.0]

        # what the dashboard asks is understood
        for where, expression in queries(DASHBOARD):
            if not expression.startswith("label_values"):
                expression = (expression.replace("$__rate_interval", "1m")
                              .replace("$instance", ".*"))
                assert prometheus.query(expression) is not None, where

        rules = [r["name"] for g in prometheus.get("rules")["groups"]
                 for r in g["rules"]]
        assert len(rules) == 7

        def alerts():
            return {a["labels"]["alertname"]
                    for a in prometheus.get("alerts")["alerts"]}

        # an emergency that Prometheus sees happen
        site.eas("ANYPHONE", "breakglass")
        wait_until("the emergency is alerted", lambda:
                   "ComplianceBreakGlassUsed" in alerts(), 30, 0.2)
        site.redis.stop(signal.SIGKILL)
        wait_until("Redis' loss is alerted", lambda:
                   "ComplianceRedisUnreachable" in alerts(), 30, 0.2)
        assert "ComplianceAuditDropped" not in alerts()
    finally:
        prometheus.process.stop()
